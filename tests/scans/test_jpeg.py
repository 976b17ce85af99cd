"""JPEG: scaled decoding agrees with averaging, and a frame that is truncated or of another image is refused."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
import simplejpeg
from pydicom.encaps import get_frame

from radlearn.errors import UnreadableScan
from radlearn.scans.dicom import find_xrays
from radlearn.scans.jpeg import decoded_grey, precision_of, refuse_damaged, smallest_eighths
from radlearn.scans.resize import resized

HERE = Path("xray.dcm")


def smooth(height: int, width: int, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).random((6, 6)).astype(np.float32) * 255
    return np.rint(resized(coarse, height, width)).astype(np.uint8)


def frame_of(image: np.ndarray) -> bytes:
    return simplejpeg.encode_jpeg(image[..., None], 95, "GRAY", "Gray")


@pytest.mark.parametrize(
    ("at_least_px", "decoded_px"),
    [((256, 192), (256, 192)), ((257, 1), (384, 288)), ((1, 1), (128, 96)), ((1024, 768), (1024, 768)), ((5000, 5000), (1024, 768))],
)
def test_the_scale_is_the_smallest_eighth_that_is_not_below(at_least_px: tuple[int, int], decoded_px: tuple[int, int]) -> None:
    eighths = smallest_eighths((1024, 768), at_least_px)
    assert decoded_grey(HERE, frame_of(smooth(1024, 768)), (1024, 768), eighths).shape == decoded_px


@pytest.mark.parametrize("size_px", [(8, 8), (9, 15), (17, 250), (401, 63), (1, 1)])
@pytest.mark.parametrize("eighths", range(1, 9))
def test_every_eighth_of_every_size_is_what_was_asked_for(size_px: tuple[int, int], eighths: int) -> None:
    decoded = decoded_grey(HERE, frame_of(smooth(*size_px)), size_px, eighths)
    assert decoded.shape == tuple(int(np.ceil(side * eighths / 8)) for side in size_px)


@pytest.mark.parametrize("parts", [2, 4, 8])
def test_scaled_decoding_is_nearly_the_average_of_the_full_image(parts: int) -> None:
    frame = frame_of(smooth(512, 512))
    size = 512 // parts
    average = resized(decoded_grey(HERE, frame, (512, 512)).astype(np.float32), size, size)
    assert np.abs(np.rint(average) - decoded_grey(HERE, frame, (512, 512), 8 // parts)).mean() < 0.3


def test_real_xrays_at_a_quarter_differ_by_less_than_a_tenth_of_a_grey_level(shared_data: Path) -> None:
    differences = []
    for path in find_xrays(shared_data / "rsna_real_sample")[::10]:
        frame = get_frame(pydicom.dcmread(path).PixelData, 0, number_of_frames=1)
        average = resized(decoded_grey(path, frame, (1024, 1024)).astype(np.float32), 256, 256)
        differences.append(np.abs(np.rint(average) - decoded_grey(path, frame, (1024, 1024), 2)).mean())
    assert np.mean(differences) < 0.1


def test_a_frame_without_its_end_is_truncated_however_little_is_missing() -> None:
    frame = frame_of(smooth(64, 48))
    refuse_damaged(HERE, frame, (64, 48), 8)
    refuse_damaged(HERE, frame + b"\0", (64, 48), 8)
    for missing in (1, 2, 10, len(frame) // 2):
        with pytest.raises(UnreadableScan, match=r"xray\.dcm: is truncated: .* no end marker"):
            refuse_damaged(HERE, frame[:-missing], (64, 48), 8)


def test_missing_bytes_in_the_middle_are_damage() -> None:
    frame = frame_of(smooth(64, 48))
    with pytest.raises(UnreadableScan, match=r"xray\.dcm: its JPEG image is damaged"):
        decoded_grey(HERE, frame[:400] + frame[-10:], (64, 48))


def test_another_image_than_the_header_declares_is_refused() -> None:
    frame = frame_of(smooth(64, 48))
    with pytest.raises(UnreadableScan, match=r"64 × 48 of 8 bits; its header declares 48 × 64"):
        refuse_damaged(HERE, frame, (48, 64), 8)
    with pytest.raises(UnreadableScan, match="of at most 7"):
        refuse_damaged(HERE, frame, (64, 48), 7)
    with pytest.raises(UnreadableScan, match="in colour"):
        refuse_damaged(HERE, simplejpeg.encode_jpeg(np.zeros((64, 48, 3), np.uint8)), (64, 48), 8)


def test_what_is_not_a_jpeg_is_refused() -> None:
    for start in (b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xff", b"GIF89a", b"\xff\x4f\xff\x51\0"):
        with pytest.raises(UnreadableScan, match=r"damaged: it does not start|end marker"):
            refuse_damaged(HERE, start + b"\xff\xd9", (64, 48), 8)


def test_fill_bytes_before_a_marker_are_skipped() -> None:
    frame = frame_of(smooth(64, 48))
    refuse_damaged(HERE, frame[:2] + b"\xff\xff\xff" + frame[2:], (64, 48), 8)


@pytest.mark.parametrize("padding", [b"\xff", b"\x20", b"\x9c\x00", b"\x00" * 500, bytes(range(256)) * 4])
def test_what_follows_the_end_marker_is_padding_whatever_it_is(padding: bytes) -> None:
    frame = frame_of(smooth(64, 48))
    refuse_damaged(HERE, frame + padding, (64, 48), 8)
    np.testing.assert_array_equal(decoded_grey(HERE, frame + padding, (64, 48)), decoded_grey(HERE, frame, (64, 48)))


def test_the_end_marker_of_a_thumbnail_in_the_header_is_not_that_of_the_image() -> None:
    frame, thumbnail = frame_of(smooth(64, 48)), frame_of(smooth(8, 8))
    application = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = frame[:2] + application + frame[2:]
    refuse_damaged(HERE, whole, (64, 48), 8)
    with pytest.raises(UnreadableScan, match="no end marker"):
        refuse_damaged(HERE, whole[:-10], (64, 48), 8)


def test_the_bits_of_a_pixel_stand_in_the_frame() -> None:
    assert precision_of(frame_of(smooth(64, 48))) == 8
    assert precision_of(b"GIF89a") is None
