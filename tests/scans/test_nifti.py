"""NIfTI files against SimpleITK and against the offsets of nifti1.h, which know nothing of nibabel and of ours."""

import gzip
import itertools
import logging
import subprocess
import sys
import tracemalloc
import unittest
import warnings
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from radlearn.errors import BadSetting, UnreadableScan
from radlearn.scans import nifti
from radlearn.scans.geometry import Volume
from radlearn.scans.nifti import read_grid, read_volume, write_volume
from tests.scans.nifti_witness import FIELDS, fields_of, nifti_bytes, read_by_sitk, with_fields, write_by_sitk

OBLIQUE = np.array([[-0.6, -0.4, 0.0, 100.0], [0.3, -0.8, 0.0, 50.0], [0.0, 0.0, 5.0, -200.0], [0, 0, 0, 1]])
AFFINE = np.array([[-0.7, 0, 0, 100], [0, -0.8, 0, 50], [0, 0, 5, -200], [0, 0, 0, 1.0]])
SMALL = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
SMALL_FILE = nifti_bytes(SMALL, AFFINE)


def volume_of(folder: Path, content: bytes) -> Volume:
    (folder / "scan.nii").write_bytes(content)
    return read_volume(folder / "scan.nii")


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["i2", "u1", "f4", ">i2", "u2", "i4", "f8", "i1", "u4", "i8", "u8"])
def test_sitk_reads_what_is_written(tmp_path: Path, ending: str, dtype: str) -> None:
    voxels = np.random.default_rng(0).integers(0, 100, (4, 5, 6)).astype(dtype)
    write_volume(tmp_path / f"scan{ending}", voxels, OBLIQUE)
    found, affine = read_by_sitk(tmp_path / f"scan{ending}")
    np.testing.assert_array_equal(found, voxels)
    np.testing.assert_allclose(affine, OBLIQUE, atol=1e-4)
    assert found.dtype == np.dtype(dtype).newbyteorder("=")


def test_a_mask_of_bool_is_written_as_bytes(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).random((4, 5, 6)) > 0.5
    write_volume(tmp_path / "mask.nii.gz", mask, OBLIQUE)
    found, _ = read_by_sitk(tmp_path / "mask.nii.gz")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, mask)


@pytest.mark.parametrize(("affine", "qform_code"), [(AFFINE, 1), (AFFINE + np.outer(np.eye(4)[0], (0, 0, 0.5, 0)), 0)])
def test_the_header_that_is_written_is_that_of_the_standard(tmp_path: Path, affine: np.ndarray, qform_code: int) -> None:
    write_volume(tmp_path / "scan.nii", SMALL.astype("u2"), affine)
    content = (tmp_path / "scan.nii").read_bytes()
    fields = fields_of(content)
    assert fields["sizeof_hdr"] == 348
    assert fields["magic"] == b"n+1\0"
    assert fields["dim"] == (3, 2, 3, 4, 1, 1, 1, 1)
    assert (fields["datatype"], fields["bitpix"]) == (512, 16)
    assert fields["pixdim"] == pytest.approx((1, *np.linalg.norm(affine[:3, :3], axis=0), 1, 1, 1, 1))
    assert (fields["scl_slope"], fields["scl_inter"]) == (1, 0)
    assert fields["xyzt_units"] == 2, "millimetres"
    assert (fields["sform_code"], fields["qform_code"]) == (1, qform_code), "scanner coordinates"
    np.testing.assert_array_equal(fields["srow"], affine[:3].astype(np.float32).ravel())
    assert fields["vox_offset"] == 352
    assert content[348:] == bytes(4) + SMALL.astype("<u2").tobytes("F")


def test_the_same_volume_gives_the_same_bytes(tmp_path: Path) -> None:
    voxels = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    for name in ("one.nii.gz", "other.nii.gz"):
        write_volume(tmp_path / name, voxels, OBLIQUE)
    content = (tmp_path / "one.nii.gz").read_bytes()
    assert content == (tmp_path / "other.nii.gz").read_bytes()
    assert content[3] == 0, "no name in the gzip header"
    assert content[4:8] == bytes(4), "the time stamp of the gzip header"


@pytest.mark.parametrize(
    ("name", "voxels", "affine", "words"),
    [
        ("scan.mha", np.zeros((2, 2, 2)), np.eye(4), "must end in .nii or .nii.gz"),
        ("scan.nii", np.zeros((2, 2)), np.eye(4), r"shape \(2, 2\); expected \(i, j, k\)"),
        ("scan.nii", np.zeros((2, 0, 2)), np.eye(4), r"shape \(2, 0, 2\)"),
        ("scan.nii", np.zeros((2, 2, 2), complex), np.eye(4), "complex128; NIfTI holds"),
        ("scan.nii", np.zeros((2, 2, 2)), np.diag([1, 0, 1, 1]), "the affine is"),
        ("scan.nii", np.zeros((2, 2, 2)), np.eye(3), "the affine is"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, name: str, voxels: np.ndarray, affine: np.ndarray, words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        write_volume(tmp_path / name, voxels, affine)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(params=["isal", "zlib"])
def unpacking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast library where it is installed, and Python's own."""
    module = zlib if request.param == "zlib" else pytest.importorskip("isal.isal_zlib", reason="isal is not installed")
    monkeypatch.setattr(nifti, "unpacking", module)


@pytest.mark.usefixtures("unpacking")
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["i2", "u1", "f4", "u2", "i4"])
def test_what_sitk_writes_is_read(tmp_path: Path, ending: str, dtype: str) -> None:
    voxels = np.random.default_rng(0).integers(0, 100, (4, 5, 6)).astype(dtype)
    path = tmp_path / f"scan{ending}"
    write_by_sitk(path, voxels, OBLIQUE)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.voxels, voxels)
    np.testing.assert_allclose(volume.affine, OBLIQUE, atol=1e-5)
    assert volume.voxels.dtype == np.dtype(dtype)
    assert volume.path == path
    assert volume.notes == ()


@pytest.mark.usefixtures("unpacking")
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz", "a scan"])
@pytest.mark.parametrize("dtype", ["i2", "u1", "f4", "u2", "i4", "i1", "u4", "i8", "u8"])
def test_both_byte_orders_are_read_under_any_name(tmp_path: Path, name: str, dtype: str, order: str) -> None:
    voxels = np.random.default_rng(0).integers(0, 100, (4, 5, 6)).astype(dtype)
    content = nifti_bytes(voxels, OBLIQUE, order)
    (tmp_path / name).write_bytes(content if name.endswith(".nii") else gzip.compress(content))
    volume = read_volume(tmp_path / name)
    np.testing.assert_array_equal(volume.voxels, voxels)
    np.testing.assert_array_equal(volume.affine, OBLIQUE.astype(np.float32))
    assert volume.voxels.dtype == np.dtype(dtype)
    assert volume.affine.dtype == np.float64


@pytest.mark.parametrize(
    ("stored", "slope", "intercept", "expected"),
    [
        ("i2", 1, -1024, "i2"),
        ("u2", 1, -1024, "i2"),
        ("u1", 300, -1024, "i4"),
        ("i2", 0.5, 0, "f4"),
        ("i2", -1, 7, "i2"),
        ("f4", 2, 1, "f4"),
        ("f8", 1, 0, "f4"),
    ],
)
def test_slope_and_intercept_are_applied_as_sitk_applies_them(
    tmp_path: Path, stored: str, slope: float, intercept: float, expected: str
) -> None:
    voxels = np.random.default_rng(0).integers(0, 200, (4, 5, 6)).astype(stored)
    volume = volume_of(tmp_path, nifti_bytes(voxels, OBLIQUE, scl_slope=slope, scl_inter=intercept))
    np.testing.assert_array_equal(volume.voxels, voxels.astype(float) * slope + intercept)
    np.testing.assert_allclose(volume.voxels, read_by_sitk(tmp_path / "scan.nii")[0], rtol=1e-6)
    assert volume.voxels.dtype == np.dtype(expected)


def test_a_slope_of_zero_means_not_scaled(tmp_path: Path) -> None:
    for slope, intercept in itertools.product((0, np.nan, np.inf), (7, np.nan)):
        volume = volume_of(tmp_path, with_fields(SMALL_FILE, scl_slope=slope, scl_inter=intercept))
        np.testing.assert_array_equal(volume.voxels, SMALL)


def test_sitk_reads_the_same_voxels_at_the_same_places(tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).integers(-1000, 1000, (4, 5, 6)).astype(np.int16)
    write_volume(tmp_path / "scan.nii.gz", voxels, OBLIQUE)
    found, affine = read_by_sitk(tmp_path / "scan.nii.gz")
    volume = read_volume(tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(found, volume.voxels)
    for index in ((0, 0, 0), (3, 0, 0), (0, 4, 0), (0, 0, 5), (1, 2, 3)):
        np.testing.assert_allclose(volume.affine @ (*index, 1), affine @ (*index, 1), atol=1e-3)


def test_the_real_scans_are_read_as_sitk_reads_them(shared_data: Path) -> None:
    for path in sorted((shared_data / "ct_real_sample").glob("*.nii.gz")):
        volume, (voxels, affine) = read_volume(path), read_by_sitk(path)
        np.testing.assert_array_equal(volume.voxels, voxels)
        np.testing.assert_allclose(volume.affine, affine, atol=1e-4)


@pytest.mark.usefixtures("unpacking")
def test_any_cut_is_refused(tmp_path: Path) -> None:
    write_volume(tmp_path / "whole.nii.gz", np.random.default_rng(0).integers(0, 99, (8, 9, 10)).astype(np.int16), OBLIQUE)
    content = (tmp_path / "whole.nii.gz").read_bytes()
    for kept in (1, 2, 11, 60, len(content) // 2, len(content) - 9, len(content) - 8, len(content) - 1):
        (tmp_path / "cut.nii.gz").write_bytes(content[:kept])
        with pytest.raises(UnreadableScan, match=r"cut.nii.gz: .*(truncated|not a NIfTI)"):
            read_volume(tmp_path / "cut.nii.gz")


@pytest.mark.usefixtures("unpacking")
def test_a_changed_bit_is_found_by_the_checksum(tmp_path: Path) -> None:
    write_volume(tmp_path / "scan.nii.gz", np.random.default_rng(0).integers(0, 99, (8, 9, 10)).astype(np.int16), OBLIQUE)
    content = bytearray((tmp_path / "scan.nii.gz").read_bytes())
    for at in (len(content) // 2, len(content) - 6):
        changed = content.copy()
        changed[at] ^= 4
        (tmp_path / "changed.nii.gz").write_bytes(changed)
        with pytest.raises(UnreadableScan, match="its gzip data are damaged"):
            read_volume(tmp_path / "changed.nii.gz")


def test_a_cut_uncompressed_file_says_how_much_is_there(tmp_path: Path) -> None:
    write_volume(tmp_path / "scan.nii", np.zeros((8, 9, 10), np.int16), OBLIQUE)
    content = (tmp_path / "scan.nii").read_bytes()
    (tmp_path / "scan.nii").write_bytes(content[:1000])
    with pytest.raises(UnreadableScan, match=r"ends after 648 of 1,440 bytes of voxels. It is truncated"):
        read_volume(tmp_path / "scan.nii")


@pytest.mark.usefixtures("unpacking")
def test_a_gzip_of_several_parts_is_read_whole(tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).integers(0, 99, (8, 9, 10)).astype(np.int16)
    write_volume(tmp_path / "scan.nii", voxels, OBLIQUE)
    content = (tmp_path / "scan.nii").read_bytes()
    (tmp_path / "scan.nii.gz").write_bytes(gzip.compress(content[:500]) + gzip.compress(content[500:]) + bytes(7))
    np.testing.assert_array_equal(read_volume(tmp_path / "scan.nii.gz").voxels, voxels)


@pytest.mark.usefixtures("unpacking")
def test_parts_of_a_gzip_may_begin_anywhere_in_the_pieces_that_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [gzip.compress(SMALL_FILE[start : start + 40]) for start in range(0, len(SMALL_FILE), 40)]
    (tmp_path / "scan.nii.gz").write_bytes(b"".join(parts))
    for at_once in range(2, 60):
        monkeypatch.setattr(nifti, "START_BYTES", at_once)
        monkeypatch.setattr(nifti, "PIECE_BYTES", at_once)
        np.testing.assert_array_equal(read_volume(tmp_path / "scan.nii.gz").voxels, SMALL)


@pytest.mark.usefixtures("unpacking")
def test_a_changed_byte_of_a_gzip_is_found_or_changes_nothing(tmp_path: Path) -> None:
    write_volume(tmp_path / "scan.nii.gz", SMALL, AFFINE)
    content = (tmp_path / "scan.nii.gz").read_bytes()
    refused = []
    for at in range(len(content)):
        (tmp_path / "changed.nii.gz").write_bytes(content[:at] + bytes([content[at] ^ 0x11]) + content[at + 1 :])
        try:
            np.testing.assert_array_equal(read_volume(tmp_path / "changed.nii.gz").voxels, SMALL)
        except UnreadableScan as error:
            refused.append(str(error))
    assert len(refused) >= len(content) - 6, "all but time, system and level"
    assert all("changed.nii.gz: " in words for words in refused)


def test_a_large_file_crosses_the_pieces_unharmed(tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).integers(-1000, 1000, (150, 90, 61)).astype(np.int16)
    for name in ("scan.nii", "scan.nii.gz"):
        write_volume(tmp_path / name, voxels, OBLIQUE)
        np.testing.assert_array_equal(read_volume(tmp_path / name).voxels, voxels)


@pytest.mark.parametrize(("sizes", "wanted"), [((32767, 32767, 32767), "70,362,301,923,326"), ((200, 200, 100), "8,000,000")])
def test_a_header_that_declares_more_than_the_file_can_hold_allocates_no_memory(
    tmp_path: Path, sizes: tuple[int, int, int], wanted: str
) -> None:
    content = with_fields(SMALL_FILE, dim=(3, *sizes, 1, 1, 1, 1))
    tracemalloc.start()
    try:
        for packed in (content, gzip.compress(content)):
            with pytest.raises(UnreadableScan, match=f"declares {wanted} bytes of voxels, more than such a file can hold"):
                volume_of(tmp_path, packed)
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_voxels_that_are_no_numbers_are_refused(tmp_path: Path, bad: float) -> None:
    voxels = np.zeros((4, 5, 6), np.float64 if np.isfinite(bad) else np.float32)
    voxels[1, 2, 3] = bad
    write_volume(tmp_path / "scan.nii.gz", voxels, OBLIQUE)
    with pytest.raises(UnreadableScan, match="1 of 120 voxels are not finite"):
        read_volume(tmp_path / "scan.nii.gz")


def test_what_is_not_a_readable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.nii.gz").touch()
    for path, words in (
        (tmp_path / "none.nii", "there is no such file"),
        (tmp_path / "empty.nii.gz", "is empty"),
        (tmp_path, "cannot be read"),
    ):
        with pytest.raises(UnreadableScan, match=words):
            read_volume(path)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dim": (4, 2, 3, 4, 5, 1, 1, 1)}, r"the shape \(2, 3, 4, 5\), 5 volumes in one file; expected one volume"),
        ({"dim": (2, 2, 3, 1, 1, 1, 1, 1)}, "2 axes; expected one volume"),
        ({"dim": (3, 2, 0, 4, 1, 1, 1, 1)}, r"the shape \(2, 0, 4\)"),
        ({"dim": (3, -1, 1, 1, 1, 1, 1, 1), "glmin": 24}, r"the shape \(-1, 1, 1\)"),
        ({"dim": (9, 2, 3, 4, 1, 1, 1, 1)}, "9 axes"),
        ({"dim": (-1, 2, 3, 4, 1, 1, 1, 1)}, "-1 axes"),
        ({"datatype": 0}, "unknown type 0"),
        ({"datatype": 1}, "one bit a voxel"),
        ({"datatype": 32}, "complex; expected integers or floats"),
        ({"datatype": 128}, "RGB colour; expected integers or floats"),
        ({"datatype": 1536}, "float128"),
        ({"datatype": 1792}, "complex"),
        ({"datatype": 2048}, "complex"),
        ({"datatype": 2304}, "RGBA colour"),
        ({"datatype": 99}, "unknown type 99"),
        ({"scl_slope": 2, "scl_inter": np.nan}, "scl_inter is nan; expected a finite number"),
        ({"scl_inter": -np.inf}, "scl_inter is -inf"),
        ({"vox_offset": 0}, "vox_offset is 0; expected at least 352"),
        ({"vox_offset": np.nan}, "vox_offset is nan"),
        ({"vox_offset": 1e30}, r"vox_offset is 1e\+30"),
        ({"vox_offset": 2e9}, r"vox_offset is 2e\+09; expected at least 352, where the header ends, and not much more"),
        ({"vox_offset": 6e7}, "ends after 0 of 48 bytes of voxels"),
        ({"magic": b"ni1\0"}, "half of a pair"),
        ({"magic": bytes(4)}, "Analyze format, which does not distinguish left from right"),
        ({"sizeof_hdr": 540}, "is NIfTI-2; radlearn reads single-file NIfTI-1"),
        ({"sizeof_hdr": 5}, "is not a NIfTI file: it begins with"),
    ],
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_header_that_cannot_be_read_is_refused(tmp_path: Path, order: str, fields: dict[str, object], words: str) -> None:
    content = with_fields(nifti_bytes(SMALL, AFFINE, order), order, **fields)
    with pytest.raises(UnreadableScan, match=words) as caught:
        volume_of(tmp_path, content)
    assert str(caught.value).startswith(f"{tmp_path / 'scan.nii'}: ")


def test_axes_of_length_one_after_the_third_are_ignored(tmp_path: Path) -> None:
    volume = volume_of(tmp_path, with_fields(SMALL_FILE, dim=(5, 2, 3, 4, 1, 1, 9, 9)))
    np.testing.assert_array_equal(volume.voxels, SMALL)


def test_a_volume_of_the_shape_of_a_freesurfer_surface_is_a_volume(tmp_path: Path) -> None:
    surface = np.zeros((27307, 1, 6), np.uint8)
    assert volume_of(tmp_path, nifti_bytes(surface, AFFINE)).voxels.shape == surface.shape


def test_what_lies_between_header_and_voxels_is_passed_over(tmp_path: Path) -> None:
    content = with_fields(SMALL_FILE[:348] + b"\1\0\0\0" + bytes(range(128)) * 99, vox_offset=352 + 128 * 99) + SMALL.tobytes("F")
    np.testing.assert_array_equal(volume_of(tmp_path, content).voxels, SMALL)
    np.testing.assert_array_equal(volume_of(tmp_path, gzip.compress(content)).voxels, SMALL)


def test_too_few_bytes_are_refused(tmp_path: Path) -> None:
    for content in (bytes(100), gzip.compress(bytes(100))):
        with pytest.raises(UnreadableScan, match="has 100 bytes; a NIfTI header has 348"):
            volume_of(tmp_path, content)


def test_dicom_under_another_name_is_recognised(tmp_path: Path) -> None:
    with pytest.raises(UnreadableScan, match=r"is DICOM\. Name the folder of its series, .* Expected single-file NIfTI-1"):
        volume_of(tmp_path, bytes(128) + b"DICM" + bytes(300))


@pytest.mark.usefixtures("unpacking")
def test_a_grid_is_read_from_the_header_alone(tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).integers(-1000, 1000, (150, 90, 61)).astype(np.int16)
    for name in ("scan.nii", "scan.nii.gz"):
        write_volume(tmp_path / name, voxels, OBLIQUE)
        content = (tmp_path / name).read_bytes()
        # A file that ends or is damaged after its header still has a grid.
        for part in (content, content[: len(content) // 2], content[: len(content) // 2] + bytes(len(content) // 2)):
            (tmp_path / name).write_bytes(part)
            grid = read_grid(tmp_path / name)
            assert grid.shape == voxels.shape
            np.testing.assert_array_equal(grid.affine, OBLIQUE.astype(np.float32))


@pytest.mark.parametrize("content", [None, b"", b"\x1f\x8b\x08\x00", b"hello", with_fields(SMALL_FILE, datatype=128)])
def test_a_file_without_a_grid_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "bad.nii.gz").write_bytes(content)
    with pytest.raises(UnreadableScan, match=r"bad\.nii\.gz: ") as of_grid:
        read_grid(tmp_path / "bad.nii.gz")
    with pytest.raises(UnreadableScan) as of_volume:
        read_volume(tmp_path / "bad.nii.gz")
    assert str(of_grid.value) == str(of_volume.value)


def test_what_nibabel_would_repair_and_log_is_read_in_silence(tmp_path: Path) -> None:
    content = with_fields(SMALL_FILE, bitpix=0, qform_code=99, quatern=(0.0, 0.0, 1.0), qoffset=(100.0, 50.0, -200.0), sform_code=0)
    listener = unittest.TestCase()
    with listener.assertNoLogs("nibabel.global", logging.DEBUG):
        np.testing.assert_allclose(volume_of(tmp_path, content).affine, AFFINE, atol=1e-5)
    with listener.assertLogs("nibabel.global", logging.DEBUG):
        nibabel.load(tmp_path / "scan.nii")


numbers = {
    "b": st.binary(min_size=4, max_size=4),
    "B": st.integers(0, 255),
    "h": st.integers(-(2**15), 2**15 - 1) | st.integers(-1, 9),
    "i": st.integers(-(2**31), 2**31 - 1),
    "f": st.floats(width=32) | st.sampled_from((0.0, -1.0, 1.0, 0.7, -0.8, 5.0, 352.0, 1e30)),
}


def values_of(name: str) -> st.SearchStrategy[object]:
    kind = FIELDS[name][1]
    if kind == "4s":
        return st.sampled_from((b"n+1\0", b"ni1\0", b"n+2\0", bytes(4)))
    count = int(kind[:-1] or 1)
    return st.tuples(*[numbers[kind[-1]]] * count)


some_fields = st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=4, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: values_of(name) for name in names})
)
some_bytes = st.dictionaries(st.integers(0, 351), st.integers(0, 255), max_size=4)


@settings(max_examples=400)
@given(some_fields, some_bytes, st.sampled_from("<>"), st.booleans())
@example({"qform_code": (1,), "quatern": (np.inf, np.nan, -3e38), "pixdim": (0.0, np.inf, -1.0, 0.0, 1.0, 1.0, 1.0, 1.0)}, {}, "<", False)
@example({"dim": (3, 27307, 1, 6, 1, 1, 1, 1), "glmin": (0,)}, {}, ">", True)
@example({"qform_code": (1,), "sform_code": (0,), "pixdim": (1.0, np.inf, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)}, {}, "<", False)
@example({"scl_slope": (3e38,), "scl_inter": (-3e38,)}, {}, "<", False)
def test_any_header_is_read_or_refused_by_name_without_a_word_and_without_much_memory(
    tmp_path_factory: pytest.TempPathFactory, fields: dict[str, tuple], changed: dict[int, int], order: str, is_packed: bool
) -> None:
    content = bytearray(with_fields(nifti_bytes(SMALL, AFFINE, order), order, **fields))
    for at, value in changed.items():
        content[at] = value
    path = tmp_path_factory.getbasetemp() / "any.nii"
    path.write_bytes(gzip.compress(content) if is_packed else content)
    volume, words = None, ""
    tracemalloc.start()
    try:
        with warnings.catch_warnings(), unittest.TestCase().assertNoLogs("nibabel.global", logging.DEBUG):
            warnings.simplefilter("error")
            volume = read_volume(path)
    except UnreadableScan as error:
        words = str(error)
    finally:
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak_bytes < 4e6
    if volume is None:
        assert words.startswith(f"{path}: ")
    else:
        assert volume.voxels.ndim == 3
        assert np.isfinite(volume.voxels).all()
        assert np.isfinite(np.linalg.inv(volume.affine)).all()


def test_nibabel_is_imported_for_the_first_file_and_not_before(tmp_path: Path) -> None:
    write_volume(tmp_path / "scan.nii", SMALL, AFFINE)
    code = "import sys; from radlearn.scans.nifti import read_volume; print('nibabel' in sys.modules); "
    code += "read_volume(sys.argv[1]); print('nibabel' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code, str(tmp_path / "scan.nii")], check=True, capture_output=True, text=True)
    assert found.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("sizes", [(3, 0, 5, 5), (3, 5, 5, -1), (2, 0, 5, 1)])
def test_a_size_of_zero_is_named_as_damage(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    with pytest.raises(UnreadableScan, match=r"expected sizes of 1 or more\. Its header is damaged"):
        volume_of(tmp_path, with_fields(SMALL_FILE, dim=(*sizes, 1, 1, 1, 1)))


def test_what_goes_on_after_the_voxels_is_not_unpacked_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(SMALL_FILE) + b"".join(packer.compress(bytes(1 << 20)) for _ in range(40)) + packer.flush()
    assert len(bomb) < 100_000
    np.testing.assert_array_equal(volume_of(tmp_path, bomb).voxels, SMALL)
    monkeypatch.setattr(nifti, "MOST_BYTES_BESIDE", 4 << 20)
    tracemalloc.start()
    with pytest.raises(UnreadableScan, match="goes on for more than 4,194,304 bytes after its voxels"):
        volume_of(tmp_path, bomb)
    assert tracemalloc.get_traced_memory()[1] < 30 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(("limit", "value"), [("MOST_BYTES", 1 << 20), ("SUSPECT_BYTES", 1 << 20)])
def test_a_header_that_asks_for_more_than_any_scan_has_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(nifti, limit, value)
    write_volume(tmp_path / "scan.nii.gz", np.zeros((128, 128, 100), np.int16), AFFINE)
    with pytest.raises(
        UnreadableScan, match=r"declares 3,276,800 bytes of voxels in a file of .*; that is no scan, and it is not unpacked"
    ):
        read_volume(tmp_path / "scan.nii.gz")
