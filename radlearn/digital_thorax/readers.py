"""Three simulated readers, who miss faint opacities, merge neighbouring ones, and draw boxes that are too large and inexact.

The labels of the real challenge are such readings, not the exact truth. Three readers with different habits read every X-ray; an opacity
that at least two of them saw gets a box, the mean of theirs. So the faintest opacities have no box, boxes are about ten percent larger
than the shadow, and no two readers agree to the pixel: a correct detection may not score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Reader:
    """A reader's habits: sensitivity, and how far outside a shadow the box is drawn."""

    watchfulness: float
    margin: float


READERS = (Reader(0.35, 0.058), Reader(0.0, 0.040), Reader(-0.35, 0.028))
"""The readers of every X-ray: a sensitive, a typical and a strict one; `margin` is a share of the box's side, on each edge."""
AGREEMENT = 2
"""Readers who must see an opacity for it to get a box."""
HALF_SEEN_CONTRAST = 0.25
"""Attenuation × length that half of the readers see, where the shadow is 200 px large."""
NEIGHBOURS_PX = 60
"""Shadows this far apart are never merged."""


@dataclass(frozen=True)
class Opacity:
    """The truth of one opacity: its side, its maximum attenuation × length, and the exact box of its shadow."""

    side: str
    contrast: float
    box_xyxy_px: Box | None


@dataclass(frozen=True)
class Reading:
    """The consensus of the three readers.

    Attributes:
        boxes_xyxy_px: the consensus boxes, whole pixels, x1 and y1 exclusive.
        seen_by: number of readers who saw each opacity, in the order given.
    """

    boxes_xyxy_px: tuple[Box, ...]
    seen_by: tuple[int, ...]


def chance_of_seeing(contrast: float, box_xyxy_px: Box, watchfulness: float = 0.0) -> float:
    """Return the probability, 0 to 1, that a reader sees a shadow; it rises with contrast and with size.

    A logistic function of the logarithms of both, since contrast and size compensate each other in detection (Rose 1948, J Opt Soc Am
    38:196); its location and slope are this project's choice.
    """
    x0, y0, x1, y1 = box_xyxy_px
    size = np.sqrt(max(x1 - x0, 1) * max(y1 - y0, 1))
    odds = 3.4 * np.log(max(contrast, 1e-3) / HALF_SEEN_CONTRAST) + 1.8 * np.log(size / 200.0) + watchfulness
    return float(1 / (1 + np.exp(-odds)))


def read_xray(opacities: Sequence[Opacity], size_px: int, draw: np.random.Generator) -> Reading:
    """Return the three readers' reading of an X-ray; the same `draw` gives the same reading.

    Args:
        opacities: the truth; one without a box cannot be seen.
        size_px: side of the X-ray, to which boxes are clipped.
        draw: source of all random choices.
    """
    chances = np.array(
        [[chance_of_seeing(o.contrast, o.box_xyxy_px, r.watchfulness) if o.box_xyxy_px else 0.0 for o in opacities] for r in READERS]
    ).reshape(len(READERS), len(opacities))
    saw = draw.random(chances.shape) < chances
    seen_by = saw.sum(0)
    found = [number for number in range(len(opacities)) if seen_by[number] >= AGREEMENT]
    boxes = []
    for group in _joined(opacities, found, draw):
        exact = np.array([opacities[number].box_xyxy_px for number in group], float)
        whole = np.concatenate([exact[:, :2].min(0), exact[:, 2:].max(0)])
        # A reader who saw any part of a group draws one box around all of it.
        drawn = [_drawn(whole, reader, draw) for reader, their in zip(READERS, saw, strict=True) if their[group].any()]
        x0, y0, x1, y1 = np.mean(drawn, axis=0).round().astype(int).tolist()
        boxes.append((max(x0, 0), max(y0, 0), min(max(x1, 2), size_px), min(max(y1, 2), size_px)))
    return Reading(tuple(boxes), tuple(int(count) for count in seen_by))


def _joined(opacities: Sequence[Opacity], found: list[int], draw: np.random.Generator) -> list[list[int]]:
    """Return `found` in merged groups: neighbours on one side, the nearer the more likely."""
    groups: list[list[int]] = []
    for number in found:
        for group in groups:
            near = opacities[group[-1]]
            gap = _gap_px(near.box_xyxy_px, opacities[number].box_xyxy_px)
            if near.side == opacities[number].side and draw.random() < 0.8 * (1 - gap / NEIGHBOURS_PX):
                group.append(number)
                break
        else:
            groups.append([number])
    return groups


def _gap_px(one: Box | None, two: Box | None) -> float:
    if one is None or two is None:
        return float("inf")
    across, along = (max(one[axis], two[axis]) - min(one[axis + 2], two[axis + 2]) for axis in (0, 1))
    return float(max(across, along, 0))


def _drawn(exact: np.ndarray, reader: Reader, draw: np.random.Generator) -> np.ndarray:
    """Return a reader's box around a shadow: enlarged by the margin, each edge inexact."""
    x0, y0, x1, y1 = exact
    off = draw.normal(reader.margin, 0.038, 4) * [x1 - x0, y1 - y0, x1 - x0, y1 - y0]
    return exact + off * [-1, -1, 1, 1]
