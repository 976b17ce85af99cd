"""Several labels of cases: their names, and their values as a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def label_names(cases: Sequence[Any]) -> tuple[str, ...]:
    """Return the names of the labels of cases, in their order; none where cases have one label without a name.

    >>> label_names([])
    ()
    """
    return tuple(dict.fromkeys(name for case in cases for name, _ in getattr(case, "labels", ())))


def label_values(cases: Sequence[Any], names: Sequence[str]) -> np.ndarray:
    """Return the labels of cases, float64 (cases, names): 1, 0, or NaN where one is not known or a case has none of that name."""
    known = [dict(getattr(case, "labels", ())) for case in cases]
    return np.array([[np.nan if (value := one.get(name)) is None else float(value) for name in names] for one in known]).reshape(
        len(known), len(names)
    )


def labels_in_words(case: Any) -> str:
    """Return the labels that a case is known to have, for a message.

    >>> from types import SimpleNamespace
    >>> labels_in_words(SimpleNamespace(labels=(("mass", True), ("effusion", False), ("nodule", None))))
    'mass (not known: nodule)'
    """
    there = [name for name, value in case.labels if value]
    unknown = [name for name, value in case.labels if value is None]
    return (", ".join(there) or "no label") + (f" (not known: {', '.join(unknown)})" if unknown else "")
