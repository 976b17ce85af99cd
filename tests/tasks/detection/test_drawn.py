"""What torchvision's transforms drew is told as it is seen in the image and in the boxes, and telling changes nothing."""

import re
import subprocess
import sys
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from radlearn.augmentation.drawn import Drawn
from radlearn.rsna_pneumonia_detection import detect_pneumonia
from radlearn.tasks.detection.drawn import apply_and_tell, as_arrays
from tests.augmentation.blobs import blob_image, blob_places, measured_motion, told_motion

XRAY = np.random.default_rng(0).uniform(0.05, 0.95, (1, 64, 64)).astype(np.float32)
BOXES = [[0.0, 3, 20, 30], [30, 12, 52, 44]]


def case(boxes: list = BOXES, image: np.ndarray = XRAY) -> dict[str, Any]:
    marked = tv_tensors.BoundingBoxes(torch.tensor(boxes).reshape(-1, 4), format="XYXY", canvas_size=image.shape[1:])
    return {"image": tv_tensors.Image(image.copy()), "boxes": marked, "labels": torch.ones(len(boxes), dtype=torch.long)}


def exposed(image: Tensor, gamma_range: float) -> Tensor:
    """Return an image with another exposure, still marked as an image."""
    return tv_tensors.Image(image ** float((1 + gamma_range) ** torch.empty(()).uniform_(-1, 1)))


def whole_chain() -> v2.Compose:
    return v2.Compose(
        [
            v2.RandomHorizontalFlip(0.5),
            v2.RandomAffine(6, (0.1, 0.1), (0.85, 1.15)),
            v2.ClampBoundingBoxes(),
            v2.SanitizeBoundingBoxes(min_size=2),
            v2.Lambda(partial(exposed, gamma_range=0.4), tv_tensors.Image),
            v2.Lambda(v2.RandomApply([v2.GaussianNoise(sigma=0.02)], p=0.5), tv_tensors.Image),
            v2.Lambda(v2.RandomErasing(0.5, scale=(0.02, 0.1)), tv_tensors.Image),
            v2.ToPureTensor(),
        ]
    )


def told_once(transform: v2.Transform, item: Any, seed: int = 0) -> tuple[Any, Drawn]:
    torch.manual_seed(seed)
    told = apply_and_tell(v2.Compose([transform]), item)
    assert len(told.drawn) == 1
    return told.result, told.drawn[0]


CHAINS = {
    "lesson": detect_pneumonia.training_transform(detect_pneumonia.Settings(size_px=64)),
    "whole": whole_chain(),
    "one in another": v2.Compose([v2.Compose([v2.RandomVerticalFlip(0.5)]), v2.RandomApply([v2.RandomRotation(20)], 0.5)]),
    "chosen": v2.Compose([v2.RandomChoice([v2.RandomHorizontalFlip(1.0), v2.RandomAffine(10)]), v2.RandomOrder([v2.RandomAffine(5)])]),
    "unknown": v2.Compose([v2.ColorJitter(0.3, 0.3), v2.RandomApply([lambda item: item], 0.5)]),
    "alone": v2.RandomAffine(10),
}


@pytest.mark.parametrize("name", CHAINS)
def test_the_result_is_that_of_the_transform_itself_bit_for_bit(name: str) -> None:
    transform = CHAINS[name]
    for seed in range(6):
        torch.manual_seed(seed)
        alone, number = transform(case()), torch.rand(1)
        torch.manual_seed(seed)
        told = apply_and_tell(transform, case())
        # The next random number is the same too.
        assert torch.equal(torch.rand(1), number)
        assert alone.keys() == told.result.keys()
        for key in alone:
            assert type(alone[key]) is type(told.result[key])
            assert torch.equal(torch.as_tensor(alone[key]), torch.as_tensor(told.result[key]))
        assert len(told.images) == len(told.drawn) > 0
        assert all(str(drawn) for drawn in told.drawn)


def test_nothing_is_left_behind_in_the_transform() -> None:
    transform = whole_chain()
    parts = [*transform.transforms, transform.transforms[5].lambd, transform.transforms[5].lambd.transforms[0]]
    before = [set(vars(part)) for part in parts]
    apply_and_tell(transform, case())
    assert [set(vars(part)) for part in parts] == before
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in parts)
    deepcopy(transform)


def test_also_after_an_error_which_is_raised_as_it_is() -> None:
    transform = v2.RandomAffine(5)
    with pytest.raises(TypeError):
        apply_and_tell(v2.Compose([transform, v2.Lambda(len, tv_tensors.Image), v2.Lambda(lambda image: image + None)]), case())
    with pytest.raises(ZeroDivisionError):
        apply_and_tell(flawed := v2.Lambda(lambda image: 1 / 0, tv_tensors.Image), case())
    assert not flawed._forward_hooks
    assert "make_params" not in vars(flawed)


def test_every_step_of_the_chain_is_told_whether_it_was_applied_or_not() -> None:
    names = ["RandomHorizontalFlip", "RandomAffine", "ClampBoundingBoxes", "SanitizeBoundingBoxes", "exposed", "GaussianNoise"]
    applied = set()
    for seed in range(12):
        torch.manual_seed(seed)
        told = apply_and_tell(whole_chain(), case())
        assert [drawn.transform for drawn in told.drawn] == [*names, "RandomErasing"]
        assert all("cannot be read" not in str(drawn) for drawn in told.drawn)
        assert all(drawn.values == {"probability": 0.5} for drawn in told.drawn if not drawn.applied)
        applied |= {(drawn.transform, drawn.applied) for drawn in told.drawn}
    assert len(applied) == 4 + 2 * 3


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "transform", [v2.RandomAffine(30, (0.1, 0.1), (0.8, 1.2), interpolation="bilinear"), v2.RandomRotation(30, "bilinear")]
)
def test_the_image_moves_as_is_told(transform: v2.Transform, seed: int) -> None:
    image, places = blob_image((64, 72))
    moved, drawn = told_once(transform, tv_tensors.Image(image), seed)
    linear, shift = measured_motion(places, blob_places(np.asarray(moved)))
    told_linear, told_shift = told_motion(drawn.values, 2)  # type: ignore[arg-type]
    np.testing.assert_allclose(linear, told_linear, atol=0.01)
    np.testing.assert_allclose(shift, told_shift, atol=0.05)


def test_a_shear_is_told_by_its_angles() -> None:
    drawn = told_once(v2.RandomAffine(0, shear=(5, 5.0001)), case())[1]
    assert drawn.values["shear_x_degrees"] == pytest.approx(5, abs=1e-3)
    assert "shear_y_degrees" not in drawn.values


def test_brightness_and_contrast_are_told_as_the_factors_that_they_are() -> None:
    image = tv_tensors.Image(torch.linspace(0.3, 0.5, 64).reshape(1, 8, 8))
    brighter, drawn = told_once(v2.ColorJitter(brightness=0.3), image)
    assert drawn.values == {"intensity_factor": pytest.approx(float(brighter.mean() / image.mean()), abs=1e-3)}
    steeper, drawn = told_once(v2.ColorJitter(contrast=0.3), image)
    assert drawn.values == {"contrast_factor": pytest.approx(float(steeper.std() / image.std()), abs=1e-3)}


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_the_changes_of_colour_jitter_is_not_told(seed: int) -> None:
    image = tv_tensors.Image(torch.linspace(0.3, 0.5, 64).reshape(1, 8, 8))
    drawn = told_once(v2.ColorJitter(brightness=0.3, contrast=0.3), image, seed)[1]
    assert set(drawn.values) == {"contrast_factor", "intensity_factor"}
    assert re.fullmatch(r"contrast × \d\.\d\d, intensities × \d\.\d\d", str(drawn))


def test_mirroring_is_told_with_its_direction() -> None:
    for transform, axis, words in (
        (v2.RandomHorizontalFlip(1.0), 2, "mirrored left–right"),
        (v2.RandomVerticalFlip(1.0), 1, "mirrored up–down"),
    ):
        result, drawn = told_once(transform, case())
        np.testing.assert_array_equal(result["image"], np.flip(XRAY, axis))
        assert str(drawn) == words


@pytest.mark.parametrize("seed", range(4))
def test_the_gamma_of_a_function_takes_every_pixel_to_its_new_value(seed: int) -> None:
    lesson = v2.Lambda(partial(detect_pneumonia.other_exposure, gamma_range=0.4), tv_tensors.Image)
    result, drawn = told_once(lesson, case(), seed)
    assert drawn.transform == "other_exposure"
    np.testing.assert_allclose(result["image"], XRAY ** drawn.values["gamma"], atol=1e-4)
    assert 1 / 1.4 <= drawn.values["gamma"] <= 1.4  # type: ignore[operator]


def test_the_noise_told_has_that_standard_deviation() -> None:
    grey = np.full((1, 100, 100), 0.5, np.float32)
    result, drawn = told_once(v2.RandomApply([v2.GaussianNoise(sigma=0.05)], p=1.0), case(image=grey))
    # The standard deviation of 10,000 numbers lies within 3 % of their distribution's.
    assert float(torch.as_tensor(result["image"]).std()) == pytest.approx(drawn.values["noise_std"], rel=0.03)
    assert drawn.transform == "GaussianNoise"


@pytest.mark.parametrize("seed", range(4))
def test_the_hole_is_where_the_image_is_constant(seed: int) -> None:
    result, drawn = told_once(v2.Lambda(v2.RandomErasing(1.0, scale=(0.02, 0.2)), tv_tensors.Image), case(), seed)
    ((row, column, height, width),) = drawn.values["holes_px"]  # type: ignore[misc]
    hole = np.zeros(XRAY.shape[1:], bool)
    hole[row : row + height, column : column + width] = True
    np.testing.assert_array_equal(np.asarray(result["image"])[0] == 0, hole)


def test_a_blurred_point_is_as_wide_as_is_told() -> None:
    point = np.zeros((1, 41, 41), np.float32)
    point[0, 20, 20] = 1
    result, drawn = told_once(v2.GaussianBlur(21, (1.0, 2.0)), case(image=point))
    profile = np.asarray(result["image"])[0].sum(axis=0)
    std = np.sqrt((profile * (np.arange(41) - 20) ** 2).sum() / profile.sum())
    assert drawn.values == pytest.approx({"blurred_height_px": std, "blurred_width_px": std}, rel=0.01)


def test_boxes_that_were_clipped_or_dropped_are_counted() -> None:
    boxes = [[10.0, 10, 30, 30], [50, 50, 80, 60], [62, 20, 90, 40]]
    torch.manual_seed(0)
    told = apply_and_tell(v2.Compose([v2.ClampBoundingBoxes(), v2.SanitizeBoundingBoxes(min_size=5)]), case(boxes))
    assert [str(drawn) for drawn in told.drawn] == ["2 of 3 boxes clipped at the border", "1 of 3 boxes dropped"]
    assert len(told.result["boxes"]) == 2
    assert told.images[0]["boxes"].tolist() == [[10, 10, 30, 30], [50, 50, 64, 60], [62, 20, 64, 40]]
    torch.manual_seed(0)
    none = apply_and_tell(v2.Compose([v2.ClampBoundingBoxes(), v2.SanitizeBoundingBoxes()]), case([]))
    assert [str(drawn) for drawn in none.drawn] == ["no box", "no box"]


def test_a_function_for_images_that_finds_none_says_so() -> None:
    # A power of a marked image is a plain tensor: what follows finds no image any more.
    unmarking = v2.Lambda(lambda image: image**1.0, tv_tensors.Image)
    chain = v2.Compose([unmarking, v2.Lambda(v2.RandomApply([v2.GaussianNoise()], p=1.0), tv_tensors.Image)])
    told = apply_and_tell(chain, case())
    assert [(drawn.transform, str(drawn)) for drawn in told.drawn] == [("GaussianNoise", "not applied (no Image among its inputs)")]
    np.testing.assert_array_equal(told.result["image"], XRAY)


def test_of_a_choice_only_the_chosen_one_is_applied() -> None:
    chosen = set()
    for seed in range(8):
        torch.manual_seed(seed)
        told = apply_and_tell(v2.RandomChoice([v2.RandomAffine(5), v2.RandomRotation(5), v2.Grayscale()]), case())
        applied = [drawn.transform for drawn in told.drawn if drawn.applied]
        assert len(told.drawn) == 3
        assert len(applied) == 1
        chosen |= set(applied)
    assert chosen == {"RandomAffine", "RandomRotation", "Grayscale"}


def test_an_unknown_transform_is_told_by_its_parameters_by_the_pixels_or_by_name() -> None:
    class Brighter(v2.Transform):
        def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
            return {"brightness": torch.rand(1), "mask": torch.zeros(100)}

        def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
            return inpt + params["brightness"] if isinstance(inpt, tv_tensors.Image) else inpt

    result, drawn = told_once(Brighter(), case())
    assert drawn.values == {"brightness": pytest.approx(float((torch.as_tensor(result["image"]) - torch.as_tensor(XRAY)).mean()), abs=1e-5)}
    dimmer = v2.Lambda(lambda image: image * torch.rand(1), tv_tensors.Image)
    assert list(told_once(dimmer, case())[1].values) == ["intensity_factor", "intensity_shift"]
    noisy = v2.Lambda(lambda image: image + 0.1 * torch.randn(image.shape), tv_tensors.Image)
    assert str(told_once(noisy, case())[1]) == "drew something that cannot be read"


def test_what_is_not_random_is_not_told() -> None:
    assert apply_and_tell(v2.Compose([v2.Resize(32), v2.ToDtype(torch.float32), v2.ToPureTensor()]), case()).drawn == []


def test_images_are_copies() -> None:
    item = case()
    arrays = as_arrays(item)
    item["image"][:] = 0
    np.testing.assert_array_equal(arrays["image"], XRAY)
    assert type(arrays["boxes"]) is np.ndarray
    assert as_arrays(torch.ones(1, dtype=torch.bfloat16)).tolist() == [1.0]


def test_telling_needs_no_monai() -> None:
    code = "import sys, radlearn.tasks.detection.drawn; print('monai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
