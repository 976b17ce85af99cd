"""TIFFs of every kind of grey number are read as the numbers that were written, by arithmetic, and by Pillow and ITK where they can."""

import struct
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from radlearn.errors import UnreadableScan
from radlearn.scans.picture_files import read_picture
from radlearn.scans.tiff_kinds import grey_tiff, unread_kind

SHAPE = (13, 22)
SHARES = np.random.default_rng(5).random(SHAPE)
SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3}


def tiff(values: np.ndarray, photometric: int = 1, samples: int = 1, **more: int) -> bytes:
    """Return an uncompressed TIFF of one strip, written by hand: Pillow writes few of these kinds."""
    order = "<" if values.dtype.newbyteorder("<") == values.dtype else ">"
    data, bits = values.tobytes(), 8 * values.dtype.itemsize
    height, width = values.shape[:2]
    kind = SAMPLE_FORMATS[values.dtype.kind]
    entries = {
        256: width, 257: height, 258: (bits,) * samples, 259: 1, 262: photometric, 273: 8, 277: samples, 278: height, 279: len(data),
        339: (kind,) * samples,
    } | {int(tag): number for tag, number in more.items()}  # fmt: skip
    if samples == 2:
        entries[338] = 2
    listed = b""
    for tag, number in sorted(entries.items()):
        if isinstance(number, tuple):
            listed += struct.pack(f"{order}HHI", tag, 3, len(number)) + struct.pack(f"{order}{len(number)}H", *number).ljust(4, b"\0")
        else:
            listed += struct.pack(f"{order}HHII", tag, 4, 1, number)
    place = 8 + len(data) + len(data) % 2
    mark = b"II*\0" if order == "<" else b"MM\0*"
    directory = struct.pack(f"{order}H", len(entries)) + listed + bytes(4)
    return mark + struct.pack(f"{order}I", place) + data.ljust(place - 8, b"\0") + directory


def scaled(kind: str) -> np.ndarray:
    """Return numbers that fill most of the range of a kind, over its middle where it has a sign."""
    dtype = np.dtype(kind)
    if dtype.kind == "f":
        return (SHARES * 700 - 300).astype(dtype)
    limits = np.iinfo(dtype)
    return (limits.min + SHARES * 0.9 * (float(limits.max) - float(limits.min))).astype(dtype)


KINDS = [order + kind for order, kind in product("<>", ("i1", "u2", "i2", "u4", "i4", "f4", "u8", "i8", "f8", "f2"))]


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_number_is_read_as_itself(kind: str, photometric: int, tmp_path: Path) -> None:
    values = scaled(kind)
    (tmp_path / "a.tif").write_bytes(tiff(values, photometric))
    found = read_picture(tmp_path / "a.tif")
    exact = values.astype(np.float64)
    shares = (exact - exact.min()) / np.ptp(exact)
    np.testing.assert_allclose(found.pixels, shares if photometric else 1 - shares, atol=1e-6)
    assert any("0 is white" in note for note in found.notes) == (photometric == 0)


@pytest.mark.parametrize("kind", ["u2", "i2", "f4"])
def test_itk_reads_the_same(kind: str, tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK, the independent reader, is not installed")
    (tmp_path / "a.tif").write_bytes(tiff(scaled(f"<{kind}")))
    by_itk = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.tif"))).astype(np.float64)
    np.testing.assert_allclose(read_picture(tmp_path / "a.tif").pixels, (by_itk - by_itk.min()) / np.ptp(by_itk), atol=1e-6)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("photometric", [0, 1])
def test_grey_with_opacity_of_16_bits_is_read_and_refused_where_it_is_transparent(order: str, photometric: int, tmp_path: Path) -> None:
    grey = scaled(f"{order}u2")
    both = np.stack([grey, np.full_like(grey, 65535)], axis=-1)
    (tmp_path / "a.tif").write_bytes(tiff(both, photometric, 2))
    exact = grey.astype(float)
    shares = (exact - exact.min()) / np.ptp(exact)
    np.testing.assert_allclose(read_picture(tmp_path / "a.tif").pixels, shares if photometric else 1 - shares, atol=1e-6)
    both[1, 2, 1] = 60000
    (tmp_path / "a.tif").write_bytes(tiff(both, photometric, 2))
    with pytest.raises(UnreadableScan, match="is transparent in places"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["<i1", "<u4", ">f8"])
def test_an_orientation_is_followed_as_pillow_does(kind: str, orientation: int, tmp_path: Path) -> None:
    values = scaled(kind)
    (tmp_path / "a.tif").write_bytes(tiff(values, **{"274": orientation}))
    exif = Image.Exif()
    exif[274] = orientation
    plain = Image.fromarray(((values.astype(float) - values.min()) / np.ptp(values.astype(float))).astype(np.float32))
    plain.getexif()[274] = orientation
    np.testing.assert_allclose(read_picture(tmp_path / "a.tif").pixels, np.asarray(ImageOps.exif_transpose(plain)), atol=1e-6)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_ones_are_unpacked_by_pillow_and_inverted_here(compression: str, tmp_path: Path) -> None:
    values = scaled("<u2")
    Image.fromarray(values).save(tmp_path / "a.tif", compression=compression, tiffinfo={262: 0})
    exact = values.astype(float)
    np.testing.assert_allclose(read_picture(tmp_path / "a.tif").pixels, 1 - (exact - exact.min()) / np.ptp(exact), atol=1e-6)


def test_what_pillow_reads_rightly_is_left_to_it() -> None:
    assert grey_tiff(tiff((SHARES * 255).astype(np.uint8))) is None
    assert grey_tiff(tiff(scaled("<u2"))) is None
    assert grey_tiff(b"II*\0" + bytes(3)) is None
    assert grey_tiff(b"\x89PNG") is None


def test_a_kind_that_cannot_be_read_is_not_called_damaged_alone(tmp_path: Path) -> None:
    content = tiff(scaled("<f8"), **{"317": 2})
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(UnreadableScan, match=r"is a TIFF that is damaged, or of a kind that radlearn does not read\. Save it in grey"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", ["<u1", "<u2", ">u2"])
def test_numbers_in_planes_of_their_own_are_called_that_and_not_damage(kind: str, tmp_path: Path) -> None:
    values = scaled(kind)
    both, length = np.concatenate([values, values]), values.nbytes
    planes: dict[str, Any] = {"257": SHAPE[0], "278": SHAPE[0], "273": (8, 8 + length), "279": (length, length), "284": 2}
    (tmp_path / "a.tif").write_bytes(tiff(both, samples=2, **planes))
    words = r"is a TIFF in grey with 2 numbers a pixel \(SamplesPerPixel 2\), each kind in a plane of its own .* with one number a pixel"
    with pytest.raises(UnreadableScan, match=words):
        read_picture(tmp_path / "a.tif")
    assert unread_kind(tiff(values)) == unread_kind(b"II*\0" + bytes(3)) == unread_kind(b"\x89PNG") == ""


def test_what_is_read_when_it_is_whole_is_called_damaged_when_it_is_cut(tmp_path: Path) -> None:
    grey = np.stack([(SHARES * 255).astype(np.uint8), np.full(SHAPE, 255, np.uint8)], axis=2)
    content = tiff(grey, samples=2)
    (tmp_path / "a.tif").write_bytes(content)
    np.testing.assert_allclose(read_picture(tmp_path / "a.tif").pixels * 255, grey[..., 0], atol=1e-4)
    # Its strip ends beyond the file.
    (tmp_path / "a.tif").write_bytes(tiff(grey, samples=2, **{"273": 100_000}))
    with pytest.raises(UnreadableScan, match="is damaged or cut short"):
        read_picture(tmp_path / "a.tif")
