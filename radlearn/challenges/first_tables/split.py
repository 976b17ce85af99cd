"""The split that folders called train, val and test make, or files that are: the column `split` of a first table."""

from collections.abc import Collection, Mapping
from pathlib import Path

from radlearn.amounts import counted, verb_of
from radlearn.challenges.first_tables.rows import FirstTable
from radlearn.challenges.folders import within
from radlearn.challenges.words.near_columns import SPLIT, SUBSET_HINTS, SUBSETS

ADVICE = f"for a split of your own add a column {SPLIT}"


def subset_called(name: str) -> str:
    """Return the subset that a folder is called like; "" where it is none.

    >>> subset_called("Val"), subset_called("train"), subset_called("normal")
    ('validation', 'train', '')
    """
    name = name.lower()
    return name if name in SUBSETS else SUBSET_HINTS.get(name, "")


def add_split(table: FirstTable, folder: Path, files: Mapping[str, tuple[str, Collection[Path]]] | None = None) -> None:
    """Add the column `split` where every image of a table is in one subset by folders or by files, and all three are there.

    Args:
        files: of images that are of one subset each: file → subset and images.
    """
    paths = list(dict.fromkeys(Path(str(row["path"])) for row in table.rows))
    folders: dict[Path, set[str]] = {}
    names: set[str] = set()
    for path in paths:
        parts = path.relative_to(folder).parts[:-1]
        folders[path] = {subset for part in parts if (subset := subset_called(part))}
        names |= {part for part in parts if subset_called(part)}
    of_file = {name: subset for name, (subset, images) in (files or {}).items() if not folders.keys().isdisjoint(images)}
    subsets_of: dict[Path, dict[str, str]] = {path: {} for path in paths}
    for name, subset in of_file.items():
        for path in (files or {})[name][1]:
            if path in subsets_of:
                subsets_of[path][subset] = name
    by_files = {path: set(subsets) for path, subsets in subsets_of.items()}
    found = [
        (kind, sorted(called), subsets, _trouble(kind, subsets, folder, subsets_of))
        for kind, called, subsets in (("folders", names, folders), ("files", of_file.keys(), by_files))
        if called
    ]
    sound = [one for one in found if not one[3]]
    if len(sound) > 1 and folders != by_files:
        differ = [path for path in paths if folders[path] != by_files[path]]
        amount = f"{counted(len(differ), 'images')} {verb_of(len(differ), 'are')} in another subset by the one than by the other"
        both = " and ".join(f"the {kind} {', '.join(called)}" for kind, called, *_ in sound)
        table.assumed.append(f"No split is kept: {both} make one each, and {amount}, such as {within(differ[0], folder)}: {ADVICE}.")
        return
    for kind, called, subsets, trouble in sound[:1] or found:
        listed = ", ".join(called)
        if trouble:
            table.assumed.append(f"The {kind} {listed} are not used as a split, because {trouble}: {ADVICE}.")
            continue
        table.columns = (*table.columns, SPLIT)
        for row in table.rows:
            (row[SPLIT],) = subsets[Path(str(row["path"]))]
        table.assumed.append(f"The column {SPLIT} keeps the subsets of the {kind} {listed}. Remove it, and the split is drawn.")


def _trouble(kind: str, subsets: Mapping[Path, set[str]], folder: Path, files: Mapping[Path, Mapping[str, str]]) -> str:
    """Return why folders or files make no split of images; "" where they make one."""
    there = set().union(*subsets.values())
    one = kind.removesuffix("s")
    if missing := [subset for subset in SUBSETS if subset not in there]:
        return f"no {one} is called like {' or '.join(missing)}"
    if kind == "folders":
        return "" if all(len(some) == 1 for some in subsets.values()) else "not every image lies in one of them"
    if several := [path for path, some in subsets.items() if len(some) > 1]:
        both = " and ".join(sorted(files[several[0]].values())[:2])
        return (
            f"{counted(len(several), 'images')} {verb_of(len(several), 'are')} in several, such as {within(several[0], folder)} in {both}"
        )
    if bare := [path for path, some in subsets.items() if not some]:
        return f"{counted(len(bare), 'images')} {verb_of(len(bare), 'are')} in none of them, such as {within(bare[0], folder)}"
    return ""
