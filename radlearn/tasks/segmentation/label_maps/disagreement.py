"""What several runs predict for an image: the mean of the probabilities of each class, and how far their label maps differ.

The measures are those of masks of CTs (`tasks.segmentation.disagreement`), for each class by itself. Areas are in percent of the image,
because most images have no spacing.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from radlearn.errors import BadSetting
from radlearn.tasks.segmentation.disagreement import MaskDifferences, mean_of
from radlearn.tasks.segmentation.label_maps.postprocessing import LabelMapPostprocessing, label_map_of
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_postprocessing


class ClassDisagreement(NamedTuple):
    """How far the parts of a class differ in the label maps that the runs would give alone, each with its own postprocessing."""

    # Population standard deviation over the runs of the share of the image that the class has, in percent.
    percent_sd: float
    # 1 - the mean Dice over all pairs of runs, 0 to 1; two empty parts agree.
    disagreement: float


def mean_probabilities(
    each: Iterable[np.ndarray], postprocessings: Sequence[LabelMapPostprocessing]
) -> tuple[np.ndarray, tuple[ClassDisagreement, ...] | None]:
    """Return the mean of the probabilities of several runs for an image, and how far they differ by class; of one run its own, and None.

    Args:
        each: for every run its probability, float32 (classes with the background, rows, columns), on the pixels of the file; taken one
            after another.
        postprocessings: those of the runs, in the same order, of the same classes.

    >>> from radlearn.tasks.segmentation.label_maps.postprocessing import plain
    >>> runs = [np.reshape([0.75, 0.25], (2, 1, 1)), np.reshape([0.25, 0.75], (2, 1, 1))]
    >>> mean, differ = mean_probabilities(runs, [plain(["nerve"])] * 2)
    >>> mean[1].item(), differ
    (0.5, (ClassDisagreement(percent_sd=50.0, disagreement=1.0),))
    """
    if len(postprocessings) == 1:
        return next(iter(each)), None
    differences = [MaskDifferences() for _ in postprocessings[0].classes]

    def looked_at() -> Iterator[np.ndarray]:
        for probability, postprocessing in zip(each, postprocessings, strict=True):
            labels = label_map_of(probability, postprocessing)
            for number, of_class in enumerate(differences, start=1):
                mask = labels == number
                of_class.add(mask, 100 * float(mask.mean()))
            yield probability

    mean = mean_of(looked_at())
    return mean, tuple(ClassDisagreement(one.size_sd, one.disagreement) for one in differences)


def own_postprocessings(runs: Sequence[Run]) -> list[LabelMapPostprocessing]:
    """Return the postprocessing of each of several runs that predict together.

    Raises:
        BadSetting: if one predicts other classes than the first, or in another order: the first channel of one is not that of the other.
        BadRunFolder: as `read_postprocessing`.
    """
    each = [read_postprocessing(run, LabelMapPostprocessing)[0] for run in runs]
    for run, own in zip(runs, each, strict=True):
        if own.names != each[0].names:
            raise BadSetting(
                f"{run.folder} predicts {', '.join(own.names)}, {runs[0].folder} predicts {', '.join(each[0].names)}. Runs that predict "
                "together need the same classes in the same order."
            )
    return each
