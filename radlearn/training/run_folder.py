"""The run folder: everything about one training, in files that can be moved together.

    settings.json         the task, its settings, the data they were used on
    environment.json      versions, machine, commit
    lesson.py             the lesson's file as it was when the training began
    split.csv             person and subset of each image
    history.jsonl         one line for each epoch
    last/  best/          the checkpoint to resume from; the best weights so far
    postprocessing.json   what was chosen on validation persons at the end of training
    feature_distance.safetensors
                          what tells whether a new image is unlike the training data
    scores.json  cases.csv  pictures/  report.html
                          what `evaluate` found: the scores, a row for each case, and the page; on other data with `-external` in
                          their names
    ensemble/             what it found for several runs together, of which this is the first
    earlier/              evaluations on other data, or of other runs together, before the last one

No file holds the path of the folder, so it may be renamed and moved.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from radlearn import hints
from radlearn.errors import BadRunFolder, RadlearnError
from radlearn.files import write_text
from radlearn.json_files import read_json, write_json
from radlearn.training.environment import environment
from radlearn.training.run_files import HistoryLine, SettingsFile, checked, checked_lines, read_run_file, shown

Settings = TypeVar("Settings")

REPEATS_FILE = "repeats.json"
"In a folder of repeats (`workflow.repeats`), which holds several run folders."
LESSON_FILE = "lesson.py"
OF_THE_MACHINE = {"device", "precision", "workers", "tensorboard"}
"Settings that may be changed after training."
FORMAT = 2
"Format of run folders. radlearn 0.1 wrote none and used other names of files, subsets and settings."


@dataclass(frozen=True)
class Run:
    """A run folder and its task; created by `new_run` and `open_run`."""

    folder: Path
    task: str
    # Other data than its own, while it is evaluated on them: what is written names them.
    evaluated_on: Path | str | None = None

    @cached_property
    def about(self) -> dict[str, Any]:
        """Content of settings.json: `task`, `settings` and what else `new_run` and `add_to_about` wrote. Read once."""
        return {**read_run_file(self.folder / "settings.json", SettingsFile)}

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as JSON values; `settings_as` returns the dataclass."""
        return self.about["settings"]

    @property
    def history(self) -> list[dict[str, Any]]:
        """One dict per finished epoch: `epoch` (from 1), `step`, `loss`, `learning_rate`, `seconds`, and the validation scores."""
        try:
            text = self.history_file.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise BadRunFolder(f"{self.history_file}: cannot be read ({error}).") from None
        return checked_lines(text, HistoryLine, self.history_file, self.history_again)

    @property
    def history_file(self) -> Path:
        return self.folder / "history.jsonl"

    @property
    def history_again(self) -> str:
        """What to do where the history is damaged: the last checkpoint holds it too."""
        return f"To write it again: {self.resume_command}" if self.last_checkpoint.exists() else "Copy it back from a backup."

    @property
    def last_checkpoint(self) -> Path:
        return self.folder / "last" / "checkpoint.safetensors"

    @property
    def best_weights(self) -> Path:
        return self.folder / "best" / "model.safetensors"

    @property
    def pictures(self) -> Path:
        return self.folder / "pictures"

    @property
    def lesson(self) -> Path:
        """The lesson's file as it was when the training began; runs of notebooks have none."""
        return self.folder / LESSON_FILE

    @property
    def made_by_copy(self) -> bool:
        """Whether a reader's copy of the lesson made the run: `radlearn TASK` may have other code."""
        return (self.folder / "settings.json").is_file() and "lesson" in self.about and self.lesson.is_file()

    def command(self, *words: object) -> str:
        """Return a command line of the run's task, such as `command("evaluate", run.folder)`, that runs the run's own code.

        That of a run by a copy of the lesson calls the copy that is running, or else the one that the run keeps.
        """
        if self.made_by_copy and not hints.has_copy(self.task):
            return hints.file_command(self.lesson, *words)
        return hints.command(self.task, *words)

    @property
    def resume_command(self) -> str:
        """The command line that continues this run."""
        return self.command("resume", self.folder)


def place_of(run: Run) -> tuple[int, int] | None:
    """Return what tells a run's folder from any other that may come to stand where it was; None where there is none."""
    try:
        status = run.folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def must_be_there(run: Run, place: tuple[int, int] | None = None) -> None:
    """Prove that a run folder is still where it was, before something is written into it.

    A folder that was moved away while its run was trained would be made again, with half of its files.

    Args:
        place: what `place_of` returned; None asks only whether there is a folder.

    Raises:
        BadRunFolder: if it is not.
    """
    now = place_of(run)
    if now is None or (place is not None and now != place):
        raise BadRunFolder(
            f"{run.folder}: this run folder was moved, renamed or removed while it was in use, and nothing more was written here. It holds "
            f"all that was saved, wherever it is now. To continue, name its new place: {hints.command(run.task, 'resume')} FOLDER"
        )


def new_run(folder: Path | None, task: str, settings: Any, about: Mapping[str, Any] | None = None, lesson: Path | None = None) -> Run:
    """Create a run folder and write its settings and environment.

    Args:
        folder: must not exist or be empty; None for `runs/TASK/DATE-TIME` in the current folder.
        settings: a dataclass with all that is needed to build the model and its data again.
        about: further JSON values for settings.json (data folder, …).
        lesson: the lesson's file, of which the run keeps a copy.

    Raises:
        BadRunFolder: if the folder is not empty, or cannot be written. If it holds a run, the message gives the command to continue it.
    """
    folder = unused_folder(Path("runs") / task) if folder is None else Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if (folder / "settings.json").exists():
            old = open_run(folder)
            raise BadRunFolder(
                f"{folder} already holds a run of {old.task}. Choose another folder for a new run. To continue: {old.resume_command}"
            )
        raise BadRunFolder(f"{folder} is not empty and holds no run. Choose another folder, or omit it for runs/{task}/DATE-TIME.")
    try:
        write_json(folder / "environment.json", environment())
        if lesson is not None:
            write_text(folder / LESSON_FILE, lesson.read_text(encoding="utf-8"))
        # Written last, because a folder with settings.json counts as a run.
        write_json(folder / "settings.json", {"format": FORMAT, "task": task, **(about or {}), "settings": dataclasses.asdict(settings)})
    except OSError as error:
        raise BadRunFolder(f"{folder}: cannot be written ({error.strerror}). Choose another folder.") from error
    return Run(folder, task)


def add_to_about(run: Run, name: str, value: Any) -> None:
    """Add a JSON value to a run's settings.json that is known only once its data are read; those that are there stay."""
    run.about.setdefault(name, value)
    write_json(run.folder / "settings.json", run.about)


def begin_run(folder: Path, task: str, settings: Any, about: Mapping[str, Any] | None = None) -> Run:
    """Create a run in `folder`, or open the existing one if its settings are the same.

    Raises:
        BadRunFolder: if the folder holds a run with other settings, or other files.
    """
    folder = Path(folder)
    if not (folder / "settings.json").exists():
        return new_run(folder, task, settings, about)
    run = open_run(folder, task)
    before = settings_as(run, type(settings))
    changed = [field.name for field in dataclasses.fields(settings) if getattr(before, field.name) != getattr(settings, field.name)]
    if changed:
        name = changed[0]
        raise BadRunFolder(
            f"{folder}: its run has other settings ({name} is {getattr(before, name)!r}, not {getattr(settings, name)!r}). "
            "The settings of a run cannot be changed; start a new run in another folder."
        )
    return run


def open_run(folder: Path, task: str | None = None) -> Run:
    """Open an existing run folder.

    Raises:
        BadRunFolder: if the folder is missing, is not a run, or is a run of another task than `task`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadRunFolder(f"{folder}: there is no such run folder. By default runs are in runs/TASK/DATE-TIME.")
    if not (folder / "settings.json").is_file():
        inside = sorted(path.parent for path in [*folder.glob("*/settings.json"), *folder.glob("*/*/settings.json")])
        hint = f" It contains runs, the newest is {inside[-1]}." if inside else ""
        raise BadRunFolder(f"{folder} is not a run folder: it has no settings.json.{hint}")
    file = folder / "settings.json"
    try:
        about = read_json(file)
    except RadlearnError as error:
        raise BadRunFolder(str(error)) from None
    if not isinstance(about, dict) or not isinstance(about.get("task"), str) or not isinstance(about.get("settings"), dict):
        raise BadRunFolder(f"{file}: has no 'task' and 'settings'; it was not written by radlearn, or was changed later.")
    if type(about.get("format")) is int and about["format"] > FORMAT:
        own = f"radlearn {metadata.version('radlearn')} reads {FORMAT}"
        raise BadRunFolder(f"{folder}: was written by a newer radlearn (format {about['format']}; {own}). Update radlearn.")
    if about.get("format") != FORMAT:
        raise BadRunFolder(
            f"{folder}: was written by radlearn 0.1, whose run folders radlearn {metadata.version('radlearn')} does not read. "
            f"Train again with the same settings ({hints.command(about['task'], 'train')} …), or use radlearn 0.1 for this run."
        )
    checked(about, SettingsFile, file)
    if task is not None and about["task"] != task:
        raise BadRunFolder(f"{folder} is a run of {about['task']}, not of {task}. Use '{hints.command(about['task'])} …' for it.")
    return Run(folder, about["task"])


def runs_of(runs: Run | Sequence[Run]) -> list[Run]:
    """Return one run, or several, as a list."""
    return [runs] if isinstance(runs, Run) else list(runs)


def holds_run(folder: Path) -> bool:
    """Tell whether a folder is that of a run, whatever it is called; other programs have a settings.json too."""
    try:
        about = read_json(Path(folder) / "settings.json")
    except RadlearnError:
        return False
    return isinstance(about, dict) and {"task", "settings"} <= about.keys()


def holds_repeats(folder: Path) -> bool:
    """Tell whether a folder is one of repeats, whatever it is called."""
    return (Path(folder) / REPEATS_FILE).is_file()


def settings_as(run: Run, cls: type[Settings]) -> Settings:
    """Return the settings of a run as their dataclass, with tuples and paths restored.

    Raises:
        BadRunFolder: if a field is missing or unknown, because another version of the task wrote the settings, or is of another type.
    """
    file, found = run.folder / "settings.json", run.settings
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown, missing = sorted(found.keys() - names), sorted(names - found.keys())
    if unknown or missing:
        differences = [f"unknown: {', '.join(unknown)}"] * bool(unknown) + [f"missing: {', '.join(missing)}"] * bool(missing)
        raise BadRunFolder(
            f"{file}: its settings are not those of radlearn {metadata.version('radlearn')} "
            f"({'; '.join(differences)}). The run was made by radlearn {_made_by(run)}; use that version, or correct the file."
        )
    return checked(found, cls, file)


def refuse_changed_settings(run: Run, said: Mapping[str, Any], weights: Path) -> None:
    """Refuse a run whose settings are others than those that its weights were trained with.

    A network of another image size or window would predict all the same, and nobody would know. What only says where and how fast it is
    computed may be changed.

    Args:
        said: the JSON values beside the weights; older ones hold no settings.
        weights: their file, for the message.

    Raises:
        BadRunFolder: if a setting was changed.
    """
    then = said.get("settings")
    if not isinstance(then, dict):
        return
    now = run.settings
    names = sorted(name for name in {*then, *now} - OF_THE_MACHINE if then.get(name) != now.get(name))
    if names:
        name = names[0]
        more = f", and {len(names) - 1} more" if len(names) > 1 else ""
        raise BadRunFolder(
            f"{run.folder / 'settings.json'}: was changed after training: {name} is {shown(now.get(name))}{more}; {weights.name} was "
            f"trained with {shown(then.get(name))}. Restore the file, or train again with other settings."
        )


def unused_folder(parent: Path) -> Path:
    """Return a folder in `parent` that does not exist yet, named after date and time."""
    name = datetime.now().strftime("%Y-%m-%d-%H%M%S")
    choices = [parent / name, *(parent / f"{name}-{number}" for number in range(2, 1000))]
    return next(choice for choice in choices if not choice.exists())


def _made_by(run: Run) -> str:
    """Return the version of radlearn that made a run, "?" where that is not known."""
    try:
        found = read_json(run.folder / "environment.json")
    except RadlearnError:
        return "?"
    return str(found.get("radlearn", "?")) if isinstance(found, dict) else "?"
