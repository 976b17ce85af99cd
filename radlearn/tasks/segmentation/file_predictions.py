"""Predictions for files one after another, CTs or images in two dimensions: each is written down before the next one is read.

What is written of a case, and with which columns, is said by a subclass.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from radlearn.amounts import begun, counted, noun_of, part_of, verb_of
from radlearn.challenges.challenge import Case, CaseT, Challenge
from radlearn.challenges.folders import OUTPUT_FOLDERS, distinct_ids
from radlearn.challenges.left_out import say_left_out
from radlearn.csv_files import write_rows
from radlearn.errors import BadLayout
from radlearn.file_names import distinct_file_names, readable
from radlearn.files import nothing_there
from radlearn.folder_walks import real_path
from radlearn.monai_parts.error_chain import radlearn_error_in
from radlearn.outputs import refuse_inputs
from radlearn.progress import progress_bar, say
from radlearn.scans.tiff_pages import source_of
from radlearn.training.look_alikes import LookAlikes
from radlearn.training.run_folder import Run
from radlearn.workflow.known_cases import KnownCases
from radlearn.workflow.ood import OodPredictions
from radlearn.workflow.partial_answers import TABLE, PartialAnswers, said_table, what_predicts
from radlearn.workflow.unreadable_files import UnreadableFiles, is_of_the_file

MOST_SAID = 5
FoundT = TypeVar("FoundT")


class FileWords(NamedTuple):
    """What the files are called, in the plural: as what a network sees, and as what a folder holds; and the ending of their masks."""

    units: str
    files: str
    ending: str


class FilePredictions(ABC, Generic[FoundT]):
    """Predicts for cases one after another, because a full-size CT takes half a gigabyte.

    Args:
        runs: one, or several that predict together.
        cases: by name, from `cases_in`.
        named: the files and folders that were named, of which the cases are.
        out: gets `predictions.csv`, `masks/NAME` and what a subclass writes.
        columns: of the table, beginning with `path` and `case`.
        look_alikes: finds cases that look the same as one that the runs were trained on.
        about: by what is predicted besides the runs, as JSON values: a pass that was stopped goes on only where it is the same.

    Raises:
        errors as `refuse_inputs` and `PartialAnswers`.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        cases: Mapping[str, Case],
        named: Sequence[Path],
        out: Path,
        columns: Sequence[str],
        words: FileWords,
        about: Mapping[str, Any],
        look_alikes: LookAlikes,
    ) -> None:
        self.cases, self.named, self.columns, self.words = cases, [Path(path) for path in named], tuple(columns), words
        self.out, self.table = Path(out), Path(out) / TABLE
        self.ood, self.known = OodPredictions(runs, words.units), KnownCases(runs)
        self.look_alikes = look_alikes
        self.unreadable = UnreadableFiles(self.out, words.units)
        self.mask_names = dict(zip(cases, distinct_file_names(list(cases), words.ending), strict=True))
        places = (self.out / folder / name for folder in OUTPUT_FOLDERS for name in self.mask_names.values())
        refuse_inputs(places, (case.path for case in cases.values()))
        self._rows: dict[str, tuple[str, ...]] = {}
        self._partial = PartialAnswers(self.out, what_predicts(runs, self.columns, **about))

    @abstractmethod
    def write(self, case_id: str, file: Path, found: FoundT, overlay: bool) -> tuple[tuple[str, ...], list[Path]]:
        """Write what was predicted for a case; return its row of the table and the files that were written."""

    @abstractmethod
    def look(self, found: FoundT) -> Any:
        """Return what `look_alikes` compares of a case."""

    def say_of_table(self) -> None:
        """Say what the reader of the table has to know about all of its rows."""

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The rows of the table so far, in the order of the cases."""
        return [self._rows[one] for one in self.cases if one in self._rows]

    def predict_all(self, infer: Callable[[Path], FoundT], overlays: bool = True) -> None:
        """Predict for every case that no earlier pass predicted for; what cannot be read is listed and skipped.

        Args:
            infer: the file or folder of a case → what is predicted for it.

        Raises:
            UnreadableScan: if none could be read.
        """
        units = self.words.units
        with progress_bar("predicting", len(self.cases), units) as bar:
            self._recall(overlays)
            bar.start_at(len(self._rows))
            for case_id, case in self.cases.items():
                if case_id in self._rows:
                    continue
                try:
                    found = infer(case.path)
                except Exception as error:
                    # MONAI wraps what a reader raises.
                    cause = radlearn_error_in(error)
                    if not is_of_the_file(cause or error):
                        raise cause or error from None
                    self.unreadable.add(case.path, cause or error)
                else:
                    row, files = self.write(case_id, case.path, found, overlays)
                    # After its files are there.
                    self._partial.add(case.path, {"row": row, "overlay": overlays}, files)
                    self._rows[case_id] = row
                    self.look_alikes.look_at(case.path, partial(self.look, found))
                bar.advance()
        if self.rows:
            write_rows(self.table, [self.columns, *self.rows])
            self.ood.report()
            self.say_of_table()
            say(f"{counted(len(self.rows), units)} predicted{said_table(self.table)}")
            predicted = [(row[1], self.cases[row[1]].path) for row in self.rows]
            known = self.known.report(predicted, units)
            self.look_alikes.report((path for _, path in predicted), len(predicted), known)
        places = [source_of(case.path) for case in self.cases.values()]
        say_left_out(self.named, [*places, *self.unreadable.paths], self.out, self.words.files)
        self.unreadable.report(len(self.rows))
        read = [real_path(row[0]) for row in self.rows]
        for folder in filter(Path.is_dir, self.named):
            # One that holds none at all was refused.
            if not any(path.is_relative_to(real_path(folder)) for path in read) and self._is_above_unreadable(folder):
                none = f"holds no {noun_of(1, self.words.files)} that could be read"
                say(f"{folder}: {none}, so nothing was predicted for it.", style="yellow")
        self._partial.finished()

    def _is_above_unreadable(self, folder: Path) -> bool:
        return any(real_path(path).is_relative_to(real_path(folder)) for path in self.unreadable.paths)

    def _recall(self, overlays: bool) -> None:
        """Take back what an earlier pass wrote down before it was stopped."""
        for case_id, case in self.cases.items():
            answer = self._partial.known(case.path)
            # Beside other files it may have had another name.
            if answer is not None and answer["overlay"] >= overlays and answer["row"][1] == case_id:
                self._rows[case_id] = tuple(answer["row"])
                self.ood.recall(dict(zip(self.columns, answer["row"], strict=True)), "case")
        if self._rows:
            done = f"{begun(part_of(len(self._rows), len(self.cases), self.words.units, 'of'))} {verb_of(len(self._rows), 'were')}"
            say(f"{done} predicted before this pass was stopped; it goes on with the rest.")


def cases_in(challenge: Challenge[CaseT, Any], paths: Sequence[Path], expected: str) -> dict[str, CaseT]:
    """Return the cases in files and folders, each once, by an id of its own: where several share one, with their folders' names before it.

    Args:
        challenge: whose `find_images` lists them.
        expected: what can be named, for a message.

    Raises:
        BadLayout: if a path holds none.
    """
    names: dict[Path, dict[str, CaseT]] = {}
    for path in paths:
        if not Path(path).exists():
            raise BadLayout(f"{path}: {nothing_there(Path(path), 'file or folder')}. Name {expected}.")
        for case in challenge.find_images(Path(path)):
            same = names.setdefault(real_path(case.path), {})
            same.setdefault(os.path.abspath(case.path), case)
    # The name of the file itself says more than those of links to it beside it; of links alone the last.
    found = {
        place: next((case for case in same.values() if not case.path.is_symlink()), list(same.values())[-1])
        for place, same in names.items()
    }
    _say_same_files(names, found)
    cases = list(found.values())
    # Not resolved: a link's name tells more than that of the store that it leads to.
    places = [Path(os.path.abspath(source_of(case.path))) for case in cases]
    above = Path(os.path.commonpath([place.parent for place in places]))
    return dict(zip(distinct_ids(places, [case.image_id for case in cases], above), cases, strict=True))


def _say_same_files(names: Mapping[Path, Mapping[str, CaseT]], kept: Mapping[Path, CaseT]) -> None:
    """Say which names lead to a file that is named already, so that nobody looks for their rows."""
    left = [(case.path, kept[place].path) for place, same in names.items() for case in same.values() if case is not kept[place]]
    for path, other in left[:MOST_SAID]:
        say(f"{readable(str(path))}: is the same file as {readable(str(other))}, so there is one mask for both.", style="yellow")
    if len(left) > MOST_SAID:
        rest = len(left) - MOST_SAID
        say(f"{rest:,} more {'name leads' if rest == 1 else 'names lead'} to files that are predicted for already.", style="yellow")
