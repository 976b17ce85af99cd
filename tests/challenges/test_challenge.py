"""What every challenge of the registry publishes, and what one must have at the least."""

import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest

from radlearn import use_cases
from radlearn.challenges.challenge import AnyChallenge, BoxScore, Challenge
from radlearn.challenges.folders import holds_exact_truth
from radlearn.challenges.rsna.score import BOX_SCORE
from radlearn.check.rules import RULES
from radlearn.metrics.boxes import FoundBoxes, no_boxes

CHALLENGES = use_cases.challenges()


@pytest.fixture(params=list(CHALLENGES))
def challenge(request: pytest.FixtureRequest) -> AnyChallenge:
    return CHALLENGES[request.param]


def test_the_challenges_are_those_of_the_use_cases_each_once() -> None:
    assert list(CHALLENGES) == ["rsna", "covid19", "ultrasound"]
    units = [("X-ray", "X-rays"), ("CT", "CTs"), ("ultrasound image", "ultrasound images")]
    assert [(one.unit, one.units) for one in CHALLENGES.values()] == units


def test_importing_the_challenges_imports_nothing_heavy() -> None:
    heavy = "[name for name in ('torch', 'monai', 'pydicom', 'nibabel', 'scipy', 'matplotlib') if name in sys.modules]"
    code = f"import sys; from radlearn import use_cases; use_cases.challenges(); print({heavy})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_what_is_not_the_layout_is_none(challenge: AnyChallenge, tmp_path: Path) -> None:
    assert challenge.layout_folder(tmp_path) is None
    assert not challenge.is_synthetic(tmp_path)


def test_the_writer_of_built_in_cases_is_found_and_its_cases_are_read(tmp_path: Path) -> None:
    challenge = CHALLENGES["rsna"]
    assert challenge.built_in is not None
    challenge.built_in.load_writer()(tmp_path / "data", 12, 0)
    assert challenge.is_synthetic(tmp_path / "data")
    cases = challenge.find_cases(tmp_path / "data")
    assert len(cases) == 12
    assert {case.folder for case in cases} == {tmp_path / "data"}
    assert challenge.audit is not None
    audited = challenge.audit(tmp_path / "data")
    assert list(audited.cases) == cases
    assert {one.rule for one in audited.findings} <= set(RULES)


def test_cts_have_a_writer_too() -> None:
    assert CHALLENGES["covid19"].built_in.load_writer().__name__ == "write_covid19"


def test_every_scorer_has_options_with_defaults_and_texts(challenge: AnyChallenge) -> None:
    assert challenge.scorers
    for scorer in challenge.scorers:
        assert is_dataclass(scorer.options)
        assert scorer.options() == scorer.options(**{field.name: getattr(scorer.options(), field.name) for field in fields(scorer.options)})
        assert all(text.endswith(".") for text in (scorer.about, scorer.truth, scorer.submission, scorer.table))


def test_a_submission_of_boxes_is_written_from_arrays(tmp_path: Path) -> None:
    challenge = CHALLENGES["rsna"]
    boxes = {"a": FoundBoxes(np.array([[1.25, 2, 11, 22]]), np.array([0.125])), "b": no_boxes()}
    challenge.write_submission(tmp_path / "out.csv", boxes, [])
    assert (tmp_path / "out.csv").read_text() == "patientId,PredictionString\na,0.125 1.25 2 9.75 20\nb,\n"


def test_the_official_score_of_boxes_is_the_mean_over_its_thresholds() -> None:
    score = BoxScore("toy_score", "Toy score", (0.5, 0.7), "a mean", "")
    # IoU 0.6: a hit at one of the two thresholds.
    found = [FoundBoxes(np.array([[0, 0, 10, 6]]), np.array([0.5])), no_boxes()]
    np.testing.assert_array_equal(score.image_scores(found, [[[0, 0, 10, 10]], []]), [0.5, np.nan])
    assert BOX_SCORE.ious_above == (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75)
    assert CHALLENGES["rsna"].box_score is BOX_SCORE
    assert CHALLENGES["covid19"].box_score is None


def test_a_challenge_needs_no_more_than_a_layout_and_its_cases(tmp_path: Path) -> None:
    toy: AnyChallenge = Challenge("toy", "Toy", "slide", "slides", lambda folder: folder / "inner", lambda folder: [], lambda folder: [])
    assert (toy.write_submission, toy.built_in, toy.box_score, toy.scorers, toy.audit) == (None, None, None, (), None)
    assert not toy.is_synthetic(tmp_path)
    # Whoever names a part of the layout names the same cases.
    (tmp_path / "truth.csv").touch()
    assert toy.is_synthetic(tmp_path)
    assert holds_exact_truth(tmp_path)
