"""What validation decides is kept with the run."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.rsna import Case
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.metrics.calibration import fit_recalibration
from radlearn.metrics.decisions import youden_threshold
from radlearn.tasks.classification.postprocessing import (
    ProbabilityPostprocessing,
    choose_postprocessing,
    postprocessing_at,
    say_if_it_ranks_nothing,
)
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import new_run
from radlearn.workflow.postprocessing_file import read_postprocessing


@dataclass(frozen=True)
class Settings:
    epochs: int = 1


def xray(view: str | None, label: bool, grey: int) -> PreparedRadiograph:
    return PreparedRadiograph(Case("a", Path("a.dcm"), label, (), None, "p", view), np.full((4, 4), grey, np.uint8))


def test_what_is_kept_is_what_is_read_and_the_trivial_rules_are_counted_by_hand(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run", "classification", Settings())
    with pytest.raises(BadRunFolder, match=r"has not finished\. To continue.*: radlearn classification resume"):
        read_postprocessing(run, ProbabilityPostprocessing)
    training = [xray("AP", True, 10), xray("AP", False, 200), xray("PA", False, 100), xray(None, True, 20)]
    probabilities, labels = np.array([0.9, 0.2, 0.4, 0.6]), [True, False, False, True]
    kept = choose_postprocessing(run, probabilities, training, training)
    assert kept.threshold == youden_threshold(probabilities, labels)
    assert kept.recalibration == fit_recalibration(probabilities, labels)
    found, fitted = read_postprocessing(run, ProbabilityPostprocessing)
    assert found == kept
    assert fitted["view_shares"] == {"AP": 0.5, "PA": 0.0, "all": 0.5}
    assert fitted["brightness_sign"] == -1  # the positive ones are the darker


@pytest.mark.parametrize("numbers", [(-0.1,), (float("nan"),), (0.5, float("inf")), (0.5, 0.0, float("nan"))])
def test_numbers_that_are_none_are_refused(numbers: tuple[float, ...]) -> None:
    with pytest.raises(BadSetting, match=r"expected finite numbers|must be from 0 to 1"):
        ProbabilityPostprocessing(*numbers)


@pytest.mark.parametrize("changed", [{"threshold": 5.0}, {"threshold": 1.1}, {"coverage": 0.0}, {"coverage": 1.0}, {"coverage": 2.0}])
def test_a_threshold_that_nothing_reaches_and_a_share_that_is_none_are_refused(changed: dict[str, float]) -> None:
    with pytest.raises(BadSetting, match=f"{next(iter(changed))} is {next(iter(changed.values()))}; it must be"):
        ProbabilityPostprocessing(**{"threshold": 0.5, **changed})
    # Just above 1 it is never yes, which may be chosen.
    assert ProbabilityPostprocessing(float(np.nextafter(1.0, 2.0))).possible(1.0) == "not known"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threshold", 1.5), ("threshold", -0.2), ("slope", 1e300), ("slope", -1e5), ("intercept", 1e9), ("opacity_possible_from", 2.0),
        ("opacity_possible_from", -0.1), ("none_possible_up_to", -3.0), ("none_possible_up_to", 1.5), ("coverage", 7.0),
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_is_refused_in_a_file_without_a_digest_too(tmp_path: Path, name: str, value: float) -> None:
    run = new_run(tmp_path / "run", "classification", Settings())
    content = {"task": "classification", "postprocessing": {"threshold": 0.5, name: value}}
    (run.folder / "postprocessing.json").write_text(json.dumps(content))
    with pytest.raises(BadRunFolder, match=rf"postprocessing\.json: {name} is .*radlearn classification resume"):
        read_postprocessing(run, ProbabilityPostprocessing)


@pytest.mark.parametrize("cases", [4, 400, 100_000])
def test_every_fit_lies_within_the_bounds_however_sure_the_network_is_of_little(cases: int) -> None:
    labels = np.arange(cases) % 2 == 1
    for spread in (1e-6, 1e-3, 0.4999999):
        for sign in (1, -1):
            for centre in (0.5, 1e-5, 1 - 1e-5):
                probabilities = np.clip(centre + sign * spread * np.where(labels, 1, -1), 0, 1)
                made = postprocessing_at(0.5, probabilities, labels)
                assert np.isfinite([made.intercept, made.slope]).all()


@pytest.mark.parametrize(
    ("probabilities", "words"),
    [
        ([0.9, 0.8, 0.85, 0.7, 0.2, 0.1, 0.3, 0.15], "lower probabilities than those without"),
        ([0.1, 0.2, 0.15, 0.3, 0.8, 0.9, 0.7, 0.85], ""),
    ],
    ids=["in reverse", "rightly"],
)
def test_a_network_that_ranks_validation_in_reverse_is_said_to_tell_nothing(
    probabilities: list[float], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = [False] * 40 + [True] * 40
    chosen = postprocessing_at(0.5, np.repeat(probabilities, 10), labels)
    say_if_it_ranks_nothing(chosen, "Train another run.")
    said = " ".join(capsys.readouterr().err.split())
    assert words in said
    assert bool(said) == bool(words) == (chosen.slope <= 0)
    # A slope of 0 tells nothing either.
    say_if_it_ranks_nothing(replace(chosen, slope=0.0), "Train another run.")
    assert "no higher probabilities than those without" in " ".join(capsys.readouterr().err.split())
