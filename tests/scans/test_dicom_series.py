"""Folders of CT slices, made to order, with SimpleITK as the reader who knows nothing of ours."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import uid
from scipy.spatial.transform import Rotation

from radlearn.errors import UnreadableScan
from radlearn.scans.dicom_series import find_series, read_series
from radlearn.scans.geometry import lps_affine, orientation, spacing_mm, world_mm
from radlearn.scans.nifti import read_volume, write_volume

sitk = pytest.importorskip("SimpleITK", reason="SimpleITK, the independent reader, is not installed")

SERIES = "1.2.826.0.1.1"
HU = np.random.default_rng(0).integers(-1000, 1500, (7, 6, 5)).astype(np.int16)  # (i, j, k)
STRAIGHT = np.eye(3)
OBLIQUE = Rotation.from_euler("xyz", (20, -15, 30), degrees=True).as_matrix()

Folder = Callable[..., Path]


@pytest.fixture
def series_folder(tmp_path: Path, dicom_file: Callable[..., Path]) -> Folder:
    """`series_folder(turn, hu=…, order=…, change={k: {…}}, …)` writes slices at LPS (-10, -20, -30) + k · 5 mm along the turned z axis.

    `turn` (3, 3) has as columns where i, j, k go in LPS; `order` is the order of the files; `change` overrules elements of slice k.
    """

    def write(
        turn: np.ndarray = STRAIGHT,
        hu: np.ndarray = HU,
        order: list[int] | None = None,
        change: dict[int, dict[str, Any]] | None = None,
        **elements: Any,
    ) -> Path:
        for k in order or [3, 0, 4, 2, 1]:
            position = np.array([-10.0, -20.0, -30.0]) + 5.0 * k * turn[:, 2]
            own = (change or {}).get(k, {})
            header = {
                "Modality": "CT",
                "SOPClassUID": uid.CTImageStorage,
                "SeriesInstanceUID": SERIES,
                "SOPInstanceUID": f"{SERIES}.{k + 1}",
                "SeriesDescription": "thin lung",
                "ImagePositionPatient": position.round(6).tolist(),
                "ImageOrientationPatient": turn[:, :2].T.round(9).ravel().tolist(),
                "PixelSpacing": [0.8, 0.7],
                "RescaleSlope": 1,
                "RescaleIntercept": -1024,
            }
            stored = own.pop("stored", (hu[:, :, k].T.astype(np.int32) + 1024).astype(np.uint16))
            dicom_file(np.ascontiguousarray(stored), **{**header, **elements, **own})
        return tmp_path

    return write


def expected_affine(turn: np.ndarray) -> np.ndarray:
    lps = np.eye(4)
    lps[:3, :3] = turn * (0.7, 0.8, 5.0)
    lps[:3, 3] = -10, -20, -30
    return lps_affine(lps)


@pytest.mark.parametrize("turn", [STRAIGHT, OBLIQUE, STRAIGHT[:, [1, 2, 0]]], ids=["axial", "oblique", "sagittal"])
def test_slices_in_any_order_become_one_volume_in_hu(series_folder: Folder, turn: np.ndarray) -> None:
    volume = read_series(series_folder(turn))
    np.testing.assert_array_equal(volume.voxels, HU)
    assert volume.voxels.dtype == np.int16
    np.testing.assert_allclose(volume.affine, expected_affine(turn), atol=1e-5)
    assert spacing_mm(volume.affine) == pytest.approx((0.7, 0.8, 5.0))
    assert volume.notes == ()


def test_index_to_mm_by_hand(series_folder: Folder) -> None:
    volume = read_series(series_folder())
    assert orientation(volume.affine) == "LPS"
    # LPS (-10, -20, -30) is RAS (10, 20, -30); two columns on is 1.4 mm to the left, three rows on 2.4 mm to the back, one slice 5 mm up.
    np.testing.assert_allclose(world_mm(volume.affine, np.array([2, 3, 1])), (10 - 1.4, 20 - 2.4, -25), atol=1e-6)


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, 1), (1, -1, 1), (-1, -1, 1), (1, 1, -1), (-1, 1, -1), (1, -1, -1), (-1, -1, -1)])
def test_sitk_reads_the_same_voxels_at_the_same_places(series_folder: Folder, flips: tuple[int, int, int]) -> None:
    folder = series_folder(OBLIQUE * flips)
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image, volume = sitk.ReadImage(names), read_series(folder)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image).transpose(2, 1, 0), volume.voxels)
    for index in np.ndindex(*volume.voxels.shape):
        x_left, y_back, z_head = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(world_mm(volume.affine, np.array(index)), (-x_left, -y_back, z_head), atol=1e-4)


def test_a_marked_voxel_lies_where_it_was_marked_whichever_way_the_slices_run(series_folder: Folder) -> None:
    volume = read_series(series_folder(STRAIGHT * (1, 1, -1)))
    found = world_mm(volume.affine, np.argwhere(volume.voxels == HU.max())[0])
    i, j, k = np.argwhere(HU.max() == HU)[0]
    np.testing.assert_allclose(found, (10 - 0.7 * i, 20 - 0.8 * j, -30 - 5 * k), atol=1e-5)


def test_it_survives_the_way_through_nifti(series_folder: Folder, tmp_path: Path) -> None:
    volume = read_series(series_folder(OBLIQUE))
    write_volume(tmp_path / "scan.nii.gz", volume.voxels, volume.affine)
    again = read_volume(tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(again.voxels, volume.voxels)
    np.testing.assert_allclose(again.affine, volume.affine, atol=1e-5)


@pytest.mark.parametrize("padding", ["as PixelPaddingValue", "as a range", "unsaid"])
def test_padding_becomes_air_and_that_is_said(series_folder: Folder, padding: str) -> None:
    stored = (HU.astype(np.int32) + 1024).astype(np.int16)
    low = -2000 if padding != "as a range" else -1990
    stored[0, :, :] = low
    elements: dict[str, Any] = {}
    if padding != "unsaid":
        elements["PixelPaddingValue"] = -2000
    if padding == "as a range":
        elements["PixelPaddingRangeLimit"] = -1980
    change = {k: {"stored": stored[:, :, k].T} for k in range(5)}
    volume = read_series(series_folder(change=change, **elements))
    assert (volume.voxels[0] == -1024).all()
    np.testing.assert_array_equal(volume.voxels[1:], HU[1:])
    assert volume.notes == ("14% of the voxels are padding outside the field of view; they were set to -1024 HU",)


def test_a_padding_value_that_tissue_may_have_is_not_believed(series_folder: Folder) -> None:
    volume = read_series(series_folder(PixelPaddingValue=1024))
    np.testing.assert_array_equal(volume.voxels, HU)


def test_slopes_that_are_not_whole_give_float(series_folder: Folder) -> None:
    volume = read_series(series_folder(RescaleSlope=0.5, RescaleIntercept=-1000))
    assert volume.voxels.dtype == np.float32
    np.testing.assert_allclose(volume.voxels, (HU.astype(float) + 1024) / 2 - 1000)


def test_slices_may_each_have_their_own_rescaling(series_folder: Folder) -> None:
    stored = ((HU[:, :, 2].T.astype(int) + 2000) * 2).astype(np.uint16)
    change = {2: {"stored": stored, "RescaleSlope": 0.5, "RescaleIntercept": -2000}}
    np.testing.assert_allclose(read_series(series_folder(change=change)).voxels, HU)


def test_stored_as_hu_already_stays_signed(series_folder: Folder) -> None:
    change = {k: {"stored": HU[:, :, k].T} for k in range(5)}
    volume = read_series(series_folder(change=change, RescaleIntercept=0))
    np.testing.assert_array_equal(volume.voxels, HU)


def test_compressed_slices_are_read(series_folder: Folder) -> None:
    np.testing.assert_array_equal(read_series(series_folder(syntax=uid.RLELossless)).voxels, HU)


def test_several_series_are_named_and_one_can_be_chosen(series_folder: Folder) -> None:
    folder = series_folder()
    series_folder(hu=HU[::-1], SeriesInstanceUID="1.2.9", SeriesDescription="soft tissue")
    with pytest.raises(UnreadableScan, match="holds 2 series; expected one") as caught:
        read_series(folder)
    assert f"{SERIES}  5 slices  thin lung" in str(caught.value)
    assert "1.2.9  5 slices  soft tissue" in str(caught.value)
    np.testing.assert_array_equal(read_series(folder, "1.2.9").voxels, HU[::-1])
    with pytest.raises(UnreadableScan, match=r"holds no series 1\.7; it holds"):
        read_series(folder, "1.7")
    assert [(one.uid, len(one.slices)) for one in find_series(folder)] == [(SERIES, 5), ("1.2.9", 5)]


@pytest.mark.parametrize("study", [{}, {"StudyInstanceUID": "1.2.3"}])
@pytest.mark.parametrize("count", [2, 5])
def test_slices_that_each_have_a_series_of_their_own_are_not_to_be_chosen_from(
    series_folder: Folder, study: dict[str, str], count: int
) -> None:
    own = {k: {"SeriesInstanceUID": f"1.2.9.{k}"} for k in range(count)}
    folder = series_folder(order=list(range(count)), change=own, **study)
    with pytest.raises(UnreadableScan, match=f"each of its {count} slices has a SeriesInstanceUID of its own") as caught:
        read_series(folder)
    assert "--series" not in str(caught.value)
    # What is then said to be done helps.
    for path in folder.glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.SeriesInstanceUID = SERIES
        dataset.save_as(path)
    np.testing.assert_array_equal(read_series(folder).voxels, HU[:, :, :count])


def test_a_series_beside_single_slices_can_be_chosen(series_folder: Folder) -> None:
    folder = series_folder()
    series_folder(order=[1], SeriesInstanceUID="1.2.9")
    with pytest.raises(UnreadableScan, match="Choose one with --series UID"):
        read_series(folder)


def test_a_chosen_series_does_not_mind_what_else_lies_in_the_folder(series_folder: Folder) -> None:
    folder = series_folder()
    series_folder(order=[1], SeriesInstanceUID="1.2.9", Modality="OT", ImagePositionPatient=None)
    np.testing.assert_array_equal(read_series(folder, SERIES).voxels, HU)
    with pytest.raises(UnreadableScan, match="has modality OT; expected CT"):
        read_series(folder)


def test_files_may_be_given_one_by_one(series_folder: Folder) -> None:
    np.testing.assert_array_equal(read_series(iter(sorted(series_folder().iterdir()))).voxels, HU)


def test_files_without_an_image_are_left_out(series_folder: Folder) -> None:
    folder = series_folder()
    dataset = pydicom.dcmread(folder / "xray-1.dcm")
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(dataset, keyword)
    dataset.Modality = "SR"
    dataset.save_as(folder / "report.dcm")
    np.testing.assert_array_equal(read_series(folder).voxels, HU)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"order": [0, 1, 3, 4]}, r"slices are missing.*there are 10\.00 mm between xray-2\.dcm and xray-3\.dcm, elsewhere 5\.00 mm"),
        ({"order": [0, 1, 2, 2, 3, 4]}, r"xray-3\.dcm and xray-4\.dcm are copies of one slice"),
        ({"change": {2: {"ImagePositionPatient": [-10, -20, -25]}}}, r"xray-\d\.dcm and xray-\d\.dcm have the same position"),
        ({"change": {4: {"ImagePositionPatient": [-10, -20, -9.0]}}}, r"not evenly spaced: 6\.00 mm between .*, 5\.00 mm between most"),
        (
            {"change": {k: {"ImagePositionPatient": [-10, -20 + 1.5 * k, -30 + 5 * k]} for k in range(5)}},
            r"lies 6\.0 mm to the side of the first \(16\.7°: a tilted gantry\?\)",
        ),
        ({"change": {2: {"ImagePositionPatient": [-13, -20, -20]}}}, "not stacked along their normal"),
        ({"change": {1: {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}}}, "slices differ in direction: .* scout"),
        ({"change": {1: {"PixelSpacing": [0.8, 0.9]}}}, r"slices differ in spacing in mm: .* has \[0\.8, 0\.7\], .* has \[0\.8, 0\.9\]"),
        ({"change": {1: {"stored": np.zeros((9, 9), np.uint16)}}}, r"slices differ in size in pixels: .* has \[6, 7\], .* has \[9, 9\]"),
        ({"order": [2]}, "has one slice .* at least two"),
        ({"Modality": "MR"}, "has modality MR; expected CT"),
        ({"NumberOfFrames": 3}, "holds 3 frames in one file .* dcm2niix"),
        ({"ImagePositionPatient": None}, "has no position: expected ImagePositionPatient"),
        ({"PixelSpacing": [0, 0]}, "has no position"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "expected two unit vectors at right angles"),
        ({"RescaleSlope": 0}, "RescaleSlope is 0.*a slope of 0 makes all equal"),
        ({"Rows": "9" * 40, "vr": {"Rows": "LO"}}, "declares .* radlearn reads images of up to"),
        ({"Rows": 0}, "declares 0 rows"),
        ({"RescaleSlope": "1e39"}, "RescaleSlope is 1e39.*one above 1,000,000 no HU"),
        ({"RescaleIntercept": "-9999999"}, "RescaleIntercept -9999999.*one above 1,000,000 no HU"),
        ({"RescaleType": "Z_EFF"}, "its RescaleType is Z_EFF; expected HU"),
        ({"RescaleType": "MGML"}, "its RescaleType is MGML; expected HU"),
        ({"Modality": "PT"}, "which only CT has"),
        ({"RescaleSlope": None}, "cannot be converted to Hounsfield units: RescaleSlope is None"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "PhotometricInterpretation MONOCHROME1; expected two numbers and MONOCHROME2"),
    ],
)
def test_what_is_not_a_straight_even_stack_of_ct_is_refused(series_folder: Folder, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(UnreadableScan, match=words):
        read_series(series_folder(**arguments))


def test_rounded_positions_are_accepted(series_folder: Folder) -> None:
    change = {k: {"ImagePositionPatient": [-10.0, -20.0, round(-30 + 5 * k + 0.04 * (-1) ** k, 2)]} for k in range(5)}
    np.testing.assert_array_equal(read_series(series_folder(change=change)).voxels, HU)


def test_a_truncated_slice_is_named(series_folder: Folder) -> None:
    folder = series_folder()
    content = (folder / "xray-2.dcm").read_bytes()
    (folder / "xray-2.dcm").write_bytes(content[:-20])
    with pytest.raises(UnreadableScan, match=r"xray-2\.dcm: is (truncated|damaged)"):
        read_series(folder)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableScan, match="no CT slice was found; expected a folder of DICOM files"):
        read_series(tmp_path)


@pytest.mark.parametrize(("lowest", "intercept"), [(-32768, -1024), (-32768, -1), (-32000, -8192), (-20000, -20000)])
def test_a_value_that_int16_cannot_hold_does_not_wrap(series_folder: Folder, lowest: int, intercept: int) -> None:
    values = np.arange(42).reshape(6, 7).astype(np.int16) - np.int16(100)
    stored = np.where(np.arange(42).reshape(6, 7) < 5, lowest, values - intercept).astype(np.int16)
    folder = series_folder(change={k: {"stored": stored} for k in range(5)}, RescaleIntercept=intercept)
    volume = read_series(folder)
    exact = stored.astype(np.int64) + intercept
    expected = np.where(exact < -1500, -1024, exact)
    np.testing.assert_array_equal(volume.voxels[:, :, 2].T, expected)
    assert volume.voxels.max() < 100
    assert "padding outside the field of view" in volume.notes[0]
    # SimpleITK computes in a wider type and knows no padding.
    image = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "xray-1.dcm")))[0].astype(np.int64)
    np.testing.assert_array_equal(np.where(image < -1500, -1024, image), expected)


def test_values_above_the_stored_bits_are_refused_and_padding_there_is_air(series_folder: Folder) -> None:
    smooth = (1000 + 40 * np.arange(42).reshape(6, 7)).astype(np.uint16)
    padded = np.where(np.eye(6, 7) > 0, 63536, smooth).astype(np.uint16)
    volume = read_series(series_folder(change={k: {"stored": padded} for k in range(5)}, bits=12))
    np.testing.assert_array_equal(volume.voxels[:, :, 0].T, np.where(np.eye(6, 7) > 0, -1024, smooth.astype(int) - 1024))


def test_more_than_the_stored_bits_hold_is_refused(series_folder: Folder) -> None:
    ramp = (3900 + 10 * np.arange(42).reshape(6, 7)).astype(np.uint16)
    with pytest.raises(UnreadableScan, match="lie outside 0 to 4095, which BitsStored 12 allows; the highest is 4310"):
        read_series(series_folder(change={k: {"stored": ramp} for k in range(5)}, bits=12))


@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagePositionPatient", "RescaleIntercept"])
def test_decimal_commas_are_read(series_folder: Folder, keyword: str) -> None:
    for path in series_folder().iterdir():
        dataset = pydicom.dcmread(path)
        values = dataset[keyword].value
        values = list(values) if isinstance(values, pydicom.multival.MultiValue) else [values]
        written = "\\".join(f"{float(value):.1f}".replace(".", ",") for value in values)
        del dataset[keyword]
        dataset.add_new(keyword, "LO", written)
        dataset.save_as(path)
        content = path.read_bytes()
        at = content.index(written.encode())
        path.write_bytes(content[: at - 4] + b"DS" + content[at - 2 :])
    volume = read_series(path.parent)
    np.testing.assert_array_equal(volume.voxels, HU)
    np.testing.assert_allclose(volume.affine, expected_affine(STRAIGHT), atol=1e-6)


def test_a_place_that_is_there_and_no_number_is_quoted(series_folder: Folder) -> None:
    path = next(iter(sorted(series_folder().iterdir())))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"0.8\\0.7", b"0.8\\x.7"))
    with pytest.raises(UnreadableScan, match=r"its PixelSpacing is .*x\.7.* correct this field"):
        read_series(path.parent)


def test_small_letters_of_the_photometric_interpretation_are_read(series_folder: Folder) -> None:
    np.testing.assert_array_equal(read_series(series_folder(PhotometricInterpretation="monochrome2")).voxels, HU)


@pytest.mark.parametrize(("value", "limit"), [(32767, None), (65535, None), (60000, 65535)])
def test_padding_far_above_all_tissue_is_air_too(series_folder: Folder, value: int, limit: int | None) -> None:
    stored = (HU.astype(np.int32) + 1024).astype(np.uint16)
    stored[0] = value if limit is None else 61000
    change = {k: {"stored": stored[:, :, k].T} for k in range(5)}
    volume = read_series(series_folder(change=change, PixelPaddingValue=value, PixelPaddingRangeLimit=limit))
    assert volume.voxels.dtype == np.int16
    assert (volume.voxels[0] == -1024).all()
    np.testing.assert_array_equal(volume.voxels[1:], HU[1:])


def test_what_is_odd_about_the_pixels_of_slices_is_said_once(series_folder: Folder) -> None:
    volume = read_series(series_folder(PixelRepresentation=None))
    np.testing.assert_array_equal(volume.voxels, HU)
    (note,) = volume.notes
    assert "its header does not say PixelRepresentation; taken as PixelRepresentation 0" in note


def test_small_letters_of_the_modality_are_read(series_folder: Folder) -> None:
    np.testing.assert_array_equal(read_series(series_folder(Modality="ct")).voxels, HU)


@pytest.mark.parametrize("intercept", [-2048, -3072])
def test_values_with_structure_are_no_padding_however_low(series_folder: Folder, intercept: int) -> None:
    # As where an intercept was subtracted twice; SimpleITK reads the same.
    folder = series_folder(RescaleIntercept=intercept)
    volume = read_series(folder)
    np.testing.assert_array_equal(volume.voxels, HU + 1024 + intercept)
    np.testing.assert_array_equal(volume.voxels, read_by_sitk_series(folder))
    assert volume.notes == ()


def read_by_sitk_series(folder: Path) -> np.ndarray:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), SERIES))
    return np.asarray(sitk.GetArrayFromImage(reader.Execute()).transpose(2, 1, 0))


@pytest.mark.parametrize(("place", "is_padding"), [("border", True), ("inside", False)])
def test_one_low_value_is_padding_at_the_border_only(series_folder: Folder, place: str, is_padding: bool) -> None:
    hu = HU.clip(-1000)
    where = np.s_[0] if place == "border" else np.s_[2:4, 2:4]
    hu[where] = -2000
    stored = [(hu[:, :, k].T).astype(np.int16) for k in range(5)]
    volume = read_series(series_folder(change={k: {"stored": stored[k]} for k in range(5)}, RescaleIntercept=0))
    np.testing.assert_array_equal(volume.voxels, np.where(hu == -2000, -1024, hu) if is_padding else hu)
    assert len(volume.notes) == is_padding
