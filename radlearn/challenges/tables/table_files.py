"""A table of one's own as it was read, and the files that its cells name; what is wrong is noted, and nothing is refused."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from radlearn.amounts import counted, verb_of
from radlearn.challenges.folders import within
from radlearn.challenges.tables.near_paths import NearPaths
from radlearn.challenges.tables.table_pages import page_of
from radlearn.challenges.tables.table_rows import Cells
from radlearn.challenges.words.near_columns import PAGE, PATH
from radlearn.csv_cells import restored
from radlearn.file_names import from_home

COMPOSED = "found with accented letters stored in another way (Unicode NFC and NFD)"


@dataclass
class OwnImage:
    """An image and its rows, each with its line and its cells by column; `groups` are column and value of what describes it.

    `stack` is the TIFF of several pages that it is a page of, as it stands in the table; "" of any other.
    """

    path: Path
    rows: list[tuple[int, Cells]]
    image_id: str = ""
    person: str = ""
    split: str | None = None
    groups: tuple[tuple[str, str], ...] = ()
    stack: str = ""

    @property
    def line(self) -> int:
        """The line of its first row."""
        return self.rows[0][0]


@dataclass
class OwnTable:
    """A table as it was read: its columns, its images in the order of their first rows, what is wrong, and what a person should know."""

    path: Path
    columns: tuple[str, ...]
    images: list[OwnImage] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    near: NearPaths | None = None
    "Made for the first file that is not there."
    composed: list[str] = field(default_factory=list)
    "Names that were found with their accented letters stored otherwise (Unicode NFC and NFD)."

    @property
    def folder(self) -> Path:
        """The folder that paths are relative to."""
        return self.path.parent

    def note_composed(self, written: str) -> None:
        """Note a name that differs from that of its file in how accented letters are stored; all in one sentence."""
        self.notes[:] = [note for note in self.notes if COMPOSED not in note]
        self.composed = list(dict.fromkeys([*self.composed, written]))
        many = len(self.composed)
        found = f"{counted(many, 'names')} of files, such as {self.composed[0]}, {verb_of(many, 'were')} {COMPOSED}"
        self.notes.append(f"{self.path.name}: {found}, as macOS writes them.")

    def at(self, line: int, column: str) -> str:
        """Return the beginning of a message about a cell."""
        return f"{self.path.name}, line {line}, column {column}"


def resolved(table: OwnTable, line: int, column: str, written: str) -> Path | None:
    """Return the path that a cell names; None where it names none, which is noted among the troubles."""
    where, text = table.at(line, column), restored(written)
    if not text:
        table.troubles.append(f"{where}: is empty; expected a file.")
        return None
    place = table.folder / from_home(text)
    try:
        if place.exists():
            return place
    except OSError as error:
        table.troubles.append(f"{where}: is {written!r:.100}, which cannot be looked for ({error.strerror}); expected a file.")
        return None
    table.near = table.near or NearPaths(table.folder)
    if (same := table.near.composed_otherwise(from_home(text).as_posix())) and len(same) == 1:
        table.note_composed(text)
        return same[0]
    if same:
        table.troubles.append(f"{where}: is {written!r}, and {same[0].name!a} and {same[1].name!a} look the same. Rename one of them.")
        return None
    if not table.near.note(table.troubles, where, column, text):
        found = f"is {written!r}, and there is no such file; paths are relative to the folder of the table, {table.folder}"
        table.troubles.append(f"{where}: {found}.")
    return None


def paged(table: OwnTable, line: int, column: str, cells: Cells, file: Path) -> Path | None:
    """Return the file of the page that a row names in a column; None where it names none that is there, noted among the troubles."""
    place, trouble = page_of(file, column, cells.get(column))
    if trouble:
        table.troubles.append(f"{table.at(line, column if column in table.columns else PATH)}: {trouble}")
    return place


def images_by_place(table: OwnTable, rows: Sequence[tuple[int, Cells]]) -> dict[str, OwnImage]:
    """Return the images that rows name, by their absolute paths, each with its rows; what is not there is noted among the troubles."""
    by_place: dict[str, OwnImage] = {}
    for line, cells in rows:
        file = resolved(table, line, PATH, cells[PATH])
        if file is not None and (place := paged(table, line, PAGE, cells, file)) is not None:
            stack = "" if place == file else within(file, table.folder)
            by_place.setdefault(os.path.abspath(place), OwnImage(place, [], stack=stack)).rows.append((line, cells))
    return by_place
