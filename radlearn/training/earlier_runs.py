"""The runs whose weights a run started from.

Folders are moved, and another run may come to stand where the earlier one was. So a run keeps, beside its place, digests of its weights and
of the people it has seen; its own weights keep them too.
"""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from radlearn.errors import BadRunFolder
from radlearn.folder_walks import real_path
from radlearn.progress import say
from radlearn.training.checkpoint_header import STARTED, digest_in, header_of
from radlearn.training.run_files import shown
from radlearn.training.run_folder import Run, open_run
from radlearn.training.run_state import cannot_go_on, is_trained, unfinished
from radlearn.training.splits import split_digest

PLACE, IDENTITY = "start_from", "start_from_identity"
"In settings.json: the folder of the earlier run, and what tells it from any other."
WEIGHTS, PEOPLE = "weights", "people"


def about_earlier(earlier: Run) -> dict[str, Any]:
    """Return the entries in settings.json of a run that starts from another."""
    return {PLACE: str(earlier.folder.absolute()), IDENTITY: identity_of(earlier)}


def identity_of(run: Run) -> dict[str, str]:
    """Return digests of a run's best weights, and of the people that it and those before it have seen; older runs lack one or both."""
    split, before = split_digest(run), _identity_before(run)
    people = blake2b(repr((split, before.get(PEOPLE))).encode(), digest_size=16).hexdigest() if split else None
    return {name: digest for name, digest in ((WEIGHTS, digest_in(run.best_weights)), (PEOPLE, people)) if digest is not None}


def started(run: Run) -> Any:
    """Return what the header of a run's weights says of the run that they started from; None where they started from none."""
    return run.about.get(IDENTITY) or True if PLACE in run.about else None


def earlier_run(run: Run) -> Run | None:
    """Return the run whose weights a run started from; None where it started from none.

    Raises:
        BadRunFolder: if its folder is gone, is no run, or holds another run, of other people; if the weights know of one that the settings
            do not name any more.
    """
    named = run.about.get(PLACE)
    if named is None:
        if (header_of(run.best_weights) or {}).get(STARTED):
            raise BadRunFolder(f"{run.folder / 'settings.json'}: start_from was removed, which names an earlier run. Write it in again.")
        return None
    found, then = open_run(Path(named)), _identity_before(run)
    # Weights change where an interrupted training was continued; what is asked of the earlier run, whom it has seen, does not.
    if then and (now := identity_of(found)) and not any(then.get(name) == now.get(name) is not None for name in (WEIGHTS, PEOPLE)):
        raise BadRunFolder(f"{_another(run, found)} If the earlier one was moved, write its new place there as start_from.")
    return found


def weights_to_start_from(run: Run) -> Run | None:
    """Return the run whose weights a new run starts from, as `earlier_run`; one whose weights are others now is refused too."""
    earlier = earlier_run(run)
    then = _identity_before(run).get(WEIGHTS)
    if earlier is not None and then is not None and digest_in(earlier.best_weights) not in (then, None):
        raise BadRunFolder(f"{_another(run, earlier)} To start from what is there now, train in a new folder.")
    return earlier


def _another(run: Run, found: Run) -> str:
    """Return a sentence on another run in the place of the one that a run started from."""
    what = ", ".join(
        [f"of {found.task}", *(f"{name} {shown(found.settings[name])}" for name in ("network", "seed") if name in found.settings)]
    )
    data = f", on {shown(found.about['data'])}" if "data" in found.about else ""
    return f"{found.folder}: holds other weights ({what}{data}) than those that {run.folder / 'settings.json'} started from."


def _identity_before(run: Run) -> dict[str, str]:
    """Return what identifies the run that a run started from; weights know it, and before there are any, the settings. {} of older runs."""
    kept = (header_of(run.best_weights) or {}).get(STARTED)
    found = kept if isinstance(kept, dict) else run.about.get(IDENTITY, {})
    return {name: str(digest) for name, digest in found.items()}


def finished_run(folder: Path, task: str) -> Run:
    """Open a run to start from.

    Raises:
        BadRunFolder: if it is no run of the task, or was not trained to its end.
    """
    run = open_run(folder, task)
    if not run.best_weights.is_file():
        then = cannot_go_on(run) or f"To continue: {run.resume_command}"
        raise BadRunFolder(f"{run.folder}: has no trained weights yet to start from. {then}")
    # Its best weights are those of its first epochs, and become others where it goes on.
    if not is_trained(run):
        raise BadRunFolder(unfinished(run))
    return run


def with_earlier(runs: Sequence[Run], told: bool = False) -> list[Run]:
    """Return runs, and those that they started from, and so on; each once. Says of which the folder is gone, unless `told`."""
    found: dict[Path, Run] = {}
    waiting = list(reversed(runs))
    while waiting:
        run = waiting.pop()
        if real_path(run.folder) in found:
            continue
        found[real_path(run.folder)] = run
        try:
            if (earlier := earlier_run(run)) is not None:
                waiting.append(earlier)
        except BadRunFolder as error:
            if not told:
                say(f"{error} {run.folder} started from it; which people it was trained on cannot be told.", style="yellow")
    return list(found.values())
