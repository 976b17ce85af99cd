"""The rows of a table, CSV, tabs or Parquet, each with its line and its cells as text."""

import csv
import io
from collections import Counter
from pathlib import Path

from radlearn.amounts import counted
from radlearn.challenges.tables.csv_hints import comma_hint, not_csv, separator_hint
from radlearn.challenges.tables.csv_rows import MOST_TABLE_BYTES, path_text
from radlearn.challenges.words.near_ids import UNSEEN
from radlearn.file_kinds import image_kind, kind_of
from radlearn.files import opened_to_read
from radlearn.scans.file_names import NIFTI_SUFFIXES

SEPARATORS = {".csv": ",", ".tsv": "\t"}
PARQUET = ".parquet"
HEADER_LINE = 1
NIH_COLUMNS = ("Image Index", "Finding Labels")
"By which the table of NIH ChestX-ray14 is known."
MOST_ROWS, ROWS_AT_ONCE = 3_000_000, 1000
"Of a Parquet table, which may hold thirty million in half a megabyte."
START_BYTES = 4096
Cells = dict[str, str]


def is_table(path: Path) -> bool:
    """Tell whether a path names a table, by its suffix, whether it is there or not."""
    return Path(path).suffix.lower() in (*SEPARATORS, PARQUET) and not Path(path).is_dir()


def file_words(path: Path) -> str:
    """Say what a file is that was named in place of a folder or a table, and how it becomes a table."""
    with opened_to_read(path) as opened:
        start = opened.read(START_BYTES)
    kind = kind_of(start)
    is_packed_nifti = kind.startswith("packed") and path.name.lower().endswith(NIFTI_SUFFIXES)
    if image := "NIfTI" if is_packed_nifti else image_kind(start):
        return f"is one image ({image}). Name the folder that it lies in, or a table that names it"
    suffix = path.suffix if len(path.suffix) > 1 else ""
    called = f"a {suffix} file" if suffix else "a file without a suffix"
    if kind:
        return f"is {called}, and what it holds is {kind}. A table is read under a name that ends with .csv"
    return f"is {called}. If it is a table, save it as CSV UTF-8, with commas, under a name that ends with .csv (with tabs: .tsv)"


def columns_of(path: Path) -> tuple[str, ...]:
    """Return the columns of a table; none where it cannot be read."""
    return rows_of(Path(path))[0]


def rows_of(path: Path) -> tuple[tuple[str, ...], list[tuple[int, Cells]], list[str]]:
    """Return the columns of a table, its rows with their lines, and what is wrong with it as a table."""
    if path.suffix.lower() == PARQUET:
        return _parquet_rows(path)
    try:
        text, troubles = path_text(path)
    except OSError as error:
        return (), [], [f"{path.name}: cannot be read ({error.strerror})."]
    if not text:
        return (), [], troubles
    separator = SEPARATORS.get(path.suffix.lower(), ",")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    rows: list[tuple[int, Cells]] = []
    header: list[str] = []
    extra: list[str] = []
    start = HEADER_LINE
    try:
        header = [_name(column) for column in next(reader, [])]
        width = len(header)
        header = header[: width - _empty_at_the_end(header, text, separator)]
        if twice := [column for column, count in Counter(header).items() if count > 1]:
            troubles.append(
                f"{path.name}, line {HEADER_LINE}: the column {twice[0] or 'without a name'} is there twice; expected each once."
            )
            return tuple(header), [], troubles
        if hint := separator_hint(header, separator):
            troubles.append(f"{path.name}, line {HEADER_LINE}: has one column, {header[0]!r}.{hint}")
            return tuple(header), [], troubles
        start = reader.line_num + 1
        for row in reader:
            if len(row) == width + 1:
                extra.append(row[0].strip())
            line, start = start, reader.line_num + 1
            if len(row) == width:
                rows.append((line, dict(zip(header, (cell.strip() for cell in row[: len(header)]), strict=True))))
            elif any(row):
                said = comma_hint(row) if len(row) > width else ""
                troubles.append(f"{path.name}, line {line}: has {len(row)} fields where the header has {width}.{said}")
    except csv.Error as error:
        first = text.partition("\n")[0].strip()
        # Names in quotes with another separator between them are no CSV with commas.
        parted = not header and separator not in first and any(mark in first for mark in ";\t|")
        hint = separator_hint([first], separator) if parted else ""
        said = f"{path.name}, line {HEADER_LINE}: has one column, {first!r}.{hint}"
        troubles.append(said if hint else not_csv(path.name, start, reader.line_num, error))
    # R leaves out the name of the column of row names.
    if not rows and len(troubles) == len(extra) > 1 and extra == [str(number) for number in range(1, len(extra) + 1)]:
        found = f"each of the {counted(len(extra), 'rows')} has one field more than the header, and counts the rows there"
        advice = "write the table without the numbers (in R: row.names = FALSE), or give their column a name"
        troubles = [f"{path.name}, line {HEADER_LINE}: {found}; {advice}."]
    if not rows and not troubles:
        troubles.append(f"{path.name}: has a header and no rows.")
    return tuple(header), rows, troubles


def _parquet_rows(path: Path) -> tuple[tuple[str, ...], list[tuple[int, Cells]], list[str]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        return (
            (),
            [],
            [f'{path.name}: Parquet is read with pyarrow. Install it (pip install "radlearn[parquet]"), or save the table as CSV.'],
        )
    try:
        said = parquet.read_metadata(path)
        names = [_name(str(name)) for name in said.schema.to_arrow_schema().names]
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            return tuple(names), [], [f"{path.name}: the column {twice[0] or 'without a name'} is there twice; expected each once."]
        packed = sum(said.row_group(group).total_byte_size for group in range(said.num_row_groups))
        if said.num_rows > MOST_ROWS or packed > MOST_TABLE_BYTES:
            return (
                (),
                [],
                [f"{path.name}: holds {said.num_rows:,} rows, {packed:,} bytes; expected a table of a few megabytes. It was not read."],
            )
        content: list[dict[str, object]] = []
        letters = 0
        with parquet.ParquetFile(path) as opened:
            # A value that is stored once may stand in a million rows.
            for batch in opened.iter_batches(ROWS_AT_ONCE):
                content += batch.to_pylist()
                letters += sum(len(value) for row in content[-len(batch) :] for value in row.values() if isinstance(value, str | bytes))
                if letters > MOST_TABLE_BYTES:
                    return (), [], [f"{path.name}: holds more than {MOST_TABLE_BYTES:,} letters; expected a table of a few megabytes."]
    except (ArrowException, OSError) as error:
        return (), [], [f"{path.name}: is not a Parquet file that can be read ({str(error).partition(chr(10))[0]})."]
    # As lines of a CSV table are counted: the header is the first.
    rows = [(line, {_name(str(name)): _as_text(value) for name, value in row.items()}) for line, row in enumerate(content, start=2)]
    return tuple(names) if rows else (), rows, [] if rows else [f"{path.name}: has no rows."]


def _empty_at_the_end(header: list[str], text: str, separator: str) -> int:
    """Return how many columns at the end have neither a name nor a filled cell, as a spreadsheet saves what was once touched."""
    named = max((place for place, name in enumerate(header, start=1) if name), default=0)
    if named == len(header):
        return 0
    try:
        rows = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
        return 0 if any(cell.strip() for row in rows for cell in row[named:]) else len(header) - named
    except csv.Error:
        return 0


def _name(written: str) -> str:
    """Return a column's name without what nobody sees at its ends: blanks, and the marks that a table joined from several keeps."""
    return written.strip(" \t\r\n\xa0\f\v" + "".join(UNSEEN))


def _as_text(value: object) -> str:
    """Return a value as it would stand in a CSV table: nothing for none, and 1 for a truth value."""
    if value is None or value != value:
        return ""
    if isinstance(value, bytes):
        # Some programs write texts without saying that they are some.
        return value.decode("utf-8", "replace").strip()
    return str(int(value)) if isinstance(value, bool) else str(value).strip()
