"""The commands of a task in Python: finds the data, opens the runs, checks the options, and calls the lesson."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from radlearn import use_cases
from radlearn.errors import BadLayout, BadSetting
from radlearn.progress import say
from radlearn.training.device import chosen_device
from radlearn.training.run_folder import Run, new_run, open_run, settings_as
from radlearn.training.splits import read_split
from radlearn.workflow import data_source
from radlearn.workflow.splits import cases_by_subset
from radlearn.workflow.task import AnyTask

RunLike = Run | Path | str
Runs = RunLike | Sequence[RunLike]
T = TypeVar("T")


class TaskApi:
    """The commands of a task, the same as on the command line: `radlearn.classification.train(epochs=5)`.

    Every method refuses what it cannot do with an error of `radlearn.errors` that says what to do instead.
    """

    def __init__(self, task: AnyTask) -> None:
        self.task = task

    def train(self, preset: str | None = None, data: Path | str | None = None, run: Path | str | None = None, **changes: Any) -> Run:
        """Train a model in a new run folder.

        Args:
            preset: quick (minutes on two cores) or challenge (the strong preset, for a GPU); the first of the task if not named.
            data: a folder in the challenge's layout; None looks beside the lesson and falls back on built-in patients.
            run: the folder of the run; None makes runs/TASK/DATE-TIME.
            changes: fields of the task's settings that differ from the preset.

        Raises:
            BadSetting: if there is no such preset or setting, or a value is out of its bounds.
        """
        presets = self.task.presets
        preset = next(iter(presets)) if preset is None else preset
        if preset not in presets:
            raise BadSetting(f"preset is {preset!r}; it must be one of {', '.join(presets)}.")
        known = {field.name for field in dataclasses.fields(presets[preset])}
        if unknown := sorted(changes.keys() - known):
            raise BadSetting(f"There is no setting {unknown[0]!r}. The settings are: {', '.join(sorted(known))}.")
        return self.train_with(dataclasses.replace(presets[preset], **changes), data, run)

    def train_with(self, settings: Any, data: Path | str | None = None, run: Path | str | None = None) -> Run:
        """Train as `train` does, with settings that are already made."""
        # What this machine cannot do is refused before there is a run folder.
        chosen_device(settings.device, settings.precision)
        source = data_source.found_source(self.task.challenge, None if data is None else Path(data), self._data_folders())
        say(source.told)
        # New, or refused: only `resume` goes on with a run that is there.
        about = data_source.about_data(self.task.challenge, source.folder)
        made = new_run(None if run is None else Path(run), self.task.name, settings, about)
        say(f"Run folder: {made.folder}")
        return self.task.train(settings, source.folder, made)

    def resume(self, run: RunLike, data: Path | str | None = None) -> Run:
        """Continue a run where it was stopped or killed; it ends as if it had never stopped. `data`: where its data are now."""
        opened = self._opened_run(run)
        return self.task.train(settings_as(opened, self.task.settings), self._data_of(opened, data), opened)

    def evaluate(self, run: Runs, data: Path | str | None = None, **options: Any) -> dict[str, Any]:
        """Evaluate a run on its test persons, or on all labelled cases of another folder; write scores, pictures and report.

        Args:
            run: the run; in a task with ensembles it may be several, which are evaluated as one on the test persons that they share.
            data: other labelled data, evaluated as an external set; None for the run's own test persons.
            options: fields of the task's options, such as `gate` in detection.

        Returns:
            what `scores.json` in the run folder holds.
        """
        runs, made = self._opened(run), self._options(self.task.options, options)
        first = runs[0]
        cases = self.task.challenge.find_cases(self._data_of(first, data))
        if len(runs) > 1:
            assert self.task.ensemble is not None
            return self.task.ensemble.evaluate(runs, cases, made)
        of_the_run = read_split(first.folder / "split.csv").keys()
        known = of_the_run & {case.image_id for case in cases}
        if data is None or len(known) == len(of_the_run):
            return self.task.evaluate(first, cases_by_subset(cases, first)["test"], "test", made)
        if known:
            raise BadLayout(
                f"{data}: {len(known):,} of its {len(cases):,} cases belong to this run, but not all of the run's cases are there. "
                "Give the whole folder that it was trained on, or one that shares no case with it."
            )
        say(f"Other data than the run was trained on: all {len(cases):,} cases are evaluated, as an external set.")
        return self.task.evaluate(first, cases, "external", made)

    def tune(self, run: RunLike, data: Path | str | None = None, **options: Any) -> dict[str, Any]:
        """Choose again on the run's validation persons what is not learnt but chosen: thresholds and postprocessing.

        Args:
            data: where the run's data are now, if they were moved.
            options: fields of the task's options for `tune`.

        Returns:
            what `tuning/tuning.json` in the run folder holds.
        """
        opened, made = self._opened_run(run), self._options(self.task.tune_options, options)
        cases = self.task.challenge.find_cases(self._data_of(opened, data))
        return self.task.tune(opened, cases_by_subset(cases, opened)["validation"], made)

    def predict(self, run: Runs, paths: Sequence[Path | str], out: Path | str, overlays: bool = True, **options: Any) -> Path:
        """Predict for X-rays or CTs in files and folders; return the path of the table. Unreadable files are listed at the end.

        Args:
            run: the run; in a task with ensembles it may be several, which predict together.
            overlays: also write a picture of each prediction.
            options: fields of the task's options, such as `gate` in detection.
        """
        runs, made, named = self._opened(run), self._options(self.task.options, options), [Path(path) for path in paths]
        if len(runs) > 1:
            assert self.task.ensemble is not None
            return self.task.ensemble.predict(runs, named, Path(out), overlays, made)
        return self.task.predict(runs[0], named, Path(out), overlays, made)

    def submit(self, run: Runs, images: Path | str, out: Path | str, **options: Any) -> Path:
        """Write the submission file for the images of a folder; return its path. Arguments as in `predict`."""
        runs, made = self._opened(run), self._options(self.task.options, options)
        if len(runs) > 1:
            assert self.task.ensemble is not None
            return self.task.ensemble.submit(runs, Path(images), Path(out), made)
        return self.task.submit(runs[0], Path(images), Path(out), made)

    def _opened_run(self, run: RunLike) -> Run:
        return run if isinstance(run, Run) else open_run(Path(run), self.task.name)

    def _opened(self, run: Runs) -> list[Run]:
        runs = [run] if isinstance(run, RunLike) else list(run)
        if len(runs) != 1 and self.task.ensemble is None:
            raise BadSetting(f"{len(runs)} runs: in {self.task.name} one run predicts at a time.")
        return [self._opened_run(one) for one in runs]

    def _options(self, kind: type[T], given: dict[str, Any]) -> T:
        known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
        if unknown := sorted(given.keys() - set(known)):
            has = f"The options are: {', '.join(known)}." if known else f"{self.task.name} has none here."
            raise BadSetting(f"There is no option {unknown[0]!r}. {has}")
        return kind(**given)

    def _data_folders(self) -> list[Path]:
        """Return where the challenge's data may lie: beside this lesson, or beside another lesson on the same challenge."""
        own = self.task.folder / "data"
        sharing = [one for one in use_cases.USE_CASES.values() if one.load_challenge() == self.task.challenge]
        return [own, *(folder for one in sharing if (folder := one.folder / "data") != own)]

    def _data_of(self, run: Run, given: Path | str | None) -> Path:
        challenge = self.task.challenge
        if given is not None:
            return data_source.found_source(challenge, Path(given), self._data_folders()).folder
        folder = Path(run.about["data"])
        # A cache may be emptied at any time; built-in cases are the same every time they are written.
        if not folder.exists() and not data_source.restored(challenge, folder):
            raise BadLayout(f"{folder}: the data this run was trained on are not there any more. Say where they are now with --data.")
        return folder
