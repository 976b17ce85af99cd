"""Published weights (ImageNet, COCO): downloaded and checked by torchvision, kept as safetensors, adapted to one input channel."""

import re
from typing import NamedTuple
from urllib.error import URLError

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from radlearn.errors import WeightsUnavailable
from radlearn.files import cache_folder, written_whole
from radlearn.progress import say


class Published(NamedTuple):
    """torchvision's name of a network's weights, the data set they were trained on, and the output layers for its classes."""

    weights: str
    learnt_from: str
    output_layers: tuple[str, ...]


PUBLISHED = {
    "densenet121": Published("DenseNet121_Weights.DEFAULT", "ImageNet", ("class_layers.out",)),
    "convnext_tiny": Published("ConvNeXt_Tiny_Weights.DEFAULT", "ImageNet", ("classifier.2",)),
    "retinanet_resnet50": Published("RetinaNet_ResNet50_FPN_V2_Weights.DEFAULT", "COCO", ("head.classification_head.cls_logits",)),
    "fasterrcnn_resnet50": Published("FasterRCNN_ResNet50_FPN_V2_Weights.DEFAULT", "COCO", ("roi_heads.box_predictor",)),
}


def published_weights(name: str) -> dict[str, Tensor]:
    """Return torchvision's weights of a network, downloaded once.

    The download is a pickle, loaded with `weights_only=True` after its hash is checked. From then on the safetensors copy in the cache
    folder is used, `weights/NAME.safetensors`; on a machine without internet it may be put there by hand.

    Raises:
        WeightsUnavailable: if they are not in the cache folder and cannot be downloaded.
    """
    kept = cache_folder() / "weights" / f"{name}.safetensors"
    if kept.exists():
        return load_file(kept)
    from torchvision.models import get_weight

    try:
        weights = get_weight(PUBLISHED[name].weights).get_state_dict(progress=True, check_hash=True, weights_only=True)
    except (URLError, OSError, RuntimeError) as error:
        raise WeightsUnavailable(
            f"The {PUBLISHED[name].learnt_from} weights of {name} could not be downloaded ({error}). On a machine with internet, load them "
            f"with torchvision ({PUBLISHED[name].weights}), save the state dict with safetensors, and put it at {kept}."
        ) from error
    with written_whole(kept) as temporary:
        save_file({key: value.contiguous() for key, value in weights.items()}, temporary)
    return weights


def one_channel(convolution: Tensor) -> Tensor:
    """Return the weights (out, 3, kernel, kernel) of a first convolution for one input channel: (out, 1, kernel, kernel).

    The sum over red, green and blue gives the same output as the colour network on a grey image in all three channels.
    """
    return convolution.sum(dim=1, keepdim=True)


def load_published_weights(model: nn.Module, name: str) -> list[str]:
    """Load published weights into a network of `PUBLISHED` with one input channel and any number of classes.

    Returns:
        the names of the tensors that keep their random initialisation: those of the output layers.

    Raises:
        WeightsUnavailable: if the weights are unavailable or do not fit the model.
    """
    published = published_weights(name)
    # MONAI nests the layers of a dense block in a Sequential; torchvision's oldest files write norm.1 instead of norm1.
    renamed = {
        re.sub(r"(denselayer\d+)\.(norm|relu|conv)\.?(\d)", r"\1.layers.\2\3", key) if name == "densenet121" else key: value
        for key, value in published.items()
    }
    wanted = model.state_dict()
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
    say(
        f"Loaded {PUBLISHED[name].learnt_from} weights; {', '.join(left)} start at random, and the first layer is summed over the three "
        "colour channels."
    )
    return True
