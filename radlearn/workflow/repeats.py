"""A folder of repeats: trainings of one recipe with other seeds, on one division of persons.

    repeats.json          the task and the seeds
    seed-0/  seed-1/ …    a run folder each
    spread.json           mean, worst and spread of the scores, once all were evaluated

A score of one run is partly luck: of the first weights, of the order of the cases, of their augmentation. With the same persons in
training, validation and test, what differs between the runs is that luck alone. No file holds the path of the folder.
"""

import dataclasses
import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from radlearn import hints
from radlearn.amounts import none_of
from radlearn.disk_trouble import system_error_in_words
from radlearn.errors import BadRunFolder, BadSetting, CannotWrite, Interrupted
from radlearn.folder_walks import real_path
from radlearn.json_files import write_json
from radlearn.training.run_files import CHANGED, RepeatsFile, read_run_file
from radlearn.training.run_folder import REPEATS_FILE, Run, holds_repeats, new_run, open_run, settings_as, unused_folder
from radlearn.training.run_state import is_finished, stopped_after_training
from radlearn.training.settings import TrainingSettings

FORMAT = 1
MOST = 100

SettingsT = TypeVar("SettingsT", bound=TrainingSettings)


@dataclass(frozen=True)
class Repeats:
    """A folder of repeats; created by `new_repeats` and `open_repeats`."""

    folder: Path
    task: str
    seeds: tuple[int, ...]

    @property
    def runs(self) -> list[Run]:
        """The runs in the order of their seeds, finished or not."""
        return [Run(self.folder / f"seed-{seed}", self.task) for seed in self.seeds]

    @property
    def resume_command(self) -> str:
        """The command line that trains what is not finished yet."""
        return self.runs[0].command("resume", self.folder)

    @property
    def evaluate_command(self) -> str:
        """The command line that evaluates every run."""
        return self.runs[0].command("evaluate", self.folder)


def checked_count(repeats: int) -> int:
    """Return the number of repeats.

    Raises:
        BadSetting: if it is no whole number from 1 to 100.
    """
    if isinstance(repeats, bool) or not isinstance(repeats, int) or not 1 <= repeats <= MOST:
        raise BadSetting(f"repeats is {repeats!r}; it must be a whole number from 1 to {MOST}, the number of runs to train.")
    return repeats


def new_repeats(
    folder: Path | None, task: str, settings: TrainingSettings, count: int, about: Mapping[str, Any], lesson: Path | None = None
) -> Repeats:
    """Create a folder of `count` runs with the seeds `settings.seed` and up; all have the split of the first.

    Args:
        folder: must not exist or be empty; None for `runs/TASK/DATE-TIME` in the current folder.
        about, lesson: of each run, as in `new_run`.

    Raises:
        BadRunFolder: if the folder is not empty, or cannot be written.
    """
    folder = unused_folder(Path("runs") / task) if folder is None else Path(folder)
    refuse_repeats(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadRunFolder(f"{folder} is not empty. Choose another folder, or omit it for runs/{task}/DATE-TIME.")
    repeats = Repeats(folder, task, tuple(range(settings.seed, settings.seed + count)))
    for seed, run in zip(repeats.seeds, repeats.runs, strict=True):
        new_run(run.folder, task, dataclasses.replace(settings, seed=seed, split_seed=settings.seed_of_split), about, lesson)
    # Written last, because a folder that holds it counts as one of repeats.
    write_json(folder / REPEATS_FILE, {"format": FORMAT, "task": task, "seeds": repeats.seeds})
    return repeats


def refuse_repeats(folder: Path) -> None:
    """Raise BadRunFolder, with the command to continue, if a folder for a new training holds repeats."""
    if holds_repeats(folder):
        old = open_repeats(folder)
        raise BadRunFolder(
            f"{folder} already holds {len(old.seeds)} repeats of {old.task}. Choose another folder. To continue: {old.resume_command}"
        )


def open_repeats(folder: Path, task: str | None = None) -> Repeats:
    """Open an existing folder of repeats.

    Raises:
        BadRunFolder: if it is none, is damaged, or is of another task than `task`.
    """
    file = Path(folder) / REPEATS_FILE
    advice = "Each of the runs beside it is a run folder of its own."
    content = read_run_file(file, RepeatsFile, advice)
    seeds, found = tuple(content["seeds"]), content["task"]
    if content["format"] != FORMAT or len(set(seeds)) < len(seeds):
        raise BadRunFolder(
            f"{file}: has no 'task' and 'seeds' in format {FORMAT}, each seed once; it was not written by this radlearn, or was changed "
            f"later. {advice}"
        )
    if task is not None and found != task:
        raise BadRunFolder(f"{folder} holds repeats of {found}, not of {task}. Use '{hints.command(found)} …' for it.")
    repeats = Repeats(Path(folder), found, seeds)
    for seed, run in zip(seeds, repeats.runs, strict=True):
        # A copy or a link of another run would be counted as a training of its own.
        if (run.folder / "settings.json").is_file() and (own := open_run(run.folder, found).settings.get("seed")) != seed:
            raise BadRunFolder(f"{run.folder}: was trained with seed {own}, not {seed}. {CHANGED} {advice}")
    return repeats


def repeats_of(run: Run) -> Repeats | None:
    """Return the repeats that a run is one of; None where it stands alone."""
    parent = real_path(run.folder).parent
    if not holds_repeats(parent):
        return None
    try:
        repeats = open_repeats(parent, run.task)
    except BadRunFolder:
        return None
    return repeats if real_path(run.folder).name in {other.folder.name for other in repeats.runs} else None


def completed(repeats: Repeats, kind: type[SettingsT]) -> Iterator[tuple[Run, SettingsT]]:
    """Yield the runs with their settings; a run whose folder was removed is begun again, with those of another and its own seed.

    Raises:
        BadRunFolder: if no run is left.
    """
    there = [run for run in repeats.runs if (run.folder / "settings.json").is_file()]
    if not there:
        raise BadRunFolder(f"{repeats.folder}: {none_of(len(repeats.seeds), 'runs', 'of its')} is left. Train again in another folder.")
    known = open_run(there[0].folder, repeats.task)
    about = {key: value for key, value in known.about.items() if key not in ("format", "task", "settings")}
    for seed, run in zip(repeats.seeds, repeats.runs, strict=True):
        if not (run.folder / "settings.json").is_file():
            new_run(run.folder, repeats.task, dataclasses.replace(settings_as(known, kind), seed=seed), about)
        opened = open_run(run.folder, repeats.task)
        yield opened, settings_as(opened, kind)


@contextmanager
def said_how_to_go_on(run: Run, resume_command: str = "") -> Iterator[None]:
    """Say of a training that the system or the user ends, such as by a full disk, where it happened, what to do, and how to go on.

    Args:
        resume_command: of the repeats that the run is one of.

    Raises:
        CannotWrite: in place of an OSError that a user can mend.
        Interrupted: in place of a KeyboardInterrupt once there is something to go on from.
    """
    try:
        yield
    except KeyboardInterrupt:
        if said := stopped_after_training(run, resume_command):
            raise Interrupted(said) from None
        if run.last_checkpoint.exists():
            raise Interrupted(f"Stopped. To continue: {resume_command or run.resume_command}") from None
        raise
    except OSError as error:
        if (words := system_error_in_words(error)) is None:
            raise
        # Before the first checkpoint there is nothing to go on from; where nothing can be written, going on there fails again.
        there = run.last_checkpoint.exists() and error.errno != errno.EROFS
        go_on = f" To continue: {resume_command or run.resume_command}" if there else ""
        raise CannotWrite(f"{words}{go_on}") from error


@contextmanager
def stopped_together(repeats: Repeats, run: Run) -> Iterator[None]:
    """Let an interruption of one run name the command that continues them all."""
    try:
        yield
    except Interrupted as stopped:
        raise Interrupted(str(stopped).replace(run.resume_command, repeats.resume_command)) from None
    except KeyboardInterrupt:
        if said := stopped_after_training(run, repeats.resume_command):
            raise Interrupted(said) from None
        # Before the first checkpoint there is nothing to go on from, and a new folder is removed.
        if any(one.last_checkpoint.exists() or is_finished(one) for one in repeats.runs):
            raise Interrupted(f"Stopped. To continue: {repeats.resume_command}") from None
        raise
