"""Which voxels of this chest CT are COVID-19 lesions?

The third of three lessons: a whole scan goes in, a mask of the same size comes out. Five segments, the same in every lesson: settings,
data, model, training, evaluation. The library is MONAI, in three dimensions; the challenge is COVID-19-20 Lung CT Lesion Segmentation.
The README beside this file is the lesson that goes with it; the challenge's files go into `data/`, and until they do, built-in patients
stand in.

Here medicine differs most from photographs: numbers are Hounsfield units, lengths are millimetres, voxels are not cubes, a scan does not
fit into a network, and a mask that does not lie exactly on its scan is worse than none.

For learning and research, not for clinical use: a mask is what a reader would outline as a lesion, not a diagnosis.
"""

# %% 1. Settings
# Everything that may be changed is a field here, and on the command line a flag: `--epochs 5`.

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
from radlearn.workflow.task import NoOptions, Scores, Task


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """How a lesion segmenter is made; what every training needs (epochs, learning rate, seed, …) is inherited."""

    # Distance between voxels of the scan that the network sees: right to left, front to back, feet to head, in mm.
    spacing_mm: tuple[float, float, float] = (2.0, 2.0, 5.0)
    # Hounsfield units that become 0 and 1; what is below or above counts as these.
    window_hu: tuple[int, int] = (-1000, 400)
    # The block of both lungs, found without learning, or the whole scan.
    crop: Literal["lungs", "nothing"] = "lungs"
    # Voxels of a training patch and of the sliding window; multiples of 16.
    patch_voxels: tuple[int, int, int] = (96, 96, 32)
    # The network: a small one for a laptop, or one that is strong on a GPU.
    network: Literal["small_unet", "segresnet"] = "small_unet"
    # Patches that an epoch takes of every scan, on average.
    patches_per_scan: Annotated[int, Interval(ge=1, le=1000)] = 4
    # Share of patches that have a lesion in their middle; the middles of the others lie anywhere else in the lungs.
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
    # How far apart two surfaces may lie, in mm, and still count as the same in the surface Dice.
    tolerance_mm: Annotated[float, Interval(ge=0, le=100)] = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        # Refuses what makes no sense before a scan is read.
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
        # Its instance norm is used to seeing as much as in training.
        grow_to=1.0,
        workers=8,
    ),
}


# %% 2. Data
# A scan is read once, turned, cropped to the lungs, resampled and kept in a cache as a memory map: a patch then costs a page of the disk.


def find_cases(data_folder: Path) -> list[Case]:
    """Return the CTs with masks of a folder in the COVID-19-20 layout, from their names alone: none is opened yet."""
    return CHALLENGE.find_cases(data_folder)


def preparation(settings: Settings) -> Preparation:
    """Return what is done to a scan once, before anything is random: axes to the left, the back and the head, one spacing, one window."""
    return Preparation(settings.spacing_mm, settings.window_hu, settings.crop)


def training_transform(settings: Settings) -> Compose:
    """Return MONAI's transforms that make each patch a little different every time it is seen, its mask moving along.

    They imitate what differs between scans of one and the same chest: how the patient lay, how deep the breath was, the scanner's noise
    and kernel. Hounsfield units are calibrated, so contrast changes but a little. Slices are thick, so patches turn in their plane alone.
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
    """Return one patch as a network wants it: `image` and `mask` float32 (1, x, y, z), the mask 0 or 1.

    Cases 0 … n - 1 are patches with a lesion in the middle, cases n … 2n - 1 patches from anywhere else in the lungs of the same n scans.
    Where in the scan follows from what is asked for, not from what was asked before: so does the transform.
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
    """Return which patches an epoch shows, in which order: `lesion_share` of them are around a lesion, spread evenly over the batches.

    Lesions are a hundredth of the block that is kept: drawn from anywhere, patches would hold few of their voxels. The order follows from
    seed and epoch alone.
    """
    draw = np.random.default_rng(case_seed(settings.seed, epoch))
    with_lesion = np.flatnonzero([scan.label for scan in scans])
    batches = -(-len(scans) * settings.patches_per_scan // settings.batch_size)
    share = settings.lesion_share if len(with_lesion) else 0.0
    # How many patches around a lesion there have been by the end of each batch: shares of a patch add up from batch to batch.
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
    """Return a loader of patches for the training subset; scans that are evaluated are not cut into patches, but asked as a whole."""
    scans = split["train"]
    ids = [scan.case.image_id for scan in scans]
    dataset = FunctionDataset(partial(load, scans, training_transform(settings), settings), [*ids, *ids])
    order = partial(epoch_order, scans, settings)
    return {"train": EpochLoader(dataset, settings.batch_size, settings.seed, False, settings.workers, order=order)}


# %% 3. Model
# A U-Net: down, to see far, and up again, to say precisely where; bridges carry what is fine from the way down to the way up.


class InPlaneFolded(nn.Module):
    """Shows a network four neighbours of a plane, 2 × 2, as four channels of one place, and unfolds its four predictions again.

    Voxels are fine in the plane of a slice and coarse across it. Folded, they are nearly cubes, and a fourth of the places is left to
    work on, while nothing is averaged away.
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
    """Return the network, float32 (patches, 1, x, y, z) in [0, 1] → logits of the same shape, from its random start.

    In training `segresnet` (Myronenko 2018, arXiv:1810.11654) answers on four scales at once, coarse ones too: deep supervision.
    """
    if settings.network == "segresnet":
        # It is told the spacing, and halves the fine axes first, until voxels are cubes.
        shape: dict[str, Any] = {"init_filters": 32, "blocks_down": (1, 2, 2, 4, 4), "norm": "instance", "dsdepth": 4}
        return SegResNetDS(3, in_channels=1, out_channels=1, resolution=settings.spacing_mm, **shape)
    # Slices are 5 mm apart: at the finest level a look across them would reach further than one in their plane.
    sizes, halved = [(3, 3, 1), (3, 3, 3), (3, 3, 3), (3, 3, 3)], [1, 2, 2, 2]
    # Batch norm remembers from training how strong its channels are. Instance norm, usual elsewhere, takes that from what it is shown: a
    # patch around a lesion in training, a whole chest later, and the same network then sees lesions everywhere.
    inner = DynUNet(3, 4, 4, sizes, halved, halved[1:], filters=[16, 32, 64, 96], norm_name="batch", res_block=True)
    # It begins by saying "none", which is nearly always right, and need not spend its first hundred steps on finding that out.
    nn.init.constant_(inner.output_block.conv.conv.bias, -3.0)
    return InPlaneFolded(inner)


def loss(model: nn.Module, batch: Mapping[str, Any]) -> Tensor:
    """Return how wrong the network is: 1 - Dice, over the whole batch, plus the mean binary cross-entropy.

    Dice alone counts overlap, whatever the size of a lesion; cross-entropy alone would do well by saying "none", which is true of 99 % of
    voxels. Where a network answers on several scales, coarse ones count less.
    """
    return WRONG(model(batch["image"]), batch["mask"])


WRONG = DeepSupervisionLoss(DiceCELoss(sigmoid=True, batch=True), weight_mode="exp")


def infer(model: nn.Module, scan: PreparedVolume, settings: Settings) -> np.ndarray:
    """Return the probability of a lesion at every voxel of a prepared scan, float32 of its shape, in [0, 1].

    A window slides over the lungs' block, and where windows overlap their predictions are averaged.
    """
    mirrors = (0, 1) if settings.test_time_mirror else ()
    return infer_volume(model, scan, settings.patch_voxels, settings.overlap, mirrors, settings.grow_to)


# %% 4. Training
# The loop itself is `radlearn.training.fit`, as in the first lesson; new is only that a scan is evaluated as a whole, not patch by patch.


def train(settings: Settings, data_folder: Path, run: Run) -> Run:
    """Train on the scans of a folder, or continue where the run stopped; then choose its postprocessing on validation persons."""
    config = settings.trainer_config(best_by="dice_score")
    # What this machine cannot do is said now, not after two hundred scans were prepared.
    chosen_device(settings.device, settings.precision)
    scans = prepared_scans(find_cases(data_folder), preparation(settings))
    split = split_scans(scans, settings.seed, settings.fold, run)
    loaders = make_loaders(settings, {"train": split["train"]})
    # Once an epoch one look is enough, without mirror images and on the grid that the network sees.
    one_look = replace(settings, test_time_mirror=False)

    def validate(model: nn.Module) -> dict[str, float]:
        found = [dice_score(infer(model, scan.prepared, one_look) >= 0.5, scan.true) for scan in split["validation"]]
        return {"dice_score": float(np.nanmean(found))}

    # The first weights are random too, and a run must be repeatable from its first step.
    reseed(settings.seed)
    model = build_model(settings)
    best = fit(model, loss, validate, loaders["train"], config, run)
    choose_mask_postprocessing(run, split["validation"], partial(infer, best, settings=settings), settings.seed)
    return run


# %% 5. Evaluation
# On people the model has never met, on the scan's own voxels, with intervals, beside what a rule reaches, the worst slices shown first.


def trained_model(run: Run) -> tuple[nn.Module, Settings]:
    """Return the best model of a run, in eval mode, on the device its settings ask for, and these settings."""
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

    Every mask lies on the grid of its own scan, which is proved by reading it back.

    Returns:
        the path of the table.
    """
    model, settings = trained_model(run)
    predictions = MaskPredictions(run, CHALLENGE, paths, out)
    predictions.predict_all(partial(infer, model, settings=settings), preparation(settings), overlays)
    return predictions.table


def submit(run: Run, images: Path, out: Path, options: NoOptions = NoOptions()) -> Path:
    """Write the challenge's submission, a zip with a mask for each CT of a folder, and prove it against these CTs."""
    return submit_masks(CHALLENGE, lambda folder: predict(run, [images], folder, overlays=False), images, out)


TASK = Task(
    name="segmentation",
    folder=Path(__file__).parent,
    challenge=CHALLENGE,
    settings=Settings,
    presets=PRESETS,
    headline_scores=(
        "dice_score",
        "surface_dice_score",
        "median_volume_error_percent",
        "lesion_sensitivity",
        "false_lesions_per_scan",
    ),
    example_file="SCAN.nii.gz",
    train=train,
    evaluate=evaluate,
    tune=tune,
    predict=predict,
    submit=submit,
    options=NoOptions,
    tune_options=NoOptions,
)

if __name__ == "__main__":
    import sys

    main(TASK, sys.argv[1:])
