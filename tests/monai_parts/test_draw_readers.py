"""What is told is what happened: every number is measured again in the image, without asking the transform."""

from typing import Any

import numpy as np
import pytest
import torch
from monai import transforms as mt

from radlearn.augmentation.drawn import Drawn
from radlearn.monai_parts.draw_readers import READERS, again_from
from radlearn.monai_parts.drawn import apply_and_tell
from tests.augmentation.blobs import blob_image, blob_places, measured_motion, told_motion

MOVES = {"rotate_range": (0.3, 0.2, 0.4), "translate_range": (4, 3, 2), "scale_range": (0.2, 0.15, 0.1)}
SHAPES = [(64, 72), (40, 44, 48)]
RNG = np.random.default_rng(3)


def told_once(transform: Any, item: Any, seed: int = 0) -> tuple[Any, Drawn]:
    compose = mt.Compose([transform])
    compose.set_random_state(seed)
    told = apply_and_tell(compose, item)
    assert len(told.drawn) == 1
    return told.result, told.drawn[0]


def both_kinds(array: type, dictionary: type, image: np.ndarray, seed: int, **arguments: Any) -> list[tuple[np.ndarray, Drawn]]:
    """Apply the version for arrays and the version for dictionaries, the second to two keys, and return their images and draws."""
    # Copies: RandCoarseDropout works in place.
    alone, drawn = told_once(array(prob=1.0, **arguments), torch.from_numpy(image.copy()), seed)
    item = {"image": image.copy(), "other": image.copy()}
    both, drawn_d = told_once(dictionary(("image", "other"), prob=1.0, **arguments), item, seed)
    assert torch.equal(torch.as_tensor(both["image"]), torch.as_tensor(both["other"]))
    assert (drawn.transform, drawn_d.transform) == (array.__name__, dictionary.__name__)
    return [(np.asarray(alone), drawn), (np.asarray(both["image"]), drawn_d)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("array", "dictionary", "arguments"),
    [
        (mt.RandAffine, mt.RandAffined, {**MOVES, "padding_mode": "zeros"}),
        (mt.RandRotate, mt.RandRotated, {"range_x": 0.3, "range_y": 0.2, "range_z": 0.4, "padding_mode": "zeros"}),
        (mt.RandZoom, mt.RandZoomd, {"min_zoom": (0.8, 0.9), "max_zoom": (1.2, 1.3), "mode": "bilinear"}),
    ],
)
def test_the_image_moves_as_is_told(array: type, dictionary: type, arguments: dict, shape: tuple[int, ...], seed: int) -> None:
    image, places = blob_image(shape)
    n = len(shape)
    if array is mt.RandZoom and n == 3:
        arguments = arguments | {"min_zoom": (0.8, 0.9, 0.9), "max_zoom": (1.2, 1.3, 1.1), "mode": "trilinear"}
    elif array is mt.RandAffine:
        arguments = {name: value[:n] if isinstance(value, tuple) else value for name, value in arguments.items()}
        arguments["rotate_range"] = MOVES["rotate_range"] if n == 3 else (0.4,)
    for moved, drawn in both_kinds(array, dictionary, image, seed, **arguments):
        linear, shift = measured_motion(places, blob_places(moved))
        told_linear, told_shift = told_motion(drawn.values, n)
        np.testing.assert_allclose(linear, told_linear, atol=0.012)
        # A zoom to a whole number of pixels may miss the centre by half of one.
        np.testing.assert_allclose(shift, told_shift, atol=0.6 if array is mt.RandZoom else 0.05)


def test_the_angle_told_is_the_angle_between_two_points_before_and_after() -> None:
    image, places = blob_image((96, 96))
    moved, drawn = told_once(mt.RandAffine(prob=1.0, rotate_range=0.5, padding_mode="zeros"), image, seed=4)
    before, after = places[2] - places[4], np.subtract(*blob_places(np.asarray(moved))[[2, 4]])
    # Rows point down, so that an angle from columns to rows counts clockwise.
    degrees = np.degrees(np.arctan2(after[0], after[1]) - np.arctan2(before[0], before[1]))
    assert abs(degrees) > 3
    assert drawn.values["rotated_clockwise_degrees"] == pytest.approx(degrees, abs=0.1)


def test_an_affine_that_changes_the_size_anyway_does_not_pass_for_applied() -> None:
    applied = []
    for seed in range(12):
        transform = mt.RandAffined("image", prob=0.5, rotate_range=0.5, spatial_size=(20, 20))
        image, _ = blob_image((40, 40), 4)
        result, drawn = told_once(transform, {"image": torch.from_numpy(image)}, seed)
        cropped = bool(np.allclose(result["image"], image[:, 10:30, 10:30], atol=1e-4))
        assert drawn.applied != cropped
        applied.append(drawn.applied)
    assert 0 < sum(applied) < 12


@pytest.mark.parametrize("axis", [0, 1, (0, 1), None, -1])
def test_a_mirrored_image_is_mirrored_along_the_axes_that_are_told(axis: Any) -> None:
    image = RNG.random((1, 6, 7)).astype(np.float32)
    for flipped, drawn in both_kinds(mt.RandFlip, mt.RandFlipd, image, 0, spatial_axis=axis):
        assert isinstance(drawn.values["mirrored"], tuple)
        names = [("height", "width").index(name) + 1 for name in drawn.values["mirrored"]]
        np.testing.assert_array_equal(flipped, np.flip(image, names))
    for flipped, drawn in both_kinds(mt.RandAxisFlip, mt.RandAxisFlipd, image, 1):
        (name,) = drawn.values["mirrored"]  # type: ignore[misc]
        np.testing.assert_array_equal(flipped, np.flip(image, ("height", "width").index(name) + 1))


@pytest.mark.parametrize("seed", range(4))
def test_quarter_turns_are_told_with_their_direction(seed: int) -> None:
    image, places = blob_image((60, 60))
    for turned, drawn in both_kinds(mt.RandRotate90, mt.RandRotate90d, image, seed, spatial_axes=(0, 1)):
        linear, _ = measured_motion(places, blob_places(turned))
        np.testing.assert_allclose(linear, told_motion(drawn.values, 2)[0], atol=1e-3)


def test_the_gamma_told_takes_every_pixel_to_its_new_value() -> None:
    image = np.linspace(0, 1, 100, dtype=np.float32).reshape(1, 10, 10)
    for after, drawn in both_kinds(mt.RandAdjustContrast, mt.RandAdjustContrastd, image, 2, gamma=(0.6, 1.7)):
        np.testing.assert_allclose(after, image ** drawn.values["gamma"], atol=1e-4)


def test_the_noise_told_has_that_standard_deviation() -> None:
    image = np.full((1, 100, 100), 0.5, np.float32)
    for after, drawn in both_kinds(mt.RandGaussianNoise, mt.RandGaussianNoised, image, 2, std=0.2):
        assert drawn.values["noise_std"] == pytest.approx((after - image).std(), rel=1e-3)
        assert 0 < drawn.values["noise_std"] < 0.2  # type: ignore[operator]
    fixed = told_once(mt.RandGaussianNoise(prob=1.0, std=0.1, sample_std=False), image)[1]
    # The standard deviation of 10,000 numbers lies within 3 % of their distribution's.
    assert fixed.values["noise_std"] == pytest.approx(0.1, rel=0.03)


@pytest.mark.parametrize("shape", [(41, 43), (31, 33, 29)])
def test_a_blurred_point_is_as_wide_as_is_told(shape: tuple[int, ...]) -> None:
    image = np.zeros((1, *shape), np.float32)
    image[(0, *(length // 2 for length in shape))] = 1
    for after, drawn in both_kinds(
        mt.RandGaussianSmooth, mt.RandGaussianSmoothd, image, 1, sigma_x=(1.0, 2.0), sigma_y=(1.5, 2.0), sigma_z=(0.8, 1.2)
    ):
        names = ["height_px", "width_px"] if len(shape) == 2 else ["right_left_voxels", "front_back_voxels", "feet_head_voxels"]
        assert list(drawn.values) == [f"blurred_{name}" for name in names]
        for axis, told in enumerate(drawn.values.values()):
            profile = after[0].sum(axis=tuple(other for other in range(len(shape)) if other != axis))
            at = np.arange(shape[axis]) - shape[axis] // 2
            # MONAI integrates the Gaussian over each pixel, which adds a pixel's own variance; its kernel ends at four deviations.
            assert np.sqrt((profile * at**2).sum() / profile.sum() - 1 / 12) == pytest.approx(told, rel=0.02)


@pytest.mark.parametrize("channel_wise", [False, True])
def test_factors_and_shifts_of_intensities_are_those_of_the_pixels(channel_wise: bool) -> None:
    image = RNG.uniform(0.2, 1, (2, 8, 8)).astype(np.float32)
    for after, drawn in both_kinds(mt.RandScaleIntensity, mt.RandScaleIntensityd, image, 2, factors=0.4, channel_wise=channel_wise):
        factor = np.broadcast_to(drawn.values["intensity_factor"], 2)
        np.testing.assert_allclose(after, image * factor[:, None, None], rtol=1e-5)
    for after, drawn in both_kinds(
        mt.RandScaleIntensityFixedMean, mt.RandScaleIntensityFixedMeand, image, 2, factors=0.4, channel_wise=channel_wise
    ):
        factor = np.broadcast_to(drawn.values["contrast_factor"], 2)
        mean = image.mean(axis=(1, 2), keepdims=True) if channel_wise else image.mean()
        np.testing.assert_allclose(after, mean + (image - mean) * factor[:, None, None], rtol=1e-4, atol=1e-5)
        assert "contrast × " in str(drawn)
    for after, drawn in both_kinds(mt.RandShiftIntensity, mt.RandShiftIntensityd, image, 2, offsets=0.4, channel_wise=channel_wise):
        shift = np.broadcast_to(drawn.values["intensity_shift"], 2)
        np.testing.assert_allclose(after, image + shift[:, None, None], rtol=1e-5)


@pytest.mark.parametrize("shape", [(40, 50), (20, 24, 22)])
@pytest.mark.parametrize("dropout_holes", [True, False])
def test_holes_are_where_the_image_is_constant(shape: tuple[int, ...], dropout_holes: bool) -> None:
    image = RNG.uniform(0.1, 1, (1, *shape)).astype(np.float32)
    arguments = {"holes": 1, "max_holes": 4, "spatial_size": 4, "max_spatial_size": 9, "fill_value": 0.0, "dropout_holes": dropout_holes}
    for seed in range(3):
        for after, drawn in both_kinds(mt.RandCoarseDropout, mt.RandCoarseDropoutd, image, seed, **arguments):
            ((name, blocks),) = drawn.values.items()
            assert name == f"{'holes' if dropout_holes else 'kept'}_{'px' if len(shape) == 2 else 'voxels'}"
            inside = np.zeros(shape, bool)
            for block in blocks:  # type: ignore[union-attr]
                n = len(shape)
                inside[tuple(slice(first, first + length) for first, length in zip(block[:n], block[n:], strict=True))] = True
            np.testing.assert_array_equal(after[0] == 0, inside if dropout_holes else ~inside)


def test_a_patch_is_the_part_of_the_image_that_is_told() -> None:
    image = RNG.random((1, 30, 34, 20)).astype(np.float32)
    for random_size in (False, True):
        for transform, item in (
            (mt.RandSpatialCrop((8, 9, 7), random_size=random_size), image),
            (mt.RandSpatialCropd("image", (8, 9, 7), random_size=random_size), {"image": image}),
        ):
            result, drawn = told_once(transform, item, seed=5)
            patch = np.asarray(result["image"] if isinstance(result, dict) else result)
            first, size = drawn.values["patch_first"], drawn.values["patch_voxels"]
            here = tuple(slice(start, start + length) for start, length in zip(first, size, strict=True))  # type: ignore[arg-type]
            np.testing.assert_array_equal(patch, image[(slice(None), *here)])


@pytest.mark.parametrize("with_indices", [True, False])
def test_patches_around_a_label_are_told_with_their_centre_and_the_class_that_was_drawn(with_indices: bool) -> None:
    image = RNG.uniform(0.1, 1, (1, 30, 34, 20)).astype(np.float32)
    label = np.zeros_like(image)
    # At the border, so that patches must be moved inside.
    label[0, :3, 4:8, :2] = 1
    item = {"image": image, "label": label}
    transform = mt.RandCropByPosNegLabeld(
        ("image", "label"), "label", (8, 8, 6), pos=1, neg=1, num_samples=12,
        fg_indices_key="fg" if with_indices else None, bg_indices_key="bg" if with_indices else None,
    )  # fmt: skip
    if with_indices:
        item |= {"fg": np.flatnonzero(label), "bg": np.flatnonzero(label == 0)}
    compose = mt.Compose([transform])
    compose.set_random_state(3)
    told = apply_and_tell(compose, item)
    assert [drawn.sample for drawn in told.drawn] == [(number,) for number in range(12)]
    kinds, moved = set(), 0
    for drawn, patch in zip(told.drawn, told.result, strict=True):
        first, centre, voxel = (drawn.values[f"patch_{name}"] for name in ("first", "centre", "for"))
        here = tuple(slice(start, start + length) for start, length in zip(first, (8, 8, 6), strict=True))  # type: ignore[arg-type]
        np.testing.assert_array_equal(patch["image"], image[(slice(None), *here)])
        np.testing.assert_array_equal(np.add(first, (4, 4, 3)), centre)
        assert drawn.values["patch_of"] == ("foreground" if label[0][voxel] else "background")
        kinds.add(drawn.values["patch_of"])
        moved += voxel != centre
    assert kinds == {"foreground", "background"}
    assert moved > 0


def test_the_crop_of_an_array_is_told_too_and_without_background_only_the_foreground_is_drawn() -> None:
    label = torch.ones((1, 20, 20))
    transform = mt.RandCropByPosNegLabel((6, 6), label=label, num_samples=3)
    compose = mt.Compose([transform])
    compose.set_random_state(0)
    with pytest.warns(UserWarning, match="unable to generate class balanced"):
        told = apply_and_tell(compose, torch.rand(1, 20, 20))
    assert [drawn.values["patch_of"] for drawn in told.drawn] == ["foreground"] * 3


def test_an_elastic_deformation_is_told_with_its_affine_part() -> None:
    image, places = blob_image((64, 64))
    arguments = {"spacing": (16, 16), "magnitude_range": (0.0, 0.0), "rotate_range": 0.3, "padding_mode": "zeros"}
    for moved, drawn in both_kinds(mt.Rand2DElastic, mt.Rand2DElasticd, image, 2, **arguments):
        assert drawn.values["bent_std_px"] == 0.0
        assert drawn.values["bent_every_px"] == (16.0, 16.0)
        linear, _ = measured_motion(places, blob_places(moved))
        np.testing.assert_allclose(linear, told_motion(drawn.values, 2)[0], atol=0.05)


def test_a_function_is_told_by_what_it_did_to_the_pixels() -> None:
    image = np.linspace(0, 1, 100, dtype=np.float32).reshape(1, 10, 10)
    assert told_once(mt.RandLambda(lambda one: one**1.4, prob=1.0), image)[1].values["gamma"] == pytest.approx(1.4, abs=1e-3)
    both = told_once(mt.RandLambdad("image", lambda one: 2 * one - 1, prob=1.0), {"image": image})[1].values
    assert both == pytest.approx({"intensity_factor": 2.0, "intensity_shift": -1.0})


def test_a_state_is_passed_again() -> None:
    numbers = np.random.RandomState(5)
    state = numbers.get_state()
    assert again_from(state).rand() == numbers.rand()


def test_transforms_come_in_pairs() -> None:
    names = {kind.__name__ for kind in READERS}
    assert {name for name in names if not name.endswith("d") and f"{name}d" not in names} == set()
