"""Evaluations that a new one would replace, kept in `earlier/` of the run folder: on other data, and of other runs together.

A run has one evaluation on its own test persons, which replaces itself. But it may be evaluated on the data of one hospital after another,
and with one run after another.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from radlearn.errors import RadlearnError
from radlearn.files import written_whole
from radlearn.json_files import read_json
from radlearn.progress import say
from radlearn.training.run_folder import Run
from radlearn.workflow.cases_file import cases_path
from radlearn.workflow.report_frame import report_path
from radlearn.workflow.scores_file import EXTERNAL, scores_path

EARLIER = "earlier"


def keep_external(run: Run, content: str | None) -> None:
    """Move the evaluation of a run on other data aside, unless it was of the same cases.

    Args:
        content: the digest of the cases that are evaluated now, as `digest_of`; of what cannot be told nothing is the same.
    """
    scores = scores_path(run, EXTERNAL)
    if not scores.exists():
        return
    found = _content(scores)
    if content is not None and found.get("content") == content:
        return
    # The scores last: a move that was stopped goes on into the same folder.
    place = _place(run, EXTERNAL, scores.name)
    for path in (report_path(run, EXTERNAL), run.pictures / EXTERNAL, cases_path(run, EXTERNAL), scores):
        if path.exists():
            goal = place / path.relative_to(run.folder)
            goal.parent.mkdir(parents=True, exist_ok=True)
            path.rename(goal)
    say(f"The earlier evaluation{_of(found.get('data'))} is kept in {place}.")


def keep_ensemble(folder: Path, first: Run, names: Sequence[str]) -> None:
    """Move the evaluation of several runs together aside, unless it was of the same runs.

    Args:
        folder: that it is in, in the folder of the first run.
        names: of the runs that are evaluated now, as `settings.json` there says them.
    """
    settings = folder / "settings.json"
    if not settings.exists():
        return
    before = _content(settings).get("runs")
    if isinstance(before, list) and sorted(map(str, before)) == sorted(names):
        return
    place = _place(first, folder.name, settings.name)
    place.parent.mkdir(exist_ok=True)
    folder.rename(place)
    say(f"The earlier evaluation{_of(' and '.join(map(str, before)) if isinstance(before, list) else None)} is kept in {place}.")


@contextmanager
def put_back_if_refused(run: Run, ensemble: str) -> Iterator[None]:
    """Put earlier evaluations of a run back where they were, if what is done meanwhile ends before it has scores of its own.

    Much is refused only when weights, images and labels are read, after an earlier evaluation was moved aside or its files removed.

    Args:
        ensemble: the name of the folder in which several runs are evaluated together.
    """
    folder = run.folder / ensemble
    before = set((run.folder / EARLIER).glob("*"))
    names = [path.name for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    kept = {name: (folder / name).read_bytes() for name in names}
    try:
        yield
    except BaseException:
        for place in sorted(set((run.folder / EARLIER).glob("*")) - before):
            goal, scores = (
                (folder, folder / "scores.json") if place.name.startswith(f"{ensemble}-") else (run.folder, scores_path(run, EXTERNAL))
            )
            if scores.exists():
                continue
            _move_into(place, goal)
            say(f"The earlier evaluation is back in {goal}.")
        if kept and not (folder / "scores.json").exists():
            for name, content in kept.items():
                with written_whole(folder / name) as temporary:
                    temporary.write_bytes(content)
        raise


def _move_into(place: Path, goal: Path) -> None:
    for path in sorted(place.rglob("*")):
        if path.is_file():
            target = goal / path.relative_to(place)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    shutil.rmtree(place)
    if not any(place.parent.iterdir()):
        place.parent.rmdir()


def _content(path: Path) -> dict[str, object]:
    try:
        found = read_json(path)
    except RadlearnError:
        return {}
    return found if isinstance(found, dict) else {}


def _place(run: Run, what: str, last: str) -> Path:
    number = 1
    while (place := run.folder / EARLIER / f"{what}-{number}").exists() and (place / last).exists():
        number += 1
    return place


def _of(what: object) -> str:
    return f" of {what}" if what else ""
