"""`scores.json` in a run folder: scores, and the cases they were measured on."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from radlearn.challenges.challenge import Case
from radlearn.challenges.folders import holds_exact_truth
from radlearn.errors import BadRunFolder
from radlearn.json_files import write_json
from radlearn.metrics.intervals import Interval
from radlearn.progress import say
from radlearn.training.run_files import CHANGED, ScoresFile, read_run_file
from radlearn.training.run_folder import Run, must_be_there
from radlearn.workflow.case_contents import digest_of
from radlearn.workflow.case_labels import names_of_labels, of_labels
from radlearn.workflow.postprocessing_file import FILE, chosen_digest, chosen_values

CHOICE = "postprocessing_digest"

# The split of other data than the run's own.
EXTERNAL = "external"


def scores_path(run: Run, split: str) -> Path:
    """Return where the scores of a split are: `scores.json` for "test", `scores-SPLIT.json` for any other."""
    return run.folder / ("scores.json" if split == "test" else f"scores-{split}.json")


def write_scores(run: Run, split: str, cases: Sequence[Case], found: Mapping[str, Any]) -> dict[str, Any]:
    """Write the scores of a split, where `scores_path` says, and return the content of the file.

    Args:
        cases: the evaluated cases; whether they are synthetic is looked up, because the training data may differ.
        found: scores, baselines and subgroups, as JSON values; and `notes`, what is doubtful, which are said here and stand in the report.
    """
    must_be_there(run)
    content = {
        "task": run.task,
        "split": split,
        **({} if run.evaluated_on is None else {"data": str(run.evaluated_on)}),
        "synthetic": all(holds_exact_truth(folder) for folder in {case.folder for case in cases}),
        "cases": len(cases),
        "persons": len({case.person for case in cases}),
        # Of names, pixels and truth: runs that were evaluated on other cases of the same names are not compared.
        "content": content_for(run, cases),
        # Other thresholds give other scores: those of before are not taken for the run's.
        CHOICE: chosen_digest(run),
        **found,
    }
    write_json(scores_path(run, split), content)
    for note in found.get("notes", ()):
        say(note, style="bold yellow")
    return content


def content_for(run: Run, cases: Sequence[Case]) -> str | None:
    """Return the digest of cases as a run evaluates them: of several labels those that it knows, whatever the order of their columns."""
    return digest_of(of_labels(cases, sorted(names_of_labels(run))))


def read_scores(run: Run, split: str, advice: str = "") -> dict[str, Any]:
    """Return the content of a score file, checked.

    Args:
        advice: a sentence on what to do, for the message.

    Raises:
        BadRunFolder: if it is missing or damaged, is that of another task or split, or the postprocessing was chosen again since.
    """
    path = scores_path(run, split)
    content = read_run_file(path, ScoresFile, advice)
    if (found := (content["task"], content["split"])) != (run.task, split):
        raise BadRunFolder(f"{path}: holds the scores of {' on '.join(found)}; expected {run.task} on {split}. {CHANGED} {advice}".rstrip())
    if _is_of_another_choice(run, content):
        raise BadRunFolder(
            f"{path}: its scores were measured with another postprocessing than {run.folder / FILE} has now: it was chosen again since. "
            f"Evaluate again: {evaluate_command(run, split)}"
        )
    return {**content}


def _is_of_another_choice(run: Run, content: Mapping[str, Any]) -> bool:
    """Tell whether scores are of another postprocessing than the run has now; where that cannot be told, they are believed."""
    if (said := content.get(CHOICE)) is not None:
        return chosen_digest(run) not in (said, None)
    now = chosen_values(run) or {}
    # Older scores say the values themselves, or the threshold alone.
    then = content.get("postprocessing", content)
    return isinstance(then, dict) and any(then[name] != now[name] for name in ("threshold", *now) if name in then and name in now)


def evaluate_command(run: Run, split: str, named: Path | None = None) -> str:
    """Return the command that measures a run's scores of a split; of several runs that were evaluated together, it names them all.

    Args:
        named: the folder of repeats that the run is one of.
    """
    alone = [named or run.folder]
    folders = run.about.get("runs", alone) if (run.folder / "settings.json").is_file() else alone
    return run.command("evaluate", *folders, *(("--data", "FOLDER") if split != "test" else ()))


def interval_of(score: Mapping[str, float | None]) -> Interval:
    """Return a score of a score file as an `Interval`; None becomes NaN."""
    value, low, high = (math.nan if (number := score[key]) is None else float(number) for key in ("value", "low", "high"))
    return Interval(value, low, high)
