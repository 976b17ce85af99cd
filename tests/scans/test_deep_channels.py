"""Channels of 16 bits keep all of them: ITK writes the pictures, and what it was given is what must come out."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.errors import UnreadableScan
from radlearn.scans.deep_channels import deep_channels, has_deep_channels
from radlearn.scans.picture_files import read_picture

TWELVE_BITS = np.random.default_rng(3).integers(0, 4096, (33, 41)).astype(np.uint16)
OPAQUE = np.full_like(TWELVE_BITS, 65535)
CHANNELS = {
    "grey and opacity": [TWELVE_BITS, OPAQUE],
    "colours": [TWELVE_BITS] * 3,
    "colours and opacity": [TWELVE_BITS] * 3 + [OPAQUE],
}


def written(path: Path, channels: list[np.ndarray], compressed: bool = False) -> Path:
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK, which writes pictures of 16 bits, is not installed")
    sitk.WriteImage(sitk.GetImageFromArray(np.stack(channels, axis=-1), isVector=True), str(path), compressed)
    return path


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("kind", CHANNELS)
def test_no_bit_of_a_channel_is_lost(name: str, kind: str, compressed: bool, tmp_path: Path) -> None:
    if (name, kind) == ("a.tif", "grey and opacity"):
        pytest.skip("ITK writes no such TIFF; the tests of tiff_kinds do")
    found = read_picture(written(tmp_path / name, CHANNELS[kind], compressed))
    low, high = int(TWELVE_BITS.min()), int(TWELVE_BITS.max())
    np.testing.assert_allclose(found.pixels, (TWELVE_BITS.astype(float) - low) / (high - low), atol=1e-6)
    assert found.bits == 16
    assert found.notes[0] == "stored in colour, though it is grey"
    assert f"its values, {low} to {high}, are shown from black to white" in found.notes[1]


def test_all_channels_come_out_in_their_order(tmp_path: Path) -> None:
    channels = [np.roll(TWELVE_BITS, number, axis=1) * 13 for number in range(4)]
    path = written(tmp_path / "a.png", channels)
    with Image.open(path) as image:
        assert has_deep_channels(image)
    np.testing.assert_array_equal(deep_channels(lambda: Image.open(path)), np.stack(channels, axis=-1))


def test_pictures_of_one_channel_or_of_eight_bits_have_none(tmp_path: Path) -> None:
    for number, image in enumerate((Image.fromarray(TWELVE_BITS), Image.new("RGB", (4, 4)), Image.new("LA", (4, 4)))):
        image.save(tmp_path / f"{number}.png")
        with Image.open(tmp_path / f"{number}.png") as opened:
            assert not has_deep_channels(opened)


def test_colours_and_transparent_parts_of_16_bits_are_refused(tmp_path: Path) -> None:
    # A twentieth of twelve bits, which is less than one of 256 steps of sixteen.
    marked = TWELVE_BITS.copy()
    marked[4, 5] ^= 200
    with pytest.raises(UnreadableScan, match="is coloured"):
        read_picture(written(tmp_path / "a.png", [TWELVE_BITS, TWELVE_BITS, marked]))
    clear = OPAQUE.copy()
    clear[0, 0] = 65000
    with pytest.raises(UnreadableScan, match="is transparent in places"):
        read_picture(written(tmp_path / "b.png", [TWELVE_BITS, clear]))


@pytest.mark.parametrize("orientation", range(2, 9))
def test_an_orientation_turns_them_too(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    plain = written(tmp_path / "a.png", CHANNELS["colours"])
    content = plain.read_bytes()
    # A chunk of its own after the first one, which ends after 33 bytes.

    chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    (tmp_path / "b.png").write_bytes(
        content[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[33:]
    )
    Image.fromarray(TWELVE_BITS).save(tmp_path / "c.png", exif=exif)
    np.testing.assert_array_equal(read_picture(tmp_path / "b.png").pixels, read_picture(tmp_path / "c.png").pixels)
    assert read_picture(tmp_path / "b.png").notes[-1] == "turned as its EXIF orientation says"
