"""The data source is the folder that the user chose, and built-in patients only where there is none."""

import importlib.util
import re
from pathlib import Path

import pytest

from radlearn.challenges.challenge import AnyChallenge
from radlearn.challenges.covid19 import CHALLENGE as COVID
from radlearn.challenges.rsna import CHALLENGE as RSNA
from radlearn.challenges.ultrasound import CHALLENGE as ULTRASOUND
from radlearn.errors import BadLayout
from radlearn.workflow import data_source


@pytest.fixture
def no_patients_are_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of built-in patients is empty, so that tests do not wait for X-rays they do not use."""
    folder = tmp_path / "built-in"
    folder.mkdir()
    monkeypatch.setattr(data_source, "built_in_folder", lambda challenge, count, seed: folder)
    return folder


def test_the_named_folder_comes_before_the_environment_and_the_lesson(
    tmp_path: Path, small_rsna: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tmp_path / "data"
    beside.mkdir()
    (beside / "stage_2_train_labels.csv").touch()
    monkeypatch.setenv("RADLEARN_DATA", str(tmp_path))
    found = data_source.found_source(RSNA, small_rsna, [beside])
    assert found.folder == small_rsna
    assert "--data" in found.message
    found = data_source.found_source(RSNA, None, [beside])
    assert found.folder == tmp_path
    assert "RADLEARN_DATA" in found.message
    monkeypatch.delenv("RADLEARN_DATA")
    assert data_source.found_source(RSNA, None, [beside]).folder == beside


def test_a_folder_with_nothing_but_its_readme_leaves_the_built_in_patients(tmp_path: Path, no_patients_are_made: Path) -> None:
    beside = tmp_path / "data"
    beside.mkdir()
    (beside / "README.md").touch()
    found = data_source.found_source(RSNA, None, [beside])
    assert found.folder == no_patients_are_made
    assert "synthetic" in found.message
    assert f"see {beside / 'README.md'}." in found.message
    # A lesson of another package may have none, and a README that is not there helps nobody.
    found = data_source.found_source(RSNA, None, [tmp_path / "none"])
    assert found.folder == no_patients_are_made
    assert found.message.endswith(f"put them into {tmp_path / 'none'}, or name their folder with --data.")


def test_the_second_lessons_folder_is_looked_at_too(tmp_path: Path, small_rsna: Path, no_patients_are_made: Path) -> None:
    empty = tmp_path / "data"
    empty.mkdir()
    assert data_source.found_source(RSNA, None, [empty, small_rsna]).folder == small_rsna


def test_a_zip_that_was_not_extracted_is_not_replaced_by_synthetic_patients(tmp_path: Path, no_patients_are_made: Path) -> None:
    beside = tmp_path / "data"
    beside.mkdir()
    (beside / "rsna-pneumonia-detection-challenge.zip").write_bytes(b"PK")
    source = data_source.found_source(RSNA, None, [beside])
    assert source.folder == beside
    with pytest.raises(BadLayout, match=r"\.zip") as refusal:
        RSNA.find_cases(source.folder)
    assert "stage_2_train_labels.csv" in str(refusal.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match=r"nowhere \(named with --data\): there is no such folder"):
        data_source.found_source(RSNA, tmp_path / "nowhere", [tmp_path])


def test_only_the_exact_truth_marks_synthetic_data(small_rsna: Path, tmp_path: Path) -> None:
    assert not RSNA.is_synthetic(small_rsna)
    (tmp_path / "rsna").mkdir()
    (tmp_path / "rsna" / "stage_2_train_labels.csv").touch()
    assert not RSNA.is_synthetic(tmp_path)
    (tmp_path / "rsna" / "truth.csv").touch()
    assert RSNA.is_synthetic(tmp_path)


def test_built_in_patients_of_an_emptied_cache_are_made_again_and_nothing_else_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from radlearn.digital_thorax import cohort

    made = []

    def write(folder: Path, xrays: int, seed: int) -> None:
        made.append((xrays, seed))
        folder.mkdir()

    monkeypatch.setattr(cohort, "write_rsna", write)
    # A data folder chosen later must not affect where a run finds its training data.
    monkeypatch.setenv("RADLEARN_DATA", str(tmp_path))
    assert RSNA.built_in is not None
    usual = RSNA.built_in.count
    folder = data_source.built_in_folder(RSNA, usual, 0)
    code = folder.name.rsplit("-", 1)[1]
    assert not data_source.restored(RSNA, tmp_path / folder.name)
    assert not data_source.restored(RSNA, folder.with_name(f"rsna-{usual}-seed-0-00000000"))
    folder.rmdir()
    assert data_source.restored(RSNA, folder.resolve())
    assert made == [(usual, 0), (usual, 0)]
    # Named in the run folder of a stranger, these would fill the disk, or be made without anybody having asked for them.
    for count, seed in ((99_999_999, 0), (usual, 1), (usual + 1, 0), (1, 0), (-5, 0)):
        assert not data_source.restored(RSNA, folder.with_name(f"rsna-{count}-seed-{seed}-{code}").resolve())
    assert len(made) == 2


def test_what_writes_built_in_patients_knows_nothing_of_the_pictures_that_are_drawn_of_them() -> None:
    package = Path(str(importlib.util.find_spec("radlearn.digital_thorax").submodule_search_locations[0]))  # type: ignore[union-attr, index]
    seen, waiting = set[str](), ["cohort", "ct_cohort"]
    while waiting:
        seen.add(name := waiting.pop())
        text = (package / f"{name}.py").read_text()
        imported = set(re.findall(r"radlearn\.digital_thorax(?:\.| import )(\w+)", text))
        waiting += sorted(imported - seen)
    # Those that draw are left out of the digest of the code; all else that is reached is in it.
    assert len(seen) > 20
    assert not seen & data_source.DRAWS_ONLY
    assert all((package / f"{name}.py").is_file() for name in data_source.DRAWS_ONLY)


@pytest.mark.parametrize(
    ("challenge", "text", "task"),
    [
        (COVID, "path,mask\n1.png,1_mask.png\n", "ultrasound"),
        (ULTRASOUND, "path,mask\n1.nii.gz,1_seg.nii.gz\n", "segmentation"),
        (COVID, "path,label\n1.png,1\n", "classification"),
        (RSNA, "path,mask\n1.png,1_mask.png\n", "ultrasound"),
    ],
)
def test_a_table_of_another_task_is_sent_there(challenge: AnyChallenge, text: str, task: str, tmp_path: Path) -> None:
    table = tmp_path / "cases.csv"
    table.write_text(text)
    with pytest.raises(BadLayout, match=rf"another task takes: '.* {task} train --data .*cases\.csv'"):
        data_source.found_source(challenge, table, [])


def test_a_table_that_no_task_knows_is_left_to_its_reader(tmp_path: Path) -> None:
    table = tmp_path / "cases.csv"
    table.write_text("image,finding\n1.png,1\n")
    assert data_source.found_source(RSNA, table, []).folder == table


@pytest.mark.parametrize(
    ("challenge", "name", "header"),
    [
        (RSNA, "stage_2_train_labels.csv", "patientId,x,y,width,height,Target"),
        (RSNA, "stage_2_detailed_class_info.csv", "patientId,class"),
        (RSNA, "stage_2_sample_submission.csv", "patientId,PredictionString"),
        (ULTRASOUND, "train_masks.csv", "subject,img,pixels"),
        (ULTRASOUND, "sample_submission.csv", "img,pixels"),
    ],
)
def test_a_table_of_the_challenge_stands_for_no_folder(challenge: AnyChallenge, name: str, header: str, tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / name).write_text(f"{header}\n")
    with pytest.raises(BadLayout, match=rf"{name}.*is a table of the .*Give its folder: --data '{tmp_path}/a b'\.$"):
        data_source.found_source(challenge, tmp_path / "a b" / name, [])


def test_a_table_of_ones_own_may_have_any_name(tmp_path: Path) -> None:
    table = tmp_path / "stage_2_train_labels.csv"
    table.write_text("path,label\na.png,1\n")
    assert data_source.found_source(RSNA, table, []).folder == table
