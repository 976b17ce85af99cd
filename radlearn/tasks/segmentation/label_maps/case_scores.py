"""What an evaluation of label maps keeps of each image, and the scores that are functions of it. Imports neither torch nor MONAI."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from radlearn.challenges.challenge import AnyChallenge
from radlearn.metrics.case_scores import CaseScore
from radlearn.metrics.label_maps import AreaScores
from radlearn.metrics.mask_table import mean_over_scans
from radlearn.metrics.predictions import OneOrPerDraw
from radlearn.training.run_folder import Run
from radlearn.workflow.cases_file import CaseFormat, CaseQuality
from radlearn.workflow.postprocessing_file import FILE, read_postprocessing


def area_unit(length_unit: str) -> str:
    """Return the unit of areas: "mm2" or "px".

    >>> area_unit("mm"), area_unit("px")
    ('mm2', 'px')
    """
    return "mm2" if length_unit == "mm" else length_unit


def class_columns(name: str, scores: Sequence[AreaScores], length_unit: str) -> dict[str, np.ndarray]:
    """Return the columns of a class, (images,) each, from its scores in each image."""
    units = {"hausdorff95": length_unit, "truth_area": area_unit(length_unit), "predicted_area": area_unit(length_unit)}
    rows = [asdict(one) for one in scores]
    return {
        f"{kind}_{units[kind]}_{name}" if kind in units else f"{kind}_{name}": np.array([row[kind] for row in rows])
        for kind in AreaScores.__dataclass_fields__
    }


def of_judged(values: ArrayLike, truth_area: ArrayLike, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the mean of the finite values of a class, (images,); NaN where no image has the class, which then is not judged.

    >>> float(of_judged([0.0, float("nan")], [0.0, 0.0])), float(of_judged([0.5, float("nan")], [9.0, 0.0]))
    (nan, 0.5)
    """
    there = np.asarray(truth_area, float) > 0
    return mean_over_scans(values if there.any() else np.full(len(there), np.nan), weights)


def image_sensitivity(truth_area: ArrayLike, predicted_area: ArrayLike, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the share of the images with a class in which any of it is found, wherever.

    >>> float(image_sensitivity([5, 5, 0], [3, 0, 0]))
    0.5
    """
    truth, found = np.asarray(truth_area, float) > 0, np.asarray(predicted_area, float) > 0
    return mean_over_scans(np.where(truth, found, np.nan), weights)


def image_specificity(truth_area: ArrayLike, predicted_area: ArrayLike, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the share of the images without a class in which none of it is found.

    >>> float(image_specificity([5, 0, 0], [3, 1, 0]))
    0.5
    """
    area, found = np.asarray(truth_area, float), np.asarray(predicted_area, float) > 0
    # Not known is not absent.
    return mean_over_scans(np.where(area == 0, ~found, np.nan), weights)


def class_scores(name: str, length_unit: str) -> dict[str, CaseScore]:
    """Return the scores of one class, by name."""
    area = f"truth_area_{area_unit(length_unit)}_{name}"
    areas = (area, f"predicted_area_{area_unit(length_unit)}_{name}")
    far = f"hausdorff95_{length_unit}"
    return {
        "dice_score": CaseScore(function=of_judged, columns=(f"dice_score_{name}", area), headline=True),
        "dice_score_with_empty": CaseScore(function=mean_over_scans, columns=(f"dice_score_with_empty_{name}",), headline=True),
        far: CaseScore(function=of_judged, columns=(f"{far}_{name}", area), higher_is_better=False, headline=True, unit=length_unit),
        "image_sensitivity": CaseScore(function=image_sensitivity, columns=areas),
        "image_specificity": CaseScore(function=image_specificity, columns=areas),
    }


def mean_scores(names: Sequence[str], length_unit: str) -> dict[str, CaseScore]:
    """Return the means over classes of these scores, by the same names: each class counts the same, those that have a score."""
    each = [class_scores(name, length_unit) for name in names]
    found = {}
    for score, first in each[0].items():
        of_classes = [one[score] for one in each]
        found[score] = CaseScore(
            function=partial(_mean_over_classes, [(one.function, len(one.columns)) for one in of_classes]),
            columns=tuple(column for one in of_classes for column in one.columns),
            higher_is_better=first.higher_is_better,
            headline=first.headline,
            unit=first.unit,
        )
    return found


def _mean_over_classes(
    functions: Sequence[tuple[Callable[..., Any], int]], *columns: np.ndarray, weights: np.ndarray | None = None
) -> OneOrPerDraw:
    rest, values = list(columns), []
    for function, count in functions:
        own, rest = rest[:count], rest[count:]
        values.append(function(*own, weights=weights))
    each = np.array(values, float)
    there = ~np.isnan(each)
    total, number = np.where(there, each, 0).sum(axis=0), there.sum(axis=0)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)[()]  # type: ignore[no-any-return]


def mean_dice_with_empty(*dice: np.ndarray) -> np.ndarray:
    """Return the mean over classes of the Dice of each image, float64 (images,); an image that is rightly left empty has 1.

    Classes that were not looked for, NaN, have no part in it.

    >>> mean_dice_with_empty(np.array([1.0, 0.5]), np.array([0.0, 0.5])).tolist()
    [0.5, 0.5]
    """
    each = np.array(dice, float)
    known = ~np.isnan(each)
    total, number = np.where(known, each, 0).sum(axis=0), known.sum(axis=0)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def of_ensembles(name: str) -> dict[str, str]:
    """Return the columns of a class that only ensembles have, by the field of `ClassDisagreement` that each holds."""
    return {kind: f"{kind}_{name}" for kind in ("percent_sd", "disagreement")}


def label_map_case_format(names: Sequence[str], length_unit: str) -> CaseFormat:
    """Return the columns of an image and the scores over images of a run with these classes."""
    columns = [column for name in names for column in class_columns(name, [], length_unit)]
    return CaseFormat(
        columns=dict.fromkeys(columns, float),
        truth=tuple(column for column in columns if column.startswith("truth_area")),
        scores=mean_scores(names, length_unit),
        quality=CaseQuality("mean Dice over classes", mean_dice_with_empty, tuple(f"dice_score_with_empty_{name}" for name in names)),
        conditions=("length_unit",),
        of_ensembles={column: float for name in names for column in of_ensembles(name).values()},
    )


def case_format(challenge: AnyChallenge) -> CaseFormat:
    """Return the columns of an image and the scores over images where a challenge has one class, in pixels."""
    return label_map_case_format(("class_1",), "px")


def case_format_of(challenge: AnyChallenge, run: Run) -> CaseFormat:
    """Return the columns of an image and the scores over images as a run has them."""
    if not (run.folder / FILE).exists():
        return case_format(challenge)
    chosen, beside = read_postprocessing(run, dict[str, Any])
    return label_map_case_format([str(one["name"]) for one in chosen["classes"]], str(beside["length_unit"]))
