"""What is said where a folder was named in which a table lies that should have been named itself, or that cannot be read as it is."""

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from radlearn.amounts import verb_of
from radlearn.challenges.tables import nih_table
from radlearn.challenges.tables.meant_columns import meant_columns
from radlearn.challenges.tables.table_boxes import corners_in
from radlearn.challenges.tables.table_rows import is_table
from radlearn.challenges.words.near_columns import near_hint, plain

TRUTHS = ("label", "mask")
SHOWN = 3


def tables_hint(folder: Path) -> str:
    """Return what to do with the table that lies in a folder which was named in its place; "" where none does."""
    columns = _columns_in(folder)
    sound = {path: names for path, (names, trouble) in columns.items() if not trouble}
    own = [path for path, names in sound.items() if "path" in map(str.lower, names)]
    nih = [path for path, names in sound.items() if nih_table.is_nih(names)]
    if not own and len(nih) == 1:
        return f"The table of NIH ChestX-ray14 lies there under another name: name it itself, {_named(nih)}."
    if own:
        which = "A table of one's own lies there: name it itself" if len(own) == 1 else "Tables of one's own lie there: name one of them"
        return f"{which}, {_named(own[:3])}."
    near = ((path, words) for path, names in sound.items() if (words := _near_words(path, names)))
    # The only table there is meant, whatever it holds.
    only = ((path, trouble) for path, (names, trouble) in columns.items() if trouble and not names and len(columns) == 1)
    path, said = _unread(columns) or next(near, None) or next(only, (None, ""))
    return f"A table lies there that is not read as it is. {said} Then name it itself, {_named([path])}." if path else ""


def unread_table(folder: Path) -> tuple[str, str]:
    """Return which table in a folder would be one of images if it could be read, and why it cannot; nothing where there is none."""
    path, said = _unread(_columns_in(folder)) or (None, "")
    where, _, found = said.partition(": ")
    return (where, found) if path else ("", "")


def unused_tables(folder: Path, read: Collection[str], columns: Collection[str]) -> str:
    """Return a note on tables in a folder that hold what one that is read holds, or are of one's own, and are not read; "" without any.

    Args:
        read: names of the tables that are read, or come with them.
        columns: of the table of labels that is read.
    """
    others = []
    for path, (names, trouble) in _columns_in(folder).items():
        if path.name not in read and not trouble and (set(columns) <= set(names) or _is_own(names)):
            others.append((path, _is_own(names)))
    if not others:
        return ""
    some = ", ".join(path.name for path, _ in others[:SHOWN]) + ", …" * (len(others) > SHOWN)
    own = next((path for path, is_own in others if is_own), None)
    meant = f" To use {own.name}, name it itself: {_named([own])}." if own else ""
    verb = verb_of(len(others), "are")
    return f"{folder}: {some} {verb} not read, because the challenge's table lies there under its own name.{meant}"


def _columns_in(folder: Path) -> dict[Path, tuple[tuple[str, ...], str]]:
    files = sorted(path for path in Path(folder).iterdir() if is_table(path) and path.is_file()) if Path(folder).is_dir() else []
    return {path: meant_columns(path) for path in files}


def _unread(columns: dict[Path, tuple[tuple[str, ...], str]]) -> tuple[Path, str] | None:
    """Return the first table whose columns are those of images with their truth, and what keeps it from being read."""
    for path, (names, trouble) in columns.items():
        if trouble and (_is_own(names) or nih_table.is_meant(names)):
            return path, trouble
        if not trouble and (words := nih_table.spelling_words(names)):
            return path, f"{path.name}, line 1: {words}"
    return None


def _is_own(names: Sequence[str]) -> bool:
    lower = [name.lower() for name in names]
    return "path" in lower and (any(name in TRUTHS or name.startswith("label_") for name in lower) or bool(corners_in(lower)))


def _near_words(path: Path, names: Sequence[str]) -> str:
    """Return what to rename in a table whose images and truth have usual names, but not those that are read; "" in any other."""
    as_path = near_hint(("path",), names)
    known = {plain(name) for name in names}
    if not as_path or not (known & set(TRUTHS) or corners_in(names)):
        return ""
    return f"{path.name}, line 1: the columns are {', '.join(names)}.{as_path}"


def _named(paths: Sequence[Path | None]) -> str:
    return f"--data {' or '.join(shlex.quote(str(path)) for path in paths)}"
