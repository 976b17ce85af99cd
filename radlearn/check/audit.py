"""A folder is recognised and looked through: X-rays, tables, volumes; what came of it is one `Audit`.

Nothing stops at the first trouble. Only a folder that is not there, or that holds nothing to look at, is refused.
"""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from radlearn.challenges import covid19, rsna
from radlearn.challenges.rsna_folder import describe_folder
from radlearn.check.appearance import series_privacy, xray_findings
from radlearn.check.duplicates import duplicate_findings
from radlearn.check.findings import Finding, in_order
from radlearn.check.radiographs import XrayFacts, facts_of, within
from radlearn.check.shortcuts import Clue, shortcut_findings
from radlearn.check.tables import box_findings, table_findings
from radlearn.check.volume_jobs import challenge_jobs, loose_jobs, nifti_files, series_jobs
from radlearn.check.volumes import VolumeFacts, volume_facts, volume_findings
from radlearn.errors import BadLayout
from radlearn.progress import waiting
from radlearn.scans.dicom import age_in_years, find_xrays

ADULT_YEARS = 18
DICOM_AGE = re.compile(r"\d{3}[DWMY]")
"An age string of PS3.5 6.2."


@dataclass
class Audit:
    """What a folder is, what is in it, and what was found."""

    folder: Path
    kinds: list[str]
    "What it was recognised as, in words."
    synthetic: bool = False
    findings: list[Finding] = field(default_factory=list)
    xrays: list[XrayFacts] = field(default_factory=list)
    cases: dict[Path, rsna.Case] = field(default_factory=dict)
    clues: list[Clue] = field(default_factory=list)
    volumes: list[VolumeFacts] = field(default_factory=list)

    @property
    def must_be_mended(self) -> bool:
        """Whether there is an error among the findings."""
        return any(one.severity == "error" for one in self.findings)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return tables of what X-rays are like: how many of each photometric interpretation, depth, size, view, …"""
        headers = [xray.header for xray in self.xrays if xray.header is not None and not xray.trouble and not xray.is_slice]
        if not headers:
            return self._case_counts() | self._volume_counts()
        spacing = [header.spacing_mm for header in headers]
        said: dict[str, Sequence[str]] = {
            "photometric interpretation": [header.photometric for header in headers],
            "bits": [str(header.stored_bits) for header in headers],
            "size (width × height)": [f"{header.size_px[1]} × {header.size_px[0]} px" for header in headers],
            "spacing in the header (down × across)": [f"{mm[0]:.3g} × {mm[1]:.3g} mm" if mm else "none" for mm in spacing],
            "view": [header.view or "none" for header in headers],
            "sex": [header.sex or "none" for header in headers],
            "modality": [header.modality or "none" for header in headers],
        }
        return {name: dict(Counter(values).most_common()) for name, values in said.items()} | self._case_counts() | self._volume_counts()

    def _case_counts(self) -> dict[str, dict[str, int]]:
        """Return what the tables say of the X-rays: classes, boxes, how many X-rays a person has; and views, if only tables say them."""
        cases = list(self.cases.values())
        boxes, xrays = [len(case.boxes_xyxy_px) for case in cases if case.label], Counter(case.person for case in cases).values()
        said: dict[str, dict[str, int]] = {
            "class": dict(Counter(case.category for case in cases if case.category).most_common()),
            "boxes on an X-ray with an opacity": {f"{count}": number for count, number in sorted(Counter(boxes).items())},
            "X-rays of a person": {f"{count}": number for count, number in sorted(Counter(xrays).items())},
            "view in the tables": dict(Counter(case.view for case in cases if case.view).most_common()),
        }
        return {name: values for name, values in said.items() if values}

    def _volume_counts(self) -> dict[str, dict[str, int]]:
        read = [one for one in self.volumes if one.shape]
        said = {
            "voxels of a volume": [" × ".join(str(count) for count in one.shape) for one in read],
            "spacing of a volume": [" × ".join(f"{length:.3g}" for length in one.spacing_mm) + " mm" for one in read],
            "axes of a volume": [one.axes for one in read],
        }
        return {name: dict(Counter(values).most_common()) for name, values in said.items() if values}


def audit_folder(folder: Path, workers: int | None = None) -> Audit:
    """Look through a data folder.

    Args:
        folder: in the layout of a challenge, or with any DICOM or NIfTI files in it.
        workers: processes; all cores by default.

    Raises:
        BadLayout: if there is no such folder, or nothing in it that could be looked at.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise BadLayout(f"{folder}: {describe_folder(folder)}. Expected a folder with DICOM or NIfTI files.")
    result = Audit(folder, [], _is_built_in(folder))
    paths, volumes = find_xrays(folder), nifti_files(folder)
    is_rsna, is_covid19 = rsna.recognise(folder), covid19.recognise(folder)
    if not paths and not volumes and not is_rsna:
        raise BadLayout(f"{folder}: {describe_folder(folder)}. Expected DICOM X-rays or NIfTI volumes, at any depth.")
    if is_rsna:
        cases, result.findings = table_findings(folder)
        result.cases = {case.path: case for case in cases}
    result.xrays = facts_of(paths, folder, workers) if paths else []
    jobs, found = challenge_jobs(folder) if is_covid19 else (loose_jobs(volumes), [])
    series = series_jobs(result.xrays)
    result.volumes = volume_facts([*jobs, *series], workers)
    result.findings += [*found, *volume_findings(result.volumes, folder)]
    result.kinds = _recognised(result, (is_rsna, is_covid19), len(jobs), len(series))
    with waiting("comparing"):
        xrays = [xray for xray in result.xrays if not xray.is_slice]
        result.findings += xray_findings(xrays, folder)
        result.findings += series_privacy(result.xrays, folder)
        result.findings += box_findings(list(result.cases.values()), {xray.path: xray for xray in xrays}, folder)
        result.findings += duplicate_findings(xrays, result.cases, folder)
        result.clues, shortcuts = shortcut_findings(xrays, result.cases, result.synthetic)
    without = _without_lesion(folder)
    result.findings = [replace(one, weight="note") if one.rule == "mask-empty" and one.file in without else one for one in result.findings]
    result.findings = in_order([*result.findings, *shortcuts, *_about(result)])
    return result


def _is_built_in(folder: Path) -> bool:
    """Whether the digital thorax wrote it, X-rays or CTs: nobody else knows the exact truth, and writes it down.

    `workflow.data_source` asks the same of X-rays; asking it would import torch.
    """
    layouts = (rsna.layout_folder(folder), covid19.layout_folder(folder))
    return any(layout is not None and (layout / "truth.csv").exists() for layout in layouts)


def _without_lesion(folder: Path) -> set[str]:
    """Return the masks of built-in CTs that are rightly empty: some patients have no lesion, so that no tool takes one for granted."""
    layout = covid19.layout_folder(folder)
    if layout is None or not (layout / "truth.csv").is_file():
        return set()
    with open(layout / "truth.csv", newline="", encoding="utf-8") as opened:
        healthy = [row["case"] for row in csv.DictReader(opened) if row.get("components") == "0"]
    return {within(covid19.case_paths(layout, case)[1], folder) for case in healthy}


def _recognised(result: Audit, layouts: tuple[bool, bool], volumes: int, series: int) -> list[str]:
    """Say what a folder is; several things are a mixture."""
    is_rsna, is_covid19 = layouts
    xrays = sum(not xray.is_slice for xray in result.xrays)
    kinds = []
    if is_rsna:
        kinds.append(f"the RSNA challenge's layout: {len(result.cases):,} labelled X-rays{'' if xrays else ', none of them there'}")
    elif xrays:
        kinds.append(f"loose DICOM: {xrays:,} files")
    if is_covid19:
        kinds.append(f"the COVID-19-20 challenge's layout: {volumes:,} CTs")
    elif volumes:
        paired = sum(one.job.mask is not None for one in result.volumes)
        kinds.append(f"loose NIfTI: {volumes:,} volumes{f', {paired:,} of them with a mask, paired by their names' if paired else ''}")
    if series:
        kinds.append(f"DICOM series: {series:,}")
    return [f"a mixture: {kinds[0]}", *kinds[1:]] if len(kinds) > 1 else kinds


def _about(result: Audit) -> list[Finding]:
    said = []
    if cases := result.cases.values():
        people, positives = len({case.person for case in cases}), sum(bool(case.label) for case in cases)
        amounts = f"{len(cases):,} X-rays of {people:,} people; {positives:,} with an opacity ({positives / len(cases):.0%})"
        said.append(Finding("about", "", amounts))
    if boxes := [(x1 - x0, y1 - y0) for case in result.cases.values() for x0, y0, x1, y1 in case.boxes_xyxy_px]:
        width, height = ("/".join(f"{edge:.0f}" for edge in edges) for edges in np.quantile(boxes, (0.25, 0.5, 0.75), axis=0).T)
        said.append(Finding("about", "", f"{len(boxes):,} boxes; quartiles of their width {width} px, of their height {height} px"))
    ages = [xray.told["PatientAge"] for xray in result.xrays if "PatientAge" in xray.told]
    if odd := [age for age in ages if not DICOM_AGE.fullmatch(age)]:
        said.append(Finding("age-form", "", f"{len(odd):,} of {len(ages):,} files write PatientAge like {odd[0]!r}; DICOM has 062Y"))
    if children := sum((age_in_years(age) or ADULT_YEARS) < ADULT_YEARS for age in ages):
        said.append(Finding("about", "", f"{children:,} of {len(ages):,} files are of people under {ADULT_YEARS} years"))
    return said
