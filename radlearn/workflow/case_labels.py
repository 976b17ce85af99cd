"""Several labels of cases: their names, and their values as a table."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from radlearn.challenges.challenge import CaseT
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import chosen_values

LABELS = "label_names"
"In settings.json: the names of a run's labels, in the order of its network's outputs; older runs have them in their postprocessing alone."


def label_names(cases: Sequence[Any]) -> tuple[str, ...]:
    """Return the names of the labels of cases, in their order; none where cases have one label without a name.

    >>> label_names([])
    ()
    """
    return tuple(dict.fromkeys(name for case in cases for name, _ in getattr(case, "labels", ())))


def names_of_labels(run: Run) -> tuple[str, ...]:
    """Return the names of the labels that a run was trained on, in the order of then; none where it has one without a name, or no file."""
    if not (run.folder / "settings.json").is_file():
        return ()
    if isinstance(kept := run.about.get(LABELS), list):
        return tuple(map(str, kept))
    labels = (chosen_values(run) or {}).get("labels")
    return tuple(str(one["name"]) for one in labels if isinstance(one, dict) and "name" in one) if isinstance(labels, list) else ()


def of_labels(cases: Sequence[CaseT], names: Sequence[str]) -> list[CaseT]:
    """Return cases with the labels `names` alone, in that order; as they are where they lack one of them, or nothing is named.

    A table may have got another order of columns since, or a further label: what is true of those that a run knows is the same.
    """
    if not names or not set(names) <= set(label_names(cases)):
        return list(cases)
    known: list[Any] = [(case, dict(getattr(case, "labels", ()))) for case in cases]
    return [replace(case, labels=tuple((name, labels.get(name)) for name in names)) for case, labels in known]


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
