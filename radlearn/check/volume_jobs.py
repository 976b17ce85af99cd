"""Which CTs a folder holds, and which mask belongs to which: by the challenge's names, by likely names, or by DICOM's series.

In the challenge's layout nothing is guessed. Loose NIfTI files are paired by their names, `a-msk.nii.gz` with `a.nii.gz`; that this is a
guess is said.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from radlearn.challenges import covid19
from radlearn.challenges.covid19_folder import CT, MASK, TRAIN_FOLDER, case_and_kind, file_trouble, nifti_stem
from radlearn.check.findings import Finding
from radlearn.check.radiographs import XrayFacts, within
from radlearn.check.volumes import VolumeJob
from radlearn.errors import BadLayout

MASK_NAME = re.compile(r"^(.*?)[-_. ](?:msk|mask|seg|segmentation|label|labels|lesion|lesions|gt|roi)$", re.IGNORECASE)
CT_NAME = re.compile(r"^(.*?)[-_. ](?:ct|image|img|volume|0000)$", re.IGNORECASE)


def nifti_files(folder: Path) -> list[Path]:
    """Return all NIfTI files below a folder, sorted; hidden ones are left out."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in names if nifti_stem(name) and not name.startswith(".")]
    return sorted(found)


def challenge_jobs(folder: Path) -> tuple[list[VolumeJob], list[Finding]]:
    """Return the cases of a COVID-19-20 layout, CTs without mask too, and what is wrong with its names."""
    try:
        cases, troubles, notes = covid19.audit(folder)
    except BadLayout as error:
        return [], [Finding("ct-missing", "", str(error))]
    findings, listed = [], set()
    root = covid19.layout_folder(folder) or folder
    train = root / TRAIN_FOLDER if (root / TRAIN_FOLDER).is_dir() else root
    for path in nifti_files(train):
        understood = case_and_kind(path.name)
        if understood and (trouble := file_trouble(path)):
            findings.append(Finding("file-empty", within(path, folder), trouble))
            listed.add(path)
        elif understood and not _other(path, *understood):
            wanted = f"{understood[0]}{MASK if understood[1] == CT else CT}.nii.gz"
            findings.append(Finding("ct-missing", within(path, folder), f"{wanted} is missing"))
    for line in troubles:
        where, _, words = line.partition(": ")
        if " have no " in line or (train / Path(where).name) in listed:
            continue
        findings.append(Finding("table" if where.startswith("persons.csv") else "ct-missing", where, words))
    findings += [Finding("persons-listed", *_parted(note)) for note in notes if "does not list" in note]
    jobs = [VolumeJob(case.case_id, (case.path,), case.mask_path, case.person) for case in cases if case.path not in listed]
    jobs = [job for job in jobs if job.mask not in listed]
    known = {path for job in jobs for path in (*job.paths, job.mask)} | set(nifti_files(train))
    return jobs + [VolumeJob(nifti_stem(path.name) or "", (path,)) for path in nifti_files(root) if path not in known], findings


def loose_jobs(paths: Sequence[Path]) -> list[VolumeJob]:
    """Pair loose NIfTI files by their names; a mask without CT is looked at as a volume, and a CT without mask by itself."""
    by_name: dict[tuple[Path, str], Path] = {}
    for path in paths:
        stem = nifti_stem(path.name) or ""
        if not MASK_NAME.match(stem):
            bare = CT_NAME.match(stem)
            by_name[path.parent, stem] = by_name[path.parent, bare[1] if bare else stem] = path
    masks = {}
    for path in paths:
        said = MASK_NAME.match(nifti_stem(path.name) or "")
        if said and (path.parent, said[1]) in by_name:
            masks[by_name[path.parent, said[1]]] = path
    paired = set(masks.values())
    return [VolumeJob(nifti_stem(path.name) or "", (path,), masks.get(path), path.name) for path in paths if path not in paired]


def series_jobs(facts: Sequence[XrayFacts]) -> list[VolumeJob]:
    """Return the DICOM series among the files, by SeriesInstanceUID."""
    series: dict[str, list[XrayFacts]] = {}
    for xray in facts:
        if xray.is_slice and xray.header is not None:
            series.setdefault(xray.header.series_uid, []).append(xray)
    return [
        VolumeJob(uid, tuple(xray.path for xray in slices), person=slices[0].header.patient_id if slices[0].header else "")
        for uid, slices in sorted(series.items())
    ]


def _other(path: Path, case_id: str, kind: str) -> bool:
    """Whether the file that belongs to this one is there."""
    wanted = (case_id, MASK if kind == CT else CT)
    return any(case_and_kind(other.name) == wanted for other in nifti_files(path.parent))


def _parted(line: str) -> tuple[str, str]:
    where, _, words = line.partition(": ")
    return where, words
