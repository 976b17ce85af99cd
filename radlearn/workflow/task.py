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
class Ensemble(Generic[CaseT, OptionsT]):
    """The commands of several runs that predict together.

    Args:
        evaluate: (runs, all labelled cases of their data, options) -> scores, on the test persons that all runs share.
        predict: (runs, paths, out, overlays, options) -> the table of predictions.
        submit: (runs, folder of images, out, options) -> the submission file.
    """

    evaluate: Callable[[Sequence[Run], Sequence[CaseT], OptionsT], Scores]
    predict: Callable[[Sequence[Run], Sequence[Path], Path, bool, OptionsT], Path]
    submit: Callable[[Sequence[Run], Path, Path, OptionsT], Path]


@dataclass(frozen=True)
class Task(Generic[CaseT, SettingsT, OptionsT, TuneT]):
    """One use case.

    Args:
        name: on the command line, such as "classification".
        folder: the lesson's folder, which contains `data/`.
        challenge: the challenge the data come from.
        settings: class of the settings; every field is a flag of `train`.
        presets: name -> settings; the first is the default.
        headline_scores: names of scores in `scores.json` that `demo` shows.
        example_file: an input file of `predict` in help texts, such as "SCAN.nii.gz".
        train: (settings, data folder, run) trains, or continues where the run stopped, and returns the run.
        evaluate: (run, cases, split, options) -> what `scores.json` holds.
        tune: (run, validation cases, options) -> what `tuning/tuning.json` holds.
        predict: (run, paths, out, overlays, options) -> the table of predictions.
        submit: (run, folder of images, out, options) -> the submission file.
        options: class of the options of `evaluate`, `predict` and `submit`.
        tune_options: class of the options of `tune`.
        ensemble: the commands of several runs; None where one run predicts at a time.
    """

    name: str
    folder: Path
    challenge: Challenge[CaseT, Any]
    settings: type[SettingsT]
    presets: Mapping[str, SettingsT]
    headline_scores: tuple[str, ...]
    example_file: str
    train: Callable[[SettingsT, Path, Run], Run]
    evaluate: Callable[[Run, Sequence[CaseT], str, OptionsT], Scores]
    tune: Callable[[Run, Sequence[CaseT], TuneT], Scores]
    predict: Callable[[Run, Sequence[Path], Path, bool, OptionsT], Path]
    submit: Callable[[Run, Path, Path, OptionsT], Path]
    options: type[OptionsT]
    tune_options: type[TuneT]
    ensemble: Ensemble[CaseT, OptionsT] | None = None


AnyTask = Task[Any, Any, Any, Any]
