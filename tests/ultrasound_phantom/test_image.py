"""One built-in ultrasound image."""

import numpy as np
from scipy.ndimage import binary_dilation

from radlearn.challenges.repeated_images import ALIKE_ABOVE, thumbnail_of
from radlearn.ultrasound_phantom.image import SHAPE, render_image
from radlearn.ultrasound_phantom.planning import PlannedImage, plan_images
from radlearn.ultrasound_phantom.tissue import NERVE, VESSEL

PLANS = plan_images(24, 3)
MADE = [render_image(plan) for plan in PLANS]


def test_the_same_plan_gives_the_same_bytes_and_another_image_others() -> None:
    again = render_image(PLANS[4])
    assert np.array_equal(again.pixels, MADE[4].pixels)
    assert np.array_equal(again.reader_mask, MADE[4].reader_mask)
    assert not np.array_equal(MADE[4].pixels, MADE[5].pixels)


def test_an_image_has_the_challenges_size_and_a_grey_scale_in_use() -> None:
    for made in MADE:
        assert made.pixels.shape == made.labels.shape == made.reader_mask.shape == SHAPE
        assert (made.pixels.dtype, made.labels.dtype, made.reader_mask.dtype) == (np.uint8, np.uint8, bool)
        assert 10 < made.pixels.mean() < 140
        assert made.pixels.std() > 12


def test_the_nerve_is_where_the_plan_says_and_a_reader_outlines_nearly_that() -> None:
    overlaps = []
    for plan, made in zip(PLANS, MADE, strict=True):
        exact = made.labels == NERVE
        if not plan.nerve_seen:
            assert not exact.any()
            assert not made.reader_mask.any()
        elif made.reader_mask.any():
            overlaps.append(2 * (exact & made.reader_mask).sum() / (exact.sum() + made.reader_mask.sum()))
    assert len(overlaps) > 8
    assert 0.85 < np.mean(overlaps) < 0.99


def test_vessels_are_darker_than_what_lies_around_them() -> None:
    shares = []
    for made in MADE:
        vessel = made.labels == VESSEL
        if vessel.sum() > 500:
            around = binary_dilation(vessel, iterations=20) & ~binary_dilation(vessel, iterations=2) & (made.labels == 0)
            shares.append(made.pixels[vessel].mean() / made.pixels[around].mean())
    assert len(shares) > 5
    assert max(shares) < 0.7


def test_repeated_frames_look_alike_and_other_views_of_a_person_do_not() -> None:
    first = PlannedImage(3, 2, 1, 1, True)
    frames = [first, first._replace(image=2), first._replace(image=2, place=2)]
    one, repeated, other = (thumbnail_of(render_image(plan).pixels / 255) for plan in frames)
    assert float((one * repeated).sum()) > ALIKE_ABOVE > float((one * other).sum())
