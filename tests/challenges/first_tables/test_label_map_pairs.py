"""A first table of a folder of images with label maps."""

from pathlib import Path

import pytest
import SimpleITK

from radlearn.challenges.first_tables.label_map_pairs import pair_table
from radlearn.challenges.ultrasound import CHALLENGE
from radlearn.errors import BadLayout, BadSetting


def folder_of(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def pairs_of(root: Path) -> list[tuple[str, str]]:
    return [
        (Path(str(row["path"])).relative_to(root).as_posix(), Path(str(row["mask"])).relative_to(root).as_posix())
        for row in pair_table(root).rows
    ]


def test_masks_beside_their_images(tmp_path: Path) -> None:
    root = folder_of(tmp_path, "p/a.png", "p/a_mask.png", "p/b.tif", "p/b-seg.png", "c.png")
    assert pairs_of(root) == [("p/a.png", "p/a_mask.png"), ("p/b.tif", "p/b-seg.png")]
    assert any("1 other picture without a partner is left out: c.png" in line for line in pair_table(root).assumed)


def test_two_folders_with_one_name_for_both(tmp_path: Path) -> None:
    assert pairs_of(folder_of(tmp_path, "images/1.jpg", "masks/1.png", "images/2.dcm", "masks/2_mask.png", "masks/3.png")) == [
        ("images/1.jpg", "masks/1.png"), ("images/2.dcm", "masks/2_mask.png"),
    ]  # fmt: skip


def test_nnunets_folders_and_volume_files_of_one_slice(tmp_path: Path) -> None:
    root = folder_of(tmp_path, "imagesTr/a_0000.png", "labelsTr/a.png", "imagesTr/volume_0000.nii.gz", "labelsTr/volume.nii.gz")
    for name in ("imagesTr/b_0000.nii.gz", "labelsTr/b.nii.gz"):
        SimpleITK.WriteImage(SimpleITK.Image([30, 20], SimpleITK.sitkUInt8), str(root / name))
    SimpleITK.WriteImage(SimpleITK.Image([30, 20, 4], SimpleITK.sitkUInt8), str(root / "imagesTr/ct_0000.nii.gz"))
    SimpleITK.WriteImage(SimpleITK.Image([30, 20, 4], SimpleITK.sitkUInt8), str(root / "labelsTr/ct.nii.gz"))
    assert pairs_of(root) == [("imagesTr/a_0000.png", "labelsTr/a.png"), ("imagesTr/b_0000.nii.gz", "labelsTr/b.nii.gz")]
    assert [case.image_id for case in CHALLENGE.find_images(root / "imagesTr")] == ["a_0000", "b_0000"]


def test_a_folder_without_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match="Expected an image and its mask side by side"):
        pair_table(folder_of(tmp_path, "a.png", "b.png"))


def test_the_challenge_knows_its_own_persons(tmp_path: Path) -> None:
    assert CHALLENGE.first_table is not None
    table = CHALLENGE.first_table(folder_of(tmp_path, "train/3_1.tif", "train/3_1_mask.tif"), ())
    assert (table.columns, [(row["id"], row["person"]) for row in table.rows]) == (("path", "mask", "id", "person"), [("3_1", "3")])
    with pytest.raises(BadSetting, match="--positive"):
        CHALLENGE.first_table(tmp_path, ("nerve",))
