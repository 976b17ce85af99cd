"""CSV tables, written whole; a spreadsheet computes none of their cells."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from radlearn.csv_cells import defused
from radlearn.files import write_text


def write_rows(path: Path, rows: Iterable[Sequence[object]], exact: bool = False) -> None:
    """Write rows as CSV atomically, as `csv_text`."""
    write_text(Path(path), csv_text(rows, exact))


def csv_text(rows: Iterable[Sequence[object]], exact: bool = False) -> str:
    """Return rows as CSV. Cells that a spreadsheet would compute are `defused`; `exact` keeps ids as a challenge has them."""
    buffer = io.StringIO()
    plain, quoted = csv.writer(buffer, lineterminator="\n"), csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in rows:
        said = ["" if cell is None else str(cell) for cell in row]
        cells = said if exact else [defused(cell) for cell in said]
        # Python's writer quotes the end of line that it writes, and every reader ends a line at the other kind too.
        (quoted if any("\r" in cell for cell in cells) else plain).writerow(cells)
    return buffer.getvalue()
