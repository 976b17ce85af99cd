"""`benchmarks/scaling.py`: slopes by hand, and that every stage is measured on cases that are all different."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import scaling
from radlearn.challenges import covid19, rsna


def test_the_slope_is_the_exponent_and_short_times_do_not_count() -> None:
    assert scaling.slope_of((10, 100, 1000), (2.0, 20.0, 200.0)) == pytest.approx(1)
    assert scaling.slope_of((10, 100, 1000), (2.0, 200.0, 20_000.0)) == pytest.approx(2)
    assert scaling.slope_of((10, 100, 1000), (0.9, 2.0, 20.0)) == pytest.approx(1)
    assert scaling.slope_of((10, 100), (0.5, 5.0)) is None


def test_xrays_and_cts_are_read_by_their_challenge_and_are_all_different(tmp_path: Path) -> None:
    scaling.make_xrays(tmp_path / "xrays", 12)
    scaling.make_cts(tmp_path / "cts", 4)
    xrays, cts = rsna.CHALLENGE.find_cases(tmp_path / "xrays"), covid19.CHALLENGE.find_cases(tmp_path / "cts")
    assert (len(xrays), len(cts)) == (12, 4)
    assert [case.label for case in xrays] == [number % 3 == 0 for number in range(12)]
    assert len({case.person for case in xrays}) == 9
    for cases in (xrays, cts):
        assert len({hashlib.sha256(case.path.read_bytes()).digest() for case in cases}) == len(cases)


def test_every_stage_of_xrays_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADLEARN_CACHE", str(tmp_path / "cache"))
    scaling.make_xrays(tmp_path / "data", 24)
    scaling.measured("X-rays", 24, str(tmp_path))
    found = json.loads((tmp_path / "measured.json").read_text())
    assert set(found["seconds"]) == set(scaling.STAGES)
    assert np.all(np.array(list(found["seconds"].values())) > 0)
    assert 0.05 < found["peak_gib"] < 24
