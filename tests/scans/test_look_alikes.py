"""A copy of an X-ray is known whatever was done to its greys and size, and two X-rays are not taken for one."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.scans.dicom import read_radiograph
from radlearn.scans.look_alikes import SAME_ABOVE, fingerprints, thumbnail_of


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
    first, second = fingerprints(np.stack([thumbnail_of(one), thumbnail_of(other)]))
    return float(first @ second)


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_of_a_real_xray_is_the_same(copy: str, real_xrays: list[np.ndarray], tmp_path: Path) -> None:
    for pixels in real_xrays:
        found = likeness(pixels, COPIES[copy](pixels, tmp_path))
        assert abs(found) > SAME_ABOVE
        assert (found < 0) == (copy == "a negative")


def test_two_real_xrays_are_not_the_same(real_xrays: list[np.ndarray]) -> None:
    assert max(abs(likeness(one, other)) for one, other in itertools.combinations(real_xrays, 2)) < 0.9 < SAME_ABOVE


def test_a_thumbnail_is_the_mean_of_the_pixels_it_covers() -> None:
    pixels = np.zeros((64, 96), np.float32)
    pixels[:2, :3], pixels[2:4, :3] = 1.0, [0.25, 0.5, 0.75]
    thumbnail = thumbnail_of(pixels)
    assert thumbnail.shape == (32, 32)
    assert (thumbnail[0, 0], thumbnail[1, 0], thumbnail[5, 5]) == (255, 128, 0)


def test_what_shows_nothing_is_like_nothing() -> None:
    flat = np.full((64, 64), 0.3, np.float32)
    assert likeness(flat, flat) == 0
