"""One X-ray under two names: copied, re-encoded, turned, mirrored or inverted.

Every X-ray is compared with every other by its fingerprint (`scans.look_alikes`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radlearn.challenges.folders import within
from radlearn.challenges.xray_case import XrayCase
from radlearn.check.findings import Finding
from radlearn.check.radiographs import XrayFacts
from radlearn.scans.look_alikes import SAME_ABOVE, fingerprints

CANDIDATE_ABOVE = 0.92
NUMBERS = 128
"Numbers of an X-ray that the search compares: a random projection of its fingerprint, exact to about 0.01 where X-rays are alike."
ROWS_AT_ONCE = 512
ROUNDED_PX = 1.0
"Tables round boxes."
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
            likeness = _projected(oriented(rows, orientation), projection) @ known[start:].T
            for row, column in zip(*np.nonzero(np.abs(likeness) > CANDIDATE_ABOVE), strict=True):
                if column <= row:
                    continue
                first, second = start + int(row), start + int(column)
                exact = _likeness(oriented(thumbnails[first], orientation), thumbnails[second])
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


def duplicate_findings(facts: Sequence[XrayFacts], cases: Mapping[Path, XrayCase], root: Path) -> Iterator[Finding]:
    """Yield X-rays that are under two names: an error where the two are two people's, labelled or boxed otherwise, else a warning."""
    by_digest: dict[bytes, list[XrayFacts]] = {}
    for xray in facts:
        if not xray.trouble:
            by_digest.setdefault(xray.digest, []).append(xray)
    for xrays in by_digest.values():
        if len(xrays) > 1:
            yield _of_group(xrays, "have the same content, byte for byte", "file-twice", cases, root, same_place=True)
    seen = [xrays[0] for xrays in by_digest.values() if xrays[0].thumbnail is not None]
    pairs = same_xrays(np.stack([xray.thumbnail for xray in seen])) if len(seen) > 1 else []  # type: ignore[misc]
    for numbers, how in groups(pairs):
        group = [seen[number] for number in numbers]
        sizes = {one.header.size_px if one.header else None for one in group}
        # In a copy that is turned, or of another size, the same box has other numbers.
        same_place = how.removesuffix(", as a negative") == ORIENTATIONS[0] and len(sizes) == 1
        yield _of_group(group, f"show one and the same X-ray, {how}", "image-twice", cases, root, same_place)


def _of_group(
    xrays: Sequence[XrayFacts], how: str, rule: str, cases: Mapping[Path, XrayCase], root: Path, same_place: bool = False
) -> Finding:
    known = [cases[xray.path] for xray in xrays if xray.path in cases]
    labels = {case.labels or case.label for case in known}
    clash = " of two people" * (len({case.person for case in known}) > 1) + " with two labels" * (len(labels) > 1)
    names = sorted(within(xray.path, root) for xray in xrays)
    others = f"{names[0]} and {', '.join(names[1:4])}{' …' if len(names) > 4 else ''}"
    if not clash and same_place and any(_boxes_differ(known[0], other) for other in known[1:]):
        return Finding("image-other-boxes", names[0], f"{others} {how}; their boxes differ", tuple(names[1:]))
    return Finding("image-other-person" if clash else rule, names[0], f"{others} {how}{';' + clash if clash else ''}", tuple(names[1:]))


def _boxes_differ(one: XrayCase, other: XrayCase) -> bool:
    first, second = sorted(one.boxes_xyxy_px), sorted(other.boxes_xyxy_px)
    return len(first) != len(second) or not np.allclose(first, second, rtol=0, atol=ROUNDED_PX)


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    first, second = fingerprints(np.stack([one, other]))
    return float(first @ second)


def _projected(thumbnails: np.ndarray, projection: np.ndarray) -> np.ndarray:
    """Return `NUMBERS` numbers an X-ray, at length 1."""
    starts = range(0, len(thumbnails), ROWS_AT_ONCE)
    numbers = np.concatenate([fingerprints(thumbnails[start : start + ROWS_AT_ONCE]) @ projection for start in starts])
    lengths = np.linalg.norm(numbers, axis=1, keepdims=True)
    return np.where(lengths > 0, numbers / np.maximum(lengths, 1e-9), 0).astype(np.float32)
