"""A copy of an image is known again, turned, mirrored, in a border, with other greys; another image is not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from radlearn.scans.dicom import read_radiograph
from radlearn.scans.known_pictures import KnownPictures, thumbnails_of
from radlearn.scans.resize import resized

SIDE = 320


def gamma(exponent: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.point([round(255 * (grey / 255) ** exponent) for grey in range(256)])


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "a quarter turn": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "three quarters, in a mirror": lambda image: ImageOps.mirror(image.transpose(Image.Transpose.ROTATE_270)),
    "a black border": lambda image: ImageOps.expand(image, 16, 0),
    "a border that is wider at the sides": lambda image: ImageOps.expand(image, (30, 9), 0),
    "a negative with a white border": lambda image: ImageOps.expand(ImageOps.invert(image), 20, 255),
    "gamma 0.6": gamma(0.6),
    "gamma 1.6": gamma(1.6),
    "the negative of gamma 0.6": lambda image: ImageOps.invert(gamma(0.6)(image)),
}


@pytest.fixture(scope="module")
def real_xrays(shared_data: Path) -> list[Image.Image]:
    paths = sorted((shared_data / "rsna_real_sample").rglob("*.dcm"))[:20]
    return [Image.fromarray(np.rint(255 * read_radiograph(path, SIDE).pixels).astype(np.uint8)) for path in paths]


def looks(image: Image.Image) -> list[np.ndarray]:
    return thumbnails_of(resized(np.asarray(image, np.float32) / 255, SIDE, SIDE))


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_of_a_real_xray_is_known_and_is_no_other(copy: str, real_xrays: list[Image.Image]) -> None:
    own = [(number, one) for number, image in enumerate(real_xrays) for one in looks(image)]
    known = KnownPictures(np.stack([one for _, one in own]))
    for number, image in enumerate(real_xrays):
        assert {own[found][0] for found in known.like(looks(COPIES[copy](image)))} == {number}


def test_an_xray_that_is_not_among_them_is_like_none(real_xrays: list[Image.Image]) -> None:
    known = KnownPictures(np.stack([one for image in real_xrays[:10] for one in looks(image)]))
    assert [known.like(looks(image)) for image in real_xrays[10:]] == [{}] * (len(real_xrays) - 10)


def test_only_an_image_with_a_plain_border_has_a_second_thumbnail() -> None:
    grey = np.random.default_rng(0).random((64, 64), np.float32)
    assert len(thumbnails_of(grey)) == 1
    alone, (_, within) = thumbnails_of(grey)[0], thumbnails_of(np.pad(grey, 7))
    assert np.abs(within.astype(int) - alone).max() <= 1
    assert len(thumbnails_of(np.pad(np.ones((4, 4), np.float32), 60))) == 1
