"""Which voxels of this chest CT are COVID-19 lesions?

The third of four lessons. The input is a whole scan, the output a mask on the same grid. Every lesson has the same five segments:
settings, data, model, training, evaluation. The library is MONAI, in three dimensions; the challenge is COVID-19-20 Lung CT Lesion
Segmentation. The README beside this file explains it. The challenge's files go into `data/`; while there are none, built-in patients are
used.

Here medicine differs most from photographs: intensities are Hounsfield units, lengths are millimetres, voxels are not cubes, a scan is too
large for one forward pass, and a mask that does not lie exactly on its scan is worse than none.

For learning and research, not for clinical use: a mask is what a reader would outline as a lesion, not a diagnosis.
"""

# %% 1. Settings
# Everything that can be changed is a field here, and a flag on the command line: `--epochs 5`.

import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Interval
from monai.data import list_data_collate
from monai.losses import DeepSupervisionLoss, DiceCELoss
from monai.metrics import DiceMetric
from monai.networks.nets import DynUNet, SegResNetDS
from monai.transforms import (
    AsDiscreted,
    CastToTyped,
    Compose,
    CopyItemsd,
    DeleteItemsd,
    EnsureChannelFirstd,
    EnsureTyped,
    FgBgToIndicesd,
    Invertd,
    LoadImaged,
    MaskIntensity,
    Orientationd,
    RandAffined,
    RandCropByPosNegLabeld,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandScaleIntensityd,
    ScaleIntensityRanged,
    SpatialPadd,
    ToTensord,
)
from torch import Tensor, nn

from radlearn.challenges.covid19 import CHALLENGE, Case
from radlearn.errors import BadSetting
from radlearn.monai_parts.crop_to_lungs import NO_HULL, CropToLungsd
from radlearn.monai_parts.ct_reader import CTReader, MaskReader
from radlearn.monai_parts.lesion_indices import LesionIndicesd
from radlearn.monai_parts.lung_inferer import LungBlockInferer
from radlearn.monai_parts.mapped_dataset import MappedDataset
from radlearn.monai_parts.separable_spacing import SeparableSpacingd
from radlearn.progress import say
from radlearn.scans.geometry import Volume
from radlearn.tasks.segmentation.ensembles import evaluate_together, predicted_together
from radlearn.tasks.segmentation.evaluation import choose_mask_postprocessing, evaluate_masks
from radlearn.tasks.segmentation.look_alikes import write_ct_look_alikes
from radlearn.tasks.segmentation.options import MaskOptions, refuse_probabilities, refuse_series
from radlearn.tasks.segmentation.prediction import MaskPredictions, PredictedScan, submit_masks
from radlearn.tasks.segmentation.report import write_mask_report
from radlearn.tasks.segmentation.scans import CTS, MaskCase, Scan, scans_of, split_scans
from radlearn.tasks.segmentation.together import Segmenter
from radlearn.tasks.segmentation.tuning import tune_masks
from radlearn.training.checkpoint import load_best
from radlearn.training.device import chosen_device
from radlearn.training.feature_distance import pooled_features, some_of, write_feature_distance
from radlearn.training.fit import fit
from radlearn.training.loading import EpochLoader, case_seed, reseed
from radlearn.training.run_folder import Run, runs_of, settings_as
from radlearn.training.settings import Share, TrainingSettings
from radlearn.workflow.commands import main
from radlearn.workflow.task import Commands, Ensemble, NoOptions, Scores, Task


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """How a lesion segmenter is made; what every training needs (epochs, learning rate, seed, …) is inherited."""

    # Distance between voxels of the scan that the network sees: right to left, front to back, feet to head, in mm.
    spacing_mm: tuple[float, float, float] = (2.0, 2.0, 5.0)
    # Hounsfield units that become 0 and 1; values below and above are clipped.
    window_hu: tuple[int, int] = (-1000, 400)
    # The block of both lungs, found without learning, or the whole scan.
    crop: Literal["lungs", "nothing"] = "lungs"
    # Lesions are predicted only inside the hull of the lungs: airless parts and fluid included, muscle, bone and table not.
    confined_to_lungs: bool = True
    # Voxels of a training patch and of the sliding window; multiples of 16.
    patch_voxels: tuple[int, int, int] = (96, 96, 32)
    # The network: a small one for a laptop, or one that is strong on a GPU.
    network: Literal["small_unet", "segresnet"] = "small_unet"
    # Patches that an epoch takes of every scan, on average.
    patches_per_scan: Annotated[int, Interval(ge=1, le=1000)] = 4
    # Probability that a patch has a lesion at its centre; the centres of the others lie anywhere else in the lungs.
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
        # A finer or larger grid than a scanner has would need more memory than any machine has.
        if not all(0.1 <= length <= 100 for length in self.spacing_mm):
            raise BadSetting(f"spacing_mm is {self.spacing_mm}; expected three lengths from 0.1 to 100 mm.")
        if not self.window_hu[0] < self.window_hu[1]:
            raise BadSetting(f"window_hu is {self.window_hu}; expected a lower and a higher number of Hounsfield units.")
        if any(not 16 <= length <= 1024 or length % 16 for length in self.patch_voxels):
            found = f"patch_voxels is {self.patch_voxels}"
            raise BadSetting(f"{found}; expected three multiples of 16, up to 1024: the network halves a patch four times.")


PRESETS = {
    # Minutes on two cores: a network of 1.1 million weights, from scratch, on coarse voxels.
    "quick": Settings(
        epochs=8,
        batch_size=2,
        learning_rate=6e-3,
        warm_up_share=0.1,
        weight_decay=1e-3,
        gradient_clip=10.0,
        # bfloat16 where the processor has it: half of the time or less, with Dice as before (three seeds).
        precision="auto",
    ),
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
# In MONAI a case is a dictionary: first of file names, then of arrays. A transform takes such a dictionary and returns it changed, and
# names the keys that it works on. What is deterministic is done once and cached as a memory map: a patch then costs a few pages of it.


def find_cases(data_folder: Path) -> list[Case]:
    """Return the CTs with masks of a folder in the COVID-19-20 layout, or of a table of your own, without opening one."""
    return CHALLENGE.find_cases(data_folder)


def as_item(case: MaskCase) -> dict[str, Any]:
    """Return a case as MONAI's transforms take it: a dictionary of files."""
    files = {"image": case.path} if case.mask_path is None else {"image": case.path, "mask": case.mask_path}
    return {"id": case.image_id, **files}


def deterministic_transform(settings: Settings, with_mask: bool = True, series: str | None = None) -> Compose:
    """Return what is done with every scan, and its mask, in the same way each time.

    `image` becomes float16 (1, x, y, z) in [0, 1]; `mask`, `lungs` and `hull`, in which a lesion of the lungs can lie, uint8 of the same
    shape, 0 or 1. Without a mask, as for a new patient, the scan itself stays under `source`, and `lungs` on its voxels. `series` is the
    UID of the series to read where a folder holds several. What is no chest CT in Hounsfield units is refused.
    """
    keys = ("image", "mask") if with_mask else ("image",)
    regions = ("lungs", "hull") if with_mask else ("hull",)
    # Axes run to the left, the back and the head, whatever their order in the file. Nothing is resampled yet.
    # `dtype=None` keeps the integers of the file, half the memory of MONAI's float32, until the scan is cropped.
    steps: list[Any] = [LoadImaged("image", reader=CTReader(series, chest=True), dtype=None)]
    steps += [LoadImaged("mask", reader=MaskReader(), dtype=None)] if with_mask else [CopyItemsd("image", names="source")]
    steps += [
        EnsureChannelFirstd(keys),
        # `lungs`, which come with the next step, are named for the way back.
        Orientationd((*keys, "lungs"), axcodes="LPS", labels=None, allow_missing_keys=True),
        CropToLungsd(keys, "image", "lungs", settings.crop, everywhere_without_lungs=with_mask, hull_key="hull"),
        # Clipped before it is resampled, because metal and padding would bleed into their neighbours.
        ScaleIntensityRanged("image", *settings.window_hu, 0, 1, clip=True),
        # MONAI's `Spacingd`, faster, and averaging where voxels become coarser: the mask too, which is then cut at one half, so that its
        # border stays on that of the image.
        SeparableSpacingd(keys, pixdim=settings.spacing_mm, mode="bilinear"),
        SeparableSpacingd(regions, pixdim=settings.spacing_mm, mode="nearest"),
        # Half precision tells apart what lies less than 1 HU apart.
        CastToTyped("image", dtype=torch.float16),
    ]
    if with_mask:
        steps += [
            AsDiscreted("mask", threshold=0.5),
            # Where patches may be taken: inside the mask, and in the lungs around it. By its voxels alone, a lesion of 100 ml would
            # be at the centre a hundred times as often as one of 1 ml; now it is five times as often.
            FgBgToIndicesd("mask", image_key="lungs"),
            LesionIndicesd("mask_fg_indices", "mask", exponent=1 / 3),
        ]
    return Compose([*steps, CastToTyped((*keys[1:], *regions), dtype=torch.uint8)])


def training_transform(settings: Settings) -> Compose:
    """Return the deterministic transform, then a random patch with random augmentation: float32 (1, *patch_voxels) both.

    The augmentation imitates differences between scans of the same chest: the position of the patient, the depth of the breath, the
    scanner's noise and kernel. Hounsfield units are calibrated, so contrast changes little. Slices are thick, so patches are rotated in
    their plane only.
    """
    s, keys, cropped = settings, ("image", "mask"), ("image", "mask", "lungs", "hull")
    turn, zoom = (0.0, 0.0, float(np.deg2rad(s.rotation_degrees))), (s.zoom_share, s.zoom_share, 0.0)
    indices: dict[str, Any] = {"fg_indices_key": "mask_fg_indices", "bg_indices_key": "mask_bg_indices"}
    return Compose(
        [
            deterministic_transform(s),
            # Lesions are a hundredth of the lungs: patches from anywhere would contain few of their voxels.
            RandCropByPosNegLabeld(cropped, "mask", s.patch_voxels, s.lesion_share, 1 - s.lesion_share, **indices, allow_smaller=True),
            DeleteItemsd(("lungs", "hull")),
            SpatialPadd(keys, s.patch_voxels),
            EnsureTyped(keys, dtype=torch.float32),
            RandFlipd(keys, prob=s.mirror_chance, spatial_axis=0),
            RandFlipd(keys, prob=s.mirror_chance, spatial_axis=1),
            RandAffined(keys, prob=0.5, rotate_range=turn, scale_range=zoom, mode=("bilinear", "nearest"), padding_mode="border"),
            RandGaussianSmoothd("image", prob=s.blur_chance, sigma_x=(0.3, 1.0), sigma_y=(0.3, 1.0), sigma_z=(0.1, 0.4)),
            RandGaussianNoised("image", prob=0.5, std=s.noise_std),
            RandScaleIntensityd("image", prob=0.5, factors=s.contrast_share),
            ToTensord(keys, track_meta=False),
        ]
    ).flatten()


def make_dataset(settings: Settings, cases: Sequence[MaskCase], training: bool = False) -> MappedDataset:
    """Return the data set of cases: random patches for training, else whole scans.

    `MappedDataset` is MONAI's `PersistentDataset` on memory maps. Both uses share one cache: their deterministic transforms are the same.
    """
    transform = training_transform(settings) if training else deterministic_transform(settings)
    # A scan without lesions has none to take patches around, which is no reason to warn in each epoch.
    warnings.filterwarnings("ignore", "Num foregrounds 0", UserWarning)
    items = [as_item(case) for case in cases]
    # Whole scans need their meta data, for the way back; a patch has no use for them.
    return MappedDataset(items, transform, seed=settings.seed, track_meta=not training, words=CTS)


def make_loaders(settings: Settings, split: dict[str, list[Scan]]) -> dict[str, EpochLoader]:
    """Return a loader of patches for the training subset; evaluation infers on whole scans instead.

    `EpochLoader` uses PyTorch's `DataLoader`. It names each draw by epoch and case, which is all that a patch depends on.
    """
    dataset = make_dataset(settings, [scan.case for scan in split["train"]], training=True)

    def order(epoch: int) -> list[int]:
        # Every scan as often as any other, in another order each time.
        draw = np.random.default_rng(case_seed(settings.seed, epoch))
        return np.concatenate([draw.permutation(len(dataset)) for _ in range(settings.patches_per_scan)]).tolist()

    loader = EpochLoader(dataset, settings.batch_size, settings.seed, False, settings.workers, list_data_collate, True, order)
    return {"train": loader}


# %% 3. Model
# A U-Net: an encoder for a large receptive field, a decoder for precise borders, and skip connections that carry fine detail between them.


class InPlaneFolded(nn.Module):
    """Space-to-depth in the plane of a slice, around a network: 2 × 2 neighbours become four channels of one position, and back.

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
    if settings.network != "small_unet":
        raise BadSetting(f"network is {settings.network!r}; it must be one of {', '.join(FEATURE_LAYERS)}.")
    # Slices are 5 mm apart: at the finest level a kernel across them would reach further than one in their plane.
    sizes, halved = [(3, 3, 1), (3, 3, 3), (3, 3, 3), (3, 3, 3)], [1, 2, 2, 2]
    # Batch norm keeps its statistics from training. Instance norm, usual elsewhere, computes them from its input: a patch around a lesion
    # in training, a whole chest in inference, where the same network then predicts lesions everywhere.
    inner = DynUNet(3, 4, 4, sizes, halved, halved[1:], filters=[16, 32, 64, 96], norm_name="batch", res_block=True)
    # The initial bias predicts no lesion, which is nearly always right: otherwise the first hundred steps would be spent on learning it.
    nn.init.constant_(inner.output_block.conv.conv.bias, -3.0)
    # With its channels last in memory a step takes three quarters of the time on a CPU.
    return InPlaneFolded(inner.to(memory_format=torch.channels_last_3d))  # type: ignore[call-overload]


def loss(model: nn.Module, batch: Mapping[str, Any]) -> Tensor:
    """Return 1 - Dice of each patch, averaged over the patches, plus the mean binary cross-entropy.

    Dice measures overlap, whatever the size of a lesion; cross-entropy alone is low for a network that never predicts a lesion, which is
    right for 99 % of voxels. Over the whole batch (`batch=True`) a patch with a large lesion would outweigh one with a small lesion.
    Where a network predicts on several scales, coarse ones have less weight.
    """
    return DICE_AND_CROSS_ENTROPY(model(batch["image"]), batch["mask"])


DICE_AND_CROSS_ENTROPY = DeepSupervisionLoss(DiceCELoss(sigmoid=True), weight_mode="exp")


def infer(model: nn.Module, scan: Mapping[str, Any], settings: Settings) -> Tensor:
    """Return the probability of a lesion at every voxel of a prepared scan, float32 (1, x, y, z) in [0, 1].

    A window slides over the block of the lungs; where windows overlap, their predictions are averaged. Outside the hull of the lungs the
    probability is 0, unless the settings say otherwise.
    """
    axes = (2, 3) if settings.test_time_mirror else ()
    mirrors = [dims for count in range(len(axes) + 1) for dims in itertools.combinations(axes, count)]

    def probability(windows: Tensor) -> Tensor:
        # Test-time augmentation: predict for mirror images too, mirror the predictions back, average.
        found = [model(windows.flip(dims)).float().sigmoid().flip(dims) for dims in mirrors]
        return torch.stack(found).mean(dim=0)

    # MONAI's `SlidingWindowInferer`, which also looks at how much memory is free.
    device = next(model.parameters()).device
    inferer = LungBlockInferer(settings.patch_voxels, settings.overlap, settings.grow_to, sw_device=device)
    model.eval()
    with torch.inference_mode():
        found = inferer(scan["image"][None].float(), probability)[0]
    return MaskIntensity(scan["hull"])(found) if settings.confined_to_lungs else found


# Layers of the encoder whose features, averaged over the windows of a scan, tell whether it is unlike the training data.
FEATURE_LAYERS = {
    "small_unet": ("inner.input_block", "inner.downsamples.0", "inner.downsamples.1", "inner.bottleneck"),
    "segresnet": tuple(f"encoder.layers.{level}.blocks" for level in range(1, 5)),
}


def infer_on_source(model: nn.Module, scan: Mapping[str, Any], settings: Settings, transform: Compose | None = None) -> np.ndarray:
    """Return the probability of a lesion at every voxel of the scan's file, float32 (i, j, k) in [0, 1].

    Every transform of the image remembered what it did, and `Invertd` undoes it: spacing, crop, orientation. The probability is resampled
    and not the mask, because a mask has no values between its voxels. `transform` is the one that made `scan`, if it was not cached.
    """
    back = Invertd("probability", transform or deterministic_transform(settings), orig_keys="image", nearest_interp=False)
    return back({**scan, "probability": infer(model, scan, settings)})["probability"][0].cpu().numpy()


# %% 4. Training
# As in the first lesson: forward, loss, backward, step. The only difference: whole scans are validated, not patches.


def training_loop(model: nn.Module, loader: EpochLoader, settings: Settings) -> nn.Module:
    """Train a model with a loop in plain PyTorch: the one to read, run and change.

    `train` below takes the same steps through `fit`, which adds resuming, validation, averaged weights and half precision.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).train()
    # Weight decay pulls weights to 0, which biases and the scales of norms need not be.
    matrices, others = ([weight for weight in model.parameters() if (weight.ndim > 1) == wanted] for wanted in (True, False))
    groups = [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)
    # One cycle: the learning rate rises for a share of the training, then falls to nearly 0.
    steps, rising = settings.epochs * loader.steps_per_epoch, settings.warm_up_share or 0.3
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, steps, pct_start=rising, cycle_momentum=False)
    for epoch in range(settings.epochs):
        for batch in loader.epoch(epoch):
            images, masks = batch["image"].to(device), batch["mask"].to(device)
            optimizer.zero_grad()
            error = loss(model, {"image": images, "mask": masks})
            error.backward()
            # A single unlucky batch must not throw the weights far away.
            nn.utils.clip_grad_norm_([*matrices, *others], settings.gradient_clip)
            optimizer.step()
            schedule.step()
    return model.eval()


def train(settings: Settings, data_folder: Path, run: Run) -> Run:
    """Train on the scans of a folder, or continue where the run stopped; then choose its postprocessing on validation persons."""
    config = settings.trainer_config(best_by="dice_score")
    # A device that this machine lacks is refused now, not after two hundred scans were prepared.
    chosen_device(settings.device, settings.precision)
    cases = find_cases(data_folder)
    split = split_scans(scans_of(cases, make_dataset(settings, cases)), settings.seed_of_split, settings.fold, run)
    loaders = make_loaders(settings, {"train": split["train"]})
    # For choosing the best epoch, no mirror images are needed, and the prepared grid is good enough.
    one_look = replace(settings, test_time_mirror=False)

    def validate(model: nn.Module) -> dict[str, float]:
        dice = DiceMetric(ignore_empty=True)
        for scan in split["validation"]:
            item = scan.item
            dice(y_pred=(infer(model, item, one_look) >= 0.5)[None].float(), y=item["mask"][None].float())
        return {"dice_score": dice.aggregate().item()}

    # The first weights are random too: a run must be reproducible from its first step.
    reseed(settings.seed)
    model = build_model(settings)
    best = fit(model, loss, validate, loaders["train"], config, run)
    with pooled_features(best, FEATURE_LAYERS[settings.network]) as pooled:
        keep_features = pooled.of_each_call(partial(infer_on_source, best, settings=settings))
        choose_mask_postprocessing(run, split["validation"], keep_features, settings.seed)
    write_feature_distance(run, features_of(best, split["train"], one_look), np.stack(pooled.by_call))
    # So that a copy of one of these scans is known again, also clipped or resampled.
    write_ct_look_alikes(run, split)
    return run


def features_of(model: nn.Module, scans: Sequence[Scan], settings: Settings) -> np.ndarray:
    """Return the features of scans, float32 (scans, features): of windows without overlap, which are enough for a mean."""
    apart = replace(settings, overlap=0.0)
    with pooled_features(model, FEATURE_LAYERS[settings.network]) as pooled:
        for number in some_of(len(scans), most=100):
            pooled.of_each_call(infer)(model, scans[number].item, apart)
    return np.stack(pooled.by_call)


# %% 5. Evaluation
# On people that were not trained on, on the scan's own voxels, with intervals, beside the threshold baseline, the worst slices first.

QUESTION = "Which voxels are COVID-19 lesions?"


def trained_model(run: Run) -> tuple[nn.Module, Settings]:
    """Return the best model of a run, in eval mode, on the device of its settings, and these settings."""
    settings = settings_as(run, Settings)
    return load_best(run, build_model(settings), settings.device), settings


def evaluate(run: Run, cases: Sequence[Case], split: str = "test", options: MaskOptions = MaskOptions()) -> Scores:
    """Evaluate a run on `cases`; write `scores.json`, pictures and `report.html` into its folder; return the scores."""
    refuse_probabilities(options, "segmentation evaluate")
    refuse_series(options, "evaluate")
    model, settings = trained_model(run)
    scans = scans_of(cases, make_dataset(settings, cases))
    with pooled_features(model, FEATURE_LAYERS[settings.network]) as pooled:
        keep_features = pooled.of_each_call(partial(infer_on_source, model, settings=settings))
        evaluation = evaluate_masks(run, scans, keep_features, split, settings.tolerance_mm, pooled.by_call)
    write_mask_report(run, evaluation, QUESTION)
    return evaluation.scores


def tune(run: Run, cases: Sequence[Case], options: NoOptions = NoOptions()) -> Scores:
    """Choose the postprocessing again on `cases`, the run's validation persons; write `postprocessing.json` and `tuning/`."""
    model, settings = trained_model(run)
    return tune_masks(run, scans_of(cases, make_dataset(settings, cases)), partial(infer_on_source, model, settings=settings))


def infer_file(members: Sequence[tuple[nn.Module, Settings]], path: Path, series: str | None = None) -> Iterator[PredictedScan]:
    """Yield what each run predicts for a scan in a file or folder, on the grid of the scan. Nothing is cached.

    Each run sees the scan as it was trained to; runs that see it alike share its preparation.
    """
    prepared: dict[Any, tuple[Compose, Any, Volume, np.ndarray]] = {}
    for model, settings in members:
        look = (settings.spacing_mm, settings.window_hu, settings.crop, settings.confined_to_lungs)
        if look not in prepared:
            transform = deterministic_transform(settings, with_mask=False, series=series)
            scan = transform({"image": path})
            if settings.confined_to_lungs and not scan["image"].meta["lungs_found"]:
                say(f"{path.name}: {NO_HULL}.", style="yellow")
            source, lungs = scan["source"], Invertd("lungs", transform, orig_keys="lungs")(scan)["lungs"]
            # That lesions are not confined to lungs is no news where they were not to be.
            notes = [note for note in scan["image"].meta["notes"].splitlines() if settings.confined_to_lungs or note != NO_HULL]
            volume = Volume(source.numpy(), source.affine.numpy(), path, tuple(notes))
            prepared[look] = transform, scan, volume, lungs[0].numpy() > 0
        transform, scan, volume, of_lungs = prepared[look]
        with pooled_features(model, FEATURE_LAYERS[settings.network]) as pooled:
            probability, features = infer_on_source(model, scan, settings, transform), [pooled.mean()]
        yield PredictedScan(volume, probability, of_lungs, features=features)


def predict(
    runs: Run | Sequence[Run], paths: Sequence[Path], out: Path, overlays: bool = True, options: MaskOptions = MaskOptions()
) -> Path:
    """Predict for CTs in files, folders and DICOM series; write a mask each, overlays and `predictions.csv` into `out`.

    Every mask has the grid of its own scan, which is verified by reading it back. Several runs predict together: the mean of their
    probabilities; the table says how far they differ.

    Returns:
        the path of the table.
    """
    predictions = MaskPredictions(runs, CHALLENGE, paths, out, options.probabilities)
    members = [trained_model(run) for run in runs_of(runs)]
    predictions.predict_all(lambda path: predicted_together(infer_file(members, path, options.series), predictions.of_each_run), overlays)
    return predictions.table


def submit(runs: Run | Sequence[Run], images: Path, out: Path, options: MaskOptions = MaskOptions()) -> Path:
    """Write the challenge's submission, a zip file with a mask for each CT of a folder, and verify it against these CTs."""
    refuse_probabilities(options, "segmentation submit")
    return submit_masks(CHALLENGE, lambda folder: predict(runs, [images], folder, False, options), images, out)


def segmenter(run: Run) -> Segmenter[MaskCase, Scan]:
    """Return a run as an ensemble uses it: how it sees scans, and its probability for one."""
    model, settings = trained_model(run)
    return Segmenter(lambda cases: scans_of(cases, make_dataset(settings, cases)), partial(infer_on_source, model, settings=settings))


def evaluate_several(runs: Sequence[Run], cases: Sequence[Case], options: MaskOptions) -> Scores:
    """Evaluate several runs as an ensemble on the test persons that they share."""
    refuse_probabilities(options, "segmentation evaluate")
    refuse_series(options, "evaluate")
    ensemble, evaluation = evaluate_together(runs, cases, segmenter, settings_as(runs[0], Settings).tolerance_mm)
    write_mask_report(ensemble, evaluation, QUESTION)
    return evaluation.scores


TASK = Task(
    name="segmentation",
    folder=Path(__file__).parent,
    challenge=CHALLENGE,
    presets=PRESETS,
    headline_scores=("dice_score", "surface_dice_score", "median_volume_error_percent", "lesion_sensitivity", "false_lesions_per_scan"),
    example_file="SCAN.nii.gz",
    commands=Commands(train, evaluate, tune, predict, submit),
    options=MaskOptions,
    tune_options=NoOptions,
    ensemble=Ensemble(evaluate_several, predict, submit),
)

if __name__ == "__main__":
    import sys

    main(TASK, sys.argv[1:])
