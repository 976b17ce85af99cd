"""Which voxels of this chest CT are COVID-19 lesions?

The third of three lessons. The input is a whole scan, the output a mask on the same grid. Every lesson has the same five segments:
settings, data, model, training, evaluation. The library is MONAI, in three dimensions; the challenge is COVID-19-20 Lung CT Lesion
Segmentation. The README beside this file explains it. The challenge's files go into `data/`; while there are none, built-in patients are
used.

Here medicine differs most from photographs: intensities are Hounsfield units, lengths are millimetres, voxels are not cubes, a scan is too
large for one forward pass, and a mask that does not lie exactly on its scan is worse than none.

For learning and research, not for clinical use: a mask is what a reader would outline as a lesion, not a diagnosis.
"""

# %% 1. Settings
# Everything that can be changed is a field here, and a flag on the command line: `--epochs 5`.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Interval
from monai.losses import DeepSupervisionLoss, DiceCELoss
from monai.networks.nets import DynUNet, SegResNetDS
from monai.transforms import Compose, RandAffined, RandFlipd, RandGaussianNoised, RandGaussianSmoothd, RandScaleIntensityd, ToTensord
from torch import Tensor, nn

from radlearn.challenges.covid19 import CHALLENGE, Case
from radlearn.errors import BadSetting
from radlearn.metrics.masks import dice_score
from radlearn.scans.prepared_volume import PreparedVolume
from radlearn.scans.volume_cache import Preparation
from radlearn.tasks.segmentation.evaluation import choose_mask_postprocessing, evaluate_masks
from radlearn.tasks.segmentation.prediction import MaskPredictions, submit_masks
from radlearn.tasks.segmentation.report import write_mask_report
from radlearn.tasks.segmentation.scans import Scan, prepared_scans, split_scans
from radlearn.tasks.segmentation.sliding_window import infer_volume
from radlearn.tasks.segmentation.tuning import tune_masks
from radlearn.training.checkpoint import load_best
from radlearn.training.device import chosen_device
from radlearn.training.fit import fit
from radlearn.training.loading import EpochLoader, FunctionDataset, SampleKey, case_seed, reseed
from radlearn.training.run_folder import Run, settings_as
from radlearn.training.settings import Share, TrainingSettings
from radlearn.workflow.commands import main
from radlearn.workflow.task import Commands, NoOptions, Scores, Task


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """How a lesion segmenter is made; what every training needs (epochs, learning rate, seed, …) is inherited."""

    # Distance between voxels of the scan that the network sees: right to left, front to back, feet to head, in mm.
    spacing_mm: tuple[float, float, float] = (2.0, 2.0, 5.0)
    # Hounsfield units that become 0 and 1; values below and above are clipped.
    window_hu: tuple[int, int] = (-1000, 400)
    # The block of both lungs, found without learning, or the whole scan.
    crop: Literal["lungs", "nothing"] = "lungs"
    # Voxels of a training patch and of the sliding window; multiples of 16.
    patch_voxels: tuple[int, int, int] = (96, 96, 32)
    # The network: a small one for a laptop, or one that is strong on a GPU.
    network: Literal["small_unet", "segresnet"] = "small_unet"
    # Patches that an epoch takes of every scan, on average.
    patches_per_scan: Annotated[int, Interval(ge=1, le=1000)] = 4
    # Share of patches that have a lesion at their centre; the centres of the others lie anywhere else in the lungs.
    lesion_share: Share = 0.5
    # Probability that a training patch is mirrored, along each of the first two axes.
    mirror_chance: Share = 0.5
    # Rotation in training about the axis from feet to head, in degrees either way.
    rotation_degrees: Annotated[float, Interval(ge=0, le=45)] = 15.0
    # Zoom in training: 0.15 is a factor of 0.85 to 1.15.
    zoom_share: Annotated[float, Interval(ge=0, le=0.9)] = 0.15
    # Noise in training: the largest standard deviation, where the window is 1 wide.
    noise_std: Share = 0.03
    # Probability that a training patch is smoothed, as by another reconstruction kernel.
    blur_chance: Share = 0.2
    # Contrast in training: 0.15 is a factor of 0.85 to 1.15.
    contrast_share: Share = 0.15
    # Test-time augmentation: also infer on the mirror images (right to left, front to back, both) and average.
    test_time_mirror: bool = False
    # Overlap of neighbouring windows, as a share.
    overlap: Annotated[float, Interval(ge=0, le=0.9)] = 0.5
    # How many times its length a window may have along an axis where one such window then covers the scan.
    grow_to: Annotated[float, Interval(ge=1, le=100)] = 2.0
    # Distance up to which two surfaces count as the same in the surface Dice, in mm.
    tolerance_mm: Annotated[float, Interval(ge=0, le=100)] = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        # Refuses invalid values before a scan is read.
        Preparation(self.spacing_mm, self.window_hu, self.crop)
        if any(length < 16 or length % 16 for length in self.patch_voxels):
            raise BadSetting(f"patch_voxels is {self.patch_voxels}; expected three multiples of 16: the network halves a patch four times.")


PRESETS = {
    # Minutes on two cores: a network of 1.1 million weights, from scratch, on coarse voxels.
    "quick": Settings(epochs=8, batch_size=2, learning_rate=6e-3, warm_up_share=0.1, weight_decay=1e-3, gradient_clip=10.0),
    # The strong preset, for a GPU and the real challenge: fine voxels, a deep residual network, long training, mirror images.
    "challenge": Settings(
        spacing_mm=(1.25, 1.25, 5.0),
        window_hu=(-1000, 500),
        patch_voxels=(192, 192, 16),
        network="segresnet",
        patches_per_scan=10,
        epochs=100,
        batch_size=2,
        learning_rate=3e-4,
        schedule="polynomial",
        warm_up_share=0.02,
        weight_decay=0.01,
        gradient_clip=10.0,
        ema_decay=0.999,
        precision="bf16-mixed",
        test_time_mirror=True,
        # Its instance norm needs windows of the size of training patches.
        grow_to=1.0,
        workers=8,
    ),
}


# %% 2. Data
# A scan is read once, reoriented, cropped to the lungs, resampled and cached as a memory map: a patch then costs a few pages of the file.


def find_cases(data_folder: Path) -> list[Case]:
    """Return the CTs with masks of a folder in the COVID-19-20 layout, from their names alone, without opening one."""
    return CHALLENGE.find_cases(data_folder)


def preparation(settings: Settings) -> Preparation:
    """Return the deterministic transform of a scan: axes to the left, the back and the head, one spacing, one window."""
    return Preparation(settings.spacing_mm, settings.window_hu, settings.crop)


def training_transform(settings: Settings) -> Compose:
    """Return the random augmentation of training patches and their masks, in MONAI's transforms.

    They imitate differences between scans of the same chest: the position of the patient, the depth of the breath, the scanner's noise and
    kernel. Hounsfield units are calibrated, so contrast changes little. Slices are thick, so patches are rotated in their plane only.
    """
    s, both = settings, ("image", "mask")
    turn, zoom = (0.0, 0.0, float(np.deg2rad(s.rotation_degrees))), (s.zoom_share, s.zoom_share, 0.0)
    return Compose(
        [
            RandFlipd(both, prob=s.mirror_chance, spatial_axis=0),
            RandFlipd(both, prob=s.mirror_chance, spatial_axis=1),
            RandAffined(both, prob=0.5, rotate_range=turn, scale_range=zoom, mode=("bilinear", "nearest"), padding_mode="border"),
            RandGaussianSmoothd("image", prob=s.blur_chance, sigma_x=(0.3, 1.0), sigma_y=(0.3, 1.0), sigma_z=(0.1, 0.4)),
            RandGaussianNoised("image", prob=0.5, std=s.noise_std),
            RandScaleIntensityd("image", prob=0.5, factors=s.contrast_share),
            ToTensord(both, track_meta=False),
        ]
    )


def load(scans: Sequence[Scan], transform: Compose, settings: Settings, key: SampleKey) -> dict[str, Any]:
    """Return one patch: `image` and `mask` float32 (1, x, y, z), the mask 0 or 1.

    Cases 0 … n - 1 are patches with a lesion at their centre, cases n … 2n - 1 patches from anywhere else in the lungs of the same n scans.
    The position in the scan and the transform depend on the key alone, not on what was loaded before.
    """
    scan, around_lesion = scans[key.case % len(scans)].prepared, key.case < len(scans)
    seed = case_seed(settings.seed, *key)
    places = scan.foreground if around_lesion else scan.background
    x, y, z = places[seed % len(places)] if len(places) else np.array(scan.shape) // 2
    image, mask = scan.patch(scan.start_around((x, y, z), settings.patch_voxels), settings.patch_voxels)
    transform.set_random_state(seed=seed)
    item = transform({"image": torch.from_numpy(image[None]), "mask": torch.from_numpy(np.asarray(mask, np.float32)[None])})
    return {**item, "ids": scans[key.case % len(scans)].case.image_id}


def epoch_order(scans: Sequence[Scan], settings: Settings, epoch: int) -> list[int]:
    """Return the patches of an epoch in order; `lesion_share` of them are around a lesion, spread evenly over the batches.

    Lesions are a hundredth of the cropped volume: random patches would contain few of their voxels. The order depends on seed and epoch
    alone.
    """
    draw = np.random.default_rng(case_seed(settings.seed, epoch))
    with_lesion = np.flatnonzero([scan.label for scan in scans])
    batches = -(-len(scans) * settings.patches_per_scan // settings.batch_size)
    share = settings.lesion_share if len(with_lesion) else 0.0
    # The number of patches around a lesion up to the end of each batch: fractions of a patch add up over the batches.
    until = np.floor(np.arange(batches + 1) * settings.batch_size * share + 1e-9).astype(int)
    lesions = iter(_balanced(draw, with_lesion, int(until[-1])))
    others = iter(_balanced(draw, len(scans) + np.arange(len(scans)), batches * settings.batch_size - int(until[-1])))
    order: list[int] = []
    for around in np.diff(until):
        order += [next(lesions) for _ in range(around)] + [next(others) for _ in range(settings.batch_size - around)]
    return order


def _balanced(draw: np.random.Generator, cases: np.ndarray, many: int) -> list[int]:
    """Return `many` cases in random order, each as often as any other, or once more."""
    rounds = -(-many // max(len(cases), 1))
    return [int(case) for _ in range(rounds) for case in draw.permutation(cases)][:many]


def make_loaders(settings: Settings, split: dict[str, list[Scan]]) -> dict[str, EpochLoader]:
    """Return a loader of patches for the training subset; evaluation infers on whole scans instead."""
    scans = split["train"]
    ids = [scan.case.image_id for scan in scans]
    dataset = FunctionDataset(partial(load, scans, training_transform(settings), settings), [*ids, *ids])
    order = partial(epoch_order, scans, settings)
    return {"train": EpochLoader(dataset, settings.batch_size, settings.seed, False, settings.workers, order=order)}


# %% 3. Model
# A U-Net: an encoder for a large receptive field, a decoder for precise borders, and skip connections that carry fine detail between them.


class InPlaneFolded(nn.Module):
    """Folds 2 × 2 neighbours of a slice into four channels of one position for a network, and unfolds its four predictions again.

    Voxels are fine in the plane of a slice and coarse across it. Folded, they are nearly cubes, and a quarter of the positions is left,
    while nothing is averaged away.
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (patches, 1, x, y, z) for images of that shape, x and y even."""
        n, _, x, y, z = images.shape
        folded = images.reshape(n, x // 2, 2, y // 2, 2, z).permute(0, 2, 4, 1, 3, 5).reshape(n, 4, x // 2, y // 2, z)
        predictions = self.inner(folded.contiguous())
        return predictions.reshape(n, 2, 2, x // 2, y // 2, z).permute(0, 3, 1, 4, 2, 5).reshape(n, 1, x, y, z)


def build_model(settings: Settings) -> nn.Module:
    """Return the network, float32 (patches, 1, x, y, z) in [0, 1] → logits of the same shape, with random weights.

    In training `segresnet` (Myronenko 2018, arXiv:1810.11654) predicts on four scales at once: deep supervision.
    """
    if settings.network == "segresnet":
        # `resolution` decides which axes are halved first: the fine ones, until voxels are cubes.
        shape: dict[str, Any] = {"init_filters": 32, "blocks_down": (1, 2, 2, 4, 4), "norm": "instance", "dsdepth": 4}
        return SegResNetDS(3, in_channels=1, out_channels=1, resolution=settings.spacing_mm, **shape)
    # Slices are 5 mm apart: at the finest level a kernel across them would reach further than one in their plane.
    sizes, halved = [(3, 3, 1), (3, 3, 3), (3, 3, 3), (3, 3, 3)], [1, 2, 2, 2]
    # Batch norm keeps its statistics from training. Instance norm, usual elsewhere, computes them from its input: a patch around a lesion
    # in training, a whole chest in inference, where the same network then predicts lesions everywhere.
    inner = DynUNet(3, 4, 4, sizes, halved, halved[1:], filters=[16, 32, 64, 96], norm_name="batch", res_block=True)
    # The initial bias predicts no lesion, which is nearly always right: otherwise the first hundred steps would be spent on learning it.
    nn.init.constant_(inner.output_block.conv.conv.bias, -3.0)
    return InPlaneFolded(inner)


def loss(model: nn.Module, batch: Mapping[str, Any]) -> Tensor:
    """Return 1 - Dice, over the whole batch, plus the mean binary cross-entropy.

    Dice measures overlap, whatever the size of a lesion; cross-entropy alone is low for a network that never predicts a lesion, which is
    right for 99 % of voxels. Where a network predicts on several scales, coarse ones have less weight.
    """
    return WRONG(model(batch["image"]), batch["mask"])


WRONG = DeepSupervisionLoss(DiceCELoss(sigmoid=True, batch=True), weight_mode="exp")


def infer(model: nn.Module, scan: PreparedVolume, settings: Settings) -> np.ndarray:
    """Return the probability of a lesion at every voxel of a prepared scan, float32 of its shape, in [0, 1].

    A window slides over the block of the lungs; where windows overlap, their predictions are averaged.
    """
    mirrors = (0, 1) if settings.test_time_mirror else ()
    return infer_volume(model, scan, settings.patch_voxels, settings.overlap, mirrors, settings.grow_to)


# %% 4. Training
# The loop itself is `radlearn.training.fit`, as in the first lesson. The only difference: whole scans are validated, not patches.


def train(settings: Settings, data_folder: Path, run: Run) -> Run:
    """Train on the scans of a folder, or continue where the run stopped; then choose its postprocessing on validation persons."""
    config = settings.trainer_config(best_by="dice_score")
    # A device that this machine lacks is refused now, not after two hundred scans were prepared.
    chosen_device(settings.device, settings.precision)
    scans = prepared_scans(find_cases(data_folder), preparation(settings))
    split = split_scans(scans, settings.seed, settings.fold, run)
    loaders = make_loaders(settings, {"train": split["train"]})
    # For choosing the best epoch, no mirror images are needed, and the prepared grid is good enough.
    one_look = replace(settings, test_time_mirror=False)

    def validate(model: nn.Module) -> dict[str, float]:
        found = [dice_score(infer(model, scan.prepared, one_look) >= 0.5, scan.true) for scan in split["validation"]]
        return {"dice_score": float(np.nanmean(found))}

    # The first weights are random too: a run must be reproducible from its first step.
    reseed(settings.seed)
    model = build_model(settings)
    best = fit(model, loss, validate, loaders["train"], config, run)
    choose_mask_postprocessing(run, split["validation"], partial(infer, best, settings=settings), settings.seed)
    return run


# %% 5. Evaluation
# On people that were not trained on, on the scan's own voxels, with intervals, beside the threshold baseline, the worst slices first.


def trained_model(run: Run) -> tuple[nn.Module, Settings]:
    """Return the best model of a run, in eval mode, on the device of its settings, and these settings."""
    settings = settings_as(run, Settings)
    return load_best(run, build_model(settings), settings.device), settings


def evaluate(run: Run, cases: Sequence[Case], split: str = "test", options: NoOptions = NoOptions()) -> Scores:
    """Evaluate a run on `cases`; write `scores.json`, pictures and `report.html` into its folder; return the scores."""
    model, settings = trained_model(run)
    scans = prepared_scans(cases, preparation(settings))
    evaluation = evaluate_masks(run, scans, partial(infer, model, settings=settings), split, settings.tolerance_mm)
    write_mask_report(run, evaluation, "Which voxels are COVID-19 lesions?")
    return evaluation.scores


def tune(run: Run, cases: Sequence[Case], options: NoOptions = NoOptions()) -> Scores:
    """Choose the postprocessing again on `cases`, the run's validation persons; write `postprocessing.json` and `tuning/`."""
    model, settings = trained_model(run)
    return tune_masks(run, prepared_scans(cases, preparation(settings)), partial(infer, model, settings=settings))


def predict(run: Run, paths: Sequence[Path], out: Path, overlays: bool = True, options: NoOptions = NoOptions()) -> Path:
    """Predict for CTs in files, folders and DICOM series; write a mask each, overlays and `predictions.csv` into `out`.

    Every mask has the grid of its own scan, which is verified by reading it back.

    Returns:
        the path of the table.
    """
    model, settings = trained_model(run)
    predictions = MaskPredictions(run, CHALLENGE, paths, out)
    predictions.predict_all(partial(infer, model, settings=settings), preparation(settings), overlays)
    return predictions.table


def submit(run: Run, images: Path, out: Path, options: NoOptions = NoOptions()) -> Path:
    """Write the challenge's submission, a zip file with a mask for each CT of a folder, and verify it against these CTs."""
    return submit_masks(CHALLENGE, lambda folder: predict(run, [images], folder, overlays=False), images, out)


TASK = Task(
    name="segmentation",
    folder=Path(__file__).parent,
    challenge=CHALLENGE,
    presets=PRESETS,
    headline_scores=("dice_score", "surface_dice_score", "median_volume_error_percent", "lesion_sensitivity", "false_lesions_per_scan"),
    example_file="SCAN.nii.gz",
    commands=Commands(train, evaluate, tune, predict, submit),
    options=NoOptions,
    tune_options=NoOptions,
)

if __name__ == "__main__":
    import sys

    main(TASK, sys.argv[1:])
