"""Weights and the state of a training as one safetensors file each: tensors, and JSON in its header. Nothing in them can run.

One file, because one file can be replaced in a single move: whatever kills the process, the checkpoint is the old one or the new one.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.files import json_ready, written_whole
from radlearn.training.config import Device
from radlearn.training.device import chosen_device
from radlearn.training.run_folder import Run

STALE_AFTER_SECONDS = 120


def save_tensors(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write tensors and JSON values to `path`, whole or not at all.

    Floats in `state` come back exactly; NaN and infinity come back as None.
    """
    kept: dict[str, Tensor] = {}
    storages: set[int] = set()
    for name, tensor in tensors.items():
        flat = tensor.detach().cpu().contiguous()
        # Tied weights share their memory, which safetensors refuses; both names get a copy, and loading fills both.
        kept[name] = flat.clone() if flat.untyped_storage().data_ptr() in storages else flat
        storages.add(kept[name].untyped_storage().data_ptr())
    with written_whole(path) as temporary:
        save_file(kept, temporary, metadata={"radlearn": json.dumps(json_ready(dict(state)), allow_nan=False)})


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors (on the CPU) and the JSON values of a file written by `save_tensors`.

    Raises:
        BadRunFolder: if there is no such file, or it is damaged, or not radlearn's.
    """
    try:
        with safe_open(path, framework="pt") as file:
            state = json.loads((file.metadata() or {})["radlearn"])
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, state
    except FileNotFoundError:
        raise BadRunFolder(f"{path}: there is no such file. Has the training been started, and saved at least once?") from None
    except (SafetensorError, json.JSONDecodeError, UnicodeDecodeError, OSError) as error:
        raise BadRunFolder(f"{path}: is damaged ({error}). Copy it again from where it came, or train anew in a new folder.") from None
    except KeyError:
        raise BadRunFolder(f"{path}: is a safetensors file, but not one that radlearn wrote.") from None


def save_weights(path: Path, model: nn.Module, about: Mapping[str, Any]) -> None:
    """Write the weights and buffers of a model, and what there is to say about them (epoch, scores)."""
    save_tensors(path, model_tensors(model), about)


def load_weights(path: Path, model: nn.Module) -> dict[str, Any]:
    """Fill a model with the weights in `path` and return what was said about them.

    Raises:
        BadRunFolder: if the file is missing or damaged, or is of another architecture.
    """
    tensors, about = load_tensors(path)
    fill_model(model, tensors, path)
    return about


def load_best(run: Run, model: nn.Module, device: Device = "auto") -> nn.Module:
    """Load a run's best weights into a freshly built model and return it in eval mode, on the device asked for.

    Raises:
        BadRunFolder: if the run has no weights yet, or they are of another network.
    """
    if not run.best_weights.exists():
        raise BadRunFolder(f"{run.folder}: has no trained weights yet. To go on with it: {run.resume_command}")
    load_weights(run.best_weights, model)
    return model.to(chosen_device(device)).eval()


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights and buffers of a model by name; they are the model's own, not copies.

    Raises:
        BadSetting: if the model keeps something that is no tensor in its state.
    """
    state = model.state_dict()
    if odd := [name for name, value in state.items() if not isinstance(value, Tensor)]:
        raise BadSetting(
            f"The model's state holds what is no tensor ({', '.join(odd[:3])}); radlearn saves tensors only. Make it a buffer."
        )
    return dict(state)


def fill_model(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy tensors into a model of the same architecture; `path` is where they came from, for the error.

    Raises:
        BadRunFolder: if a name or a shape differs.
    """
    wanted = model_tensors(model)
    shapes = {name: tuple(tensor.shape) for name, tensor in wanted.items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    differing = [name for name in {**shapes, **found} if shapes.get(name) != found.get(name)]
    if differing:
        lines = [f"{name} is {found.get(name, 'absent')} in the file, {shapes.get(name, 'absent')} in the model" for name in differing[:3]]
        more = f", and {len(differing) - 3} more" if len(differing) > 3 else ""
        raise BadRunFolder(
            f"{path}: holds the weights of another architecture ({'; '.join(lines)}{more}). "
            "Build the model with the settings of its run (settings.json), or train anew in a new folder."
        )
    model.load_state_dict(dict(tensors))


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return what an optimizer remembers: its tensors by `NUMBER/NAME`, and the rest as JSON values by the same names.

    The number is that of the parameter. Learning rates and the like are not remembered: the config says what they are.
    """
    tensors: dict[str, Tensor] = {}
    rest: dict[str, Any] = {}
    for number, memory in optimizer.state_dict()["state"].items():
        for name, value in memory.items():
            (tensors if isinstance(value, Tensor) else rest)[f"{number}/{name}"] = value
    return tensors, rest


def fill_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], rest: Mapping[str, Any], path: Path) -> None:
    """Give an optimizer back what `optimizer_state` returned; `path` is where it came from, for the error.

    Raises:
        BadRunFolder: if it does not fit the optimizer's parameters.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    memory: dict[int, dict[str, Any]] = {}
    for key, value in {**tensors, **rest}.items():
        number, name = key.split("/", 1)
        memory.setdefault(int(number), {})[name] = value
        shaped = isinstance(value, Tensor) and value.ndim > 0
        if int(number) >= len(parameters) or (shaped and value.shape != parameters[int(number)].shape):
            raise BadRunFolder(
                f"{path}: the optimizer's {name} of parameter {number} does not fit. Was the run made with another optimizer?"
            )
    optimizer.load_state_dict({"state": memory, "param_groups": optimizer.state_dict()["param_groups"]})


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with `prefix` before their names."""
    return {prefix + name: tensor for name, tensor in tensors.items()}


def taken_from(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return those whose names begin with `prefix`, without it: the way back from `under`."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def sweep(folder: Path) -> None:
    """Remove what writers that were killed have left behind in `folder`."""
    for left in folder.glob(".*-*"):
        # A younger one may belong to a process that is still writing it.
        if time.time() - left.stat().st_mtime > STALE_AFTER_SECONDS:
            left.unlink(missing_ok=True)
