"""The gate: an image-level probability, from another run or another tool, that decides whether an X-ray may have boxes at all.

A classifier sees the whole X-ray and ranks X-rays better than a detector, which looks at one place after another.
"""

import csv
import io
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from radlearn.amounts import part_of
from radlearn.challenges.tables.csv_hints import decoded, number_hint, separator_hint
from radlearn.challenges.words.near_ids import NearIds
from radlearn.csv_cells import restored
from radlearn.errors import BadLayout
from radlearn.files import read_whole
from radlearn.hints import command
from radlearn.progress import say
from radlearn.scans.tiff_pages import source_of
from radlearn.scans.value_digests import value_digest


class GateRow(NamedTuple):
    """A row of the table: the file that it is about, "" where the table has no column `path`, the probability, and its line."""

    path: str
    probability: float
    line: int


class Gate:
    """The probabilities in a table with the columns `patientId` and `probability`, as every `predict` writes it.

    Hospitals call the X-rays of many people IM0001. So where the table has a column `path` a row is for that file, or for one with the same
    image; and a row is never given to two different images.

    Raises:
        BadLayout: if the table is not there or no CSV in UTF-8, lacks a column, has a row twice, or holds a value that is no probability.
    """

    def __init__(self, table: Path) -> None:
        self.table = Path(table)
        self._rows = _rows_of(self.table)
        # What a row was given to, and whether it was said that files are not where they were.
        self._given: dict[str, Path] = {}
        self._doubts: set[str] = set()

    def scores(self, image_ids: Sequence[str], paths: Sequence[Path] = ()) -> np.ndarray:
        """Return the probabilities, float64 (images,), in the order of `image_ids`.

        Args:
            paths: the file of each; without them rows are found by their ids alone.

        Raises:
            BadLayout: if the table lacks an X-ray, or its row is of another image.
        """
        if missing := [image_id for image_id in image_ids if image_id not in self._rows]:
            near = NearIds(image_ids)
            hint = next((hint for image_id in self._rows if (hint := near.hint(image_id))), "")
            raise BadLayout(
                f"{self.table}: lacks {part_of(len(missing), len(image_ids), 'X-rays')}, the first is {missing[0]}. "
                f"{hint.strip() or 'Predict the same X-rays with the classification run.'}"
            )
        if not paths:
            return np.array([self._only_row(image_id).probability for image_id in image_ids])
        found = [self._row_for(image_id, Path(path)) for image_id, path in zip(image_ids, paths, strict=True)]
        return np.array([row.probability for row in found])

    def _only_row(self, image_id: str) -> GateRow:
        first, *others = self._rows[image_id]
        if others:
            raise BadLayout(f"{self.table}, line {others[0].line}: {image_id} is there twice; expected one row an X-ray.")
        return first

    def _row_for(self, image_id: str, path: Path) -> GateRow:
        own = source_of(path)
        rows = self._rows[image_id]
        # A page of a TIFF has an id of its own.
        if same := [row for row in rows if row.path and os.path.realpath(row.path) == os.path.realpath(own)]:
            return same[0]
        row = self._only_row(image_id)
        if row.path and os.path.isfile(row.path):
            self._must_be_the_same(image_id, row, own)
        elif row.path:
            self._doubt("names files that are not there any more, so rows are found by their patientId alone", f"{row.path} for {own}")
        first = self._given.setdefault(image_id, own)
        if first != own and not _hold_the_same(first, own):
            raise BadLayout(
                f"{self.table}, line {row.line}: its one row of {image_id} would be for two images, {first} and {own}. Predict both in one "
                "call of the classification run: its table tells them apart by path."
            )
        return row

    def _must_be_the_same(self, image_id: str, row: GateRow, own: Path) -> None:
        if _hold_the_same(Path(row.path), own):
            return
        if Path(row.path).suffix.lower() != own.suffix.lower():
            self._doubt("is of files in another format, whose images could not be compared", f"{row.path} for {own}")
            return
        raise BadLayout(
            f"{self.table}, line {row.line}: {image_id} is {row.path}, and not {own}, which is another image. Predict the same X-rays with "
            "the classification run."
        )

    def _doubt(self, words: str, example: str) -> None:
        if words not in self._doubts:
            self._doubts.add(words)
            say(f"{self.table}: {words}, such as {example}.", style="yellow")


def _hold_the_same(one: Path, other: Path) -> bool:
    if os.path.samefile(one, other):
        return True
    # "" is that of an image that cannot be read.
    return (digest := value_digest(one)) == value_digest(other) and digest != ""


def _rows_of(table: Path) -> dict[str, list[GateRow]]:
    if not table.is_file():
        example = command("classification", "predict", "RUN", "IMAGES", "--out", "DIR")
        raise BadLayout(f"{table}: there is no such table. '{example}' writes DIR/predictions.csv.")
    found: dict[str, list[GateRow]] = {}
    content, troubles = decoded(str(table), read_whole(table))
    if troubles:
        raise BadLayout(troubles[0])
    try:
        rows = csv.DictReader(io.StringIO(content, newline=""), strict=True)
        columns = rows.fieldnames or []
        if absent := [name for name in ("patientId", "probability") if name not in columns]:
            given = ", ".join(columns) or "none"
            needed = f"A gate needs patientId and probability.{separator_hint(columns)}"
            raise BadLayout(f"{table}: has no column {absent[0]!r}; its columns are {given}. {needed}")
        for row in rows:
            image_id, text = restored(row["patientId"] or ""), row["probability"]
            try:
                probability = float(text)
            except (TypeError, ValueError):
                probability = math.nan
            if not 0 <= probability <= 1:
                expected = f"expected a number from 0 to 1.{number_hint(text or '')}"
                raise BadLayout(f"{table}, line {rows.line_num}: probability is {text!r}; {expected}")
            path = restored(row.get("path") or "")
            if any(path == earlier.path for earlier in found.get(image_id, ())):
                raise BadLayout(f"{table}, line {rows.line_num}: {image_id} is there twice; expected one row an X-ray.")
            found.setdefault(image_id, []).append(GateRow(path, probability, rows.line_num))
    except csv.Error as error:
        raise BadLayout(f"{table}: is not CSV ({error}). Save it as CSV with commas.") from None
    return found
