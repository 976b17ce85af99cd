"""The page of a demo that goes on after a stop shows scores of what the runs do now."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from radlearn.demo import _gone_on_with
from radlearn.json_files import write_json
from radlearn.training.run_folder import Run
from tests.made_runs import made_probabilities, made_run


@pytest.mark.parametrize("tuned", [False, True])
def test_a_run_that_was_tuned_since_is_evaluated_again(tmp_path: Path, tuned: bool) -> None:
    run = made_run(tmp_path / "run", "classification", made_probabilities(0))
    (run.folder / "report.html").touch()
    if tuned:
        write_json(run.folder / "postprocessing.json", {"task": run.task, "postprocessing": {"threshold": 0.5}})
    asked: list[Path] = []

    def evaluate(one: Run) -> dict[str, Any]:
        asked.append(one.folder)
        return {"anew": True}

    api = SimpleNamespace(task=SimpleNamespace(name=run.task), evaluate=evaluate)
    _, scores = _gone_on_with(api, run.folder)
    assert (scores.get("anew"), asked) == ((True, [run.folder]) if tuned else (None, []))
