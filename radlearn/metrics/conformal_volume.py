"""Conformal prediction of a volume: an interval around the predicted one that holds the true one as often as promised.

The errors of validation scans alone decide how wide it is, whatever the network. As for labels (`metrics.conformal`), the promise is about
new scans that come from where the validation scans came from, and it is an average over validation sets: with few of them the coverage of
a single one varies. It is somewhat optimistic where persons have several scans, and where the same scans chose the threshold of the mask.

Source: Lei et al. 2018, Journal of the American Statistical Association 113(523):1094, doi:10.1080/01621459.2017.1307116.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting

# Promised share of intervals that hold the true volume, where there are enough validation scans.
VOLUME_COVERAGE = 0.9
# With fewer scans not even 80 % can be promised.
FEWEST_SCANS = 4


@dataclass(frozen=True)
class ConformalVolume:
    """An interval around a predicted volume that holds the true one with a promised probability.

    The interval is equally wide for all volumes on the scale of square roots: an error in ml grows with a lesion, one in percent shrinks,
    and a scan without a lesion has no percentage.

    Attributes:
        root_error: half the width of the interval, in the square root of ml; 0 or more.
        coverage: the promised share of intervals that hold the true volume, in (0, 1).
        scans: number of validation scans that it was chosen on.
    """

    root_error: float
    coverage: float
    scans: int

    def around(self, predicted_ml: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and the upper end of the interval in ml, float64 of the shape of `predicted_ml`; 0 or more.

        >>> low, high = ConformalVolume(1.0, 0.9, 20).around([0.0, 100.0])
        >>> low.tolist(), high.tolist()
        ([0.0, 81.0], [1.0, 121.0])
        """
        root = np.sqrt(np.asarray(predicted_ml, dtype=np.float64))
        return np.maximum(root - self.root_error, 0) ** 2, (root + self.root_error) ** 2


def conformal_volume(predicted_ml: ArrayLike, truth_ml: ArrayLike, coverage: float = VOLUME_COVERAGE) -> ConformalVolume | None:
    """Return the interval of volumes from those of validation scans; None with fewer than 4, which cannot even promise 80 %.

    Of n absolute errors of square roots the k-th smallest is taken, k = ceil((n + 1) · coverage): that of a new scan is at most as large
    with a probability of k / (n + 1). Where k would be n + 1, too few scans are known: the largest is taken, and n / (n + 1) is promised.

    Args:
        predicted_ml, truth_ml: (scans,), 0 or more, of validation scans that the network was not trained on.
        coverage: above 0 and below 1.

    Raises:
        BadSetting: if coverage is out of its range, or a volume is below 0, not finite, or missing.

    >>> conformal_volume([1, 4, 9, 16], [4, 4, 9, 25], coverage=0.9)
    ConformalVolume(root_error=1.0, coverage=0.8, scans=4)
    """
    if not 0 < coverage < 1:
        raise BadSetting(f"coverage is {coverage!r}; it must be above 0 and below 1, such as 0.9.")
    predicted, truth = np.asarray(predicted_ml, dtype=np.float64), np.asarray(truth_ml, dtype=np.float64)
    if predicted.ndim != 1 or predicted.shape != truth.shape:
        raise BadSetting(f"volumes of shape {predicted.shape} and {truth.shape}: expected one of each per scan, both (scans,).")
    both = np.concatenate([predicted, truth])
    if not (np.isfinite(both) & (both >= 0)).all():
        raise BadSetting(f"a volume is {both[~(np.isfinite(both) & (both >= 0))][0]} ml; expected finite volumes of 0 ml or more.")
    scans = len(truth)
    if scans < FEWEST_SCANS:
        return None
    errors = np.sort(np.abs(np.sqrt(predicted) - np.sqrt(truth)))
    # A little less than the product, which may be 9.000000000000002.
    k = math.ceil((scans + 1) * coverage - 1e-9)
    promised = coverage if k <= scans else scans / (scans + 1)
    return ConformalVolume(float(errors[min(k, scans) - 1]), promised, scans)
