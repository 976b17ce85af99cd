"""A folder in the COVID-19-20 layout, looked through for `radlearn check`: its CTs, their masks, and what is wrong with their names."""

import csv
import re
from pathlib import Path

from radlearn.amounts import counted
from radlearn.challenges.challenge import AuditedFolder, Found, VolumeFiles
from radlearn.challenges.covid19 import layout as covid19
from radlearn.challenges.covid19.folder import CT, MASK, PERSONS_TABLE, TRAIN_FOLDER, case_and_kind, case_paths, file_trouble
from radlearn.challenges.folders import TRUTH_TABLE, volume_files, volume_stem, within
from radlearn.challenges.table_audit import audit_ct_table
from radlearn.challenges.tables.table_rows import is_table
from radlearn.challenges.words.nobody import MARK
from radlearn.challenges.words.person_spellings import ASKED
from radlearn.errors import BadLayout


def audit_folder(folder: Path) -> AuditedFolder:
    """Return the cases of a layout, CTs without mask too, and what is wrong with its names."""
    if is_table(folder):
        return audit_ct_table(folder)
    root = covid19.layout_folder(folder) or folder
    try:
        cases, troubles, notes = covid19.audit(folder)
    except BadLayout as error:
        return AuditedFolder(_recognised(0), [], [Found("ct-missing", "", str(error))], [])
    findings, listed = [], set()
    train = root / TRAIN_FOLDER if (root / TRAIN_FOLDER).is_dir() else root
    for path in volume_files(train):
        understood = case_and_kind(path.name)
        if understood is None:
            continue
        wanted = understood[0], MASK if understood[1] == CT else CT
        if trouble := file_trouble(path):
            findings.append(Found("file-empty", within(path, folder), trouble))
            listed.add(path)
        elif all(case_and_kind(other.name) != wanted for other in volume_files(path.parent)):
            findings.append(Found("ct-missing", within(path, folder), f"{''.join(wanted)}.nii.gz is missing"))
    for line in troubles:
        where, _, words = line.partition(": ")
        if re.search(" ha(ve|s) no (mask|CT)", line) or (train / Path(where).name) in listed:
            continue
        findings.append(Found("table" if where.startswith(PERSONS_TABLE) else "ct-missing", where, words))
    for note in notes:
        if "does not list" in note:
            where, _, words = note.partition(": ")
            findings.append(Found("persons-listed", where, words))
        elif MARK in note:
            where, _, words = note.partition(": ")
            findings.append(Found("persons-nobody", where, words))
        elif ASKED in note:
            where, _, words = note.partition(": ")
            findings.append(Found("persons-alike", where, words))
    usable = [case for case in cases if case.path not in listed and case.mask_path not in listed]
    volumes = [VolumeFiles(case.case_id, (case.path,), case.mask_path, case.person) for case in usable]
    known = {path for one in volumes for path in (*one.paths, one.mask)} | set(volume_files(train))
    volumes += [VolumeFiles(volume_stem(path.name) or "", (path,)) for path in volume_files(root) if path not in known]
    return AuditedFolder(_recognised(len(volumes)), usable, findings, volumes, _without_lesion(root, folder))


def _recognised(volumes: int) -> str:
    return f"the COVID-19-20 challenge's layout: {counted(volumes, 'CTs')}"


def _without_lesion(layout: Path, folder: Path) -> frozenset[str]:
    """Return the masks of synthetic CTs that are rightly empty: some of the patients have no lesion."""
    if not (layout / TRUTH_TABLE).is_file():
        return frozenset()
    with open(layout / TRUTH_TABLE, newline="", encoding="utf-8") as opened:
        healthy = [row["case"] for row in csv.DictReader(opened) if row.get("components") == "0"]
    return frozenset(within(case_paths(layout, case)[1], folder) for case in healthy)
