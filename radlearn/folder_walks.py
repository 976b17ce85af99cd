"""The folders below one, links followed; without what storage systems and radlearn itself keep among a user's files."""

import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from radlearn.amounts import counted, verb_of

BOOKKEEPING = {
    "@eadir", "@tmp", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "$recycle.bin", "recycler", "system volume information",
    "lost+found", "__macosx",
}  # fmt: skip
"""Folders that Synology, QNAP, Windows, Linux and macOS make by themselves, in small letters; others begin with a point. They hold
thumbnails, deleted files and halves of files, under the suffixes of images."""
OF_SYSTEMS = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}
"Files that Windows and macOS leave in any folder, in small letters."
RUN_FILES = ({"settings.json", "environment.json"}, {"repeats.json"})
"What a folder of a training holds, or of several."
ANSWERS, DRAWN = {"predictions.csv", "predictions.partial.jsonl"}, "overlays"
"The tables of 'predict', and the folder of its pictures beside them."
STORAGE, RUNS, PICTURES = "what a storage system keeps", "folders of training runs", "pictures of earlier predictions"


def are_of_a_run(names: Collection[str]) -> bool:
    """Tell whether files of these names lie in the folder of a training run, or of several.

    >>> are_of_a_run(["settings.json", "environment.json", "split.csv"]), are_of_a_run(["settings.json"])
    (True, False)
    """
    return any(files <= set(names) for files in RUN_FILES)


def is_of_a_system(name: str) -> bool:
    """Tell whether a file or folder of this name is one that a system leaves unasked, or is hidden; nobody means it by a folder's content.

    >>> is_of_a_system("Thumbs.db"), is_of_a_system("._003.nii.gz"), is_of_a_system("__MACOSX"), is_of_a_system("003.nii.gz")
    (True, True, True, False)
    """
    return name.startswith(".") or name.lower() in OF_SYSTEMS | BOOKKEEPING


def walked(folder: Path, visited: set[str] | None = None, left: Counter[tuple[str, str]] | None = None) -> Iterator[tuple[Path, list[str]]]:
    """Yield each folder below one, itself first, with the names of its files; links to folders are followed, each folder once.

    Hidden files and folders are left out, and those of `BOOKKEEPING`, of runs, and of pictures that 'predict' drew; the folder itself never
    is. Links come last, so that what lies in the folder is called by its own path.

    Args:
        folder: where to begin.
        visited: the real paths of folders that are passed over, to which those that are yielded are added.
        left: how many files were left out, by why and the name of the folder, is added to it, hidden ones apart.
    """
    seen: set[str] = set() if visited is None else visited
    starts = [os.fspath(folder)]
    for start in starts:
        for place, folders, names in os.walk(start):
            real = os.path.realpath(place)
            # A link may lead back to a folder above it.
            if real in seen:
                folders[:] = []
                continue
            seen.add(real)
            shown = sorted(name for name in folders if not name.startswith("."))
            folders[:] = []
            if place != starts[0] and are_of_a_run(names):
                _count(left, RUNS, place)
                continue
            for name in shown:
                inner = os.path.join(place, name)
                if name.lower() in BOOKKEEPING:
                    _count(left, STORAGE, inner)
                elif name == DRAWN and not ANSWERS.isdisjoint(names):
                    _count(left, PICTURES, inner)
                else:
                    folders.append(name)
            starts += [inner for name in folders if os.path.islink(inner := os.path.join(place, name))]
            yield Path(place), [name for name in names if not name.startswith(".")]


def real_path(path: Path | str) -> Path:
    """Return where a path leads, links followed; the path itself where links lead in a circle, which `Path.resolve` refuses."""
    return Path(os.path.realpath(path))


def left_aside(folder: Path, own: Path | None = None) -> list[str]:
    """Return a sentence for each kind of folders below one that walks leave out, with how many files are in them.

    Args:
        folder: that was walked.
        own: a folder of which nothing is said, such as that of the answers that are being written.
    """
    left: Counter[tuple[str, str]] = Counter()
    for _ in walked(folder, set() if own is None else {os.path.realpath(own)}, left):
        pass
    sentences = []
    for kind in dict.fromkeys(kind for kind, _ in left):
        names = sorted({name for one, name in left if one == kind})
        amount = sum(number for (one, _), number in left.items() if one == kind)
        sentences.append(f"{counted(amount, 'files')} in {_listed(names)} {verb_of(amount, 'are')} left out: {kind}, and no images.")
    return sentences


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + ", …" * (len(names) > 3)


def _count(left: Counter[tuple[str, str]] | None, kind: str, place: str) -> None:
    if left is not None and (amount := sum(len(names) for _, _, names in os.walk(place))):
        left[kind, os.path.basename(place)] += amount
