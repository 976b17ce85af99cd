"""`postprocessing.json` in a run folder: what was chosen on validation persons, and how it was found; one format for all tasks."""

from dataclasses import asdict
from typing import Any, TypeVar

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.files import read_json, write_json
from radlearn.training.run_folder import Run

FILE = "postprocessing.json"
PostprocessingT = TypeVar("PostprocessingT")


def write_postprocessing(run: Run, postprocessing: Any, about: dict[str, Any]) -> None:
    """Write the postprocessing, a dataclass, and with it `about`, how it was found (JSON values)."""
    write_json(run.folder / FILE, {"task": run.task, "postprocessing": asdict(postprocessing), **about})


def read_postprocessing(run: Run, kind: type[PostprocessingT]) -> tuple[PostprocessingT, dict[str, Any]]:
    """Read a run's postprocessing, of the class `kind`, and how it was found.

    Raises:
        BadRunFolder: if the training has not finished, or the file holds no such postprocessing.
    """
    file = run.folder / FILE
    if not file.exists():
        raise BadRunFolder(f"{run.folder}: its training has not finished. To continue it: {run.resume_command}")
    try:
        content = dict(read_json(file))
        content.pop("task", None)
        return kind(**content.pop("postprocessing")), content
    except (KeyError, TypeError, ValueError, AttributeError, BadSetting) as error:
        raise BadRunFolder(
            f"{file}: holds no postprocessing of {run.task} ({error}). It was changed or damaged after it was written. Remove it and let "
            f"it be chosen again: {run.resume_command}"
        ) from None
