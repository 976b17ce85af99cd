"""`radlearn TASK table DIR`: a first table of a folder of one's own images, to be looked at and corrected."""

from collections.abc import Sequence
from pathlib import Path

from radlearn import hints
from radlearn.amounts import counted
from radlearn.challenges.challenge import AnyChallenge
from radlearn.challenges.first_tables.ids import add_ids
from radlearn.challenges.first_tables.table import relative
from radlearn.challenges.folders import describe_folder
from radlearn.challenges.unlooked import not_taken_words
from radlearn.csv_cells import defused
from radlearn.csv_files import write_rows
from radlearn.errors import BadLayout, BadSetting
from radlearn.file_names import from_home
from radlearn.folder_walks import left_aside
from radlearn.leftovers import remove_leftovers_of
from radlearn.outputs import refuse_other_format
from radlearn.progress import say


def write_first_table(task: str, challenge: AnyChallenge, folder: Path, out: Path | None, positive: Sequence[str] = ()) -> Path:
    """Write a table of the images of a folder, and say what was assumed; return its path.

    Args:
        task: for the commands that are shown.
        challenge: whose images these are.
        folder: holds the images.
        out: the table; `cases.csv` in the folder if None. What is there is never overwritten.
        positive: names of the classes that are the finding, where a folder has several.

    Raises:
        BadSetting: if the table is there already, the challenge has no such tables, or `positive` names no class.
        BadLayout: if the folder is of no known kind.
    """
    folder = from_home(folder)
    if challenge.first_table is None:
        raise BadSetting(f"{challenge.title} takes no table of one's own.")
    if not folder.is_dir():
        raise BadLayout(f"{folder}: {describe_folder(folder)}. Expected a folder of images.")
    place = folder / "cases.csv" if out is None else Path(out)
    refuse_other_format(place, ".csv")
    if place.exists():
        raise BadSetting(f"{place} already exists. Choose another name with --out, or remove it.")
    table = challenge.first_table(folder, tuple(positive))
    in_rows = {cell for row in table.rows for cell in row.values() if isinstance(cell, Path)}
    table.assumed += [*not_taken_words(folder, in_rows | set(table.looked_at)), *left_aside(folder)]
    add_ids(table, place.parent)
    rows = [[_cell(row.get(column, ""), place.parent) for column in table.columns] for row in table.rows]
    remove_leftovers_of(place)
    write_rows(place, [table.columns, *rows], exact=True)
    images = len({(row["path"], row.get("page")) for row in table.rows})
    say(f"{place}: {counted(images, challenge.units)}, columns {', '.join(table.columns)}. What was assumed:")
    for sentence in table.assumed:
        say(f"  - {sentence}")
    say(f"Look at the table and correct it. Next: {hints.command('check', place)}")
    if table.trains not in ("", task):
        say(f"The table lacks what {task} learns from: it is for {table.trains}.")
    say(f"Then: {hints.command(table.trains or task, 'train', '--data', place)}")
    return place


def _cell(value: object, folder: Path) -> str:
    return defused(relative(value, folder) if isinstance(value, Path) else str(value))
