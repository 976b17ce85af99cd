"""The commands of a lesson in Python: what to train, to evaluate and to ask, with the data found and the run folder kept."""

import dataclasses
import inspect
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from radlearn.errors import BadLayout, BadSetting
from radlearn.progress import say
from radlearn.training.run_folder import Run, new_run, open_run, settings_as
from radlearn.training.splits import read_split
from radlearn.workflow import data_source
from radlearn.workflow.splits import cases_by_subset

Runs = Path | str | Sequence[Path | str]


class TaskApi:
    """A lesson's commands, the same as on the command line.

    Every method refuses what it cannot do with an error of `radlearn.errors` that says what to do instead.
    """

    def __init__(self, lesson: ModuleType) -> None:
        self.lesson = lesson

    def train(self, preset: str = "quick", data: Path | str | None = None, run: Path | str | None = None, **changes: Any) -> Run:
        """Train a model in a new run folder.

        Args:
            preset: quick (minutes on two cores) or challenge (the strong preset, for a GPU).
            data: a folder in the challenge's layout; None looks beside the lesson and falls back on built-in patients.
            run: the folder of the run; None makes runs/TASK/DATE-TIME.
            changes: fields of the lesson's Settings that differ from the preset.
        """
        presets = self.lesson.PRESETS
        if preset not in presets:
            raise BadSetting(f"preset is {preset!r}; it must be one of {', '.join(presets)}.")
        fields = {field.name for field in dataclasses.fields(presets[preset])}
        if unknown := sorted(changes.keys() - fields):
            raise BadSetting(f"There is no setting {unknown[0]!r}. The settings are: {', '.join(sorted(fields))}.")
        return self.train_with(dataclasses.replace(presets[preset], **changes), data, run)

    def train_with(self, settings: Any, data: Path | str | None = None, run: Path | str | None = None) -> Run:
        """Train as `train` does, with settings that are already made."""
        source = data_source.found_source(self._challenge, None if data is None else Path(data), self._data_folders())
        say(source.told)
        # New, or refused: only `resume` goes on with a run that is there.
        made = new_run(None if run is None else Path(run), self.lesson.TASK, settings, about_data(source.folder))
        say(f"Run folder: {made.folder}")
        return self.lesson.train(settings, source.folder, made.folder)

    def resume(self, run: Path | str, data: Path | str | None = None) -> Run:
        """Go on with a run where it was stopped or killed; it ends as if it never had been. `data`: where its data lie now."""
        opened = open_run(Path(run), self.lesson.TASK)
        return self.lesson.train(settings_as(opened, self.lesson.Settings), self._data_of(opened, data), opened.folder)

    def evaluate(self, run: Runs, data: Path | str | None = None, **options: Any) -> dict[str, Any]:
        """Evaluate a run on its held-out people, or on all labelled cases of another folder, and write scores, pictures and report.

        Args:
            run: the run folder; in detection it may be several, which are then evaluated as one, on the test people they share.
            options: what else the lesson's own `evaluate` takes, such as `gate` in detection.

        Returns:
            what `scores.json` in the run folder holds.
        """
        runs = self._opened(run)
        opened = runs[0]
        cases = self.lesson.find_cases(self._data_of(opened, data))
        if len(runs) > 1:
            return self.lesson.evaluate_together(runs, cases, **options)
        evaluate_probabilities = partial(self.lesson.evaluate, opened, **options)
        of_the_run = read_split(opened.folder / "split.csv").keys()
        known = of_the_run & {case.image_id for case in cases}
        if data is None or len(known) == len(of_the_run):
            return evaluate_probabilities(cases_by_subset(cases, opened)["test"], "test")
        if known:
            raise BadLayout(
                f"{data}: {len(known):,} of its {len(cases):,} cases belong to this run, but not all of the run's cases are there. "
                "Give the whole folder that it was trained on, or one that shares no case with it."
            )
        say(f"Other data than the run was trained on: all {len(cases):,} cases are evaluated, as an external set.")
        return evaluate_probabilities(cases, "external")

    def tune(self, run: Path | str, data: Path | str | None = None, **wishes: Any) -> dict[str, Any]:
        """Choose again on the run's validation people what is not learnt but chosen: a threshold, a postprocessing for boxes.

        Args:
            data: where the run's data lie now, if they were moved.
            wishes: what the lesson's own `tune` takes.

        Returns:
            what `tuning/tuning.json` in the run folder holds.
        """
        opened = open_run(Path(run), self.lesson.TASK)
        cases = self.lesson.find_cases(self._data_of(opened, data))
        return self.lesson.tune(opened, cases_by_subset(cases, opened)["validation"], **wishes)

    def predict(self, run: Runs, paths: Sequence[Path | str], out: Path | str, overlays: bool = True, **options: Any) -> Path:
        """Predict for X-rays or CTs in files and folders; return the path of the table. Unreadable files are listed at the end.

        Args:
            run: the run folder; in detection it may be several, which predict together.
            options: what else the lesson's own `predict` takes, such as `gate` in detection.
        """
        return self.lesson.predict(self._loaded_runs(run), [Path(path) for path in paths], Path(out), overlays, **options)

    def submit(self, run: Runs, images: Path | str, out: Path | str, **options: Any) -> Path:
        """Write the submission file for the X-rays of a folder; return its path. Arguments as in `predict`."""
        return self.lesson.submit(self._loaded_runs(run), Path(images), Path(out), **options)

    @property
    def takes_several_runs(self) -> bool:
        """Whether several runs may predict together."""
        return "runs" in inspect.signature(self.lesson.predict).parameters

    def _opened(self, run: Runs) -> list[Run]:
        folders = [run] if isinstance(run, Path | str) else list(run)
        if len(folders) != 1 and not self.takes_several_runs:
            raise BadSetting(f"{len(folders)} runs: in {self.lesson.TASK} one run answers at a time.")
        return [open_run(Path(folder), self.lesson.TASK) for folder in folders]

    def _loaded_runs(self, run: Runs) -> Run | list[Run]:
        runs = self._opened(run)
        return runs if self.takes_several_runs else runs[0]

    @property
    def _challenge(self) -> data_source.Challenge:
        """The challenge that the lesson's folder is named after: rsna_…, covid19_…"""
        return "covid19" if Path(str(self.lesson.__file__)).parent.name.startswith("covid19") else "rsna"

    def _data_folders(self) -> list[Path]:
        """Return where the challenge's data may lie: beside this lesson, or beside another of the same challenge (rsna_…, covid19_…)."""
        own = Path(str(self.lesson.__file__)).parent
        others = sorted(own.parent.glob(f"{self._challenge}_*/data"))
        return [own / "data", *(folder for folder in others if folder.parent != own)]

    def _data_of(self, run: Run, given: Path | str | None) -> Path:
        if given is not None:
            return data_source.found_source(self._challenge, Path(given), self._data_folders()).folder
        folder = Path(run.about["data"])
        # A cache may be emptied at any time; built-in patients are the same every time they are made.
        if not folder.exists() and not data_source.made_again(folder):
            raise BadLayout(f"{folder}: the data this run was trained on are not there any more. Say where they are now with --data.")
        return folder


def about_data(folder: Path) -> dict[str, Any]:
    """Return what settings.json says of the data of a run."""
    return {"data": str(Path(folder).resolve()), "synthetic": data_source.is_synthetic(folder)}
