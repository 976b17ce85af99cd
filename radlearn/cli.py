"""`radlearn TASK VERB` and the few commands that belong to no task. Nothing heavy is imported before it is needed."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from radlearn import LESSONS, __version__
from radlearn.endings import ended, print_json
from radlearn.errors import BadSetting
from radlearn.progress import say, waiting

COMMANDS = {
    "demo": "train and evaluate every task on built-in patients; nothing to download",
    "thorax": "write built-in patients as files in the challenges' own layouts",
    "check": "look through a data folder before hours are spent on it: check DIR",
    "score": "what a challenge would say of predictions of any tool: score rsna, covid19, classification",
    "tune": "choose a run's threshold or postprocessing again on validation people: tune RUN",
    "info": "versions, decoders, devices, memory",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks and return the exit code: 0 done, 2 the user can mend it, 130 interrupted."""
    asked = list(sys.argv[1:] if arguments is None else arguments)
    return ended(lambda: _do(asked))


def _do(asked: list[str]) -> None:
    word, rest = (asked[0], asked[1:]) if asked else ("--help", [])
    if word in ("-h", "--help"):
        sys.stdout.write(_usage())
    elif word in ("-V", "--version"):
        sys.stdout.write(f"radlearn {__version__}\n")
    elif word in LESSONS:
        _lesson(word, rest)
    elif word in COMMANDS:
        {"demo": _demo, "thorax": _thorax, "check": _check, "score": _score, "tune": _tune, "info": _info}[word](rest)
    else:
        raise BadSetting(f"{word!r} is no task and no command. The tasks are {', '.join(LESSONS)}; the commands {', '.join(COMMANDS)}.")


def _usage() -> str:
    lines = ["usage: radlearn TASK VERB …", "       radlearn COMMAND …", "", "Tasks"]
    lines += [f"  {task:<15} {told}" for task, (_, told) in LESSONS.items()]
    lines += ["    verbs: train, resume, evaluate, tune, predict, submit", "", "Commands"]
    lines += [f"  {command:<15} {told}" for command, told in COMMANDS.items()]
    lines += [
        "",
        "'radlearn TASK VERB --help' and 'radlearn COMMAND --help' tell what they take.",
        "For learning and research, not for clinical use.",
    ]
    return "\n".join(lines) + "\n"


def _lesson(task: str, arguments: list[str]) -> None:
    import importlib

    with waiting("loading what the lesson stands on"):
        from radlearn.workflow.commands import do_verb

        lesson = importlib.import_module(LESSONS[task][0])
    do_verb(lesson, arguments)


def _demo(arguments: list[str]) -> None:
    import tyro

    from radlearn.demo import demo

    tyro.cli(demo, args=arguments, prog="radlearn demo")


def _thorax(arguments: list[str]) -> None:
    import tyro

    def thorax(
        out: Path,
        xrays: int = 800,
        cts: int = 120,
        ct_size: Literal["small", "full"] = "small",
        seed: int = 0,
        workers: int | None = None,
        twins: bool = False,
    ) -> None:
        """Write built-in patients in the challenges' layouts: X-rays as OUT/rsna, CTs as OUT/covid19, and a sheet to look at.

        Args:
            out: The folder to write into; OUT/rsna and OUT/covid19 must not be there yet.
            xrays: How many chest X-rays; 0 for none.
            cts: How many chest CTs; 0 for none.
            ct_size: small for quick runs (160-192 voxels across, lesions heavier than real), or full as in the challenge (512, 20 MB each).
            seed: Another seed, other patients.
            workers: Processes to use; all cores if not named.
            twins: Write each X-ray with an opacity also without it, everything else equal, into OUT/rsna/twins.
        """
        from radlearn.digital_thorax.cohort import write_rsna
        from radlearn.digital_thorax.contact_sheet import write_contact_sheet
        from radlearn.digital_thorax.ct_cohort import refuse_used, write_covid19
        from radlearn.digital_thorax.patient_sheet import write_patient_sheet

        xrays_folder, cts_folder = out / "rsna", out / "covid19"
        if xrays < 0 or cts < 0 or not xrays + cts:
            raise BadSetting(f"--xrays {xrays} --cts {cts}: expected numbers from 0 on, and not both 0.")
        for folder in [*([xrays_folder] if xrays else []), *([cts_folder] if cts else [])]:
            refuse_used(folder)
        if xrays:
            write_rsna(xrays_folder, xrays, seed, workers, twins=twins)
            say(f"{xrays:,} X-rays in {xrays_folder}. To train on them: radlearn classification train --data {xrays_folder}")
        if cts:
            write_covid19(cts_folder, cts, seed, workers, ct_size)
            say(f"{cts:,} CTs in {cts_folder}, with lesion masks.")
        with waiting("drawing what was written"):
            seen = write_contact_sheet(out / "contact_sheet.png", xrays_folder if xrays else None, cts_folder if cts else None)
        say(f"A look at the files: {seen}")
        if not (sheet := out / "patients.png").exists():
            with waiting("drawing a few patients"):
                write_patient_sheet(sheet, seed)
            say(f"A look at some of them, X-ray and CT: {sheet}")

    tyro.cli(thorax, args=arguments, prog="radlearn thorax")


def _check(arguments: list[str]) -> None:
    import tyro

    def check(folder: tyro.conf.Positional[Path], json: bool = False, out: Path | None = None, workers: int | None = None) -> None:
        """Look through a data folder: what is there, what is wrong, what to do, what training on it will cost.

        Args:
            folder: In a challenge's layout, or with any DICOM or NIfTI files in it.
            json: Print one JSON object on standard output.
            out: Write an HTML page with pictures of what was found.
            workers: Processes to use; all cores if not named.
        """
        from radlearn.check.command import check as checked
        from radlearn.errors import FoundErrors

        if checked(folder, json, out, workers):
            raise FoundErrors(f"{folder}: something must be mended before this is trained on.")

    tyro.cli(check, args=arguments, prog="radlearn check")


def _score(arguments: list[str]) -> None:
    import tyro

    from radlearn.score import command_of, scorers

    known = scorers()
    word, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if word in ("-h", "--help"):
        lines = ["usage: radlearn score NAME --truth … --submission …", ""]
        lines += [f"  {name:<15} {scorer.about}" for name, scorer in known.items()]
        sys.stdout.write("\n".join([*lines, "", "'radlearn score NAME --help' explains the flags.", ""]))
    elif word in known:
        tyro.cli(command_of(known[word]), args=rest, prog=f"radlearn score {word}")
    else:
        raise BadSetting(f"radlearn score {word}: there is no such score. The scores are: {', '.join(known)}.")


def _tune(arguments: list[str]) -> None:
    """Tune a run, whose folder says of which task it is."""
    from radlearn.training.run_folder import open_run

    named = [argument for argument in arguments if not argument.startswith("-")]
    if not named:
        told = "'radlearn TASK tune --help' tells the flags of a task; the run folder says which it is."
        sys.stdout.write(f"usage: radlearn tune RUN …\n\n{told}\n")
        return
    # A flag's value may stand before the run.
    run = next((argument for argument in named if (Path(argument) / "settings.json").is_file()), named[0])
    _lesson(open_run(Path(run)).task, ["tune", *arguments])


def _info(arguments: list[str]) -> None:
    import tyro

    def info(json: bool = False) -> None:
        """Tell versions, decoders, devices and memory.

        Args:
            json: Print one JSON object on standard output.
        """
        from radlearn.info import about_this_machine

        with waiting("looking"):
            found: dict[str, Any] = about_this_machine()
        if json:
            print_json(found)
            return
        for topic, facts in found.items():
            sys.stdout.write(f"{topic}\n")
            sys.stdout.write("".join(f"  {name:<22} {'–' if fact is None else fact}\n" for name, fact in facts.items()))

    tyro.cli(info, args=arguments, prog="radlearn info")
