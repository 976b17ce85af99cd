"""`postprocessing.json` in a run folder: how a network's numbers become a prediction, chosen when its training ended."""

from dataclasses import asdict
from typing import Any, TypeVar

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.files import read_json, write_json
from radlearn.training.run_folder import Run

Postprocessing = TypeVar("Postprocessing")


def write_postprocessing(run: Run, postprocessing: Any, about: dict[str, Any]) -> None:
    """Write the postprocessing, a dataclass, and with it `about`, how it was found (JSON values)."""
    write_json(run.folder / "postprocessing.json", {"postprocessing": asdict(postprocessing), **about})


def read_postprocessing(run: Run, kind: type[Postprocessing]) -> tuple[Postprocessing, dict[str, Any]]:
    """Read a run's postprocessing, of the class `kind`, and how it was found.

    Raises:
        BadRunFolder: if training has not come to its end, or the file is no such postprocessing.
    """
    file = run.folder / "postprocessing.json"
    if not file.exists():
        raise BadRunFolder(f"{run.folder}: its training has not come to its end. To go on with it: {run.resume_command}")
    kept = read_json(file)
    try:
        return kind(**kept.pop("postprocessing")), kept
    except (KeyError, TypeError, AttributeError, BadSetting) as error:
        raise BadRunFolder(
            f"{file}: is no postprocessing of {run.task} ({error}). It was changed or damaged after it was written; remove it and choose it again: "
            f"{run.resume_command}"
        ) from None
