"""Boxes, persons and what else a table says of labelled X-rays, checked against the X-rays themselves: their size and their headers."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from radlearn.amounts import counted
from radlearn.challenges.box_grids import grid_words
from radlearn.challenges.folders import within
from radlearn.challenges.header_persons import patients_of_several
from radlearn.challenges.marked_images import orientation_of
from radlearn.challenges.xray_case import XrayCase, told_otherwise
from radlearn.check.findings import Finding
from radlearn.check.radiographs import XrayFacts
from radlearn.metrics.boxes import iou

TINY_PX, TINY_SHARE = 8.0, 0.01
"Of the X-ray's side; the smallest box of the Kaggle pneumonia challenge is 40 of 1024 px."
HUGE_SHARE = 0.7
"Of the X-ray's area; the challenge's largest possible is 0.47."
DOUBLED_ABOVE = 0.85
"Intersection over union."


def box_findings(cases: Sequence[XrayCase], facts: Mapping[Path, XrayFacts], root: Path) -> Iterator[Finding]:
    """Yield boxes that are no good on their X-rays, and patients whose X-rays are several people's."""
    for case in cases:
        header = facts[case.path].header if case.path in facts else None
        if header is None or facts[case.path].trouble:
            continue
        yield from _boxes_of(case, header.size_px, within(case.path, root))
        if columns := told_otherwise(case, header):
            yield Finding(
                "header-other", within(case.path, root), f"its {' and '.join(columns)} in the table is another than in its header"
            )
        if case.boxes_xyxy_px and (turn := orientation_of(case.path)) != 1:
            yield Finding("box-turned", within(case.path, root), f"its EXIF orientation is {turn}", boxes_xyxy_px=case.boxes_xyxy_px)
    yield from _on_a_smaller_grid(cases, facts)
    headers = [facts[case.path].header if case.path in facts else None for case in cases]
    for people in patients_of_several(cases, ["" if header is None else header.patient_id for header in headers]):
        files = [within(case.path, root) for case in people.values()]
        found = f"its PatientID is on X-rays of {counted(len(people), 'people')} ({', '.join(sorted(people)[:4])})"
        yield Finding("persons-header", files[0], found, tuple(files[1:]))


def _on_a_smaller_grid(cases: Sequence[XrayCase], facts: Mapping[Path, XrayFacts]) -> Iterator[Finding]:
    """Yield a finding where all boxes lie in one corner, as those that were drawn on smaller copies do."""
    read = [(case, facts[case.path].header) for case in cases if case.path in facts and not facts[case.path].trouble]
    if words := grid_words([(case.boxes_xyxy_px, header.size_px) for case, header in read if header is not None]):
        yield Finding("box-grid", "", words)


def _boxes_of(case: XrayCase, size_px: tuple[int, int], name: str) -> Iterator[Finding]:
    height, width = size_px
    for x0, y0, x1, y1 in case.boxes_xyxy_px:
        box, drawn = f"the box x {x0:g}, y {y0:g}, width {x1 - x0:g}, height {y1 - y0:g}", ((x0, y0, x1, y1),)
        if x1 > width or y1 > height:
            yield Finding("box-outside", name, f"{box} reaches beyond the X-ray of {width} × {height} px", boxes_xyxy_px=drawn)
        elif min(x1 - x0, y1 - y0) < max(TINY_PX, TINY_SHARE * max(size_px)):
            yield Finding("box-tiny", name, f"{box} on an X-ray of {width} × {height} px", boxes_xyxy_px=drawn)
        elif (x1 - x0) * (y1 - y0) > HUGE_SHARE * width * height:
            share = (x1 - x0) * (y1 - y0) / (width * height)
            yield Finding("box-huge", name, f"{box} covers {share:.0%} of the X-ray", boxes_xyxy_px=drawn)
    for one, other in combinations(case.boxes_xyxy_px, 2):
        overlap = float(iou(np.array([one]), np.array([other]))[0, 0])
        if overlap > DOUBLED_ABOVE:
            found = f"two boxes at x {one[0]:g}, y {one[1]:g} and x {other[0]:g}, y {other[1]:g} overlap by {overlap:.0%}"
            yield Finding("box-doubled", name, found, boxes_xyxy_px=(one, other))
