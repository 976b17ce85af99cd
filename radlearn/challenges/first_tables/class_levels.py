"""Which folders on the way to an image name its class, where folders lie in folders."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from radlearn.amounts import counted
from radlearn.challenges.first_tables.split import subset_called
from radlearn.challenges.folders import within
from radlearn.challenges.words.class_denials import denies_all, denying
from radlearn.errors import BadSetting

OF_FILES = {"images", "image", "imgs", "img", "pictures", "png", "jpg", "jpeg", "dicom", "dcm", "xrays", "x-rays", "radiographs"}
"Folders of which no class has the name, where others have one."
Names = tuple[str, ...]


def has_usual_name(name: str) -> bool:
    """Tell whether images in a folder of this name usually show no finding."""
    return denies_all(name)


def class_names(folder: Path, images: Sequence[Path], positive: Sequence[str]) -> dict[Path, str]:
    """Return image → the name of its class; images outside of the classes' folders are left out.

    Folders that hold a split (train) or a kind of file (images) are no classes. Where a folder is called as images without a finding
    usually are, or as one that is asked for, the classes are it and the folders beside it, and folders in them (dates, visits, people) are
    none. Elsewhere it is the innermost folder, or an outer one where the innermost are the same below several.

    Raises:
        BadSetting: if folders in each other both seem to be classes and the label depends on which is meant.
    """
    names: dict[Path, Names] = {}
    for path in images:
        if path.parent != folder:
            parts = path.parent.relative_to(folder).parts
            # Of an image below folders of files and subsets alone, the last of them is the only name that there is.
            names[path] = tuple(one for one in parts if one.lower() not in OF_FILES and not subset_called(one)) or parts[-1:]
    if positive:
        if not _holders(names.values(), set(positive).__contains__):
            return _by_repetition(names)
        above = _holders(names.values(), lambda name: name in positive or has_usual_name(name))
        return {path: _asked_for(parts, above, positive) for path, parts in names.items()}
    # A folder "0" may as well be a visit or a site; a word that is there says more.
    every = {name for parts in names.values() for name in parts}
    usual = {name for name in every if has_usual_name(name)}
    for without in (usual - {"0"}, denying(every) - {"0"}, usual):
        if above := _holders(names.values(), without.__contains__):
            return _named_usually(folder, names, above, without | usual)
    return _by_repetition(names)


def inner_names(folder: Path, name_of: Mapping[Path, str]) -> list[str]:
    """Return the names of the folders within those of the classes, sorted; without those of files and subsets."""
    found: set[str] = set()
    for path, name in name_of.items():
        parts = path.parent.relative_to(folder).parts
        found |= {one for one in parts[parts.index(name) + 1 :] if one.lower() not in OF_FILES and not subset_called(one)}
    return sorted(found - set(name_of.values()))


def _holders(all_names: Iterable[Names], is_class: Callable[[str], bool]) -> set[Names]:
    """Return the folders that hold one with the name of a class: the folders in them are the classes."""
    return {names[:level] for names in set(all_names) for level, name in enumerate(names) if is_class(name)}


def _levels(names: Names, above: set[Names]) -> list[int]:
    """Return the places of an image's folders, outermost first, at which classes stand."""
    inside = [level for level in range(len(names)) if names[:level] in above]
    if inside:
        return inside
    # No folder beside has a telling name, as at a site that has no normal images: what has this name or this depth elsewhere tells.
    depths = {len(place) for place in above}
    return [depth for depth in depths if len(depths) == 1 and depth < len(names)]


def _asked_for(parts: Names, above: set[Names], positive: Sequence[str]) -> str:
    levels = _levels(parts, above)
    return next((one for one in reversed(parts) if one in positive), parts[levels[-1] if levels else -1])


def _named_usually(folder: Path, names: Mapping[Path, Names], above: set[Names], without: Collection[str]) -> dict[Path, str]:
    called = {parts[level] for parts in names.values() for level in _levels(parts, above)}
    chosen: dict[Path, str] = {}
    unclear: Counter[tuple[str, str, Path]] = Counter()
    for path, parts in names.items():
        at = _levels(parts, above) or [level for level, name in enumerate(parts) if name in called][:1]
        usual = {parts[level] in without for level in at}
        if len(usual) > 1:
            unclear[parts[at[0]], parts[at[-1]], path.parent] += 1
        elif at:
            chosen[path] = parts[at[0]] if True in usual else parts[at[-1]]
    if unclear:
        (outer, inner, place), _ = unclear.most_common(1)[0]
        raise BadSetting(
            f"{folder}: of the {counted(sum(unclear.values()), 'images')} in {within(place, folder)} and the like both {outer} and {inner} "
            "could be the class. Which folders show the finding? Say so with --positive NAME (several: --positive A B); those that are not "
            "named are then without it."
        )
    return chosen


def _by_repetition(names: Mapping[Path, Names]) -> dict[Path, str]:
    """Return the innermost folders; the next where these are the same below several, as sites or names of studies are."""
    inner_first = {path: parts[::-1] for path, parts in names.items()}
    chosen = 0
    if min(map(len, inner_first.values()), default=0) > 1 and len({len(parts) for parts in inner_first.values()}) == 1:
        pairs = {(parts[0], parts[1]) for parts in inner_first.values()}
        outer = {name for _, name in pairs}
        chosen = int(len(outer) > 1 and all(count > 1 for count in Counter(inner for inner, _ in pairs).values()))
    return {path: parts[chosen] for path, parts in inner_first.items()}
