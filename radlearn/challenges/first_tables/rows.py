"""What the first table of a folder is made of: rows, what was assumed, and which image a file of boxes means by a name."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from radlearn.challenges.folders import stem
from radlearn.file_names import composed

CHANGE = "Name the folders or classes of the finding with --positive NAME (several: --positive A B), and another file with --out"
Row = dict[str, object]


@dataclass
class FirstTable:
    """The rows of a table with paths relative to nothing yet, and what was assumed, a sentence each."""

    columns: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    trains: str = ""
    "The only task that can be trained on it; the one that is asked for if empty."
    looked_at: list[Path] = field(default_factory=list)
    "Files of which the rows or what was assumed speak, beside those that are in the rows."


class ImageNames:
    """Finds an image by what a file of boxes calls it: with its folders, without them, without its suffix."""

    def __init__(self, images: Sequence[Path]) -> None:
        self._images = set(images)
        self._by_name: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        for path in images:
            self._by_name.setdefault(composed(path.name), []).append(path)
            self._by_stem.setdefault(composed(stem(path.name)), []).append(path)

    def paths_of(self, written: str, beside: Path) -> list[Path]:
        """Return the images that may be called so, those that fit best: none, one, or several that nothing tells apart.

        Args:
            written: the name.
            beside: the folder of the file that it stands in. The name may be relative to it.
        """
        name = written.replace("\\", "/")
        if (near := beside / name) in self._images:
            return [near]
        bare = composed(bare_name(name))
        same = self._by_name.get(bare) or self._by_stem.get(stem(bare), [])
        exact = [path for path in same if is_called(path, name)]
        inside = [path for path in same if beside in path.parents]
        return next((found for found in (exact, inside, same) if len(found) == 1), same)


def bare_name(written: str) -> str:
    """Return a name without its folders, whichever system wrote it.

    >>> bare_name("images/a.png"), bare_name(r"C:\\images\\a.png")
    ('a.png', 'a.png')
    """
    return written.replace("\\", "/").rsplit("/", 1)[-1]


def is_called(path: Path, name: str) -> bool:
    """Whether a path ends with a name and all its folders."""
    return f"/{composed(path.as_posix())}".endswith("/" + composed(name).replace("\\", "/").removeprefix("./"))
