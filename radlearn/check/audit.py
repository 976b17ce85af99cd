"""A folder is recognised and looked through: X-rays, tables, volumes; what came of it is one `Audit`.

Nothing stops at the first trouble. Only a folder that is not there, or that holds nothing to look at, is refused.
"""

import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from radlearn import use_cases
from radlearn.amounts import counted, part_of, verb_of
from radlearn.challenges.challenge import AnyChallenge, AuditedFolder, Found, VolumeFiles
from radlearn.challenges.folders import describe_folder, volume_files, volume_stem
from radlearn.challenges.tables.folder_tables import tables_hint, unread_table
from radlearn.challenges.tables.table_boxes import size_hint
from radlearn.challenges.tables.table_rows import file_words, is_table, rows_of
from radlearn.challenges.troubles import listed
from radlearn.challenges.unlooked import ending_in, unlooked_files
from radlearn.challenges.words.near_columns import near_hint
from radlearn.challenges.xray_case import XrayCase
from radlearn.check.appearance import refused_findings, series_privacy, xray_findings
from radlearn.check.boxes import box_findings
from radlearn.check.duplicates import duplicate_findings
from radlearn.check.findings import Finding, in_order
from radlearn.check.headers import age_shown
from radlearn.check.labels import label_findings, mask_findings
from radlearn.check.radiographs import XrayFacts, facts_of
from radlearn.check.shortcuts import Clue, shortcut_findings
from radlearn.check.unlooked import unlooked_findings, unread_words
from radlearn.check.volumes import VolumeFacts, loose_jobs, series_jobs, volume_facts, volume_findings
from radlearn.errors import BadLayout
from radlearn.file_names import from_home
from radlearn.folder_walks import are_of_a_run, left_aside
from radlearn.progress import waiting
from radlearn.scans.dicom import find_xrays
from radlearn.scans.header_texts import age_in_years
from radlearn.scans.plain_images import PLAIN_SUFFIXES, holds_one_slice, is_plain_image

ADULT_YEARS = 18
EXPECTED_COLUMNS = (
    "expected path, and label or x0, y0, x1, y1 for X-rays, or mask for CTs; for several labels label_NAME for each. "
    "Other columns may be there too."
)
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
    cases: dict[Path, XrayCase] = field(default_factory=dict)
    "The labelled X-rays, by their files."
    labelled: dict[str, int] = field(default_factory=dict)
    "Name of each challenge in whose layout the folder is, and how many cases of it can be trained on."
    clues: list[Clue] = field(default_factory=list)
    volumes: list[VolumeFacts] = field(default_factory=list)

    @property
    def must_be_mended(self) -> bool:
        """Whether there is an error among the findings."""
        return any(one.severity == "error" for one in self.findings)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return tables of what X-rays are like: how many of each photometric interpretation, depth, size, view, …"""
        read = [xray for xray in self.xrays if not xray.trouble and not xray.is_slice]
        every = [xray.header for xray in read if xray.header is not None]
        # Of a picture no header says anything.
        headers = [xray.header for xray in read if xray.header is not None and not is_plain_image(xray.path)]
        spacing = [header.spacing_mm for header in headers]
        said: dict[str, Sequence[str]] = {
            "photometric interpretation": [header.photometric for header in headers],
            "kind of picture": [ending_in(xray.path, PLAIN_SUFFIXES) for xray in read if is_plain_image(xray.path)],
            "bits": [str(header.stored_bits) for header in every],
            "size (width × height)": [f"{header.size_px[1]} × {header.size_px[0]} px" for header in every],
            "spacing in the header (down × across)": [f"{mm[0]:.3g} × {mm[1]:.3g} mm" if mm else "none" for mm in spacing],
            "view": [header.view or "none" for header in headers],
            "sex": [header.sex or "none" for header in headers],
            "modality": [header.modality or "none" for header in headers],
        }
        counts = {name: dict(Counter(values).most_common()) for name, values in said.items() if values}
        return counts | self._case_counts() | self._volume_counts()

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
    """Look through a data folder in the layout of a challenge, or with any DICOM or NIfTI files in it, on all cores by default.

    `folder` may also be a table of one's own images; then these are looked at, wherever they lie.

    Raises:
        BadLayout: if there is no such folder, or nothing in it that could be looked at.
    """
    given = from_home(folder)
    by_table = is_table(given)
    if not (given.is_file() if by_table else given.is_dir()):
        found = "there is no such table" if by_table else file_words(given) if given.is_file() else describe_folder(given)
        raise BadLayout(f"{given}: {found}. Expected a folder with DICOM or NIfTI files, or a table that names them.")
    if not by_table and are_of_a_run(os.listdir(given)):
        raise BadLayout(f"{given}: is the folder of a training run. Name the folder or the table that it was trained on instead.")
    challenges = use_cases.challenges()
    layouts = {name: _layout_of(challenge, given) for name, challenge in challenges.items() if challenge.layout_folder(given) is not None}
    if by_table and not layouts:
        columns, _, troubles = rows_of(given)
        if troubles:
            raise BadLayout(listed(given, troubles, "in the table cannot be read"))
        hint = size_hint(columns) or near_hint(("path", "label", "mask"), columns)
        raise BadLayout(f"{given}: the columns are {', '.join(columns) or 'none'}; {EXPECTED_COLUMNS}{hint}")
    # What places are given relative to.
    folder = given.parent if by_table else given
    result = Audit(given, [], any(challenge.is_synthetic(given) for challenge in challenges.values()))
    paths, nifti = ([], []) if by_table else (find_xrays(folder, pictures=True), volume_files(folder))
    if by_table:
        paths = [case.path for layout in layouts.values() for case in layout.cases if isinstance(case, XrayCase)]
    known = {path for layout in layouts.values() for path in layout.looked_at}
    known |= {path for layout in layouts.values() for one in layout.volumes or () for path in (*one.paths, *filter(None, [one.mask]))}
    # Beside DICOM they are pictures of something, and else they are X-rays.
    nifti = [path for path in nifti if path in known or not holds_one_slice(path)]
    unlooked = [] if by_table else unlooked_files(folder, {*paths, *nifti})
    paths = [path for path in paths if path not in known]
    if not paths and not nifti and not layouts:
        hint = unread_words(unlooked) or (f" {words}" if (words := tables_hint(folder)) else "")
        raise BadLayout(f"{folder}: {describe_folder(folder)}. Expected DICOM X-rays or NIfTI volumes, at any depth.{hint}")
    result.cases = {case.path: case for layout in layouts.values() for case in layout.cases if isinstance(case, XrayCase)}
    result.findings = [Finding(*one) for layout in layouts.values() for one in layout.findings]
    near = [challenge.near_layout(given) for challenge in challenges.values() if challenge.near_layout is not None]
    # A folder in one layout may hold what is of another.
    result.findings += [] if layouts else [Finding("layout-near", "", words) for words in near if words]
    table, trouble = ("", "") if layouts else unread_table(given)
    result.findings += [Finding("table-unread", table, trouble)] if table else []
    result.findings += unlooked_findings(unlooked, folder)
    result.findings += [Finding("left-aside", "", words) for words in ([] if by_table else left_aside(folder))]
    result.xrays = facts_of(paths, workers) if paths else []
    of_layouts = [one for layout in layouts.values() for one in layout.volumes or ()]
    loose = [] if any(layout.volumes is not None for layout in layouts.values()) else loose_jobs(nifti)
    series = series_jobs(result.xrays)
    result.volumes = volume_facts([*of_layouts, *loose, *series], workers)
    result.findings += volume_findings(result.volumes, folder)
    result.findings += [*label_findings(list(result.cases.values())), *mask_findings(result.volumes)]
    result.labelled = {name: _labelled(layout) for name, layout in layouts.items()}
    result.kinds = _recognised(result, layouts.values(), loose, len(series))
    with waiting("comparing"):
        xrays = [xray for xray in result.xrays if not xray.is_slice]
        result.findings += xray_findings(xrays, folder)
        # Of what is surely none the doubt need not be told too.
        refused = refused_findings(result.xrays, result.cases, folder)
        sure = {(one.rule, one.file) for one in refused}
        result.findings = [one for one in result.findings if (one.rule, one.file) not in sure] + refused
        result.findings += series_privacy(result.xrays, folder)
        result.findings += box_findings(list(result.cases.values()), {xray.path: xray for xray in xrays}, folder)
        result.findings += duplicate_findings(xrays, result.cases, folder)
        result.clues, shortcuts = shortcut_findings(xrays, result.cases, result.synthetic)
    empty = {mask for layout in layouts.values() for mask in layout.empty_masks}
    result.findings = [replace(one, weight="note") if one.rule == "mask-empty" and one.file in empty else one for one in result.findings]
    result.findings = in_order([*result.findings, *shortcuts, *_about(result)])
    return result


def _layout_of(challenge: AnyChallenge, folder: Path) -> AuditedFolder:
    """Return what a challenge says of a folder in its layout; without an audit of its own, what `find_cases` says."""
    if challenge.audit is not None:
        return challenge.audit(folder)
    try:
        cases, findings = challenge.find_cases(folder), []
    except BadLayout as error:
        cases, findings = [], [Found("table", "", str(error).removeprefix(f"{folder}: "))]
    recognised = f"the layout of {challenge.title}: {counted(len(cases), f'labelled {challenge.units}')}"
    # Which mask is whose only the challenge knows.
    volumes = [VolumeFiles(case.image_id, (case.path,), None, case.person) for case in cases if volume_stem(case.path.name)]
    return AuditedFolder(recognised, cases, findings, volumes or None)


def _labelled(layout: AuditedFolder) -> int:
    """Return how many cases can be trained on."""
    masks = sum(one.mask is not None for one in layout.volumes or ())
    return masks or len(layout.cases)


def _recognised(result: Audit, layouts: Collection[AuditedFolder], loose: Sequence[VolumeFiles], series: int) -> list[str]:
    """Return what a folder is, in words; several things are a mixture."""
    kinds = [layout.recognised for layout in layouts]
    xrays = sum(not xray.is_slice for xray in result.xrays)
    if xrays and all(layout.volumes is not None for layout in layouts):
        pictures = sum(is_plain_image(xray.path) for xray in result.xrays)
        loose_files = {"DICOM": xrays - pictures, "pictures": pictures}
        kinds[:0] = [f"loose {kind}: {counted(count, 'files')}" for kind, count in loose_files.items() if count]
    if loose:
        paired = sum(job.mask is not None for job in loose)
        kinds.append(
            f"loose NIfTI: {counted(len(loose), 'volumes')}{f', {paired:,} of them with a mask, paired by their names' if paired else ''}"
        )
    if series:
        kinds.append(f"DICOM series: {series:,}")
    return [f"a mixture: {kinds[0]}", *kinds[1:]] if len(kinds) > 1 else kinds


def _about(result: Audit) -> list[Finding]:
    said = []
    if cases := result.cases.values():
        people, positives = len({case.person for case in cases}), sum(bool(case.label) for case in cases)
        several = Counter(name for case in cases for name, value in case.labels if value)
        what = "any of the labels" if any(case.labels for case in cases) else "an opacity"
        amounts = (
            f"{counted(len(cases), 'X-rays')} of {counted(people, 'persons')}; {positives:,} with {what} ({positives / len(cases):.0%})"
        )
        said.append(Finding("about", "", amounts))
        if several:
            said.append(Finding("about", "", f"labels: {', '.join(f'{name} {count:,}' for name, count in several.most_common())}"))
    if boxes := [(x1 - x0, y1 - y0) for case in result.cases.values() for x0, y0, x1, y1 in case.boxes_xyxy_px]:
        width, height = ("/".join(f"{edge:.0f}" for edge in edges) for edges in np.quantile(boxes, (0.25, 0.5, 0.75), axis=0).T)
        said.append(
            Finding("about", "", f"{counted(len(boxes), 'boxes')}; quartiles of their width {width} px, of their height {height} px")
        )
    ages = [xray.told["PatientAge"] for xray in result.xrays if "PatientAge" in xray.told]
    if odd := [age for age in ages if not DICOM_AGE.fullmatch(age)]:
        amount = f"{part_of(len(odd), len(ages), 'files', 'of')} {verb_of(len(odd), 'write')}"
        said.append(Finding("age-form", "", f"{amount} PatientAge like {age_shown(min(odd, key=len))}; DICOM has 062Y"))
    years = [age_in_years(age) for age in ages]
    if children := sum(age is not None and age < ADULT_YEARS for age in years):
        said.append(
            Finding(
                "about", "", f"{part_of(children, len(ages), 'files', 'of')} {verb_of(children, 'are')} of people under {ADULT_YEARS} years"
            )
        )
    return said
