"""Which way up a frontal chest X-ray lies, told by the X-ray alone: by its likeness to what such X-rays look like.

Beside the others of a folder an X-ray is told to be turned only where the others are not. An export that transposes its arrays, or begins
them at the bottom, turns every X-ray of a folder alike.

Of 410 upright X-rays (110 and 240 real ones of two hospitals, 60 built-in ones) none is called turned, and of these turned by 90°, 180° or
270° 94 % are. What is a negative is not judged. A chest is nearly its own mirror image, so that a mirrored X-ray is not told from another
one, nor one that is upside down from one that is turned by 180°.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from radlearn.amounts import begun, part_of, verb_of
from radlearn.file_names import readable
from radlearn.progress import say

SIDE = 16
_LEFT_HALF = (
    "000716345d7a8c901b3a5d7f8e8b9cad3874979f918598bc598faa9b766a92c9659fb1845c5f8bd268acaa735c5e90da69b3a2695b639ce069b59a6a626face7"
    "6bad936e6b7fbeed6da790687795c7f268a18a7485a7cff5629d8b80a3c0ddf756989ebfd6e2f0fc4593b8dce9f0f8fd3d99cbe3eff6fbff2890cce3eff5f9fc"
)
"Of the median of 60 built-in X-rays at 16 x 16 pixels and its mirror image, row by row; medians of real X-rays are 0.9 like it."
BY, LEAST_LIKE = 0.25, 0.4
"By how much an X-ray must resemble a chest more when it is turned, and how much it must then (1 is the same)."
WAYS = ("", "turned by 90°, with the head on the right", "upside down", "turned by 90°, with the head on the left")
"By how many quarters `numpy.rot90` has to turn an X-ray, counter-clockwise, until it is upright."
MOST = 2 / 3
"So many lie one way where all of them are said to."


def usual_chest() -> np.ndarray:
    """Return what an upright frontal chest X-ray looks like, float64 (16, 16), bright where the body is dense."""
    left = np.frombuffer(bytes.fromhex(_LEFT_HALF), np.uint8).reshape(SIDE, SIDE // 2).astype(float)
    return np.hstack([left, left[:, ::-1]])


def way_up(thumbnail: np.ndarray) -> str:
    """Return how an X-ray lies, one of `WAYS`: "" where it is upright, or where it is not plain that it is turned.

    Args:
        thumbnail: of `look_alikes.thumbnail_of`: the whole image, stretched to a square, bright where the body is dense.
    """
    part = len(thumbnail) // SIDE
    small = thumbnail.astype(float).reshape(SIDE, part, SIDE, part).mean((1, 3))
    like = [likeness(np.rot90(small, quarters), usual_chest()) for quarters in range(len(WAYS))]
    best = int(np.argmax(like))
    # A negative is unlike a chest in any position, and least so in a wrong one.
    is_plain = like[best] >= LEAST_LIKE and like[best] - like[0] > BY and -min(like) < like[best]
    return WAYS[best] if is_plain else ""


def most_lie(ways: Sequence[str]) -> tuple[str, int]:
    """Return the way in which most of many X-rays lie, and how many do; ("", 0) where most are upright, or lie in several ways."""
    way, count = Counter(ways).most_common(1)[0] if ways else ("", 0)
    return (way, count) if way and count >= MOST * len(ways) else ("", 0)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-9))


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
