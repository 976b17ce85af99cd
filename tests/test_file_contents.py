"""Digests of image files: of their bytes, and of stored pixels alone, whatever name, header and packing say."""

import gzip
import hashlib
import json
import os
import struct
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from radlearn import file_contents
from radlearn.file_contents import BLANK, combined, file_digest, is_of_values, read_content

VOXELS = np.random.default_rng(0).integers(-1000, 400, (12, 10, 6)).astype(np.int16)


def nifti(path: Path, voxels: np.ndarray = VOXELS, kind: type = nibabel.Nifti1Image, spacing: float = 1.0) -> Path:
    nibabel.save(kind(voxels, np.diag([spacing, 1.0, 1.0, 1.0])), path)
    return path


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm", "SC_rgb_jpeg_dcmtk.dcm", "MR_small_implicit.dcm"])
def test_another_patient_in_the_header_is_the_same_image(tmp_path: Path, name: str) -> None:
    source = Path(get_testdata_file(name))
    dataset = pydicom.dcmread(source)
    dataset.PatientID, dataset.PatientName, dataset.StudyInstanceUID = "somebody else", "Else^Somebody", "1.2.3"
    dataset.save_as(tmp_path / "anonymised.dcm")
    one, other = read_content(source), read_content(tmp_path / "anonymised.dcm")
    assert one.pixels == other.pixels
    assert one.file != other.file


@pytest.mark.parametrize("name", ["CT_small.dcm", "JPEG2000.dcm"])
def test_one_other_pixel_is_another_image(tmp_path: Path, name: str) -> None:
    dataset = pydicom.dcmread(get_testdata_file(name))
    stored = bytearray(dataset.PixelData)
    stored[len(stored) // 2] ^= 1
    dataset.PixelData = bytes(stored)
    dataset.save_as(tmp_path / "other.dcm")
    assert read_content(tmp_path / "other.dcm").pixels != read_content(Path(get_testdata_file(name))).pixels


@pytest.mark.parametrize("name", ["ExplVR_BigEnd.dcm", "image_dfl.dcm"])
def test_where_pixels_are_not_found_the_whole_file_counts(name: str) -> None:
    content = read_content(Path(get_testdata_file(name)))
    assert content.pixels == content.file


@pytest.mark.parametrize("piece", [100, 2**22])
def test_a_ct_is_the_same_in_any_packing_and_with_another_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    plain = nifti(tmp_path / "a.nii")
    packed = tmp_path / "two streams.nii.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()[:700]) + gzip.compress(plain.read_bytes()[700:]))
    same = [plain, nifti(tmp_path / "b.nii.gz"), nifti(tmp_path / "c.nii", kind=nibabel.Nifti2Image), nifti(tmp_path / "d.nii", spacing=2)]
    monkeypatch.setattr(file_contents, "PIECE_BYTES", piece)
    assert len({read_content(path).pixels for path in [*same, packed]}) == 1
    assert len({read_content(path).file for path in [*same, packed]}) == 5


@pytest.mark.parametrize(
    "voxels", [VOXELS + np.int16(1), VOXELS[::-1], VOXELS.reshape(10, 12, 6), VOXELS.astype(np.int32), VOXELS[..., :5]]
)
def test_other_voxels_another_shape_or_type_are_another_ct(tmp_path: Path, voxels: np.ndarray) -> None:
    assert read_content(nifti(tmp_path / "a.nii", voxels)).pixels != read_content(nifti(tmp_path / "b.nii.gz")).pixels


def test_a_cut_or_mad_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    whole = nifti(tmp_path / "a.nii").read_bytes()
    absurd = bytearray(whole)
    absurd[40:56] = struct.pack("<8h", 7, *[30_000] * 7)
    packed = nifti(tmp_path / "b.nii.gz").read_bytes()
    for number, content in enumerate([whole[:-1], bytes(absurd), packed[:-30], packed[:15], b"", b"\x1f\x8b", b"text", whole[:100]]):
        path = tmp_path / f"{number}"
        path.write_bytes(content)
        found = read_content(path)
        assert found.pixels == found.file


def test_an_image_that_is_the_same_everywhere_is_nobodys(tmp_path: Path) -> None:
    for name, voxels in (("empty mask", np.zeros((4, 5, 6), np.uint8)), ("full", np.full((4, 5, 6), 7, np.uint8))):
        assert read_content(nifti(tmp_path / f"{name}.nii.gz", voxels)).pixels.startswith(BLANK)
    assert not read_content(nifti(tmp_path / "a.nii")).pixels.startswith(BLANK)
    sizes = {read_content(nifti(tmp_path / f"{side}.nii", np.zeros((side, 5, 6), np.uint8))).pixels for side in (3, 4)}
    assert len(sizes) == 2


def test_a_bomb_is_unpacked_no_further_than_its_voxels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = []
    unpacked = file_contents._unpacked
    monkeypatch.setattr(file_contents, "_unpacked", lambda content: (pieces.append(1) or piece for piece in unpacked(content)))
    whole = nifti(tmp_path / "a.nii").read_bytes()
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(whole + bytes(200_000_000), 1))
    assert read_content(tmp_path / "bomb.nii.gz").pixels == read_content(tmp_path / "a.nii").pixels
    assert len(pieces) == 1


def test_one_digest_of_several_depends_on_their_order_and_of_one_is_itself() -> None:
    assert combined(["a"]) == "a"
    assert combined(["a", "b"]) != combined(["b", "a"]) != combined(["ab"])
    assert json.dumps(combined([]))


def with_private_value(path: Path, value: bytes) -> Path:
    """Give a DICOM file a private element, which stands before its pixels."""
    dataset = pydicom.dcmread(path)
    dataset.private_block(0x0009, "radlearn test", create=True).add_new(1, "OB", value)
    dataset.save_as(path)
    return path


def with_icon(path: Path, icon: bytes) -> Path:
    """Give a DICOM file a thumbnail of 16 × 16 pixels."""
    dataset, small = pydicom.dcmread(path), pydicom.Dataset()
    small.Rows = small.Columns = 16
    small.BitsAllocated = small.BitsStored = 8
    small.HighBit, small.SamplesPerPixel, small.PixelRepresentation, small.PhotometricInterpretation = 7, 1, 0, "MONOCHROME2"
    small.PixelData = icon
    dataset.IconImageSequence = [small]
    dataset.save_as(path)
    return path


def copies(folder: Path, name: str) -> tuple[Path, Path]:
    """Return two files of one image, the second with one other byte in its pixels."""
    source = pydicom.dcmread(get_testdata_file(name))
    source.save_as(folder / "one.dcm")
    stored = bytearray(source.PixelData)
    stored[len(stored) // 2] ^= 1
    source.PixelData = bytes(stored)
    source.save_as(folder / "other.dcm")
    return folder / "one.dcm", folder / "other.dcm"


PIXEL_DATA_ELEMENT = b"\xe0\x7f\x10\x00OW\x00\x00\x08\x00\x00\x00abcdefgh"


@pytest.mark.parametrize("name", ["CT_small.dcm", "JPEG2000.dcm", "MR_small_implicit.dcm"])
def test_neither_an_icon_nor_bytes_like_those_of_the_tag_are_the_pixels(tmp_path: Path, name: str) -> None:
    plain, changed = (read_content(path).pixels for path in copies(tmp_path, name))
    for add in (
        lambda path: with_icon(path, bytes(256)),
        lambda path: with_icon(path, bytes(range(256))),
        lambda path: with_private_value(path, PIXEL_DATA_ELEMENT),
        lambda path: with_private_value(path, b"\xe0\x7f\x10\x00" + b"\xff" * 12),
    ):
        one, other = copies(tmp_path, name)
        assert (read_content(add(one)).pixels, read_content(add(other)).pixels) == (plain, changed)


@pytest.mark.parametrize("name", ["CT_small.dcm", "JPEG2000.dcm"])
def test_what_stands_behind_the_pixels_is_none_of_them(tmp_path: Path, name: str) -> None:
    one, _ = copies(tmp_path, name)
    plain = read_content(one)
    # Data Set Trailing Padding: DICOM PS3.10, section 7.2.
    one.write_bytes(one.read_bytes() + b"\xfc\xff\xfc\xffOB\x00\x00\x10\x00\x00\x00" + bytes(16))
    assert read_content(one).pixels == plain.pixels
    assert read_content(one).file != plain.file


def test_a_pipe_is_no_file_to_wait_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.dcm")
    for read in (read_content, file_digest):
        with pytest.raises(OSError, match="is a pipe or a device"):
            read(tmp_path / "a.dcm")


def test_the_digest_of_a_file_is_blake2b_of_its_bytes(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii")
    expected = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    assert file_digest(path) == read_content(path).file == expected
    assert is_of_values(f"v2:1x1:{expected}")
    assert not any(map(is_of_values, (expected, BLANK + expected, "")))
