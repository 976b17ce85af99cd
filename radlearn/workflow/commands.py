"""A lesson's commands on the command line; every field of its Settings is a flag."""

import dataclasses
import inspect
import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, get_type_hints

import tyro

from radlearn.endings import ended, print_json
from radlearn.errors import BadSetting
from radlearn.progress import say
from radlearn.workflow.task_api import TaskApi

COMMANDS = {
    "train": "train a model on the challenge's data, or on built-in patients",
    "resume": "go on with a run that was stopped or killed",
    "evaluate": "evaluate a run on people it has not met: scores, pictures, report.html",
    "tune": "choose again on validation people what is chosen, not learnt: the threshold, the postprocessing for boxes",
    "predict": "answer for images in files and folders",
    "submit": "write the submission file for a folder of images",
}


def run_lesson(lesson: ModuleType, arguments: Sequence[str]) -> None:
    """Do what the command line of a lesson asks, and leave with its exit code."""
    sys.exit(ended(lambda: run_command(lesson, list(arguments))))


def run_command(lesson: ModuleType, arguments: list[str]) -> None:
    """Do one command of a lesson: `train --epochs 5`.

    Raises:
        BadSetting: if the command is unknown.
    """
    program = f"radlearn {lesson.TASK}"
    command, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if command in ("-h", "--help"):
        say(usage(program))
        return
    if command not in COMMANDS:
        raise BadSetting(f"{program} {command}: there is no such command. The commands are: {', '.join(COMMANDS)}.")
    takes_gate = "gate" in inspect.signature(lesson.predict).parameters
    (_BoxCommands if takes_gate else _Commands)(lesson, program).do(command, rest)


def usage(program: str) -> str:
    """Return what a lesson can do, for people."""
    lines = [f"usage: {program} VERB …", "", *(f"  {command:<10} {told}" for command, told in COMMANDS.items())]
    return "\n".join([*lines, "", f"'{program} VERB --help' tells what a command takes."])


class _Commands:
    """The commands as functions whose arguments are the flags."""

    def __init__(self, lesson: ModuleType, program: str) -> None:
        self.lesson, self.program, self.api = lesson, program, TaskApi(lesson)

    def do(self, command: str, arguments: list[str]) -> None:
        if command in ("train", "tune"):
            # Their flags are the lesson's own.
            getattr(self, command)(arguments)
            return
        tyro.cli(getattr(self, command), args=arguments, prog=f"{self.program} {command}", description=f"{COMMANDS[command].capitalize()}.")

    def train(self, arguments: list[str]) -> None:
        """Train with a preset's settings, each of which is a flag with the preset's value as its default."""
        presets = self.lesson.PRESETS
        preset = _named_preset(arguments, presets)
        made = dataclasses.make_dataclass(
            "Train",
            [
                ("preset", Annotated[str, tyro.conf.arg(help=f"Where the settings start: {' or '.join(presets)}.")], preset),
                (
                    "data",
                    Annotated[
                        Path | None, tyro.conf.arg(help="Folder in the challenge's layout; looked for beside the lesson if not named.")
                    ],
                    None,
                ),
                ("run", Annotated[Path | None, tyro.conf.arg(help="Folder of the run; runs/TASK/DATE-TIME if not named.")], None),
                ("settings", Annotated[type(presets[preset]), tyro.conf.arg(name="")], presets[preset]),
            ],
        )
        asked: Any = tyro.cli(made, args=arguments, prog=f"{self.program} train", description=f"{COMMANDS['train'].capitalize()}.")
        run = self.api.train_with(asked.settings, asked.data, asked.run)
        say(f"Next: {self.program} evaluate {run.folder}")

    def tune(self, arguments: list[str]) -> None:
        """Choose again what is chosen on validation people; what the lesson's `tune` takes beside run and cases is a flag."""
        function = self.lesson.tune
        hints, helps = get_type_hints(function), _argument_helps(function.__doc__ or "")
        wishes = [name for name in inspect.signature(function).parameters if name not in ("run", "cases")]
        made = dataclasses.make_dataclass(
            "Tune",
            [
                ("run", tyro.conf.Positional[Annotated[Path, tyro.conf.arg(help="The run folder.")]]),
                ("data", Annotated[Path | None, tyro.conf.arg(help="Where its data lie now, if they were moved.")], None),
                *((name, Annotated[hints[name], tyro.conf.arg(help=helps.get(name, ""))], None) for name in wishes),
                ("json", Annotated[bool, tyro.conf.arg(help="Print what was chosen as one JSON object on standard output.")], False),
            ],
        )
        asked: Any = tyro.cli(made, args=arguments, prog=f"{self.program} tune", description=f"{COMMANDS['tune'].capitalize()}.")
        chosen = self.api.tune(asked.run, asked.data, **{name: getattr(asked, name) for name in wishes})
        if asked.json:
            print_json(chosen)

    def resume(self, run: tyro.conf.Positional[Path], data: Path | None = None) -> None:
        """Go on with a run.

        Args:
            run: The run folder.
            data: Where its data lie now, if they were moved.
        """
        resumed = self.api.resume(run, data)
        say(f"Next: {self.program} evaluate {resumed.folder}")

    def evaluate(self, run: tyro.conf.Positional[Path], data: Path | None = None, json: bool = False) -> None:
        """Evaluate a run.

        Args:
            run: The run folder.
            data: Other labelled data: all of it is evaluated, as an external set. Not named: the run's own test people.
            json: Print the scores as one JSON object on standard output.
        """
        scores = self.api.evaluate(run, data)
        if json:
            print_json(scores)

    def predict(
        self, run: tyro.conf.Positional[Path], paths: tyro.conf.Positional[tuple[Path, ...]], out: Path, overlays: bool = True
    ) -> None:
        """Predict for X-rays or scans.

        Args:
            run: The run folder.
            paths: Files, and folders that hold some: DICOM X-rays; for segmentation NIfTI volumes, and folders of DICOM series.
            out: Folder for predictions.csv and all that belongs to it.
            overlays: Also write a picture of each prediction.
        """
        self.api.predict(run, paths, out, overlays)

    def submit(self, run: tyro.conf.Positional[Path], images: Path, out: Path) -> None:
        """Write a submission.

        Args:
            run: The run folder.
            images: Folder of images without labels, such as stage_2_test_images or Validation.
            out: The file to write.
        """
        self.api.submit(run, images, out)


class _BoxCommands(_Commands):
    """The commands of a lesson whose answers may be gated, and given by several runs together."""

    def evaluate(  # type: ignore[override]
        self, run: tyro.conf.Positional[tuple[Path, ...]], data: Path | None = None, gate: Path | None = None, json: bool = False
    ) -> None:
        """Evaluate a run.

        Args:
            run: The run folder, or several: these runs are then evaluated as one, on the test people they share.
            data: Other labelled data: all of it is evaluated, as an external set. Not named: the run's own test people.
            gate: Table with image-level probabilities for the X-rays evaluated, in place of the one that the run was trained with.
            json: Print the scores as one JSON object on standard output.
        """
        scores = self.api.evaluate(run, data, gate=gate)
        if json:
            print_json(scores)

    def predict(  # type: ignore[override]
        self,
        run: tyro.conf.Positional[Path],
        paths: tyro.conf.Positional[tuple[Path, ...]],
        out: Path,
        overlays: bool = True,
        gate: Path | None = None,
    ) -> None:
        """Predict for X-rays.

        Args:
            run: The run folder.
            paths: DICOM files, and folders that hold some; before them, further run folders: these runs then predict together.
            out: Folder for predictions.csv, boxes.csv and the pictures.
            overlays: Also write a picture of each X-ray with its boxes.
            gate: Table with image-level probabilities, such as the predictions.csv of a classification run on the same X-rays.
        """
        # A run folder holds no X-ray, so there is nothing to mix up.
        further = list(takewhile(lambda path: (path / "settings.json").is_file(), paths))
        self.api.predict([run, *further], paths[len(further) :], out, overlays, gate=gate)

    def submit(  # type: ignore[override]
        self, run: tyro.conf.Positional[tuple[Path, ...]], images: Path, out: Path, gate: Path | None = None
    ) -> None:
        """Write a submission.

        Args:
            run: The run folder, or several: these runs then predict together.
            images: Folder of DICOM files, such as stage_2_test_images.
            out: The file to write.
            gate: Table with image-level probabilities, such as the predictions.csv of a classification run on the same X-rays.
        """
        self.api.submit(run, images, out, gate=gate)


def _argument_helps(docstring: str) -> dict[str, str]:
    r"""Return what the Args of a docstring say, by argument.

    >>> _argument_helps("Do it.\n\nArgs:\n    gate: A table\n        of xrays.\n    most: A limit.")
    {'gate': 'A table of X-rays.', 'most': 'A limit.'}
    """
    said = inspect.cleandoc(docstring).partition("\nArgs:\n")[2].partition("\n\n")[0]
    found: dict[str, str] = {}
    for line in inspect.cleandoc(said).splitlines():
        name, _, told = line.partition(": ")
        if line.startswith(" ") and found:
            found[next(reversed(found))] += f" {line.strip()}"
        else:
            found[name] = told
    return found


def _named_preset(arguments: Sequence[str], presets: dict[str, Any]) -> str:
    """Return the preset that the flags name: it must be known before the flags are, because it holds their defaults."""
    preset = next(iter(presets))
    for number, argument in enumerate(arguments):
        if argument == "--preset" and number + 1 < len(arguments):
            preset = arguments[number + 1]
        elif argument.startswith("--preset="):
            preset = argument.partition("=")[2]
    if preset not in presets:
        raise BadSetting(f"--preset is {preset!r}; it must be one of {', '.join(presets)}.")
    return preset
