"""Rectangles that were turned as they were drawn, which some programs write as the box before the turn with an angle beside it.

A finding lies within the box around the turned rectangle, and not within the one before the turn. In which direction it was turned does not
matter for the box around it.
"""

import math
from collections.abc import Sequence
from typing import Any

from radlearn.amounts import counted, verb_of
from radlearn.challenges.tables.csv_hints import finite_number

LEAST_DEGREES = 0.05
"Less is rounding: half of a thousand pixels is moved by less than one."
Box = tuple[float, float, float, float]


def box_around_turned(box: Box, degrees: float) -> Box:
    """Return the box around a rectangle (x0, y0, x1, y1) that is turned about its middle.

    >>> box_around_turned((60, 30, 100, 210), 90), box_around_turned((0, 0, 10, 20), 180)
    ((-10.0, 100.0, 170.0, 140.0), (0.0, 0.0, 10.0, 20.0))
    """
    x0, y0, x1, y1 = box
    sine, cosine = (abs(part) for part in (math.sin(math.radians(degrees)), math.cos(math.radians(degrees))))
    across, down = ((x1 - x0) * cosine + (y1 - y0) * sine) / 2, ((x1 - x0) * sine + (y1 - y0) * cosine) / 2
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    ends = (x - across, y - down, x + across, y + down)
    # Half a turn changes nothing, and its sine is not quite 0, nor is -0.
    x0, y0, x1, y1 = (round(end, 6) + 0.0 for end in ends)
    return x0, y0, x1, y1


def degrees_in(attributes: Any) -> float:
    """Return by how many degrees CVAT says that a rectangle was turned, in its attributes; 0 where it says nothing.

    >>> degrees_in({"occluded": False, "rotation": 60.0}), degrees_in({"rotation": "0"}), degrees_in(None)
    (60.0, 0.0, 0.0)
    """
    said = finite_number(str(attributes.get("rotation", ""))) if isinstance(attributes, dict) else 0.0
    turn = said % 180 if said == said else 0.0
    return turn if min(turn, 180 - turn) > LEAST_DEGREES else 0.0


def turned_words(places: Sequence[str]) -> str:
    """Say that rectangles were turned, and how they are read.

    Args:
        places: where each is written; at least one.
    """
    amount = f"{counted(len(places), 'rectangles')} that {verb_of(len(places), 'were')} turned {verb_of(len(places), 'are')} read"
    return f"{amount} as the box around {'it' if len(places) == 1 else 'each'}, such as {places[0]}."
