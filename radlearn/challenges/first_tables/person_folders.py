"""Folders that are called like people or their studies, as CheXpert's patient00001/study1 and MIMIC-CXR's p10000032/s50414267."""

import re
from collections.abc import Sequence
from pathlib import Path

from radlearn.challenges.tables.table_rows import is_table

PERSON = re.compile(r"(?:(?:patient|pat|pt|subject|subj|sub|person|participant)s?[-_ ]?\d+|p[-_ ]?\d{3,})", re.IGNORECASE | re.ASCII)
STUDY = re.compile(r"(?:(?:study|visit|exam|series|session|ses|accession)[-_ ]?\d+|s[-_ ]?\d{3,})", re.IGNORECASE | re.ASCII)
SHOWN = 3


def person_in(path: Path, folder: Path) -> str:
    """Return the innermost folder on the way to an image that is called like a person; "" where none is.

    >>> person_in(Path("d/p10/p10000032/s50414267/a.jpg"), Path("d")), person_in(Path("d/positive/a.jpg"), Path("d"))
    ('p10000032', '')
    """
    parts = path.relative_to(folder).parts[:-1]
    return next((part for part in reversed(parts) if PERSON.fullmatch(part)), "")


def people_words(names: Sequence[str], folder: Path) -> str:
    """Return what is wrong with taking folders for classes that are called like people or studies; "" where one is not.

    Args:
        names: of the folders that would be classes.
        folder: in which tables may lie that say what is on the images.
    """
    if not names or not all(PERSON.fullmatch(name) or STUDY.fullmatch(name) for name in names):
        return ""
    some = ", ".join(sorted(names)[:SHOWN]) + ", …" * (len(names) > SHOWN)
    found = f"the folders are called like people or their studies ({some}), and not like classes"
    tables = [path.name for path in sorted(folder.iterdir()) if is_table(path)]
    listed = ", ".join(tables[:SHOWN]) + ", …" * (len(tables) > SHOWN)
    where = f" Perhaps it stands in {listed}." if tables else ""
    return f"{found}: nothing says what is on the images.{where} Write a table with the columns path, label and person."
