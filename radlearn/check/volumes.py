"""What is to be known of a CT and its mask, gathered in one look each: numbers that are no Hounsfield units, slices that are missing, masks
that lie elsewhere. A mask is held against the lungs found by `scans.lungs`, whose block is generous: what lies outside it is far away.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from radlearn.challenges.challenge import VolumeFiles
from radlearn.challenges.folders import masks_beside, volume_stem, within
from radlearn.check.findings import Finding
from radlearn.check.radiographs import XrayFacts
from radlearn.errors import RadlearnError, UnreadableScan
from radlearn.progress import in_parallel
from radlearn.scans.ct_anatomy import mask_wrong_way_round
from radlearn.scans.dicom_series import read_series
from radlearn.scans.geometry import Volume, orientation, same_grid, spacing_mm
from radlearn.scans.hounsfield import doubts_of
from radlearn.scans.low_values import PADDING_BELOW_HU
from radlearn.scans.lungs import find_lungs_and_hull
from radlearn.scans.mask_files import read_mask
from radlearn.scans.value_digests import value_digest, volume_digest
from radlearn.scans.volume_files import read_volume

GAP_ABOVE_MM = 8.5
"Between slices; the challenge's thickest are 5 mm."
INSIDE_ABOVE = 0.5
OUTSIDE_LUNG_ABOVE = 0.2
"Share of the mask outside the block that holds both lungs."
OUTSIDE_HULL_ABOVE, LARGE_OUTSIDE_ABOVE, LARGE_ABOVE = 0.5, 0.3, 0.4
"""Share of the mask where no lesion of the lung can lie: of 53 built-in masks 0.01 at most, of all soft tissue 0.5 to 0.8; the second of a
mask that is large beside the hull, of which lesions are a fifth at most."""
ALL_LUNG_ABOVE = 0.7
"Share of the lungs that hold air; 0.12 at most, and 0.98 in two real masks of the whole lung."
AIR_BELOW_HU = -750
"The median of a lesion's voxels is -690 and more, that of lung -890 to -730."
NO_HOUNSFIELD = ("ct-not-hu", "ct-stretched", "ct-rescaled", "ct-constant", "ct-is-mask")


@dataclass
class VolumeFacts:
    """What was found in one CT and its mask: (rule, file, words) each; shape, spacing and axes for tables; a digest of the values."""

    job: VolumeFiles
    found: list[tuple[str, Path, str]] = field(default_factory=list)
    shape: tuple[int, ...] = ()
    spacing_mm: tuple[float, ...] = ()
    axes: str = ""
    digest: str = ""


def loose_jobs(paths: Sequence[Path]) -> list[VolumeFiles]:
    """Pair loose NIfTI files by their names; a mask without CT is looked at as a volume, and a CT without mask by itself."""
    masks = masks_beside(paths)
    paired = set(masks.values())
    return [VolumeFiles(volume_stem(path.name) or "", (path,), masks.get(path), path.name) for path in paths if path not in paired]


def series_jobs(facts: Sequence[XrayFacts]) -> list[VolumeFiles]:
    """Return the DICOM series among the files, by SeriesInstanceUID."""
    series: dict[str, list[XrayFacts]] = {}
    for xray in facts:
        if xray.is_slice and xray.header is not None:
            series.setdefault(xray.header.series_uid, []).append(xray)
    return [
        VolumeFiles(uid, tuple(xray.path for xray in slices), person=slices[0].header.patient_id if slices[0].header else "")
        for uid, slices in sorted(series.items())
    ]


def volume_facts(jobs: Sequence[VolumeFiles], workers: int | None = None) -> list[VolumeFacts]:
    """Look at every volume, on all cores, with a bar; in the order of the jobs."""
    if not jobs:
        return []
    found = {facts.job: facts for facts in in_parallel(_looked_at, jobs, "volumes", "CTs", workers)}
    return [found[job] for job in jobs]


def volume_findings(facts: Sequence[VolumeFacts], root: Path) -> Iterator[Finding]:
    """Yield what is wrong with volumes, each by itself and beside the others."""
    usual = Counter(one.axes for one in facts if one.axes).most_common(1)
    by_digest: dict[str, list[VolumeFacts]] = {}
    for one in facts:
        yield from (Finding(rule, within(path, root), words) for rule, path, words in one.found)
        if one.axes and one.axes != usual[0][0]:
            yield Finding("ct-orientation", within(one.job.paths[0], root), f"its axes go {one.axes}, those of most {usual[0][0]}")
        if one.digest:
            by_digest.setdefault(one.digest, []).append(one)
    for same in by_digest.values():
        if len(same) > 1:
            names = sorted(within(one.job.paths[0], root) for one in same)
            weight = None if len({one.job.person for one in same}) > 1 else "warning"
            found = f"{names[0]} and {', '.join(names[1:4])} hold the same voxels"
            if _masks_differ(same):
                yield Finding("ct-other-masks", names[0], f"{found}; their masks differ", tuple(names[1:]))
            else:
                yield Finding("ct-twice", names[0], found, tuple(names[1:]), weight)  # type: ignore[arg-type]


def _masks_differ(same: Sequence[VolumeFacts]) -> bool:
    digests = {value_digest(one.job.mask) for one in same if one.job.mask is not None}
    # "" of one that cannot be read, which is told by itself.
    return len(digests - {""}) > 1


def _looked_at(job: VolumeFiles) -> VolumeFacts:
    facts = VolumeFacts(job)
    is_series = volume_stem(job.paths[0].name) is None
    try:
        ct = read_series(job.paths) if is_series else read_volume(job.paths[0])
    except UnreadableScan as error:
        named = next((path for path in job.paths if str(error).startswith(f"{path}: ")), job.paths[0])
        words = str(error).removeprefix(f"{named}: ")
        rule = "ct-unreadable" if not is_series else "series-not-ct" if "; expected CT" in words else "series-broken"
        facts.found.append((rule, named, words))
        return facts
    path = job.paths[0]
    facts.shape, facts.spacing_mm, facts.axes = ct.voxels.shape, spacing_mm(ct.affine), orientation(ct.affine)
    facts.digest = volume_digest(ct)
    facts.found += [(rule, path, words) for rule, words in _of_ct(ct)]
    facts.found += [("ct-padding" if "padding" in note else "ct-odd", path, note) for note in ct.notes]
    is_hounsfield = not any(rule in NO_HOUNSFIELD for rule, _, _ in facts.found)
    if job.mask is not None:
        facts.found += [(rule, job.mask, words) for rule, words in _of_mask(job.mask, ct, is_hounsfield)]
    return facts


def _of_ct(ct: Volume) -> Iterator[tuple[str, str]]:
    doubts = doubts_of(ct)
    yield from ((doubt.rule, f"{doubt.found}. {doubt.advice}" if doubt.rule == "ct-not-hu" else doubt.found) for doubt in doubts)
    if any(doubt.rule in ("ct-constant", "ct-is-mask") for doubt in doubts):
        return
    # What is no number of a chest is no padding either.
    is_strange = any(doubt.rule in ("ct-not-hu", "ct-stretched", "ct-low") for doubt in doubts)
    if not is_strange and (share := float((ct.voxels < PADDING_BELOW_HU).mean())):
        found = f"{share:.0%} of the voxels lie below {PADDING_BELOW_HU} HU; the lowest is {ct.voxels.min():g}"
        yield "ct-padding", found.replace("-", "−")
    yield from _of_slices(ct)


def _of_slices(ct: Volume) -> Iterator[tuple[str, str]]:
    spacing = spacing_mm(ct.affine)
    # Slices are stacked along the axis that goes to the head, or, where it is thinner, along the coarsest one.
    letters = orientation(ct.affine)
    axis = next(number for number, letter in enumerate(letters) if letter in "SI")
    if spacing[axis] > GAP_ABOVE_MM:
        yield "ct-gap", f"its slices are {spacing[axis]:.3g} mm apart"


def _of_mask(path: Path, ct: Volume, is_hounsfield: bool) -> Iterator[tuple[str, str]]:
    try:
        stored = read_volume(path)
    except UnreadableScan as error:
        yield "ct-unreadable", str(error).removeprefix(f"{path}: ")
        return
    if not same_grid(stored.grid, ct.grid):
        yield "mask-grid", f"mask: {stored.grid}; CT: {ct.grid}"
        return
    try:
        mask = read_mask(path, ct)
    except UnreadableScan as error:
        yield "mask-labels", str(error).removeprefix(f"{path}: ")
        return
    yield from (("mask-grey", note) for note in mask.notes)
    if not mask.notes and stored.voxels.max() == 255:
        yield "mask-grey", "holds 0 and 255"
    inside = int(mask.voxels.sum())
    if not inside:
        yield "mask-empty", "no voxel is inside"
    elif inside > INSIDE_ABOVE * mask.voxels.size:
        yield "mask-inverted", f"{inside / mask.voxels.size:.0%} of all voxels are inside"
    elif is_hounsfield:
        yield from _beside_the_lungs(mask.voxels, ct, inside)


def _beside_the_lungs(mask: np.ndarray, ct: Volume, inside: int) -> Iterator[tuple[str, str]]:
    try:
        lung, lungs, hull = find_lungs_and_hull(ct.voxels, ct.affine)
    except RadlearnError:
        return
    # Where the air is too little to say where the lungs are, nothing is said.
    if lungs.is_body:
        return
    outside = 1 - int(mask[lungs.box].sum()) / inside
    is_large = inside > LARGE_ABOVE * int(hull.sum())
    if outside > OUTSIDE_LUNG_ABOVE:
        yield "mask-outside-lung", f"{outside:.0%} of its {inside:,} voxels lie outside the block that holds both lungs"
    elif (beside := 1 - int((mask & hull).sum()) / inside) > (LARGE_OUTSIDE_ABOVE if is_large else OUTSIDE_HULL_ABOVE):
        yield "mask-outside-lung", f"{beside:.0%} of its {inside:,} voxels lie beside the lungs: chest wall, belly or air around the body"
    elif (covered := int((mask & lung).sum()) / max(int(lung.sum()), 1)) > ALL_LUNG_ABOVE:
        yield "mask-of-lung", f"it covers {covered:.0%} of the lungs that hold air, as a mask of the lungs does"
        return
    if turned := mask_wrong_way_round(mask, ct, hull):
        yield "mask-turned", turned
    elif (usual := float(np.median(ct.voxels[mask]))) < AIR_BELOW_HU and outside <= OUTSIDE_LUNG_ABOVE:
        found = f"the median of its voxels is {usual:.0f} HU, as in lung that holds air; a lesion is denser".replace("-", "−")
        yield "mask-of-lung", found
