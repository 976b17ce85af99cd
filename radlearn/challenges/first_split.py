"""The split that folders called train, val and test make: the column `split` of a first table."""

from pathlib import Path

from radlearn.challenges.first_rows import FirstTable
from radlearn.challenges.near_columns import SPLIT, SUBSET_HINTS, SUBSETS


def subset_called(name: str) -> str:
    """Return the subset that a folder is called like; "" where it is none.

    >>> subset_called("Val"), subset_called("train"), subset_called("normal")
    ('validation', 'train', '')
    """
    name = name.lower()
    return name if name in SUBSETS else SUBSET_HINTS.get(name, "")


def add_split(table: FirstTable, folder: Path) -> None:
    """Add the column `split` where every image of a table lies in a folder called like a subset, and all three are there."""
    called: dict[object, set[str]] = {}
    names: set[str] = set()
    for path in {row["path"] for row in table.rows}:
        parts = Path(str(path)).relative_to(folder).parts[:-1]
        called[path] = {subset for part in parts if (subset := subset_called(part))}
        names |= {part for part in parts if subset_called(part)}
    if not names:
        return
    listed = ", ".join(sorted(names))
    there = set().union(*called.values())
    if all(len(subsets) == 1 for subsets in called.values()) and there == set(SUBSETS):
        table.columns = (*table.columns, SPLIT)
        for row in table.rows:
            (row[SPLIT],) = called[row["path"]]
        table.assumed.append(f"The column split keeps the subsets of the folders {listed}. Remove it, and the split is drawn.")
        return
    missing = [subset for subset in SUBSETS if subset not in there]
    because = f"no folder is called like {' or '.join(missing)}" if missing else "not every image lies in one of them"
    table.assumed.append(f"The folders {listed} are not used as a split, because {because}: for a split of your own add a column {SPLIT}.")
