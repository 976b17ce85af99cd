"""An image that was saved again by another library, in another encoding, type or order, is the same; another image is another."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK
from PIL import Image
from pydicom import uid
from pydicom.data import get_testdata_file

from radlearn.file_contents import BLANK, is_of_values
from radlearn.scans.nifti import read_volume
from radlearn.scans.value_digests import may_be_of_size, size_in, value_digest, volume_digest

LOSSLESS = [
    uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian, uid.RLELossless, uid.JPEG2000Lossless,
    uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless,
]  # fmt: skip
VOXELS = np.random.default_rng(0).integers(-1000, 400, (12, 10, 6)).astype(np.int16)
PLACE = np.array([[-0.7, 0, 0, 90], [0, 0.8, 0, -70], [0, 0, 2.5, 5], [0, 0, 0, 1]])


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize(("kind", "bits"), [(np.uint8, 8), (np.uint16, 12), (np.uint16, 16)])
def test_an_xray_is_the_same_in_every_lossless_encoding(
    dicom_file: Callable[..., Path], ramp: np.ndarray, syntax: str, kind: type, bits: int
) -> None:
    stored = ramp.astype(kind) << (bits - 8)
    plain, again = dicom_file(stored, bits=bits), dicom_file(stored, syntax, bits=bits, PatientID="another", WindowCenter=40, WindowWidth=3)
    assert pydicom.dcmread(again).file_meta.TransferSyntaxUID == syntax
    assert plain.read_bytes() != again.read_bytes()
    assert value_digest(plain) == value_digest(again)
    assert is_of_values(value_digest(plain))
    stored[20, 30] ^= 1
    assert value_digest(dicom_file(stored, syntax, bits=bits)) != value_digest(plain)


@pytest.mark.parametrize("name", ["JPEG2000.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"])
def test_what_pydicom_decompresses_is_the_same(tmp_path: Path, name: str) -> None:
    source = Path(get_testdata_file(name))
    dataset = pydicom.dcmread(source)
    dataset.decompress()
    dataset.PatientName = "Else^Somebody"
    dataset.save_as(tmp_path / "plain.dcm")
    assert value_digest(tmp_path / "plain.dcm") == value_digest(source) != ""


def test_a_slice_of_a_ct_is_its_hounsfield_units(dicom_file: Callable[..., Path], ramp: np.ndarray) -> None:
    signed = dicom_file(ramp.astype(np.int16) - 1000, Modality="CT", RescaleSlope=1, RescaleIntercept=0)
    shifted = dicom_file(ramp.astype(np.uint16) + np.uint16(24), Modality="CT", RescaleSlope="1.0", RescaleIntercept="-1024")
    other = dicom_file(ramp.astype(np.uint16) + np.uint16(24), Modality="CT", RescaleSlope=1, RescaleIntercept=-1000)
    assert value_digest(signed) == value_digest(shifted) != value_digest(other)


def pictures_of(values: np.ndarray) -> list[tuple[str, Image.Image, dict[str, Any]]]:
    grey = Image.fromarray(values)
    saved: list[tuple[str, Image.Image, dict[str, Any]]] = [("a.png", grey, {"compress_level": level}) for level in (1, 9)]
    saved += [("a.tif", grey, {"compression": one}) for one in (None, "tiff_lzw", "tiff_deflate")]
    if values.dtype == np.uint8:
        turned = Image.Exif()
        turned[274] = 3
        saved += [("a.bmp", grey, {}), ("colour.png", grey.convert("RGB"), {}), ("wide.png", Image.fromarray(values.astype(np.uint16)), {})]
        saved += [("turned.png", grey.rotate(180), {"exif": turned}), ("palette.png", grey.convert("P"), {})]
    return saved


@pytest.mark.parametrize("shift", [0, 4])
def test_a_picture_is_its_grey_values(tmp_path: Path, ramp: np.ndarray, dicom_file: Callable[..., Path], shift: int) -> None:
    values = ramp if not shift else ramp.astype(np.uint16) << shift
    digests = {value_digest(dicom_file(values))}
    for number, (name, picture, how) in enumerate(pictures_of(values)):
        path = tmp_path / f"{number}-{name}"
        picture.save(path, **how)
        digests.add(value_digest(path))
    assert len(digests) == 1
    for number, other in enumerate((values[::-1], values[:, ::-1], values.T, values[1:], values + values.dtype.type(1))):
        Image.fromarray(np.ascontiguousarray(other)).save(tmp_path / f"other-{number}.png")
        digests.add(value_digest(tmp_path / f"other-{number}.png"))
    assert len(digests) == 6


def with_scale(path: Path, stored: np.ndarray, slope: float, inter: float) -> Path:
    """Write NIfTI whose header scales what is stored, which nibabel would undo as it writes."""
    nibabel.save(nibabel.Nifti1Image(stored, PLACE), path)
    content = bytearray(path.read_bytes())
    content[112:120] = struct.pack("<2f", slope, inter)
    path.write_bytes(content)
    return path


def saved_again(folder: Path) -> list[Path]:
    def save(name: str, voxels: np.ndarray, affine: np.ndarray = PLACE, kind: Any = nibabel.Nifti1Image, **more: Any) -> None:
        nibabel.save(kind(voxels, affine, dtype=voxels.dtype, **more), folder / name)

    save("int16.nii", VOXELS)
    save("packed.nii.gz", VOXELS)
    save("elsewhere.nii", VOXELS, PLACE @ np.diag([2.0, 1, 1, 1]))
    image = nibabel.load(folder / "int16.nii")
    save("float64.nii.gz", image.get_fdata())
    for name in ("f4", "i4", "i8"):
        save(f"{name}.nii", VOXELS.astype(name))
    nibabel.save(nibabel.Nifti1Image(VOXELS, PLACE, nibabel.Nifti1Header(endianness=">")), folder / "big-endian.nii")
    with_scale(folder / "inter.nii", (VOXELS + 1024).astype(np.uint16), 1, -1024)
    canonical = nibabel.as_closest_canonical(image)
    save("canonical.nii.gz", np.asarray(canonical.dataobj), canonical.affine)
    for codes in ("PSR", "ILA"):
        turned = SimpleITK.DICOMOrient(SimpleITK.ReadImage(folder / "int16.nii"), codes)
        SimpleITK.WriteImage(turned, folder / f"{codes}.nii.gz")
    return sorted(folder.iterdir())


def test_a_ct_is_its_values_whatever_the_type_order_and_packing(tmp_path: Path) -> None:
    paths = saved_again(tmp_path)
    assert len(paths) == 12
    assert len({value_digest(path) for path in paths}) == 1
    assert {volume_digest(read_volume(path)) for path in paths} == {value_digest(paths[0])}


@pytest.mark.parametrize(("slope", "inter"), [(0.1, -1024.3), (0.37, 0.0), (1.000001, 0.0), (2.0, 0.5)])
def test_a_ct_scaled_by_its_header_is_what_nibabel_saves_of_it(tmp_path: Path, slope: float, inter: float) -> None:
    image = nibabel.load(with_scale(tmp_path / "scaled.nii", VOXELS, slope, inter))
    digests = {value_digest(tmp_path / "scaled.nii")}
    for kind in (np.float32, np.float64):
        path = tmp_path / f"{np.dtype(kind)}.nii.gz"
        nibabel.save(nibabel.Nifti1Image(image.get_fdata(dtype=kind), PLACE), path)
        digests.add(value_digest(path))
    assert len(digests) == 1


RANGES = [(-1000, 400), (-1024, 3071), (-1024, 15000), (0, 255)]


def in_steps(folder: Path, low: int, high: int) -> list[Path]:
    """Write whole numbers, and them again as libraries keep them that turn floats into 16 bits with a slope."""
    voxels = np.random.default_rng(1).integers(low, high, (12, 10, 6), endpoint=True).astype(np.int16)
    voxels[0, 0, 0], voxels[-1, -1, -1] = low, high
    nibabel.save(nibabel.Nifti1Image(voxels, PLACE), folder / "a.nii.gz")
    for kind in (np.int16, np.uint16):
        image = nibabel.Nifti1Image(voxels.astype(np.float64), PLACE)
        image.set_data_dtype(kind)
        nibabel.save(image, folder / f"{np.dtype(kind)}.nii.gz")
    # As SPM scales: without an intercept.
    slope = max(abs(low), high) / 32767
    with_scale(folder / "spm.nii", np.rint(voxels / slope).astype(np.int16), slope, 0)
    for name in ("int16", "spm"):
        read = SimpleITK.ReadImage(next(folder.glob(f"{name}.nii*")), SimpleITK.sitkFloat32)
        for suffix in (".nii.gz", ".mha", ".nrrd"):
            SimpleITK.WriteImage(read, folder / f"{name}-float{suffix}")
    return sorted(folder.iterdir())


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_whole_numbers_kept_in_the_steps_of_a_slope_are_these(tmp_path: Path, low: int, high: int) -> None:
    paths = in_steps(tmp_path, low, high)
    assert len(paths) == 10
    whole = nibabel.load(tmp_path / "a.nii.gz").get_fdata()
    assert {bool(np.array_equal(np.rint(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path)).T), whole)) for path in paths} == {True}
    assert len({value_digest(path) for path in paths}) == 1


@pytest.mark.parametrize("slope", [0.25, 0.05, 1 / 3])
def test_values_of_fine_steps_that_were_never_whole_are_not_rounded(tmp_path: Path, slope: float) -> None:
    whole = with_scale(tmp_path / "whole.nii", np.rint(VOXELS * slope).astype(np.int16), 1, 0)
    assert value_digest(with_scale(tmp_path / "fine.nii", VOXELS, slope, 0)) != value_digest(whole)


@pytest.mark.parametrize("one", [0.99999, 1.00001, 254.999 / 255])
def test_a_mask_is_rounded_only_where_it_is_one(tmp_path: Path, one: float) -> None:
    mask = (VOXELS > 0).astype(np.float32)
    for name, values in (("mask", mask), ("near", mask * np.float32(one)), ("share", mask * np.float32(0.97))):
        nibabel.save(nibabel.Nifti1Image(values, PLACE), tmp_path / f"{name}.nii.gz")
    assert value_digest(tmp_path / "mask.nii.gz") == value_digest(tmp_path / "near.nii.gz") != value_digest(tmp_path / "share.nii.gz")


def test_a_series_with_a_fractional_slope_is_the_ct_that_was_rounded_to_it(tmp_path: Path, dicom_file: Callable[..., Path]) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    slope = 1400 / 65535
    for number in range(VOXELS.shape[2]):
        path = dicom_file(
            np.rint((VOXELS[..., number].T + 1000) / slope).astype(np.uint16), Modality="CT", SeriesInstanceUID="1.2",
            SOPInstanceUID=f"1.2.{number}", ImagePositionPatient=[1, 2, 2.5 * number], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[0.8, 0.7], RescaleSlope=f"{slope:.10f}", RescaleIntercept=-1000,
        )  # fmt: skip
        path.rename(folder / f"{number}.dcm")
    nibabel.save(nibabel.Nifti1Image(VOXELS, np.diag([-0.7, -0.8, 2.5, 1])), tmp_path / "a.nii.gz")
    assert value_digest(folder) == value_digest(tmp_path / "a.nii.gz") != ""


@pytest.mark.parametrize(
    "other",
    [VOXELS[::-1], VOXELS + np.int16(1), VOXELS[..., :5], VOXELS.reshape(10, 12, 6), VOXELS + np.float32(0.3), VOXELS[:, ::-1, ::-1]],
)
def test_other_values_are_another_ct(tmp_path: Path, other: np.ndarray) -> None:
    for name, voxels in (("one", VOXELS), ("other", other)):
        nibabel.save(nibabel.Nifti1Image(voxels, PLACE), tmp_path / f"{name}.nii.gz")
    assert value_digest(tmp_path / "one.nii.gz") != value_digest(tmp_path / "other.nii.gz")


def test_a_series_and_the_nifti_that_simpleitk_makes_of_it_are_one_ct(tmp_path: Path, dicom_file: Callable[..., Path]) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    for number in range(VOXELS.shape[2]):
        path = dicom_file(
            np.ascontiguousarray(VOXELS[..., number].T), Modality="CT", SeriesInstanceUID="1.2", SOPInstanceUID=f"1.2.{number}",
            ImagePositionPatient=[1, 2, 2.5 * number], ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[0.8, 0.7],
            RescaleSlope=1, RescaleIntercept=0,
        )  # fmt: skip
        path.rename(folder / f"{number}.dcm")
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    SimpleITK.WriteImage(SimpleITK.ReadImage(names), tmp_path / "a.nii.gz")
    assert value_digest(folder) == value_digest(tmp_path / "a.nii.gz") != ""
    (folder / "0.dcm").unlink()
    assert value_digest(folder) not in ("", value_digest(tmp_path / "a.nii.gz"))


def test_an_image_of_one_value_is_nobodys(tmp_path: Path, dicom_file: Callable[..., Path]) -> None:
    Image.new("L", (9, 8), 7).save(tmp_path / "a.png")
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6), np.uint8), PLACE), tmp_path / "a.nii")
    for path in (tmp_path / "a.png", tmp_path / "a.nii", dicom_file(np.full((8, 9), 3, np.uint16))):
        assert value_digest(path).startswith(BLANK)


@pytest.mark.parametrize("content", [b"", b"text", b"\x1f\x8b", bytes(128) + b"DICM", bytes(400), b"\x89PNG\r\n\x1a\n"])
@pytest.mark.parametrize("name", ["a.dcm", "a.png", "a.nii.gz"])
def test_what_cannot_be_read_has_no_values(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert value_digest(path) == ""
    assert value_digest(tmp_path / "gone.nii") == ""
    assert may_be_of_size(path, {(1, 2)})


def test_a_header_says_whether_an_image_may_be_one_of_these(tmp_path: Path, dicom_file: Callable[..., Path], ramp: np.ndarray) -> None:
    Image.fromarray(ramp).save(tmp_path / "a.png")
    Image.fromarray(ramp.T.copy()).save(tmp_path / "a.tif")
    nibabel.save(nibabel.Nifti1Image(VOXELS, PLACE), tmp_path / "a.nii.gz")
    for path, size in (
        (tmp_path / "a.png", (48, 80)),
        (tmp_path / "a.tif", (48, 80)),
        (dicom_file(ramp), (48, 80)),
        (tmp_path / "a.nii.gz", (6, 10, 12)),
    ):
        assert size_in(value_digest(path)) == size
        assert may_be_of_size(path, {size, (1, 1)})
        assert not may_be_of_size(path, {(48, 81), (6, 10, 13)})
