"""`radlearn TASK COMMAND` and the few commands that belong to no task. Nothing heavy is imported before it is needed."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radlearn import __version__
from radlearn.endings import ended, print_json, print_out
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.progress import waiting
from radlearn.use_cases import USE_CASES

COMMANDS = {
    "demo": "train and evaluate every task on built-in patients; nothing to download",
    "thorax": "write built-in patients as files in the challenges' own layouts",
    "check": "audit a data folder or table before training on it: check DATA",
    "score": "the official scores of a challenge for predictions of any tool: score NAME",
    "compare": "compare runs, or repeats of them, person by person: compare RUN RUN",
    "tune": "choose a run's thresholds and postprocessing again on validation persons: tune RUN",
    "info": "versions, decoders, devices, memory",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks and return the exit code: 0 done, 2 the user can mend it, 130 interrupted."""
    asked = list(sys.argv[1:] if arguments is None else arguments)
    return ended(lambda: _do(asked))


def _do(asked: list[str]) -> None:
    word, rest = (asked[0], asked[1:]) if asked else ("--help", [])
    if word in ("-h", "--help"):
        print_out(_usage())
    elif word in ("-V", "--version"):
        print_out(f"radlearn {__version__}\n")
    elif word in USE_CASES:
        _task(word, rest)
    elif word in COMMANDS:
        {"demo": _demo, "thorax": _thorax, "check": _check, "score": _score, "compare": _compare, "tune": _tune, "info": _info}[word](rest)
    else:
        raise BadSetting(f"{word!r} is neither a task nor a command. Tasks: {', '.join(USE_CASES)}. Commands: {', '.join(COMMANDS)}.")


def _usage() -> str:
    lines = ["usage: radlearn TASK COMMAND …", "       radlearn COMMAND …", "", "Tasks"]
    lines += [f"  {name:<15} {use_case.question}" for name, use_case in USE_CASES.items()]
    lines += ["    with the commands train, resume, evaluate, tune, predict, submit, table, lesson", "", "Commands"]
    lines += [f"  {command:<15} {about}" for command, about in COMMANDS.items()]
    lines += [
        "",
        "'radlearn TASK COMMAND --help' and 'radlearn COMMAND --help' list the flags.",
        "For learning and research, not for clinical use.",
    ]
    return "\n".join(lines) + "\n"


def _task(name: str, arguments: list[str]) -> None:
    if arguments[:1] == ["lesson"]:
        from radlearn.workflow.lesson_command import run_lesson

        # The page is opened without the packages that it is about.
        run_lesson(name, USE_CASES[name].folder, arguments[1:])
        return
    with waiting("Loading the packages that the lesson uses"):
        from radlearn.workflow.commands import run_command

        task = USE_CASES[name].load_task()
    run_command(task, arguments)


def _demo(arguments: list[str]) -> None:
    import tyro

    from radlearn.demo import demo

    tyro.cli(demo, args=arguments, prog="radlearn demo")


def _thorax(arguments: list[str]) -> None:
    import tyro

    from radlearn.built_in_patients import write_patients

    tyro.cli(write_patients, args=arguments, prog="radlearn thorax")


def _check(arguments: list[str]) -> None:
    import tyro

    def check(folder: tyro.conf.Positional[Path], json: bool = False, out: Path | None = None, workers: int | None = None) -> None:
        """Look through a data folder or table: what is there, what is wrong, what to do, what training on it will cost.

        Args:
            folder: In a challenge's layout, or with any DICOM or NIfTI files in it; or a table of your own images (.csv, .tsv, .parquet).
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
        print_out("\n".join([*lines, "", "'radlearn score NAME --help' explains the flags.", ""]))
    elif word in known:
        tyro.cli(command_of(known[word]), args=rest, prog=f"radlearn score {word}")
    else:
        raise BadSetting(f"radlearn score {word}: there is no such score. The scores are: {', '.join(known)}.")


def _compare(arguments: list[str]) -> None:
    import tyro

    def compare(runs: tyro.conf.Positional[tuple[Path, ...]], json: bool = False, out: Path | None = None, split: str = "test") -> None:
        """Compare runs of one task person by person: which is better, by how much, how sure that is, and which cases changed.

        Args:
            runs: Two or more run folders, or folders of repeats (train --repeats N); each is compared with the first.
            json: Print one JSON object on standard output.
            out: Folder for compare.png and compare.json; runs/compare/DATE-TIME if not named.
            split: What was evaluated: test, or external for other data.
        """
        from radlearn.compare import compare as compared

        content = compared(runs, out, split)
        if json:
            print_json(content)

    tyro.cli(compare, args=arguments, prog="radlearn compare")


def _tune(arguments: list[str]) -> None:
    """Tune a run; its folder says which task it belongs to."""
    from radlearn.training.run_folder import open_run

    named = [argument for argument in arguments if not argument.startswith("-")]
    if not named:
        print_out("usage: radlearn tune RUN …\n\n'radlearn TASK tune --help' lists the flags of the run's task.\n")
        return
    # A flag's value may stand before the run.
    run = next((argument for argument in named if (Path(argument) / "settings.json").is_file()), named[0])
    if (task := open_run(Path(run)).task) not in USE_CASES:
        raise BadRunFolder(f"{run}: is a run of {task!r}, a task that is not there. The tasks are: {', '.join(USE_CASES)}.")
    _task(task, ["tune", *arguments])


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
            print_out(f"{topic}\n")
            print_out("".join(f"  {name:<22} {'–' if fact is None else fact}\n" for name, fact in facts.items()))

    tyro.cli(info, args=arguments, prog="radlearn info")
