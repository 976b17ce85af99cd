"""Telling changes nothing, and nothing that is random is left out."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai import transforms as mt
from monai.data import MetaTensor
from monai.transforms.traits import RandomizableTrait

from radlearn.augmentation.drawn import Axis
from radlearn.covid19_ct_segmentation import segment_lesions
from radlearn.monai_parts.drawn import apply_and_tell, as_arrays
from radlearn.rsna_pneumonia_classification import classify_pneumonia
from radlearn.sample_key import SampleKey

RNG = np.random.default_rng(1)
XRAY = RNG.random((1, 40, 40)).astype(np.float32)
PATCH = {"image": RNG.random((1, 24, 24, 16)).astype(np.float32), "mask": (RNG.random((1, 24, 24, 16)) > 0.9).astype(np.float32)}


def assert_same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            if not str(key).endswith("_transforms"):
                assert_same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for mine, yours in zip(one, other, strict=True):
            assert_same(mine, yours)
    elif isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype
        assert torch.equal(one.as_subclass(torch.Tensor), other.as_subclass(torch.Tensor))
        if isinstance(one, MetaTensor):
            assert torch.equal(one.affine, other.affine)
            assert len(one.applied_operations) == len(other.applied_operations)
    else:
        assert np.array_equal(one, other)


def several_patches() -> list:
    return [
        mt.RandCropByPosNegLabeld(("image", "mask"), "mask", (12, 12, 8), num_samples=3),
        mt.RandFlipd(("image", "mask"), prob=0.5, spatial_axis=0),
        mt.Compose([mt.RandGaussianNoised("image", prob=0.7), mt.RandScaleIntensityd("image", 0.2, prob=0.5)]),
    ]


def random_part(transform: mt.Compose) -> mt.Compose:
    """Return what follows the deterministic part of a lesson's transform."""
    first = transform.get_index_of_first(lambda one: isinstance(one, RandomizableTrait))
    return mt.Compose(transform.transforms[first:])


CASES: dict[str, tuple[mt.Compose, Any]] = {
    "classification": (random_part(classify_pneumonia.training_transform(classify_pneumonia.Settings(size_px=64))), {"image": XRAY}),
    "classification, always": (
        mt.Compose([mt.RandFlip(1.0, 1), mt.RandAffine(1.0, 0.3, None, (3, 3), (0.1, 0.1)), mt.RandCoarseDropout(2, 4, prob=1.0)]),
        MetaTensor(torch.from_numpy(XRAY)),
    ),
    # The lesson looks up the voxels of lesions; here they are found in the mask.
    "segmentation": (
        mt.Compose(
            [
                mt.RandCropByPosNegLabeld(("image", "mask"), "mask", (16, 16, 8), allow_smaller=True),
                *random_part(segment_lesions.training_transform(segment_lesions.Settings(patch_voxels=(16, 16, 16)))).transforms[1:],
            ]
        ),
        PATCH,
    ),
    "several patches": (mt.Compose(several_patches()), PATCH),
    "one in another": (mt.Compose([mt.Compose([mt.RandFlip(0.5, 0)]), mt.RandAdjustContrast(0.9)], map_items=False), XRAY),
    "lazy": (
        mt.Compose(
            [
                mt.RandFlipd(("image", "mask"), prob=0.7, spatial_axis=1),
                mt.RandAffined(("image", "mask"), prob=0.9, rotate_range=(0, 0, 0.3), mode=("bilinear", "nearest")),
                mt.RandZoomd(("image", "mask"), prob=0.9, keep_size=True, mode=("trilinear", "nearest")),
                mt.RandGaussianNoised("image", prob=0.9),
            ],
            lazy=True,
        ),
        {key: MetaTensor(torch.from_numpy(value)) for key, value in PATCH.items()},
    ),
    "one of": (
        mt.Compose([mt.OneOf([mt.RandFlip(1.0, 0), mt.RandAdjustContrast(1.0), mt.RandGaussianNoise(1.0)]), mt.RandZoom(0.5)]),
        XRAY,
    ),
    "some of": (mt.Compose([mt.SomeOf([mt.RandFlip(1.0, 0), mt.RandAdjustContrast(1.0)], num_transforms=(1, 2))]), XRAY),
    "any order": (mt.Compose([mt.RandomOrder([mt.RandFlip(0.5, 0), mt.RandAdjustContrast(0.5)])]), XRAY),
    "unknown": (mt.Compose([mt.RandHistogramShift(prob=1.0), mt.RandGibbsNoise(prob=1.0), mt.RandBiasField(prob=1.0)]), XRAY),
}


@pytest.mark.parametrize("name", CASES)
def test_the_result_is_that_of_the_transform_itself_bit_for_bit(name: str) -> None:
    transform, item = CASES[name]
    for seed in range(5):
        alone, telling = deepcopy(transform), deepcopy(transform)
        alone.set_random_state(seed)
        telling.set_random_state(seed)
        # Twice: the random states have advanced alike.
        for _ in range(2):
            told = apply_and_tell(telling, deepcopy(item))
            assert_same(told.result, alone(deepcopy(item)))
            assert len(told.drawn) == len(told.images)
            assert all(str(drawn) for drawn in told.drawn)


def test_the_same_seed_tells_the_same_and_another_seed_something_else() -> None:
    transform, item = CASES["classification"]
    words = []
    for seed in (7, 7, 8):
        transform.set_random_state(seed)
        words.append([str(drawn) for drawn in apply_and_tell(transform, item).drawn])
    assert words[0] == words[1] != words[2]


def test_every_random_transform_of_the_lessons_is_told_whether_it_was_applied_or_not() -> None:
    for name in ("classification", "segmentation"):
        transform, item = CASES[name]
        random = [type(step).__name__ for step in transform.transforms if isinstance(step, RandomizableTrait)]
        for seed in range(8):
            transform.set_random_state(seed)
            told = apply_and_tell(transform, item)
            assert [drawn.transform for drawn in told.drawn] == random
            assert all("cannot be read" not in str(drawn) for drawn in told.drawn)
            assert all("probability" in drawn.values for drawn in told.drawn if not drawn.applied)


def test_what_the_lesson_loads_is_what_is_told(small_rsna: Path) -> None:
    cases = classify_pneumonia.find_cases(small_rsna)[:2]
    dataset = classify_pneumonia.make_dataset(classify_pneumonia.Settings(size_px=64), cases, training=True)
    for epoch in range(3):
        key = SampleKey(epoch, 1)
        item, told = dataset.told(key)
        assert torch.equal(dataset[key]["image"], told.result["image"])
        assert torch.equal(item["image"], dataset.cached(1)["image"])


def test_images_are_copies_and_the_last_is_the_result() -> None:
    transform = mt.Compose([mt.RandFlip(1.0, 0), mt.RandCoarseDropout(1, 8, prob=1.0, fill_value=0.0), mt.RandScaleIntensity(0.5, 1.0)])
    transform.set_random_state(0)
    told = apply_and_tell(transform, XRAY)
    flipped, holed, scaled = told.images
    np.testing.assert_array_equal(flipped, XRAY[:, ::-1])
    assert (holed == 0).sum() == 64
    np.testing.assert_array_equal(scaled, np.asarray(told.result))
    assert all(type(image) is np.ndarray for image in told.images)


def test_each_patch_is_told_apart_with_its_own_image() -> None:
    transform, item = CASES["several patches"]
    transform.set_random_state(2)
    told = apply_and_tell(transform, item)
    assert [drawn.transform for drawn in told.drawn[:6]] == ["RandCropByPosNegLabeld"] * 3 + ["RandFlipd"] * 3
    assert [drawn.sample for drawn in told.drawn] == [(0,), (1,), (2,)] * 4
    for number, result in enumerate(told.result):
        mine = [image for drawn, image in zip(told.drawn, told.images, strict=True) if drawn.sample == (number,)]
        np.testing.assert_array_equal(mine[-1]["image"], result["image"])
    assert len({drawn.applied for drawn in told.drawn if drawn.transform == "RandFlipd"}) == 2


def test_of_one_of_several_only_the_chosen_one_is_applied() -> None:
    transform, item = CASES["one of"]
    chosen = set()
    for seed in range(8):
        transform.set_random_state(seed)
        drawn = apply_and_tell(transform, item).drawn[:-1]
        applied = [one for one in drawn if one.applied]
        assert len(drawn) == 3
        assert len(applied) == 1
        assert "cannot be read" not in str(applied[0])
        chosen.add(applied[0].transform)
    assert len(chosen) == 3


def test_images_between_lazy_steps_are_already_moved() -> None:
    transform = mt.Compose([mt.RandFlip(1.0, 0), mt.RandFlip(1.0, 1)], lazy=True)
    transform.set_random_state(0)
    told = apply_and_tell(transform, MetaTensor(torch.from_numpy(XRAY)))
    np.testing.assert_allclose(told.images[0], XRAY[:, ::-1], atol=1e-5)
    np.testing.assert_allclose(told.result, XRAY[:, ::-1, ::-1], atol=1e-5)


class RandOpen(mt.RandomizableTransform):
    """Draws a number that anyone may see, and one that is an argument."""

    def __init__(self, limit: float = 3.0) -> None:
        super().__init__(1.0)
        self.limit, self.brightness = limit, 0.0

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        self.randomize(None)
        self.brightness = self.R.uniform(0, self.limit)
        return image + self.brightness


class RandClosed(mt.Randomizable, mt.Transform):
    """Keeps nothing."""

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        return image + self.R.rand()


class RandTrait(RandomizableTrait):
    """Is random by its own word only."""

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        return image


def test_an_unknown_transform_is_told_by_its_public_numbers_or_by_name() -> None:
    transform = mt.Compose([RandOpen(), RandClosed(), RandTrait()])
    transform.set_random_state(0)
    told = apply_and_tell(transform, torch.zeros(1, 4, 4))
    assert told.drawn[0].values == {"brightness": pytest.approx(told.images[0][0, 0, 0], abs=1e-5)}
    assert [str(drawn) for drawn in told.drawn[1:]] == ["drew something that cannot be read"] * 2
    assert [drawn.transform for drawn in told.drawn] == ["RandOpen", "RandClosed", "RandTrait"]


def test_a_known_transform_that_keeps_its_numbers_elsewhere_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    transform = mt.RandAdjustContrast(1.0)
    monkeypatch.setattr(mt.RandAdjustContrast, "gamma_value", property(lambda self: [][0], lambda self, value: None), raising=False)
    monkeypatch.setattr(mt.RandAdjustContrast, "__call__", lambda self, image: image)
    vars(transform).pop("gamma_value", None)
    assert str(apply_and_tell(mt.Compose([transform]), XRAY).drawn[0]) == "drew something that cannot be read"


def test_an_error_of_the_transform_is_raised_as_it_is_without_telling() -> None:
    transform = mt.Compose([mt.RandFlipd("missing", prob=1.0)])
    with pytest.raises(RuntimeError, match="applying transform"):
        apply_and_tell(transform, {"image": XRAY})


def test_axes_can_be_named() -> None:
    transform = mt.Compose([mt.RandFlip(1.0, 0)])
    axes = (Axis("east", "west", "west_east"), Axis("south", "north", "north_south"))
    assert str(apply_and_tell(transform, XRAY, axes).drawn[0]) == "mirrored west–east"


def test_a_copy_as_arrays_shares_nothing() -> None:
    tensor = torch.zeros(1, 2, 2)
    arrays = as_arrays({"image": tensor, "half": tensor.bfloat16(), "list": [tensor], "name": "a"})
    tensor += 1
    assert arrays["image"].sum() == 0
    assert arrays["half"].dtype == np.float32
    assert arrays["list"][0].sum() == 0
    assert arrays["name"] == "a"
