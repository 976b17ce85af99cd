"""MONAI's readers of ultrasound images and label maps: what a program gets, and what it is told."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged
from PIL import Image

from radlearn.errors import UnreadableScan
from radlearn.monai_parts.error_chain import radlearn_error_in
from radlearn.monai_parts.ultrasound_reader import LabelMapReader, SameSized, UltrasoundReader
from radlearn.scans.label_map_files import write_label_map

READ = Compose(
    [
        LoadImaged("image", reader=UltrasoundReader()),
        LoadImaged("mask", reader=LabelMapReader(), dtype=np.uint8),
        EnsureChannelFirstd(("image", "mask")),
        SameSized(("mask", "image")),
    ]
)


def test_rows_come_first_and_the_classes_are_counted(tmp_path: Path) -> None:
    grey, labels = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30) % 256, np.zeros((20, 30), np.uint8)
    labels[2, 3:7] = 3
    Image.fromarray(grey.astype(np.uint8)).save(tmp_path / "a.png")
    write_label_map(tmp_path / "b.png", labels)
    item = READ({"image": tmp_path / "a.png", "mask": tmp_path / "b.png"})
    assert np.allclose(item["image"][0], grey / 255, atol=1e-6)
    assert np.array_equal(item["mask"][0], labels)
    assert item["mask"].meta["pixels_of_class"][:5] == [596, 0, 0, 4, 0]


def test_volume_files_of_one_slice_are_read_with_their_size_and_one_that_is_turned_is_refused(tmp_path: Path) -> None:
    grey, labels = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30), np.zeros((20, 30), np.uint8)
    labels[2, 3:7] = 3
    image, mask = SimpleITK.GetImageFromArray(grey), SimpleITK.GetImageFromArray(labels[None])
    image.SetSpacing((0.2, 0.1))
    SimpleITK.WriteImage(image, str(tmp_path / "a.nii.gz"))
    SimpleITK.WriteImage(mask, str(tmp_path / "b.mha"))
    item = READ({"image": tmp_path / "a.nii.gz", "mask": tmp_path / "b.mha"})
    assert np.allclose(item["image"][0], grey / 599, atol=1e-6)
    assert item["image"].meta["spacing_mm"] == pytest.approx([0.1, 0.2])
    assert np.array_equal(item["mask"][0], labels)
    mask.SetDirection((1, 0, 0, 0, -1, 0, 0, 0, -1))
    SimpleITK.WriteImage(mask, str(tmp_path / "b.mha"))
    with pytest.raises(RuntimeError) as raised:
        READ({"image": tmp_path / "a.nii.gz", "mask": tmp_path / "b.mha"})
    assert "b.mha: its axes lead L and A by its affine, and those of its image a.nii.gz L and P" in str(radlearn_error_in(raised.value))


def test_a_label_map_of_another_size_is_refused_by_name(tmp_path: Path) -> None:
    Image.fromarray(np.arange(600, dtype=np.uint8).reshape(20, 30)).save(tmp_path / "a.png")
    write_label_map(tmp_path / "b.png", np.zeros((30, 20), np.uint8))
    with pytest.raises(RuntimeError) as raised:
        READ({"image": tmp_path / "a.png", "mask": tmp_path / "b.png"})
    error = radlearn_error_in(raised.value)
    assert isinstance(error, UnreadableScan)
    assert "b.png: the label map has 30 × 20 pixels, and its image a.png 20 × 30" in str(error)
