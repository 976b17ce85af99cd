"""Overlapping windows in a plain MONAI program: the right output in the right voxel, in the memory there is, inside the lungs."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch
from monai.inferers import Inferer, SlidingWindowInferer
from monai.transforms import (
    AsDiscreted,
    Compose,
    EnsureChannelFirstd,
    Invertd,
    LoadImaged,
    Orientationd,
    SaveImaged,
    ScaleIntensityRanged,
    Spacingd,
)
from scipy.spatial.transform import Rotation
from torch import Tensor, nn

from radlearn.errors import BadSetting, NotEnoughMemory, NotFiniteError
from radlearn.monai_parts import lung_inferer
from radlearn.monai_parts.crop_to_lungs import CropToLungsd
from radlearn.monai_parts.ct_reader import CTReader
from radlearn.monai_parts.lung_inferer import LungBlockInferer
from radlearn.monai_parts.window_plan import WindowPlan
from radlearn.scans.geometry import to_orientation, world_mm
from radlearn.scans.lungs import lung_box
from tests.check.phantom import AFFINE, SHAPE, chest_hu

nibabel = pytest.importorskip("nibabel", reason="nibabel, which writes the files, is not installed")

SMALL = (21, 17, 11)
IMAGES = torch.from_numpy(np.random.default_rng(0).random((1, 1, *SMALL)).astype(np.float32))
EXPECTED = torch.sigmoid(6 * (IMAGES - 0.4))
WINDOW_HU = (-1000, 500)
EIGHT = ["".join(letters) for letters in itertools.product("RL", "AP", "SI")]


class Voxelwise(nn.Module):
    """Predicts each voxel from its own value alone, so that every window gives the same prediction."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(6.0))
        self.channels = channels

    def forward(self, windows: Tensor) -> Tensor:
        probability = torch.sigmoid(self.weight * (windows - 0.4))
        return probability if self.channels == 1 else torch.cat([1 - probability, probability], dim=1)


def neighbourhood(windows: Tensor) -> Tensor:
    """A network without weights whose output depends on the window: the mean of 3 × 3 × 3 voxels and of the whole window."""
    return nn.functional.avg_pool3d(windows, 3, 1, 1) + windows.mean(dim=(2, 3, 4), keepdim=True)


@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.75])
@pytest.mark.parametrize("patch", [(8, 8, 4), SMALL, (32, 9, 16), (5, 40, 3), 8])
def test_a_network_that_looks_at_single_voxels_is_reproduced_exactly(patch: tuple[int, int, int] | int, overlap: float) -> None:
    output = LungBlockInferer(patch, overlap)(IMAGES, Voxelwise())
    assert type(output) is Tensor
    assert output.dtype == torch.float32
    torch.testing.assert_close(output, EXPECTED, atol=1e-5, rtol=0)


def test_it_is_monais_sliding_window_with_gaussian_weights() -> None:
    inferer = LungBlockInferer((8, 8, 4))
    assert isinstance(inferer, SlidingWindowInferer)
    assert isinstance(inferer, Inferer)
    theirs = SlidingWindowInferer((8, 8, 4), overlap=0.5, mode="gaussian")(IMAGES, neighbourhood)
    torch.testing.assert_close(inferer(IMAGES, neighbourhood), theirs, atol=0, rtol=0)
    constant = SlidingWindowInferer((8, 8, 4), overlap=0.5)(IMAGES, neighbourhood)
    assert not torch.allclose(constant, theirs, atol=1e-3)


def test_a_batch_of_several_channels_keeps_its_order_and_arguments_reach_the_network() -> None:
    images = torch.rand(3, 2, *SMALL)

    def network(windows: Tensor, factor: float, *, plus: float) -> Tensor:
        return torch.cat([windows * factor, windows.sum(dim=1, keepdim=True) + plus], dim=1)

    output = LungBlockInferer((8, 8, 8))(images, network, 3.0, plus=1.0)
    torch.testing.assert_close(output, network(images, 3.0, plus=1.0), atol=1e-5, rtol=0)


def test_all_channels_of_an_output_are_averaged() -> None:
    output = LungBlockInferer((8, 8, 8))(IMAGES, Voxelwise(2))
    torch.testing.assert_close(output, torch.cat([1 - EXPECTED, EXPECTED], dim=1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("axes", [(0,), (0, 1), (0, 1, 2)])
def test_mirror_images_belong_to_the_network(axes: tuple[int, ...]) -> None:
    # A network that looks to one side: the neighbour with the higher index.
    def shifted(windows: Tensor) -> Tensor:
        return torch.sigmoid(4 * torch.roll(windows, -1, dims=2) - 2)

    def mirrored(windows: Tensor) -> Tensor:
        flips = [tuple(itertools.chain(*some)) for some in itertools.product(*[((), (2 + axis,)) for axis in axes])]
        return torch.stack([shifted(windows.flip(dims)).flip(dims) for dims in flips]).mean(dim=0)

    output = LungBlockInferer(SMALL)(IMAGES, mirrored)
    torch.testing.assert_close(output, mirrored(IMAGES), atol=1e-5, rtol=0)
    assert not torch.allclose(output, LungBlockInferer(SMALL)(IMAGES, shifted), atol=1e-3)


def test_the_output_of_a_meta_tensor_lies_where_it_lies() -> None:
    affine = torch.diag(torch.tensor([-2.0, -2, 5, 1], dtype=torch.float64))
    image = MetaTensor(IMAGES, affine=affine, meta={"filename_or_obj": "ct.nii.gz"}, applied_operations=[{"class": "Something"}])
    output = LungBlockInferer((8, 8, 4))(image, Voxelwise())
    assert isinstance(output, MetaTensor)
    assert torch.equal(output.affine, affine)
    assert output.meta["filename_or_obj"] == "ct.nii.gz"
    assert output.applied_operations == [{"class": "Something"}]


def test_a_grown_window_saves_windows_and_gives_the_same() -> None:
    seen: list[tuple[int, ...]] = []

    def noting(windows: Tensor) -> Tensor:
        seen.append(tuple(windows.shape[2:]))
        return torch.sigmoid(6 * (windows - 0.4))

    torch.testing.assert_close(LungBlockInferer((16, 16, 4), grow_to=2.0)(IMAGES, noting), EXPECTED, atol=1e-5, rtol=0)
    assert set(seen) == {(32, 32, 4)}
    alone = len(seen)
    LungBlockInferer((16, 16, 4))(IMAGES, noting)
    assert len(seen) - alone == 4 * alone


def test_where_a_grown_window_does_not_fit_the_window_itself_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    def greedy(windows: Tensor) -> Tensor:
        if windows[0].numel() > 1024:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return torch.sigmoid(6 * (windows - 0.4))

    torch.testing.assert_close(LungBlockInferer((16, 16, 4), grow_to=2.0)(IMAGES, greedy), EXPECTED, atol=1e-5, rtol=0)
    assert "A window of (32, 32, 4) does not fit into memory; trying (16, 16, 4)." in capsys.readouterr().err


def test_beyond_the_image_the_network_sees_zeros() -> None:
    seen: list[Tensor] = []

    def noting(windows: Tensor) -> Tensor:
        seen.append(windows.clone())
        return windows

    LungBlockInferer((25, 17, 11))(IMAGES, noting)
    assert (seen[0][:, :, :2] == 0).all()
    assert (seen[0][:, :, 23:] == 0).all()
    assert torch.equal(seen[0][0, 0, 2:23], IMAGES[0, 0])


def test_a_module_is_in_evaluation_mode_while_it_predicts_and_as_before_after() -> None:
    model = nn.Sequential(Voxelwise(), nn.Dropout(0.9)).train()
    output = LungBlockInferer((8, 8, 8))(IMAGES, model)
    torch.testing.assert_close(output, EXPECTED, atol=1e-5, rtol=0)
    assert model.training
    assert model[1].training
    model.eval()
    LungBlockInferer((8, 8, 8))(IMAGES, model)
    assert not model.training


def test_no_gradients_are_kept() -> None:
    assert not LungBlockInferer((8, 8, 8))(IMAGES, Voxelwise()).requires_grad


def test_exhausted_memory_makes_the_plan_smaller_and_that_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes: list[int] = []

    def greedy(windows: Tensor) -> Tensor:
        sizes.append(len(windows))
        if len(windows) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        return torch.sigmoid(6 * (windows - 0.4))

    monkeypatch.setattr(lung_inferer, "chosen_plan", lambda *_: WindowPlan(8, torch.device("cpu")))
    torch.testing.assert_close(LungBlockInferer((8, 8, 4))(IMAGES, greedy), EXPECTED, atol=1e-5, rtol=0)
    assert sizes[:3] == [8, 4, 2]
    assert set(sizes[2:]) <= {1, 2}
    said = capsys.readouterr().err
    assert "Not enough memory for 8 windows at once, summed on cpu; trying 4 windows at once, summed on cpu." in said


def test_what_never_fits_is_refused_with_what_to_do() -> None:
    def greedy(windows: Tensor) -> Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99999999999 bytes.")

    with pytest.raises(NotEnoughMemory, match=r"one window of 8 × 8 × 4 voxels .* choose a smaller patch or network"):
        LungBlockInferer((8, 8, 4))(IMAGES, greedy)


def test_other_errors_of_a_network_are_not_swallowed() -> None:
    def wrong(windows: Tensor) -> Tensor:
        raise RuntimeError("Expected 4 channels")

    with pytest.raises(RuntimeError, match="Expected 4 channels"):
        LungBlockInferer((8, 8, 4))(IMAGES, wrong)


def test_nan_is_refused_and_the_file_named() -> None:
    inferer = LungBlockInferer((8, 8, 4))
    with pytest.raises(NotFiniteError, match="the images: the network's output is NaN"):
        inferer(IMAGES, lambda windows: windows * torch.nan)
    for file, words in (("scan.nii.gz", r"^scan\.nii\.gz: "), (["a.nii", "b.nii"], r"^a\.nii, b\.nii: ")):
        with pytest.raises(NotFiniteError, match=words):
            inferer(MetaTensor(IMAGES, meta={"filename_or_obj": file}), lambda windows: windows * torch.nan)


def test_infinite_logits_are_logits() -> None:
    assert torch.isinf(LungBlockInferer(SMALL)(IMAGES, lambda windows: windows - torch.inf)).all()


@pytest.mark.parametrize("output", [lambda w: w[..., ::2], lambda w: [w], lambda w: {"a": w}, lambda w: torch.cat([w, w])])
def test_an_output_of_another_shape_is_refused(output: Callable[[Tensor], Any]) -> None:
    with pytest.raises(BadSetting, match=r"the output of the network for \(1, 1, 8, 8, 4\) is .*; expected channels of the same size"):
        LungBlockInferer((8, 8, 4))(IMAGES, output)


@pytest.mark.parametrize("settings", [{"roi_size": (0, 8, 8)}, {"overlap": 1.0}, {"grow_to": 0.5}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(BadSetting, match="expected at least one voxel each way"):
        LungBlockInferer(**{"roi_size": (8, 8, 8)} | settings)


@pytest.mark.parametrize("window_hu", [(-160, 240), (-900, 500), (-1000, 100)])
def test_a_window_in_which_no_lungs_can_be_found_is_refused(window_hu: tuple[int, int]) -> None:
    with pytest.raises(BadSetting, match=r"in which gas, lung and bone can be told apart. Otherwise crop with CropToLungsd"):
        LungBlockInferer(8, window_hu=window_hu)


@pytest.mark.parametrize("images", [IMAGES[0], IMAGES.to(torch.int16), IMAGES[..., 0]])
def test_images_of_another_shape_or_type_are_refused(images: Tensor) -> None:
    with pytest.raises(BadSetting, match=r"expected floating-point numbers of shape \(batch, channels, x, y, z\)"):
        LungBlockInferer((8, 8, 4))(images, Voxelwise())


def test_a_condition_is_refused_for_it_would_not_be_cut() -> None:
    with pytest.raises(BadSetting, match="does not cut it into windows"):
        LungBlockInferer((8, 8, 4))(IMAGES, lambda windows, condition: windows, condition=IMAGES)


def scaled(hu: np.ndarray, affine: np.ndarray = AFFINE) -> MetaTensor:
    """A whole scan (1, 1, i, j, k) in [0, 1], as ScaleIntensityRanged leaves it."""
    values = np.clip((hu.astype(np.float32) - WINDOW_HU[0]) / (WINDOW_HU[1] - WINDOW_HU[0]), 0, 1)
    return MetaTensor(torch.from_numpy(np.ascontiguousarray(values))[None, None], affine=torch.from_numpy(affine))


@pytest.mark.parametrize("grow_to", [1.0, 1.5])
@pytest.mark.parametrize("code", ["LPS", "RAI", "SAL"])
def test_inside_the_block_of_the_lungs_it_is_as_on_the_cropped_block_and_outside_a_constant(code: str, grow_to: float) -> None:
    hu, affine = to_orientation(chest_hu(0), AFFINE, code)
    image = scaled(hu, affine)
    box = (slice(None), slice(None), *lung_box(hu, affine).box)
    inside = torch.zeros(image.shape, dtype=torch.bool)
    inside[box] = True
    assert 0.1 < inside.float().mean() < 0.9
    whole = LungBlockInferer(24, grow_to=grow_to, window_hu=WINDOW_HU, outside_value=-7.0)(image, neighbourhood)
    block = LungBlockInferer(24, grow_to=grow_to)(image.as_tensor()[box], neighbourhood)
    assert torch.equal(whole.as_tensor()[box], block)
    assert (whole.as_tensor()[~inside] == -7).all()
    assert torch.equal(whole.affine, image.affine)
    assert not torch.allclose(LungBlockInferer(24)(image.as_tensor(), neighbourhood)[box], block, atol=1e-4)


def test_without_lungs_the_block_of_the_body_is_taken_and_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    image = scaled(np.full(SHAPE, -1000))
    image.meta["filename_or_obj"] = "empty.nii.gz"
    output = LungBlockInferer(48, window_hu=WINDOW_HU, outside_value=-1.0)(image, lambda windows: windows + 1)
    assert (output == 1).all()
    assert "empty.nii.gz: no body was found; the whole scan is used." in capsys.readouterr().err


def test_in_a_batch_each_scan_has_its_own_block() -> None:
    # The second is the first, shifted down by ten slices, and lies the other way round.
    first, second = chest_hu(0), np.roll(chest_hu(0), -6, axis=2)[::-1]
    flipped = AFFINE @ np.diag([-1.0, 1, 1, 1])
    cases = [{"image": scaled(hu, affine)[0]} for hu, affine in ((first, AFFINE), (second, flipped))]
    (batch,) = list(DataLoader(Dataset(cases), batch_size=2))
    inferer = LungBlockInferer(32, window_hu=WINDOW_HU)
    together = decollate_batch(inferer(batch["image"], neighbourhood))
    for case, output in zip(cases, together, strict=True):
        alone = inferer(case["image"][None], neighbourhood)[0]
        assert torch.equal(output.as_tensor(), alone.as_tensor())
        assert torch.equal(output.affine, case["image"].affine)
    assert not torch.equal(together[0].as_tensor() != 0, together[1].as_tensor() != 0)


def test_without_an_affine_lungs_are_not_looked_for() -> None:
    with pytest.raises(BadSetting, match="with window_hu, expected a MetaTensor, whose affine tells head from feet"):
        LungBlockInferer(8, window_hu=WINDOW_HU)(IMAGES, neighbourhood)


STRAIGHT = np.array([[-3.0, 0, 0, 150], [0, -3.4, 0, 118], [0, 0, 5, -130], [0, 0, 0, 1]])
CHEST = (101, 70, 53)


def chest_with_a_shape() -> tuple[np.ndarray, np.ndarray]:
    """HU and a shape that is no mirror image of itself, (i, j, k) in LPS.

    Its HU and the lung's have the middle of the window between them, and the body is below: a threshold is then a perfect network.
    """
    x, y, z = np.moveaxis(world_mm(STRAIGHT, np.stack(np.meshgrid(*map(np.arange, CHEST), indexing="ij"), axis=-1)), -1, 0)
    lungs = (((abs(x) - 70) / 52) ** 2 + (y / 78) ** 2 + (z / 110) ** 2) < 1
    shape = (x - 75) ** 2 + (y - 12) ** 2 + (z - 30) ** 2 < 32**2
    shape |= (x + 66) ** 2 + (y + 25) ** 2 + (z + 45) ** 2 < 24**2
    hu = np.where(lungs, -850, np.where((x / 147) ** 2 + (y / 108) ** 2 < 1, -300, -1000))
    return np.where(shape, 500, hu).astype(np.int16), shape


LYING = [*((code, (0, 0, 0)) for code in [*EIGHT, "SAL"]), ("LPS", (9, -6, 11)), ("RAI", (-7, 8, 4))]


@pytest.mark.parametrize(("code", "degrees"), LYING)
def test_from_file_to_file_the_prediction_lies_on_the_truth(tmp_path: Path, code: str, degrees: tuple[float, float, float]) -> None:
    hu, truth = chest_with_a_shape()
    affine = STRAIGHT.copy()
    affine[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() @ STRAIGHT[:3, :3]
    turned, turned_affine = to_orientation(hu, affine, code)
    nibabel.save(nibabel.Nifti1Image(turned, turned_affine), tmp_path / "scan.nii.gz")
    read = Compose([
        LoadImaged("image", reader=CTReader()),
        EnsureChannelFirstd("image"),
        CropToLungsd("image", source_key="image"),
        Orientationd("image", "LPS", labels=None),
        ScaleIntensityRanged("image", -1000, 500, 0, 1, clip=True),
        Spacingd("image", (2.5, 2.5, 5.0)),
    ])  # fmt: skip
    write = Compose([
        Invertd("prediction", transform=read, orig_keys="image", nearest_interp=False),
        AsDiscreted("prediction", threshold=0.5),
        SaveImaged("prediction", output_dir=tmp_path, output_postfix="mask", separate_folder=False, output_dtype=np.uint8, print_log=False),
    ])  # fmt: skip
    data = read({"image": tmp_path / "scan.nii.gz"})
    assert data["image"].meta["notes"] == ""
    middle = (500 - 850) / 2
    network = Voxelwise()
    network.forward = lambda windows: torch.sigmoid(90 * (windows - (middle + 1000) / 1500))  # type: ignore[method-assign]
    data["prediction"] = LungBlockInferer((48, 40, 16))(data["image"][None], network)[0]
    write(data)
    mask = nibabel.load(tmp_path / "scan_mask.nii.gz")
    np.testing.assert_allclose(mask.affine, turned_affine, atol=1e-4)
    assert mask.shape == turned.shape
    # In the patient: turned to the one order in which the truth is known.
    found = to_orientation(np.asarray(mask.dataobj) > 0, mask.affine, "LPS")[0]
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) >= 0.98
