"""A pass over files, with and without a folder to write into."""

from functools import partial
from pathlib import Path

import pytest

from radlearn.errors import BadLayout, BadSetting
from radlearn.tasks.xray.prediction import XrayPredictions, refuse_repeated_ids
from radlearn.tasks.xray.radiographs import read_unlabelled

at_32_px = partial(read_unlabelled, size_px=32, shape="stretch")


def test_two_files_of_one_name_are_refused() -> None:
    refuse_repeated_ids(["a", "b"])
    with pytest.raises(BadLayout, match="2 files are called b; a submission has one row for each id"):
        refuse_repeated_ids(["a", "b", "b"])


def test_unreadable_files_are_skipped_and_listed(small_rsna: Path, tmp_path: Path) -> None:
    source = sorted((small_rsna / "stage_2_train_images").iterdir())[:3]
    for path in source[:2]:
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "in" / source[2].name).write_bytes(source[2].read_bytes()[:2000])
    predictions = XrayPredictions([tmp_path / "in"], tmp_path / "out")
    seen = [xray for batch in predictions.batches(at_32_px, 1) for xray in batch]
    assert [xray.case.image_id for xray in seen] == [path.stem for path in source[:2]]
    predictions.rows = [(xray.case.image_id,) for xray in seen]
    predictions.write_table(["patientId"])
    assert predictions.table == tmp_path / "out" / "predictions.csv"
    assert source[2].name in (tmp_path / "out" / "unreadable.txt").read_text()
    with pytest.raises(BadSetting, match=r"predictions\.csv already exists"):
        XrayPredictions([tmp_path / "in"], tmp_path / "out")


def test_without_a_folder_nothing_can_be_written(small_rsna: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="no folder"):
        XrayPredictions([small_rsna], None).write_table(["patientId"])
    with pytest.raises(BadLayout, match="holds no DICOM file"):
        XrayPredictions([tmp_path], None)
