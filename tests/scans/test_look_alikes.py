"""A copy of an X-ray is known whatever was done to its greys and size, and two X-rays are not taken for one."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.scans.dicom import read_radiograph
from radlearn.scans.look_alikes import SAME_ABOVE, thumbnail_of
from radlearn.scans.look_alikes import likeness as likeness_of_thumbnails
from radlearn.scans.same_xrays import same_xrays


def as_jpeg(pixels: np.ndarray, folder: Path) -> np.ndarray:
    Image.fromarray(np.rint(255 * pixels).astype(np.uint8)).save(folder / "copy.jpg", quality=75)
    return np.asarray(Image.open(folder / "copy.jpg"), np.float32) / 255


def smaller(pixels: np.ndarray, folder: Path) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((150, 150), Image.Resampling.BICUBIC))


COPIES: dict[str, Callable[[np.ndarray, Path], np.ndarray]] = {
    "eight bits": lambda pixels, folder: np.rint(255 * pixels) / 255,
    "a negative": lambda pixels, folder: 1 - pixels,
    "a JPEG": as_jpeg,
    "smaller": smaller,
    "darker, less contrast": lambda pixels, folder: 0.1 + 0.4 * pixels,
}


@pytest.fixture(scope="module")
def real_xrays(shared_data: Path) -> list[np.ndarray]:
    paths = sorted((shared_data / "rsna_real_sample").rglob("*.dcm"))[:30]
    return [read_radiograph(path, 320).pixels for path in paths]


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    return likeness_of_thumbnails(thumbnail_of(one), thumbnail_of(other))


# As films are exported: into the shape of a screen, onto a large canvas, with a title's bar; black, grey or white.
FRAMES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda pixels: pixels,
    "portrait on a wide screen": lambda pixels: np.pad(pixels, ((0, 0), (130, 130))),
    "bars above and below": lambda pixels: np.pad(pixels, ((32, 32), (0, 0))),
    "a third above and below": lambda pixels: np.pad(pixels, ((110, 110), (0, 0))),
    "all around, white": lambda pixels: np.pad(pixels, 50, constant_values=1),
    "all around, grey": lambda pixels: np.pad(pixels, 64, constant_values=0.4),
    "in a corner of a large canvas": lambda pixels: np.pad(pixels, ((0, 160), (0, 160))),
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_of_a_real_xray_is_the_same(copy: str, real_xrays: list[np.ndarray], tmp_path: Path) -> None:
    for pixels in real_xrays:
        found = likeness(pixels, COPIES[copy](pixels, tmp_path))
        assert abs(found) > SAME_ABOVE
        assert (found < 0) == (copy == "a negative")


@pytest.mark.parametrize("frame", FRAMES)
def test_two_real_xrays_are_not_the_same_in_a_frame_either(frame: str, real_xrays: list[np.ndarray]) -> None:
    thumbnails = [thumbnail_of(FRAMES[frame](pixels)) for pixels in real_xrays]
    assert max(abs(likeness_of_thumbnails(one, other)) for one, other in itertools.combinations(thumbnails, 2)) < 0.9 < SAME_ABOVE
    assert same_xrays(np.stack(thumbnails)) == []


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("frame", FRAMES)
def test_a_copy_in_a_frame_is_the_same(frame: str, copy: str, real_xrays: list[np.ndarray], tmp_path: Path) -> None:
    for pixels in map(FRAMES[frame], real_xrays[::3]):
        assert abs(likeness(pixels, COPIES[copy](pixels, tmp_path))) > SAME_ABOVE


def test_what_a_frame_leaves_no_room_for_is_compared_as_a_whole() -> None:
    slit = np.zeros((32, 32), np.uint8)
    slit[14:18] = np.random.default_rng(0).integers(0, 256, (4, 32))
    assert likeness_of_thumbnails(slit, slit) == pytest.approx(1)
    assert likeness_of_thumbnails(slit, 255 - slit) == pytest.approx(-1)


def test_a_thumbnail_is_the_mean_of_the_pixels_it_covers() -> None:
    pixels = np.zeros((64, 96), np.float32)
    pixels[:2, :3], pixels[2:4, :3] = 1.0, [0.25, 0.5, 0.75]
    thumbnail = thumbnail_of(pixels)
    assert thumbnail.shape == (32, 32)
    assert (thumbnail[0, 0], thumbnail[1, 0], thumbnail[5, 5]) == (255, 128, 0)


def test_what_shows_nothing_is_like_nothing() -> None:
    flat = np.full((64, 64), 0.3, np.float32)
    assert likeness(flat, flat) == 0
