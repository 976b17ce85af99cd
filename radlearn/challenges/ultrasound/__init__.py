"""The challenge Ultrasound Nerve Segmentation as one object. Its folder is described in `ultrasound.layout`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from radlearn.challenges.challenge import BuiltInCases, Challenge, Scorer
from radlearn.challenges.first_tables.label_map_pairs import pair_table
from radlearn.challenges.first_tables.rows import FirstTable
from radlearn.challenges.ultrasound.audit import audit_folder
from radlearn.challenges.ultrasound.layout import CLASSES, MASKS_TABLE, case_paths, find_cases, find_images, layout_folder
from radlearn.challenges.ultrasound.scoring import score_submission
from radlearn.challenges.ultrasound.submission import SIZE_PX, distinct_images, write_submission
from radlearn.challenges.ultrasound_case import UltrasoundCase
from radlearn.errors import BadSetting

__all__ = ["CHALLENGE", "CLASSES", "UltrasoundCase", "case_paths", "find_cases", "find_images", "layout_folder"]


@dataclass(frozen=True)
class RunOptions:
    """Options of `radlearn score ultrasound`."""

    # Rows and columns of the images. Only read where --truth is a table, which says no size.
    size_px: tuple[int, int] = SIZE_PX


def _first_table(folder: Path, positive: Sequence[str]) -> FirstTable:
    if positive:
        raise BadSetting("--positive is for classes of images; a label map has its classes in its values.")
    if layout_folder(folder) is None:
        return pair_table(folder)
    table = FirstTable(("path", "mask", "id", "person"), assumed=["The folder is in the layout of Ultrasound Nerve Segmentation."])
    for case in find_cases(folder):
        table.rows.append({"path": case.path, "mask": case.mask_path, "id": case.image_id, "person": case.person})
    return table


CHALLENGE: Challenge[UltrasoundCase, Path] = Challenge(
    name="ultrasound",
    title="Ultrasound Nerve Segmentation",
    unit="ultrasound image",
    units="ultrasound images",
    layout_folder=layout_folder,
    find_cases=find_cases,
    find_images=find_images,
    first_table=_first_table,
    write_submission=write_submission,
    check_names=distinct_images,
    built_in=BuiltInCases("radlearn.ultrasound_phantom.cohort:write_ultrasound", 400),
    scorers=(
        Scorer(
            name="ultrasound",
            about="Score run-length masks as the challenge Ultrasound Nerve Segmentation does.",
            options=RunOptions,
            score=lambda truth, submission, options: score_submission(truth, submission, options.size_px),
            truth="A folder in the challenge's layout that holds the true masks, train/N_M_mask.tif; or a table img,pixels,person; or "
            "train_masks.csv.",
            submission="A table with columns img,pixels: one row an image, the mask as run lengths down the columns.",
            table="Write a CSV table with a row for every image, the worst first.",
            table_begins=b"img,person,dice_score,",
        ),
    ),
    audit=audit_folder,
    tables=(MASKS_TABLE, "sample_submission.csv"),
)
