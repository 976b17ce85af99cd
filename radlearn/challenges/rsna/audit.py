"""A folder in the RSNA layout, looked through for `radlearn check`: every row that says something impossible, every X-ray without a row.

`challenges.rsna` refuses what would train wrongly; here all of it is listed. Where the X-rays are missing, the tables alone are checked.
"""

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from radlearn.amounts import counted, none_of, part_of, verb_of
from radlearn.challenges.challenge import AuditedFolder, Found
from radlearn.challenges.folders import stem, within
from radlearn.challenges.header_persons import PERSONS_TABLE
from radlearn.challenges.rsna import layout as rsna
from radlearn.challenges.rsna import places, tables
from radlearn.challenges.rsna.view_table import HEADER_TABLES, views_of
from radlearn.challenges.table_audit import audit_xray_table
from radlearn.challenges.tables.csv_rows import path_text
from radlearn.challenges.tables.table_rows import is_table
from radlearn.challenges.words.near_ids import NearIds
from radlearn.challenges.words.nobody import MARK
from radlearn.challenges.words.person_spellings import ASKED
from radlearn.challenges.xray_case import XrayCase

SPLIT_TABLE = "split.csv"
SPLIT_COLUMNS = (("image_id", "patientId", "case"), ("subset", "split", "set", "side"))
RULE_OF_WORDS = (
    ("says the same as line", "row-repeated"),
    ("is not inside an image", "box-outside"),
    ("but the box is empty", "box-empty"),
    ("but there is a box", "label-contradiction"),
    (" here and ", "label-contradiction"),
    ("class is ", "class-contradiction"),
    ("are both called", "table"),
)
"Words of `challenges.rsna.tables` and the rule each belongs to; a row that cannot be read is of none of them."


def audit_folder(folder: Path) -> AuditedFolder:
    """Return the cases of a layout, and what is wrong with its tables and the names of its X-rays."""
    root = rsna.layout_folder(folder) or folder
    if is_table(root):
        return audit_xray_table(root)
    has_images = (root / rsna.IMAGE_FOLDER).is_dir()
    cases, troubles, notes = rsna.audit(folder) if has_images else _cases_without_images(root)
    findings = [_of_line(line) for line in troubles if "no file here" not in line]
    if has_images:
        findings += _image_findings(root, folder, {case.image_id for case in cases})
    else:
        # Once, not a line for each of thousands.
        none = none_of(len(cases), "X-rays", "of its")
        found = f"there is no such folder beside the labels table, and {none}; only the tables were checked"
        words = places.elsewhere(root, root / rsna.IMAGE_FOLDER, {case.image_id for case in cases})[1]
        findings.insert(0, Found("image-misplaced" if words else "image-missing", rsna.IMAGE_FOLDER, words or found))
    findings += [*_person_findings(notes), *_split_findings(root, {case.image_id: case.person for case in cases})]
    missing = "" if any(case.path.is_file() for case in cases) else ", none of them there"
    return AuditedFolder(f"the RSNA challenge's layout: {counted(len(cases), 'labelled X-rays')}{missing}", cases, findings)


def _image_findings(root: Path, folder: Path, there: Collection[str]) -> Iterator[Found]:
    """Yield labelled X-rays without file, and files without label. `there`: images that have both."""
    images, _ = tables.labels_in(rsna.LABELS_TABLE, path_text(root / rsna.LABELS_TABLE)[0])
    place = places.images_folder(root, rsna.IMAGE_FOLDER)
    paths = rsna.xrays_in(place)
    near = NearIds({stem(path.name) for path in paths})
    moved: set[str] = set()
    if absent := {image_id for image_id in images if image_id not in there}:
        moved, words = places.elsewhere(root, place, absent)
        if moved:
            yield Found("image-misplaced", rsna.IMAGE_FOLDER, words)
    for image_id, image in images.items():
        if image_id not in there and image_id not in moved:
            found = f"{rsna.IMAGE_FOLDER}/{image_id}.dcm is not there"
            hint = near.hint(image_id)
            yield Found("image-missing", f"{rsna.LABELS_TABLE}, line {image.line}", f"{found}.{hint}" if hint else found)
    for path in paths:
        if stem(path.name) not in images:
            yield Found("image-unlabelled", within(path, folder), f"has no row in {rsna.LABELS_TABLE}")


def _person_findings(notes: Sequence[str]) -> Iterator[Found]:
    """Yield notes on the table of persons."""
    if any(f"there is no {PERSONS_TABLE}" in note for note in notes):
        yield Found("persons-none", PERSONS_TABLE, "is not there, so every image counts as a person of its own")
    for note in notes:
        if "does not list" in note:
            table, _, amount = note.partition(": ")
            yield Found("persons-listed", table, amount)
        elif MARK in note:
            table, _, words = note.partition(": ")
            yield Found("persons-nobody", table, words)
        elif ASKED in note:
            table, _, question = note.partition(": ")
            yield Found("persons-alike", table, question)


def _cases_without_images(root: Path) -> tuple[list[XrayCase], list[str], list[str]]:
    """Return the cases of a layout whose X-rays are not there, with views where a table of header fields has them; troubles; notes."""
    images, cases, troubles, notes = rsna.read_tables(root)
    views = views_of(root / rsna.LABELS_TABLE, images)[0] if any((root / name).is_file() for name in HEADER_TABLES) else {}
    return [replace(case, view=views.get(case.image_id)) for case in cases], troubles, notes


def _split_findings(root: Path, persons: Mapping[str, str]) -> Iterator[Found]:
    """Yield people who are in two subsets of a `split.csv` that lies in the folder."""
    if not (root / SPLIT_TABLE).is_file():
        return
    text, troubles = path_text(root / SPLIT_TABLE)
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        rows, troubles = [], [*troubles, f"{SPLIT_TABLE}: is not CSV ({error})."]
    header = [column.strip() for column in rows[0]] if rows else []
    image, subset = (next((header.index(name) for name in names if name in header), None) for names in SPLIT_COLUMNS)
    if troubles or image is None or subset is None:
        yield Found("split-table", SPLIT_TABLE, troubles[0] if troubles else f"its columns are {', '.join(header)}")
        return
    ids = [row[image] for row in rows[1:] if len(row) > image]
    if strangers := [one for one in ids if one not in persons]:
        near = NearIds(persons)
        hint = next((hint for one in strangers if (hint := near.hint(one))), "")
        found = (
            f"{part_of(len(strangers), len(ids), 'images', 'of its')} {verb_of(len(strangers), 'have')} no X-ray "
            f"or no label, the first being {strangers[0]!r}"
        )
        yield Found("split-table", SPLIT_TABLE, f"{found}.{hint}")
    subsets: dict[str, dict[str, str]] = {}
    for row in rows[1:]:
        if len(row) > max(image, subset):
            subsets.setdefault(persons.get(row[image], row[image]), {}).setdefault(row[subset], row[image])
    for person, images in subsets.items():
        if len(images) > 1:
            where = "; ".join(f"{subset_name}: {image_id}" for subset_name, image_id in sorted(images.items()))
            yield Found("persons-split", SPLIT_TABLE, f"person {person} is in {len(images)} subsets ({where})")


def _of_line(line: str) -> Found:
    """Return a line of `challenges` as a finding: where, and what."""
    said = re.match(r"([^:]+?\.(?:csv|json)(?:, line \d+)?|[^:]+): (.*)", line, re.DOTALL)
    where, found = (said[1], said[2]) if said else ("", line)
    return Found(next((rule for words, rule in RULE_OF_WORDS if words in found), "table"), where, found)
