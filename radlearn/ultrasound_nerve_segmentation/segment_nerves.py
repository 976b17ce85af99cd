"""Where is the nerve on this ultrasound image?

The fourth lesson. The input is an image in two dimensions, the output a label map of the same size: a class for each pixel. It has the same
five segments as the others: settings, data, model, training, evaluation. The library is MONAI; the challenge is Ultrasound Nerve
Segmentation, which has one class. A table of your own may have several, such as nerves and vessels.

Two things are different from the CTs of the third lesson. Nothing in ultrasound is calibrated: brightness depends on the gain, on the depth
and on what lies above, so that a nerve is known by its texture and its neighbours. And on many images there is no nerve at all, which has
to be said too: one false pixel on such an image costs as much as a nerve that is missed.

For learning and research, not for clinical use: nobody should be guided to a nerve by this.
"""

# %% 1. Settings
# Everything that can be changed is a field here, and a flag on the command line: `--epochs 5`.

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Interval
from monai.data import MetaTensor
from monai.losses import DiceCELoss
from monai.metrics import DiceMetric
from monai.networks.blocks import BaseEncoder
from monai.networks.nets import FLEXUNET_BACKBONE, BasicUNet, EfficientNet, FlexibleUNet
from monai.transforms import (
    CastToTyped,
    Compose,
    EnsureChannelFirstd,
    EnsureTyped,
    Invertd,
    LoadImaged,
    RandAdjustContrastd,
    RandAffined,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandScaleIntensityd,
    Resized,
    SpatialPadd,
    ToTensord,
)
from torch import Tensor, nn
from torchvision.transforms.v2 import Normalize

from radlearn.challenges.ultrasound import CHALLENGE
from radlearn.challenges.ultrasound_case import UltrasoundCase
from radlearn.errors import BadSetting
from radlearn.monai_parts.mapped_dataset import MappedDataset
from radlearn.monai_parts.ultrasound_reader import LabelMapReader, SameSized, UltrasoundReader
from radlearn.scans.ultrasound_images import read_ultrasound
from radlearn.tasks.segmentation.label_maps.class_names import names_to_train, outputs_by_name
from radlearn.tasks.segmentation.label_maps.ensembles import evaluate_together, predicted_together
from radlearn.tasks.segmentation.label_maps.evaluation import TrainingFacts, choose_label_map_postprocessing, evaluate_label_maps
from radlearn.tasks.segmentation.label_maps.frames import IMAGES, Frame, LabelMapCase, frames_of, split_frames
from radlearn.tasks.segmentation.label_maps.look_alikes import write_frame_look_alikes
from radlearn.tasks.segmentation.label_maps.postprocessing import LabelMapPostprocessing
from radlearn.tasks.segmentation.label_maps.prediction import LabelMapPredictions, PredictedFrame, submit_label_maps
from radlearn.tasks.segmentation.label_maps.report import write_label_map_report
from radlearn.tasks.segmentation.label_maps.tuning import tune_label_maps
from radlearn.tasks.segmentation.options import LabelMapOptions, refuse_probabilities
from radlearn.tasks.segmentation.together import Segmenter
from radlearn.training.checkpoint import load_best
from radlearn.training.device import chosen_device
from radlearn.training.feature_distance import pooled_features, some_of, write_feature_distance
from radlearn.training.fit import fit
from radlearn.training.loading import EpochLoader, reseed
from radlearn.training.run_folder import Run, runs_of, settings_as
from radlearn.training.settings import Share, TrainingSettings
from radlearn.workflow.commands import main
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.pretrained import start_from_published
from radlearn.workflow.task import Commands, Ensemble, NoOptions, Scores, Task


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """How a nerve segmenter is made; what every training needs (epochs, learning rate, seed, …) is inherited."""

    # Length of the longer side of an image as the network sees it; the shorter is padded to it. A multiple of 32.
    size_px: Annotated[int, Interval(ge=32, le=2048)] = 128
    # The network: a U-Net whose encoder has learnt from photographs, or a small one that begins at random.
    network: Literal["unet_lite0", "unet_lite2", "small_unet"] = "unet_lite0"
    # Start from ImageNet weights, which are installed with radlearn; small_unet has none.
    pretrained: bool = True
    # Names of classes 1, 2, … of the label maps; by default what the data call them, else class_1, class_2 and so on.
    class_names: tuple[str, ...] = ()
    # Probability that a training image is mirrored, left to right. What is above stays above: that is where the probe is.
    mirror_chance: Share = 0.5
    # Rotation in training, in degrees either way: the probe is held at an angle.
    rotation_degrees: Annotated[float, Interval(ge=0, le=45)] = 10.0
    # Zoom in training, separately along each axis: 0.15 is a factor of 0.85 to 1.15. Depth is a setting of the machine.
    zoom_share: Annotated[float, Interval(ge=0, le=0.9)] = 0.15
    # Shift in training, as a share of the image.
    shift_share: Annotated[float, Interval(ge=0, le=0.5)] = 0.08
    # Gain curve in training: 0.5 is a gamma of 1/1.5 to 1.5.
    gamma_range: Annotated[float, Interval(ge=0, le=4)] = 0.5
    # Overall gain in training: 0.25 is a factor of 0.75 to 1.25.
    gain_share: Share = 0.25
    # Noise in training: the largest standard deviation, where black is 0 and white is 1.
    noise_std: Share = 0.04
    # Probability that a training image is smoothed, as by another probe or by the machine's own filter.
    blur_chance: Share = 0.2
    # Test-time augmentation: also infer on the mirror image and average.
    test_time_mirror: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size_px % 32:
            raise BadSetting(f"size_px is {self.size_px}; expected a multiple of 32: the network halves an image five times.")


PRESETS = {
    # Minutes on two cores: a pretrained encoder of 3 million weights, on small images.
    "quick": Settings(epochs=10, batch_size=8, learning_rate=1e-3, weight_decay=0.02, keep="last", norm_batches=10),
    # The strong preset, for a GPU and the real challenge: more pixels, a larger encoder, longer training, mirror images.
    "challenge": Settings(
        size_px=448,
        network="unet_lite2",
        epochs=60,
        batch_size=16,
        learning_rate=6e-4,
        weight_decay=0.03,
        ema_decay=0.999,
        gradient_clip=10.0,
        precision="bf16-mixed",
        rotation_degrees=15.0,
        zoom_share=0.25,
        test_time_mirror=True,
        workers=8,
    ),
}


# %% 2. Data
# In MONAI a case is a dictionary: first of file names, then of arrays. A transform takes such a dictionary and returns it changed, and
# names the keys that it works on. What is deterministic is done once and cached; what is random, anew in every epoch.


def find_cases(data_folder: Path) -> list[UltrasoundCase]:
    """Return the images with label maps of a folder in the challenge's layout, or of a table of your own, without opening one."""
    return CHALLENGE.find_cases(data_folder)


def as_item(case: LabelMapCase) -> dict[str, Any]:
    """Return a case as MONAI's transforms take it: a dictionary of files."""
    files = {"image": case.path} if case.mask_path is None else {"image": case.path, "mask": case.mask_path}
    return {"id": case.image_id, **files}


def deterministic_transform(settings: Settings, with_mask: bool = True) -> Compose:
    """Return what is done with every image, and its label map, in the same way each time.

    `image` becomes float16 (1, size, size) in [0, 1]; `mask` uint8 of the same shape, the class of each pixel, 0 being the background.
    """
    keys = ("image", "mask") if with_mask else ("image",)
    size, square = settings.size_px, (settings.size_px, settings.size_px)
    steps: list[Any] = [LoadImaged("image", reader=UltrasoundReader())]
    steps += [LoadImaged("mask", reader=LabelMapReader(), dtype=np.uint8)] if with_mask else []
    steps += [EnsureChannelFirstd(keys)]
    steps += [SameSized(("mask", "image"))] if with_mask else []
    # Smoothed before it is made smaller, or speckle would become a pattern that is not there. Between two classes there is no third one:
    # a label map takes the nearest pixel. The proportions are kept, since a vessel that is cut across is round.
    steps += [Resized("image", size, size_mode="longest", mode="bilinear", anti_aliasing=True)]
    steps += [Resized("mask", size, size_mode="longest", mode="nearest-exact")] if with_mask else []
    steps += [SpatialPadd(keys, square), CastToTyped("image", dtype=torch.float16)]
    return Compose([*steps, CastToTyped("mask", dtype=torch.uint8)] if with_mask else steps)


def training_transform(settings: Settings) -> Compose:
    """Return the deterministic transform, then random augmentation: float32 and uint8, (1, size, size) both.

    The augmentation imitates differences between images of the same place: side, angle and pressure of the probe, depth, gain and its
    curve, machine.
    """
    s, keys = settings, ("image", "mask")
    turn, shift = float(np.deg2rad(s.rotation_degrees)), s.shift_share * s.size_px
    moved: dict[str, Any] = {"rotate_range": turn, "translate_range": (shift, shift), "scale_range": (s.zoom_share,) * 2}
    return Compose(
        [
            deterministic_transform(s),
            # The first random transform: what comes before it is cached, what follows is not.
            RandFlipd(keys, prob=s.mirror_chance, spatial_axis=1),
            EnsureTyped("image", dtype=torch.float32),
            RandAffined(keys, prob=1.0, **moved, mode=("bilinear", "nearest"), padding_mode="zeros"),
            RandAdjustContrastd("image", prob=1.0, gamma=(1 / (1 + s.gamma_range), 1 + s.gamma_range)),
            RandScaleIntensityd("image", prob=1.0, factors=s.gain_share),
            RandGaussianSmoothd("image", prob=s.blur_chance, sigma_x=(0.3, 1.0), sigma_y=(0.3, 1.0)),
            RandGaussianNoised("image", prob=0.5, std=s.noise_std),
            ToTensord(keys, track_meta=False),
        ]
    ).flatten()


def make_dataset(settings: Settings, cases: Sequence[LabelMapCase], training: bool = False, for_batches: bool = False) -> MappedDataset:
    """Return the data set of cases, with random augmentation for training.

    `MappedDataset` is MONAI's `PersistentDataset` on memory maps. All uses share one cache: their deterministic transforms are the same.
    `for_batches` leaves out the meta data, which only the way back to the file needs.
    """
    transform = training_transform(settings) if training else deterministic_transform(settings)
    track = not (training or for_batches)
    return MappedDataset([as_item(case) for case in cases], transform, seed=settings.seed, track_meta=track, words=IMAGES, per_job=8)


def make_loaders(settings: Settings, split: dict[str, list[Frame]]) -> dict[str, EpochLoader]:
    """Return a loader of batches for each subset of the split; only the training subset is shuffled and augmented.

    `EpochLoader` uses PyTorch's `DataLoader`. It names each draw by epoch and case, which is all that an augmented image depends on.
    """
    loaders = {}
    for subset, frames in split.items():
        learning = subset == "train"
        dataset = make_dataset(settings, [frame.case for frame in frames], learning, for_batches=True)
        # Of one image alone a batch norm would learn nothing.
        leave_rest = learning and len(frames) > settings.batch_size
        workers = settings.workers if learning else 0
        loaders[subset] = EpochLoader(dataset, settings.batch_size, settings.seed, learning, workers, drop_last=leave_rest)
    return loaders


# %% 3. Model
# A U-Net: an encoder for what is there, a decoder for where it ends, and skip connections that carry fine detail between them. The encoder
# need not begin at random: edges and textures of photographs are a start for those of tissue.

# For each encoder: how often each of the seven kinds of blocks comes, and with how many channels it ends.
LITE = {
    "unet_lite0": ("efficientnet_lite0", (1, 2, 2, 3, 3, 4, 1), (16, 24, 40, 80, 112, 192, 320)),
    "unet_lite2": ("efficientnet_lite2", (1, 3, 3, 4, 4, 5, 1), (16, 24, 48, 88, 120, 208, 352)),
}
# The blocks after which the resolution is halved, whose output goes to the decoder: at 1/2, 1/4, 1/8, 1/16 and 1/32.
TO_DECODER = (0, 1, 2, 4, 6)


class LiteEncoder(EfficientNet, BaseEncoder):
    """EfficientNet (Tan and Le 2019, arXiv:1905.11946) in the Lite variant, as an encoder of MONAI's `FlexibleUNet`.

    There is no squeeze-and-excitation, and ReLU6 in place of swish: both are slow on a CPU.
    """

    def __init__(self, name: str, pretrained: bool, in_channels: int = 1, spatial_dims: int = 2) -> None:
        published, repeats, channels = LITE[name]
        kinds = ("k3_s1_e1", "k3_s2_e6", "k5_s2_e6", "k3_s2_e6", "k5_s1_e6", "k5_s2_e6", "k3_s1_e6")
        stages = [f"r{r}_{kind}_i{i}_o{o}" for r, kind, i, o in zip(repeats, kinds, (32, *channels), channels, strict=False)]
        super().__init__(stages, spatial_dims=spatial_dims, in_channels=in_channels, num_classes=1)
        self._swish = nn.ReLU6()
        blocks: list[Any] = [module for module in self.modules() if hasattr(module, "_depthwise_conv")]
        for block in blocks:
            block._swish = nn.ReLU6(inplace=True)
            if block.stride == 1:
                # The convolution pads by itself, without a copy of its input.
                convolution = block._depthwise_conv
                convolution.padding, block._depthwise_conv_padding = tuple(side // 2 for side in convolution.kernel_size), nn.Identity()
        if pretrained:
            start_from_published(self, published)
        # What made 1,000 classes of photographs of the last features.
        del self._conv_head, self._conv_head_padding, self._bn1, self._fc

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the features at five resolutions, the finest first."""
        features, at = self._swish(self._bn0(self._conv_stem(self._conv_stem_padding(images)))), []
        for number, block in enumerate(self._blocks):
            features = block(features)
            at += [features] if number in TO_DECODER else []
        return at

    @classmethod
    def get_encoder_names(cls) -> list[str]:
        """Return the names under which `FlexibleUNet` knows the encoders."""
        return list(LITE)

    @classmethod
    def get_encoder_parameters(cls) -> list[dict]:
        """Return what `__init__` takes for each of them."""
        return [{"name": name, "pretrained": False, "in_channels": 1, "spatial_dims": 2} for name in LITE]

    @classmethod
    def num_outputs(cls) -> list[int]:
        """Return at how many resolutions each gives features."""
        return [len(TO_DECODER)] * len(LITE)

    @classmethod
    def num_channels_per_output(cls) -> list[tuple[int, ...]]:
        """Return how many channels they have."""
        return [tuple(channels[block] for block in TO_DECODER) for _, _, channels in LITE.values()]


def build_model(settings: Settings, classes: int = 1) -> nn.Module:
    """Return the network, float32 (images, 1, size, size) in [0, 1] → (images, 1 + classes, size, size) logits.

    The first output is the background. Classes exclude each other: one softmax over all of them, where several findings on one X-ray had
    a sigmoid each.
    """
    model: nn.Module
    if settings.network == "small_unet":
        model = BasicUNet(2, 1, 1 + classes, (16, 16, 32, 64, 128, 16), norm=("batch", {}))
    elif settings.network in LITE:
        # So that it is known by its names, as MONAI's own encoders are.
        FLEXUNET_BACKBONE.register_class(LiteEncoder)
        decoder = {"decoder_channels": (96, 64, 32, 16, 8), "upsample": "nontrainable", "interp_mode": "bilinear"}
        model = FlexibleUNet(1, 1 + classes, settings.network, settings.pretrained, **decoder, is_pad=False)
    else:
        raise BadSetting(f"network is {settings.network!r}; it must be one of {', '.join(FEATURE_LAYERS)}.")
    # From 0 … 1 to the range that the published weights were trained with, -1 to 1.
    whole = nn.Sequential(Normalize([127 / 255], [128 / 255]), model)
    # The channels of a pixel lie side by side in memory: the same numbers, on a CPU in less time.
    return whole.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def loss(model: nn.Module, batch: Mapping[str, Any]) -> Tensor:
    """Return 1 - Dice of each class over the batch, averaged over the classes, plus the mean cross-entropy.

    Over the batch (`batch=True`), because the Dice of an image without the class says nothing: it is nearly 1 for any prediction. The
    background is left out of Dice; it is nearly all of an image, and nearly always right.
    """
    return DICE_AND_CROSS_ENTROPY(model(batch["image"]), batch["mask"])


DICE_AND_CROSS_ENTROPY = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)


def infer(model: nn.Module, images: Tensor, settings: Settings) -> Tensor:
    """Return the probability of each class, float32 (images, 1 + classes, size, size), for images float32 (images, 1, size, size)."""
    views = [(), (-1,)] if settings.test_time_mirror else [()]
    found = [model(images.float().flip(axes)).float().softmax(dim=1).flip(axes) for axes in views]
    return torch.stack(found).mean(dim=0)


# Layers of the encoder whose features, averaged over an image, tell whether it is unlike the training data.
FEATURE_LAYERS = {
    "small_unet": ("1.down_1", "1.down_2", "1.down_3"),
    **dict.fromkeys(LITE, ("1.encoder._blocks.2", "1.encoder._blocks.4", "1.encoder._blocks.6")),
}


def infer_on_source(model: nn.Module, item: Mapping[str, Any], settings: Settings, transform: Compose | None = None) -> np.ndarray:
    """Return the probability of each class at each pixel of the image's file, float32 (1 + classes, rows, columns).

    Every transform of the image remembered what it did, and `Invertd` undoes it: padding and size. The probability is resized and not the
    label map, because between two classes there is no third one. `transform` is the one that made `item`, if it was not cached.
    """
    device = next(model.parameters()).device
    model.eval()
    with torch.inference_mode():
        found = infer(model, item["image"][None].as_tensor().to(device), settings)[0].cpu()
    back = Invertd("probability", transform or deterministic_transform(settings), orig_keys="image", nearest_interp=False)
    return np.asarray(back({**item, "probability": MetaTensor(found)})["probability"]).clip(0, 1)


# %% 4. Training
# As in the first lesson: forward, loss, backward, step.


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
    # One cycle: the learning rate rises for three tenths of the training, then falls to nearly 0.
    steps = settings.epochs * loader.steps_per_epoch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, steps, cycle_momentum=False)
    for epoch in range(settings.epochs):
        for batch in loader.epoch(epoch):
            images, masks = batch["image"].to(device), batch["mask"].to(device)
            optimizer.zero_grad()
            error = loss(model, {"image": images, "mask": masks})
            error.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def train(settings: Settings, data_folder: Path, run: Run) -> Run:
    """Train on the images of a folder, or continue where the run stopped; then choose its postprocessing on validation persons."""
    # A device that this machine lacks is refused now, not after thousands of images were prepared.
    chosen_device(settings.device, settings.precision)
    cases = find_cases(data_folder)
    frames = frames_of(cases, make_dataset(settings, cases))
    names = names_to_train(run, frames, settings.class_names)
    split = split_frames(frames, settings.seed_of_split, settings.fold, run)
    loaders = make_loaders(settings, {subset: split[subset] for subset in ("train", "validation")})
    # To watch the training, no mirror images are needed, and the prepared size is good enough.
    one_look = replace(settings, test_time_mirror=False)

    def validate(model: nn.Module) -> dict[str, float]:
        # Without and with the images that are rightly left empty, which then count as 1.
        scores = {"dice_score": DiceMetric(ignore_empty=True), "dice_score_with_empty": DiceMetric(ignore_empty=False)}
        device = next(model.parameters()).device
        with torch.inference_mode():
            for batch in loaders["validation"].epoch(0):
                found = infer(model, batch["image"].to(device), one_look).argmax(dim=1, keepdim=True).cpu()
                masks = (torch.cat([one == number for number in range(1, len(names) + 1)], dim=1) for one in (found, batch["mask"]))
                predicted, truth = (mask.float() for mask in masks)
                for score in scores.values():
                    score(y_pred=predicted, y=truth)
        return {name: score.aggregate().item() for name, score in scores.items()}

    # The first weights are random too: a run must be reproducible from its first step.
    reseed(settings.seed)
    model = build_model(settings, len(names))
    config = settings.trainer_config(best_by="dice_score_with_empty")
    # What is taken over from an earlier run goes by the names of the classes.
    best = fit(model, loss, validate, loaders["train"], config, run, outputs_from=outputs_by_name(names))
    facts = TrainingFacts.of(split["train"], names)
    with pooled_features(best, FEATURE_LAYERS[settings.network]) as pooled:
        keep_features = pooled.of_each_call(partial(infer_on_source, best, settings=settings))
        choose_label_map_postprocessing(run, names, split["validation"], keep_features, settings.seed, facts)
    write_feature_distance(run, features_of(best, split["train"], one_look), np.stack(pooled.by_call))
    # So that a copy of one of these images is known again, also as a JPEG, smaller or mirrored.
    write_frame_look_alikes(run, split)
    return run


def features_of(model: nn.Module, frames: Sequence[Frame], settings: Settings) -> np.ndarray:
    """Return the features of images as they are, float32 (images, features)."""
    known = make_loaders(settings, {"known": [frames[number] for number in some_of(len(frames))]})["known"]
    device = next(model.parameters()).device
    with pooled_features(model, FEATURE_LAYERS[settings.network]) as pooled, torch.inference_mode():
        rows = []
        for batch in known.epoch(0):
            infer(model, batch["image"].to(device), settings)
            rows.append(pooled.of_each(len(batch["image"])))
    return np.concatenate(rows)


# %% 5. Evaluation
# On people that were not trained on, on the pixels of the files, each class by itself, with intervals, the worst images first.

NERVE = ("nerve", "nerves", "bp", "brachial plexus", "brachial_plexus", "plexus")
"What a class is called that the challenge asks for."
QUESTION = "Where is the nerve on this ultrasound image?"


def trained_model(run: Run) -> tuple[nn.Module, Settings]:
    """Return the best model of a run, in eval mode, on the device of its settings, and these settings."""
    settings = settings_as(run, Settings)
    classes = len(read_postprocessing(run, LabelMapPostprocessing)[0].classes)
    # All its weights are about to be loaded.
    return load_best(run, build_model(replace(settings, pretrained=False), classes), settings.device), settings


def evaluate(run: Run, cases: Sequence[UltrasoundCase], split: str = "test", options: LabelMapOptions = LabelMapOptions()) -> Scores:
    """Evaluate a run on `cases`; write `scores.json`, pictures and `report.html` into its folder; return the scores."""
    refuse_probabilities(options, "ultrasound evaluate")
    model, settings = trained_model(run)
    frames = frames_of(cases, make_dataset(settings, cases))
    with pooled_features(model, FEATURE_LAYERS[settings.network]) as pooled:
        keep_features = pooled.of_each_call(partial(infer_on_source, model, settings=settings))
        evaluation = evaluate_label_maps(run, frames, keep_features, split, pooled.by_call)
    write_label_map_report(run, evaluation, QUESTION)
    return evaluation.scores


def tune(run: Run, cases: Sequence[UltrasoundCase], options: NoOptions = NoOptions()) -> Scores:
    """Choose the postprocessing again on `cases`, the run's validation persons; write `postprocessing.json` and `tuning/`."""
    model, settings = trained_model(run)
    return tune_label_maps(run, frames_of(cases, make_dataset(settings, cases)), partial(infer_on_source, model, settings=settings))


def infer_file(members: Sequence[tuple[nn.Module, Settings]], path: Path) -> Iterator[PredictedFrame]:
    """Yield what each run predicts for an image in a file, on the pixels of the file. Nothing is cached.

    Each run sees the image as it was trained to; runs that see it alike share its preparation.
    """
    source, prepared = read_ultrasound(path), dict[int, tuple[Compose, Any]]()
    for model, settings in members:
        if settings.size_px not in prepared:
            transform = deterministic_transform(settings, with_mask=False)
            prepared[settings.size_px] = transform, transform({"image": path})
        transform, item = prepared[settings.size_px]
        with pooled_features(model, FEATURE_LAYERS[settings.network]) as pooled:
            probability, features = infer_on_source(model, item, settings, transform), [pooled.mean()]
        yield PredictedFrame(source, probability, features=features)


def predict(
    runs: Run | Sequence[Run], paths: Sequence[Path], out: Path, overlays: bool = True, options: LabelMapOptions = LabelMapOptions()
) -> Path:
    """Predict for images in files and folders; write a label map each, overlays and `predictions.csv` into `out`.

    Every label map has the size of its image and is verified by reading it back; the indices of its palette are the classes. Several runs
    predict together: the mean of their probabilities; the table says how far they differ.

    Returns:
        the path of the table.
    """
    predictions = LabelMapPredictions(runs, CHALLENGE, paths, out, options.probabilities)
    members = [trained_model(run) for run in runs_of(runs)]
    predictions.predict_all(lambda path: predicted_together(infer_file(members, path), predictions.of_each_run), overlays)
    return predictions.table


def submit(runs: Run | Sequence[Run], images: Path, out: Path, options: LabelMapOptions = LabelMapOptions()) -> Path:
    """Write the challenge's submission, a run-length code of the nerve on each image of a folder, and verify it against these images."""
    refuse_probabilities(options, "ultrasound submit")
    return submit_label_maps(CHALLENGE, runs, NERVE, lambda folder: predict(runs, [images], folder, False, options), images, out)


def segmenter(run: Run) -> Segmenter[LabelMapCase, Frame]:
    """Return a run as an ensemble uses it: how it sees images, and its probabilities for one."""
    model, settings = trained_model(run)
    return Segmenter(lambda cases: frames_of(cases, make_dataset(settings, cases)), partial(infer_on_source, model, settings=settings))


def evaluate_several(runs: Sequence[Run], cases: Sequence[UltrasoundCase], options: LabelMapOptions) -> Scores:
    """Evaluate several runs as an ensemble on the test persons that they share."""
    refuse_probabilities(options, "ultrasound evaluate")
    ensemble, evaluation = evaluate_together(runs, cases, segmenter)
    write_label_map_report(ensemble, evaluation, QUESTION)
    return evaluation.scores


TASK = Task(
    name="ultrasound",
    folder=Path(__file__).parent,
    challenge=CHALLENGE,
    presets=PRESETS,
    headline_scores=("dice_score", "dice_score_with_empty", "image_sensitivity", "image_specificity"),
    example_file="IMAGE.tif",
    commands=Commands(train, evaluate, tune, predict, submit),
    options=LabelMapOptions,
    tune_options=NoOptions,
    ensemble=Ensemble(evaluate_several, predict, submit),
)

if __name__ == "__main__":
    import sys

    main(TASK, sys.argv[1:])
