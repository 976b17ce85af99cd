"""The sliding window: the right probability in the right voxel, whatever the window, and smaller when memory is exhausted."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor, nn

from radlearn.errors import BadSetting, NotEnoughMemory, NotFiniteError
from radlearn.scans.geometry import Grid, to_orientation, world_mm
from radlearn.scans.mask_files import read_mask, write_mask_like
from radlearn.scans.nifti import read_volume, write_volume
from radlearn.scans.preparation import Preparation, Prepared
from radlearn.scans.prepared_volume import PreparedVolume, opened_entry, write_entry
from radlearn.scans.resampled_grid import ResampledGrid
from radlearn.scans.volume_cache import cached_volumes
from radlearn.tasks.segmentation import sliding_window as sliding
from radlearn.tasks.segmentation.sliding_window import WindowPlan, chosen_plan, fitting_plan, grown_window, infer_volume

SHAPE = (21, 17, 11)
EIGHT = ["".join(letters) for letters in itertools.product("RL", "AP", "SI")]


class Voxelwise(nn.Module):
    """Predicts each voxel from its own value alone, so that every window gives the same prediction."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(6.0))
        self.channels = channels

    def forward(self, windows: Tensor) -> Tensor:
        logits = self.weight * (windows - 0.4)
        return logits if self.channels == 1 else torch.cat([3 - logits / 2, 3 + logits / 2], dim=1)


class Predicting(nn.Module):
    """A network that is a function of the windows."""

    def __init__(self, prediction: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.prediction = prediction

    def forward(self, windows: Tensor) -> Tensor:
        return self.prediction(windows)


@pytest.fixture
def scan(tmp_path: Path) -> PreparedVolume:
    settings = Preparation((2.0, 2.0, 4.0), (-1000, 500))
    frame = ResampledGrid(Grid(SHAPE, np.diag([-2.0, -2.0, 4.0, 1.0])), tuple(slice(0, count) for count in SHAPE), settings.spacing_mm)  # type: ignore[arg-type]
    image = np.random.default_rng(0).integers(-1000, 500, SHAPE).astype(np.int16)
    nowhere = np.zeros((0, 3), np.int16)
    (tmp_path / "entry").mkdir()
    write_entry(tmp_path / "entry", Prepared(frame, image, None, nowhere, nowhere, np.ones(SHAPE, bool), 0.0, ()), settings)
    opened = opened_entry(tmp_path / "entry", Path("scan.nii.gz"), None)
    assert opened is not None
    return opened


def expected_of(scan: PreparedVolume) -> np.ndarray:
    return 1 / (1 + np.exp(-6 * (scan.scaled(scan.image) - 0.4)))


@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.75])
@pytest.mark.parametrize("patch", [(8, 8, 4), (21, 17, 11), (32, 9, 16), (5, 40, 3)])
def test_a_network_that_looks_at_single_voxels_is_reproduced_exactly(
    scan: PreparedVolume, patch: tuple[int, int, int], overlap: float
) -> None:
    prediction = infer_volume(Voxelwise(), scan, patch, overlap)
    assert prediction.dtype == np.float32
    np.testing.assert_allclose(prediction, expected_of(scan), atol=1e-5)


def test_a_grown_window_saves_windows_and_gives_the_same(scan: PreparedVolume) -> None:
    seen: list[tuple[int, ...]] = []

    def noting(windows: Tensor) -> Tensor:
        seen.append(tuple(windows.shape[2:]))
        return 6 * (windows - 0.4)

    np.testing.assert_allclose(infer_volume(Predicting(noting), scan, (16, 16, 4), grow_to=2.0), expected_of(scan), atol=1e-5)
    assert set(seen) == {(32, 32, 4)}
    alone = len(seen)
    infer_volume(Predicting(noting), scan, (16, 16, 4))
    assert len(seen) - alone == 4 * alone


def test_where_a_grown_window_does_not_fit_the_window_itself_is_taken(scan: PreparedVolume, capsys: pytest.CaptureFixture[str]) -> None:
    def greedy(windows: Tensor) -> Tensor:
        if windows[0].numel() > 1024:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 6 * (windows - 0.4)

    np.testing.assert_allclose(infer_volume(Predicting(greedy), scan, (16, 16, 4), grow_to=2.0), expected_of(scan), atol=1e-5)
    assert "A window of (32, 32, 4) does not fit into memory; trying (16, 16, 4)." in capsys.readouterr().err


@pytest.mark.parametrize("shape", [(100, 100, 100), (193, 191, 17), (1, 2, 3), (240, 203, 57)])
@pytest.mark.parametrize("patch", [(192, 192, 16), (96, 100, 33)])
def test_a_window_grows_only_where_it_then_covers_and_never_beyond_its_bound(
    shape: tuple[int, int, int], patch: tuple[int, int, int]
) -> None:
    for there, wanted, grown in zip(shape, patch, grown_window(shape, patch, 1.3), strict=True):
        assert grown == wanted or there <= grown <= 1.3 * wanted
        assert grown % min(16, wanted & -wanted) == 0
    assert grown_window(shape, patch, 1.0) == patch


def test_two_channels_give_the_same_as_one(scan: PreparedVolume) -> None:
    np.testing.assert_allclose(infer_volume(Voxelwise(2), scan, (8, 8, 8)), expected_of(scan), atol=1e-5)


@pytest.mark.parametrize("axes", [(0,), (0, 1), (0, 1, 2)])
def test_predictions_of_mirror_images_are_mirrored_back(scan: PreparedVolume, axes: tuple[int, ...]) -> None:
    # A network that looks to one side: the neighbour with the higher index.
    def shifted(windows: Tensor) -> Tensor:
        return 4 * torch.roll(windows, -1, dims=2) - 2

    logits = 4 * scan.scaled(scan.image)[None, None] - 2
    each = []
    for flips in itertools.product(*[((), (2 + axis,)) for axis in axes]):
        dims = tuple(itertools.chain(*flips))
        flipped = np.flip(np.roll(np.flip(logits, dims), -1, 2), dims)
        each.append(1 / (1 + np.exp(-flipped[0, 0])))
    prediction = infer_volume(Predicting(shifted), scan, SHAPE, mirror_axes=axes)
    np.testing.assert_allclose(prediction, np.mean(each, axis=0), atol=1e-5)
    assert not np.allclose(prediction, infer_volume(Predicting(shifted), scan, SHAPE))


def test_beyond_the_scan_the_network_sees_air(scan: PreparedVolume) -> None:
    seen: list[Tensor] = []

    def noting(windows: Tensor) -> Tensor:
        seen.append(windows.clone())
        return windows

    infer_volume(Predicting(noting), scan, (25, 17, 11))
    assert (seen[0][:, :, :2] == 0).all()
    assert (seen[0][:, :, 23:] == 0).all()
    np.testing.assert_allclose(seen[0][0, 0, 2:23].numpy(), scan.scaled(scan.image))


def test_the_network_is_in_evaluation_mode_while_it_predicts_and_as_before_after(scan: PreparedVolume) -> None:
    model = nn.Sequential(Voxelwise(), nn.Dropout(0.9)).train()
    np.testing.assert_allclose(infer_volume(model, scan, (8, 8, 8)), expected_of(scan), atol=1e-5)
    assert model.training
    assert model[1].training


def test_exhausted_memory_makes_the_plan_smaller_and_that_is_printed(
    scan: PreparedVolume, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes: list[int] = []

    def greedy(windows: Tensor) -> Tensor:
        sizes.append(len(windows))
        if len(windows) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        return 6 * (windows - 0.4)

    monkeypatch.setattr(sliding, "chosen_plan", lambda *_: WindowPlan(8, torch.device("cpu")))
    np.testing.assert_allclose(infer_volume(Predicting(greedy), scan, (8, 8, 4)), expected_of(scan), atol=1e-5)
    assert sizes[:3] == [8, 4, 2]
    assert set(sizes[2:]) <= {1, 2}
    said = capsys.readouterr().err
    assert "Not enough memory for 8 windows at once, summed on cpu; trying 4 windows at once, summed on cpu." in said


def test_first_fewer_windows_then_sums_on_the_cpu_then_nothing() -> None:
    plan: WindowPlan | None = WindowPlan(5, torch.device("cuda"))
    steps = []
    while plan is not None:
        steps.append((plan.windows, plan.sum_on.type))
        plan = plan.smaller()
    assert steps == [(5, "cuda"), (2, "cuda"), (1, "cuda"), (1, "cpu")]


def test_what_never_fits_is_refused_with_what_to_do(scan: PreparedVolume) -> None:
    def greedy(windows: Tensor) -> Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99999999999 bytes.")

    with pytest.raises(NotEnoughMemory, match=r"one window of 8 × 8 × 4 voxels .* choose a smaller patch or network"):
        infer_volume(Predicting(greedy), scan, (8, 8, 4))


def test_other_errors_of_a_network_are_not_swallowed(scan: PreparedVolume) -> None:
    def wrong(windows: Tensor) -> Tensor:
        raise RuntimeError("Expected 4 channels")

    with pytest.raises(RuntimeError, match="Expected 4 channels"):
        infer_volume(Predicting(wrong), scan, (8, 8, 4))


def test_nan_is_refused(scan: PreparedVolume) -> None:
    with pytest.raises(NotFiniteError, match=r"scan\.nii\.gz: the network's prediction is NaN"):
        infer_volume(Predicting(lambda windows: windows * torch.nan), scan, (8, 8, 4))


@pytest.mark.parametrize("prediction", [lambda w: w.repeat(1, 3, 1, 1, 1), lambda w: w[..., ::2], lambda w: [w]])
def test_an_output_of_another_shape_is_refused(scan: PreparedVolume, prediction: Callable) -> None:
    with pytest.raises(BadSetting, match="expected one or two channels of the same size"):
        infer_volume(Predicting(prediction), scan, (8, 8, 4))


@pytest.mark.parametrize(("patch", "overlap", "axes"), [((0, 8, 8), 0.5, ()), ((8, 8, 8), 1.0, ()), ((8, 8, 8), 0.5, (3,))])
def test_settings_that_make_no_sense_are_refused(
    scan: PreparedVolume, patch: tuple[int, int, int], overlap: float, axes: tuple[int, ...]
) -> None:
    with pytest.raises(BadSetting, match="expected at least one voxel each way"):
        infer_volume(Voxelwise(), scan, patch, overlap, axes)


def test_on_a_cpu_windows_go_one_by_one() -> None:
    assert chosen_plan(Voxelwise(), torch.zeros(1, 1, 9, 9, 9), (8, 8, 8), torch.device("cpu")) == WindowPlan(1, torch.device("cpu"))


@pytest.mark.parametrize(
    ("free", "sums", "window", "expected"),
    [
        (10_000, 100, 1000, (6, "cuda")),
        (100_000, 100, 1000, (8, "cuda")),
        (10_000, 3000, 1000, (7, "cpu")),
        (10_000, 100, 20_000, (1, "cuda")),
        (0, 100, 1000, (1, "cpu")),
    ],
)
def test_on_a_gpu_what_fits_is_chosen(free: int, sums: int, window: int, expected: tuple[int, str]) -> None:
    plan = fitting_plan(free, sums, window, torch.device("cuda"))
    assert (plan.windows, plan.sum_on.type) == expected


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
    write_volume(tmp_path / "scan.nii.gz", turned, turned_affine)
    scan = cached_volumes([tmp_path / "scan.nii.gz"], None, Preparation((2.5, 2.5, 5.0)), workers=1)[0]
    assert scan.notes == ()
    middle = (500 - 850) / 2
    model = Predicting(lambda windows: 90 * (windows - (middle + 1000) / 1500))
    source = read_volume(tmp_path / "scan.nii.gz")
    write_mask_like(tmp_path / "prediction.nii.gz", scan.back_to_source(infer_volume(model, scan, (48, 40, 16))) > 0.5, source)
    prediction = read_mask(tmp_path / "prediction.nii.gz")
    np.testing.assert_allclose(prediction.affine, turned_affine, atol=1e-5)
    assert prediction.voxels.shape == turned.shape
    # In the patient: turned to the one order in which the truth is known.
    found = to_orientation(prediction.voxels, prediction.affine, "LPS")[0]
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) >= 0.98
