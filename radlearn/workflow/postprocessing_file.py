"""`postprocessing.json` in a run folder: the postprocessing chosen on validation persons; one format for all tasks.

In it stands a digest of all that it says: a threshold that somebody has changed by hand is one that no validation person chose, and what
is promised of it does not hold. Where the file was only laid out in another way, the digest is the same. The weights know whether the file
must have one (`must_have_digests`): one that was removed is missed.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from radlearn.errors import BadRunFolder, RadlearnError
from radlearn.json_files import json_ready, read_json, write_json
from radlearn.progress import say
from radlearn.training.checkpoint_header import digest_in, must_have_digests, refuse_other_weights
from radlearn.training.run_files import CHANGED, checked, read_run_file, shown
from radlearn.training.run_folder import Run, must_be_there
from radlearn.training.run_state import POSTPROCESSING, unfinished

FILE = POSTPROCESSING
WEIGHTS, DIGEST = "weights", "digest"
MEAN = "the mean of the runs' own: they were validated on different persons"
"The origin of an ensemble's postprocessing that was not chosen for it."
PostprocessingT = TypeVar("PostprocessingT")


_KEPT: ContextVar[Path | None] = ContextVar("kept", default=None)
"The run folder whose postprocessing stays as it is."


def write_postprocessing(run: Run, postprocessing: Any, about: dict[str, Any]) -> None:
    """Write the postprocessing, a dataclass, JSON values about how it was chosen, for which weights, and a digest of all of it."""
    must_be_there(run)
    content = json_ready({"task": run.task, "postprocessing": asdict(postprocessing), **about, WEIGHTS: digest_in(run.best_weights)})
    if _KEPT.get() == run.folder:
        if _plain(chosen_values(run)) != _plain(content["postprocessing"]):
            another = f"{run.folder / FILE}: holds another choice, as 'tune' makes it. It stays."
            say(f"{another} To have this one, remove it and resume again.")
        return
    write_json(run.folder / FILE, {**content, DIGEST: _digest(content)})


@contextmanager
def postprocessing_kept(run: Run) -> Iterator[None]:
    """In the block, a sound postprocessing of the run is not replaced: what 'tune' chose does not follow from the weights alone."""
    try:
        prove_postprocessing(run)
        there = (run.folder / FILE).exists()
    except RadlearnError:
        # A damaged one is what a person resumes to replace.
        there = False
    before = _KEPT.set(run.folder if there else None)
    try:
        yield
    finally:
        _KEPT.reset(before)


def _digest(content: Any) -> str:
    return blake2b(json.dumps(_plain(content), sort_keys=True).encode(), digest_size=16).hexdigest()


def _plain(content: Any) -> Any:
    """Return JSON values with one way of writing a number: a tool that lays the file out anew may turn 1.0 into 1."""
    if isinstance(content, dict):
        return {name: _plain(value) for name, value in content.items()}
    if isinstance(content, list):
        return [_plain(value) for value in content]
    return float(content) if type(content) is int and abs(content) < 2**53 else content


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
        BadRunFolder: if the training has not finished, or the file is invalid, was changed, or was made for other weights than those of the
            run. A value beside the postprocessing that is asked for by its name, and is not there, raises it too.
    """
    file = run.folder / FILE
    if not file.exists():
        raise BadRunFolder(unfinished(run))
    advice = f"It is not a valid postprocessing of {run.task}. {_again(run)}"
    content = read_run_file(file, dict[str, Any], advice)
    if DIGEST not in content:
        if must_have_digests(run):
            why = f"{file}: its {DIGEST} was removed, so whether its values are those that were chosen on validation persons cannot be told"
            raise BadRunFolder(f"{why}. {CHANGED} {_again(run)}")
        _say_older(file)
    elif content.pop(DIGEST) != _digest(content):
        raise BadRunFolder(f"{file}: its values are not those that were chosen on validation persons. {CHANGED} {_again(run)}")
    if (task := content.pop("task", run.task)) != run.task:
        raise BadRunFolder(f"{file}: task is {shown(task)}; expected {run.task!r}. {CHANGED} {advice}")
    refuse_other_weights(content.pop(WEIGHTS, None), run, file)
    chosen = content.pop("postprocessing", None)
    beside = checked(content, getattr(kind, "BESIDE", dict[str, Any]), file, advice)
    return checked(chosen, kind, file, advice), _Beside(beside, file, advice)


def chosen_values(run: Run) -> dict[str, Any] | None:
    """Return the values of a run's postprocessing as they are now, unproved; None where it has none, or one that cannot be read."""
    content = _content(run)
    return None if content is None else content["postprocessing"]


def chosen_digest(run: Run) -> str | None:
    """Return a digest of the values of a run's postprocessing; None where it cannot be told.

    How they were chosen has no part in it. That of a mean changes where the postprocessing of one of the ensemble's runs does.
    """
    if (content := _content(run)) is None:
        return None
    values = [content["postprocessing"]]
    if content.get("origin") == MEAN:
        values += [chosen_values(Run(Path(member), run.task)) for member in run.about.get("runs", ())]
    return None if None in values else _digest(values)


def _content(run: Run) -> dict[str, Any] | None:
    try:
        content = read_json(run.folder / FILE)
    except RadlearnError:
        return None
    return content if isinstance(content, dict) and isinstance(content.get("postprocessing"), dict) else None


def prove_postprocessing(run: Run) -> None:
    """Raise the errors of `read_postprocessing` that need no class, where there is such a file: before work that needs it at the end."""
    if (run.folder / FILE).exists():
        read_postprocessing(run, dict[str, Any])


def _again(run: Run) -> str:
    """Return how a file that cannot be believed is made anew, and how other values are chosen on purpose."""
    if (run.folder / "settings.json").is_file() and (members := run.about.get("runs")):
        return f"Remove it. To choose it again: {run.command('evaluate', *members)}"
    return f"Remove it. To choose it again: {run.resume_command}. Other values are then chosen with: {run.command('tune', run.folder)}"


@cache
def _say_older(file: Path) -> None:
    # Once for each file: a command reads it several times.
    say(f"{file}: is older than digests of postprocessings, so whether its values were changed could not be checked.", style="yellow")
