"""Columns of one's own in the table of NIH ChestX-ray14: a split, what describes the images, and those that are not read.

A column that is passed over in silence is one that somebody believes to be followed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from radlearn.challenges.tables.own_table import read_groups, read_splits
from radlearn.challenges.tables.table_boxes import corners_in
from radlearn.challenges.tables.table_files import OwnTable
from radlearn.challenges.tables.table_rows import HEADER_LINE
from radlearn.challenges.words.near_columns import PATH, PERSON, SPLIT, fold_notes, near_columns
from radlearn.challenges.words.near_splits import split_notes
from radlearn.challenges.xray_case import XrayCase
from radlearn.csv_cells import restored

OWN_TRUTHS, OWN_PREFIX = ("label", "mask"), "label_"
SAME_AS = {"view": ("View Position",), "sex": ("Patient Gender", "Patient Sex"), "age_years": ("Patient Age",)}
"Columns of one's own that say what a published one says."
PUBLISHED = {
    "Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age", "Patient Gender", "Patient Sex", "View Position",
    "OriginalImage[Width", "Height]", "OriginalImagePixelSpacing[x", "y]", "OriginalImageWidth", "OriginalImageHeight",
    "OriginalImagePixelSpacing_x", "OriginalImagePixelSpacing_y", "",
}  # fmt: skip
"All columns of the published table, in its editions."


def is_own(columns: Sequence[str]) -> bool:
    """Tell whether a table is one's own, whatever else it has: it names files, and says what is on them.

    >>> is_own(["path", "label", "Image Index"]), is_own(["path", "Image Index"]), is_own(["label", "Image Index"])
    (True, False, False)
    """
    return PATH in columns and bool(_truths(columns))


def with_further(table: OwnTable, cases: Sequence[XrayCase]) -> list[XrayCase]:
    """Return the X-rays with the subsets and subgroups that columns of one's own say; those that are not read are noted.

    Args:
        table: its images are those of the cases, in their order, each with its row.
        cases: with persons whose spellings are joined.
    """
    rows = [image.rows[0][1] for image in table.images]
    further = [column for column in table.columns if column not in PUBLISHED]
    read_splits(table)
    read = (SPLIT, *_own_words(table.columns))
    table.troubles += [f"{table.at(HEADER_LINE, column)}: {words}" for column, words in near_columns(further, rows, (SPLIT,))]
    table.notes += [f"{table.path.name}: {words}" for words in (*fold_notes(table.columns, rows), *split_notes(table.columns, rows))]
    read_groups(table, [column for column in further if column not in read])
    if unread := [column for column in _own_words(table.columns) if not _says_the_same(column, cases, rows)]:
        table.notes.append(
            f"{table.path.name}: is read as the table of NIH ChestX-ray14, by the columns Image Index, Finding Labels and Patient ID, so "
            f"that {', '.join(unread)} {'is' if len(unread) == 1 else 'are'} not read. To have your own columns read in their place, write "
            f"a table with the columns {PATH} and label, or {OWN_PREFIX}NAME."
        )
    return [replace(case, split=image.split, groups=image.groups) for case, image in zip(cases, table.images, strict=True)]


def _truths(columns: Sequence[str]) -> list[str]:
    corners = corners_in(columns)
    return [column for column in columns if column in (*OWN_TRUTHS, *corners) or column.startswith(OWN_PREFIX)]


def _own_words(columns: Sequence[str]) -> list[str]:
    """Return the columns that a table of one's own would read, and this one does not."""
    words = (PATH, "id", PERSON, "page", "category", *SAME_AS, *_truths(columns))
    return [column for column in columns if column in words]


def _says_the_same(column: str, cases: Sequence[XrayCase], rows: Sequence[Mapping[str, str]]) -> bool:
    said = [restored(cells.get(column, "")) for cells in rows]
    if column == PERSON:
        pairs = set(zip(said, (case.person for case in cases), strict=True))
        return len({one for one, _ in pairs}) == len({other for _, other in pairs}) == len(pairs)
    published = next((one for one in SAME_AS.get(column, ()) if any(one in cells for cells in rows)), "")
    return bool(published) and all(not one or one == restored(cells[published]) for one, cells in zip(said, rows, strict=True))
