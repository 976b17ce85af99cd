"""A table of a person's own images, in place of a challenge's folder: `--data cases.csv`.

    path      the image, relative to the table's folder: a DICOM or NIfTI file, or the folder of a DICOM series
    id        what the image is called; without this column its file's name
    person    whose image it is; without this column every image counts as a person of its own
    split     train, validation or test; without this column the split is drawn, by person
    page      which page of a TIFF of several, from 1 on; without a person's name all pages of a file are of one person

What the truth is stands in further columns, which depend on the task: `xray_table`, `ct_table`. All that is left over describes the images,
such as `site` or `scanner`, and becomes subgroups of the report.

CSV with commas, UTF-8 (`.csv`), the same with tabs (`.tsv`), or Parquet (`.parquet`, which needs pyarrow). An image may have several rows
where a task allows it. All that is wrong is collected, each with row and column, so that a table is mended once.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

from radlearn.amounts import counted
from radlearn.challenges.folders import holds_exact_truth, ids_with_folders, stem, volume_stem
from radlearn.challenges.tables.table_files import OwnImage, OwnTable, images_by_place
from radlearn.challenges.tables.table_rows import HEADER_LINE, Cells, rows_of
from radlearn.challenges.troubles import listed
from radlearn.challenges.words.copy_names import sources_of
from radlearn.challenges.words.near_columns import (
    ID,
    PAGE,
    PATH,
    PERSON,
    SPLIT,
    SUBSETS,
    fold_notes,
    is_person_name,
    near_columns,
    near_hint,
    other_persons,
    subset_word,
)
from radlearn.challenges.words.near_splits import split_notes
from radlearn.challenges.words.nobody import nobody_notes, rounded_trouble
from radlearn.challenges.words.person_spellings import alike_words, joined_words, spelt
from radlearn.challenges.xray_case import TABLE_ADVICE
from radlearn.csv_cells import restored
from radlearn.errors import BadLayout
from radlearn.progress import say

SHARED_COLUMNS = (PATH, ID, PERSON, SPLIT, PAGE)
MOST_GROUPS = 12
"A column with more different values than this makes no subgroups."

CaseT = TypeVar("CaseT")


def read_table(path: Path, needed: Collection[str], known: Collection[str], of_rows: Collection[str] = ()) -> OwnTable:
    """Read a table of images; nothing in it is refused, all that is wrong is in its `troubles`.

    Args:
        path: of the table.
        needed: columns of the truth without which it says nothing.
        known: all columns of the truth, and of what is known of an image: these make no subgroups.
        of_rows: columns that may say something else in each row of an image; they make subgroups where none does.
    """
    columns, rows, troubles = rows_of(Path(path))
    table = OwnTable(Path(path), columns, troubles=troubles)
    if missing := [column for column in (PATH, *needed) if column not in columns]:
        if not troubles:
            said = f"the columns are {', '.join(columns) or 'none'}; expected also {', '.join(missing)}"
            table.troubles.append(f"{table.path.name}, line {HEADER_LINE}: {said}.{near_hint(missing, columns)}")
        return table
    _read_images(table, rows)
    _read_persons(table)
    read_splits(table)
    read = (*SHARED_COLUMNS, *known)
    first_rows = [image.rows[0][1] for image in table.images]
    table.troubles += [f"{table.at(HEADER_LINE, column)}: {words}" for column, words in near_columns(columns, first_rows, read)]
    table.notes += [f"{table.path.name}: {words}" for words in (*fold_notes(columns, first_rows), *split_notes(columns, first_rows))]
    apart = {column for column in of_rows if any(len({cells.get(column) for _, cells in image.rows}) > 1 for image in table.images)}
    read_groups(table, [column for column in columns if column not in read and column not in apart])
    return table


def images_in(path: Path) -> list[Path]:
    """Return the images that a table names in its column `path`, in their order, each once. Nothing else in it is looked at.

    Raises:
        BadLayout: it is no table, has no such column, or names a file that is not there; the message names line, column and value.
    """
    if not Path(path).exists():
        raise BadLayout(f"{path}: there is no such file. Name images, folders of them, or a table with a column {PATH}.")
    columns, rows, troubles = rows_of(Path(path))
    table = OwnTable(Path(path), columns, troubles=troubles)
    if PATH not in columns and not troubles:
        said = f"the columns are {', '.join(columns) or 'none'}; expected {PATH}, with a file in each row"
        table.troubles.append(f"{table.path.name}, line {HEADER_LINE}: {said}.{near_hint([PATH], columns)}")
    places = list(images_by_place(table, rows)) if PATH in columns else []
    if table.troubles:
        raise BadLayout(listed(table.path, by_line(table.troubles), "in it cannot be used", TABLE_ADVICE[1]))
    return [Path(place) for place in places]


def data_folder(image: Path, table: OwnTable) -> Path:
    """Return the data folder of an image of a table: that of synthetic cases which holds it, wherever the table lies, else the table's."""
    return _synthetic_folder(image.parent) or table.folder


def is_synthetic_table(path: Path) -> bool:
    """Tell whether all images of a table are synthetic."""
    images = read_table(path, (), ()).images
    return bool(images) and all(_synthetic_folder(image.path.parent) is not None for image in images)


@cache
def _synthetic_folder(folder: Path) -> Path | None:
    return next((place for place in (folder, folder.parent) if holds_exact_truth(place)), None)


def accepted(table: OwnTable, cases: list[CaseT]) -> list[CaseT]:
    """Return the cases of a table, and say what a person should know of it.

    Raises:
        BadLayout: if anything in the table would train wrongly; the message names the first ten with line, column, value and rule.
    """
    if table.troubles:
        raise BadLayout(listed(table.path, by_line(table.troubles), *TABLE_ADVICE))
    for note in table.notes:
        say(note, style="bold yellow")
    return cases


def by_line(troubles: Sequence[str]) -> list[str]:
    """Return what is wrong in the order of the lines of the table; what is not of a line comes first."""

    def line_of(trouble: str) -> int:
        said = re.match(r"[^:]*?, line (\d+)", trouble)
        return int(said[1]) if said else 0

    return sorted(troubles, key=line_of)


def _read_images(table: OwnTable, rows: Sequence[tuple[int, Cells]]) -> None:
    table.images = list(images_by_place(table, rows).values())
    if ID in table.columns:
        _read_ids(table)
        return
    names = [volume_stem(image.path.name) or stem(image.path.name) for image in table.images]
    # A page lies in the cache; its TIFF lies where the table says.
    places = [(table.folder / image.stack).parent / image.path.name if image.stack else image.path for image in table.images]
    try:
        ids = ids_with_folders(places, names, table.folder)
    except ValueError:
        # Files outside of the table's folder have no short way to be told apart.
        ids = names
    # Not numbered: a number would change with the rows before it, and the name is what a run knows an image by.
    if len(set(ids)) < len(ids):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        table.troubles.append(
            f"{table.path.name}, line {HEADER_LINE}: several images are called {twice}; add a column {ID} with a name for each."
        )
        return
    for image, image_id in zip(table.images, ids, strict=True):
        image.image_id = image_id


def _read_ids(table: OwnTable) -> None:
    lines: dict[str, OwnImage] = {}
    for image in table.images:
        image.image_id = one_value(table, image, ID)
        where = table.at(image.line, ID)
        if not image.image_id:
            table.troubles.append(f"{where}: is empty; expected a name for each image.")
        elif any(mark in image.image_id for mark in "/\\:") or image.image_id.startswith(".") or not image.image_id.isprintable():
            found = f"is {image.image_id!r}; files are named by it: no dot before it, no /, \\, : or control character in it"
            table.troubles.append(f"{where}: {found}.")
        elif (first := lines.setdefault(image.image_id, image)) is not image:
            table.troubles.append(f"{where}: {image.image_id!r} is the id of another image too, line {first.line}; expected one for each.")


def one_value(table: OwnTable, image: OwnImage, column: str) -> str:
    """Return what the rows of an image say in a column; where they differ, what the first says, and that is noted among the troubles."""
    first = image.rows[0][1].get(column, "")
    for line, cells in image.rows[1:]:
        if cells.get(column, "") != first:
            found = f"is {cells[column]!r} here and {first!r} in line {image.line}, which is of the same image"
            table.troubles.append(f"{table.at(line, column)}: {found}.")
    return restored(first)


def _read_persons(table: OwnTable) -> None:
    sources = sources_of([image.path.name for image in table.images])
    if PERSON not in table.columns:
        meant = next(filter(is_person_name, table.columns), "")
        hint = f" Is {meant} the person? Then call it {PERSON}." if meant else ""
        stacks = " The pages of one TIFF count as images of one person." if any(image.stack for image in table.images) else ""
        if any(sources):
            copies = f" {counted(sum(map(bool, sources)), 'images')} that are copies of others by their names count as images of one person"
            stacks += f"{copies} each, such as those of {next(filter(None, sources))}."
        table.notes.append(
            f"{table.path}: has no column {PERSON}, so every image counts as a person of its own. Where people have several images, the "
            f"same person is then trained on and tested on, and the scores come out too good.{stacks}{hint}"
        )
    for image, source in zip(table.images, sources, strict=True):
        image.person = one_value(table, image, PERSON) if PERSON in table.columns else image.stack or source or image.image_id
        if not image.person and PERSON in table.columns:
            table.troubles.append(
                f"{table.at(image.line, PERSON)}: is empty; expected whose image it is. Fill it for every image, or leave out the column."
            )
    if PERSON in table.columns:
        table.notes += nobody_notes(table.path.name, (image.person for image in table.images), "images")
        if rounded := rounded_trouble(image.person for image in table.images):
            table.troubles.append(f"{table.at(HEADER_LINE, PERSON)}: {rounded}")
        _join_spellings(table)
        _look_at_other_persons(table)


def _look_at_other_persons(table: OwnTable) -> None:
    persons, rows = [image.person for image in table.images], [image.rows[0][1] for image in table.images]
    troubles, question = other_persons(table.columns, persons, rows)
    table.troubles += [f"{table.at(HEADER_LINE, column)}: {words}" for column, words in troubles]
    if question:
        table.notes.append(f"{table.path.name}: {question}")


def _join_spellings(table: OwnTable) -> None:
    named = [image for image in table.images if image.person]
    found = spelt([image.person for image in named])
    for image, person in zip(named, found.persons, strict=True):
        if not person:
            nothing = (
                f"is {image.person!r}, which names nobody; expected whose image it is. Fill it for every image, or leave out the column"
            )
            table.troubles.append(f"{table.at(image.line, PERSON)}: {nothing}.")
        image.person = person
    subsets = {image.person: image.rows[0][1][SPLIT] for image in named} if SPLIT in table.columns else None
    table.notes += [f"{table.path.name}: {words}" for words in (joined_words(found), alike_words(found, subsets)) if words]


def read_splits(table: OwnTable) -> None:
    """Give each image of a table the subset that its column split says; what is wrong with it is noted among the troubles."""
    if SPLIT not in table.columns:
        return
    subset_of: dict[str, OwnImage] = {}
    others: dict[str, list[int]] = {}
    for image in table.images:
        image.split = one_value(table, image, SPLIT)
        where = table.at(image.line, SPLIT)
        if image.split not in SUBSETS:
            others.setdefault(image.split, []).append(image.line)
        elif image.person and (first := subset_of.setdefault(image.person, image)).split != image.split:
            found = f"person {image.person} is in {image.split} here and in {first.split} in line {first.line}"
            table.troubles.append(f"{where}: {found}; a person belongs to one of them, or the test asks for what was learnt by heart.")
    for written, lines in others.items():
        meant = subset_word(written)
        hint = f" Write {meant}{' in each of these' if len(lines) > 1 else ''}." if meant else ""
        many = f" in {len(lines):,} rows, of which this is the first" if len(lines) > 1 else ""
        found = f"is {written!r}{many}; expected {', '.join(SUBSETS[:2])} or {SUBSETS[2]}"
        table.troubles.append(f"{table.at(lines[0], SPLIT)}: {found}.{hint}")
    # What is missing may be what is written otherwise.
    if not others and (missing := [subset for subset in SUBSETS if all(image.split != subset for image in table.images)]):
        found = f"no image is in {' or in '.join(missing)}"
        advice = f"Training needs all three: move some people there, or leave out the column, and the split is drawn by {PERSON}"
        table.troubles.append(f"{table.at(HEADER_LINE, SPLIT)}: {found}. {advice}.")


def read_groups(table: OwnTable, columns: Sequence[str]) -> None:
    """Give each image of a table what columns say of it, as its subgroups; a column of too many values makes none, which is noted."""
    for column in filter(None, columns):
        values = {one_value(table, image, column) for image in table.images} - {""}
        if len(values) > MOST_GROUPS:
            table.notes.append(f"{table.path.name}: column {column} has {len(values):,} different values, too many for subgroups.")
            continue
        for image in table.images:
            if value := restored(image.rows[0][1].get(column, "")):
                image.groups = (*image.groups, (column, value))
