"""Answers for films that nobody has labelled: read, asked, written down, the unreadable ones listed at the end."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn

from radlearn.challenges.rsna import Case
from radlearn.errors import BadLayout, BadRunFolder, BadSetting, UnreadableScan
from radlearn.files import write_text
from radlearn.pictures.overlays import write_overlay
from radlearn.progress import progress_bar, say
from radlearn.scans.dicom import Radiograph, find_films, read_radiograph
from radlearn.training import checkpoint
from radlearn.training.run_folder import Run
from radlearn.workbench.films import Film, film_of
from radlearn.workbench.operating_point import OperatingPoint, operating_point_of

COLUMNS = ("path", "patientId", "probability", "calibrated_probability", "decision")
SHOWN = 10


def load_best(run: Run, model: nn.Module, device: str = "auto") -> nn.Module:
    """Load a run's best weights into a freshly built model and return it in eval mode, on the device asked for.

    Raises:
        BadRunFolder: if the run has no weights yet, or they are of another network.
    """
    if not run.best_weights.exists():
        raise BadRunFolder(f"{run.folder}: has no trained weights yet. To go on with it: {run.resume_command}")
    checkpoint.load_weights(run.best_weights, model)
    if device == "cuda" and not torch.cuda.is_available():
        raise BadSetting("device is 'cuda'; this machine has no usable GPU. Use --device auto.")
    chosen = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    return model.to(chosen).eval()


def as_cached(film: Radiograph) -> np.ndarray:
    """Return a film's pixels as the cache would keep them, so that a film gets the same answer wherever it is asked."""
    stored = np.uint8 if film.header.stored_bits <= 8 else np.uint16
    return np.rint(film.pixels * np.iinfo(stored).max).astype(stored)


class Asking:
    """A pass over files: yields films in batches, and writes the table when all are answered."""

    def __init__(self, paths: Sequence[Path], out: Path) -> None:
        self.out, self.table = Path(out), Path(out) / "predictions.csv"
        self.paths = find_films(paths)
        if not self.paths:
            raise BadLayout(f"{', '.join(map(str, paths))}: holds no DICOM file. Name DICOM files, or folders that hold some.")
        if self.table.exists():
            raise BadSetting(f"{self.table} is there already. Choose another folder with --out, or remove it.")
        self.rows: list[tuple[str, ...]] = []
        self.unreadable: list[str] = []
        self._names: dict[str, int] = {}

    def batches(self, size_px: int, shape: Literal["stretch", "pad"], batch_size: int) -> Iterator[list[Film]]:
        """Yield the readable films, `batch_size` at a time; a file that cannot be read is noted and passed over."""
        batch: list[Film] = []
        with progress_bar("asking", len(self.paths), "films") as bar:
            for path in self.paths:
                try:
                    film = read_radiograph(path, size_px, shape)
                except UnreadableScan as error:
                    self.unreadable.append(str(error))
                else:
                    name = path.stem if path.suffix.lower() == ".dcm" else path.name
                    header = film.header
                    case = Case(name, path, None, (), None, header.patient_id or name, header.view, header.sex, header.age_years)
                    batch.append(film_of(case, as_cached(film), header, shape))
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
        say(f"{len(self.rows):,} films answered: {self.table}")
        if self.unreadable:
            write_text(self.out / "unreadable.txt", "\n".join(self.unreadable) + "\n")
            say(f"{len(self.unreadable):,} files could not be read (all of them in {self.out / 'unreadable.txt'}):", style="yellow")
            for line in self.unreadable[:SHOWN]:
                say(f"  {line}")
        if not self.rows:
            raise UnreadableScan(f"None of the {len(self.paths):,} files could be read as a film.")

    def picture(self, name: str) -> Path:
        """Return a file name of its own for each film: hospitals call the films of all patients IM0001."""
        self._names[name] = self._names.get(name, 0) + 1
        number = self._names[name]
        return self.out / "overlays" / (f"{name}.png" if number == 1 else f"{name}-{number}.png")


class Answering(Asking):
    """Asking for one probability a film."""

    def __init__(self, run: Run, paths: Sequence[Path], out: Path) -> None:
        super().__init__(paths, out)
        self.point: OperatingPoint = operating_point_of(run)

    def keep(self, films: Sequence[Film], probabilities: np.ndarray, heat_maps: np.ndarray | None) -> None:
        """Write down the answers, (cases,) in [0, 1], and a picture each where there are heat maps (cases, size, size)."""
        calibrated = self.point.recalibration.apply(probabilities)
        for number, film in enumerate(films):
            probability = float(probabilities[number])
            decision = "opacity" if probability >= self.point.threshold else "no opacity"
            self.rows.append((str(film.case.path), film.case.image_id, f"{probability:.6f}", f"{calibrated[number]:.6f}", decision))
            if heat_maps is not None:
                said = f"probability {probability:.2f}: {decision}, from {self.point.threshold:.2f} on"
                write_overlay(self.picture(film.case.image_id), film.pixels[0], heat_maps[number], film.case.image_id, said)

    def finish(self) -> None:
        """Write the table, and say what was left out."""
        self.write_table(COLUMNS)


def submit_probabilities(table: Path, out: Path) -> Path:
    """Write `patientId,probability` from a table of predictions.

    Raises:
        BadLayout: if two films have the same id.
    """
    with open(table, newline="", encoding="utf-8") as opened:
        answers = [(row["patientId"], row["probability"]) for row in csv.DictReader(opened)]
    often, count = Counter(image_id for image_id, _ in answers).most_common(1)[0]
    if count > 1:
        raise BadLayout(f"{count} files are called {often}; a submission has one line for each id. Give them names of their own.")
    write_rows(out, [("patientId", "probability"), *answers])
    say(f"{out}: {len(answers):,} films. The challenge itself asks for boxes, so this is no file it would take.")
    return Path(out)


def write_rows(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write rows as CSV, whole or not at all."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    write_text(Path(path), buffer.getvalue())
