"""Which of many X-rays are one and the same: every one is compared with every other by its fingerprint (`scans.look_alikes`)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from radlearn.scans.look_alikes import SAME_ABOVE, fingerprints, likeness

CANDIDATE_ABOVE = 0.92
NUMBERS = 128
"Numbers of an X-ray that the search compares: a random projection of its fingerprint, exact to about 0.01 where X-rays are alike."
ROWS_AT_ONCE = 512
ORIENTATIONS = (
    "the same way round", "turned by 90°", "turned by 180°", "turned by 270°",
    "mirrored and turned", "upside down in a mirror", "mirrored and turned", "mirrored",
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Two X-rays, by their numbers, that are one; `how` the second shows what the first does."""

    first: int
    second: int
    how: str


def oriented(thumbnails: np.ndarray, orientation: int) -> np.ndarray:
    """Return thumbnails (..., side, side) turned by 0 to 3 quarters, and from 4 on mirrored about the diagonal first."""
    turned = np.swapaxes(thumbnails, -1, -2) if orientation >= 4 else thumbnails
    return np.rot90(turned, orientation % 4, axes=(-2, -1))


def same_xrays(thumbnails: np.ndarray) -> list[Pair]:
    """Return all pairs of X-rays that are one, in whatever orientation and polarity.

    Every X-ray is compared with every other, in all eight orientations: a matter of seconds for the whole challenge, because an X-ray is
    128 numbers in that search; what comes near is compared in full. `thumbnails` are uint8 (X-rays, side, side).
    """
    if len(thumbnails) < 2:
        return []
    projection = np.random.default_rng(0).standard_normal((thumbnails[0].size, NUMBERS)).astype(np.float32)
    known = _projected(thumbnails, projection)
    found: dict[tuple[int, int], tuple[float, Pair]] = {}
    for start in range(0, len(thumbnails), ROWS_AT_ONCE):
        rows = thumbnails[start : start + ROWS_AT_ONCE]
        for orientation in range(len(ORIENTATIONS)):
            near = np.abs(_projected(oriented(rows, orientation), projection) @ known[start:].T) > CANDIDATE_ABOVE
            for row, column in zip(*np.nonzero(near), strict=True):
                if column <= row:
                    continue
                first, second = start + int(row), start + int(column)
                exact = likeness(oriented(thumbnails[first], orientation), thumbnails[second])
                how = ORIENTATIONS[orientation] + (", as a negative" if exact < 0 else "")
                if abs(exact) > max(SAME_ABOVE, found.get((first, second), (0.0, None))[0]):
                    found[first, second] = abs(exact), Pair(first, second, how)
    return [pair for _, (_, pair) in sorted(found.items())]


def groups(pairs: list[Pair]) -> Iterator[tuple[list[int], str]]:
    """Yield the numbers of X-rays that are all one, and how they show it: three copies are one group, not three pairs."""
    leader: dict[int, int] = {}

    def lead(xray: int) -> int:
        while leader.setdefault(xray, xray) != xray:
            xray = leader[xray]
        return xray

    for pair in pairs:
        leader[max(lead(pair.first), lead(pair.second))] = min(lead(pair.first), lead(pair.second))
    members: dict[int, list[int]] = {}
    for xray in sorted(leader):
        members.setdefault(lead(xray), []).append(xray)
    hows: dict[int, set[str]] = {}
    for pair in pairs:
        hows.setdefault(lead(pair.first), set()).add(pair.how)
    for first, xrays in members.items():
        yield xrays, ", or ".join(sorted(hows[first]))


def _projected(thumbnails: np.ndarray, projection: np.ndarray) -> np.ndarray:
    """Return `NUMBERS` numbers an X-ray, at length 1."""
    starts = range(0, len(thumbnails), ROWS_AT_ONCE)
    numbers = np.concatenate([fingerprints(thumbnails[start : start + ROWS_AT_ONCE]) @ projection for start in starts])
    lengths = np.linalg.norm(numbers, axis=1, keepdims=True)
    return np.where(lengths > 0, numbers / np.maximum(lengths, 1e-9), 0).astype(np.float32)
