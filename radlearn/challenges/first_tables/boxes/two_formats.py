"""Boxes of one folder in several formats: those of one are read, so that the others must say the same.

A folder that was exported twice, or by two readers, has COCO beside Pascal VOC, or XML beside YOLO's text files. Which of them is right
nobody can tell from the files; and an image of which one says nothing, and the other has boxes, would be left out or count as normal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from radlearn.amounts import counted
from radlearn.challenges.first_tables.boxes.found_marks import NO_TRUTH
from radlearn.challenges.first_tables.boxes.marked_images import FIRST, ROUNDING_SHARE, Box, Marked
from radlearn.challenges.folders import within
from radlearn.challenges.words.class_denials import denying
from radlearn.challenges.words.class_spellings import written_alike

ROUNDING_PX = 2.0
"Pascal VOC counts pixels from 1 and in whole ones, and shares have few decimals: a corner differs by that much."
MOVE = "Nothing says which is right: move the files of one of the two away"
Named = tuple[str, Box]


def hold_against(read: Marked, others: Sequence[Marked]) -> None:
    """Note among the troubles of the boxes that are read where those of another format say something else, and that others are there."""
    mine = _in_pixels(read)
    for other in others:
        away = f"There are boxes as {read.called} and as {other.called}"
        if other.troubles and all(NO_TRUTH in trouble for trouble in other.troubles):
            read.assumed.append(f"Boxes as {other.called} are left out: they have confidences, so they are what a network found.")
        elif other.troubles:
            found = f"{away}; the latter cannot be held against the former ({other.troubles[0].rstrip('.')})"
            read.troubles.append(f"{found}. {MOVE}.")
        else:
            _compare(read, other, mine, away)


def _compare(read: Marked, other: Marked, mine: Mapping[Path, Sequence[Named]], away: str) -> None:
    theirs = _in_pixels(other)
    either = sorted({*read.covered, *other.covered})
    apart = [path for path in either if not _agree(mine.get(path, ()), theirs.get(path, ()))]
    if not apart:
        more = sorted(other.covered - read.covered)
        alone = f"; of {counted(len(more), 'further images')} only the latter say that they have none" if more else ""
        same = f"Boxes as {other.called} lie there too and say the same of {counted(len(other.covered & read.covered), 'images')}{alone}"
        read.assumed.append(f"{same}: those as {read.called} are read.")
        return
    path = apart[0]
    has = [
        f"{counted(len(boxes.get(path, ())), 'boxes')} as {marked.called}" if path in marked.covered else f"nothing as {marked.called}"
        for marked, boxes in ((read, mine), (other, theirs))
    ]
    amount = f" of {counted(len(apart), 'images')}" if len(apart) > 1 else ""
    such = (
        f", such as {within(path, read.folder)}: {has[0]}, {has[1]}" if amount else f" of {within(path, read.folder)}: {has[0]}, {has[1]}"
    )
    lacking = [(marked, sum(path not in marked.covered for path in apart)) for marked in (read, other)]
    none = "".join(f" The files as {marked.called} say nothing of {count:,} of these." for marked, count in lacking if count and amount)
    read.troubles.append(f"{away}, and they differ on the boxes{amount}{such}.{none} {MOVE}.")


def _in_pixels(marked: Marked) -> dict[Path, list[Named]]:
    """Return the boxes of findings on each image, without changing what was read."""
    without = {name for name in denying({mark.name for marks in marked.images.values() for mark in marks}) if name.strip() != FIRST}
    # What is listed twice is written once.
    return {path: list(dict.fromkeys(boxes)) for path, boxes in replace(marked, troubles=[]).fitted([], without).items()}


def _agree(some: Sequence[Named], others: Sequence[Named]) -> bool:
    """Whether boxes are the same but for rounding, in any order, and their classes, where both have names."""
    left = list(others)
    for name, box in some:
        room = [max(ROUNDING_PX, ROUNDING_SHARE * (box[axis + 2] - box[axis])) for axis in (0, 1)] * 2
        found = next(
            (
                place
                for place, (called, ends) in enumerate(left)
                if all(abs(end - mine) <= most for end, mine, most in zip(ends, box, room, strict=True)) and _same_class(name, called)
            ),
            None,
        )
        if found is None:
            return False
        left.pop(found)
    return not left


def _same_class(name: str, other: str) -> bool:
    # A number is what a format without names has.
    return not name or not other or name.isdigit() or other.isdigit() or written_alike(name) == written_alike(other)
