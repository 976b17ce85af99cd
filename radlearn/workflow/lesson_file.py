"""The file that a task is declared in: the lesson of the registry, or a reader's copy of it."""

import inspect
from pathlib import Path

from radlearn import use_cases
from radlearn.folder_walks import real_path
from radlearn.training.run_folder import Run
from radlearn.workflow.task import AnyTask


def lesson_file(task: AnyTask) -> Path | None:
    """Return the file of a task's lesson; None where its functions come from no file."""
    try:
        source = inspect.getsourcefile(task.commands.train)
    except TypeError:
        return None
    return Path(source) if source is not None and Path(source).is_file() else None


def is_copy(task: AnyTask) -> bool:
    """Tell whether the lesson is another file than the one that `radlearn TASK` runs."""
    file, registered = lesson_file(task), use_cases.USE_CASES.get(task.name)
    if file is None:
        return False
    return registered is None or real_path(file) != real_path(registered.folder / f"{registered.lesson.rpartition('.')[2]}.py")


def about_copy(task: AnyTask) -> dict[str, str]:
    """Return the entry of settings.json that says of which copy of the lesson a run is; empty for the registered lesson."""
    file = lesson_file(task)
    return {"lesson": file.name} if file is not None and is_copy(task) else {}


def differs(task: AnyTask, run: Run) -> bool:
    """Tell whether a run is of a copy of the lesson, and the task is the registered lesson, whose code may be another."""
    return run.made_by_copy and not is_copy(task)
