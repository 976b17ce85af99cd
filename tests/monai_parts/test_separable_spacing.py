"""`SeparableSpacingd` beside MONAI's `Spacingd`, in plain MONAI programs: the same where both say the same, averages where voxels widen."""

from itertools import pairwise, permutations, product
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor, decollate_batch, list_data_collate, set_track_meta
from monai.transforms import Compose, CropForegroundd, EnsureChannelFirstd, Flipd, Invertd, LoadImaged, Orientationd, Spacing, Spacingd

from radlearn.monai_parts.mapped_dataset import MappedDataset
from radlearn.monai_parts.separable_spacing import SeparableSpacingd

MODES: dict[str, Any] = {"mode": ("bilinear", "nearest"), "dtype": np.float64}
STRAIGHT = np.diag([0.8, 0.9, 3.0, 1.0])
OBLIQUE = np.array([[0.8, -0.31, 0, 3], [0.27, 0.9, 0.4, -20], [0, -0.2, 2.4, 11], [0, 0, 0, 1]])


def ct(affine: np.ndarray = STRAIGHT, shape: tuple[int, int, int] = (23, 30, 11), channels: int = 1) -> dict[str, Any]:
    draw = np.random.default_rng(0)
    image = draw.normal(0, 100, (channels, *shape)).astype(np.float32)
    return {"image": MetaTensor(image, affine=affine), "mask": MetaTensor((image > 50).astype(np.uint8), affine=affine)}


def both(pixdim: Any, item: dict[str, Any], **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    ours, theirs = SeparableSpacingd(("image", "mask"), pixdim, **options, **MODES), Spacingd(("image", "mask"), pixdim, **MODES)
    return dict(ours(item)), dict(theirs(item))


def affines() -> list[np.ndarray]:
    """Return all axes in all orders and directions, and an oblique scan."""
    found = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        affine = np.eye(4)
        affine[:3, :3] = np.diag([0.8, 0.9, 3.0])[list(order)] * np.array(signs)
        affine[:3, 3] = (4, -7, 20)
        found.append(affine)
    return [*found, OBLIQUE]


@pytest.mark.parametrize("number", range(49))
def test_finer_voxels_are_those_of_monai_on_the_same_grid(number: int) -> None:
    ours, theirs = both((0.53, 0.61, 0.71), ct(affines()[number]))
    for key in ("image", "mask"):
        assert ours[key].shape == theirs[key].shape
        assert ours[key].dtype == theirs[key].dtype == torch.float32
        np.testing.assert_allclose(ours[key].affine, theirs[key].affine, atol=1e-9)
        np.testing.assert_allclose(ours[key].pixdim, theirs[key].pixdim, atol=1e-9)
    np.testing.assert_allclose(ours["image"], theirs["image"], atol=2e-3)
    np.testing.assert_array_equal(ours["mask"], theirs["mask"])


@pytest.mark.parametrize("affine", [STRAIGHT, OBLIQUE], ids=["straight", "oblique"])
def test_without_anti_aliasing_coarser_voxels_are_those_of_monai_too(affine: np.ndarray) -> None:
    ours, theirs = both((2.1, 2.0, 5.3), ct(affine, channels=3), anti_aliasing=False)
    np.testing.assert_allclose(ours["image"], theirs["image"], atol=2e-3)
    np.testing.assert_allclose(ours["image"].affine, theirs["image"].affine, atol=1e-9)


def test_with_anti_aliasing_noise_shrinks_as_it_does_in_a_mean_and_a_ramp_stays_where_it_is() -> None:
    item = ct(np.eye(4), (64, 64, 64))
    ours, theirs = both((4.0, 4.0, 1.0), item)
    # Sixteen voxels make one; MONAI mixes four of them.
    assert float(ours["image"].std()) == pytest.approx(100 / np.sqrt(16), rel=0.15)
    assert float(theirs["image"].std()) > 1.7 * float(ours["image"].std())
    ramp = torch.arange(64.0).reshape(1, 64, 1, 1).expand(1, 64, 64, 64).clone()
    ours, theirs = both((4.0, 4.0, 1.0), {"image": MetaTensor(ramp, affine=np.eye(4)), "mask": item["mask"]})
    inside = slice(1, -1)
    np.testing.assert_allclose(ours["image"][0, inside], theirs["image"][0, inside], atol=1e-3)


def test_masks_stay_masks() -> None:
    ours, _ = both((2.0, 2.0, 6.0), ct())
    assert set(ours["mask"].unique().tolist()) == {0.0, 1.0}


def test_its_inverse_is_that_of_monai_and_invertd_finds_it(tmp_path: Path) -> None:
    hu = np.random.default_rng(1).normal(-500, 200, (31, 28, 12)).astype(np.float32)
    affine = np.array([[0, -0.9, 0, 10], [0.8, 0, 0, -5], [0, 0, 3.0, 2], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(hu, affine), tmp_path / "ct.nii.gz")

    def program(spacing: Any) -> Compose:
        first = [LoadImaged("image"), EnsureChannelFirstd("image"), Orientationd("image", axcodes="LPS", labels=None)]
        return Compose([*first, CropForegroundd("image", "image", margin=1), spacing, Flipd("image", 1)])

    found = []
    for spacing in (SeparableSpacingd("image", (0.6, 0.6, 1.7)), Spacingd("image", (0.6, 0.6, 1.7))):
        transform = program(spacing)
        item = transform({"image": tmp_path / "ct.nii.gz"})
        probability = MetaTensor(torch.sigmoid((item["image"].as_tensor() + 500) / 100), affine=item["image"].affine)
        batch = list_data_collate([{"image": item["image"], "probability": probability}])
        back = Invertd("probability", transform, "image", nearest_interp=False)
        (one,) = decollate_batch(batch)
        found.append(back(one)["probability"])
        assert found[-1].shape == (1, 31, 28, 12)
        np.testing.assert_allclose(found[-1].affine, affine, atol=1e-6)
    # Back onto wider voxels ours averages, so values are near to each other and not the same.
    ours, theirs = (one.numpy().ravel() for one in found)
    assert 0.2 < ours.mean() < 0.8
    assert np.corrcoef(ours, theirs)[0, 1] > 0.9
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.01)
    item = ct()
    transform = SeparableSpacingd("image", (0.5, 0.5, 1.0), anti_aliasing=False)
    theirs = Spacingd("image", (0.5, 0.5, 1.0))
    np.testing.assert_allclose(transform.inverse(transform(item))["image"], theirs.inverse(theirs(item))["image"], atol=2e-3)


@pytest.mark.parametrize(
    "options",
    [
        {"mode": 3},
        {"padding_mode": "zeros"},
        {"align_corners": True},
        {"diagonal": True},
        {"min_pixdim": (1.0, 1.0, 1.0), "max_pixdim": (4.0, 4.0, 4.0)},
        {"recompute_affine": True},
        {"pixdim": (-1.0, 2.0, 2.0)},
    ],
    ids=str,
)
def test_every_option_of_monai_means_what_it_means_there(options: dict[str, Any]) -> None:
    item = ct(OBLIQUE)
    pixdim = options.pop("pixdim", (2.0, 2.0, 5.0))
    ours = SeparableSpacingd("image", pixdim, anti_aliasing=False, **options)(item)["image"]
    theirs = Spacingd("image", pixdim, **options)(item)["image"]
    np.testing.assert_allclose(ours, theirs, atol=2e-3)
    np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-9)


def test_flat_images_plain_tensors_and_lazy_programs_are_left_to_monai() -> None:
    flat = {"image": MetaTensor(torch.rand(1, 20, 30), affine=np.diag([0.5, 0.5, 1.0]))}
    ours, theirs = SeparableSpacingd("image", (1.0, 1.0)), Spacingd("image", (1.0, 1.0))
    np.testing.assert_allclose(ours(flat)["image"], theirs(flat)["image"])
    plain = {"image": torch.rand(1, 8, 9, 10)}
    with pytest.warns(UserWarning, match="not of type MetaTensor"):
        np.testing.assert_allclose(ours(plain)["image"], Spacing((1.0, 1.0))(plain["image"]))
    lazily = [
        Compose([make("image", (1.5, 1.5, 2.0)), Flipd("image", 0)], lazy=True)(ct())["image"] for make in (SeparableSpacingd, Spacingd)
    ]
    np.testing.assert_allclose(*lazily)


def test_a_cache_knows_one_from_another(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(np.random.default_rng(0).normal(0, 9, (9, 9, 9)).astype(np.float32), np.eye(4)), tmp_path / "ct.nii.gz")
    found = []
    for spacing in (
        SeparableSpacingd("image", (3, 3, 3)),
        SeparableSpacingd("image", (3, 3, 3), anti_aliasing=False),
        Spacingd("image", (3, 3, 3)),
    ):
        steps = Compose([LoadImaged("image"), EnsureChannelFirstd("image"), spacing])
        dataset = MappedDataset([{"image": tmp_path / "ct.nii.gz"}], steps, cache_dir=tmp_path / "cache", workers=1)
        found.append(np.asarray(dataset[0]["image"]))
    assert all(not np.array_equal(a, b) for a, b in pairwise(found[:2]))
    np.testing.assert_allclose(found[1], found[2], atol=1e-4)
    assert len([place for place in (tmp_path / "cache").iterdir() if place.is_dir()]) == 3


def test_an_image_that_is_as_good_as_there_already_is_left_as_it_is() -> None:
    """MONAI does not resample what differs by less than a thousandth; interpolating would blur it."""
    item = ct(np.diag([0.7003, 0.7, 3.0, 1.0]))
    ours, theirs = both((0.7, 0.7, 3.0), item)
    assert torch.equal(ours["image"].as_tensor(), theirs["image"].as_tensor())
    assert torch.equal(ours["image"].as_tensor(), item["image"].as_tensor())
    np.testing.assert_array_equal(ours["image"].affine, theirs["image"].affine)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_voxel_that_is_no_number_spoils_only_its_neighbours(value: float) -> None:
    item = ct()
    item["image"][0, 0, 0, 0] = value
    with pytest.warns(UserWarning, match="without averaging"):
        seen = SeparableSpacingd("image", (2.0, 2.0, 3.0))(item)["image"]
    assert torch.isfinite(seen).float().mean() > 0.95


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int16, torch.uint8, torch.bool])
def test_images_of_every_type_become_float32(dtype: torch.dtype) -> None:
    image = MetaTensor((torch.rand(1, 8, 9, 10) * 3).to(dtype), affine=np.eye(4))
    ours, theirs = (make("image", (0.7, 0.7, 0.7))({"image": image})["image"] for make in (SeparableSpacingd, Spacingd))
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_gradient_goes_through_it() -> None:
    image = MetaTensor(torch.rand(1, 8, 9, 10), affine=np.eye(4)).requires_grad_()
    SeparableSpacingd("image", (0.7, 0.7, 0.7))({"image": image})["image"].sum().backward()
    assert image.grad is not None


def test_without_meta_data_it_gives_the_values_alone() -> None:
    item = ct()
    expected = SeparableSpacingd("image", (2.0, 2.0, 3.0))(item)["image"].as_tensor()
    set_track_meta(False)
    try:
        seen = SeparableSpacingd("image", (2.0, 2.0, 3.0))(item)["image"]
    finally:
        set_track_meta(True)
    assert not isinstance(seen, MetaTensor)
    assert torch.equal(seen, expected)


def test_axes_that_are_swapped_and_reversed_are_put_straight_by_diagonal_as_in_monai() -> None:
    item = ct(affines()[11])
    ours = SeparableSpacingd("image", (0.53, 0.61, 0.71), diagonal=True)(item)["image"]
    theirs = Spacingd("image", (0.53, 0.61, 0.71), diagonal=True)(item)["image"]
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=2e-3)
    np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-9)
