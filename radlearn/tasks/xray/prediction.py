"""Predictions for unlabelled X-rays in files: read, given to a network in batches, written as a table or a submission."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from radlearn.amounts import begun, counted, part_of, verb_of
from radlearn.challenges.folders import files_below, stem, volume_files
from radlearn.challenges.left_out import say_left_out
from radlearn.challenges.unlooked import amount_of, by_kind, unlooked_files
from radlearn.csv_files import write_rows
from radlearn.errors import BadLayout, BadSetting
from radlearn.file_names import called, distinct_file_names
from radlearn.monai_parts.error_chain import radlearn_error_in
from radlearn.outputs import refuse_inputs
from radlearn.progress import progress_bar, say
from radlearn.remarks import notes_gathered, tell_notes
from radlearn.scans.dicom import find_xrays
from radlearn.scans.file_names import DICOM_SUFFIXES, PACKED_SUFFIXES
from radlearn.scans.known_pictures import thumbnails_of
from radlearn.scans.tiff_pages import page_files, source_of
from radlearn.scans.way_up import say_turned
from radlearn.tasks.xray.look_alikes import LookAlikes
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.known_cases import KnownCases
from radlearn.workflow.partial_answers import TABLE, PartialAnswers, in_order, is_for_submission, said_table
from radlearn.workflow.unreadable_files import UnreadableFiles, is_of_the_file

# An X-ray, or one as each of several runs sees it.
SeenT = TypeVar("SeenT")


def refuse_repeated_ids(image_ids: Sequence[str]) -> None:
    """Raise BadLayout where two X-rays have the same id, because a submission has one row for each id."""
    image_id, count = Counter(image_ids).most_common(1)[0]
    if count > 1:
        raise BadLayout(f"{count} files are called {image_id}; a submission has one row for each id. Rename the files.")


def _each_once(below: Iterable[Sequence[Path]]) -> list[Path]:
    """Return the files of several folders, sorted by path and page; one that lies in two of them is named by the first."""
    folders: dict[Path, str] = {}
    once: dict[tuple[str, str], Path] = {}
    for path in (path for found in below for path in found):
        if path.parent not in folders:
            folders[path.parent] = os.path.realpath(path.parent)
        once.setdefault((folders[path.parent], path.name), path)
    # A page by its TIFF, wherever the file that holds it alone lies.
    return sorted(once.values(), key=lambda path: (source_of(path), path.name))


def _other_kinds_in(folders: Iterable[Path]) -> str:
    """Return in words what folders hold instead: volumes, packed files, images that are not read; "" where they hold none of these."""
    folders = list(folders)
    volumes = [path for folder in folders if folder.is_dir() for path in volume_files(folder)]
    if volumes:
        return f", but {counted(len(volumes), 'volumes')} of several slices, such as {volumes[0].name}, as CTs are"
    below = [path for folder in folders if folder.is_dir() for path in files_below(folder)]
    packed = [path for path in below if path.suffix.lower() in PACKED_SUFFIXES and path.stem.lower().endswith(DICOM_SUFFIXES)]
    if packed:
        return f", but {counted(len(packed), 'packed files')}, such as {packed[0].name}; unpack them first"
    kinds = [(folder, one) for folder in folders if folder.is_dir() for one in by_kind(unlooked_files(folder, ())) if one.rule]
    told = [f"{amount_of(one.paths, folder)}: {one.words}" for folder, one in kinds]
    return f", but {'; and '.join(told)}" if told else ""


def _with_pages(files: Iterable[Path]) -> list[Path]:
    return [page for file in files for page in page_files(file)]


def _as_one_run_sees_it(seen: Any) -> PreparedRadiograph:
    first: PreparedRadiograph = seen[0] if isinstance(seen, list) else seen
    return first


class XrayPredictions:
    """A pass over files: yields X-rays in batches, writes down what is predicted as it comes, and the table at the end.

    A pass that was stopped goes on: `begin` gives back what is known, and `batches` leaves it out.

    Args:
        paths: DICOM files, pictures or volume files of one slice, and folders that hold some. Each page of a TIFF is an X-ray.
        out: the folder of the table; None writes no files.

    Raises:
        BadLayout: if there is no such file, or `out` is of a submission and two files have the same id.
        BadSetting: if `out` holds a table already.
    """

    def __init__(self, paths: Sequence[Path], out: Path | None) -> None:
        self.out = None if out is None else Path(out)
        self._below = {Path(path): _with_pages(find_xrays(path, pictures=True)) for path in paths}
        self.paths = _each_once(self._below.values())
        if not self.paths:
            raise BadLayout(
                f"{', '.join(map(str, paths))}: holds no X-ray{_other_kinds_in(self._below)}. Name DICOM files, pictures (.png, .jpg, "
                ".tif) or volume files of one slice (.nii.gz, .mha, .nrrd), or folders of them."
            )
        for path, found in self._below.items():
            if not found:
                say(f"{path}: holds no X-ray, so nothing is predicted for it.", style="yellow")
        ids = [stem(path.name) for path in self.paths]
        if is_for_submission(self.out):
            refuse_repeated_ids(ids)
        elif self.out is not None and os.path.exists(self.table):
            raise BadSetting(f"{self.table} already exists. Choose another folder with --out, or remove it.")
        self.known: KnownCases | None = None
        self.look_alikes: LookAlikes | None = None
        self.rows: list[tuple[str, ...]] = []
        self.unreadable = UnreadableFiles(self.out, "files")
        # Many hospitals name the X-rays of all patients IM0001.
        self._repeated = {one for one, count in Counter(ids).items() if count > 1}
        self._pictures = dict(zip(self.paths, distinct_file_names(ids, ".png"), strict=True))
        if self.out is not None:
            refuse_inputs((self.out / "overlays" / name for name in self._pictures.values()), self.paths)
        self._partial: PartialAnswers | None = None
        self._known: set[Path] = set()
        self._waiting: list[tuple[Path, Mapping[str, Any], Sequence[Path]]] = []

    def compare_with(self, runs: Sequence[Run]) -> None:
        """Say at the end which X-rays the runs were trained on, by pixels and by looks; errors as `LookAlikes`."""
        self.known, self.look_alikes = KnownCases(runs), LookAlikes(runs)

    def begin(self, about: Mapping[str, Any]) -> list[tuple[Path, dict[str, Any]]]:
        """Begin to write into the folder, and return the files that an earlier pass predicted for, with what it wrote down.

        Args:
            about: from `what_predicts`.

        Raises:
            errors as `PartialAnswers`.
        """
        if self.out is None:
            return []
        self._partial = PartialAnswers(self.out, about)
        known = [(path, answer) for path in self.paths if (answer := self._partial.known(path)) is not None]
        self._known = {path for path, _ in known}
        if known:
            done = f"{begun(part_of(len(known), len(self.paths), 'X-rays', 'of'))} {verb_of(len(known), 'were')}"
            say(f"{done} predicted before this pass was stopped; it goes on with the rest.")
        return known

    def write_down(self, path: Path, answer: Mapping[str, Any], pictures: Sequence[Path] = ()) -> None:
        """Write down what was predicted for a file, as JSON values, once its batch is done; `pictures` are the files that belong to it."""
        self._waiting.append((path, answer, pictures))

    def _write_waiting(self) -> None:
        # A batch at a time: the last digits of a prediction depend on which X-rays are predicted together, and a pass that goes on
        # then puts the same ones together.
        if self._partial is not None:
            for path, answer, pictures in self._waiting:
                self._partial.add(path, answer, pictures)
        self._waiting.clear()

    @property
    def folder(self) -> Path:
        """The folder of the table and the overlays."""
        if self.out is None:
            raise BadSetting("These predictions have no folder to be written into.")
        return self.out

    @property
    def table(self) -> Path:
        return self.folder / TABLE

    def batches(self, read: Callable[[Path], SeenT], batch_size: int) -> Iterator[list[SeenT]]:
        """Yield what `read` makes of the files, `batch_size` at a time; a file that it cannot read is noted and skipped.

        Raises:
            the error of `read`, if it is no fault of the file: a cache that cannot be written, a setting that is wrong.
        """
        batch: list[SeenT] = []
        notes: dict[str, list[str]] = {}
        ways: dict[str, str] = {}
        with progress_bar("predicting", len(self.paths), "X-rays") as bar:
            bar.start_at(len(self._known))
            for path in self.paths:
                if path in self._known:
                    continue
                try:
                    noted: dict[str, list[str]] = {}
                    with notes_gathered(noted):
                        batch.append(read(path))
                        seen = _as_one_run_sees_it(batch[-1])
                        ways[called(path)] = seen.way
                        if self.look_alikes is not None:
                            self.look_alikes.look_at(path, partial(thumbnails_of, seen.pixels[0]))
                except Exception as error:
                    # MONAI wraps what a reader raises.
                    cause = radlearn_error_in(error)
                    if not is_of_the_file(cause or error):
                        raise cause or error from None
                    self.unreadable.add(path, cause or error)
                else:
                    for note, files in noted.items():
                        notes.setdefault(note, []).extend(files)
                if len(batch) == batch_size:
                    yield batch
                    self._write_waiting()
                    bar.advance(len(batch))
                    batch = []
            if batch:
                yield batch
            self._write_waiting()
            bar.advance(len(self.paths) - bar.done)
        tell_notes(notes, "X-rays")
        say_turned(ways)

    def write_table(self, columns: Sequence[str]) -> None:
        """Write the table and report unreadable files; errors as `report_unreadable`."""
        if self.rows or not self.unreadable.lines:
            in_place = sorted(self.rows, key=in_order(self.paths, lambda row: row[0]))
            rows = [(str(source_of(Path(row[0]))), *row[1:]) for row in in_place]
            write_rows(self.table, [columns, *rows])
            say(f"{counted(len(self.rows), 'X-rays')} predicted{said_table(self.table)}")
        self.report_known((row[1], Path(row[0])) for row in self.rows)
        say_left_out(self._below, [*map(source_of, self.paths), *self.unreadable.paths], self.out, "X-rays")
        self.report_unreadable(len(self.rows))
        if self._partial is not None:
            self._partial.finished()

    def report_known(self, predicted: Iterable[tuple[str, Path]]) -> None:
        """Say which X-rays, each a name and a file, the runs were trained on, where `compare_with` was asked."""
        if self.known is not None:
            known = self.known.report(xrays := list(predicted), "X-rays")
            if self.look_alikes is not None:
                self.look_alikes.report((path for _, path in xrays), len(xrays), known)

    def report_unreadable(self, readable: int) -> None:
        """Report unreadable files; errors as `UnreadableFiles.report`.

        Raises:
            BadLayout: if a submission is made, which needs a row for each X-ray.
        """
        self.unreadable.report(readable)
        unreadable = set(map(os.path.realpath, self.unreadable.paths))
        for path, found in self._below.items():
            if path.is_dir() and found and unreadable.issuperset(map(os.path.realpath, found)):
                say(f"{path}: holds no X-ray that could be read, so nothing was predicted for it.", style="yellow")
        if is_for_submission(self.out) and (count := len(self.unreadable.lines)):
            raise BadLayout(
                f"{begun(part_of(count, len(self.paths), 'X-rays'))} cannot be read, and a submission needs a row for each. "
                "Mend these files, or move them to another folder."
            )

    def picture(self, path: Path, name: str) -> Path:
        """Return the file for the picture of an X-ray called `name`, one of its own for each."""
        if path not in self._pictures:
            others = [other.removesuffix(".png") for other in self._pictures.values()]
            self._pictures[path] = distinct_file_names([*others, name], ".png")[-1]
        return self.folder / "overlays" / self._pictures[path]

    def title(self, path: Path, name: str) -> str:
        """Return what to write on the picture: the name, or the path where others have the same name."""
        return called(path) if name in self._repeated else name
