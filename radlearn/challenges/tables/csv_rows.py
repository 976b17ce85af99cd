"""CSV tables, read row by row, with everything that is wrong in them named by file and line, and written.

Nothing is raised on the way: each reader returns what it understood and what it did not, so that a person mends a table once and
not once per row. A line number is the one an editor shows: the header is line 1.
"""

import csv
import gzip
import io
import math
import zlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import IO

from radlearn.amounts import none_of, part_of, verb_of
from radlearn.challenges.tables.csv_hints import comma_hint, decoded, not_csv, separator_hint
from radlearn.challenges.words.near_ids import NearIds
from radlearn.csv_cells import restored
from radlearn.csv_files import csv_text
from radlearn.errors import BadLayout
from radlearn.files import opened_to_read, why_no_file

SEPARATORS = (",", ";", "\t")
MOST_COLUMNS = 10_000
MOST_TABLE_BYTES = 1 << 28
"A hundred times the labels of the whole challenge."


def table_text(columns: Iterable[str], rows: Iterable[Iterable[object]], exact: bool = True) -> str:
    """Return a CSV table as text, as the challenge writes it: commas, Unix line ends.

    `exact`: ids are written as they are, which a challenge needs. A table for people has cells that a spreadsheet would compute `defused`.
    """
    return csv_text([list(columns)], exact=True) + csv_text(map(list, rows), exact)


def rows_in(name: str, text: str, columns: tuple[str, ...], troubles: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, the fields of `columns`) of every row that has as many fields as the header; append what is wrong to `troubles`."""
    if not text:
        return
    # strict, so that a quote in the wrong place is an error and does not swallow the rows after it.
    reader, start = csv.reader(io.StringIO(text, newline=""), strict=True), 1
    try:
        header = [column.strip() for column in next(reader, [])]
        if missing := [column for column in columns if header.count(column) != 1]:
            hint = separator_hint(header)
            header = header[0].split("\t") if len(header) == 1 else header
            expected = f"expected {', '.join(columns)}, each once; missing or repeated: {', '.join(missing)}."
            troubles.append(f"{name}, line 1: the columns are {', '.join(header) or 'empty'}; {expected}{hint}")
            return
        places = [header.index(column) for column in columns]
        start = reader.line_num + 1
        for row in reader:
            line, start = start, reader.line_num + 1
            if len(row) == len(header):
                yield line, [row[place].strip() for place in places]
            elif any(row):
                hint = comma_hint(row) if len(row) > len(header) else ""
                troubles.append(f"{name}, line {line}: has {len(row)} fields where the header has {len(header)}.{hint}")
    except csv.Error as error:
        troubles.append(not_csv(name, start, reader.line_num, error))


def rows_of_images(
    name: str,
    rows: Iterable[tuple[int, str, str]],
    expected_ids: Collection[str] | None,
    troubles: list[str],
    column: str = "patientId",
    one_row: str = "one row an image",
    without_row: str = "",
) -> Iterator[tuple[int, str, str]]:
    """Yield (line, image, field) of the rows of a submission whose image is expected, each image once; append what is wrong to `troubles`.

    With None for `expected_ids` all images are. `one_row` and `without_row` are said of an image that has two rows, or none.
    """
    lines: dict[str, int] = {}
    expected = None if expected_ids is None else set(expected_ids)
    near = NearIds(expected or ())
    for line, written, field_text in rows:
        where = f"{name}, line {line}"
        # As a table of `predict` has an id that a spreadsheet would take for a formula.
        image_id = near.composed_otherwise(restored(written)) if expected is None or written not in expected else written
        if not image_id:
            troubles.append(f"{where}: {column} is empty.")
        elif (first := lines.setdefault(image_id, line)) != line:
            troubles.append(f"{where}: {image_id} has a row already, line {first}; expected {one_row}.")
        elif expected is not None and image_id not in expected:
            found = f"{column} is {image_id!r}, which is {none_of(len(expected), 'images')} to predict"
            troubles.append(f"{where}: {found}.{near.hint(image_id)}")
        else:
            yield line, image_id, field_text
    missing = [image_id for image_id in expected_ids or () if image_id not in lines]
    if missing and (lines or not troubles):
        amount = (
            f"{part_of(len(missing), len(expected or ()), 'images')} {verb_of(len(missing), 'have')} no row, the first being {missing[0]}"
        )
        troubles.append(f"{name}: {amount}. {without_row}")


def _read_up_to(opened: IO[bytes] | gzip.GzipFile, most_bytes: int) -> bytes:
    """Return the content of a file, or its first bytes. Asked for all at once, Python sets aside as much memory as may come."""
    pieces, left = [], most_bytes
    while left > 0 and (piece := opened.read(min(left, 1 << 20))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def path_text(path: Path) -> tuple[str, list[str]]:
    """Return the text of a table file, unpacked if it is NAME.gz, and what is wrong with it: see `decoded`."""
    with opened_to_read(path) as opened:
        content = _read_up_to(opened, MOST_TABLE_BYTES + 1)
    if path.suffix == ".gz":
        try:
            with gzip.open(io.BytesIO(content)) as packed:
                content = _read_up_to(packed, MOST_TABLE_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            return "", [f"{path.name}: is not gzip, or is cut short ({error}). Copy it again."]
    if len(content) > MOST_TABLE_BYTES:
        return "", [f"{path.name}: holds more than {MOST_TABLE_BYTES:,} bytes; expected a table of a few megabytes. It was not read."]
    text, troubles = decoded(path.name, content)
    first = text[: text.find("\n") + 1] or text
    if (most := max(map(first.count, SEPARATORS))) >= MOST_COLUMNS:
        return "", [f"{path.name}: has {most + 1:,} columns; expected {MOST_COLUMNS:,} at most. It was not read."]
    if not text.strip() and not troubles:
        return "", [f"{path.name}: is empty."]
    return text, troubles


def table_text_of(path: Path) -> tuple[str, list[str]]:
    """Return the text of a table, and what is wrong with it as text.

    Raises:
        BadLayout: if there is no such file.
    """
    if not path.is_file():
        raise BadLayout(f"{path}: {why_no_file(path)}; expected a CSV file.")
    return path_text(path)


def strict_number(field: str) -> float:
    """Return a finite number, or NaN. Python reads 1_0 as 10 and knows other scripts' digits; no challenge does."""
    try:
        value = float(field) if field.isascii() and "_" not in field else math.nan
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
