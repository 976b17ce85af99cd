"""Tables against X-rays: every row that says something impossible, every X-ray that no row speaks of, every box that is none.

The rows themselves are read by `challenges.rsna`, which refuses what would train wrongly; here all of it is listed, and held against
what only the X-rays can tell: their size, their patients.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from radlearn.challenges import rsna, rsna_tables
from radlearn.challenges.rsna_folder import stem
from radlearn.check.findings import Finding
from radlearn.check.radiographs import XrayFacts, within
from radlearn.check.tables_alone import no_xrays, read_tables
from radlearn.metrics.boxes import iou

SPLIT_TABLE = "split.csv"
SPLIT_COLUMNS = (("image_id", "patientId", "case"), ("subset", "split", "set", "side"))
TINY_PX, TINY_SHARE = 8.0, 0.01
"Of the X-ray's side; the challenge's smallest box is 40 of 1024 px."
HUGE_SHARE = 0.7
"Of the X-ray's area; the challenge's largest possible is 0.47."
DOUBLED_ABOVE = 0.85
"Intersection over union."
RULE_OF_WORDS = (
    ("says the same as line", "row-repeated"),
    ("is not inside an image", "box-outside"),
    ("but the box is empty", "box-empty"),
    ("but there is a box", "label-contradiction"),
    (" here and ", "label-contradiction"),
    ("class is ", "class-contradiction"),
    ("are both called", "table"),
)
"Words of `challenges.rsna_tables` and the rule each belongs to; a row that cannot be read is of none of them."


def table_findings(folder: Path) -> tuple[list[rsna.Case], list[Finding]]:
    """Return the cases of an RSNA layout and what is wrong with its tables and the names of its X-rays."""
    root = rsna.layout_folder(folder) or folder
    if not (root / rsna.IMAGE_FOLDER).is_dir():
        cases, troubles, notes = read_tables(root)
        return cases, [*no_xrays(cases), *map(_of_line, troubles), *_person_findings(notes), *_split_findings(root, _persons(cases))]
    cases, troubles, notes = rsna.audit(folder)
    findings = [_of_line(line) for line in troubles if "have no file here" not in line]
    images, _ = rsna_tables.labels_in(rsna.LABELS_TABLE, rsna_tables.path_text(root / rsna.LABELS_TABLE)[0])
    there = {case.image_id for case in cases}
    for image_id, image in images.items():
        if image_id not in there:
            where = f"{rsna.LABELS_TABLE}, line {image.line}"
            findings.append(Finding("image-missing", where, f"{rsna.IMAGE_FOLDER}/{image_id}.dcm is not there"))
    for path in sorted((root / rsna.IMAGE_FOLDER).iterdir()):
        if path.name.lower().endswith(".dcm") and not path.name.startswith(".") and stem(path.name) not in images:
            findings.append(Finding("image-unlabelled", within(path, folder), f"has no row in {rsna.LABELS_TABLE}"))
    return cases, [*findings, *_person_findings(notes), *_split_findings(root, _persons(cases))]


def _persons(cases: Sequence[rsna.Case]) -> dict[str, str]:
    return {case.image_id: case.person for case in cases}


def _person_findings(notes: Sequence[str]) -> Iterator[Finding]:
    """Yield what is worth knowing of the table of persons."""
    if any(f"there is no {rsna.PERSONS_TABLE}" in note for note in notes):
        yield Finding("persons-none", rsna.PERSONS_TABLE, "is not there, so every image counts as a person of its own")
    for note in notes:
        if "does not list" in note:
            table, _, amount = note.partition(": ")
            yield Finding("persons-listed", table, amount)


def box_findings(cases: Sequence[rsna.Case], facts: Mapping[Path, XrayFacts], root: Path) -> Iterator[Finding]:
    """Yield boxes that are no good on their X-rays, and patients whose X-rays are several people's."""
    for case in cases:
        header = facts[case.path].header if case.path in facts else None
        if header is None or facts[case.path].trouble:
            continue
        yield from _boxes_of(case, header.size_px, within(case.path, root))
    by_patient: dict[str, dict[str, rsna.Case]] = {}
    for case in cases:
        header = facts[case.path].header if case.path in facts else None
        if header is not None and header.patient_id:
            by_patient.setdefault(header.patient_id, {}).setdefault(case.person, case)
    for people in by_patient.values():
        if len(people) > 1:
            files = [within(case.path, root) for case in people.values()]
            found = f"its PatientID is on X-rays of {len(people)} people ({', '.join(sorted(people)[:4])})"
            yield Finding("persons-header", files[0], found, tuple(files[1:]))


def _boxes_of(case: rsna.Case, size_px: tuple[int, int], name: str) -> Iterator[Finding]:
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


def _split_findings(root: Path, persons: Mapping[str, str]) -> Iterator[Finding]:
    """Yield people who are in two subsets of a `split.csv` that lies in the folder."""
    if not (root / SPLIT_TABLE).is_file():
        return
    text, troubles = rsna_tables.path_text(root / SPLIT_TABLE)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    header = [column.strip() for column in rows[0]] if rows else []
    image, side = (next((header.index(name) for name in names if name in header), None) for names in SPLIT_COLUMNS)
    if troubles or image is None or side is None:
        yield Finding("split-table", SPLIT_TABLE, troubles[0] if troubles else f"its columns are {', '.join(header)}")
        return
    sides: dict[str, dict[str, str]] = {}
    for row in rows[1:]:
        if len(row) > max(image, side):
            sides.setdefault(persons.get(row[image], row[image]), {}).setdefault(row[side], row[image])
    for person, images in sides.items():
        if len(images) > 1:
            where = "; ".join(f"{side_name}: {image_id}" for side_name, image_id in sorted(images.items()))
            yield Finding("persons-split", SPLIT_TABLE, f"person {person} is in {len(images)} subsets ({where})")


def _of_line(line: str) -> Finding:
    """Return a line of `challenges` as a finding: where, and what."""
    said = re.match(r"([^:]+?\.(?:csv|json)(?:, line \d+)?|[^:]+): (.*)", line, re.DOTALL)
    where, found = (said[1], said[2]) if said else ("", line)
    return Finding(next((rule for words, rule in RULE_OF_WORDS if words in found), "table"), where, found)
