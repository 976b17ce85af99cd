"""Published weights (ImageNet, COCO): fetched by torchvision's own loader, checked, kept as safetensors, fitted to X-rays of one channel."""

import re
from typing import NamedTuple
from urllib.error import URLError

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from radlearn.errors import WeightsUnavailable
from radlearn.files import cache_folder, written_whole
from radlearn.progress import say


class Published(NamedTuple):
    """What torchvision calls its best weights of a network, from which pictures, and which layers name the classes of these."""

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

    The download is a pickle, read with `weights_only=True` after its hash is checked; from then on only the safetensors copy in the
    cache folder is used (`weights/NAME.safetensors`, which may also be put there by hand on a machine without internet).

    Raises:
        WeightsUnavailable: if they can be neither found nor downloaded.
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
    """Return the weights (out, 3, kernel, kernel) of a first convolution for X-rays: (out, 1, kernel, kernel).

    The sum over red, green and blue: what the colour network would compute from a grey picture in all three channels.
    """
    return convolution.sum(dim=1, keepdim=True)


def load_published_weights(model: nn.Module, name: str) -> list[str]:
    """Load published weights into a network of `PUBLISHED` with one input channel and any number of classes.

    Returns:
        the names of the model's tensors that keep their random start: those of the last layer alone.

    Raises:
        WeightsUnavailable: if they cannot be had, or fit the model in another way than expected.
    """
    published = published_weights(name)
    # MONAI keeps the layers of a dense block in a Sequential of its own; torchvision's oldest files write norm.1 for norm1.
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
    strangers = [key for key in left if not key.startswith(PUBLISHED[name].output_layers)]
    if strangers:
        raise WeightsUnavailable(f"The weights of {name} lack {len(strangers)} tensors of this network, the first is {strangers[0]}.")
    return left


def start_from_published(model: nn.Module, name: str) -> bool:
    """Load weights as `load_published_weights` does; where they cannot be had, say so and leave the random start.

    Returns:
        whether they were loaded.
    """
    try:
        left = load_published_weights(model, name)
    except WeightsUnavailable as trouble:
        say(f"{trouble} Training starts from random weights instead; it will take longer and end lower.", style="yellow")
        return False
    say(
        f"Started from {PUBLISHED[name].learnt_from} weights; only {', '.join(left)} start at random, and the first layer is that of three "
        "colours, summed."
    )
    return True
