"""The rows of a table of run lengths. It names an image by `img` alone, or by `subject` and `img`, as the challenge's train_masks.csv does.

There image M of person N is called M, and N_M everywhere else: in the names of its file and its mask, and in what is handed in.
"""

import csv
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass

from radlearn.challenges.tables.csv_rows import rows_in

IMAGE, PIXELS, SUBJECT, PERSON = "img", "pixels", "subject", "person"


@dataclass(frozen=True)
class RunRow:
    """A row: the number of its line, the image as `img` has it, its runs, and whose image it is; "" where that does not stand there."""

    line: int
    image: str
    pixels: str
    subject: str
    person: str

    @property
    def joined(self) -> str:
        """The image's name outside train_masks.csv.

        >>> RunRow(2, "7", "", "11", "").joined, RunRow(2, "11_7", "", "11", "").joined
        ('11_7', '11_7')
        """
        whole = not self.subject or not self.image or self.image.startswith(f"{self.subject}_")
        return self.image if whole else f"{self.subject}_{self.image}"


@dataclass(frozen=True)
class RunTable:
    """The rows of a table and which of the two columns, that say whose an image is, it has."""

    rows: tuple[RunRow, ...]
    has_subject: bool
    has_person: bool

    @property
    def names(self) -> set[str]:
        """Every name that its images may have."""
        return {name for row in self.rows for name in (row.image, row.joined)}

    def is_by_subject(self, known: Collection[str]) -> bool:
        """Tell whether subject and img together name an image.

        Args:
            known: names of the same images elsewhere. A table may have a column subject beside names that need none.
        """
        if not self.has_subject:
            return False
        alone, joined = (
            {name for name in names if name} for names in ([row.image for row in self.rows], [row.joined for row in self.rows])
        )
        fits = len(joined.intersection(known)) - len(alone.intersection(known))
        return fits > 0 or (fits == 0 and len(alone) < len(joined))

    def named(self, known: Collection[str]) -> Iterator[tuple[int, str, str, str]]:
        """Yield line, name of the image, runs and person of each row; arguments as in `is_by_subject`."""
        by_subject = self.is_by_subject(known)
        for row in self.rows:
            yield row.line, row.joined if by_subject else row.image, row.pixels, row.person if self.has_person else row.subject


def run_table(name: str, text: str, troubles: list[str]) -> RunTable:
    """Return the rows of a table, and append to `troubles` what is wrong with it."""
    header: list[str] = []
    # What is wrong with the header is said by what reads the rows.
    with suppress(csv.Error):
        header = [column.strip() for column in next(csv.reader([text.partition("\n")[0]]), [])]
    more = tuple(column for column in (SUBJECT, PERSON) if column in header)
    rows = []
    for line, cells in rows_in(name, text, (IMAGE, PIXELS, *more), troubles):
        found = dict(zip((IMAGE, PIXELS, *more), cells, strict=True))
        if SUBJECT in more and not found[SUBJECT]:
            troubles.append(f"{name}, line {line}: subject is empty; expected the person whose image it is.")
            continue
        rows.append(RunRow(line, found[IMAGE], found[PIXELS], found.get(SUBJECT, ""), found.get(PERSON, "")))
    return RunTable(tuple(rows), SUBJECT in more, PERSON in more)


def joined_note(name: str, table: RunTable, known: Collection[str]) -> list[str]:
    """Return a note on how images are named where it takes two columns; none where it takes one. `known` as in `is_by_subject`."""
    if not table.is_by_subject(known):
        return []
    row = next((row for row in table.rows if row.joined != row.image), table.rows[0])
    return [f"{name}: subject and img together name an image: subject {row.subject}, img {row.image} is read as {row.joined}."]
