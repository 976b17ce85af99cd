"""Boxes, persons and what else a table says of labelled X-rays, checked against the X-rays themselves: their size and their headers."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from radlearn.amounts import counted, verb_of
from radlearn.challenges.box_edges import box_words, cut_off
from radlearn.challenges.first_tables.boxes.marked_images import orientation_of
from radlearn.challenges.folders import within
from radlearn.challenges.header_persons import (
    SEVERAL_PEOPLE,
    STUDY_FIELDS,
    of_other_rows,
    of_two_people,
    patients_of_several,
    studies_of_several,
)
from radlearn.challenges.readings.box_grids import grid_words
from radlearn.challenges.readings.resized_images import of_other_sizes
from radlearn.challenges.xray_case import XrayCase, size_words, told_otherwise
from radlearn.check.findings import Finding
from radlearn.check.radiographs import XrayFacts
from radlearn.metrics.boxes import iou

TINY_PX, TINY_SHARE = 8.0, 0.01
"Of the X-ray's side; the smallest box of the Kaggle pneumonia challenge is 40 of 1024 px."
HUGE_SHARE = 0.7
"Of the X-ray's area; the challenge's largest possible is 0.47."
SIZES_SHOWN = 3
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
    sound = [(case, header.size_px) for case in cases if case.path in facts and (header := facts[case.path].header) is not None]
    if resized := of_other_sizes([case for case, _ in sound], [size for _, size in sound]):
        sizes = Counter(f"{width} × {height}" for _, (height, width) in resized)
        told = ", ".join(f"{size} px ({count:,})" for size, count in sizes.most_common(SIZES_SHOWN)) + ", …" * (len(sizes) > SIZES_SHOWN)
        files = [within(case.path, root) for case, _ in resized]
        amount = f"{counted(len(resized), 'X-rays')} with boxes {verb_of(len(resized), 'are')}"
        found = f"{amount} {told}; the challenge's boxes are in pixels of 1024 × 1024"
        yield Finding("box-size", files[0], found, tuple(files[1:]))
    else:
        yield from _on_a_smaller_grid(cases, facts)
    headers = [facts[case.path].header if case.path in facts else None for case in cases]
    patient_ids = ["" if header is None else header.patient_id for header in headers]
    for people in patients_of_several(cases, patient_ids):
        files = [within(case.path, root) for case in people.values()]
        found = f"its PatientID is on X-rays of {counted(len(people), 'people')} ({', '.join(sorted(people)[:4])})"
        yield Finding("persons-header", files[0], found, tuple(files[1:]))
    known = [
        case if header is None else replace(case, sex=header.sex or case.sex, age_years=header.age_years or case.age_years)
        for case, header in zip(cases, headers, strict=True)
    ]
    for one, other in of_two_people(known):
        both = "a woman and a man" if {one.sex, other.sex} == {"F", "M"} else f"{one.age_years:g} and {other.age_years:g} years old"
        files = [within(case.path, root) for case in (one, other)]
        yield Finding("persons-header", files[0], f"its person is {both}: {SEVERAL_PEOPLE}", (files[1],))
    for people in studies_of_several(cases, headers):
        files = [within(case.path, root) for case in people.values()]
        found = f"its examination ({STUDY_FIELDS}) is of {counted(len(people), 'people')} ({', '.join(sorted(people)[:4])})"
        yield Finding("persons-study", files[0], found, tuple(files[1:]))
    own = [(case, patient) for case, patient in zip(cases, patient_ids, strict=True) if case.data_folder is None]
    if others := of_other_rows([case for case, _ in own], [patient for _, patient in own]):
        files = [within(case.path, root) for case in others]
        amount = f"{counted(len(files), 'X-rays')} {verb_of(len(files), 'have')}"
        yield Finding("header-exchanged", files[0], f"{amount} the patientId of another row as PatientID", tuple(files[1:]))


def _on_a_smaller_grid(cases: Sequence[XrayCase], facts: Mapping[Path, XrayFacts]) -> Iterator[Finding]:
    """Yield a finding where all boxes lie in one corner, as those that were drawn on smaller copies do."""
    read = [(case, facts[case.path].header) for case in cases if case.path in facts and not facts[case.path].trouble]
    if words := grid_words([(case.boxes_xyxy_px, header.size_px) for case, header in read if header is not None]):
        yield Finding("box-grid", "", words)


def _boxes_of(case: XrayCase, size_px: tuple[int, int], name: str) -> Iterator[Finding]:
    height, width = size_px
    if words := size_words(case, size_px):
        yield Finding("box-table-size", name, words, boxes_xyxy_px=case.boxes_xyxy_px)
    for x0, y0, x1, y1 in case.boxes_xyxy_px:
        box, drawn = f"the box {box_words((x0, y0, x1, y1))}", ((x0, y0, x1, y1),)
        if cut_off((x0, y0, x1, y1), size_px) is None:
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
