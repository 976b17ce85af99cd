"""NIfTI files, with nibabel and SimpleITK as readers who know nothing of ours."""

import gzip
import zlib
from pathlib import Path

import numpy as np
import pytest

from radlearn.errors import BadSetting, UnreadableScan
from radlearn.scans import nifti
from radlearn.scans.nifti import read_volume, write_volume

nibabel = pytest.importorskip("nibabel", reason="nibabel, the independent reader, is not installed")

OBLIQUE = np.array([[-0.6, -0.4, 0.0, 100.0], [0.3, -0.8, 0.0, 50.0], [0.0, 0.0, 5.0, -200.0], [0, 0, 0, 1]])


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["i2", "u1", "f4", ">i2", "u2", "i4", "f8"])
def test_nibabel_reads_what_is_written(tmp_path: Path, ending: str, dtype: str) -> None:
    voxels = np.random.default_rng(0).integers(0, 100, (4, 5, 6)).astype(dtype)
    write_volume(tmp_path / f"scan{ending}", voxels, OBLIQUE)
    image = nibabel.load(tmp_path / f"scan{ending}")
    np.testing.assert_array_equal(np.asarray(image.dataobj), voxels)
    np.testing.assert_allclose(image.affine, OBLIQUE, atol=1e-4)
    assert image.get_data_dtype() == np.dtype(dtype).newbyteorder("=")


def test_a_mask_of_bool_is_written_as_bytes(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).random((4, 5, 6)) > 0.5
    write_volume(tmp_path / "mask.nii.gz", mask, OBLIQUE)
    image = nibabel.load(tmp_path / "mask.nii.gz")
    assert image.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(np.asarray(image.dataobj), mask)


def test_the_same_volume_gives_the_same_bytes(tmp_path: Path) -> None:
    voxels = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    for name in ("one.nii.gz", "other.nii.gz"):
        write_volume(tmp_path / name, voxels, OBLIQUE)
    content = (tmp_path / "one.nii.gz").read_bytes()
    assert content == (tmp_path / "other.nii.gz").read_bytes()
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


def saved_by_nibabel(path: Path, voxels: np.ndarray, affine: np.ndarray, slope: float = 1, intercept: float = 0, order: str = "<") -> Path:
    header = nibabel.Nifti1Header(endianness=order)
    header.set_data_dtype(voxels.dtype)
    image = nibabel.Nifti1Image(voxels, affine, header)
    image.header.set_slope_inter(slope, intercept)
    nibabel.save(image, path)
    return path


@pytest.fixture(params=["isal", "zlib"])
def unpacking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast library where it is installed, and Python's own."""
    module = zlib if request.param == "zlib" else pytest.importorskip("isal.isal_zlib", reason="isal is not installed")
    monkeypatch.setattr(nifti, "unpacking", module)


@pytest.mark.usefixtures("unpacking")
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["i2", "u1", "f4", "u2", "i4"])
def test_what_nibabel_writes_is_read_as_nibabel_reads_it(tmp_path: Path, ending: str, dtype: str, order: str) -> None:
    voxels = np.random.default_rng(0).integers(0, 100, (4, 5, 6)).astype(dtype)
    path = saved_by_nibabel(tmp_path / f"scan{ending}", voxels, OBLIQUE, order=order)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.voxels, voxels)
    np.testing.assert_array_equal(volume.affine, nibabel.load(path).affine)
    assert volume.voxels.dtype == np.dtype(dtype)
    assert volume.path == path


@pytest.mark.parametrize(
    ("stored", "slope", "intercept", "expected"),
    [
        ("i2", 1, -1024, "i2"),
        ("u2", 1, -1024, "i2"),
        ("u1", 300, -1024, "i4"),
        ("i2", 0.5, 0, "f4"),
        ("i2", -1, 7, "i2"),
        ("f4", 2, 1, "f4"),
    ],
)
def test_slope_and_intercept_are_applied_as_nibabel_applies_them(
    tmp_path: Path, stored: str, slope: float, intercept: float, expected: str
) -> None:
    voxels = np.random.default_rng(0).integers(0, 200, (4, 5, 6)).astype(stored)
    header = nibabel.Nifti1Header()
    header.set_data_dtype(stored)
    header.set_data_shape(voxels.shape)
    header.set_sform(OBLIQUE, 1)
    header["pixdim"][1:4] = np.linalg.norm(OBLIQUE[:3, :3], axis=0)
    header.set_slope_inter(slope, intercept)
    header["vox_offset"] = 352
    path = tmp_path / "scan.nii"
    path.write_bytes(header.binaryblock + bytes(4) + voxels.tobytes(order="F"))
    volume = read_volume(path)
    np.testing.assert_allclose(volume.voxels, np.asarray(nibabel.load(path).dataobj), rtol=1e-6)
    assert volume.voxels.dtype == np.dtype(expected)


def test_sitk_reads_the_same_voxels_at_the_same_places(tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK, the second independent reader, is not installed")
    voxels = np.random.default_rng(0).integers(-1000, 1000, (4, 5, 6)).astype(np.int16)
    write_volume(tmp_path / "scan.nii.gz", voxels, OBLIQUE)
    image, volume = sitk.ReadImage(str(tmp_path / "scan.nii.gz")), read_volume(tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image).transpose(2, 1, 0), volume.voxels)
    for index in ((0, 0, 0), (3, 0, 0), (0, 4, 0), (0, 0, 5), (1, 2, 3)):
        x_left, y_back, z_head = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose((volume.affine @ (*index, 1))[:3], (-x_left, -y_back, z_head), atol=1e-3)


def test_the_real_scans_are_read_as_nibabel_reads_them(shared_data: Path) -> None:
    for path in sorted((shared_data / "ct_real_sample").glob("*.nii.gz")):
        image, volume = nibabel.load(path), read_volume(path)
        np.testing.assert_array_equal(volume.voxels, np.asarray(image.dataobj))
        np.testing.assert_array_equal(volume.affine, image.affine)


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


def test_a_large_file_crosses_the_pieces_unharmed(tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).integers(-1000, 1000, (150, 90, 61)).astype(np.int16)
    for name in ("scan.nii", "scan.nii.gz"):
        write_volume(tmp_path / name, voxels, OBLIQUE)
        np.testing.assert_array_equal(read_volume(tmp_path / name).voxels, voxels)


def test_a_header_that_declares_more_than_the_file_can_hold_allocates_no_memory(tmp_path: Path) -> None:
    write_volume(tmp_path / "scan.nii", np.zeros((8, 9, 10), np.int16), OBLIQUE)
    content = bytearray((tmp_path / "scan.nii").read_bytes())
    content[42:48] = np.array([32767] * 3, "<i2").tobytes()
    (tmp_path / "scan.nii").write_bytes(content)
    with pytest.raises(UnreadableScan, match=r"declares 70,3.* more than such a file can hold"):
        read_volume(tmp_path / "scan.nii")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_voxels_that_are_no_numbers_are_refused(tmp_path: Path, bad: float) -> None:
    voxels = np.zeros((4, 5, 6), np.float32)
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
