"""A training that starts from the weights of an earlier run: what fits is taken over, the rest starts as the network was built."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from radlearn.errors import BadSetting
from radlearn.progress import say
from radlearn.training.checkpoint import load_tensors, model_tensors
from radlearn.training.outputs import Outputs
from radlearn.training.run_folder import Run

SHOWN = 6


def take_weights(model: nn.Module, earlier: Run, outputs: Outputs | None = None) -> list[str]:
    """Copy the best weights of an earlier run into a model, wherever name and shape are the same; say what was taken and what was not.

    Args:
        outputs: what the outputs of the last layer are about in both; that layer is then copied output by output. None: as it is.

    Returns:
        the names of the tensors that keep what the model was built with, such as those of an output layer for other labels.

    Raises:
        BadRunFolder: if the weights are damaged.
        BadSetting: if less than half of the model's weights are found there: it is another network.
    """
    found, about = load_tensors(earlier.best_weights)
    wanted = model_tensors(model)
    if outputs is not None and not outputs.same:
        found = {**found, **_by_name(model, found, wanted, outputs)}
    fitting = {name: tensor for name, tensor in found.items() if name in wanted and tensor.shape == wanted[name].shape}
    taken, all_ = _count(fitting), _count(wanted)
    if 2 * taken < all_:
        raise BadSetting(
            f"{earlier.folder}: holds the weights of another network: only {taken:,} of this network's {all_:,} weights are found there. "
            f"Choose the same network as that run{_network_of(earlier)}, or start without it."
        )
    model.load_state_dict(fitting, strict=False)
    left = [name for name in wanted if name not in fitting]
    words = "" if outputs is None or outputs.same else f"{_left(left, found) if left else ''} {outputs.in_words}".strip()
    say(f"Started from {earlier.folder}{_trained(about)}: {taken:,} of {all_:,} weights taken over. {words or _left(left, found)}")
    return left


def _by_name(model: nn.Module, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], outputs: Outputs) -> dict[str, Tensor]:
    """Return the tensors of a model's last layer with the rows of the outputs that have the same name; the others as they were built."""
    last = [name for name, _ in model.named_parameters()][-1].rpartition(".")[0] + "."
    made = {}
    for name in (one for one in wanted if one.startswith(last)):
        new, old = wanted[name].detach().cpu().clone(), found.get(name)
        rows = outputs.rows if old is not None and new.shape[1:] == old.shape[1:] and len(old) == len(outputs.before) else []
        for place, row in enumerate(rows):
            if row is not None and old is not None:
                new[place] = old[row]
        made[name] = new
    return made


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
