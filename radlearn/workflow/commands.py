"""The command line of a task. Every field of its settings is a flag of `train`."""

import dataclasses
import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any

import tyro

from radlearn import hints
from radlearn.endings import ended, print_json
from radlearn.errors import BadSetting
from radlearn.progress import say
from radlearn.training.run_folder import Run
from radlearn.use_cases import USE_CASES
from radlearn.workflow.lesson_command import run_lesson
from radlearn.workflow.lesson_file import is_copy, lesson_file
from radlearn.workflow.repeats import Repeats
from radlearn.workflow.score_table import show_scores
from radlearn.workflow.table_command import write_first_table
from radlearn.workflow.task import AnyTask
from radlearn.workflow.task_api import TaskApi

COMMANDS = {
    "train": "train a model on the challenge's data, or on built-in patients",
    "resume": "continue a run that was stopped or killed",
    "evaluate": "evaluate a run on its held-out test persons: scores, pictures, report.html",
    "tune": "choose thresholds and postprocessing again on validation persons",
    "predict": "predict for images in files and folders",
    "submit": "write the submission file for a folder of images",
    "table": "write a first table of a folder of your own images, for --data",
    "lesson": "open the lesson's page as a notebook in JupyterLab",
}
Field = tuple[str, Any] | tuple[str, Any, Any]


def main(task: AnyTask, arguments: Sequence[str]) -> None:
    """Run the command line of a lesson file and exit with its exit code."""
    file = lesson_file(task)
    if file is not None and is_copy(task):
        hints.name_copy(task.name, file)
    sys.exit(ended(lambda: run_command(task, list(arguments))))


def run_command(task: AnyTask, arguments: list[str]) -> None:
    """Run one command of a task: `train --epochs 5`.

    Raises:
        BadSetting: if there is no such command.
    """
    program = hints.command(task.name) if hints.has_copy(task.name) else f"radlearn {task.name}"
    command, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if command in ("-h", "--help"):
        say(usage(program))
        return
    if command not in COMMANDS:
        raise BadSetting(f"{program} {command}: there is no such command. The commands are: {', '.join(COMMANDS)}.")
    getattr(_Commands(task, program), command)(rest)


def usage(program: str) -> str:
    """Return the help text of a task: its commands."""
    lines = [f"usage: {program} COMMAND …", "", *(f"  {command:<10} {about}" for command, about in COMMANDS.items())]
    return "\n".join([*lines, "", f"'{program} COMMAND --help' lists the flags of a command."])


class _Commands:
    """Parses the flags of each command and calls the task's `TaskApi`."""

    def __init__(self, task: AnyTask, program: str) -> None:
        self.task, self.program, self.api = task, program, TaskApi(task)

    def train(self, arguments: list[str]) -> None:
        """Train with the settings of a preset; each setting is a flag whose default is the preset's value."""
        presets = self.task.presets
        preset = _named_preset(arguments, presets)
        flags = self._parsed(
            "train",
            arguments,
            ("preset", _flag(str, f"Preset of the settings: {' or '.join(presets)}."), preset),
            (
                "data",
                _flag(
                    Path | None,
                    "Folder in the challenge's layout, or your own table. Default: data/ beside the lesson, or built-in patients.",
                ),
                None,
            ),
            ("run", _flag(Path | None, "Folder of the run. Default: runs/TASK/DATE-TIME."), None),
            ("repeats", _flag(int, "Train so many runs, with the seeds SEED, SEED + 1, …, on the split of the first, in one folder."), 1),
            ("start_from", _flag(Path | None, "A finished run whose weights to start from. Default: the network as it is built."), None),
            ("settings", _flattened(type(presets[preset])), presets[preset]),
        )
        if flags.repeats == 1:
            run: Run | Repeats = self.api.train_with(flags.settings, flags.data, flags.run, flags.start_from)
        else:
            run = self.api.repeat_with(flags.settings, flags.repeats, flags.data, flags.run, flags.start_from)
        say(f"Next: {hints.command(self.task.name, 'evaluate', run.folder)}")

    def resume(self, arguments: list[str]) -> None:
        flags = self._parsed("resume", arguments, ONE_RUN_OR_REPEATS, MOVED_DATA)
        run = self.api.resume(flags.run, flags.data)
        say(f"Next: {hints.command(self.task.name, 'evaluate', run.folder)}")

    def evaluate(self, arguments: list[str]) -> None:
        flags = self._parsed(
            "evaluate",
            arguments,
            self._runs(ONE_RUN_OR_REPEATS, "The run folder, several for an ensemble, or a folder of repeats."),
            ("data", _flag(Path | None, "Other labelled data, evaluated as an external set. Default: the run's own test persons."), None),
            self._options(self.task.options),
            ("json", _flag(bool, "Print the scores as one JSON object on standard output."), False),
        )
        scores = self.api.evaluate(flags.run, flags.data, **vars(flags.options))
        if flags.json:
            print_json(scores)
        elif "repeats" not in scores:
            # The table of several repeats has been printed.
            box_score = self.task.challenge.box_score
            show_scores(scores, {box_score.name: box_score.label} if box_score else {})

    def tune(self, arguments: list[str]) -> None:
        flags = self._parsed(
            "tune",
            arguments,
            ONE_RUN,
            MOVED_DATA,
            self._options(self.task.tune_options),
            ("json", _flag(bool, "Print the result as one JSON object on standard output."), False),
        )
        chosen = self.api.tune(flags.run, flags.data, **vars(flags.options))
        if flags.json:
            print_json(chosen)

    def predict(self, arguments: list[str]) -> None:
        several = "; run folders before them form an ensemble with the first" if self.task.ensemble else ""
        flags = self._parsed(
            "predict",
            arguments,
            ONE_RUN_OR_REPEATS if self.task.ensemble else ONE_RUN,
            (
                "paths",
                _positional(
                    tuple[Path, ...], f"Files such as {self.task.example_file}, folders that hold them, or tables of them{several}."
                ),
            ),
            ("out", _flag(Path, "Folder for predictions.csv and the other output files.")),
            ("overlays", _flag(bool, "Also write a picture of each prediction."), True),
            self._options(self.task.options),
        )
        # A run folder holds no images, so the two cannot be confused.
        further = list(takewhile(lambda path: (path / "settings.json").is_file(), flags.paths)) if self.task.ensemble else []
        runs, paths = [flags.run, *further], flags.paths[len(further) :]
        self.api.predict(runs, paths, flags.out, flags.overlays, **vars(flags.options))

    def submit(self, arguments: list[str]) -> None:
        flags = self._parsed(
            "submit",
            arguments,
            self._runs(ONE_RUN, "The run folder, several for an ensemble, or a folder of repeats."),
            ("images", _flag(Path, "Folder of images without labels.")),
            ("out", _flag(Path, "The file to write.")),
            self._options(self.task.options),
        )
        self.api.submit(flags.run, flags.images, flags.out, **vars(flags.options))

    def table(self, arguments: list[str]) -> None:
        flags = self._parsed(
            "table",
            arguments,
            ("folder", _positional(Path, "Folder of images: classes as folders, COCO, YOLO, Pascal VOC, masks beside scans, nnU-Net.")),
            ("out", _flag(Path | None, "The table to write. Default: cases.csv in the folder."), None),
            ("positive", _flag(tuple[str, ...], "Names of the classes that are the finding, where there are several."), ()),
        )
        write_first_table(self.task.name, self.task.challenge, flags.folder, flags.out, flags.positive)

    def lesson(self, arguments: list[str]) -> None:
        # A copy of the lesson's file has no page beside it.
        registered = USE_CASES.get(self.task.name)
        run_lesson(self.task.name, self.task.folder if registered is None else registered.folder, arguments)

    def _runs(self, one: Field, several: str) -> Field:
        return ("run", _positional(tuple[Path, ...], several)) if self.task.ensemble else one

    def _options(self, kind: type) -> Field:
        return "options", _flattened(kind), kind()

    def _parsed(self, command: str, arguments: list[str], *fields: Field) -> Any:
        made = dataclasses.make_dataclass(command.capitalize(), fields)
        return tyro.cli(made, args=arguments, prog=f"{self.program} {command}", description=f"{COMMANDS[command].capitalize()}.")


def _flag(kind: Any, help_text: str) -> Any:
    return Annotated[kind, tyro.conf.arg(help=help_text)]


def _positional(kind: Any, help_text: str) -> Any:
    return Annotated[kind, tyro.conf.arg(help=help_text), tyro.conf.Positional]


ONE_RUN: Field = ("run", _positional(Path, "The run folder."))
ONE_RUN_OR_REPEATS: Field = ("run", _positional(Path, "The run folder, or a folder of repeats."))
MOVED_DATA: Field = ("data", _flag(Path | None, "The run's data, a folder or a table, if they were moved."), None)


def _flattened(kind: type) -> Any:
    """Return a dataclass whose fields become flags without a prefix."""
    return Annotated[kind, tyro.conf.arg(name="")]


def _named_preset(arguments: Sequence[str], presets: Any) -> str:
    """Return the preset named in the arguments. It is needed before they are parsed, because it holds the defaults."""
    preset = next(iter(presets))
    for number, argument in enumerate(arguments):
        if argument == "--preset" and number + 1 < len(arguments):
            preset = arguments[number + 1]
        elif argument.startswith("--preset="):
            preset = argument.partition("=")[2]
    if preset not in presets:
        raise BadSetting(f"--preset is {preset!r}; it must be one of {', '.join(presets)}.")
    return preset
