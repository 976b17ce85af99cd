"""Apply a torchvision `v2.Compose` and say what each of its random transforms drew for this case, and what became of the boxes.

    reseed(seed, *key)
    told = apply_and_tell(transform, item)
    print(*told.drawn, sep="\\n")

A transform of torchvision draws in `make_params`, from torch's own random numbers, and forgets. This module listens: it notes what
`make_params` returned, what went in and what came out. It draws nothing itself.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_leaves, tree_map
from torchvision import tv_tensors
from torchvision.transforms import v2

from radlearn.augmentation.drawn import PICTURE_AXES, Drawn, Told, Value
from radlearn.augmentation.numbers import intensity_law, rounded, turn_values

Values = dict[str, Value]


def apply_and_tell(transform: v2.Transform, item: Any) -> Told:
    """Apply a transform step by step and tell what each random transform in it drew, and how many boxes were clipped or dropped.

    After the same `torch.manual_seed(seed)` the result is that of `transform(item)`, bit for bit.

    Args:
        transform: a `v2.Compose`; transforms inside `RandomApply`, `RandomChoice`, `RandomOrder` and `Lambda` are followed. A single
            transform is told like a `Compose` of it alone.
        item: what the transform takes, such as a dictionary with `tv_tensors`.

    Returns:
        The result; what was drawn, also by a transform that was not applied this time; and the item after each, with NumPy arrays. What
        this module does not know is told by what it did to the pixels, by the numbers of `make_params`, or by its name alone. Nothing
        here is ever an error; what the transform raises is raised.
    """
    drawn: list[Drawn] = []
    images: list[Any] = []
    for step in _steps(transform):
        with _listening(step) as calls:
            item = step(item)
        told = _told(step, calls, None)
        drawn += told
        images += [as_arrays(item)] * len(told)
    return Told(item, drawn, images)


def as_arrays(item: Any) -> Any:
    """Return a copy of an item with NumPy arrays in place of tensors."""
    return tree_map(lambda leaf: np.array(_plain(leaf)) if isinstance(leaf, torch.Tensor) else leaf, item)


class _Call:
    """One call of a transform, from its beginning to its end."""

    def __init__(self, inputs: tuple) -> None:
        # Copies: a transform may work in place.
        self.inputs = tree_map(_copied, inputs)
        self.outputs: Any = None
        self.params: dict[str, Any] = {}
        self.untouched, self.random = False, False
        self._numbers = torch.get_rng_state()

    def end(self, inputs: tuple, outputs: Any) -> None:
        self.random = not torch.equal(self._numbers, torch.get_rng_state())
        before, after = tree_leaves(inputs), tree_leaves(outputs)
        # A transform that decides against itself returns the very objects that it was given.
        self.untouched = len(before) == len(after) and all(old is new for old, new in zip(before, after, strict=True))
        self.outputs = tree_map(_copied, outputs)


Calls = dict[int, list[_Call]]


@contextmanager
def _listening(step: Any) -> Iterator[Calls]:
    """Note every call of a transform and of those inside it, by the transform's `id`, as long as the context lasts."""
    calls: Calls = {}
    stops: list[Callable[[], Any]] = []

    def listen(part: Any) -> None:
        if not isinstance(part, nn.Module) or id(part) in calls:
            return
        mine = calls[id(part)] = []
        before = part.register_forward_pre_hook(lambda _, inputs: mine.append(_Call(inputs)))
        after = part.register_forward_hook(lambda _, inputs, outputs: mine[-1].end(inputs, outputs))
        stops.extend((before.remove, after.remove))
        if isinstance(part, v2.Transform):
            make = part.make_params

            def made(flat_inputs: list[Any]) -> dict[str, Any]:
                mine[-1].params = make(flat_inputs)
                return mine[-1].params

            # An attribute of the object hides the method of its class, until it is deleted.
            own = "make_params" in vars(part)
            part.make_params = made  # type: ignore[method-assign]
            stops.append(lambda: setattr(part, "make_params", make) if own else delattr(part, "make_params"))
        for inside in _parts(part):
            listen(inside)

    try:
        listen(step)
        yield calls
    finally:
        for stop in stops:
            stop()


def _steps(transform: Any) -> Iterator[Any]:
    if type(transform) is v2.Compose:
        for part in transform.transforms:
            yield from _steps(part)
    else:
        yield transform


def _parts(transform: Any) -> list[nn.Module]:
    """Return the transforms inside a transform, or none if a plain function is among them, which cannot be listened to."""
    # A plain list, as RandomApply has it, is not among the children.
    inside = getattr(transform, "transforms", None)
    parts = list(transform.children() if inside is None else inside) if isinstance(transform, nn.Module) else []
    return parts if all(isinstance(part, nn.Module) for part in parts) else []


def _told(part: Any, calls: Calls, within: Any) -> list[Drawn]:
    """Tell of a transform and those inside it; `within` is what decides whether it is applied: RandomApply, RandomChoice or RandomOrder."""
    made = calls.get(id(part), [])
    if isinstance(part, v2.Lambda) and made and not any(isinstance(leaf, part.types) for leaf in tree_leaves(made[-1].inputs)):
        return [Drawn(_name(part), False, {"why": f"no {' or '.join(kind.__name__ for kind in part.types)} among its inputs"})]
    if inside := _parts(part):
        chooser = part if isinstance(part, v2.RandomApply | v2.RandomChoice | v2.RandomOrder) else within
        return [drawn for inner in inside for drawn in _told(inner, calls, chooser)]
    if not made:
        return [] if within is None else [Drawn(_name(part), False, _chance(within))]
    return [drawn for call in made for drawn in _told_call(part, call, within)]


def _told_call(part: Any, call: _Call, within: Any) -> list[Drawn]:
    if call.untouched and _chance(part):
        return [Drawn(_name(part), False, _chance(part))]
    read = next((_READERS[kind] for kind in type(part).__mro__ if kind in _READERS), None)
    if read is None and not call.random:
        return [] if within is None else [Drawn(_name(part), True, {"said": "applied"})]
    try:
        values = _numbers(part, call) if read is None else read(part, call)
    except (AttributeError, KeyError, IndexError, StopIteration, TypeError, ValueError):
        # Another release of torchvision may name its parameters otherwise: then nothing is told but the name.
        values = {}
    return [Drawn(_name(part), True, values)]


def _chance(part: Any) -> Values:
    p = getattr(part, "p", None)
    return {"probability": float(p)} if isinstance(p, int | float) else {}


def _name(part: Any) -> str:
    """Return the name of a transform; of a Lambda or RandomApply that of what is inside."""
    if isinstance(part, v2.Lambda):
        return _name(part.lambd)
    if isinstance(part, v2.RandomApply):
        return ", ".join(map(_name, part.transforms))
    function = getattr(part, "func", part)
    return getattr(function, "__name__", type(function).__name__)


def _affine(_: Any, call: _Call) -> Values:
    drawn = call.params
    values = turn_values(1, 0, drawn["angle"], PICTURE_AXES)
    values |= {"shifted_right_px": float(drawn["translate"][0]), "shifted_down_px": float(drawn["translate"][1])}
    values |= {"zoomed": rounded(drawn["scale"])}
    return values | {f"shear_{way}_degrees": rounded(angle) for way, angle in zip("xy", drawn["shear"], strict=True) if angle}


def _rotation(_: Any, call: _Call) -> Values:
    # Unlike RandomAffine's, this angle counts against the clock.
    return turn_values(0, 1, call.params["angle"], PICTURE_AXES)


def _hole(_: Any, call: _Call) -> Values:
    return {"holes_px": (tuple(int(call.params[name]) for name in "ijhw"),)}


def _blur(_: Any, call: _Call) -> Values:
    across, down = call.params["sigma"]
    return {"blurred_height_px": rounded(down), "blurred_width_px": rounded(across)}


def _jitter(_: Any, call: _Call) -> Values:
    # The order of the changes is drawn too, and says little.
    drawn = {name: rounded(float(factor)) for name, factor in call.params.items() if name.endswith("_factor") and factor is not None}
    return {"intensity_factor" if name == "brightness_factor" else name: factor for name, factor in drawn.items()}


def _clipped(_: Any, call: _Call) -> Values:
    before, after = _boxes(call.inputs), _boxes(call.outputs)
    return {"boxes": len(before), "boxes_clipped": int((before != after).any(axis=1).sum())}


def _dropped(_: Any, call: _Call) -> Values:
    before, after = _boxes(call.inputs), _boxes(call.outputs)
    return {"boxes": len(before), "boxes_dropped": len(before) - len(after)}


def _numbers(_: Any, call: _Call) -> Values:
    """Return the few numbers of `make_params`; without any, what the pixels tell."""
    values: Values = {}
    for name, value in call.params.items():
        numbers = np.asarray(_plain(value) if isinstance(value, torch.Tensor) else value)
        if numbers.dtype.kind in "iuf" and 0 < numbers.size <= 8:
            values[name] = rounded(numbers.item()) if numbers.size == 1 else tuple(map(rounded, numbers.ravel()))
    return values or intensity_law(_image(call.inputs), _image(call.outputs))


def _boxes(item: Any) -> np.ndarray:
    return next(_plain(leaf) for leaf in tree_leaves(item) if isinstance(leaf, tv_tensors.BoundingBoxes))


def _image(item: Any) -> np.ndarray:
    tensors = [leaf for leaf in tree_leaves(item) if isinstance(leaf, torch.Tensor)]
    return _plain(next((leaf for leaf in tensors if isinstance(leaf, tv_tensors.Image)), tensors[0]))


def _plain(tensor: torch.Tensor) -> np.ndarray:
    plain = tensor.detach().cpu().as_subclass(torch.Tensor)
    # NumPy has no bfloat16.
    return (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()


def _copied(leaf: Any) -> Any:
    return leaf.detach().clone() if isinstance(leaf, torch.Tensor) else leaf


_READERS: Mapping[type, Callable[[Any, _Call], Values]] = {
    v2.RandomHorizontalFlip: lambda _, call: {"mirrored": ("width",)},
    v2.RandomVerticalFlip: lambda _, call: {"mirrored": ("height",)},
    v2.RandomAffine: _affine,
    v2.RandomRotation: _rotation,
    v2.RandomErasing: _hole,
    v2.ColorJitter: _jitter,
    v2.GaussianNoise: lambda noise, call: {"noise_std": float(noise.sigma)},
    v2.GaussianBlur: _blur,
    v2.ClampBoundingBoxes: _clipped,
    v2.SanitizeBoundingBoxes: _dropped,
}
