"""Apply a MONAI `Compose` and say what each of its random transforms drew for this case.

    transform.set_random_state(seed=case_seed(seed, *key))
    told = apply_and_tell(transform, image)
    print(*told.drawn, sep="\\n")

A part of any MONAI program: it takes stock transforms, of arrays or of dictionaries, and returns what `transform(image)` would have.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, RandAffined, Randomizable, apply_transform
from monai.transforms.lazy.functional import apply_pending_transforms, apply_pending_transforms_in_order
from monai.transforms.traits import RandomizableTrait, ReduceTrait

from radlearn.augmentation.drawn import Axis, Drawn, Told
from radlearn.monai_parts.draw_readers import READERS, Step, again_from, public_numbers


def apply_and_tell(transform: Compose, item: Any, axes: Sequence[Axis] | None = None) -> Told:
    """Apply a transform step by step, as it would apply itself, and tell what each random transform in it drew.

    The random states advance as in `transform(item)`: after the same `set_random_state(seed)` the result is the same, bit for bit.

    Args:
        transform: MONAI's `Compose`; others in it are followed too. `OneOf`, `SomeOf` and `RandomOrder` are told once they are done.
        item: what the transform takes: an array or tensor (channels, *space), or a dictionary with such.
        axes: names of the spatial axes. None: `PICTURE_AXES` for two, `LPS_AXES` for three.

    Returns:
        The result; what every `RandomizableTrait` drew, also of one that was not applied this time; and the item after each of them. After
        a crop into several patches, the later transforms are told for each of them, as `Drawn.sample` says.

    A transform that this module does not know is told by its public numbers that are not arguments. Nothing here is ever an error; what
    the transform raises is raised.
    """
    teller = _Teller(None if axes is None else tuple(axes))
    result = teller.composed(transform, item, None)
    return Told(result, teller.drawn, teller.images)


class _Teller:
    """Goes through a `Compose` as MONAI's `execute_compose` does, and writes down what it sees."""

    def __init__(self, axes: tuple[Axis, ...] | None) -> None:
        self.axes = axes
        self.drawn: list[Drawn] = []
        self.images: list[Any] = []

    def composed(self, rules: Compose, item: Any, lazy: bool | None) -> Any:
        lazy = rules.lazy if lazy is None else lazy
        for transform in rules.transforms:
            item = self._mapped(transform, item, rules, lazy, int(rules.map_items), ())
        return apply_pending_transforms(item, None, rules.overrides, logger_name=rules.log_stats)

    def _mapped(self, transform: Any, item: Any, rules: Compose, lazy: bool | None, levels: int, sample: tuple[int, ...]) -> Any:
        """Apply one transform of `rules` to an item, or to each item of a list."""
        if isinstance(item, list | tuple) and levels > 0 and not isinstance(transform, ReduceTrait | Compose):
            return [self._mapped(transform, one, rules, lazy, levels - 1, (*sample, number)) for number, one in enumerate(item)]
        if type(transform) is Compose and not rules.unpack_items:
            item = apply_pending_transforms_in_order(transform, item, lazy, rules.overrides, rules.log_stats)
            return self.composed(transform, item, lazy)
        told = isinstance(transform, RandomizableTrait)
        before, states = (as_arrays(item), _random_states(transform)) if told else (None, {})
        item = apply_transform(transform, item, False, rules.unpack_items, rules.log_stats, lazy, rules.overrides)
        if told:
            after = as_arrays(item)
            for drawn in _read(transform, Step(before, after, states, self.axes)):
                self.images.append(after[drawn.sample[0]] if drawn.sample else after)
                self.drawn.append(replace(drawn, sample=(*sample, *drawn.sample)))
        return item


def _random_states(transform: Any) -> dict[int, Any]:
    """Return the random state of a transform and of all transforms in it, by their `id`."""
    states: dict[int, Any] = {}
    todo = [transform]
    while todo:
        part = todo.pop()
        if isinstance(part, Randomizable) and id(part) not in states:
            states[id(part)] = part.R.get_state()
            todo += [*vars(part).values(), *(part.transforms if isinstance(part, Compose) else ())]
    return states


def _read(transform: Any, step: Step) -> list[Drawn]:
    """Return what a transform drew: one for each patch that it cut out; of `OneOf` and its kind one for each transform in it."""
    if isinstance(transform, Compose):
        return _chosen(transform, step)
    name, step = type(transform).__name__, replace(step, keys=tuple(getattr(transform, "keys", ())))
    if not _applied(transform, step):
        return [Drawn(name, False, {"probability": float(transform.prob)} if hasattr(transform, "prob") else {})]
    inside, read = next((READERS[kind] for kind in type(transform).__mro__ if kind in READERS), ("", public_numbers))
    try:
        values = read(transform, getattr(transform, inside) if inside else transform, step)
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError):
        # Another release of MONAI may keep its numbers elsewhere, and an item may be no image: then nothing is told but the name.
        values = {}
    each = values if isinstance(values, list) else [values]
    if not isinstance(step.after, list):
        return [Drawn(name, True, each[0])]
    each = each if len(each) == len(step.after) else [{}] * len(step.after)
    return [Drawn(name, True, one, (number,)) for number, one in enumerate(each)]


def _chosen(transform: Compose, step: Step) -> list[Drawn]:
    """Tell of each transform of a `OneOf`, `SomeOf` or `RandomOrder`: it was used if its random state has moved on."""
    drawn: list[Drawn] = []
    for part in transform.transforms:
        if isinstance(part, Randomizable):
            moved = any(not np.array_equal(old, new) for old, new in zip(step.states[id(part)], part.R.get_state(), strict=True))
            drawn += _read(part, step) if moved or isinstance(part, Compose) else [Drawn(type(part).__name__, False, {})]
    return drawn or [Drawn(type(transform).__name__, True, {})]


def _applied(transform: Any, step: Step) -> bool:
    if isinstance(transform, RandAffined):
        # It overwrites its own decision where it changes the size in any case.
        return bool(again_from(step.states[id(transform)]).rand() < transform.prob)
    return bool(getattr(transform, "_do_transform", True))


def as_arrays(item: Any) -> Any:
    """Return a copy of an item with NumPy arrays in place of tensors, as it would be without lazy resampling."""
    if isinstance(item, Mapping):
        return {key: as_arrays(value) for key, value in item.items()}
    if isinstance(item, list | tuple):
        return [as_arrays(one) for one in item]
    if isinstance(item, MetaTensor) and item.has_pending_operations:
        # On a copy: applying empties the list of what is still to be done.
        item = apply_pending_transforms(deepcopy(item), None)
    if isinstance(item, torch.Tensor):
        plain = item.detach().cpu().as_subclass(torch.Tensor)
        # NumPy has no bfloat16.
        return np.array(plain.float() if plain.dtype == torch.bfloat16 else plain)
    return item.copy() if isinstance(item, np.ndarray) else item
