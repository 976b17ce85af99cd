"""Ultrasound images in DICOM: colour is read as that of a picture of the same pixels, and a cine loop is told what to do."""

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundImageStorage

from radlearn.errors import UnreadableScan
from radlearn.scans.picture_files import read_picture
from radlearn.scans.ultrasound_dicom import read_ultrasound_dicom
from radlearn.scans.ultrasound_images import read_ultrasound
from radlearn.scans.value_digests import value_digest

GREY = np.random.default_rng(0).integers(0, 256, (48, 64), dtype=np.uint8)
TINTED = np.stack([GREY, GREY, np.minimum(GREY.astype(int) + 40, 255).astype(np.uint8)], axis=-1)


def ultrasound(path: Path, pixels: np.ndarray, **more: object) -> Path:
    said = Dataset()
    said.file_meta = FileMetaDataset()
    said.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    said.SOPClassUID, said.SOPInstanceUID, said.Modality = UltrasoundImageStorage, "1.2.3", "US"
    said.SamplesPerPixel = pixels.shape[2] if pixels.ndim == 3 else 1
    said.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        said.PlanarConfiguration = 0
    said.Rows, said.Columns = pixels.shape[:2]
    said.BitsAllocated, said.BitsStored, said.HighBit, said.PixelRepresentation = 8, 8, 7, 0
    said.PixelData = pixels.tobytes()
    for name, value in more.items():
        setattr(said, name, value)
    said.save_as(path, enforce_file_format=True)
    return path


def as_picture(path: Path, channels: np.ndarray) -> Path:
    Image.fromarray(channels).save(path)
    return path


@pytest.mark.parametrize("channels", [TINTED, np.stack([GREY] * 3, axis=-1)], ids=["tinted", "grey in colour"])
def test_colour_is_read_as_a_picture_of_the_same_pixels_is(channels: np.ndarray, tmp_path: Path) -> None:
    dicom, picture = ultrasound(tmp_path / "a.dcm", channels), as_picture(tmp_path / "a.png", channels)
    found, witness = read_ultrasound(dicom), read_ultrasound(picture)
    assert np.array_equal(found.pixels, witness.pixels)
    assert found.notes == witness.notes
    # It is known again in either kind of file.
    assert value_digest(dicom) == value_digest(picture) != ""


@pytest.mark.parametrize(
    "name",
    [
        "examples_rgb_color.dcm", "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_rle.dcm", "SC_ybr_full_422_uncompressed.dcm", "SC_rgb_dcmtk_+eb+cr.dcm",
        "SC_jpeg_no_color_transform.dcm", "examples_palette.dcm",
    ],
)  # fmt: skip
def test_kinds_of_colour_are_those_that_simpleitk_sees(name: str, tmp_path: Path) -> None:
    path = get_testdata_file(name)
    theirs = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))[0]
    picture = as_picture(tmp_path / "a.png", (theirs >> 8).astype(np.uint8) if theirs.dtype == np.uint16 else theirs)
    # Bars of colour, which a reader of ultrasound refuses as no image.
    found, witness = read_ultrasound_dicom(Path(path)), read_picture(picture, colours="luminance")
    assert np.abs(found.pixels - witness.pixels).max() <= 1 / 255


def test_a_cine_loop_is_told_how_a_frame_is_taken(tmp_path: Path) -> None:
    with pytest.raises(UnreadableScan, match=r"is a cine loop of 30 frames; expected one image\. Save the frame that you want as a PNG"):
        read_ultrasound(get_testdata_file("examples_ybr_color.dcm"))
    several = ultrasound(tmp_path / "a.dcm", np.concatenate([GREY, GREY]), Rows=48, NumberOfFrames=2)
    with pytest.raises(UnreadableScan, match="is a cine loop of 2 frames"):
        read_ultrasound(several)
    # What the sentence says does it.
    frame = pydicom.pixels.pixel_array(several, index=0)
    assert read_ultrasound(as_picture(tmp_path / "a.png", frame)).pixels.shape == (48, 64)


def test_what_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = ultrasound(tmp_path / "a.dcm", TINTED)
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(UnreadableScan, match="is damaged or incomplete"):
        read_ultrasound(path)
    whole = pydicom.dcmread(get_testdata_file("SC_rgb_jpeg_dcmtk.dcm"))
    whole.Rows = 90
    whole.save_as(tmp_path / "b.dcm")
    with pytest.raises(UnreadableScan, match="its compressed image is 100 × 100"):
        read_ultrasound(tmp_path / "b.dcm")


def test_the_size_of_a_pixel_and_where_it_is_from_are_given(tmp_path: Path) -> None:
    region = Dataset()
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.RegionSpatialFormat, region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 1, 63, 47
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.01, 0.02
    for pixels in (GREY, TINTED):
        path = ultrasound(tmp_path / "a.dcm", pixels, SequenceOfUltrasoundRegions=[region], PixelSpacing=[0.5, 0.5])
        found = read_ultrasound(path)
        assert (found.spacing_mm, found.spacing_from) == (pytest.approx((0.2, 0.1)), "SequenceOfUltrasoundRegions")
        assert "and PixelSpacing 0.5 × 0.5 mm; the region's are taken" in found.notes[-1]
    captured = ultrasound(tmp_path / "a.dcm", GREY, SequenceOfUltrasoundRegions=[region], SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    assert read_ultrasound(captured).spacing_mm is None


@pytest.mark.parametrize("channels", [GREY, TINTED], ids=["grey", "colour"])
@pytest.mark.parametrize("modality", ["CT", "mr", "CR", "DX", "MG", "ES", "SEG"])
def test_another_modality_is_refused(modality: str, channels: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(UnreadableScan, match=rf"a\.dcm: Modality is {modality.upper()}; expected ultrasound \(US\)\. Leave such files out"):
        read_ultrasound(ultrasound(tmp_path / "a.dcm", channels, Modality=modality))


@pytest.mark.parametrize(("modality", "said"), [("US", ()), ("IVUS", ()), ("OT", ("OT",)), ("", ("missing",)), (None, ("missing",))])
def test_a_modality_that_says_nothing_is_noted(modality: str | None, said: tuple[str, ...], tmp_path: Path) -> None:
    found = read_ultrasound(ultrasound(tmp_path / "a.dcm", GREY, Modality=modality))
    assert found.notes == tuple(f"may be no ultrasound: Modality is {words}" for words in said)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"PixelSpacing": [0.008, 0.008]}, "its pixels are 0.008 × 0.008 mm by its header, which no image has"),
        ({"PixelSpacing": [1, 1]}, "PixelSpacing is 1 × 1 mm, as programs write that know no size"),
        ({"PresentationLUTShape": "INVERSE"}, "they contradict each other, and the image is shown inverted"),
        ({"PixelAspectRatio": [2, 1]}, "its pixels are not square"),
    ],
)
def test_what_is_doubtful_is_a_note_on_an_image_and_no_raw_warning(more: dict[str, object], words: str, tmp_path: Path) -> None:
    path = ultrasound(tmp_path / "a.dcm", GREY, **more)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_ultrasound(path)
    assert sum(words in note for note in found.notes) == 1
    assert found.spacing_mm is None
    assert not any("X-ray" in note for note in found.notes)
