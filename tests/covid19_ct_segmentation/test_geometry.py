"""There and back between a scan's grid and the network's: shapes of known place in the patient come home, however the scan lies."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from monai.transforms import Compose, Invertd, SaveImaged
from scipy.spatial.transform import Rotation
from torch import nn

from radlearn.covid19_ct_segmentation import segment_lesions as lesson
from radlearn.monai_parts.error_chain import radlearn_error_in
from radlearn.monai_parts.lesion_indices import MOST
from radlearn.scans.geometry import Grid, Volume, orientation, to_orientation, world_mm
from radlearn.scans.mask_files import write_mask_like
from radlearn.scans.nifti import read_volume, write_volume

EIGHT = ["".join(letters) for letters in itertools.product("RL", "AP", "SI")]
LPS = np.array([[-4.0, 0, 0, 158], [0, -4, 0, 118], [0, 0, 6, -120], [0, 0, 0, 1]])
X, Y, Z = np.meshgrid(np.arange(80) * 4.0 - 158, np.arange(60) * 4.0 - 118, np.arange(41) * 6.0 - 120, indexing="ij")
BODY = (X / 150) ** 2 + (Y / 105) ** 2 < 1
LUNGS = (((abs(X) - 70) / 50) ** 2 + (Y / 75) ** 2 + ((Z - 5) / 100) ** 2) < 1
# Two balls and a flat one in the right lung: no mirror image of it is itself, in any direction.
LESION = (X + 78) ** 2 + (Y - 18) ** 2 + (Z - 20) ** 2 < 22**2
LESION |= (X + 58) ** 2 + (Y + 30) ** 2 + (Z + 30) ** 2 < 18**2
LESION |= ((X + 70) / 12) ** 2 + ((Y - 2) / 30) ** 2 + ((Z - 55) / 14) ** 2 < 1
HU = np.where(LUNGS, -850, np.where(BODY, 40, -1000)).astype(np.int16)
HU[LESION] = 0
SETTINGS = replace(lesson.PRESETS["quick"], spacing_mm=(2.0, 2.0, 6.0), window_hu=(-900, 100))


def oblique(affine: np.ndarray) -> np.ndarray:
    result = affine.copy()
    result[:3, :3] = Rotation.from_euler("xyz", (9, -7, 12), degrees=True).as_matrix() @ affine[:3, :3]
    return result


def written(folder: Path, code: str = "LPS", affine: np.ndarray = LPS, hu: np.ndarray = HU, mask: np.ndarray = LESION) -> dict[str, Path]:
    """Write the chest with its axes in another order and return its files."""
    paths = {}
    for key, voxels in (("image", hu), ("mask", mask.astype(np.uint8))):
        paths[key] = folder / f"{code}-{key}.nii.gz"
        write_volume(paths[key], *to_orientation(voxels, affine, code))
    return paths


def prepared(files: Mapping[str, Path], settings: lesson.Settings = SETTINGS) -> dict[str, Any]:
    return lesson.deterministic_transform(settings, "mask" in files)(dict(files))


def home(item: Mapping[str, Any], probability: torch.Tensor, settings: lesson.Settings = SETTINGS) -> torch.Tensor:
    """Return a probability (1, x, y, z) on the grid of the file, as the lesson brings it there."""
    cached = {key: value for key, value in item.items() if key == "image"}
    for operation in cached["image"].applied_operations:
        operation["id"] = "none"
    back = Invertd("probability", lesson.deterministic_transform(settings), orig_keys="image", nearest_interp=False)
    return back({**cached, "probability": probability})["probability"]


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.mark.parametrize("spacing_mm", [(1.25, 1.25, 5.0), (2.0, 2.0, 2.0), (2.0, 3.0, 4.0)])
@pytest.mark.parametrize("affine", [LPS, oblique(LPS)], ids=["straight", "oblique"])
@pytest.mark.parametrize("code", [*EIGHT, "SAR", "PIL"])
def test_a_shape_of_known_place_comes_home_in_any_orientation(
    code: str, affine: np.ndarray, spacing_mm: tuple[float, float, float], tmp_path: Path
) -> None:
    settings = replace(SETTINGS, spacing_mm=spacing_mm)
    files = written(tmp_path, code, affine)
    item = prepared(files, settings)
    seen = item["image"]
    assert orientation(seen.affine.numpy()) == "LPS"
    np.testing.assert_allclose(seen.pixdim.numpy(), spacing_mm, rtol=1e-4)
    # Where the network sees it is where it is: the middle of the mask, in mm of the patient.
    middle = world_mm(seen.affine.numpy(), np.argwhere(item["mask"][0].numpy())).mean(axis=0)
    # Within a third of the network's voxel.
    assert (np.abs(middle - world_mm(affine, np.argwhere(LESION)).mean(axis=0)) < 0.33 * max(spacing_mm)).all()
    found = home(item, item["mask"].float(), settings)
    truth = read_volume(files["mask"])
    assert found.shape[1:] == truth.voxels.shape
    np.testing.assert_allclose(found.affine.numpy(), truth.affine, atol=1e-4)
    assert dice(found[0].numpy() > 0.5, truth.voxels > 0) >= 0.96


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_a_prediction_flipped_along_any_axis_does_not_come_home(axis: int, tmp_path: Path) -> None:
    item = prepared(written(tmp_path, "LAS"))
    truth = to_orientation(LESION, LPS, "LAS")[0]
    assert dice(home(item, item["mask"].float())[0].numpy() > 0.5, truth) > 0.96
    assert dice(home(item, item["mask"].float().flip(axis))[0].numpy() > 0.5, truth) < 0.9


def test_outside_the_block_of_the_lungs_nothing_is_predicted(tmp_path: Path) -> None:
    item = prepared(written(tmp_path, "RPI"))
    whole = home(item, torch.ones_like(item["mask"], dtype=torch.float32))[0].numpy()
    ends = [(axis.min(), axis.max() + 1) for axis in np.nonzero(whole)]
    block = tuple(slice(low, high) for low, high in ends)
    np.testing.assert_allclose(whole[block], 1, atol=1e-5)
    assert whole.sum() == pytest.approx(whole[block].size, rel=1e-5)
    assert whole.size > 1.2 * whole[block].size


class Everywhere(nn.Module):
    """A network that predicts a lesion at every voxel."""

    def __init__(self) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.full((), 5.0))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.logit.expand_as(images)


def test_a_lesion_is_predicted_only_inside_the_hull_of_the_lungs(tmp_path: Path) -> None:
    item = prepared(written(tmp_path, "SAR"))
    found, free = (lesson.infer(Everywhere(), item, replace(SETTINGS, confined_to_lungs=confined)) for confined in (True, False))
    torch.testing.assert_close(torch.as_tensor(found), torch.as_tensor(free) * item["hull"].as_tensor())
    assert 0 < (found > 0).sum() < (free > 0).sum() == free.numel()
    # All of the lungs and of their lesions lies in it.
    assert (found[(item["lungs"] > 0) | (item["mask"] > 0)] > 0.9).all()


def test_with_too_little_air_nothing_is_confined_and_prediction_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The whole network is its only layer.
    monkeypatch.setitem(lesson.FEATURE_LAYERS, SETTINGS.network, ("",))
    files = written(tmp_path, hu=np.where(BODY, 40, -1000).astype(np.int16))
    del files["mask"]
    (found,) = lesson.infer_file([(Everywhere(), SETTINGS)], files["image"])
    # The block that holds the body, all of it.
    assert (found.probability[BODY] > 0.9).all()
    words = "too little air was found to tell where the lungs are, so lesions are not confined to them"
    assert words in " ".join(capsys.readouterr().err.split())
    assert words in found.source.notes
    list(lesson.infer_file([(Everywhere(), replace(SETTINGS, confined_to_lungs=False))], files["image"]))
    assert words not in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("code", ["RAS", "ILA", "PSR"])
def test_the_same_patient_looks_the_same_however_the_file_is_turned(code: str, tmp_path: Path) -> None:
    expected, found = prepared(written(tmp_path)), prepared(written(tmp_path, code))
    for key in ("image", "mask", "mask_fg_indices", "mask_bg_indices"):
        torch.testing.assert_close(torch.as_tensor(found[key]).float(), torch.as_tensor(expected[key]).float(), atol=2e-3, rtol=0)
    np.testing.assert_allclose(found["image"].affine.numpy(), expected["image"].affine.numpy(), atol=1e-4)
    assert found["image"].meta["lung_ml"] == pytest.approx(expected["image"].meta["lung_ml"])


def test_values_outside_the_window_become_its_ends_and_metal_does_not_shine_into_its_neighbours(tmp_path: Path) -> None:
    hu = HU.copy()
    hu[:3], hu[40:44, 28:32, 20] = -3024, 3000
    coarse = replace(SETTINGS, spacing_mm=(8.0, 8.0, 6.0), crop="nothing")
    seen = prepared(written(tmp_path, hu=hu), coarse)["image"].float().numpy()[0]
    assert seen.min() == 0
    assert seen.max() == pytest.approx(1, abs=1e-3)
    # 40 HU lie at 0.94 of this window; metal of 3000 HU nearby counts as its upper end.
    assert abs(seen[20, 15, 20] - 0.94) <= 0.061


def test_patches_can_be_taken_inside_the_mask_and_in_the_lungs_beside_it(tmp_path: Path) -> None:
    item = prepared(written(tmp_path))
    image, mask = item["image"].float().numpy().ravel(), item["mask"].numpy().ravel()
    inside, beside = (np.asarray(item[f"mask_{name}_indices"]) for name in ("fg", "bg"))
    # Of one lesion as many as are kept, spread over all of it.
    assert abs(len(inside) - MOST) <= 2
    assert mask.sum() > MOST
    assert mask[inside].all()
    assert np.diff(inside).max() <= np.diff(np.flatnonzero(mask)).max() + 2
    assert not mask[beside].any()
    # -850 HU lie at 0.05 of the window.
    assert np.median(image[beside]) == pytest.approx(0.05, abs=1e-3)
    assert (image[beside] < 0.5).mean() > 0.95


def test_without_air_the_body_is_taken_it_is_said_and_patches_come_from_all_of_it(tmp_path: Path) -> None:
    white = np.where(BODY, 40, -1000).astype(np.int16)
    # Half of the scan's spacing would have voxels exactly at the border of the mask.
    item = prepared(written(tmp_path, hu=white), replace(SETTINGS, spacing_mm=(2.2, 2.2, 6.0)))
    # Of a drawing without noise it is also said that slices are repeated.
    *drawing_notes, block_note, hull_note = item["image"].meta["notes"].splitlines()
    assert any("without the noise of a CT" in note for note in drawing_notes)
    assert block_note == "no lung that holds air was found; the block of the whole body is used"
    assert hull_note == "too little air was found to tell where the lungs are, so lesions are not confined to them"
    assert item["mask"].sum().item() * 2.2 * 2.2 == pytest.approx(LESION.sum() * 4 * 4, rel=0.03)
    places = np.stack(np.unravel_index(np.asarray(item["mask_bg_indices"]), item["mask"].shape[1:]))
    assert (np.ptp(places, axis=1) > 0.95 * np.array(item["mask"].shape[1:]) - 2).all()


def test_uncropped_it_is_the_whole_scan(tmp_path: Path) -> None:
    item = prepared(written(tmp_path), replace(SETTINGS, spacing_mm=(4.0, 4.0, 6.0), window_hu=(-1000, 500), crop="nothing"))
    np.testing.assert_allclose(item["image"].float().numpy()[0] * 1500 - 1000, HU, atol=1)


def test_a_mask_on_another_grid_is_refused_by_name(tmp_path: Path) -> None:
    files = written(tmp_path)
    mask = read_volume(files["mask"])
    shifted = mask.affine.copy()
    shifted[0, 3] += 9
    write_volume(files["mask"], mask.voxels, shifted)
    with pytest.raises(RuntimeError) as raised:
        prepared(files)
    assert "the mask lies on another grid than its scan" in str(radlearn_error_in(raised.value))


def test_monai_saves_the_same_mask_as_we_do(tmp_path: Path) -> None:
    """`SaveImaged` is what a MONAI program ends with: its file and ours hold the same voxels in the same place."""
    files = written(tmp_path, "PIR", oblique(LPS))
    item = prepared(files)
    found = home(item, item["mask"].float())
    save = SaveImaged("mask", output_dir=tmp_path / "saved", output_postfix="", separate_folder=False, resample=False, print_log=False)
    Compose([save])({"mask": (found > 0.5).to(torch.uint8)})
    (theirs,) = (tmp_path / "saved").iterdir()
    source = read_volume(files["image"])
    write_mask_like(tmp_path / "ours.nii.gz", found[0].numpy() > 0.5, Volume(source.voxels, source.affine))
    one, other = nibabel.load(theirs), nibabel.load(tmp_path / "ours.nii.gz")  # type: ignore[attr-defined]
    np.testing.assert_array_equal(np.asarray(one.dataobj), np.asarray(other.dataobj))
    np.testing.assert_allclose(one.affine, other.affine, atol=1e-4)


def test_a_file_is_predicted_on_its_own_grid_and_its_lungs_are_those_of_the_whole_scan(tmp_path: Path) -> None:
    files = written(tmp_path, "SAR", oblique(LPS))
    torch.manual_seed(0)
    model = lesson.build_model(SETTINGS).eval()
    settings = replace(SETTINGS, patch_voxels=(48, 48, 32))
    # The second run sees the scan as the first does, the third does not.
    found, again, coarse = lesson.infer_file(
        [(model, settings)] * 2 + [(model, replace(settings, spacing_mm=(9.0, 9.0, 9.0)))], files["image"]
    )
    np.testing.assert_array_equal(again.probability, found.probability)
    assert coarse.probability.shape == found.probability.shape
    assert (coarse.probability != found.probability).any()
    source = read_volume(files["image"])
    np.testing.assert_array_equal(found.source.voxels, source.voxels)
    np.testing.assert_allclose(found.source.affine, source.affine, atol=1e-4)
    assert found.probability.shape == found.lungs.shape == source.voxels.shape
    assert 0 <= found.probability.min() < found.probability.max() <= 1
    lungs = to_orientation(LUNGS & ~LESION, oblique(LPS), "SAR")[0]
    assert dice(found.lungs, lungs) > 0.9
    grid = Grid(source.voxels.shape, source.affine)
    # What is predicted lies in the lungs' own block, and so over them.
    middle = world_mm(grid.affine, np.argwhere(found.probability > 0)).mean(axis=0)
    np.testing.assert_allclose(middle, world_mm(grid.affine, np.argwhere(lungs)).mean(axis=0), atol=25)
