"""A use case as one typed object: its name, challenge, settings and commands."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from radlearn.challenges.challenge import CaseT, Challenge
from radlearn.training.run_folder import Run
from radlearn.training.settings import TrainingSettings

SettingsT = TypeVar("SettingsT", bound=TrainingSettings)
# Task-specific options of `evaluate`, `predict` and `submit`, and those of `tune`: frozen dataclasses in which every field has a default
# and a comment that is the help text of its flag.
OptionsT = TypeVar("OptionsT")
TuneT = TypeVar("TuneT")
Scores = dict[str, Any]


@dataclass(frozen=True)
class NoOptions:
    """No task-specific options."""


@dataclass(frozen=True)
class Commands(Generic[CaseT, SettingsT, OptionsT, TuneT]):
    """The commands of a task as functions.

    Args:
        train: (settings, data folder, run) trains, or continues where the run stopped, and returns the run.
        evaluate: (run, cases, split, options) -> what `scores.json` holds.
        tune: (run, validation cases, options) -> what `tuning/tuning.json` holds.
        predict: (run, paths, out, overlays, options) -> the table of predictions.
        submit: (run, folder of images, out, options) -> the submission file.
    """

    train: Callable[[SettingsT, Path, Run], Run]
    evaluate: Callable[[Run, Sequence[CaseT], str, OptionsT], Scores]
    tune: Callable[[Run, Sequence[CaseT], TuneT], Scores]
    predict: Callable[[Run, Sequence[Path], Path, bool, OptionsT], Path]
    submit: Callable[[Run, Path, Path, OptionsT], Path]


@dataclass(frozen=True)
class Ensemble(Generic[CaseT, OptionsT]):
    """The commands of several runs that predict together; `predict` and `submit` as in `Commands`, for a list of runs.

    Args:
        evaluate: (runs, all labelled cases of their data, options) -> scores, on the test persons that all runs share.
    """

    evaluate: Callable[[Sequence[Run], Sequence[CaseT], OptionsT], Scores]
    predict: Callable[[Sequence[Run], Sequence[Path], Path, bool, OptionsT], Path]
    submit: Callable[[Sequence[Run], Path, Path, OptionsT], Path]


@dataclass(frozen=True)
class Task(Generic[CaseT, SettingsT, OptionsT, TuneT]):
    """One use case.

    Args:
        name: the word of the command line, such as "classification".
        folder: the lesson's folder, in which `data/` is looked for.
        challenge: what publishes the data.
        presets: name -> settings; the first is the default. Every field of the settings is a flag of `train`.
        headline_scores: names of `scores.json` that `demo` shows, and `evaluate` for repeats.
        example_file: what a file to predict for is called in help texts, such as "SCAN.nii.gz".
        commands: what the task can do.
        options: class of the options of `evaluate`, `predict` and `submit`.
        tune_options: class of the options of `tune`.
        ensemble: the commands of several runs; None where one run predicts at a time.
        find_cases: the labelled cases of a folder or table that this task can learn from, where these are not all of the challenge. Raises
            BadLayout.
    """

    name: str
    folder: Path
    challenge: Challenge[CaseT, Any]
    presets: Mapping[str, SettingsT]
    headline_scores: tuple[str, ...]
    example_file: str
    commands: Commands[CaseT, SettingsT, OptionsT, TuneT]
    options: type[OptionsT]
    tune_options: type[TuneT]
    ensemble: Ensemble[CaseT, OptionsT] | None = None
    find_cases: Callable[[Path], list[CaseT]] | None = None

    def labelled_cases(self, data: Path) -> list[CaseT]:
        """Return the labelled cases of a folder or table, as this task needs them; errors as `find_cases`."""
        return (self.find_cases or self.challenge.find_cases)(data)

    @property
    def settings(self) -> type[SettingsT]:
        """The class of the settings."""
        return type(next(iter(self.presets.values())))


AnyTask = Task[Any, Any, Any, Any]
