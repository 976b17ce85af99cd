"""Labels of images that lie in folders named by their class."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from radlearn.amounts import counted, verb_of
from radlearn.challenges.first_tables.class_levels import OF_FILES, class_names, has_usual_name, inner_names
from radlearn.challenges.first_tables.person_folders import people_words
from radlearn.challenges.first_tables.rows import CHANGE, FirstTable
from radlearn.challenges.first_tables.split import subset_called
from radlearn.challenges.words.class_denials import denies, denying
from radlearn.challenges.words.class_spellings import refuse_other_spellings
from radlearn.errors import BadSetting

OF_MASKS = {"masks", "mask", "segmentations", "segs", "lung masks", "lung_masks"}
"Folders of which no class has the name where one of images lies beside them."

SHOWN = 3


def has_usual_names(images: Sequence[Path]) -> bool:
    """Whether some images lie in a folder whose name says that they show no finding."""
    return any(denies(path.parent.name) or _is_usual(path.parent.parent.name, path.parent.name) for path in images)


def read_class_folders(folder: Path, images: Sequence[Path], positive: Sequence[str]) -> FirstTable | None:
    """Return a label for each image by the folder in which it lies; None where there are not two such folders or more.

    Which of the folders on the way to an image that is, `class_levels` says.
    """
    of_masks = {place for place in {path.parent for path in images} if _holds_masks(place, folder)}
    shown = [path for path in images if path.parent not in of_masks]
    masks, images = len(images) - len(shown), shown
    name_of = class_names(folder, images, positive)
    names = Counter(name_of.values())
    if len(names) < 2:
        return None
    if unknown := [name for name in positive if name not in names]:
        raise BadSetting(f"--positive {unknown[0]}: there is no such class. There are: {', '.join(sorted(names))}.")
    refuse_other_spellings(positive, {name: f"{name} ({counted(count, 'images')})" for name, count in sorted(names.items())}, "folders")
    usual = {name for name in names if has_usual_name(name)}
    if all(subset_called(name) for name in names):
        found = f"{folder}: the folders {', '.join(sorted(names))} are called like the subsets of a split"
        raise BadSetting(f"{found}; expected a folder for each class in them. Without these, write the table by hand: columns path, label.")
    if not positive and (words := people_words([*names], folder)):
        raise BadSetting(f"{folder}: {words}")
    denied = denying(names) - usual
    others = set(names) - usual - denied
    # What is no pneumonia is neither surely another finding nor surely none, where several classes may be one.
    unclear = bool(denied) and len(others) > 1 and len(usual | denied) > 1
    if not positive and (unclear or not usual | denied):
        raise BadSetting(
            f"{folder}: the folders are {_listed(names, names)}. Which of them show the finding? Say so with --positive NAME; "
            "those that are not named are then without it."
        )
    with_finding = set(positive) or others
    if not with_finding or with_finding == set(names):
        found = f"{folder}: all folders ({_listed(names, names)}) are {'with' if with_finding else 'without'} the finding"
        raise BadSetting(f"{found}. Name those that show it, and not all, with --positive NAME.")
    table = FirstTable(("path", "label"), [{"path": path, "label": int(name in with_finding)} for path, name in sorted(name_of.items())])
    without = set(names) - with_finding
    because = "as --positive says" if positive else f"because {_reason(usual, denied)}"
    table.assumed.append(f"label is 1 in {_listed(with_finding, names)} and 0 in {_listed(without, names)}, {because}.")
    if len(names) > 2:
        # Which class it was is worth keeping: a report then has its scores by class.
        # Where a class that denies a finding is the wanted one, it is no category of the finding: such a label would be taken for a slip.
        column = "folder" if with_finding & (usual | denied) else "category"
        table.columns = (*table.columns, column)
        for row, (_, name) in zip(table.rows, sorted(name_of.items()), strict=True):
            row[column] = name
        table.assumed.append(
            f"The {len(names)} folders become two labels, because a table has one finding; the column {column} keeps which of them it was. "
            "Remove the rows of a folder that belongs to neither."
        )
    if inside := inner_names(folder, name_of):
        some = f"{', '.join(inside[:SHOWN])}{', …' * (len(inside) > SHOWN)}"
        table.assumed.append(f"Folders within those ({some}) are taken for no classes of their own, but for dates, sites or people.")
    table.assumed.append(f"Is another class the finding? {CHANGE}.")
    if masks:
        table.assumed.append(f"{counted(masks, 'pictures')} in folders of masks {verb_of(masks, 'are')} left out.")
    if left := len(images) - len(name_of):
        table.assumed.append(f"{counted(left, 'images')} outside of the classes' folders {verb_of(left, 'are')} left out.")
    if called := sorted({name for name in names if subset_called(name)}):
        table.assumed.append(f"{', '.join(called)}: called like a subset of a split, not like a class. Is that right?")
    return table


def _reason(usual: Iterable[str], denied: Iterable[str]) -> str:
    said = {"images without a finding are usually called": usual, "it is denied by the name": denied}
    return ", and ".join(f"{words} {' or '.join(sorted(some))}" for words, some in said.items() if some)


def _is_usual(name: str, inner: str) -> bool:
    return inner.lower() in OF_FILES and denies(name)


def _holds_masks(inner: Path, folder: Path) -> bool:
    """Whether a folder is one of masks, or lies in one, that has a folder of images beside it."""
    return any(
        place.name.lower() in OF_MASKS and any(map(_is_folder_of_files, place.parent.iterdir()))
        for place in (inner, *inner.parents)
        if folder in place.parents
    )


def _is_folder_of_files(place: Path) -> bool:
    return place.name.lower() in OF_FILES and place.is_dir()


def _listed(some: Iterable[str], names: Mapping[str, int]) -> str:
    """Return names of folders, each with the number of its images."""
    return ", ".join(f"{name} ({counted(names[name], 'images')})" for name in sorted(some))
