"""What a random transform drew for one case, as numbers with units and in words.

Random augmentation hides its numbers: an X-ray comes out rotated, and nothing says by how much. `Drawn` says it. MONAI's transforms are
told by `radlearn.monai_parts.drawn`, torchvision's by `radlearn.tasks.detection.drawn`, and `radlearn.pictures.augmentation` draws both.

Numbers describe what is seen in the image, not the parameter of a library: MONAI's scale of 1.25 makes things smaller, because its
matrix leads from the output back to the input, so it is told as a zoom of 0.80. Directions are those of the array's axes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Value = float | str | tuple


@dataclass(frozen=True)
class Axis:
    """An axis of an image: the direction in which its index rises, the opposite one, and what a length along it is called."""

    toward: str
    away: str
    length: str


# Arrays (rows, columns), as an image hangs: row 0 at the top, column 0 at the left.
PICTURE_AXES = (Axis("down", "up", "height"), Axis("right", "left", "width"))
# Volumes in DICOM's patient axes, as radlearn prepares CTs: to the patient's left, to the back, to the head.
LPS_AXES = (Axis("left", "right", "right_left"), Axis("back", "front", "front_back"), Axis("head", "feet", "feet_head"))
_OPPOSITE = {axis.toward: axis.away for axis in (*PICTURE_AXES, *LPS_AXES)}


@dataclass(frozen=True)
class Drawn:
    """What one transform drew. `str()` gives it in words.

    `values` are empty where nothing can be read. Of a transform that was not applied they are its `probability`, or `why`. Otherwise a
    name says direction and unit. Positions and indices count from 0, in the order of the array's axes, and so do sizes:

        mirrored                   axes, such as ("right_left",)
        rotated_clockwise_degrees  of an image; of a volume rotated_clockwise_from_feet_degrees, or about its other axes
                                   rotated_FROM_to_TO_degrees, one after the other in the order given
        shifted_DIRECTION_UNIT     of the image's centre, after rotation and zoom; UNIT is px or voxels
        zoomed, zoomed_LENGTH      above 1, things become larger
        sheared                    pixels to the side per pixel
        gamma                      the power to which intensities are raised
        contrast_factor            of the distance from the image's mean
        intensity_factor, intensity_shift, noise_std, blurred_LENGTH_UNIT, bent_std_px, bent_every_px
        holes_UNIT, kept_UNIT      blocks that were filled, or that alone were kept: (*first index, *size) each
        patch_UNIT                 size of the patch that was cut out; patch_first, patch_centre; patch_for, the voxel that was drawn
                                   for its centre, and patch_of, the class of that voxel
        boxes, boxes_clipped, boxes_dropped
    """

    transform: str
    applied: bool
    values: Mapping[str, Value]
    # Which patch it was drawn for, where a crop has cut several from one case: its index, from 0.
    sample: tuple[int, ...] = ()

    def __str__(self) -> str:
        if not self.applied:
            reasons = [f"{name} {value:g}" if name == "probability" else str(value) for name, value in self.values.items()]
            return f"not applied ({', '.join(reasons)})" if reasons else "not applied"
        if not self.values:
            return "drew something that cannot be read"
        return drawn_words(self.values)


class Told(NamedTuple):
    """A transformed case, and how it came about."""

    result: Any
    # In the order in which they were applied.
    drawn: list[Drawn]
    # The case as each of `drawn` left it, with NumPy arrays in place of tensors.
    images: list[Any]


def drawn_words(values: Mapping[str, Value]) -> str:
    """Return the values of an applied transform in words; values without words of their own are written as they are named.

    >>> drawn_words({"rotated_clockwise_degrees": 6.24, "shifted_right_px": 3.1, "shifted_down_px": -1.0, "zoomed": 0.94})
    'rotated 6.2° clockwise, shifted 3.1 px right and 1.0 px up, zoomed 0.94'
    >>> drawn_words({"alpha_value": 0.25})
    'alpha value 0.25'
    """
    left, phrases = dict(values), []
    for begins, speak in _PHRASES:
        mine = {name: left.pop(name) for name in list(left) if name.startswith(begins)}
        phrases.append(speak(mine) if mine else "")
    phrases += [f"{name.replace('_', ' ')} {_plain(value)}" for name, value in left.items()]
    return ", ".join(phrase for phrase in phrases if phrase) or "unchanged"


def _size(size: Sequence[int]) -> str:
    return "×".join(f"{length:g}" for length in size)


def _place(index: Sequence[int]) -> str:
    return f"row {index[0]}, column {index[1]}" if len(index) == 2 else f"({', '.join(map(str, index))})"


def _plain(value: Value) -> str:
    if isinstance(value, tuple):
        return " × ".join(map(_plain, value))
    return value if isinstance(value, str) else f"{value:.3g}"


def _factors(value: Value) -> str:
    return " and ".join(f"{one:.2f}" for one in (value if isinstance(value, tuple) else (value,)))


def _unit(name: str) -> str:
    return name.rsplit("_", 1)[-1]


def _along(name: str, begins: str) -> str:
    """Return " in width" or " right–left" for the length that a name ends with; "" where it has none."""
    length = name.removeprefix(begins).removesuffix("_px").removesuffix("_voxels").strip("_")
    return "" if not length else f" {length.replace('_', '–')}" if "_" in length else f" in {length}"


def _mirrored(values: Mapping[str, Any]) -> str:
    names = {"height": "up–down", "width": "left–right", "right_left": "left–right"}
    return "mirrored " + " and ".join(names.get(axis, axis.replace("_", "–")) for axis in values["mirrored"])


def _rotated(values: Mapping[str, Any]) -> str:
    turns = []
    for name, degrees in values.items():
        start, _, end = name.removeprefix("rotated_").removesuffix("_degrees").partition("_to_")
        way = "clockwise" if degrees > 0 else "anticlockwise"
        if end:
            way = f"from {start} to {end}" if degrees > 0 else f"from {end} to {start}"
        if abs(degrees) >= 0.05:
            turns.append(f"{abs(degrees):.1f}° {way}{' seen from the feet' * name.endswith('from_feet_degrees')}")
    return "rotated " + ", then ".join(turns) if turns else ""


def _shifted(values: Mapping[str, Any]) -> str:
    ways = []
    for name, far in sorted(values.items(), key=lambda item: "down" in item[0]):
        way = name.split("_")[1]
        if abs(far) >= 0.05:
            ways.append(f"{abs(far):.1f} {_unit(name)} {way if far > 0 else _OPPOSITE.get(way, f'against {way}')}")
    return "shifted " + " and ".join(ways) if ways else ""


def _zoomed(values: Mapping[str, Any]) -> str:
    zooms = {name: f"{zoom:.2f}" for name, zoom in values.items() if abs(zoom - 1) >= 0.005}
    if len(zooms) == len(values) and len(set(zooms.values())) == 1:
        return f"zoomed {next(iter(zooms.values()))}"
    return "zoomed " + ", ".join(f"{zoom}{_along(name, 'zoomed')}" for name, zoom in zooms.items()) if zooms else ""


def _intensity(values: Mapping[str, Any]) -> str:
    factor, shift = values.get("intensity_factor", 1.0), values.get("intensity_shift", 0.0)
    said = [] if np.all(np.abs(np.subtract(factor, 1)) < 0.005) else [f"× {_factors(factor)}"]
    if not np.all(np.abs(shift) < 0.0005):
        shifts = shift if isinstance(shift, tuple) else (shift,)
        said.append(" and ".join(f"{'+' if one >= 0 else '−'} {abs(one):.2g}" for one in shifts))
    return "intensities " + " ".join(said) if said else ""


def _blurred(values: Mapping[str, Any]) -> str:
    each = ", ".join(f"{std:.2f}{_along(name, 'blurred')}" for name, std in values.items())
    return f"blurred, standard deviation in {_unit(next(iter(values)))} {each}"


def _bent(values: Mapping[str, Any]) -> str:
    return f"bent by {values['bent_std_px']:.1f} px (standard deviation) at points {_size(values['bent_every_px'])} px apart"


def _blocks(word: str) -> Callable[[Mapping[str, Any]], str]:
    def speak(values: Mapping[str, Any]) -> str:
        ((name, blocks),) = values.items()
        many = f"{len(blocks)} {word}{'s' * (len(blocks) != 1)}"
        each = "; ".join(f"{_size(block[len(block) // 2 :])} {_unit(name)} at {_place(block[: len(block) // 2])}" for block in blocks)
        return f"{many}: {each}" if blocks else f"no {word}"

    return speak


def _patch(values: Mapping[str, Any]) -> str:
    size = next((f"patch of {_size(size)} {_unit(name)}" for name, size in values.items() if name in ("patch_px", "patch_voxels")), "patch")
    centre, wanted, kind = values.get("patch_centre"), values.get("patch_for"), values.get("patch_of")
    if centre is None:
        return f"{size}, first {_place(values['patch_first'])}" if "patch_first" in values else size
    said = f"{size}, centre {_place(centre)}"
    if kind is None:
        return said
    return f"{said}, in the {kind}" if wanted in (None, centre) else f"{said}, moved inside from {_place(wanted)}, in the {kind}"


def _boxes(values: Mapping[str, Any]) -> str:
    for name, word in (("boxes_clipped", "clipped at the border"), ("boxes_dropped", "dropped")):
        if name in values:
            many, of = round(values[name]), round(values["boxes"])
            return "no box" if not of else f"{many if many else 'none'} of {of} box{'es' * (of != 1)} {word}"
    return ""


# The beginnings of the names of values, and how those values are said, in the order in which they are said.
_PHRASES: tuple[tuple[str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("said", lambda values: str(values["said"])),
    ("mirrored", _mirrored),
    ("rotated_", _rotated),
    ("shifted_", _shifted),
    ("zoomed", _zoomed),
    ("sheared", lambda values: f"sheared {_plain(values['sheared'])}"),
    ("gamma", lambda values: f"gamma {values['gamma']:.2f}"),
    ("contrast_", lambda values: f"contrast × {_factors(values['contrast_factor'])}"),
    ("intensity_", _intensity),
    ("noise_std", lambda values: f"noise, standard deviation {values['noise_std']:.2g}"),
    ("blurred_", _blurred),
    ("bent_", _bent),
    ("holes_", _blocks("hole")),
    ("kept_", _blocks("kept block")),
    ("patch_", _patch),
    ("boxes", _boxes),
)
