"""`postprocessing.json` in a run folder: the postprocessing chosen on validation persons; one format for all tasks."""

from dataclasses import asdict
from typing import Any, TypeVar

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.files import read_json, write_json
from radlearn.training.run_folder import Run

FILE = "postprocessing.json"
PostprocessingT = TypeVar("PostprocessingT")


def write_postprocessing(run: Run, postprocessing: Any, about: dict[str, Any]) -> None:
    """Write the postprocessing, a dataclass, and JSON values about how it was chosen."""
    write_json(run.folder / FILE, {"task": run.task, "postprocessing": asdict(postprocessing), **about})


def read_postprocessing(run: Run, kind: type[PostprocessingT]) -> tuple[PostprocessingT, dict[str, Any]]:
    """Return a run's postprocessing, of the class `kind`, and the JSON values about how it was chosen.

    Raises:
        BadRunFolder: if the training has not finished, or the file is invalid.
    """
    file = run.folder / FILE
    if not file.exists():
        raise BadRunFolder(f"{run.folder}: its training has not finished. To continue: {run.resume_command}")
    try:
        content = dict(read_json(file))
        content.pop("task", None)
        return kind(**content.pop("postprocessing")), content
    except (KeyError, TypeError, ValueError, AttributeError, BadSetting) as error:
        raise BadRunFolder(
            f"{file}: is not a valid postprocessing of {run.task} ({error}). It was changed or damaged after it was written. "
            f"Remove it. To choose it again: {run.resume_command}"
        ) from None
