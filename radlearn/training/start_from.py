"""A training that starts from the weights of an earlier run: what fits is taken over, the rest starts as the network was built."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from radlearn.errors import BadSetting
from radlearn.progress import say
from radlearn.training.checkpoint import load_tensors, model_tensors
from radlearn.training.run_folder import Run

SHOWN = 6


def take_weights(model: nn.Module, earlier: Run) -> list[str]:
    """Copy the best weights of an earlier run into a model, wherever name and shape are the same; say what was taken and what was not.

    Returns:
        the names of the tensors that keep what the model was built with, such as those of an output layer for other labels.

    Raises:
        BadRunFolder: if the weights are damaged.
        BadSetting: if less than half of the model's weights are found there: it is another network.
    """
    found, about = load_tensors(earlier.best_weights)
    wanted = model_tensors(model)
    fitting = {name: tensor for name, tensor in found.items() if name in wanted and tensor.shape == wanted[name].shape}
    taken, all_ = _count(fitting), _count(wanted)
    if 2 * taken < all_:
        raise BadSetting(
            f"{earlier.folder}: holds the weights of another network: only {taken:,} of this network's {all_:,} weights are found there. "
            f"Choose the same network as that run{_network_of(earlier)}, or start without it."
        )
    model.load_state_dict(fitting, strict=False)
    left = [name for name in wanted if name not in fitting]
    say(f"Started from {earlier.folder}{_trained(about)}: {taken:,} of {all_:,} weights taken over. {_left(left, found)}")
    return left


def _count(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors.values())


def _network_of(run: Run) -> str:
    return f" (network {run.settings['network']})" if "network" in run.settings else ""


def _trained(about: Mapping[str, Any]) -> str:
    return f" (epoch {about['epoch']})" if isinstance(about.get("epoch"), int) else ""


def _left(left: list[str], found: Mapping[str, Tensor]) -> str:
    if not left:
        return "None starts anew."
    told = ", ".join(f"{name} ({'of another shape' if name in found else 'not'} there)" for name in left[:SHOWN])
    more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
    return f"Start anew: {told}{more}."
