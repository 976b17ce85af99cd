"""A number on the command line that nothing can be done with is refused at once, with its bounds."""

from pathlib import Path

import pytest

from radlearn.cli import main
from radlearn.number_bounds import MOST_SEED, checked_number, checked_workers

NO_NUMBERS = ("nan", "inf", "-inf", "-1")
REFUSED = [
    *((f"thorax --out OUT --seed {seed}", "--seed is") for seed in (-1, 2**63)),
    *((f"thorax --out OUT --xrays {count}", "--xrays") for count in (-1, 100_001, 10**10)),
    *((f"thorax --out OUT --cts {count}", "--cts") for count in (-1, 20_001, 10**10)),
    *((f"thorax --out OUT --xrays 4 --workers {count}", "--workers is") for count in (-2, 0, 10**10)),
    *((f"check OUT --workers {count}", "--workers is") for count in (-2, 0, 10**10)),
    *((f"demo --out OUT --share {share}", "--share is") for share in (*NO_NUMBERS, "0", "1e10")),
    *((f"demo --out OUT --seed {seed}", "--seed is") for seed in (-1, 2**64)),
    *((f"demo --out OUT --epochs {epochs}", "--epochs is") for epochs in (-1, 0, 10**10)),
    *((f"score covid19 --truth OUT --submission OUT --tolerance-mm {mm}", "--tolerance-mm is") for mm in (*NO_NUMBERS, "1e10")),
    *((f"score covid19 --truth OUT --submission OUT --smallest-ml {ml}", "--smallest-ml is") for ml in (*NO_NUMBERS, "1e10")),
    *((f"score rsna --truth OUT --submission OUT --size-px {px} 1024", "--size-px is") for px in (-1, 0, 10**10)),
    *((f"score classification --truth OUT --submission OUT --threshold {value}", "threshold is") for value in (*NO_NUMBERS, "1.5")),
]


@pytest.mark.parametrize(("line", "said"), REFUSED, ids=[line for line, _ in REFUSED])
def test_a_number_out_of_bounds_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    out = tmp_path / "out"
    assert main([str(out) if word == "OUT" else word for word in line.split()]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert said in told
    assert "Traceback" not in told
    assert not out.exists()


def test_the_bounds_themselves_are_taken() -> None:
    assert [checked_number("--seed", seed, 0, MOST_SEED) for seed in (0, MOST_SEED)] == [0, MOST_SEED]
    assert [checked_workers(count) for count in (None, 1, 1024)] == [None, 1, 1024]
