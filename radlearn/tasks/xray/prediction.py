"""Predictions for unlabelled X-rays in files: read, given to a network in batches, written as a table or a submission."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from radlearn.errors import BadLayout, BadSetting, UnreadableScan
from radlearn.files import write_rows
from radlearn.monai_parts.error_chain import radlearn_error_in
from radlearn.progress import progress_bar, say
from radlearn.scans.dicom import find_xrays
from radlearn.workflow.known_cases import KnownCases
from radlearn.workflow.unreadable_files import UnreadableFiles

# An X-ray, or one as each of several runs sees it.
SeenT = TypeVar("SeenT")


def refuse_repeated_ids(image_ids: Sequence[str]) -> None:
    """Raise BadLayout where two X-rays have the same id, because a submission has one row for each id."""
    image_id, count = Counter(image_ids).most_common(1)[0]
    if count > 1:
        raise BadLayout(f"{count} files are called {image_id}; a submission has one row for each id. Rename the files.")


class XrayPredictions:
    """A pass over files: yields X-rays in batches, and writes the table at the end.

    Args:
        paths: DICOM files, and folders that hold some.
        out: the folder of the table; None writes no files.

    Raises:
        BadLayout: if there is no DICOM file.
        BadSetting: if `out` holds a table already.
    """

    def __init__(self, paths: Sequence[Path], out: Path | None) -> None:
        self.out = None if out is None else Path(out)
        self.paths = find_xrays(paths)
        if not self.paths:
            raise BadLayout(f"{', '.join(map(str, paths))}: holds no DICOM file. Name DICOM files, or folders that hold some.")
        if self.out is not None and self.table.exists():
            raise BadSetting(f"{self.table} already exists. Choose another folder with --out, or remove it.")
        self.known: KnownCases | None = None
        self.rows: list[tuple[str, ...]] = []
        self.unreadable = UnreadableFiles(self.out, "files")
        self._names: dict[str, int] = {}

    @property
    def folder(self) -> Path:
        """The folder of the table and the overlays."""
        if self.out is None:
            raise BadSetting("These predictions have no folder to be written into.")
        return self.out

    @property
    def table(self) -> Path:
        return self.folder / "predictions.csv"

    def batches(self, read: Callable[[Path], SeenT], batch_size: int) -> Iterator[list[SeenT]]:
        """Yield what `read` makes of the files, `batch_size` at a time; a file that it cannot read is noted and skipped."""
        batch: list[SeenT] = []
        with progress_bar("predicting", len(self.paths), "X-rays") as bar:
            for path in self.paths:
                try:
                    batch.append(read(path))
                except Exception as error:
                    # MONAI wraps what a reader raises.
                    cause = radlearn_error_in(error)
                    if not isinstance(cause, UnreadableScan):
                        raise cause or error from None
                    self.unreadable.add(path, cause)
                if len(batch) == batch_size:
                    yield batch
                    bar.advance(len(batch))
                    batch = []
            if batch:
                yield batch
            bar.advance(len(self.paths) - bar.done)

    def write_table(self, columns: Sequence[str]) -> None:
        """Write the table and report unreadable files; errors as `UnreadableFiles.report`."""
        write_rows(self.table, [columns, *self.rows])
        say(f"{len(self.rows):,} X-rays predicted: {self.table}")
        if self.known is not None:
            self.known.report((row[1] for row in self.rows), "X-rays")
        self.unreadable.report(len(self.rows))

    def picture(self, name: str) -> Path:
        """Return a file name of its own for each X-ray: many hospitals name the X-rays of all patients IM0001."""
        self._names[name] = self._names.get(name, 0) + 1
        number = self._names[name]
        return self.folder / "overlays" / (f"{name}.png" if number == 1 else f"{name}-{number}.png")
