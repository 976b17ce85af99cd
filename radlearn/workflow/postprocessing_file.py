"""`postprocessing.json` in a run folder: the postprocessing chosen on validation persons; one format for all tasks."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from radlearn.errors import BadRunFolder
from radlearn.json_files import write_json
from radlearn.training.checkpoint_header import digest_in, refuse_other_weights
from radlearn.training.run_files import CHANGED, checked, read_run_file, shown
from radlearn.training.run_folder import Run, must_be_there

FILE = "postprocessing.json"
WEIGHTS = "weights"
PostprocessingT = TypeVar("PostprocessingT")


def write_postprocessing(run: Run, postprocessing: Any, about: dict[str, Any]) -> None:
    """Write the postprocessing, a dataclass, JSON values about how it was chosen, and for which weights."""
    must_be_there(run)
    content = {"task": run.task, "postprocessing": asdict(postprocessing), **about, WEIGHTS: digest_in(run.best_weights)}
    write_json(run.folder / FILE, content)


class _Beside(dict[str, Any]):
    """The JSON values beside a postprocessing; one that is asked for and is not there makes the file invalid."""

    def __init__(self, content: dict[str, Any], file: Path, advice: str) -> None:
        super().__init__(content)
        self._file, self._advice = file, advice

    def __missing__(self, name: str) -> Any:
        raise BadRunFolder(f"{self._file}: {name} is missing. {CHANGED} {self._advice}")


def read_postprocessing(run: Run, kind: type[PostprocessingT]) -> tuple[PostprocessingT, dict[str, Any]]:
    """Return a run's postprocessing, of the class `kind`, and the JSON values about how it was chosen.

    These have the types that `kind.BESIDE`, a TypedDict, says, where the class has one.

    Raises:
        BadRunFolder: if the training has not finished, or the file is invalid or was made for other weights than those of the run. A value
            beside the postprocessing that is asked for by its name, and is not there, raises it too.
    """
    file = run.folder / FILE
    if not file.exists():
        raise BadRunFolder(f"{run.folder}: its training has not finished. To continue: {run.resume_command}")
    advice = f"It is not a valid postprocessing of {run.task}. Remove it. To choose it again: {run.resume_command}"
    content = read_run_file(file, dict[str, Any], advice)
    if (task := content.pop("task", run.task)) != run.task:
        raise BadRunFolder(f"{file}: task is {shown(task)}; expected {run.task!r}. {CHANGED} {advice}")
    refuse_other_weights(content.pop(WEIGHTS, None), run, file)
    chosen = content.pop("postprocessing", None)
    beside = checked(content, getattr(kind, "BESIDE", dict[str, Any]), file, advice)
    return checked(chosen, kind, file, advice), _Beside(beside, file, advice)
