"""The folders below one, links followed; and what systems leave in any of them."""

import os
from collections.abc import Iterator
from pathlib import Path

OF_SYSTEMS = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "$recycle.bin", "system volume information"}


def is_of_a_system(name: str) -> bool:
    """Tell whether a file or folder of this name is one that a system leaves unasked, or is hidden; nobody means it by a folder's content.

    >>> is_of_a_system("Thumbs.db"), is_of_a_system("._003.nii.gz"), is_of_a_system("__MACOSX"), is_of_a_system("003.nii.gz")
    (True, True, True, False)
    """
    return name.startswith(".") or name.lower() in OF_SYSTEMS


def walked(folder: Path, visited: set[str] | None = None) -> Iterator[tuple[Path, list[str]]]:
    """Yield each folder below one, itself first, with the names of its files; links to folders are followed, each folder once.

    Hidden files and folders are left out. Links come last, so that what lies in the folder is called by its own path.

    Args:
        folder: where to begin.
        visited: the real paths of folders that are passed over, to which those that are yielded are added.
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
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            starts += [inner for name in folders if os.path.islink(inner := os.path.join(place, name))]
            yield Path(place), [name for name in names if not name.startswith(".")]
