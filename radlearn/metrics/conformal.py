"""Conformal prediction: a model that may answer "I don't know", and keeps its promise of how often it is right.

A threshold that was chosen for the best score promises nothing for the next person. Split conformal prediction does: from the
probabilities of validation cases alone, whatever the model, it finds thresholds so that the set of answers that are left holds the right
one with the promised probability, for each label by itself. A set with both labels says "I don't know"; an empty one says that the case
resembles neither label's cases.

The promise is about new cases that come from where the validation cases came from. It is an average over validation sets: with few of them
the coverage of a single one varies. Cases of one person resemble each other, so that the promise is somewhat optimistic where persons have
many.

Source: Vovk, Gammerman and Shafer 2005, Algorithmic Learning in a Random World; by label, Sadinle, Lei and Wasserman 2019, Journal of the
American Statistical Association 114(525):223, doi:10.1080/01621459.2017.1395341.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting
from radlearn.metrics.predictions import checked_predictions


@dataclass(frozen=True)
class ConformalThresholds:
    """Thresholds of a probability for both labels at a promised coverage.

    Attributes:
        positive_from: the positive label is possible from this probability on, in [0, 1]; 0 where there are too few cases to exclude it.
        negative_up_to: the negative label is possible up to this probability; 1 where there are too few cases to exclude it.
        coverage: the promised share of sets that hold the right label, in (0, 1).
    """

    positive_from: float
    negative_up_to: float
    coverage: float

    def sets(self, probabilities: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return which labels are possible: (positive, negative), bool (cases,) each.

        >>> positive, negative = ConformalThresholds(0.3, 0.6, 0.9).sets([0.1, 0.5, 0.9])
        >>> positive.tolist(), negative.tolist()
        ([False, True, True], [True, True, False])
        """
        p = np.asarray(probabilities, dtype=np.float64)
        return p >= self.positive_from, p <= self.negative_up_to


def conformal_thresholds(probabilities: ArrayLike, labels: ArrayLike, coverage: float = 0.9) -> ConformalThresholds:
    """Return the thresholds at which the sets of new cases hold the right label with the promised probability, for either label.

    Of n positive validation cases the threshold is the k-th lowest probability, k = floor((n + 1) · (1 - coverage)): a new positive case
    lies below it with a probability of at most k / (n + 1). Likewise for negative cases, from above. Where k is 0, too few cases are known
    to exclude the label at all.

    Args:
        probabilities: (cases,), of validation cases that the model was not trained on.
        labels: bool (cases,).
        coverage: above 0 and below 1.

    Raises:
        BadSetting: if coverage is out of its range; as `checked_predictions`.

    >>> conformal_thresholds([0.2, 0.4, 0.6, 0.8, 0.1, 0.3], [1, 1, 1, 1, 0, 0], coverage=0.5)
    ConformalThresholds(positive_from=0.4, negative_up_to=0.3, coverage=0.5)
    """
    if not 0 < coverage < 1:
        raise BadSetting(f"coverage is {coverage!r}; it must be above 0 and below 1, such as 0.9.")
    p, y, _ = checked_predictions(probabilities, labels)
    lowest_positive, highest_negative = np.sort(p[y]), np.sort(p[~y])[::-1]
    return ConformalThresholds(_kth(lowest_positive, coverage, 0.0), _kth(highest_negative, coverage, 1.0), coverage)


def _kth(extremes_first: np.ndarray, coverage: float, nothing_excluded: float) -> float:
    # A little more than the product, which may be 2.9999999999999996.
    k = math.floor((len(extremes_first) + 1) * (1 - coverage) + 1e-9)
    return float(extremes_first[k - 1]) if k else nothing_excluded
