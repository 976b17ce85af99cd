"""Who a run was evaluated on: the head of its score file, and the groups that a mean would hide."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from radlearn.challenges import covid19
from radlearn.challenges.rsna import Case
from radlearn.files import write_json
from radlearn.metrics.intervals import Interval
from radlearn.training.run_folder import Run
from radlearn.workflow.data_source import holds_exact_truth


def write_scores(run: Run, split: str, cases: Sequence[Case | covid19.Case], found: Mapping[str, Any]) -> dict[str, Any]:
    """Write what was found beside whom it was found on, and return both: `scores.json`, or `scores-SPLIT.json` for other splits."""
    content = {
        "task": run.task,
        "split": split,
        # Of the cases evaluated, which need not be of the kind that was trained on.
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
