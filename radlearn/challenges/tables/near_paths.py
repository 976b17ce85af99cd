"""Files that a table nearly names: in another case, under another suffix, without zeros, in another folder; said once for all of a kind."""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from radlearn.amounts import counted, verb_of
from radlearn.challenges.folders import stem, volume_stem
from radlearn.file_names import composed
from radlearn.folder_walks import walked

ADVICE = {
    "slash": "Write / between folders.",
    "case": "Write names as the files have them: upper and lower case count.",
    "suffix": "Write names with the endings that the files have.",
    "zeros": "Write names with their zeros in front; a spreadsheet keeps them in columns of text.",
    "folder": "Write the folder before the name, and the name as the file has it.",
}
"What to do about each way in which a name may differ from that of a file."
Index = list[dict[str, list[Path]]]
"Paths by what each of `KEYS` makes of their names."


class NearPaths:
    """Tells which file below a folder a text may name that names none.

    Args:
        folder: that paths are relative to.
        in_any: whether names stand without their folders, so that a file may lie in any of those below.
    """

    def __init__(self, folder: Path, in_any: bool = False) -> None:
        self._folder, self._in_any = folder, in_any
        self._names: dict[Path, Index] = {}
        self._forms: dict[Path, dict[str, list[str]]] = {}
        self._below: Index | None = None
        # By column and kind: the place among the troubles, its beginning, the file, and how many rows there are more.
        self._said: dict[tuple[str, str], tuple[int, str, int]] = {}

    def near(self, written: str) -> tuple[str, Path] | None:
        """Return in which way the one file differs that comes near a path, and its path relative to the folder; None where none does."""
        text = written.strip().replace("\\", "/")
        if text != written.strip() and (self._folder / text).exists():
            return "slash", Path(text)
        name, place = PurePosixPath(text).name, (self._folder / text).parent
        if not name:
            return None
        if not self._in_any and (found := _first(self._names_in(place), name)):
            return found
        found = _first(self._names_below(), name)
        return found if self._in_any or found is None else ("folder", found[1])

    def composed_otherwise(self, written: str) -> list[Path]:
        """Return the files that a path names but for how accented letters are stored, which nobody sees."""
        if written.isascii():
            return []
        places = [self._folder]
        for part in PurePosixPath(written).parts:
            forms = {place: [part] if part in ("/", "..") else self._forms_in(place).get(composed(part), []) for place in places}
            places = [place / name for place, names in forms.items() for name in names]
        return places

    def note(self, troubles: list[str], where: str, column: str, written: str) -> bool:
        """Note among the troubles of a table a path that nearly names a file, all of a kind in one line; False where none is near.

        Args:
            where: the beginning of a message about the cell.
        """
        if (found := self.near(written)) is None:
            return False
        kind, path = found
        at, begun, more = self._said.get((column, kind), (len(troubles), "", -1))
        if not begun:
            begun = f"{where}: is {written!r}, and there is no such file, but {path.as_posix()}"
            troubles.append("")
        more += 1
        others = f"; {counted(more, 'further rows')} {verb_of(more, 'are')} like it" if more else ""
        troubles[at] = f"{begun}{others}. {ADVICE[kind]}"
        self._said[column, kind] = at, begun, more
        return True

    def _forms_in(self, place: Path) -> dict[str, list[str]]:
        if place not in self._forms:
            forms = self._forms[place] = defaultdict(list)
            for name in os.listdir(place) if place.is_dir() else ():
                forms[composed(name)].append(name)
        return self._forms[place]

    def _names_in(self, place: Path) -> Index:
        if place not in self._names:
            self._names[place] = _index(
                Path(os.path.relpath(place / name, self._folder)) for name in (os.listdir(place) if place.is_dir() else ())
            )
        return self._names[place]

    def _names_below(self) -> Index:
        if self._below is None:
            files = (place / name for place, names in walked(self._folder) for name in names)
            self._below = _index(path.relative_to(self._folder) for path in files)
        return self._below


def _index(paths: Iterable[Path]) -> Index:
    index: Index = [defaultdict(list) for _ in KEYS]
    for path in paths:
        for by_key, (_, key) in zip(index, KEYS, strict=True):
            by_key[key(composed(path.name))].append(path)
    return index


def _first(index: Index, name: str) -> tuple[str, Path] | None:
    """Return the smallest difference in which a file comes near a name, and its path; None where no or several files do."""
    for by_key, (kind, key) in zip(index, KEYS, strict=True):
        if like := by_key.get(key(composed(name))):
            return (kind, like[0]) if len(like) == 1 else None
    return None


def _bare(name: str) -> str:
    return volume_stem(name) or stem(name)


def _bare_folded(name: str) -> str:
    return _bare(name).casefold()


def _core(name: str) -> str:
    """Return a name without the zeros in front of its numbers, its case and its suffix.

    >>> _core("F007.png") == _core("f7.PNG") != _core("f70.png")
    True
    """
    return re.sub(r"\d+", lambda digits: digits[0].lstrip("0") or "0", _bare_folded(name))


KEYS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("case", str.casefold),
    ("suffix", _bare),
    ("suffix", _bare_folded),
    ("zeros", _core),
)
"Kinds of differences, the smaller first, each with what two names have in common that differ in it."
