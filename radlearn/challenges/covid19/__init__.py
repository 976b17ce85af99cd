"""The COVID-19-20 Lung CT Lesion Segmentation Challenge as one object. Its folder is described in `covid19.layout`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from radlearn.challenges.challenge import BuiltInCases, Challenge, Scorer
from radlearn.challenges.covid19.audit import audit_folder
from radlearn.challenges.covid19.layout import Case, case_paths, find_cases, find_images, layout_folder, write_persons
from radlearn.challenges.covid19.scoring import SMALLEST_ML, TOLERANCE_MM, score_submission
from radlearn.challenges.covid19.submission import distinct_names, write_submission
from radlearn.challenges.first_tables.table import FirstTable, ct_table
from radlearn.errors import BadSetting

__all__ = ["CHALLENGE", "Case", "case_paths", "find_cases", "find_images", "layout_folder", "write_persons"]


@dataclass(frozen=True)
class MaskOptions:
    """Options of `radlearn score covid19`."""

    # How far apart two surfaces may lie and still count as the same.
    tolerance_mm: float = TOLERANCE_MM
    # Pieces of a mask below this volume are not counted as lesions.
    smallest_ml: float = SMALLEST_ML


def _first_table(folder: Path, positive: Sequence[str]) -> FirstTable:
    if positive:
        raise BadSetting("--positive is for classes; a mask has 1 where there is a lesion.")
    if layout_folder(folder) is None:
        return ct_table(folder)
    table = FirstTable(("path", "mask", "id", "person"), assumed=["The folder is in the layout of the COVID-19-20 challenge."])
    for case in find_cases(folder):
        table.rows.append({"path": case.path, "mask": case.mask_path, "id": case.case_id, "person": case.person})
    return table


CHALLENGE: Challenge[Case, Path] = Challenge(
    name="covid19",
    title="COVID-19-20 Lung CT Lesion Segmentation Challenge",
    unit="CT",
    units="CTs",
    layout_folder=layout_folder,
    find_cases=find_cases,
    find_images=find_images,
    first_table=_first_table,
    write_submission=write_submission,
    submission_suffix=".zip",
    check_names=distinct_names,
    built_in=BuiltInCases("radlearn.digital_thorax.ct_cohort:write_covid19", 120),
    scorers=(
        Scorer(
            name="covid19",
            about="Score lesion masks as the COVID-19-20 challenge does.",
            options=MaskOptions,
            score=lambda truth, submission, options: score_submission(truth, submission, options.tolerance_mm, options.smallest_ml),
            truth="A folder in the challenge's layout that holds the true masks, Train/ID_seg.nii.gz; the CTs need not be there.",
            submission="A zip of masks, or a folder of them: 003.nii.gz for volume-covid19-A-0003, each on the grid of its CT.",
            table="Write a CSV table with a row for every scan, the worst first.",
            table_begins=b"case,person,dice_score,",
        ),
    ),
    audit=audit_folder,
)
