"""The challenge as one object, from built-in images to their score."""

import subprocess
import sys
from pathlib import Path

import pytest

from radlearn.challenges.ultrasound import CHALLENGE, UltrasoundCase
from radlearn.check.rules import RULES


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ultrasound") / "data"
    assert CHALLENGE.built_in is not None
    CHALLENGE.built_in.load_writer()(folder, 20, 0)
    return folder


def test_importing_it_imports_nothing_heavy() -> None:
    heavy = "[name for name in ('torch', 'monai', 'pydicom', 'nibabel', 'scipy', 'matplotlib') if name in sys.modules]"
    code = f"import sys; import radlearn.challenges.ultrasound; print({heavy})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_built_in_images_are_read_as_the_challenges(data: Path) -> None:
    cases = CHALLENGE.find_cases(data)
    assert CHALLENGE.is_synthetic(data)
    assert len(cases) == 20
    assert all(isinstance(case, UltrasoundCase) and case.folder == data for case in cases)
    assert len({case.person for case in cases}) == 10
    assert len(CHALLENGE.find_images(data)) == 2
    table = CHALLENGE.find_cases(data / "nerve_and_vessel.csv")
    assert [case.image_id for case in table] == [case.image_id for case in cases]
    assert {case.class_names for case in table} == {("nerve", "vessel")}
    assert CHALLENGE.is_synthetic(data / "nerve_and_vessel.csv")


def test_nothing_in_built_in_images_must_be_mended(data: Path) -> None:
    assert CHALLENGE.audit is not None
    for place in (data, data / "nerve_and_vessel.csv"):
        found = {RULES[one.rule].severity for one in CHALLENGE.audit(place).findings}
        assert found <= {"note", "warning"}, CHALLENGE.audit(place).findings


def test_true_masks_score_one_and_a_submission_of_nothing_scores_the_share_of_empty_images(data: Path, tmp_path: Path) -> None:
    (scorer,) = CHALLENGE.scorers
    cases = CHALLENGE.find_cases(data)
    assert CHALLENGE.write_submission is not None
    CHALLENGE.write_submission(tmp_path / "s.csv", {case.image_id: case.mask_path for case in cases}, cases)
    scored = scorer.score(data, tmp_path / "s.csv", scorer.options())
    assert {interval.value for interval in scored.scores.values()} == {1.0}
    (tmp_path / "empty.csv").write_text("img,pixels\n" + "".join(f"{case.image_id},\n" for case in cases))
    empty = scorer.score(data, tmp_path / "empty.csv", scorer.options())
    assert empty.scores["mean_dice_score"].value == pytest.approx((scored.true_px == 0).mean())
    assert 0 < empty.scores["mean_dice_score"].value < 1


def test_test_images_are_scored_against_their_table(data: Path, tmp_path: Path) -> None:
    (scorer,) = CHALLENGE.scorers
    (tmp_path / "s.csv").write_text("img,pixels\n1,\n2,\n")
    scored = scorer.score(data / "test_masks.csv", tmp_path / "s.csv", scorer.options())
    assert scored.image_ids == ("1", "2")
    assert not set(scored.persons) & {case.person for case in CHALLENGE.find_cases(data)}
