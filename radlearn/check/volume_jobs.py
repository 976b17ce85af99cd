"""CTs of no challenge's layout and their masks: NIfTI files paired by likely names, DICOM files by their series.

Loose NIfTI files are paired by their names, `a-msk.nii.gz` with `a.nii.gz`; the audit says that this is a guess.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from radlearn.challenges.challenge import VolumeFiles
from radlearn.challenges.folders import nifti_stem
from radlearn.check.radiographs import XrayFacts

MASK_NAME = re.compile(r"^(.*?)[-_. ](?:msk|mask|seg|segmentation|label|labels|lesion|lesions|gt|roi)$", re.IGNORECASE)
CT_NAME = re.compile(r"^(.*?)[-_. ](?:ct|image|img|volume|0000)$", re.IGNORECASE)


def loose_jobs(paths: Sequence[Path]) -> list[VolumeFiles]:
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
    return [VolumeFiles(nifti_stem(path.name) or "", (path,), masks.get(path), path.name) for path in paths if path not in paired]


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
