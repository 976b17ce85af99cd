"""A network that would answer with what is no number raises an error instead.

Weights can be finite and too large, or an image hold what is none: then NaN runs through the layers. A comparison with NaN is false, so a
classifier calls such an image healthy and a detector finds no box, and nobody is told.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from radlearn.errors import NotFiniteError

# How deep below the whole modules are looked at. The heads of torchvision's detectors, whose boxes are chosen by comparisons, lie there.
DEPTH = 2


def refuse_outputs_that_are_not_finite(model: nn.Module, whose: str) -> None:
    """Make a model, and its parts down to two levels, raise a NotFiniteError where an output is not finite; `whose` begins the message."""
    for name, module in model.named_modules():
        depth = len(name.split(".")) if name else 0
        if depth <= DEPTH and any(True for _ in module.parameters()):
            module.register_forward_hook(_checking(f"{whose}: the output of {name or 'the network'}"))


def _checking(what: str) -> Callable[..., None]:
    return partial(_check, what)


def _check(what: str, module: nn.Module, inputs: Any, output: Any) -> None:
    for tensor in _tensors_in(output):
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise NotFiniteError(
                f"{what} is not finite (NaN or infinity), so there is no answer. The weights are damaged or too large, or the image holds "
                "values that are no numbers. Predict for images one by one to find it; if none works, train again."
            )


def _tensors_in(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        for value in output.values():
            yield from _tensors_in(value)
    elif isinstance(output, list | tuple):
        for value in output:
            yield from _tensors_in(value)
