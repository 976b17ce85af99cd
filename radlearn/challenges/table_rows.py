"""The rows of a table, CSV, tabs or Parquet, each with its line and its cells as text."""

import csv
import io
from collections import Counter
from pathlib import Path

from radlearn.challenges.csv_hints import comma_hint, not_csv, separator_hint
from radlearn.challenges.rsna_tables import path_text

SEPARATORS = {".csv": ",", ".tsv": "\t"}
PARQUET = ".parquet"
HEADER_LINE = 1
Cells = dict[str, str]


def is_table(path: Path) -> bool:
    """Tell whether a path names a table, by its suffix, whether it is there or not."""
    return Path(path).suffix.lower() in (*SEPARATORS, PARQUET) and not Path(path).is_dir()


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
    start = HEADER_LINE
    try:
        header = [column.strip() for column in next(reader, [])]
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
            line, start = start, reader.line_num + 1
            if len(row) == len(header):
                rows.append((line, dict(zip(header, (cell.strip() for cell in row), strict=True))))
            elif any(row):
                said = comma_hint(row) if len(row) > len(header) else ""
                troubles.append(f"{path.name}, line {line}: has {len(row)} fields where the header has {len(header)}.{said}")
    except csv.Error as error:
        troubles.append(not_csv(path.name, start, reader.line_num, error))
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
        content = parquet.read_table(path).to_pylist()
    except (ArrowException, OSError) as error:
        return (), [], [f"{path.name}: is not a Parquet file that can be read ({str(error).partition(chr(10))[0]})."]
    columns = tuple(map(str, content[0])) if content else ()
    # As lines of a CSV table are counted: the header is the first.
    rows = [(line, {str(name): _as_text(value) for name, value in row.items()}) for line, row in enumerate(content, start=2)]
    return columns, rows, [] if rows else [f"{path.name}: has no rows."]


def _as_text(value: object) -> str:
    """Return a value as it would stand in a CSV table: nothing for none, and 1 for a truth value."""
    if value is None or value != value:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value).strip()
