"""The runs whose weights a run started from."""

from collections.abc import Sequence
from pathlib import Path

from radlearn.errors import BadRunFolder
from radlearn.progress import say
from radlearn.training.checkpoint_header import STARTED, header_of
from radlearn.training.run_folder import Run, open_run


def earlier_run(run: Run) -> Run | None:
    """Return the run whose weights a run started from; None where it started from none.

    Raises:
        BadRunFolder: if its folder is gone, or is no run; if the weights know of one that the settings do not name any more.
    """
    named = run.about.get("start_from")
    if named is None and (header_of(run.best_weights) or {}).get(STARTED) is True:
        raise BadRunFolder(f"{run.folder / 'settings.json'}: start_from was removed, which names an earlier run. Write it in again.")
    return None if named is None else open_run(Path(named))


def finished_run(folder: Path, task: str) -> Run:
    """Open a run to start from.

    Raises:
        BadRunFolder: if it is no run of the task, or has no weights yet.
    """
    run = open_run(folder, task)
    if not run.best_weights.is_file():
        raise BadRunFolder(f"{run.folder}: has no trained weights yet to start from. To continue: {run.resume_command}")
    return run


def with_earlier(runs: Sequence[Run]) -> list[Run]:
    """Return runs, and those that they started from, and so on; each once. Says of which the folder is gone."""
    found: dict[Path, Run] = {}
    waiting = list(reversed(runs))
    while waiting:
        run = waiting.pop()
        if run.folder.resolve() in found:
            continue
        found[run.folder.resolve()] = run
        try:
            if (earlier := earlier_run(run)) is not None:
                waiting.append(earlier)
        except BadRunFolder as error:
            say(f"{error} {run.folder} started from it; which people it was trained on cannot be told.", style="yellow")
    return list(found.values())
