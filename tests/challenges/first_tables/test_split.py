"""Folders called like the subsets of a split become the column `split`, where they make a whole one."""

from pathlib import Path

import pytest

from radlearn.challenges import covid19, rsna
from radlearn.challenges.first_tables.split import subset_called
from radlearn.challenges.first_tables.table import ct_table
from tests.challenges.first_tables.test_table import picture, volume, written


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "validation", "TESTING"), ("train", "valid", "holdout")])
@pytest.mark.parametrize("below", ["{}/{}", "data/{}/images/{}"])
def test_a_split_above_the_classes_is_kept(tmp_path: Path, names: tuple[str, ...], below: str) -> None:
    for name in names:
        for kind in ("NORMAL", "PNEUMONIA"):
            for number in range(2):
                picture(tmp_path / below.format(name, kind) / f"{name}-{number}.png")
    cases = rsna.find_cases(written(tmp_path))
    subset_of = dict(zip(names, ("train", "validation", "test"), strict=True))
    assert len(cases) == 12
    assert all(subset_of[case.path.name.partition("-")[0]] == case.split for case in cases)
    assert all(case.label == (case.path.parent.name == "PNEUMONIA") for case in cases)


def test_masks_in_folders_of_a_split(tmp_path: Path) -> None:
    for name in ("train", "val", "test"):
        volume(tmp_path / name / f"{name}_ct.nii.gz", -500)
        volume(tmp_path / name / f"{name}_seg.nii.gz")
    cases = covid19.find_cases(written(tmp_path, covid19.CHALLENGE))
    assert {case.image_id: case.split for case in cases} == {"test_ct": "test", "train_ct": "train", "val_ct": "validation"}


def test_what_is_no_whole_split_is_not_used_and_said(tmp_path: Path) -> None:
    for name in ("train", "test"):
        volume(tmp_path / name / f"{name}_ct.nii.gz")
        volume(tmp_path / name / f"{name}_seg.nii.gz")
    table = ct_table(tmp_path)
    because = "because no folder is called like validation: for a split of your own add a column split."
    assert f"The folders test, train are not used as a split, {because}" in table.assumed
    for name in ("val/v", "w"):
        volume(tmp_path / f"{name}_ct.nii.gz")
        volume(tmp_path / f"{name}_seg.nii.gz")
    table = ct_table(tmp_path)
    assert "split" not in table.columns
    assert any("because not every image lies in one of them" in line for line in table.assumed)


def test_what_is_called_like_a_subset() -> None:
    assert [subset_called(name) for name in ("TRAIN", "valid", "dev", "test", "trainer", "normal", "")] == [
        "train",
        "validation",
        "validation",
        "test",
        "",
        "",
        "",
    ]
