"""The postprocessing for masks, chosen on validation persons, and the ablation of each step.

A threshold is always needed. Removing small components, and calling a scan with little in it free of lesions, are adopted only where they
raise the cross-fitted Dice (`workflow.cross_fitting`). A scan without a lesion has a Dice of 0 as long as one voxel of it is marked.

Of each scan only a small table is kept, its Dice for every threshold and every smallest component: the probabilities of thirty full-size
scans would fill the memory.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from radlearn.metrics.masks import Spacing, bounding_box, voxels_in
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing, components, smallest_kept
from radlearn.workflow.cross_fitting import AblationStep, parts_of

THRESHOLDS = tuple(round(0.2 + 0.05 * step, 2) for step in range(13))
SMALLEST_ML = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
SMALLEST_SCAN_ML = (0.0, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0)
SMALLEST_GAIN = 1e-3
STEPS = ("threshold", "small components removed", "small masks emptied")
PLAIN = MaskPostprocessing()


def dice_table(probability: np.ndarray, truth: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Return the Dice of one scan for every postprocessing, float64 (`THRESHOLDS`, `SMALLEST_ML`); NaN where both masks are empty.

    Args:
        probability: (i, j, k), in [0, 1]; `truth` is bool of the same shape.
    """
    return dice_and_volume_tables(probability, truth, spacing_mm)[0]


def dice_and_volume_tables(probability: np.ndarray, truth: np.ndarray, spacing_mm: Spacing) -> tuple[np.ndarray, np.ndarray]:
    """Return the table of `dice_table`, and that of the volumes of the masks in ml, both float64 (`THRESHOLDS`, `SMALLEST_ML`)."""
    true, table = voxels_in(truth), np.full((len(THRESHOLDS), len(SMALLEST_ML)), np.nan)
    in_ml = np.zeros_like(table)
    box = bounding_box(np.asarray(probability >= THRESHOLDS[0]))
    if box is None:
        return np.where(true > 0, 0.0, table), in_ml
    inside, truth_inside = probability[box], truth[box]
    for row, threshold in enumerate(THRESHOLDS):
        number, volumes_ml = components(inside >= threshold, spacing_mm)
        sizes = np.bincount(number.ravel(), minlength=len(volumes_ml) + 1)[1:]
        common = np.bincount(number[truth_inside], minlength=len(volumes_ml) + 1)[1:]
        for column, smallest_ml in enumerate(SMALLEST_ML):
            stays = volumes_ml >= smallest_kept(smallest_ml)
            in_ml[row, column] = volumes_ml[stays].sum()
            both = int(sizes[stays].sum()) + true
            table[row, column] = 2 * int(common[stays].sum()) / both if both else np.nan
    return table, in_ml


def volumes_at(tables: np.ndarray, postprocessing: MaskPostprocessing) -> np.ndarray:
    """Return the volume of each scan's mask in ml after a postprocessing from `tuned_masks`; tables (scans, thresholds, smallest)."""
    in_ml = tables[:, THRESHOLDS.index(postprocessing.threshold), SMALLEST_ML.index(postprocessing.smallest_ml)]
    return np.where(in_ml < smallest_kept(postprocessing.smallest_scan_ml), 0.0, in_ml)


def whole_table(dice: np.ndarray, in_ml: np.ndarray, truth_ml: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the Dice of every scan for every postprocessing, (scans, thresholds, smallest, smallest of a scan).

    Args:
        dice, in_ml: (scans, thresholds, smallest), from `dice_and_volume_tables`.
        truth_ml: (scans,), what there is to be found.
    """
    # Where nothing is marked, a scan with lesions has a Dice of 0, and one without has none.
    of_empty = np.where(np.asarray(truth_ml) > 0, 0.0, np.nan)[:, None, None]
    return np.stack([np.where(in_ml < smallest_kept(volume), of_empty, dice) for volume in SMALLEST_SCAN_ML], axis=-1)


def tuned_masks(table: np.ndarray, persons: Sequence[str], seed: int = 0) -> tuple[MaskPostprocessing, list[AblationStep]]:
    """Return the postprocessing with the best mean Dice, and its ablation, which begins with a threshold of one half.

    Args:
        table: from `whole_table`.
        persons: (scans,).
        seed: of the split of persons for cross-fitting.
    """
    (row, column, scan), ablation = chosen_places(table, persons, seed, STEPS, SMALLEST_GAIN)
    return MaskPostprocessing(THRESHOLDS[row], SMALLEST_ML[column], SMALLEST_SCAN_ML[scan]), ablation


def chosen_places(
    table: np.ndarray, persons: Sequence[str], seed: int, steps: Sequence[str], smallest_gain: float
) -> tuple[tuple[int, int, int], list[AblationStep]]:
    """Return where in a table the best mean lies, and the ablation of the steps that lead there.

    Args:
        table: (cases, thresholds, smallest components, smallest masks) from `THRESHOLDS` and from 0 on, NaN where a case has no score.
        persons: (cases,).
        seed: of the split of persons for cross-fitting.
        steps: what the threshold, the first and the second further axis are called in the ablation.
        smallest_gain: of the cross-fitted mean, from which on a further axis is opened.
    """
    plain = _mean(table)[THRESHOLDS.index(PLAIN.threshold), 0, 0]
    ablation = [AblationStep("nothing tuned", float(plain), float(plain), True)]
    of_part = parts_of(persons, seed)
    # How many values of the second and of the third axis are open to choice.
    counts = [1, 1]
    for step, axis in zip(steps, (None, 0, 1), strict=True):
        tried = [table.shape[2 + at] if at == axis else count for at, count in enumerate(counts)]
        seen = table[:, :, : tried[0], : tried[1]]
        cross_fitted = np.nanmean(list(_cross_fitted(seen, of_part)))
        before = next(one.cross_fitted for one in reversed(ablation) if one.taken)
        taken = axis is None or cross_fitted > before + smallest_gain
        ablation.append(AblationStep(step, float(_mean(seen)[_best(seen)]), float(cross_fitted), bool(taken)))
        counts = tried if taken else counts
    row, column, scan = _best(table[:, :, : counts[0], : counts[1]])
    return (row, column, scan), ablation


def curves(table: np.ndarray, postprocessing: MaskPostprocessing) -> dict[str, Any]:
    """Return the mean Dice over each of the three values, the others as in the postprocessing; `table` from `whole_table`."""
    means = _mean(table)
    row, column = THRESHOLDS.index(postprocessing.threshold), SMALLEST_ML.index(postprocessing.smallest_ml)
    scan = SMALLEST_SCAN_ML.index(postprocessing.smallest_scan_ml)
    return {
        "threshold": list(THRESHOLDS),
        "dice_score": means[:, column, scan].tolist(),
        "smallest_ml": list(SMALLEST_ML),
        "dice_score_by_smallest_ml": means[row, :, scan].tolist(),
        "smallest_scan_ml": list(SMALLEST_SCAN_ML),
        "dice_score_by_smallest_scan_ml": means[row, column].tolist(),
    }


def _mean(tables: np.ndarray) -> np.ndarray:
    counted = (~np.isnan(tables)).sum(axis=0)
    return np.nansum(tables, axis=0) / np.maximum(counted, 1)


def _best(table: np.ndarray) -> tuple[int, int, int]:
    means = _mean(table)
    # Smoothed over neighbouring thresholds, because a lone peak is chance.
    padded = np.concatenate([means[:1], means, means[-1:]])
    row, column, scan = np.unravel_index(np.argmax(padded[:-2] + padded[1:-1] + padded[2:]), means.shape)
    return int(row), int(column), int(scan)


def _cross_fitted(table: np.ndarray, of_part: np.ndarray) -> Iterator[float]:
    """Yield the Dice of each scan with the postprocessing that the persons of the other parts choose."""
    for part in np.unique(of_part):
        held_out = of_part == part
        best = _best(table[~held_out] if (~held_out).any() else table)
        yield from table[held_out, *best]
