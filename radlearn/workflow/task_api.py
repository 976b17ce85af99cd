"""The commands of a task in Python: they find the data, open the runs, check the options and call the lesson."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from radlearn import use_cases
from radlearn.amounts import counted, verb_of
from radlearn.challenges.tables.own_table import images_in
from radlearn.challenges.tables.table_rows import is_table
from radlearn.disk_trouble import system_error_in_words
from radlearn.errors import BadLayout, BadRunFolder, BadSetting, CannotWrite
from radlearn.file_names import expanded
from radlearn.files import removed_on_failure, try_to_write
from radlearn.leftovers import remove_leftovers
from radlearn.outputs import NOTHING_REPLACED, prove_output
from radlearn.progress import say
from radlearn.remarks import show_own_warnings_as_sentences
from radlearn.training.arguments import checked
from radlearn.training.config import refuse_out_of_bounds
from radlearn.training.device import chosen_precision, say_chosen_precision
from radlearn.training.earlier_runs import about_earlier, finished_run
from radlearn.training.run_folder import Run, holds_repeats, holds_run, new_run, open_run, settings_as, unused_folder
from radlearn.training.run_links import refuse_links_out
from radlearn.training.run_state import is_finished, is_trained, unfinished
from radlearn.training.splits import split_of
from radlearn.workflow import data_source
from radlearn.workflow.ensembles import FOLDER, refuse_ensemble
from radlearn.workflow.kept_evaluations import keep_external, put_back_if_refused
from radlearn.workflow.lesson_file import about_copy, differs, lesson_file
from radlearn.workflow.partial_answers import kept_when_stopped
from radlearn.workflow.postprocessing_file import postprocessing_kept, prove_postprocessing
from radlearn.workflow.repeats import (
    Repeats,
    checked_count,
    completed,
    new_repeats,
    open_repeats,
    refuse_repeats,
    said_how_to_go_on,
    stopped_together,
)
from radlearn.workflow.report_frame import renew_spread
from radlearn.workflow.scores_file import EXTERNAL, content_for
from radlearn.workflow.splits import cases_by_subset, prove_same
from radlearn.workflow.spread import show_spread, write_spread
from radlearn.workflow.strangers import are_strangers, tell_new_cases
from radlearn.workflow.task import AnyTask

RunLike = Run | Path | str
Runs = RunLike | Sequence[RunLike]
T = TypeVar("T")

LISTS = (".txt", ".lst", ".list")
LONGEST_PATH, SHOWN_CHARACTERS = 4096, 60


def _shortened(path: str) -> str:
    """Return a path for a message; one longer than any that a system knows was not written by radlearn."""
    return path if len(path) <= LONGEST_PATH else f"{path[:SHOWN_CHARACTERS]}…"


def _is_image(path: Path) -> bool:
    from radlearn.scans.dicom import is_dicom  # pydicom, which other commands need not

    return is_dicom(path)


def _must_be_writable(run: Run, done: str, what: str = "the results lie") -> None:
    """Refuse a run folder that cannot be written before hours of work, and remove what killed processes left in it."""
    refuse_links_out(run)
    try:
        try_to_write(run.folder)
    except OSError as error:
        words = system_error_in_words(error) or f"{run.folder}: {error.strerror}."
        raise CannotWrite(f"Nothing was {done}, because {what} in the run folder. {words}") from error
    remove_leftovers(run.folder)


class TaskApi:
    """The commands of a task, the same as on the command line: `radlearn.classification.train(epochs=5)`.

    The methods raise errors of `radlearn.errors`, whose messages say what to do.
    """

    def __init__(self, task: AnyTask) -> None:
        show_own_warnings_as_sentences()
        self.task = task

    @checked
    def train(
        self,
        preset: str | None = None,
        data: Path | str | None = None,
        run: Path | str | None = None,
        repeats: int = 1,
        start_from: RunLike | None = None,
        **changes: Any,
    ) -> Run | Repeats:
        """Train a model in a new run folder; with `repeats`, several with other seeds, in a folder of repeats.

        Args:
            preset: "quick" (minutes on two cores) or "challenge" (strong, for a GPU); None for the task's first.
            data: folder in the challenge's layout; None for `data/` beside the lesson or, if that is empty, built-in patients.
            run: folder of the run, or of the repeats; None for runs/TASK/DATE-TIME.
            repeats: how many runs to train, with the seeds `seed`, `seed` + 1, …, on the split of the first.
            start_from: a run of the task whose weights the training starts from, where they fit the network; what does not fit is listed.
            changes: settings that differ from the preset.

        Raises:
            BadSetting: if there is no such preset or setting, or a value is out of bounds.
        """
        checked_count(repeats)
        presets = self.task.presets
        preset = next(iter(presets)) if preset is None else preset
        if preset not in presets:
            raise BadSetting(f"preset is {preset!r}; it must be one of {', '.join(presets)}.")
        known = {field.name for field in dataclasses.fields(presets[preset])}
        if unknown := sorted(changes.keys() - known):
            raise BadSetting(f"There is no setting {unknown[0]!r}. The settings are: {', '.join(sorted(known))}.")
        settings = dataclasses.replace(presets[preset], **changes)
        if repeats > 1:
            return self.repeat_with(settings, repeats, data, run, start_from)
        return self.train_with(settings, data, run, start_from)

    def train_with(
        self, settings: Any, data: Path | str | None = None, run: Path | str | None = None, start_from: RunLike | None = None
    ) -> Run:
        """Train with complete settings; see `train`."""
        settings, folder, about = self._begun(settings, data, start_from)
        # Raises if the folder holds a run: only `resume` continues one.
        if run is not None:
            refuse_repeats(Path(run))
        place = unused_folder(Path("runs") / self.task.name) if run is None else Path(run)
        with removed_on_failure(place, lambda: Run(place, self.task.name).last_checkpoint.exists()):
            made = new_run(place, self.task.name, settings, about, lesson_file(self.task))
            say(f"Run folder: {made.folder}")
            with said_how_to_go_on(made):
                return self.task.commands.train(settings, folder, made)

    def repeat_with(
        self,
        settings: Any,
        repeats: int,
        data: Path | str | None = None,
        run: Path | str | None = None,
        start_from: RunLike | None = None,
    ) -> Repeats:
        """Train several runs with complete settings; see `train`."""
        checked_count(repeats)
        settings, _, about = self._begun(settings, data, start_from)
        place = unused_folder(Path("runs") / self.task.name) if run is None else Path(run)
        with removed_on_failure(place, lambda: any(place.glob("*/last/*.safetensors"))):
            made = new_repeats(place, self.task.name, settings, repeats, about, lesson_file(self.task))
            say(f"Folder of {repeats} runs: {made.folder}")
            return self._train_all(made, None)

    @checked
    def resume(self, run: RunLike | Repeats, data: Path | str | None = None) -> Run | Repeats:
        """Continue a run that was stopped or killed; the result is as if it had never stopped. `data`: its data folder, if it was moved.

        Of a folder of repeats, finished runs are kept, the interrupted one is continued, and the rest is trained.
        """
        if (repeats := self._repeats(run)) is not None:
            return self._train_all(repeats, data)
        assert not isinstance(run, Repeats)
        opened = self._opened_run(run)
        _must_be_writable(opened, "continued", "what is trained lies")
        with said_how_to_go_on(opened), postprocessing_kept(opened):
            return self.task.commands.train(settings_as(opened, self.task.settings), self._data_of(opened, data), opened)

    @checked
    def evaluate(self, run: Runs | Repeats, data: Path | str | None = None, **options: Any) -> dict[str, Any]:
        """Evaluate a run on its test persons, or on all labelled cases of another folder; write scores, pictures and report.

        Args:
            run: the run; in a task with ensembles also several, which are evaluated together on the test persons that they share; or a
                folder of repeats, each of which is evaluated.
            data: other labelled data, evaluated as an external set; None for the run's own test persons.
            options: fields of the task's options, such as `gate` in detection.

        Returns:
            what `scores.json` in the run folder holds; for repeats what `spread.json` in their folder holds.
        """
        if (repeats := self._repeats(run)) is not None:
            return self._evaluate_all(repeats, data, options)
        assert not isinstance(run, Repeats)
        runs, made = self._opened(run), self._options(self.task.options, options)
        first = runs[0]
        _must_be_writable(first, "evaluated")
        # What is needed at the end is read now: one that is damaged or changed would be found after all the work.
        _ = first.history
        for one in runs:
            if is_trained(one) and not is_finished(one):
                raise BadRunFolder(unfinished(one))
            prove_postprocessing(one)
        cases = self.task.labelled_cases(self._data_of(first, data))
        known = split_of(first).keys() & {case.image_id for case in cases}
        if len(runs) > 1:
            assert self.task.ensemble is not None
            if data is not None and not known:
                raise BadSetting(f"{data}: holds none of the runs' cases. Several runs are evaluated on the test persons that they share.")
            for one in runs:
                prove_same(cases_by_subset(cases, one)["test"], one)
            tell_new_cases(first, cases)
            with put_back_if_refused(first, FOLDER):
                return self.task.ensemble.evaluate(runs, cases, made)
        if data is None or not are_strangers(first, cases, Path(data)):
            tell_new_cases(first, cases)
            test = cases_by_subset(cases, first)["test"]
            prove_same(test, first)
            return self.task.commands.evaluate(first, test, "test", made)
        say(f"The run was trained on other data: {counted(len(cases), 'cases')} {verb_of(len(cases), 'are')} evaluated as an external set.")
        with put_back_if_refused(first, FOLDER):
            keep_external(first, content_for(first, cases))
            return self.task.commands.evaluate(dataclasses.replace(first, evaluated_on=data), cases, EXTERNAL, made)

    @checked
    def tune(self, run: RunLike, data: Path | str | None = None, **options: Any) -> dict[str, Any]:
        """Choose thresholds and postprocessing again on the run's validation persons.

        Args:
            data: the run's data folder, if it was moved.
            options: fields of the task's options for `tune`.

        Returns:
            what `tuning/tuning.json` in the run folder holds.
        """
        opened, made = self._opened_run(run), self._options(self.task.tune_options, options)
        _must_be_writable(opened, "tuned")
        cases = self.task.labelled_cases(self._data_of(opened, data))
        validation = cases_by_subset(cases, opened)["validation"]
        prove_same(validation, opened)
        return self.task.commands.tune(opened, validation, made)

    @checked
    def predict(self, run: Runs, paths: Path | str | Sequence[Path | str], out: Path | str, overlays: bool = True, **options: Any) -> Path:
        """Predict for X-rays or CTs in files and folders; return the path of the table. Unreadable files are listed at the end.

        Args:
            run: the run; in a task with ensembles also several, or a folder of repeats, whose runs predict together.
            paths: a file or folder, or several, and tables with a column `path` (`.csv`, `.tsv`, `.parquet`), whose images are taken.
            overlays: also write a picture of each prediction.
            options: fields of the task's options, such as `gate` in detection.
        """
        # A text is one path, and not its letters.
        paths = [paths] if isinstance(paths, Path | str) else paths
        each = [one for path in paths for one in expanded(Path(path))]
        named = [image for path in each for image in (images_in(path) if is_table(path) else [path])]
        if lists := [path for path in named if path.suffix.lower() in LISTS and path.is_file() and not _is_image(path)]:
            raise BadSetting(
                f"{lists[0]}: is a text file. To predict for files that it lists, make it a table: the heading path in the first line, a "
                "file in each further line, saved under a name that ends with .csv."
            )
        if not named:
            raise BadSetting(f"{self.task.name} predict: name at least one file or folder, such as {self.task.example_file}.")
        for path in named:
            # Its pictures are no images to predict for, and a run that is named too late would be left out of an ensemble.
            if holds_run(path) or holds_repeats(path):
                where = "all runs before the first file or folder of images" if self.task.ensemble else "one run, and then images"
                raise BadSetting(f"{path}: is a run folder, and stands where images are named. Name {where}.")
        runs, made = self._opened(self._named(run)), self._options(self.task.options, options)
        with kept_when_stopped(Path(out)):
            if len(runs) == 1:
                return self.task.commands.predict(runs[0], named, Path(out), overlays, made)
            assert self.task.ensemble is not None
            return self.task.ensemble.predict(runs, named, Path(out), overlays, made)

    @checked
    def submit(self, run: Runs, images: Path | str, out: Path | str, **options: Any) -> Path:
        """Write the submission file for the images of a folder; return its path. Arguments as in `predict`."""
        runs, made = self._opened(self._named(run)), self._options(self.task.options, options)
        given = [Path(value) for value in options.values() if isinstance(value, Path | str)]
        prove_output(Path(out), [Path(images), *given], NOTHING_REPLACED, "a submission", self.task.challenge.submission_suffix)
        if is_table(Path(images)):
            raise BadSetting(f"{images}: is a table. A submission is for all images of a folder: name that with --images.")
        if len(runs) > 1:
            assert self.task.ensemble is not None
            return self.task.ensemble.submit(runs, Path(images), Path(out), made)
        return self.task.commands.submit(runs[0], Path(images), Path(out), made)

    def _repeats(self, run: Runs | Repeats) -> Repeats | None:
        """Return the folder of repeats that is named, alone; None where it is anything else."""
        if isinstance(run, Repeats):
            return run
        named = run if isinstance(run, RunLike) else run[0] if len(run) == 1 else None
        if named is None or isinstance(named, Run) or not holds_repeats(Path(named)):
            return None
        return open_repeats(Path(named), self.task.name)

    def _train_all(self, repeats: Repeats, data: Path | str | None) -> Repeats:
        for number, (run, settings) in enumerate(completed(repeats, self.task.settings), start=1):
            where = f"Run {number} of {len(repeats.seeds)}, seed {settings.seed}: {run.folder}"
            if is_finished(run):
                say(f"{where} is finished.")
                continue
            say(where, style="bold")
            _must_be_writable(run, "continued", "what is trained lies")
            with said_how_to_go_on(run, repeats.resume_command), stopped_together(repeats, run):
                self.task.commands.train(settings, self._data_of(run, data), run)
        return repeats

    def _evaluate_all(self, repeats: Repeats, data: Path | str | None, options: Mapping[str, Any]) -> dict[str, Any]:
        self._must_be_finished(repeats)
        found = [self.evaluate(run, data, **options) for run in repeats.runs]
        content = write_spread(repeats, found)
        for run, one in zip(repeats.runs, found, strict=True):
            # The first were written when the others were not evaluated yet.
            renew_spread(run, one)
        box_score = self.task.challenge.box_score
        show_spread(content, self.task.headline_scores, {box_score.name: box_score.label} if box_score else {})
        return content

    def _must_be_finished(self, repeats: Repeats) -> None:
        if lacking := [run for run in repeats.runs if not is_finished(run)]:
            raise BadRunFolder(unfinished(lacking[0], repeats.resume_command))

    def _named(self, run: Runs) -> Runs:
        """Return the runs that predict: those of a folder of repeats, where it is named alone."""
        if (repeats := self._repeats(run)) is None:
            return run
        self._must_be_finished(repeats)
        return repeats.runs

    def _opened_run(self, run: RunLike) -> Run:
        opened = run if isinstance(run, Run) else open_run(Path(run), self.task.name)
        if "runs" in opened.about:
            refuse_ensemble(opened)
        if differs(self.task, opened):
            say(
                f"{opened.folder}: trained by {opened.about['lesson']}; here radlearn's own lesson is used. "
                f"The run keeps its code, a program that may do anything. If you know who wrote it: "
                f"{opened.command('evaluate', opened.folder)}",
                style="yellow",
            )
        return opened

    def _opened(self, run: Runs) -> list[Run]:
        runs = [run] if isinstance(run, RunLike) else list(run)
        if not runs:
            raise BadSetting(f"{self.task.name}: no run was named. Name the folder of a run; by default runs are in runs/{self.task.name}.")
        if len(runs) != 1 and self.task.ensemble is None:
            raise BadSetting(f"{len(runs)} runs were given; {self.task.name} has no ensembles and takes one run.")
        return [self._opened_run(one) for one in runs]

    def _options(self, kind: type[T], given: dict[str, Any]) -> T:
        known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
        if unknown := sorted(given.keys() - set(known)):
            valid = f"The options are: {', '.join(known)}." if known else f"This command of {self.task.name} has none."
            raise BadSetting(f"There is no option {unknown[0]!r}. {valid}")
        # A path may be written as text, as everywhere else.
        paths = {name for name, hint in get_type_hints(kind).items() if Path in get_args(hint)}
        made = kind(**{name: Path(value) if name in paths and isinstance(value, str) else value for name, value in given.items()})
        refuse_out_of_bounds(made)
        return made

    def _data_folders(self) -> list[Path]:
        """Return the folders searched for the challenge's data: beside this lesson, then beside other lessons on the same challenge."""
        own = self.task.folder / "data"
        sharing = [one for one in use_cases.USE_CASES.values() if one.load_challenge() == self.task.challenge]
        return [own, *(folder for one in sharing if (folder := one.folder / "data") != own)]

    def _begun(self, settings: Any, data: Path | str | None, start_from: RunLike | None) -> tuple[Any, Path, dict[str, Any]]:
        """Return the settings of a new training on this machine, its data folder, and what settings.json says of that and of its start."""
        # Refuses what this machine does not support, and what is no run, before a run folder is created.
        asked, precision = settings.precision, chosen_precision(settings.device, settings.precision)
        # A run is resumed in the precision that it began with.
        settings = dataclasses.replace(settings, precision=precision)
        begun = self._started_from(start_from)
        source = data_source.found_source(self.task.challenge, None if data is None else Path(data), self._data_folders())
        say(source.message)
        say_chosen_precision(asked, precision)
        return settings, source.folder, {**data_source.about_data(self.task.challenge, source.folder), **about_copy(self.task), **begun}

    def _started_from(self, start_from: RunLike | None) -> dict[str, Any]:
        if start_from is None:
            return {}
        folder = start_from.folder if isinstance(start_from, Run) else Path(start_from)
        return about_earlier(finished_run(folder, self.task.name))

    def _data_of(self, run: Run, given: Path | str | None) -> Path:
        challenge = self.task.challenge
        if given is not None:
            return data_source.found_source(challenge, Path(given), self._data_folders()).folder
        if not (named := run.about.get("data", "")):
            raise BadRunFolder(
                f"{run.folder / 'settings.json'}: names no data. Use --data with the folder or table that the run was trained on."
            )
        folder = Path(named)
        try:
            there = folder.is_dir() or (is_table(folder) and folder.is_file())
        except (OSError, ValueError):
            # A name that no file can have.
            there = False
        # The cache may have been emptied; built-in cases are identical whenever they are written.
        if not there and not data_source.restored(challenge, folder):
            raise BadLayout(
                f"{_shortened(named)}: the data of this run are no longer there. Use --data with the folder or table where they are now."
            )
        return folder
