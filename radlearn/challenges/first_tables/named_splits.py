"""The split that files make by their names: a COCO file for each subset, or lists of images, as YOLO's train.txt and VOC's ImageSets."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from radlearn.challenges.first_tables.rows import ImageNames
from radlearn.challenges.first_tables.split import subset_called
from radlearn.challenges.folders import files_below, within

MOST_BYTES, LEAST_SHARE = 1 << 26, 0.5
"Of the lines of a list, which name images: others of these names are notes."
FLAG = re.compile(r"\s+[+-]?[01]$")
"Behind a name in VOC's lists for one class."
Lists = dict[str, tuple[str, set[Path]]]


def subset_in(name: str) -> str:
    """Return the one subset that is a word of a file's name; "" where there is none, or several.

    >>> [subset_in(name) for name in ("instances_train2017.json", "val.txt", "train_val_list.txt", "trainval.txt", "training-notes.txt")]
    ['train', 'validation', '', '', 'train']
    """
    subsets = {subset_called(word) for word in re.findall(r"[a-z]+", Path(name).stem.lower())} - {""}
    return subsets.pop() if len(subsets) == 1 else ""


def subsets_of_files(named_by: Mapping[str, Collection[Path]]) -> Lists:
    """Return file → subset and images, of the files that are called like a subset, or lie in a folder that is.

    Args:
        named_by: file, relative to the folder of the images → the images that it names.
    """
    found: Lists = {}
    for name, images in named_by.items():
        parts = [name.rpartition("/")[2], *reversed(name.split("/")[:-1])]
        if subset := next(filter(None, map(subset_in, parts)), ""):
            found[name] = (subset, set(images))
    return found


def listed_subsets(folder: Path, images: Sequence[Path]) -> Lists:
    """Return text file → subset and images, of the lists below a folder that are called like a subset."""
    found: Lists = {}
    names: ImageNames | None = None
    for path in files_below(folder):
        if path.suffix.lower() != ".txt" or not (subset := subset_in(path.name)) or path.stat().st_size > MOST_BYTES:
            continue
        names = names or ImageNames(images)
        lines = [FLAG.sub("", line.strip()) for line in path.read_text("utf-8-sig", "replace").splitlines() if line.strip()]
        places = [names.paths_of(line, path.parent) for line in lines]
        held = {place[0] for place in places if len(place) == 1}
        if held and sum(map(bool, places)) >= LEAST_SHARE * len(lines):
            found[within(path, folder)] = (subset, held)
    return found
