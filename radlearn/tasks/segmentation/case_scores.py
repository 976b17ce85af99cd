"""What an evaluation keeps of each scan, and the scores that are functions of it. Imports neither torch nor MONAI, for `compare`."""

from dataclasses import fields

import numpy as np
from numpy.typing import ArrayLike

from radlearn.challenges.challenge import AnyChallenge
from radlearn.metrics.mask_table import MASK_SCORES, MaskScores
from radlearn.workflow.cases_file import CaseFormat, CaseQuality


def case_format(challenge: AnyChallenge) -> CaseFormat:
    """Return the columns of a scan, the fields of `MaskScores`, and the scores over scans."""
    return CASES


def overlap(dice_score: ArrayLike) -> np.ndarray:
    """Return the Dice of each scan, float64 (scans,); 1 where it is undefined, because nothing is there and nothing was found.

    >>> overlap([0.5, float("nan")]).tolist()
    [0.5, 1.0]
    """
    dice = np.asarray(dice_score, dtype=np.float64)
    return np.where(np.isnan(dice), 1.0, dice)


CASES = CaseFormat(
    columns={field.name: field.type for field in fields(MaskScores)},  # type: ignore[misc]
    truth=("truth_ml", "lesions"),
    scores=MASK_SCORES,
    quality=CaseQuality("Dice; 1 where rightly nothing was found", overlap, ("dice_score",)),
    # Surface Dice with another tolerance is another score.
    conditions=("tolerance_mm",),
    # As `tasks.segmentation.disagreement` explains them: in ml, and 0 to 1.
    of_ensembles={"volume_sd_ml": float, "disagreement": float},
)
