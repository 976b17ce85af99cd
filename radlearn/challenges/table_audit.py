"""A table of a person's own images, looked through for `radlearn check`: see `own_table`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from radlearn.amounts import counted
from radlearn.challenges.challenge import AuditedFolder, Case, Found, VolumeFiles
from radlearn.challenges.folders import files_below
from radlearn.challenges.tables import ct_table, nih_table, xray_table
from radlearn.challenges.tables.box_readers import MARK as SEVERAL_READERS
from radlearn.challenges.tables.label_words import MARK as LABEL_WORDS
from radlearn.challenges.tables.own_table import PERSON, by_line
from radlearn.challenges.tables.table_files import OwnTable
from radlearn.challenges.words.nobody import MARK
from radlearn.challenges.words.person_spellings import ASKED


def audit_xray_table(path: Path) -> AuditedFolder:
    """Return the X-rays of a table, and what is wrong with it."""
    table, cases = xray_table.audit(path)
    audited = audited_table(table, cases, "X-rays")
    published = audited.recognised.replace("a table", "the table of NIH ChestX-ray14:", 1).replace(": of ", ": ", 1)
    return replace(audited, recognised=published) if nih_table.is_nih(table.columns) else audited


def audit_ct_table(path: Path) -> AuditedFolder:
    """Return the CTs of a table with their masks, and what is wrong with it."""
    table, cases = ct_table.audit(path)
    volumes = [
        # The folder of a DICOM series stands for the slices in it.
        VolumeFiles(case.case_id, tuple(files_below(case.path)) if case.path.is_dir() else (case.path,), case.mask_path, case.person)
        for case in cases
    ]
    return audited_table(table, cases, "CTs", volumes)


def audited_table(table: OwnTable, cases: Sequence[Case], units: str, volumes: Sequence[VolumeFiles] | None = None) -> AuditedFolder:
    findings = []
    for line in by_line(table.troubles):
        where, _, found = line.partition(": ")
        findings.append(Found("table", where, found))
    name = table.path.name
    for note in table.notes:
        if f"has no column {PERSON}" in note:
            _, _, further = note.partition("come out too good.")
            counts = f"has no column {PERSON}, so every image counts as a person of its own."
            findings.append(Found("persons-column", name, f"{counts}{further}"))
        elif MARK in note:
            findings.append(Found("persons-nobody", name, note.removeprefix(f"{name}: ")))
        elif SEVERAL_READERS in note:
            findings.append(Found("box-readers", name, note.removeprefix(f"{name}: ")))
        elif LABEL_WORDS in note:
            findings.append(Found("label-words", name, note.removeprefix(f"{name}: ")))
        elif ASKED in note:
            findings.append(Found("persons-alike", name, note.removeprefix(f"{name}: ")))
        else:
            findings.append(Found("about", name, note.removeprefix(f"{name}: ")))
    rows = sum(len(image.rows) for image in table.images)
    read = "" if rows == len(cases) else f", from {counted(rows, 'rows')}"
    return AuditedFolder(f"a table of {counted(len(cases), units)}{read}", cases, findings, volumes)
