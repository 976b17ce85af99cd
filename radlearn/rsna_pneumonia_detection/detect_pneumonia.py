"""Where on this chest X-ray is a lung opacity suspicious for pneumonia?

The second of four lessons. The input is a whole X-ray, the output boxes, or none: most X-rays have no opacity, and predicting no box on
them matters as much as finding opacities. Every lesson has the same five segments: settings, data, model, training, evaluation. The
library is PyTorch itself, with torchvision's detectors and no medical library, to show what the specialised ones are built on; the
challenge is RSNA Pneumonia Detection 2018. The README beside this file explains it. The challenge's files go into `data/`; while there are
none, built-in patients are used.

For learning and research, not for clinical use: a box is where a radiologist suspects pneumonia from the X-ray alone.
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
from torch import Tensor, nn
from torchvision import tv_tensors
from torchvision.models.detection import FCOS, fasterrcnn_resnet50_fpn_v2, retinanet_resnet50_fpn_v2
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.fcos import FCOSHead
from torchvision.models.resnet import BasicBlock
from torchvision.ops import Conv2dNormActivation
from torchvision.transforms import v2

from radlearn.challenges.rsna import CHALLENGE, Case
from radlearn.challenges.rsna.score import BOX_SCORE
from radlearn.challenges.tables.xray_table import with_boxes
from radlearn.errors import BadSetting
from radlearn.metrics import ranking
from radlearn.metrics.boxes import FoundBoxes
from radlearn.tasks.detection.candidates import (
    as_tuned,
    best_over_thresholds,
    choose_box_postprocessing,
    gate_of,
    image_scores,
    must_fit_gate,
    on_canvases,
    validation_candidates,
)
from radlearn.tasks.detection.ensembles import evaluate_together
from radlearn.tasks.detection.evaluation import evaluate_boxes
from radlearn.tasks.detection.fusion import fused, mirrored
from radlearn.tasks.detection.options import GateOptions, TuneOptions
from radlearn.tasks.detection.prediction import BoxPredictions, submit_boxes
from radlearn.tasks.detection.report import write_box_report
from radlearn.tasks.detection.tuning import tune_boxes
from radlearn.tasks.xray.look_alikes import write_look_alikes
from radlearn.tasks.xray.radiographs import PreparedRadiograph, as_images, prepared_radiographs, read_unlabelled
from radlearn.tasks.xray.twins import XrayLooks
from radlearn.training.checkpoint import load_best
from radlearn.training.feature_distance import pooled_features, some_of, write_feature_distance
from radlearn.training.fit import fit
from radlearn.training.loading import EpochLoader, FunctionDataset, SampleKey, case_seed, reseed
from radlearn.training.run_folder import Run, runs_of, settings_as
from radlearn.training.settings import Share, TrainingSettings
from radlearn.workflow.commands import main
from radlearn.workflow.partial_answers import answers_beside
from radlearn.workflow.pretrained import start_from_published
from radlearn.workflow.splits import split_cases
from radlearn.workflow.task import Commands, Ensemble, Scores, Task

# torchvision numbers the kinds of things from 1; 0 is the background.
OPACITY = 1


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """How a pneumonia detector is made; what every training needs (epochs, learning rate, seed, …) is inherited."""

    # Side of the square to which every X-ray is resized, in pixels.
    size_px: Annotated[int, Interval(ge=64, le=4096)] = 256
    # Cases per training step; one alone has no batch statistics to normalise with.
    batch_size: Annotated[int, Interval(ge=2, le=4096)] = 16
    # How an X-ray that is not square becomes one: stretched, as the RSNA did, or padded with black.
    shape: Literal["stretch", "pad"] = "stretch"
    # The detector: FCOS with a backbone that is quick on a CPU, or a small one without pretrained weights, or one of two that are strong
    # on a GPU.
    network: Literal["lite_fcos", "small_fcos", "retinanet_resnet50", "fasterrcnn_resnet50"] = "lite_fcos"
    # Start from published weights: those of the backbone of lite_fcos (ImageNet) are installed with radlearn, those of the two large
    # networks (COCO) are downloaded once.
    pretrained: bool = True
    # Stages of the backbone of lite_fcos, from the input, that keep their pretrained weights.
    frozen_stages: Annotated[int, Interval(ge=0, le=8)] = 0
    # Share of X-rays with an opacity in every batch, however rare they are in the data; 0 takes X-rays as they come.
    positive_share: Share = 0.5
    # Rotation in training, in degrees either way.
    rotation_degrees: Annotated[float, Interval(ge=0, le=45)] = 10.0
    # Translation in training, as a share of the side.
    shift_share: Share = 0.1
    # Zoom in training: 0.15 is a factor of 0.85 to 1.15.
    zoom_share: Annotated[float, Interval(ge=0, le=0.9)] = 0.2
    # Gamma in training lies between 1 / (1 + this) and 1 + this.
    gamma_range: Annotated[float, Interval(ge=0, le=10)] = 1.0
    # Contrast in training: 0.4 is a factor of 0.6 to 1.4 about the mean.
    contrast_share: Share = 0.4
    # Brightness in training: 0.15 is a factor of 0.85 to 1.15.
    brightness_share: Share = 0.15
    # Noise in training: its standard deviation, where 1 is white, in half of the X-rays.
    noise_std: Share = 0.02
    # Probability that a hole is cut into a training X-ray.
    holes_chance: Share = 0.2
    # Probability that a training X-ray is mirrored.
    mirror_chance: Share = 0.5
    # A box that augmentation has left with a side under this share of the X-ray's is dropped.
    smallest_box_share: Annotated[float, Interval(ge=0, le=0.5)] = 0.02
    # Test-time augmentation: also detect on the mirror image, and fuse both where that helps on validation.
    test_time_mirror: bool = True
    # Table with image-level probabilities (patientId, probability) that decide which X-rays may have boxes, such as the predictions.csv
    # of a classification run; without one, an X-ray's most confident box decides.
    gate: Path | None = None


PRESETS = {
    # Minutes on two cores: a network of 3.2 million weights, its backbone pretrained, on small X-rays.
    "quick": Settings(epochs=8, batch_size=16, learning_rate=1e-3, weight_decay=0.02, gradient_clip=10.0, frozen_stages=3, keep="last"),
    # The strong preset, for a GPU and the real challenge: pretrained weights, more pixels, more augmentation.
    "challenge": Settings(
        size_px=512,
        network="retinanet_resnet50",
        pretrained=True,
        batch_size=16,
        epochs=12,
        learning_rate=1e-4,
        weight_decay=0.05,
        gradient_clip=10.0,
        ema_decay=0.999,
        precision="bf16-mixed",
        rotation_degrees=10.0,
        shift_share=0.08,
        zoom_share=0.25,
        holes_chance=0.3,
        workers=8,
    ),
}


# %% 2. Data
# A tensor is an array that knows its device and can record how it was computed. An X-ray is one of shape (channel, row, column).


def find_cases(data_folder: Path) -> list[Case]:
    """Return the labelled X-rays of a folder in the RSNA layout, or of a table with boxes, without opening an X-ray."""
    return with_boxes(CHALLENGE.find_cases(data_folder))


def training_transform(settings: Settings) -> v2.Transform:
    """Return the random augmentation of training X-rays and their boxes, in torchvision's transforms.

    Boxes are `tv_tensors`: tensors that are marked as boxes, so a transform that rotates the X-ray moves them too. Boxes are clipped at the
    border; one of which almost nothing is left is dropped, because there is nothing left to detect.
    """
    s = settings
    return v2.Compose(
        [
            v2.RandomHorizontalFlip(s.mirror_chance),
            v2.RandomAffine(s.rotation_degrees, (s.shift_share, s.shift_share), (1 - s.zoom_share, 1 + s.zoom_share)),
            v2.ClampBoundingBoxes(),
            v2.SanitizeBoundingBoxes(min_size=max(1.0, s.smallest_box_share * s.size_px)),
            # Transforms that move nothing need no boxes.
            v2.Lambda(partial(other_exposure, gamma_range=s.gamma_range), tv_tensors.Image),
            v2.ColorJitter(brightness=s.brightness_share, contrast=s.contrast_share),
            v2.Lambda(v2.RandomApply([v2.GaussianNoise(sigma=s.noise_std)], p=0.5), tv_tensors.Image),
            v2.Lambda(v2.RandomErasing(s.holes_chance, scale=(0.005, 0.02)), tv_tensors.Image),
            v2.ToPureTensor(),
        ]
    )


def other_exposure(image: Tensor, gamma_range: float) -> Tensor:
    """Return an image in [0, 1] with another exposure: raised to a power, log-uniform from 1 / (1 + `gamma_range`) to its inverse."""
    darker = image ** float((1 + gamma_range) ** torch.empty(()).uniform_(-1, 1))
    # Arithmetic forgets that a tensor is an image, and the transforms that follow change images only.
    return tv_tensors.wrap(darker, like=image)


def evaluation_transform(settings: Settings) -> v2.Transform:
    """Return the transform for evaluation, which only converts to a tensor: augmentation belongs to training."""
    return v2.ToPureTensor()


def load(xrays: Sequence[PreparedRadiograph], transform: v2.Transform, key: SampleKey) -> dict[str, Any]:
    """Return one case: `image` float32 (1, size, size), `boxes` float32 (boxes, 4) as x0, y0, x1, y1, `labels`.

    An X-ray without an opacity has no box: `boxes` is (0, 4). It is neither left out nor given a false one. The loader seeds torch, whose
    random numbers the transforms use, before each case: X-ray 17 in epoch 3 looks the same in every process.
    """
    xray = xrays[key.case]
    side = len(xray.stored)
    height, width = xray.canvas_px
    shares = torch.tensor(xray.boxes_on_canvas_px, dtype=torch.float32) / torch.tensor([width, height, width, height])
    boxes = tv_tensors.BoundingBoxes(shares.float() * side, format="XYXY", canvas_size=(side, side))
    labels = torch.full((len(boxes),), OPACITY)
    return transform({"image": tv_tensors.Image(xray.pixels), "boxes": boxes, "labels": labels}) | {"id": xray.case.image_id}


def collated(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a batch: X-rays are stacked, (X-rays, 1, size, size); targets stay a list, because X-rays differ in their number of boxes."""
    targets = [{"boxes": item["boxes"], "labels": item["labels"]} for item in items]
    return {"image": torch.stack([item["image"] for item in items]), "targets": targets, "ids": [item["id"] for item in items]}


def epoch_order(xrays: Sequence[PreparedRadiograph], settings: Settings, epoch: int) -> list[int]:
    """Return the X-rays of an epoch in order; `positive_share` of every batch have an opacity.

    The rarer class is seen more than once in an epoch, augmented differently each time. The order depends on seed and epoch alone.
    """
    draw = np.random.default_rng(case_seed(settings.seed, epoch))
    kinds = [[i for i, xray in enumerate(xrays) if bool(xray.case.label) == positive] for positive in (True, False)]
    if settings.positive_share == 0 or not all(kinds):
        return draw.permutation(len(xrays)).tolist()
    batches = -(-len(xrays) // settings.batch_size)
    positives = round(settings.positive_share * settings.batch_size)
    rows = [
        np.resize(draw.permutation(kind), (batches, count))
        for kind, count in zip(kinds, (positives, settings.batch_size - positives), strict=True)
    ]
    return np.concatenate(rows, axis=1).ravel().tolist()


def make_loaders(settings: Settings, split: dict[str, list[PreparedRadiograph]]) -> dict[str, EpochLoader]:
    """Return a loader of batches for each subset of the split; only the training subset is balanced, shuffled and augmented.

    `EpochLoader` uses PyTorch's `DataLoader`, which loads cases one by one, in this process or in workers, and collates them.
    """
    loaders = {}
    for subset, xrays in split.items():
        learning = subset == "train"
        transform = training_transform(settings) if learning else evaluation_transform(settings)
        dataset = FunctionDataset(partial(load, xrays, transform), [xray.case.image_id for xray in xrays])
        order = partial(epoch_order, xrays, settings) if learning else None
        workers = settings.workers if learning else 0
        loaders[subset] = EpochLoader(dataset, settings.batch_size, settings.seed, False, workers, collated, order=order)
    return loaders


# %% 3. Model
# A module is a function with weights. A detector is three of them: a backbone that computes feature maps of the X-ray, a pyramid that
# brings maps of different resolution to the same number of channels, and heads that predict at every location of every map.


def build_model(settings: Settings) -> nn.Module:
    """Return the detector, with random or pretrained weights.

    Like every torchvision detector, it takes images and targets in training mode and returns a dictionary of losses; in eval mode it takes
    images and returns boxes, scores and labels for each.
    """
    # The X-rays are resized already. Up to 30 boxes an X-ray are returned, those of low confidence too: the postprocessing filters them.
    known: dict[str, Any] = {"min_size": settings.size_px, "max_size": settings.size_px, "num_classes": OPACITY + 1}
    if settings.network == "lite_fcos":
        # The range of grey values that its ImageNet weights were trained with, -1 to 1.
        known |= {"image_mean": [127 / 255], "image_std": [128 / 255]}
        body = efficientnet_lite0()
        if settings.pretrained:
            start_from_published(body, "efficientnet_lite0")
        body[: settings.frozen_stages].requires_grad_(False)
        model = fcos(body, {"4": 112, "6": 320}, **known, score_thresh=0.02, nms_thresh=0.5, detections_per_img=30)
        # The channels of a pixel lie side by side in memory: the same numbers, on a CPU in two thirds of the time.
        return model.to(memory_format=torch.channels_last)
    known |= {"image_mean": [0.45], "image_std": [0.23]}
    if settings.network == "small_fcos":
        return fcos(small_backbone(), {"3": 96, "4": 160}, **known, score_thresh=0.02, nms_thresh=0.5, detections_per_img=30)
    if settings.network == "retinanet_resnet50":
        model = retinanet_resnet50_fpn_v2(weights_backbone=None, **known, score_thresh=0.02, nms_thresh=0.5, detections_per_img=30)
    elif settings.network == "fasterrcnn_resnet50":
        model = fasterrcnn_resnet50_fpn_v2(
            weights_backbone=None, **known, box_score_thresh=0.02, box_nms_thresh=0.5, box_detections_per_img=30
        )
    else:
        raise BadSetting(f"network is {settings.network!r}; it must be one of {', '.join(FEATURE_LAYERS)}.")
    # For three colour channels: the first layer is replaced by one for a single grey channel.
    model.backbone.body.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    if settings.pretrained:
        start_from_published(model, settings.network)
    return model


def fcos(body: nn.Sequential, channels: dict[str, int], **known: Any) -> nn.Module:
    """Return an FCOS (Tian et al. 2019, arXiv:1904.01355) small enough for two CPU cores.

    It has no anchors (boxes of fixed size to start from). Each location of a map predicts whether it is inside an opacity (trained with
    the focal loss, because nearly all locations are not), how far away the left, top, right and bottom edges are, and how central it is,
    so that predictions from the rim count less. An opacity is a quarter of the chest wide: strides of 16 and 32 pixels are fine enough.

    Args:
        body: the backbone; two of its stages return the maps of strides 16 and 32.
        channels: names of these two stages -> their numbers of channels.
        known: what every torchvision detector takes.
    """
    backbone = BackboneWithFPN(body, {name: str(level) for level, name in enumerate(channels)}, [*channels.values()], 64)
    # The pyramid adds a coarser map by pooling. torchvision needs "anchors" here too: one per location, as large as its stride.
    strides = AnchorGenerator(sizes=((16,), (32,), (64,)), aspect_ratios=((1.0,),) * 3)
    head = FCOSHead(64, num_anchors=1, num_classes=known["num_classes"], num_convs=2)
    # The first boxes have a plausible size, with edges 1.5 strides from their location, instead of 0.
    nn.init.constant_(head.regression_head.bbox_reg.bias, 1.5)
    return FCOS(backbone, anchor_generator=strides, head=head, **known)


def small_backbone() -> nn.Sequential:
    """Return a ResNet of 0.6 million weights, to be trained from scratch."""

    def block(taken: int, given: int) -> nn.Module:
        # Halves the resolution. A residual block adds its output to its input, which the shortcut brings to the new shape.
        shortcut = nn.Sequential(nn.Conv2d(taken, given, 1, stride=2, bias=False), nn.BatchNorm2d(given))
        return BasicBlock(taken, given, 2, shortcut)

    stem = nn.Sequential(nn.Conv2d(1, 24, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(24), nn.ReLU(inplace=True))
    return nn.Sequential(stem, block(24, 24), block(24, 48), block(48, 96), block(96, 160))


def efficientnet_lite0() -> nn.Sequential:
    """Return the backbone of EfficientNet-Lite0 (Tan and Le 2019, arXiv:1905.11946): a first convolution and seven stages of blocks.

    Each stage is (blocks, kernel, stride, widening, channels). The first lesson takes the same network from MONAI.
    """
    stages = (
        (1, 3, 1, 1, 16),
        (2, 3, 2, 6, 24),
        (2, 5, 2, 6, 40),
        (3, 3, 2, 6, 80),
        (3, 5, 1, 6, 112),
        (4, 5, 2, 6, 192),
        (1, 3, 1, 6, 320),
    )
    body, taken = [], 32
    for blocks, kernel, stride, widening, given in stages:
        first = Inverted(taken, given, kernel, stride, widening)
        body.append(nn.Sequential(first, *(Inverted(given, given, kernel, 1, widening) for _ in range(1, blocks))))
        taken = given
    body[0] = nn.Sequential(convolution(1, 32, 3, stride=2), body[0])
    return nn.Sequential(*body)


class Inverted(nn.Module):
    """A block of EfficientNet: makes more channels with a 1×1 convolution, filters each channel by itself, returns to few channels.

    That takes a tenth of the work of usual convolutions. It is called an inverted residual, because it is wide in the middle.
    """

    def __init__(self, taken: int, given: int, kernel: int, stride: int, widening: int) -> None:
        super().__init__()
        wide = taken * widening
        widen = [convolution(taken, wide, 1)] if widening > 1 else []
        narrow = Conv2dNormActivation(wide, given, 1, norm_layer=NORM, activation_layer=None)
        self.steps = nn.Sequential(*widen, convolution(wide, wide, kernel, stride, groups=wide), narrow)
        self.adds_input = stride == 1 and taken == given

    def forward(self, images: Tensor) -> Tensor:
        """Return (X-rays, given, h, w) for (X-rays, taken, h, w), h and w halved if the stride is 2."""
        return images + self.steps(images) if self.adds_input else self.steps(images)


# The small number that TensorFlow adds to the variance: the weights were trained with it.
NORM = partial(nn.BatchNorm2d, eps=1e-3)


def convolution(taken: int, given: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return a convolution with norm and ReLU6 that keeps the size, or halves an even one."""
    # Where it halves, TensorFlow pads one pixel less at the top and the left.
    less = (kernel - stride) // 2
    pad = [nn.ZeroPad2d((less, less + 1, less, less + 1))] if stride == 2 else []
    own = kernel // 2 if stride == 1 else 0
    return nn.Sequential(*pad, Conv2dNormActivation(taken, given, kernel, stride, own, groups, NORM, nn.ReLU6))


# Stages of the backbone whose features tell whether an X-ray is unlike the training data: edges and textures, parts, the whole.
FEATURE_LAYERS = {
    "lite_fcos": ("backbone.body.2", "backbone.body.4", "backbone.body.6"),
    "small_fcos": ("backbone.body.2", "backbone.body.3", "backbone.body.4"),
    "retinanet_resnet50": ("backbone.body.layer2", "backbone.body.layer3", "backbone.body.layer4"),
    "fasterrcnn_resnet50": ("backbone.body.layer2", "backbone.body.layer3", "backbone.body.layer4"),
}


def features_of(model: nn.Module, xrays: Sequence[PreparedRadiograph], settings: Settings) -> np.ndarray:
    """Return the features of X-rays, float32 (X-rays, features): the backbone suffices, without pyramid and heads."""
    found = []
    prepare, body = model.get_submodule("transform"), model.get_submodule("backbone.body")
    with torch.inference_mode(), pooled_features(model, FEATURE_LAYERS[settings.network]) as pooled:
        for start in range(0, len(xrays), settings.batch_size):
            images = as_images(xrays[start : start + settings.batch_size], model)
            body(prepare(list(images))[0].tensors)
            found.append(pooled.of_each(len(images)))
    return np.concatenate(found)


def loss(model: nn.Module, batch: Mapping[str, Any]) -> Tensor:
    """Return the sum of the detector's losses.

    For FCOS they are the focal loss, generalised IoU (Rezatofighi et al. 2019, arXiv:1902.09630) and centre-ness. X-rays without a box
    contribute to the focal loss alone.
    """
    return torch.stack(list(model(list(batch["image"]), batch["targets"]).values())).sum()


def detections_by_augmentation(model: nn.Module, images: Tensor, settings: Settings) -> list[list[FoundBoxes]]:
    """Return the boxes detected on images (images, 1, size, size), in their pixels: without and, if set, with mirroring."""

    def found(prediction: dict[str, Tensor]) -> FoundBoxes:
        x0, y0, x1, y1 = prediction["boxes"].unbind(dim=1)
        # Clipped at the border, a box may have no area left.
        opacity = (prediction["labels"] == OPACITY) & (x1 > x0) & (y1 > y0)
        return FoundBoxes(prediction["boxes"][opacity].double().cpu().numpy(), prediction["scores"][opacity].double().cpu().numpy())

    seen = [[found(prediction) for prediction in model(list(images))]]
    if settings.test_time_mirror:
        seen.append([mirrored(found(prediction), images.shape[-1]) for prediction in model(list(images.flip(-1)))])
    return seen


def infer(model: nn.Module, images: Tensor, settings: Settings) -> list[FoundBoxes]:
    """Return the boxes detected on each image, fused over its test-time augmentations."""
    return [fused(predictions) for predictions in zip(*detections_by_augmentation(model, images, settings), strict=True)]


# %% 4. Training
# Autograd: while the loss is computed, PyTorch records every operation; `backward()` goes through the record in reverse and writes into
# each weight's `.grad` how the loss changes with it. The optimizer then moves every weight slightly in the opposite direction.


def build_optimizer(model: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """Return AdamW without weight decay for biases and norms."""
    kinds = [[weight for weight in model.parameters() if (weight.ndim > 1) == matrix] for matrix in (True, False)]
    decays = (settings.weight_decay, 0.0)
    groups = [{"params": weights, "weight_decay": decay} for weights, decay in zip(kinds, decays, strict=True)]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=settings.precision != "16-mixed")


def training_loop(model: nn.Module, loader: EpochLoader, settings: Settings) -> nn.Module:
    """Train a model with a loop in plain PyTorch: the one to read, run and change.

    `train` below takes the same steps through `fit`, which adds resuming, validation, averaged weights and half precision.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).train()
    optimizer = build_optimizer(model, settings)
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    # One cycle: the learning rate rises for three tenths of the training, then falls to nearly 0.
    steps = settings.epochs * loader.steps_per_epoch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, steps, cycle_momentum=False)
    for epoch in range(settings.epochs):
        for batch in loader.epoch(epoch):
            images = batch["image"].to(device)
            targets = [{name: value.to(device) for name, value in target.items()} for target in batch["targets"]]
            optimizer.zero_grad()
            error = loss(model, {"image": images, "targets": targets})
            error.backward()
            # A single unlucky batch must not throw the weights far away.
            nn.utils.clip_grad_norm_(weights, settings.gradient_clip)
            optimizer.step()
            schedule.step()
    return model.eval()


def train(settings: Settings, data_folder: Path, run: Run) -> Run:
    """Train on the X-rays of a folder, or continue where the run stopped; then choose its postprocessing on validation persons."""
    xrays = prepared_radiographs(find_cases(data_folder), settings.size_px, settings.shape)
    split = split_cases(xrays, settings.seed_of_split, settings.fold, run, looks=XrayLooks(xrays))
    # Read now, so that a wrong table is not found after hours of training.
    gate = gate_of(settings.gate, split["validation"])
    loaders = make_loaders(settings, {"train": split["train"]})
    without_mirror = replace(settings, test_time_mirror=False)

    def validate(model: nn.Module) -> dict[str, float]:
        proposed = validation_candidates(split["validation"], find_candidates(model, split["validation"], without_mirror)[0], gate)
        labels = [bool(xray.case.label) for xray in split["validation"]]
        auroc_score = float(ranking.auroc_score(proposed.image_scores, labels))
        return {BOX_SCORE.name: best_over_thresholds(proposed, BOX_SCORE), "auroc_score": auroc_score}

    # The first weights are random too: a run must be reproducible from its first step.
    reseed(settings.seed)
    model = build_model(settings)
    config = settings.trainer_config(best_by=BOX_SCORE.name)
    best = fit(model, loss, validate, loaders["train"], config, run, build_optimizer(model, settings))
    by_source, features = candidates_and_features(best, split["validation"], settings)
    choose_box_postprocessing(run, BOX_SCORE, by_source, split["validation"], split["train"], gate, settings.seed)
    # What is unlike the training X-rays, as they are, without augmentation. Each takes a forward pass, and 300 are enough.
    known = [split["train"][number] for number in some_of(len(split["train"]), most=max(300, len(split["train"]) // 8))]
    write_feature_distance(run, features_of(best, known, settings), features)
    # So that a copy of one of these X-rays is known again, also as a picture or a negative.
    write_look_alikes(run, split)
    return run


def find_candidates(model: nn.Module, xrays: Sequence[PreparedRadiograph], settings: Settings) -> list[list[FoundBoxes]]:
    """Return the candidates for X-rays, in pixels of each X-ray's canvas: without and, if set, with test-time augmentation."""
    return candidates_and_features(model, xrays, settings)[0]


def candidates_and_features(
    model: nn.Module, xrays: Sequence[PreparedRadiograph], settings: Settings
) -> tuple[list[list[FoundBoxes]], np.ndarray]:
    """Return the candidates for X-rays, as `find_candidates`, and the features of the X-rays, float32 (X-rays, features)."""
    one: list[FoundBoxes] = []
    two: list[FoundBoxes] = []
    features: list[np.ndarray] = []
    with torch.inference_mode(), pooled_features(model, FEATURE_LAYERS[settings.network]) as pooled:
        for start in range(0, len(xrays), settings.batch_size):
            here = xrays[start : start + settings.batch_size]
            seen = detections_by_augmentation(model, as_images(here, model), settings)
            features.append(pooled.of_each(len(here)))
            one += on_canvases(seen[0], here)
            if len(seen) > 1:
                two += on_canvases([fused(predictions) for predictions in zip(*seen, strict=True)], here)
    return [one, two] if two else [one], np.concatenate(features)


# %% 5. Evaluation
# On people that were not trained on, with intervals, beside trivial baselines, the failures first.


def trained_model(run: Run) -> tuple[nn.Module, Settings]:
    """Return the best model of a run, in eval mode, on the device of its settings, and these settings."""
    settings = settings_as(run, Settings)
    # The weights come from the run: no published weights are downloaded.
    model = build_model(replace(settings, pretrained=False))
    return load_best(run, model, settings.device), settings


def evaluate(run: Run, cases: Sequence[Case], split: str = "test", options: GateOptions = GateOptions()) -> Scores:
    """Evaluate a run on `cases`; write `scores.json`, pictures and `report.html` into its folder; return the scores."""
    model, settings = trained_model(run)
    gate = options.gate or settings.gate
    must_fit_gate([run], gate)
    xrays = prepared_radiographs(cases, settings.size_px, settings.shape)
    by_source, features = candidates_and_features(model, xrays, as_tuned(settings, run))
    found = by_source[-1]
    evaluation = evaluate_boxes(run, BOX_SCORE, xrays, found, image_scores(found, gate_of(gate, xrays)), split, features)
    write_box_report(run, evaluation)
    return evaluation.scores


def tune(run: Run, cases: Sequence[Case], options: TuneOptions = TuneOptions()) -> Scores:
    """Choose the postprocessing again on `cases`, the run's validation persons; write `postprocessing.json` and `tuning/`."""
    model, settings = trained_model(run)
    xrays = prepared_radiographs(cases, settings.size_px, settings.shape)
    found = find_candidates(model, xrays, settings)
    return tune_boxes(run, BOX_SCORE, xrays, found, options.gate or settings.gate, options.most_false_boxes)


def predict(
    runs: Run | Sequence[Run], paths: Sequence[Path], out: Path, overlays: bool = True, options: GateOptions = GateOptions()
) -> Path:
    """Predict for X-rays in files and folders; write `predictions.csv`, `boxes.csv` and an overlay each into `out`; return the table.

    Several runs predict together: their boxes are fused, and the table says how far they differ.
    """
    predictions = detect_all(runs_of(runs), BoxPredictions(runs_of(runs), paths, out, options.gate, overlays), overlays)
    predictions.finish()
    return predictions.table


def submit(runs: Run | Sequence[Run], images: Path, out: Path, options: GateOptions = GateOptions()) -> Path:
    """Write the challenge's submission file, `patientId,PredictionString`, for the X-rays of a folder."""
    with answers_beside(out) as folder:
        predictions = BoxPredictions(runs_of(runs), [images], folder, options.gate)
        return submit_boxes(detect_all(runs_of(runs), predictions, overlays=False), CHALLENGE, out)


def detect_all(runs: Sequence[Run], predictions: BoxPredictions, overlays: bool) -> BoxPredictions:
    """Detect on all X-rays of a pass over files; return the pass."""
    members = [(*trained_model(run), run) for run in runs]
    settings = members[0][1]
    for xrays in predictions.batches(partial(read_unlabelled, size_px=settings.size_px, shape=settings.shape), settings.batch_size):
        seen = [candidates_and_features(model, xrays, as_tuned(own, run)) for model, own, run in members]
        predictions.keep_fused(xrays, [by_source[-1] for by_source, _ in seen], overlays, [features for _, features in seen])
    return predictions


def evaluate_several(runs: Sequence[Run], cases: Sequence[Case], options: GateOptions) -> Scores:
    """Evaluate several runs as an ensemble on the test persons that they share."""
    return evaluate_together(runs, cases, trained_model, find_candidates, BOX_SCORE, options.gate)


TASK = Task(
    name="detection",
    folder=Path(__file__).parent,
    challenge=CHALLENGE,
    presets=PRESETS,
    headline_scores=("rsna_score", "sensitivity", "false_boxes_per_healthy_image", "auroc_score", "within_view_auroc_score"),
    example_file="XRAY.dcm",
    commands=Commands(train, evaluate, tune, predict, submit),
    options=GateOptions,
    tune_options=TuneOptions,
    ensemble=Ensemble(evaluate_several, predict, submit),
    find_cases=find_cases,
)

if __name__ == "__main__":
    import sys

    main(TASK, sys.argv[1:])
