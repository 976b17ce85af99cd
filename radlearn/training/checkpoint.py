"""Weights and training state as safetensors files: tensors, and JSON in the header. Loading one executes no code.

Each is a single file because a single file is replaced atomically: if the process is killed, the checkpoint is the old or the new one.
In its header stands a digest of all that it holds, because a network with a flipped bit predicts, and says nothing.
"""

import hashlib
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
from radlearn.file_kinds import stand_in
from radlearn.file_names import utf8_path
from radlearn.files import written_whole
from radlearn.json_files import json_of, json_ready
from radlearn.progress import say
from radlearn.training.checkpoint_header import DIGEST, SEALED, STATE, digest_in
from radlearn.training.config import Device
from radlearn.training.device import chosen_device
from radlearn.training.finite import refuse_outputs_that_are_not_finite
from radlearn.training.run_folder import Run, refuse_changed_settings
from radlearn.training.run_state import cannot_go_on, is_finished

STALE_AFTER_SECONDS = 120
WITH_DIGEST = {SEALED, "split", "settings", "weights"}
"What no file says that is older than digests: one that says it and has none has lost it."
AGAIN = "Copy it again from its source, or start a new run in another folder."


def save_tensors(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write tensors and JSON values to `path` atomically.

    Floats in `state` are restored exactly; NaN and infinity become None.
    """
    kept: dict[str, Tensor] = {}
    storages: set[int] = set()
    for name, tensor in tensors.items():
        flat = tensor.detach().cpu().contiguous()
        # Tied weights share memory, which safetensors refuses. Each name gets its own copy, and loading fills both.
        kept[name] = flat.clone() if flat.untyped_storage().data_ptr() in storages else flat
        storages.add(kept[name].untyped_storage().data_ptr())
    said = json_ready(dict(state))
    # In one text: safetensors writes several in any order, and equal weights are to be equal files.
    text = json.dumps({**said, DIGEST: tensors_digest(kept, _text(said))}, allow_nan=False)
    with written_whole(path) as temporary:
        save_file(kept, temporary, metadata={STATE: text})


def load_tensors(path: Path, again: str = AGAIN) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors (on the CPU) and the JSON values of a file written by `save_tensors`.

    Args:
        again: what to do where it is damaged.

    Raises:
        BadRunFolder: if the file is missing, damaged or not written by radlearn, or holds something else than its digest says.
    """
    if path.is_dir():
        raise BadRunFolder(f"{path}: is a folder; expected a safetensors file. {again}")
    try:
        with utf8_path(path) as place, safe_open(place, framework="pt") as file:
            state = json_of((file.metadata() or {})[STATE])
            tensors = {name: file.get_tensor(name) for name in list(file.keys())}
    except FileNotFoundError:
        raise BadRunFolder(f"{path}: there is no such file. Has the training saved a checkpoint yet?") from None
    except (SafetensorError, ValueError, OSError) as error:
        if kind := stand_in(path):
            raise BadRunFolder(f"{path}: is {kind}. {again}") from None
        raise BadRunFolder(f"{path}: is damaged ({error}). {again}") from None
    except MemoryError:
        raise BadRunFolder(f"{path}: holds {path.stat().st_size:,} bytes, more than the memory takes; it is damaged. {again}") from None
    except KeyError:
        raise BadRunFolder(f"{path}: is a safetensors file, but not one that radlearn wrote.") from None
    if not isinstance(state, dict):
        raise BadRunFolder(f"{path}: is damaged: it says {type(state).__name__} where names and values should stand. {again}")
    digest = state.pop(DIGEST, None)
    if digest is None and WITH_DIGEST & state.keys():
        raise BadRunFolder(f"{path}: its digest of all that it holds was removed, so what was changed in it cannot be told. {again}")
    if digest is not None and digest != tensors_digest(tensors, _text(state)):
        raise BadRunFolder(f"{path}: is damaged: its content is not what its digest says; it was changed after it was written. {again}")
    return tensors, state


def _text(state: Mapping[str, Any]) -> str:
    return json.dumps(state, allow_nan=False)


def save_weights(path: Path, model: nn.Module, about: Mapping[str, Any]) -> None:
    """Write the weights and buffers of a model, and JSON values about them (epoch, scores)."""
    save_tensors(path, model_tensors(model), {**about, SEALED: True})


def load_weights(path: Path, model: nn.Module) -> dict[str, Any]:
    """Load the weights in `path` into a model and return the JSON values saved with them.

    Raises:
        BadRunFolder: if the file is missing or damaged, or the architecture differs.
    """
    tensors, about = load_tensors(path)
    fill_model(model, tensors, path)
    return {name: value for name, value in about.items() if name != SEALED}


def load_best(run: Run, model: nn.Module, device: Device = "auto") -> nn.Module:
    """Load a run's best weights into a newly built model, move it to `device` and return it in eval mode.

    The model raises a NotFiniteError where it would give what is no number.

    Raises:
        BadRunFolder: if the run has no weights yet, they are damaged, or the architecture or a setting differs.
    """
    if not run.best_weights.exists():
        if is_finished(run):
            again = f"Copy it back, or, where the last checkpoint holds the same weights, write it again: {run.resume_command}"
            if not run.last_checkpoint.exists():
                again = "Copy it back from a backup, or train again in another folder."
            raise BadRunFolder(f"{run.best_weights}: is not there any more, though the run was finished. {again}")
        raise BadRunFolder(f"{run.folder}: has no trained weights yet. {cannot_go_on(run) or f'To continue: {run.resume_command}'}")
    refuse_changed_settings(run, load_weights(run.best_weights, model), run.best_weights)
    if digest_in(run.best_weights) is None:
        say(f"{run.best_weights}: is older than digests of weights, so whether it is undamaged could not be checked.", style="yellow")
    model = model.to(chosen_device(device)).eval()
    refuse_outputs_that_are_not_finite(model, f"{run.folder}")
    return model


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights and buffers of a model by name: references, not copies.

    Raises:
        BadSetting: if the model's state dict holds anything but tensors.
    """
    state = model.state_dict()
    if others := [name for name, value in state.items() if not isinstance(value, Tensor)]:
        raise BadSetting(
            f"The model's state dict holds values that are not tensors ({', '.join(others[:3])}); radlearn saves tensors only. "
            "Register them as buffers."
        )
    return dict(state)


def fill_model(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy tensors into a model of the same architecture. `path` is their file, for the error message.

    Raises:
        BadRunFolder: if a name or a shape differs, or a value is no finite number.
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
            "Build the model with the settings of its run (settings.json), or start a new run in another folder."
        )
    if broken := [name for name, tensor in tensors.items() if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all())]:
        raise BadRunFolder(
            f"{path}: {len(broken)} of its {len(tensors)} tensors hold values that are not finite numbers, such as {broken[0]}; a network "
            f"with them has no answer. {AGAIN}"
        )
    model.load_state_dict(dict(tensors))


def tensors_digest(tensors: Mapping[str, Tensor], text: str) -> str:
    """Return a digest of tensors, by name, type, shape and bytes, and of the JSON text beside them."""
    digest = hashlib.blake2b(text.encode(), digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return an optimizer's state: tensors by `NUMBER/NAME`, NUMBER being that of the parameter, and other values by the same keys.

    Options of the parameter groups, such as the learning rate, are left out: the config determines them.
    """
    tensors: dict[str, Tensor] = {}
    rest: dict[str, Any] = {}
    for number, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            (tensors if isinstance(value, Tensor) else rest)[f"{number}/{name}"] = value
    return tensors, rest


def fill_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], rest: Mapping[str, Any], path: Path) -> None:
    """Restore what `optimizer_state` returned. `path` is its file, for the error message.

    Raises:
        BadRunFolder: if the state does not fit the optimizer's parameters.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for key, value in {**tensors, **rest}.items():
        number, name = key.split("/", 1)
        shaped = isinstance(value, Tensor) and value.ndim > 0
        if int(number) >= len(parameters) or (shaped and value.shape != parameters[int(number)].shape):
            raise BadRunFolder(
                f"{path}: the optimizer's {name} of parameter {number} does not fit. Was the run made with another optimizer?"
            )
        # In the parameter's order of memory, such as channels last, which a file does not keep.
        kept = torch.empty_like(parameters[int(number)], dtype=value.dtype, device="cpu").copy_(value) if shaped else value
        state.setdefault(int(number), {})[name] = kept
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with `prefix` added to their names."""
    return {prefix + name: tensor for name, tensor in tensors.items()}


def taken_from(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with `prefix`, with the prefix removed: the inverse of `under`."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def sweep(folder: Path) -> None:
    """Remove temporary files that killed writers left in `folder`."""
    for path in folder.glob(".*-*"):
        # A newer one may belong to a process that is still writing it.
        if time.time() - path.stat().st_mtime > STALE_AFTER_SECONDS:
            path.unlink(missing_ok=True)
