"""`recipe.json` in a run folder: how a network's numbers become a prediction, chosen when its training ended."""

from dataclasses import asdict
from typing import Any, TypeVar

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.files import read_json, write_json
from radlearn.training.run_folder import Run

Recipe = TypeVar("Recipe")


def write_recipe(run: Run, recipe: Any, about: dict[str, Any]) -> None:
    """Write the recipe, a dataclass, and with it `about`, how it was found (JSON values)."""
    write_json(run.folder / "recipe.json", {"recipe": asdict(recipe), **about})


def read_recipe(run: Run, kind: type[Recipe]) -> tuple[Recipe, dict[str, Any]]:
    """Read a run's recipe, of the class `kind`, and how it was found.

    Raises:
        BadRunFolder: if training has not come to its end, or the file is no such recipe.
    """
    file = run.folder / "recipe.json"
    if not file.exists():
        raise BadRunFolder(f"{run.folder}: its training has not come to its end. To go on with it: {run.resume_command}")
    kept = read_json(file)
    try:
        return kind(**kept.pop("recipe")), kept
    except (KeyError, TypeError, AttributeError, BadSetting) as error:
        raise BadRunFolder(
            f"{file}: is no recipe of {run.task} ({error}). It was changed or damaged after it was written; remove it and choose it again: "
            f"{run.resume_command}"
        ) from None
