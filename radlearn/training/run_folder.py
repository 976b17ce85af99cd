"""The run folder: everything that is known about one training, in files that can be moved together.

    settings.json         the task, its settings, the data they were used on
    environment.json      versions, machine, commit
    split.csv             which image and person is in which subset
    history.jsonl         one line for each epoch
    last/  best/          the checkpoint to resume from; the best weights so far
    postprocessing.json   what was chosen on validation persons when training ended
    scores.json  pictures/  report.html

No file holds the folder's own path, so it may be renamed and moved.
"""

import dataclasses
import json
import platform
import subprocess
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from radlearn import hints
from radlearn.errors import BadRunFolder, RadlearnError
from radlearn.files import read_json, write_json
from radlearn.progress import cores

Settings = TypeVar("Settings")

FORMAT = 2
"Of the run folder. The first edition of radlearn (0.1) wrote none: other names of files, subsets and settings."
PACKAGES = ("torch", "torchvision", "monai", "lightning-fabric", "numpy", "safetensors", "pydicom", "scikit-learn")


@dataclass(frozen=True)
class Run:
    """A run folder and its task; made by `new_run` and `open_run`."""

    folder: Path
    task: str

    @cached_property
    def about(self) -> dict[str, Any]:
        """All of settings.json: `task`, `settings`, and what else was written when the run began. Read once; it does not change."""
        return read_json(self.folder / "settings.json")

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as JSON values; `settings_as` gives the dataclass."""
        return self.about["settings"]

    @property
    def history(self) -> list[dict[str, Any]]:
        """One dict per finished epoch: `epoch` (from 1), `step`, `loss`, `learning_rate`, `seconds`, and the validation scores."""
        if not self.history_file.exists():
            return []
        try:
            return [json.loads(line) for line in self.history_file.read_text(encoding="utf-8").splitlines() if line]
        except json.JSONDecodeError as error:
            raise BadRunFolder(
                f"{self.history_file}: is not one JSON object per line ({error}). It was changed after it was written."
            ) from None

    @property
    def history_file(self) -> Path:
        return self.folder / "history.jsonl"

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
    def resume_command(self) -> str:
        """What to type to go on with this run."""
        return hints.command(self.task, "resume", self.folder)


def new_run(folder: Path | None, task: str, settings: Any, about: Mapping[str, Any] | None = None) -> Run:
    """Begin a run: make its folder, `runs/TASK/DATE-TIME` in the current one unless given, and write down what it will be.

    Args:
        folder: must not exist, or be empty.
        task: the word of the command line, such as classification.
        settings: a dataclass; all that is needed to build the model and its data again.
        about: more to keep in settings.json (preset, data source, …), as JSON values.

    Raises:
        BadRunFolder: if the folder holds something, with how to resume if that is a run.
    """
    folder = _unused_default(Path("runs") / task) if folder is None else Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if (folder / "settings.json").exists():
            old = open_run(folder)
            raise BadRunFolder(f"{folder} already holds a run of {old.task}. To go on with it: {old.resume_command}. Or give a new folder.")
        raise BadRunFolder(f"{folder} is not empty and holds no run. Give a new folder, or leave it out for runs/{task}/DATE-TIME.")
    try:
        write_json(folder / "environment.json", _environment())
        # Last, because a folder with settings.json is a run.
        write_json(folder / "settings.json", {"format": FORMAT, "task": task, **(about or {}), "settings": dataclasses.asdict(settings)})
    except OSError as error:
        raise BadRunFolder(f"{folder}: cannot be written ({error.strerror}). Choose another folder.") from error
    return Run(folder, task)


def begin_run(folder: Path, task: str, settings: Any, about: Mapping[str, Any] | None = None) -> Run:
    """Return the run in `folder`: a new one, or the one that is there if its settings are the same, to go on with.

    Raises:
        BadRunFolder: if it holds a run with other settings, or something else.
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
            f"{folder}: its run has other settings ({name} is {getattr(before, name)!r}, asked for {getattr(settings, name)!r}). "
            "A run keeps its settings; start a new one in another folder."
        )
    return run


def open_run(folder: Path, task: str | None = None) -> Run:
    """Open a run folder that is there.

    Raises:
        BadRunFolder: if there is none, or it is of another task than `task`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadRunFolder(f"{folder}: there is no such run folder. Runs lie in runs/TASK/DATE-TIME unless you chose otherwise.")
    if not (folder / "settings.json").is_file():
        inside = sorted(path.parent for path in [*folder.glob("*/settings.json"), *folder.glob("*/*/settings.json")])
        hint = f" There are runs below it, the newest is {inside[-1]}." if inside else ""
        raise BadRunFolder(f"{folder} is no run folder: it has no settings.json.{hint}")
    try:
        about = read_json(folder / "settings.json")
    except RadlearnError as error:
        raise BadRunFolder(str(error)) from None
    if not isinstance(about, dict) or not isinstance(about.get("task"), str) or not isinstance(about.get("settings"), dict):
        raise BadRunFolder(f"{folder / 'settings.json'}: has no 'task' and 'settings'; it was not written by radlearn, or changed since.")
    if about.get("format") != FORMAT:
        raise BadRunFolder(
            f"{folder}: was written by the first edition of radlearn (0.1), whose files this edition ({metadata.version('radlearn')}) does not "
            f"read. Train again with the same settings ({hints.command(about['task'], 'train')} …), or use radlearn 0.1 with this run."
        )
    if task is not None and about["task"] != task:
        raise BadRunFolder(f"{folder} is a run of {about['task']}, not of {task}. Use 'radlearn {about['task']} …' with it.")
    return Run(folder, about["task"])


def settings_as(run: Run, cls: type[Settings]) -> Settings:
    """Return the settings of a run as the dataclass they came from, tuples and paths restored.

    Raises:
        BadRunFolder: if a field is missing or unknown: the run was made by another version of the task.
    """
    found, hints = run.settings, get_type_hints(cls)
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown, missing = sorted(found.keys() - names), sorted(names - found.keys())
    if unknown or missing:
        differences = [f"unknown: {', '.join(unknown)}"] * bool(unknown) + [f"missing: {', '.join(missing)}"] * bool(missing)
        made_by = read_json(run.folder / "environment.json").get("radlearn", "?") if (run.folder / "environment.json").exists() else "?"
        raise BadRunFolder(
            f"{run.folder / 'settings.json'}: its settings are not the ones this radlearn ({metadata.version('radlearn')}) knows "
            f"({'; '.join(differences)}). The run was made by radlearn {made_by}; use that version, or mend the file."
        )
    return cls(**{name: _restored(found[name], hints[name]) for name in names})


def _restored(value: Any, hint: Any) -> Any:
    """Return a JSON value as the type it had: JSON knows no tuple and no path."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType) and value is not None:
        choices = [choice for choice in get_args(hint) if choice is not types.NoneType]
        fitting = [choice for choice in choices if isinstance(value, list) == ((get_origin(choice) or choice) in (tuple, list))]
        return _restored(value, (fitting or choices)[0]) if str not in choices or isinstance(value, list) else value
    if isinstance(value, list) and (hint is tuple or origin is tuple):
        parts = [part for part in get_args(hint) if part is not Ellipsis]
        each = parts if len(parts) == len(value) else parts[:1] * len(value) or [Any] * len(value)
        return tuple(_restored(item, part) for item, part in zip(value, each, strict=True))
    if hint is Path and isinstance(value, str):
        return Path(value)
    return value


def _unused_default(parent: Path) -> Path:
    name = datetime.now().strftime("%Y-%m-%d-%H%M%S")
    choices = [parent / name, *(parent / f"{name}-{number}" for number in range(2, 1000))]
    return next(choice for choice in choices if not choice.exists())


def _environment() -> dict[str, Any]:
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    torch = sys.modules.get("torch")
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())] if torch else None
    return {
        "radlearn": metadata.version("radlearn"),
        "commit": _commit(),
        "python": platform.python_version(),
        **versions,
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": cores(),
        "gpus": gpus,
        "begun": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def _commit() -> str | None:
    """Return the commit of a source checkout, marked when files were changed since; None for an installed package."""
    source = Path(__file__).resolve().parents[2]
    if not (source / ".git").exists():
        return None
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=source, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()
