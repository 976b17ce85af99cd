"""Pages of TIFFs in the first table of a folder: a row for each."""

from collections.abc import Sequence
from pathlib import Path

from radlearn.amounts import counted, verb_of
from radlearn.challenges.first_tables.rows import FirstTable, Row
from radlearn.challenges.words.near_columns import PAGE, PATH
from radlearn.scans.tiff_pages import pages_in


def add_pages(table: FirstTable, one_page_only: Sequence[str] = ()) -> None:
    """Give each page of a TIFF of several a row, and say so; other images have an empty cell in the column `page`.

    Args:
        table: with paths of images; a mask of several pages must have as many as its image.
        one_page_only: columns that say something of one page, such as boxes: images of several pages are then left out, because nothing
            says of which.
    """
    pages = {path: pages_in(Path(path)) for path in dict.fromkeys(str(row[PATH]) for row in table.rows)}
    stacks = [path for path, count in pages.items() if count > 1]
    unlike = [path for path in stacks if _has_other_mask(table.rows, path, pages[path])]
    left = set(stacks if set(one_page_only) & set(table.columns) else unlike)
    if left:
        why = "their masks have another number of pages" if unlike else "nothing says on which page their boxes lie"
        amount = f"{counted(len(left), 'TIFFs')} of several pages, such as {Path(min(left)).name}, {verb_of(len(left), 'are')} left out"
        table.assumed.append(f"{amount}: {why}.")
    table.rows = [row for row in table.rows if str(row[PATH]) not in left]
    if not (kept := [path for path in stacks if path not in left]):
        return
    table.columns = (table.columns[0], PAGE, *table.columns[1:])
    table.rows = [paged for row in table.rows for paged in _paged(row, pages[str(row[PATH])])]
    amount = f"{counted(len(kept), 'TIFFs')} of several pages {verb_of(len(kept), 'have')} a row for each page"
    table.assumed.append(f"{amount}; without a column person the pages of one count as images of one person.")


def _has_other_mask(rows: Sequence[Row], path: str, pages: int) -> bool:
    return any(str(row[PATH]) == path and "mask" in row and pages_in(Path(str(row["mask"]))) != pages for row in rows)


def _paged(row: Row, pages: int) -> list[Row]:
    return [row | {PAGE: page} for page in range(1, pages + 1)] if pages > 1 else [row | {PAGE: ""}]
