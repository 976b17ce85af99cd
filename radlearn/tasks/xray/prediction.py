"""Predictions for radiographs that nobody has labelled: read, shown to a network in batches, written as a table."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from radlearn.challenges.rsna import Case
from radlearn.errors import BadLayout, BadSetting, UnreadableScan
from radlearn.files import write_rows, write_text
from radlearn.progress import progress_bar, say
from radlearn.scans.dicom import Radiograph, find_xrays, read_radiograph
from radlearn.tasks.xray.radiographs import PreparedRadiograph, prepared_radiograph

SHOWN = 10


def as_cached(xray: Radiograph) -> np.ndarray:
    """Return an X-ray's pixels as the cache would keep them, so that an X-ray gets the same answer wherever it is asked."""
    stored = np.uint8 if xray.header.stored_bits <= 8 else np.uint16
    return np.rint(xray.pixels * np.iinfo(stored).max).astype(stored)


class XrayPredictions:
    """A pass over files: yields X-rays in batches, and writes the table when all are answered."""

    def __init__(self, paths: Sequence[Path], out: Path) -> None:
        self.out, self.table = Path(out), Path(out) / "predictions.csv"
        self.paths = find_xrays(paths)
        if not self.paths:
            raise BadLayout(f"{', '.join(map(str, paths))}: holds no DICOM file. Name DICOM files, or folders that hold some.")
        if self.table.exists():
            raise BadSetting(f"{self.table} is there already. Choose another folder with --out, or remove it.")
        self.rows: list[tuple[str, ...]] = []
        self.unreadable: list[str] = []
        self._names: dict[str, int] = {}

    def batches(self, size_px: int, shape: Literal["stretch", "pad"], batch_size: int) -> Iterator[list[PreparedRadiograph]]:
        """Yield the readable X-rays, `batch_size` at a time; a file that cannot be read is noted and passed over."""
        batch: list[PreparedRadiograph] = []
        with progress_bar("asking", len(self.paths), "X-rays") as bar:
            for path in self.paths:
                try:
                    xray = read_radiograph(path, size_px, shape)
                except UnreadableScan as error:
                    self.unreadable.append(str(error))
                else:
                    name = path.stem if path.suffix.lower() == ".dcm" else path.name
                    header = xray.header
                    case = Case(name, path, None, (), None, header.patient_id or name, header.view, header.sex, header.age_years)
                    batch.append(prepared_radiograph(case, as_cached(xray), header, shape))
                if len(batch) == batch_size:
                    yield batch
                    bar.advance(len(batch))
                    batch = []
            if batch:
                yield batch
            bar.advance(len(self.paths) - bar.done)

    def write_table(self, columns: Sequence[str]) -> None:
        """Write the table, and say what was left out.

        Raises:
            UnreadableScan: if no file could be read.
        """
        write_rows(self.table, [columns, *self.rows])
        say(f"{len(self.rows):,} X-rays predicted: {self.table}")
        if self.unreadable:
            write_text(self.out / "unreadable.txt", "\n".join(self.unreadable) + "\n")
            say(f"{len(self.unreadable):,} files could not be read (all of them in {self.out / 'unreadable.txt'}):", style="yellow")
            for line in self.unreadable[:SHOWN]:
                say(f"  {line}")
        if not self.rows:
            raise UnreadableScan(f"None of the {len(self.paths):,} files could be read as an X-ray.")

    def picture(self, name: str) -> Path:
        """Return a file name of its own for each X-ray: hospitals call the X-rays of all patients IM0001."""
        self._names[name] = self._names.get(name, 0) + 1
        number = self._names[name]
        return self.out / "overlays" / (f"{name}.png" if number == 1 else f"{name}-{number}.png")
