"""YOLO's pose labels: after the box of each line stand key points, as x and y, or as x, y and whether they are seen (0, 1 or 2).

Such lines are as long as those of polygons, and only `kpt_shape` in `data.yaml` says which they are.

Source: docs.ultralytics.com/datasets/pose.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from radlearn.challenges.first_tables.boxes.marked_images import ROUNDING_SHARE
from radlearn.challenges.first_tables.boxes.plain_yaml import plain_yaml
from radlearn.challenges.tables.csv_hints import finite_number

BOX_WORDS = 5
SEEN = {0.0, 1.0, 2.0}
POINTS = re.compile(r"[1-9][0-9]{0,3}")
FEWEST, SPIKES = 2, 0.5
"Lines, and the share of them whose second corner, were they polygons, would be a spike far from all others."

Shape = tuple[int, int]


def key_points_in(files: Sequence[Path]) -> Shape | None:
    """Return how many key points an object has and how many numbers each of them, where one of some files says so."""
    for path in files:
        said = plain_yaml(path)
        match said.get("kpt_shape") if isinstance(said, dict) else None:
            case [str(points), "2" | "3" as numbers] if POINTS.fullmatch(points):
                return int(points), int(numbers)
    return None


def without_points(words: Sequence[str], shape: Shape | None) -> tuple[Sequence[str], str]:
    """Return the class and the box of a line, and what is wrong with its length, where key points are declared."""
    if shape is None or len(words) <= BOX_WORDS:
        return words, ""
    points, numbers = shape
    if len(words) != BOX_WORDS + points * numbers:
        expected = f"{BOX_WORDS} of a box, and {points * numbers} more of the key points that kpt_shape: [{points}, {numbers}] declares"
        return words, f"has {len(words)} columns; expected {expected}."
    return words[:BOX_WORDS], ""


def undeclared_pose(lines: Mapping[str, Sequence[str]]) -> str:
    """Return a sentence where long lines are boxes with key points, which nothing declares; "" where they may be polygons.

    Args:
        lines: the words of each line, by where it stands.
    """
    values = {where: [finite_number(word) for word in words[1:]] for where, words in lines.items() if len(words) > BOX_WORDS + 1}
    if not values:
        return ""
    where, first = next(iter(values.items()))
    same_length = all(len(one) == len(first) for one in values.values())
    three = same_length and (len(first) - 4) % 3 == 0 and all(map(_is_seen_in_threes, values.values()))
    two = same_length and len(values) >= FEWEST and len(first) % 2 == 0 and all(_holds(one, one[4:]) for one in values.values())
    spikes = sum(not _holds(one, one[2:4]) for one in values.values())
    if not three and not (two and spikes >= SPIKES * len(values)):
        return ""
    numbers = 3 if three else 2
    shape = f"kpt_shape: [{(len(first) - 4) // numbers}, {numbers}]"
    return (
        f"{where}: looks like a box with key points, as YOLO has them for poses, and not like a polygon, and no data.yaml says so. "
        f"Write {shape} into data.yaml beside the images, or keep the first {BOX_WORDS} columns."
    )


def _is_seen_in_threes(values: Sequence[float]) -> bool:
    """Whether after the box come points of three numbers, the third of which says whether it is seen; those that are lie in the box."""
    if any(seen not in SEEN for seen in values[6::3]):
        return False
    seen = [number for number in range(4, len(values), 3) if values[number + 2]]
    rest = [number for number in range(4, len(values), 3) if not values[number + 2]]
    lost = all(values[number] == values[number + 1] == 0 for number in rest)
    return bool(seen) and lost and _holds(values, [value for number in seen for value in values[number : number + 2]])


def _holds(box: Sequence[float], points: Sequence[float]) -> bool:
    """Whether all points, x and y by turns, lie in the box of a centre and a size; by rounding, a little beyond."""
    middle, half = box[:2], [side / 2 + ROUNDING_SHARE for side in box[2:4]]
    return all(abs(value - middle[number % 2]) <= half[number % 2] for number, value in enumerate(points))
