"""Who a run was judged on: the head of its score file, and the groups that a mean would hide."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.challenges import covid19
from radlearn.challenges.rsna import Case
from radlearn.files import write_json
from radlearn.metrics.intervals import Interval
from radlearn.training.run_folder import Run
from radlearn.workbench.data_source import holds_exact_truth

AGE_BANDS = ((0, 18, "under 18 years"), (18, 40, "18–39 years"), (40, 60, "40–59 years"), (60, 111, "60 years and over"))


def write_scores(run: Run, split: str, cases: Sequence[Case | covid19.Case], found: Mapping[str, Any]) -> dict[str, Any]:
    """Write what was found beside whom it was found on, and return both: `scores.json`, or `scores-SPLIT.json` for other splits."""
    content = {
        "task": run.task,
        "split": split,
        # Of the cases judged, which need not be of the kind that was trained on.
        "synthetic": all(holds_exact_truth(folder) for folder in {_data_folder(case) for case in cases}),
        "cases": len(cases),
        "persons": len({case.person for case in cases}),
        **found,
    }
    write_json(run.folder / ("scores.json" if split == "test" else f"scores-{split}.json"), content)
    return content


def _data_folder(case: Case | covid19.Case) -> Path:
    return case.folder if isinstance(case, covid19.Case) else case.path.parent.parent


def interval_of(score: Mapping[str, float | None]) -> Interval:
    """Return a score of a score file, where a missing number may be None or NaN, as an `Interval`."""
    value, low, high = (math.nan if (number := score[key]) is None else float(number) for key in ("value", "low", "high"))
    return Interval(value, low, high)


def answers_by_view(views: Sequence[str] | np.ndarray, view_shares: Mapping[str, float]) -> np.ndarray:
    """Return what one would answer who knows nothing but the view, float64 (cases,): the share of positive training films of that view.

    Args:
        views: (cases,), "" where it is not known.
        view_shares: by view, and "all" for any other.
    """
    return np.array([view_shares.get(str(view), view_shares["all"]) for view in views], dtype=np.float64)


def subgroups_of(cases: Sequence[Case]) -> dict[str, np.ndarray]:
    """Return who belongs to which subgroup, bool (cases,) each; groups without anybody are left out, except the two views."""
    view = np.array([case.view or "" for case in cases])
    sex = np.array([case.sex or "" for case in cases])
    age = np.array([np.nan if case.age_years is None else case.age_years for case in cases], dtype=float)
    groups = {"AP (lying or sitting)": view == "AP", "PA (standing)": view == "PA", "women": sex == "F", "men": sex == "M"}
    groups |= {name: (age >= low) & (age < high) for low, high, name in AGE_BANDS}
    groups |= {"view unknown": ~np.isin(view, ["AP", "PA"]), "age unknown": np.isnan(age)}
    always = ("AP (lying or sitting)", "PA (standing)")
    return {name: chosen for name, chosen in groups.items() if chosen.any() or name in always}
