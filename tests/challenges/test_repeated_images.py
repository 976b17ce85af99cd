"""Frames of one person that look alike, and masks that contradict each other."""

import numpy as np
from scipy.ndimage import gaussian_filter

from radlearn.challenges.repeated_images import THUMBNAIL_PX, Frame, blocks_of, contradictions, thumbnail_of

RNG = np.random.default_rng(5)
SCENE, OTHER = (gaussian_filter(RNG.random((420, 580)), 12) for _ in range(2))


def frame(name: str, scene: np.ndarray, mask: slice | None, seed: int) -> Frame:
    noisy = scene + 0.2 * scene.std() * np.random.default_rng(seed).standard_normal(scene.shape)
    inside = np.zeros(scene.shape)
    if mask is not None:
        inside[mask, 200:300] = 1
    return Frame(name, thumbnail_of(noisy), blocks_of(inside))


def test_the_same_place_with_and_without_a_mask_is_a_contradiction() -> None:
    frames = [frame("a", SCENE, slice(100, 200), 0), frame("b", OTHER, slice(300, 400), 1), frame("c", SCENE, None, 2)]
    (found,) = contradictions(frames)
    assert (found.first, found.second, found.dice) == ("a", "c", 0)
    assert found.correlation > 0.97


def test_masks_that_lie_elsewhere_contradict_and_nearly_equal_ones_do_not() -> None:
    frames = [frame(str(top), SCENE, slice(top, top + 100), top) for top in (100, 110, 250)]
    assert [(found.first, found.second) for found in contradictions(frames)] == [("100", "250"), ("110", "250")]
    assert not list(contradictions([frame("a", SCENE, None, 0), frame("b", SCENE, None, 1)]))
    assert not list(contradictions(frames[:1]))


def test_brightness_and_contrast_do_not_make_another_picture() -> None:
    assert float((thumbnail_of(SCENE) * thumbnail_of(0.3 + 0.1 * SCENE)).sum()) > 0.999
    assert float((thumbnail_of(SCENE) * thumbnail_of(SCENE[:, ::-1])).sum()) < 0.5
    assert not thumbnail_of(np.zeros((50, 60))).any()


def test_blocks_are_means() -> None:
    image = np.arange(84 * 116, dtype=float).reshape(84, 116)
    assert np.allclose(blocks_of(image), image.reshape(42, 2, 58, 2).mean((1, 3)))
    assert blocks_of(np.ones((43, 700))).shape == THUMBNAIL_PX


def test_an_image_smaller_than_a_thumbnail_has_one_and_is_told_from_another() -> None:
    rows, columns = THUMBNAIL_PX
    for shape in ((rows - 1, columns - 1), (1, columns), (rows // 2, 3 * columns), (2, 2)):
        image = np.random.default_rng(1).random(shape)
        assert np.isfinite(blocks_of(image)).all()
        assert set(np.unique(blocks_of(image)).round(5)) <= set(np.unique(image.astype(np.float32)).round(5)) or max(shape) > max(
            THUMBNAIL_PX
        )
        thumbnail = thumbnail_of(image)
        assert float((thumbnail * thumbnail_of(5 * image + 3)).sum()) > 0.99
