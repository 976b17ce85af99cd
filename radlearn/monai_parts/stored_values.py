"""A dictionary of a MONAI program as arrays and JSON, and back: what a cache can hold without a pickle.

Arrays stay arrays. A `MetaTensor` also has meta data and a list of applied operations, which `Invertd` needs; both are nested dictionaries
of numbers, words and small arrays, and become JSON. What JSON lacks (tuples, NaN, arrays, types) is marked by a key that begins with `$`.
"""

import base64
import enum
import math
from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.data import MetaTensor
from monai.utils import TraceKeys

from radlearn.entry_files import STORABLE
from radlearn.errors import BadSetting

# Kinds of NumPy types whose bytes say everything: truth values, whole numbers, real and complex ones, bytes, words.
SELF_CONTAINED = "biufcSU"
META, OPERATIONS = "meta", "applied_operations"


class Stored(NamedTuple):
    """An item as its parts: arrays; short JSON values, one for each key; long ones, for each `MetaTensor`."""

    arrays: dict[str, np.ndarray]
    about: dict[str, dict[str, Any]]
    details: dict[str, dict[str, Any]]


def stored(item: Mapping[str, Any]) -> Stored:
    """Return an item as arrays and JSON values.

    The ids of applied operations are removed, as `PersistentDataset` does, because the transforms that will invert them are other objects.

    Raises:
        BadSetting: a key that is no word, or a value that is neither an array nor plain. Plain are numbers, words, paths, lists, tuples and
            dictionaries.
    """
    parts = Stored({}, {}, {})
    for key, value in item.items():
        if not isinstance(key, str):
            raise BadSetting(f"{key!r}: a key of an item must be a word for its value to be kept in a cache.")
        if isinstance(value, torch.Tensor):
            parts.arrays[key] = _array_of(value, key)
            parts.about[key] = {"kind": "tensor"}
            if value.dtype == torch.bfloat16:
                parts.about[key]["dtype"] = "bfloat16"
            if isinstance(value, MetaTensor):
                operations = [_without_id(operation) for operation in value.applied_operations]
                parts.about[key]["kind"] = "MetaTensor"
                parts.details[key] = {META: encoded(dict(value.meta), key), OPERATIONS: encoded(operations, key)}
        elif isinstance(value, np.ndarray) and value.dtype.newbyteorder("<") in STORABLE and not isinstance(value, np.ma.MaskedArray):
            parts.arrays[key] = value
            parts.about[key] = {"kind": "ndarray"}
        else:
            parts.about[key] = {"kind": "value", "value": encoded(value, key)}
    return parts


def restored(about: Mapping[str, Any], array: np.ndarray | None, details: Mapping[str, Any] | None = None) -> Any:
    """Return the value of a key: a `MetaTensor` where its `details` are given, else a tensor that shares memory with its array."""
    kind = about["kind"]
    if kind == "value":
        return decoded(about["value"])
    if array is None:
        raise ValueError(f"a {kind} needs an array")
    if kind == "ndarray":
        return array
    tensor = torch.from_numpy(array)
    if "dtype" in about:
        tensor = tensor.view(_dtype(about["dtype"]))
    if details is None:
        return tensor
    return MetaTensor(tensor, meta=decoded(details[META]), applied_operations=decoded(details[OPERATIONS]))


def encoded(value: Any, where: str = "") -> Any:
    """Return a value as JSON values; errors as `stored`.

    >>> encoded({"size": (3, 4), "gap": float("nan")})
    {'size': {'$tuple': [3, 4]}, 'gap': {'$float': 'nan'}}
    """
    if isinstance(value, enum.Enum):
        return encoded(value.value, where)
    if isinstance(value, np.generic | np.ndarray):
        if value.dtype.kind not in SELF_CONTAINED or isinstance(value, np.ma.MaskedArray):
            raise BadSetting(f"{where}: a {type(value).__name__} of {value.dtype} cannot be kept in a cache; expected numbers or words.")
        array = np.asarray(value, order="C")
        mark = "$array" if isinstance(value, np.ndarray) else "$number"
        return {mark: [array.dtype.str, list(array.shape), base64.b64encode(array.tobytes()).decode()]}
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, torch.Tensor):
        return {"$tensor": [str(value.dtype).removeprefix("torch."), *encoded(_array_of(value, where), where)["$array"]]}
    if isinstance(value, PathLike):
        return str(fspath(value))
    if isinstance(value, torch.dtype):
        return {"$dtype": str(value).removeprefix("torch.")}
    if isinstance(value, tuple):
        return {"$tuple": [encoded(one, where) for one in value]}
    if isinstance(value, list):
        return [encoded(one, where) for one in value]
    if isinstance(value, Mapping):
        # MONAI's own keys are enumerations that are also words.
        plain = {key.value if isinstance(key, enum.Enum) else key: one for key, one in value.items()}
        if all(isinstance(key, str) and not key.startswith("$") for key in plain):
            return {str(key): encoded(one, f"{where}.{key}") for key, one in plain.items()}
        return {"$pairs": [[encoded(key, where), encoded(one, f"{where}.{key}")] for key, one in plain.items()]}
    raise BadSetting(
        f"{where}: a {type(value).__name__} cannot be kept in a cache; expected arrays, numbers, words, and lists or dictionaries of them. "
        "Remove the key with DeleteItemsd before the first random transform, or make it later."
    )


def decoded(value: Any) -> Any:
    """Return what `encoded` was given; enumerations have become their values, paths words. Nothing is shared with the argument."""
    if isinstance(value, list):
        return [decoded(one) for one in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((mark, content),) = value.items()
        if mark == "$tuple":
            return tuple(decoded(one) for one in content)
        if mark == "$float":
            return float(content)
        if mark == "$array":
            return _array(*content)
        if mark == "$number":
            return _array(*content)[()]
        if mark == "$tensor":
            dtype, *numbers = content
            return torch.from_numpy(_array(*numbers)).view(_dtype(dtype))
        if mark == "$dtype":
            return _dtype(content)
        if mark == "$pairs":
            return {decoded(key): decoded(one) for key, one in content}
    return {key: decoded(one) for key, one in value.items()}


def _dtype(name: str) -> torch.dtype:
    found = getattr(torch, name)
    if not isinstance(found, torch.dtype):
        raise ValueError(f"{name} is no type of torch's tensors")
    return found


def _array_of(tensor: torch.Tensor, where: str) -> np.ndarray:
    """Return the numbers of a tensor; those of bfloat16, which NumPy lacks, as their 16 bits."""
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter, MetaTensor):
        raise BadSetting(f"{where}: a {type(tensor).__name__} cannot be kept in a cache: it would come back as a plain tensor.")
    plain = (tensor.as_tensor() if isinstance(tensor, MetaTensor) else tensor).detach().cpu()
    try:
        return (plain.view(torch.int16) if plain.dtype == torch.bfloat16 else plain.resolve_conj().resolve_neg()).numpy()
    except TypeError as error:
        raise BadSetting(f"{where}: a tensor of {tensor.dtype}, {tensor.layout}, cannot be kept in a cache ({error}).") from error


def _array(kind: str, shape: list[int], content: str) -> np.ndarray:
    # A copy, because an array on bytes cannot be written to.
    return np.frombuffer(base64.b64decode(content), kind).reshape(shape).copy()


def _without_id(operation: Any) -> Any:
    if isinstance(operation, list | tuple):
        found = [_without_id(one) for one in operation]
        return tuple(found) if isinstance(operation, tuple) else found
    if not isinstance(operation, Mapping):
        return operation
    known = {key: _without_id(value) for key, value in operation.items()}
    return {**known, TraceKeys.ID: TraceKeys.NONE} if TraceKeys.ID in known else known
