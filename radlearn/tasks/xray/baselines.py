"""Trivial baselines on X-rays, computed without any anatomy: the share of positives by view, and the mean brightness."""

from collections.abc import Mapping, Sequence

import numpy as np

from radlearn.metrics.ranking import auroc_score
from radlearn.tasks.xray.radiographs import PreparedRadiograph, labels_of, views_of


def view_shares(xrays: Sequence[PreparedRadiograph]) -> dict[str, float]:
    """Return the share of positive X-rays by view, and for "all"."""
    labels, views = labels_of(xrays), views_of(xrays)
    shares = {str(view): float(labels[views == view].mean()) for view in sorted(set(views)) if view}
    return shares | {"all": float(labels.mean())}


VIEW_NOT_KNOWN = "The view alone is no rival here: it is known of none of these X-rays, or of none that the model was trained on."


def view_baseline(views: Sequence[str] | np.ndarray, shares: Mapping[str, float]) -> np.ndarray | None:
    """Return the prediction from the view alone, float64 (cases,): the share of positive training X-rays of that view.

    None where no view is known that training knew too: what was not measured has no score, not that of chance.

    Args:
        views: (cases,), "" where it is not known.
        shares: by view, and "all" for any other.
    """
    if not any(str(view) in shares for view in views if view):
        return None
    return np.array([shares.get(str(view), shares["all"]) for view in views], dtype=np.float64)


def mean_brightness(xrays: Sequence[PreparedRadiograph]) -> np.ndarray:
    """Return the mean pixel of each X-ray, float (cases,) in [0, 1]."""
    return np.array([xray.pixels.mean() for xray in xrays])


def brightness_sign(brightness: np.ndarray, xrays: Sequence[PreparedRadiograph]) -> int:
    """Return 1 if positive X-rays are the brighter ones, else -1."""
    return 1 if auroc_score(brightness, labels_of(xrays)) >= 0.5 else -1
