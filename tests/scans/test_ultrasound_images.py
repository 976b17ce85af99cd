"""Ultrasound images: tinted ones are read, what shows nothing is refused, a size in mm is not made up."""

from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from radlearn.errors import UnreadableScan
from radlearn.scans.label_map_files import write_label_map
from radlearn.scans.ultrasound_images import read_ultrasound

GREY = np.random.default_rng(0).integers(0, 256, (32, 48), dtype=np.uint8)


def test_grey_is_read_as_it_is_and_a_resolution_tag_is_not_believed(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.tif", dpi=(300, 300))
    found = read_ultrasound(tmp_path / "a.tif")
    assert np.allclose(found.pixels, GREY / 255, atol=1e-6)
    assert (found.spacing_mm, found.notes) == (None, ())


def test_a_tinted_image_is_read_as_its_luminance_which_is_said(tmp_path: Path) -> None:
    tinted = np.stack([GREY, GREY, np.minimum(GREY.astype(int) + 40, 255).astype(np.uint8)], axis=-1)
    Image.fromarray(tinted).save(tmp_path / "a.png")
    found = read_ultrasound(tmp_path / "a.png")
    # Pillow's own conversion is the witness; it rounds.
    assert np.abs(255 * found.pixels - np.asarray(Image.fromarray(tinted).convert("L"), float)).max() <= 1.0
    assert "up to 40 of 255 apart; their luminance is used" in found.notes[0]


def test_what_shows_nothing_is_refused(tmp_path: Path) -> None:
    Image.fromarray(GREY * 0 + 7).save(tmp_path / "flat.png")
    with pytest.raises(UnreadableScan, match="all its pixels are alike"):
        read_ultrasound(tmp_path / "flat.png")
    Image.fromarray(GREY[:9]).save(tmp_path / "low.png")
    with pytest.raises(UnreadableScan, match=r"has 9 × 48 pixels \(rows × columns\); expected at least 16"):
        read_ultrasound(tmp_path / "low.png")


def test_dicom_has_the_spacing_of_its_header(tmp_path: Path) -> None:
    # Grey, of 16 bits, and here of ultrasound.
    said = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    said.Modality = "US"
    said.save_as(tmp_path / "a.dcm")
    assert read_ultrasound(tmp_path / "a.dcm").spacing_mm == pytest.approx([float(step) for step in said.PixelSpacing])


def outlines() -> np.ndarray:
    labels = np.zeros((48, 64), np.uint8)
    labels[8:20, 10:30], labels[30:40, 40:50] = 1, 2
    return labels


@pytest.mark.parametrize("kind", ["palette", "numbers", "black and white"])
def test_a_label_map_in_the_place_of_an_image_is_refused(kind: str, tmp_path: Path) -> None:
    if kind == "palette":
        write_label_map(tmp_path / "label.png", outlines())
    else:
        Image.fromarray(outlines() if kind == "numbers" else (outlines() > 0).astype(np.uint8) * 255).save(tmp_path / "label.png")
    with pytest.raises(UnreadableScan, match=r"label\.png: is no image but looks like a label map: flat areas of [23] values"):
        read_ultrasound(tmp_path / "label.png")


@pytest.mark.parametrize("kind", ["16 greys", "16 colours", "black border"])
def test_an_image_of_few_values_is_none(kind: str, tmp_path: Path) -> None:
    image = Image.fromarray(GREY // 16 * 16)
    if kind == "16 colours":
        image = Image.merge("RGB", [image, image, image.point(lambda value: min(value + 20, 255))]).quantize(16)
    if kind == "black border":
        image = Image.fromarray(np.pad(GREY, 100))
    image.save(tmp_path / "a.png")
    assert read_ultrasound(tmp_path / "a.png").pixels.shape == image.size[::-1]


@pytest.mark.parametrize(("mm", "is_possible"), [(9.0, True), (9.5, False)])
def test_an_image_deeper_than_any_has_no_millimetres(mm: float, is_possible: bool, tmp_path: Path) -> None:
    # 32 rows are 288 and 304 mm.
    nibabel.save(nibabel.Nifti1Image(GREY.T[:, :, None], np.diag([mm, mm, 1.0, 1.0])), tmp_path / "a.nii.gz")
    found = read_ultrasound(tmp_path / "a.nii.gz")
    assert found.spacing_mm == (pytest.approx((mm, mm)) if is_possible else None)
    assert (found.spacing_from != "") == is_possible
    assert ("it is 304 mm deep by its header" in " ".join(found.notes)) != is_possible
