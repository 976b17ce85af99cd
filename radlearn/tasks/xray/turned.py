"""Says where most of the X-rays that a command reads lie turned: an export that transposes its arrays turns all of them alike."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from radlearn.amounts import begun, part_of, verb_of
from radlearn.challenges.xray_case import XrayCase
from radlearn.file_names import called, readable
from radlearn.progress import say
from radlearn.scans.look_alikes import thumbnail_of
from radlearn.scans.way_up import most_lie, way_up

MOST_LOOKED_AT = 200
"Of the X-rays of a data set, evenly: tens of thousands would take half a minute."


class SquareXray(Protocol):
    """An X-ray as a square, as `radiographs.PreparedRadiograph` is."""

    @property
    def case(self) -> XrayCase: ...
    @property
    def pixels(self) -> np.ndarray: ...
    @property
    def canvas_px(self) -> tuple[int, int]: ...
    @property
    def source_px(self) -> tuple[int, int] | None: ...


def way_of(xray: SquareXray) -> str:
    """Return how an X-ray lies, as `way_up`."""
    return way_up(thumbnail_of(_without_margins(xray)))


def say_turned(ways: Mapping[str, str]) -> None:
    """Say in which way most X-rays lie, name → way; nothing where most are upright."""
    way, count = most_lie(list(ways.values()))
    if way:
        example = readable(Path(next(name for name, its in ways.items() if its == way)).name)
        amount = (
            f"{example} looks {way}"
            if len(ways) == 1
            else (f"{begun(part_of(count, len(ways), 'X-rays'))} {verb_of(count, 'look')} {way}, such as {example}")
        )
        say(
            f"{amount}. Look at it in a viewer. If so, turn pixels and boxes, and save them again: what was learnt from upright X-rays "
            "does not hold for turned ones, nor the other way round.",
            style="yellow",
        )


def say_where_turned(xrays: Sequence[SquareXray]) -> None:
    """Say in which way most X-rays of a data set lie, of a sample where there are many; nothing where most are upright."""
    numbers = np.linspace(0, len(xrays) - 1, min(len(xrays), MOST_LOOKED_AT)).astype(int)
    say_turned({called(xrays[number].case.path): way_of(xrays[number]) for number in numbers})


def _without_margins(xray: SquareXray) -> np.ndarray:
    """Return the square (height, width) without what was padded: two black bars say nothing of a chest."""
    pixels = xray.pixels[0]
    if xray.source_px is None:
        return pixels
    insets = [
        int(len(pixels) * (canvas - source) / 2 / canvas + 0.5) for canvas, source in zip(xray.canvas_px, xray.source_px, strict=True)
    ]
    down, right = insets
    return pixels[down : len(pixels) - down, right : len(pixels) - right]
