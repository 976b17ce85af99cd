"""Is there a lung opacity suspicious for pneumonia on this chest X-ray?

The first of four lessons. The input is a whole X-ray, the output one probability. Every lesson has the same five segments: settings,
data, model, training, evaluation. The library is MONAI; the challenge is RSNA Pneumonia Detection 2018. The README beside this file
explains it. The challenge's files go into `data/`; while there are none, built-in patients are used.

For learning and research, not for clinical use: the label is what a radiologist suspects from the X-ray alone, and a diagnosis of pneumonia
needs the patient, not only the X-ray.
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
from monai.metrics import AveragePrecisionMetric, ROCAUCMetric
from monai.networks.nets import DenseNet121, EfficientNet, ResNet
from monai.transforms import (
    CastToTyped,
    Compose,
    EnsureChannelFirstd,
    EnsureTyped,
    LoadImaged,
    RandAdjustContrastd,
    RandAffined,
    RandCoarseDropoutd,
    RandFlipd,
    RandGaussianNoised,
    RandScaleIntensityFixedMeand,
    RandShiftIntensityd,
    Resized,
    SpatialPadd,
    ToTensord,
)
from monai.visualize import GradCAM
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import convnext_tiny
from torchvision.transforms.v2 import Normalize

from radlearn.challenges.rsna import CHALLENGE, Case
from radlearn.errors import BadSetting
from radlearn.monai_parts.mapped_dataset import MappedDataset
from radlearn.monai_parts.radiograph_reader import RadiographReader
from radlearn.tasks.classification.ensembles import Classifier, evaluate_together
from radlearn.tasks.classification.evaluation import evaluate_probabilities
from radlearn.tasks.classification.multilabel.evaluation import evaluate_labels
from radlearn.tasks.classification.multilabel.names import (
    labels_of_run,
    labels_to_train,
    outputs_by_name,
    proved_labels,
    refuse_several_labels,
)
from radlearn.tasks.classification.multilabel.postprocessing import choose_labels_postprocessing
from radlearn.tasks.classification.multilabel.prediction import LabelPredictions
from radlearn.tasks.classification.multilabel.report import write_labels_report
from radlearn.tasks.classification.multilabel.scores import mean_scores
from radlearn.tasks.classification.multilabel.tuning import tune_labels
from radlearn.tasks.classification.options import TuneOptions
from radlearn.tasks.classification.postprocessing import choose_postprocessing
from radlearn.tasks.classification.prediction import ProbabilityPredictions, submit_probabilities
from radlearn.tasks.classification.report import write_xray_report
from radlearn.tasks.classification.tuning import tune_threshold
from radlearn.tasks.xray.look_alikes import write_look_alikes
from radlearn.tasks.xray.radiographs import XRAYS, PreparedRadiograph, as_images, header_of, notes_in, radiographs_of, unlabelled
from radlearn.tasks.xray.twins import XrayLooks
from radlearn.training.checkpoint import load_best
from radlearn.training.feature_distance import pooled_features, some_of, write_feature_distance
from radlearn.training.fit import fit
from radlearn.training.loading import EpochLoader, reseed
from radlearn.training.run_folder import Run, runs_of, settings_as
from radlearn.training.settings import Share, TrainingSettings
from radlearn.workflow.commands import main
from radlearn.workflow.partial_answers import answers_beside
from radlearn.workflow.pretrained import start_from_published
from radlearn.workflow.splits import split_cases
from radlearn.workflow.task import Commands, Ensemble, NoOptions, Scores, Task


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """How a pneumonia classifier is made; what every training needs (epochs, learning rate, seed, …) is inherited."""

    # Side of the square to which every X-ray is resized, in pixels.
    size_px: Annotated[int, Interval(ge=64, le=4096)] = 160
    # Cases per training step; one alone has no batch statistics to normalise with.
    batch_size: Annotated[int, Interval(ge=2, le=4096)] = 16
    # How an X-ray that is not square becomes one: stretched, as the RSNA did, or padded with black.
    shape: Literal["stretch", "pad"] = "stretch"
    # The network: EfficientNet-Lite is quick on a CPU, small_resnet has no pretrained weights, the last two are strong on a GPU.
    network: Literal["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "small_resnet", "densenet121", "convnext_tiny"] = (
        "efficientnet_lite0"
    )
    # Start from ImageNet weights. Those of EfficientNet-Lite are installed with radlearn, the others are downloaded once.
    pretrained: bool = True
    # Share of the layers, from the input on, that keep their first weights: 0 trains all layers, 1 the output layer alone.
    frozen_share: Share = 0.0
    # Rotation in training, in degrees either way.
    rotation_degrees: Annotated[float, Interval(ge=0, le=180)] = 10.0
    # Translation in training, as a share of the side.
    shift_share: Share = 0.1
    # Zoom in training, of width and height apart: 0.15 is a factor of 0.85 to 1.15 for each.
    zoom_share: Annotated[float, Interval(ge=0, le=0.9)] = 0.2
    # Gamma in training lies between 1 / (1 + this) and 1 + this.
    gamma_range: Annotated[float, Interval(ge=0, le=10)] = 1.0
    # Contrast in training: 0.4 is a factor of 0.6 to 1.4 about the mean.
    contrast_share: Annotated[float, Interval(ge=0, le=0.9)] = 0.4
    # Brightness in training: the largest shift either way, where 1 is white.
    brightness_shift: Share = 0.15
    # Noise in training: the largest standard deviation, where 1 is white.
    noise_std: Share = 0.03
    # Probability that a few square holes are cut into a training X-ray, so that no single spot decides the prediction.
    holes_chance: Share = 0.2
    # Probability that a training X-ray is mirrored. The heart is then on the other side, which does not matter for this label.
    mirror_chance: Share = 0.5
    # Test-time augmentation: average the predictions for the X-ray and its mirror image.
    test_time_mirror: bool = True
    # Sensitivity to reach on validation persons; 0 chooses the threshold with the best sensitivity + specificity (Youden).
    wanted_sensitivity: Share = 0.0


PRESETS = {
    # Minutes on two cores: a pretrained network of 3.4 million weights, on small X-rays.
    "quick": Settings(epochs=8, batch_size=16, learning_rate=1e-3, weight_decay=0.02, keep="last", norm_batches=10),
    # The strong preset, for a GPU and the real challenge: pretrained weights, more pixels, more augmentation.
    "challenge": Settings(
        size_px=512,
        network="convnext_tiny",
        pretrained=True,
        batch_size=32,
        epochs=12,
        learning_rate=1e-4,
        weight_decay=0.05,
        ema_decay=0.999,
        precision="bf16-mixed",
        rotation_degrees=12.0,
        shift_share=0.08,
        zoom_share=0.25,
        holes_chance=0.3,
        workers=8,
    ),
}


# %% 2. Data
# In MONAI a case is a dictionary: first of file names and labels, then of arrays. A transform takes such a dictionary and returns it
# changed, and names the keys that it works on. What is deterministic is done once and cached; what is random, anew in every epoch.


def find_cases(data_folder: Path) -> list[Case]:
    """Return the labelled X-rays of a folder in the RSNA layout, or of a table of your own, without opening an X-ray."""
    return CHALLENGE.find_cases(data_folder)


def as_item(case: Case) -> dict[str, Any]:
    """Return a case as MONAI's transforms take it: a dictionary. Of several labels, those that are not known are NaN."""
    label: Any = float(case.label or False)
    if case.labels:
        label = np.array([np.nan if there is None else there for _, there in case.labels], np.float32)
    return {"id": case.image_id, "image": case.path, "label": label}


def deterministic_transform(settings: Settings) -> Compose:
    """Return what is done with every X-ray in the same way each time: `image` becomes float16 (1, size, size) in [0, 1].

    The reader is ours: it applies what DICOM says of grey values, so that dense is bright, and decodes a JPEG at a fraction of its size.
    """
    size = settings.size_px
    shape: dict[str, Any] = {"spatial_size": (size, size)}
    if settings.shape == "pad":
        shape = {"spatial_size": size, "size_mode": "longest"}
    return Compose(
        [
            LoadImaged("image", reader=RadiographReader(at_least_px=size, chest=True)),
            EnsureChannelFirstd("image"),
            Resized("image", **shape, mode="area"),
            # Does nothing to an image that is square already.
            SpatialPadd("image", (size, size)),
            CastToTyped("image", dtype=torch.float16),
        ]
    )


def training_transform(settings: Settings) -> Compose:
    """Return the deterministic transform, then random augmentation: float32 (1, size, size).

    The augmentation imitates differences between X-rays of the same chest: the position of the patient, the exposure, the detector. Width
    and height are zoomed separately because the challenge stretched its X-rays to squares, by up to a fifth.
    """
    s = settings
    turn, shift = np.deg2rad(s.rotation_degrees), s.shift_share * s.size_px
    hole = max(1, s.size_px // 8)
    holes: dict[str, Any] = {"holes": 1, "max_holes": 4, "spatial_size": hole, "max_spatial_size": 2 * hole, "fill_value": 0.0}
    return Compose(
        [
            deterministic_transform(s),
            # The first random transform: what comes before it is cached, what follows is not.
            RandFlipd("image", prob=s.mirror_chance, spatial_axis=1),
            EnsureTyped("image", dtype=torch.float32),
            RandAffined("image", None, 1.0, turn, translate_range=(shift, shift), scale_range=(s.zoom_share,) * 2, padding_mode="zeros"),
            RandAdjustContrastd("image", prob=1.0, gamma=(1 / (1 + s.gamma_range), 1 + s.gamma_range)),
            RandScaleIntensityFixedMeand("image", prob=1.0, factors=s.contrast_share),
            RandShiftIntensityd("image", s.brightness_shift, prob=1.0),
            RandGaussianNoised("image", prob=0.5, std=s.noise_std),
            RandCoarseDropoutd("image", prob=s.holes_chance, **holes),
            ToTensord("image", track_meta=False),
        ]
    ).flatten()


def make_dataset(settings: Settings, cases: Sequence[Case], training: bool = False) -> MappedDataset:
    """Return the data set of cases, with random augmentation for training.

    `MappedDataset` is MONAI's `PersistentDataset` on memory maps. Both uses share one cache: their deterministic transforms are the same.
    """
    transform = training_transform(settings) if training else deterministic_transform(settings)
    return MappedDataset([as_item(case) for case in cases], transform, seed=settings.seed, track_meta=False, words=XRAYS, per_job=16)


def prepared(settings: Settings, cases: Sequence[Case]) -> list[PreparedRadiograph]:
    """Return the X-rays of cases, with what their headers say, for splits and reports."""
    return radiographs_of(cases, make_dataset(settings, cases), settings.shape)


def make_loaders(settings: Settings, split: dict[str, list[PreparedRadiograph]]) -> dict[str, EpochLoader]:
    """Return a loader of batches for each subset of the split; only the training subset is shuffled and augmented.

    `EpochLoader` uses PyTorch's `DataLoader`. It names each draw by epoch and case, which is all that an augmented X-ray depends on.
    """
    loaders = {}
    for subset, xrays in split.items():
        learning = subset == "train"
        dataset = make_dataset(settings, [xray.case for xray in xrays], learning)
        workers = settings.workers if learning else 0
        loaders[subset] = EpochLoader(dataset, settings.batch_size, settings.seed, shuffle=learning, workers=workers)
    return loaders


# %% 3. Model
# From pixels to one number, the logit; its sigmoid is the probability.


def build_model(settings: Settings, outputs: int = 1) -> nn.Module:
    """Return the network, float32 (cases, 1, size, size) → (cases, outputs) logits, with random or pretrained weights.

    There is one output for each label: several findings may be on one X-ray, so each has a sigmoid of its own.
    """
    model: Any
    if settings.network == "small_resnet":
        # Each block halves the resolution and doubles the channels: from edges, over ribs and vessels, to opacities.
        model = ResNet("basic", [1, 1, 1, 1], [16, 32, 64, 128], spatial_dims=2, n_input_channels=1, num_classes=outputs, conv1_t_stride=2)
    elif settings.network == "densenet121":
        model = DenseNet121(spatial_dims=2, in_channels=1, out_channels=outputs)
    elif settings.network == "convnext_tiny":
        # From torchvision, for three colour channels: its first layer is replaced by one for a single grey channel.
        model = convnext_tiny(num_classes=outputs)
        model.features[0][0] = nn.Conv2d(1, 96, kernel_size=4, stride=4)
    elif settings.network in LITE:
        model = efficientnet_lite(settings, outputs)
    else:
        raise BadSetting(f"network is {settings.network!r}; it must be one of {', '.join(FEATURE_LAYERS)}.")
    if settings.pretrained and settings.network != "small_resnet":
        start_from_published(model, settings.network)
    freeze(model, settings.frozen_share)
    if settings.network in LITE:
        # The range of grey values that its ImageNet weights were trained with, -1 to 1.
        model = nn.Sequential(Normalize([127 / 255], [128 / 255]), model)
    # The channels of a pixel lie side by side in memory: the same numbers, on a CPU in two thirds of the time.
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


# How often each of the seven kinds of blocks comes, and with how many channels it ends.
LITE = {
    "efficientnet_lite0": ((1, 2, 2, 3, 3, 4, 1), (16, 24, 40, 80, 112, 192, 320)),
    "efficientnet_lite1": ((1, 3, 3, 4, 4, 5, 1), (16, 24, 40, 80, 112, 192, 320)),
    "efficientnet_lite2": ((1, 3, 3, 4, 4, 5, 1), (16, 24, 48, 88, 120, 208, 352)),
}


def efficientnet_lite(settings: Settings, outputs: int = 1) -> EfficientNet:
    """Return EfficientNet (Tan and Le 2019, arXiv:1905.11946) in the Lite variant: no squeeze-and-excitation, ReLU6 in place of swish.

    Both are slow on a CPU. A block makes six times as many channels with a 1×1 convolution (`e6`), filters each of them by itself (`k5`:
    5×5 pixels), halves the resolution or not (`s2`, `s1`), and returns to few channels: a tenth of the work of usual convolutions.
    """
    kinds = ("k3_s1_e1", "k3_s2_e6", "k5_s2_e6", "k3_s2_e6", "k5_s1_e6", "k5_s2_e6", "k3_s1_e6")
    repeats, channels = LITE[settings.network]
    stages = [f"r{r}_{kind}_i{i}_o{o}" for r, kind, i, o in zip(repeats, kinds, (32, *channels), channels, strict=False)]
    model = EfficientNet(stages, in_channels=1, num_classes=outputs, image_size=settings.size_px)
    model._swish = nn.ReLU6()
    # MONAI draws these weights from -1 to 1, which makes large logits of 1,280 features. PyTorch's own layer begins near one half.
    model._fc = nn.Linear(model._fc.in_features, outputs)
    blocks: list[Any] = [module for module in model.modules() if hasattr(module, "_depthwise_conv")]
    for block in blocks:
        block._swish = nn.ReLU6(inplace=True)
        if block.stride == 1:
            # The convolution pads by itself, without a copy of its input.
            convolution = block._depthwise_conv
            convolution.padding, block._depthwise_conv_padding = tuple(side // 2 for side in convolution.kernel_size), nn.Identity()
    return model


def freeze(model: nn.Module, share: float) -> None:
    """Exclude this share of the layers from training, from the input on; the output layer is always trained.

    The first layers find edges and textures, which are the same in photographs and X-rays. Frozen, they take no time in the backward pass.
    Their norms go on taking the mean and the variance of the X-rays.
    """
    layers = [layer for layer in model.modules() if list(layer.parameters(recurse=False))]
    for layer in layers[: round(share * (len(layers) - 1))]:
        for weights in layer.parameters(recurse=False):
            weights.requires_grad_(False)


def loss(model: nn.Module, batch: Mapping[str, Any]) -> Tensor:
    """Return the mean binary cross-entropy between predictions and labels, (cases,), or (cases, labels) where there are several."""
    logits, labels = model(batch["image"]), batch["label"].float()
    if labels.ndim == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], labels)
    known = ~labels.isnan()
    errors = F.binary_cross_entropy_with_logits(logits, labels.nan_to_num(), reduction="none")
    # A label that is not known is no error, whatever is predicted: times 0, its gradient is 0 too.
    return (errors * known).sum() / known.sum().clamp(min=1)


def infer(model: nn.Module, images: Tensor, settings: Settings) -> Tensor:
    """Return the probability of an opacity for each X-ray, float32 (cases,) in [0, 1], for images float32 (cases, 1, size, size).

    Where the network has several outputs, there is one for each label: (cases, labels).
    """
    images = images.float()
    views = [images, images.flip(-1)] if settings.test_time_mirror else [images]
    return torch.stack([model(view).squeeze(1).float().sigmoid() for view in views]).mean(dim=0)


# Layers whose features tell whether an X-ray is unlike the training data: edges and textures, parts, the whole. Which of them sees it
# depends on what is unlike (Anthony and Kamnitsas 2023, arXiv:2309.01488).
FEATURE_LAYERS = {
    "small_resnet": ("layer2", "layer3", "layer4"),
    "densenet121": ("features.denseblock2", "features.denseblock3", "features.denseblock4"),
    "convnext_tiny": ("features.3", "features.5", "features.7"),
    **dict.fromkeys(LITE, ("1._blocks.2", "1._blocks.4", "1._blocks.6")),
}
# The layer of the heat maps, in the middle of the network.
HEAT_MAP_LAYER = {
    "small_resnet": "layer3",
    "densenet121": "features.denseblock3",
    "convnext_tiny": "features.5",
    **dict.fromkeys(LITE, "1._blocks.4"),
}


class LayerCAM(GradCAM):
    """MONAI's Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391) with a weight for each place instead of one for each channel.

    The gradient says how a change of a feature at a place would change the prediction; features that raise it are kept where they are
    (Jiang et al. 2021, IEEE Transactions on Image Processing 30:5875, doi:10.1109/TIP.2021.3089943). It works on layers in the middle of
    a network, whose maps are finer.
    """

    def compute_map(self, x: Tensor, class_idx: Any = None, retain_graph: bool = False, layer_idx: int = -1, **kwargs: Any) -> Tensor:
        """Return the map of a layer, float32 (cases, 1, h, w), 0 or more."""
        _, activations, gradients = self.nn_module(x, class_idx=class_idx, retain_graph=retain_graph, **kwargs)
        return F.relu((F.relu(gradients[layer_idx]) * activations[layer_idx]).sum(dim=1, keepdim=True))


def heat_map(model: nn.Module, images: Tensor, settings: Settings, label: int | None = None) -> np.ndarray:
    """Return the LayerCAM of each image, float32 (cases, size, size) in [0, 1]; `label` is the number of an output of several.

    It shows coarsely which regions raised the prediction and does not prove a finding. The maximum of a map is the predicted probability:
    scaled to 1, as is often done, the map of an X-ray that is predicted healthy would look like any other.
    """
    # MONAI's own postprocessing inverts the maps, the maximum to 0: it is switched off.
    cam = LayerCAM(nn_module=model, target_layers=HEAT_MAP_LAYER[settings.network], postprocessing=nn.Identity())
    # Where the first layers are frozen, only the images ask for gradients.
    images = images.detach().clone().requires_grad_()
    maps = cam(x=images, class_idx=label)[:, 0].detach()
    if settings.test_time_mirror:
        maps = (maps + cam(x=images.flip(-1), class_idx=label)[:, 0].detach().flip(-1)) / 2
    with torch.inference_mode():
        hottest = maps.amax(dim=(1, 2)).clamp(min=1e-12)
        probabilities = infer(model, images, settings).reshape(len(images), -1)[:, label or 0]
        scaled = maps * (probabilities / hottest)[:, None, None]
    return scaled.clamp(0, 1).cpu().numpy().astype(np.float32)


# %% 4. Training
# Autograd: while the loss is computed, PyTorch records every operation; `backward()` goes through the record in reverse and writes into
# each weight's `.grad` how the loss changes with it. The optimizer then moves every weight slightly in the opposite direction.


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
            images, labels = batch["image"].to(device), batch["label"].to(device)
            optimizer.zero_grad()
            error = loss(model, {"image": images, "label": labels})
            error.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def train(settings: Settings, data_folder: Path, run: Run) -> Run:
    """Train on the X-rays of a folder, or continue where the run stopped; then choose its threshold on validation persons."""
    cases = find_cases(data_folder)
    # Empty for the challenge, whose X-rays have one label.
    names = labels_to_train(run, cases)
    xrays = prepared(settings, cases)
    split = split_cases(xrays, settings.seed_of_split, settings.fold, run, looks=XrayLooks(xrays))
    loaders = make_loaders(settings, {subset: split[subset] for subset in ("train", "validation")})
    # To watch the training, one look at each X-ray is enough.
    one_look = replace(settings, test_time_mirror=False)

    def validate(model: nn.Module) -> dict[str, float]:
        if names:
            found, known = map(torch.cat, zip(*inferred(model, loaders["validation"], one_look), strict=True))
            return mean_scores(found.reshape(known.shape).numpy(), known.numpy())
        scores = {"auroc_score": ROCAUCMetric(), "average_precision_score": AveragePrecisionMetric()}
        for images, labels in inferred(model, loaders["validation"], one_look):
            for score in scores.values():
                score(images, labels)
        return {name: float(score.aggregate()) for name, score in scores.items()}

    # The first weights are random too: a run must be reproducible from its first step.
    reseed(settings.seed)
    model = build_model(settings, outputs=len(names) or 1)
    best_by = "macro_auroc_score" if names else "auroc_score"
    best = fit(model, loss, validate, loaders["train"], settings.trainer_config(best_by), run, outputs_from=outputs_by_name(names))
    probabilities, features = infer_with_features(best, loaders["validation"], settings)
    if names:
        choose_labels_postprocessing(run, probabilities, names, split["validation"], split["train"], settings.wanted_sensitivity)
    else:
        choose_postprocessing(run, probabilities, split["validation"], split["train"], settings.wanted_sensitivity)
    # What is unlike the training X-rays, as they are, without augmentation.
    known = make_loaders(settings, {"known": [split["train"][number] for number in some_of(len(split["train"]))]})["known"]
    write_feature_distance(run, infer_with_features(best, known, one_look)[1], features)
    # So that a copy of one of these X-rays is known again, also as a picture or a negative.
    write_look_alikes(run, split)
    return run


def inferred(model: nn.Module, loader: EpochLoader, settings: Settings) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the probabilities and the labels of each batch of a loader, as `infer` and `loss` have them, in the order of the cases."""
    device = next(model.parameters()).device
    with torch.inference_mode():
        for batch in loader.epoch(0):
            yield infer(model, batch["image"].to(device), settings).cpu(), batch["label"].float()


def infer_all(model: nn.Module, loader: EpochLoader, settings: Settings) -> np.ndarray:
    """Return the probability for every case of a loader, as `infer`, in the order of the cases."""
    return torch.cat([probabilities for probabilities, _ in inferred(model, loader, settings)]).numpy()


def infer_with_features(model: nn.Module, loader: EpochLoader, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability for every case of a loader, as `infer_all`, and its features, float32 (cases, features)."""
    with pooled_features(model, FEATURE_LAYERS[settings.network]) as pooled:
        batches = [(found, pooled.of_each(len(found))) for found, _ in inferred(model, loader, settings)]
    return torch.cat([found for found, _ in batches]).numpy(), np.concatenate([features for _, features in batches])


# %% 5. Evaluation
# On people that were not trained on, with intervals, beside trivial baselines, the failures first.


def trained_model(run: Run) -> tuple[nn.Module, Settings]:
    """Return the best model of a run, in eval mode, on the device of its settings, and these settings."""
    settings = settings_as(run, Settings)
    # The weights come from the run: no published weights are downloaded.
    model = build_model(replace(settings, pretrained=False), outputs=len(labels_of_run(run)) or 1)
    return load_best(run, model, settings.device), settings


def evaluate(run: Run, cases: Sequence[Case], split: str = "test", options: NoOptions = NoOptions()) -> Scores:
    """Evaluate a run on `cases`; write `scores.json`, pictures and `report.html` into its folder; return the scores."""
    names = proved_labels(run, cases)
    model, settings = trained_model(run)
    xrays = prepared(settings, cases)
    probabilities, features = infer_with_features(model, make_loaders(settings, {split: xrays})[split], settings)

    def heat_maps(shown: Sequence[PreparedRadiograph], label: int | None = None) -> np.ndarray:
        return heat_map(model, as_images(shown, model), settings, label)

    if names:
        found = evaluate_labels(run, xrays, probabilities, split, features)
        write_labels_report(run, found, heat_maps)
        return found.scores
    evaluation = evaluate_probabilities(run, xrays, probabilities, split, heat_maps, features)
    write_xray_report(run, evaluation, heat_maps)
    return evaluation.scores


def tune(run: Run, cases: Sequence[Case], options: TuneOptions = TuneOptions()) -> Scores:
    """Choose the threshold again on `cases`, the run's validation persons; write `postprocessing.json` and `tuning/`."""
    names = proved_labels(run, cases)
    model, settings = trained_model(run)
    xrays = prepared(settings, cases)
    probabilities = infer_all(model, make_loaders(settings, {"validation": xrays})["validation"], settings)
    if names:
        return tune_labels(run, xrays, probabilities, options, settings.wanted_sensitivity)
    return tune_threshold(run, xrays, probabilities, options, settings.wanted_sensitivity)


def predict(runs: Run | Sequence[Run], paths: Sequence[Path], out: Path, overlays: bool = True, options: NoOptions = NoOptions()) -> Path:
    """Predict for X-rays in files and folders; write `predictions.csv` and an overlay each into `out`; return the path of the table.

    Several runs predict together: the mean of their probabilities and heat maps; the table says how far they differ.
    """
    if len(runs_of(runs)) > 1:
        refuse_several_labels(runs_of(runs), TOGETHER)
    kind = LabelPredictions if labels_of_run(runs_of(runs)[0]) else ProbabilityPredictions
    predictions = kind(runs, paths, out, overlays)
    members = [trained_model(run) for run in runs_of(runs)]
    # Each run sees an X-ray at its own size and shape; a file is read once for those that see it alike.
    looks = [(settings.size_px, settings.shape) for _, settings in members]
    transforms = {look: deterministic_transform(settings) for look, (_, settings) in zip(looks, members, strict=True)}

    def read(path: Path) -> list[PreparedRadiograph]:
        images = {look: transform({"image": path})["image"] for look, transform in transforms.items()}
        metas = {look: image.meta for look, image in images.items()}
        return [unlabelled(path, images[look].numpy(), header_of(metas[look]), look[1], notes_in(metas[look])) for look in looks]

    for batch in predictions.batches(read, members[0][1].batch_size):
        by_run, each, features, maps = list(zip(*batch, strict=True)), [], [], []
        for (model, settings), xrays in zip(members, by_run, strict=True):
            images = as_images(xrays, model)
            with torch.inference_mode(), pooled_features(model, FEATURE_LAYERS[settings.network]) as pooled:
                each.append(infer(model, images, settings).cpu().numpy())
                features.append(pooled.of_each(len(images)))
            if overlays:
                maps.append(predictions.heat_maps(each[-1], partial(heat_map, model, images, settings)))
        predictions.keep_mean(by_run, each, maps, features)
    predictions.finish()
    return predictions.table


def submit(runs: Run | Sequence[Run], images: Path, out: Path, options: NoOptions = NoOptions()) -> Path:
    """Write `patientId,probability` for the X-rays of a folder. The challenge itself asks for boxes and does not accept this file."""
    refuse_several_labels(runs_of(runs), "A submission has one probability for each X-ray; 'predict' writes a column for each label.")
    with answers_beside(out) as folder:
        return submit_probabilities(predict(runs, [images], folder, overlays=False), out)


def classifier(run: Run) -> Classifier:
    """Return a run as an ensemble uses it: how it sees X-rays, its probabilities, its heat maps."""
    model, settings = trained_model(run)

    def probabilities(xrays: Sequence[PreparedRadiograph]) -> np.ndarray:
        return infer_all(model, make_loaders(settings, {"test": list(xrays)})["test"], settings)

    def heat_maps(xrays: Sequence[PreparedRadiograph]) -> np.ndarray:
        return heat_map(model, as_images(xrays, model), settings)

    return Classifier(partial(prepared, settings), probabilities, heat_maps)


TOGETHER = "Several runs are used together only where each has one label: name one run."


def evaluate_several(runs: Sequence[Run], cases: Sequence[Case], options: NoOptions) -> Scores:
    """Evaluate several runs as an ensemble on the test persons that they share."""
    refuse_several_labels(runs, TOGETHER)
    return evaluate_together(runs, cases, classifier)


TASK = Task(
    name="classification",
    folder=Path(__file__).parent,
    challenge=CHALLENGE,
    presets=PRESETS,
    headline_scores=("auroc_score", "within_view_auroc_score", "average_precision_score", "sensitivity", "specificity", "brier_error"),
    example_file="XRAY.dcm",
    commands=Commands(train, evaluate, tune, predict, submit),
    options=NoOptions,
    tune_options=TuneOptions,
    ensemble=Ensemble(evaluate_several, predict, submit),
)

if __name__ == "__main__":
    import sys

    main(TASK, sys.argv[1:])
