"""The postprocessing for label maps, chosen on validation persons, each class by itself.

What is maximised is the Dice in which an image that is rightly left empty counts as 1: a threshold that finds the class everywhere is then
as wrong as one that finds it nowhere. A threshold is always needed; the further steps are adopted only where they raise the cross-fitted
Dice (`workflow.cross_fitting`). Of each image only a small table is kept.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from radlearn.metrics.masks import voxels_in
from radlearn.tasks.segmentation.label_maps.postprocessing import ClassPostprocessing, components, smallest_kept
from radlearn.tasks.segmentation.search import THRESHOLDS, chosen_places
from radlearn.workflow.cross_fitting import AblationStep

SMALLEST_PERCENT = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
SMALLEST_IMAGE_PERCENT = (0.0, 0.1, 0.2, 0.5, 1.0, 1.5, 2.0)
SMALLEST_GAIN = 1e-3
STEPS = ("threshold", "small components removed", "small areas emptied")


def class_table(probability: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the Dice of a class of an image for every postprocessing, float64 (thresholds, smallest, smallest of an image).

    It is 1 where both are empty.

    Args:
        probability: (rows, columns), in [0, 1]; `truth` is bool of the same shape.
    """
    true = voxels_in(truth)
    of_empty = 0.0 if true else 1.0
    table = np.full((len(THRESHOLDS), len(SMALLEST_PERCENT), len(SMALLEST_IMAGE_PERCENT)), of_empty)
    for row, threshold in enumerate(THRESHOLDS):
        number, percent = components(probability >= threshold)
        if not len(percent):
            # Higher thresholds find nothing either.
            break
        sizes = np.bincount(number.ravel(), minlength=len(percent) + 1)[1:]
        common = np.bincount(number[truth], minlength=len(percent) + 1)[1:]
        for column, smallest in enumerate(SMALLEST_PERCENT):
            stays = percent >= smallest_kept(smallest)
            both, in_all = int(sizes[stays].sum()) + true, percent[stays].sum()
            dice = 2 * int(common[stays].sum()) / both if both else 1.0
            enough = [in_all >= smallest_kept(least) for least in SMALLEST_IMAGE_PERCENT]
            table[row, column] = np.where(enough, dice, of_empty)
    return table


def tuned_class(
    name: str, table: np.ndarray, persons: Sequence[str], seed: int = 0
) -> tuple[ClassPostprocessing, list[AblationStep], dict[str, Any]]:
    """Return the postprocessing of a class with the best mean Dice, its ablation, and the mean over each of the three values.

    Args:
        table: (images, *the shape of `class_table`).
        persons: (images,).
        seed: of the split of persons for cross-fitting.
    """
    (row, column, image), ablation = chosen_places(table, persons, seed, STEPS, SMALLEST_GAIN)
    chosen = ClassPostprocessing(name, THRESHOLDS[row], SMALLEST_PERCENT[column], SMALLEST_IMAGE_PERCENT[image])
    means = table.mean(axis=0)
    curve = {
        "threshold": list(THRESHOLDS),
        "dice_score_with_empty": means[:, column, image].tolist(),
        "smallest_percent": list(SMALLEST_PERCENT),
        "dice_score_by_smallest_percent": means[row, :, image].tolist(),
        "smallest_image_percent": list(SMALLEST_IMAGE_PERCENT),
        "dice_score_by_smallest_image_percent": means[row, column].tolist(),
    }
    return chosen, ablation, curve
