"""One X-ray under two names: copied, re-encoded, turned, mirrored or inverted (`scans.same_xrays`)."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from radlearn.challenges.folders import within
from radlearn.challenges.xray_case import XrayCase
from radlearn.check.findings import Finding
from radlearn.check.radiographs import XrayFacts
from radlearn.scans.same_xrays import ORIENTATIONS, groups, same_xrays

ROUNDED_PX = 1.0
"Tables round boxes."


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
