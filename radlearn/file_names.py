"""Names of files as text that can be written down and shown, and names for the files that are made for a case.

On Linux a name is bytes. Python stands for those that are not UTF-8 with surrogates (PEP 383), which no file of text and hardly a terminal
takes. The length of a name is limited too, in bytes, and some disks do not tell upper from lower case.
"""

import glob
import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

LONGEST_NAME_BYTES = 255
PATTERN = re.compile(r"[*?\[]")
# All but the tab and the end of a line; those of Unicode that turn the direction of text or end a line.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


_CALLED: dict[Path, str] = {}


def call(copy: Path, name: str) -> None:
    """Let messages of this process, and of those that it forks, call a file by another name: a copy in a cache, which nobody knows."""
    _CALLED[copy] = name


def called(path: Path) -> str:
    """Return what messages call a file."""
    return _CALLED.get(path, str(path))


def with_known_names(text: str, paths: Iterable[Path]) -> str:
    """Return a text about files with what messages call them in place of their paths."""
    for path in paths:
        if path in _CALLED:
            text = text.replace(str(path), _CALLED[path])
    return text


def readable(text: str) -> str:
    r"""Return text in which each byte of a file name that is not UTF-8 stands as `\xff`; other text as it is.

    >>> readable("IM\udcff1.dcm"), readable("Röntgen")
    ('IM\\xff1.dcm', 'Röntgen')
    """
    if text.isascii():
        return text
    try:
        content = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # A surrogate that stands for no byte, as a damaged JSON file may have it.
        content = text.encode("utf-8", "backslashreplace")
    return content.decode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    r"""Return text for a terminal: `readable`, with control characters written out, which would colour, move or turn round what follows.

    >>> printable("IM\x1b[31m"), printable("a\nb"), printable("\u202egpj.dcm")
    ('IM\\x1b[31m', 'a\nb', '\\u202egpj.dcm')
    """
    text = readable(text)
    return text if text.isprintable() else CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def file_name(name: str, suffix: str = "") -> str:
    """Return `name` + `suffix` as the name of one file: readable, without separators, and short enough for any disk.

    Of a name that is too long the beginning is kept, and a digest of the whole.

    >>> file_name("CT 7", ".nii.gz"), file_name("a/b", ".png"), len(file_name("x" * 300, ".png"))
    ('CT 7.nii.gz', 'a_b.png', 255)
    """
    whole = readable(name).replace("/", "_").replace("\0", "_").encode("utf-8")
    room = LONGEST_NAME_BYTES - len(suffix.encode("utf-8"))
    if len(whole) > room:
        digest = f"-{hashlib.blake2b(whole, digest_size=4).hexdigest()}".encode()
        # No character is cut in the middle.
        whole = whole[: room - len(digest)].decode("utf-8", "ignore").encode("utf-8") + digest
    # The same bytes under any locale: one that knows no UTF-8 would refuse "ö".
    return os.fsdecode(whole) + suffix


@contextmanager
def utf8_path(path: Path) -> Iterator[Path]:
    """Lend a path in UTF-8 to read a file by, for libraries that take no other (safetensors); on Linux any file has one while it is open.

    Raises:
        OSError: the file cannot be opened.
    """
    if readable(str(path)) == str(path):
        yield Path(path)
        return
    with open(path, "rb") as opened:
        yield Path(f"/proc/self/fd/{opened.fileno()}")


def composed(name: str) -> str:
    """Return a name with each accented letter as one character (Unicode NFC). macOS writes two, and zip files carry them elsewhere.

    >>> composed("Mu\u0308ller.png") == "M\xfcller.png"
    True
    """
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def from_home(path: str | Path) -> Path:
    """Return a path whose `~` stands for the user's home folder, as a shell has it; where nobody knows that folder it is a name as any.

    >>> from_home("~nobody-here/a.dcm"), from_home("a/~b.dcm")
    (PosixPath('~nobody-here/a.dcm'), PosixPath('a/~b.dcm'))
    """
    return Path(os.path.expanduser(path))


def expanded(path: Path) -> list[Path]:
    """Return the files that a pattern such as `*.dcm` stands for, which shells of Windows pass on; any other path as it is.

    >>> expanded(Path("nowhere/*.dcm")) == [Path("nowhere/*.dcm")]
    True
    """
    # A name may hold these signs.
    if not PATTERN.search(str(path)) or os.path.lexists(path):
        return [path]
    return [Path(found) for found in sorted(glob.glob(str(path)))] or [path]


def distinct_file_names(names: Sequence[str], suffix: str = "") -> list[str]:
    """Return a file name for each of `names`. Of equal ones the later are numbered, with no number that makes another's own name.

    >>> distinct_file_names(["IM1", "IM1", "IM1-2"], ".png")
    ['IM1.png', 'IM1-3.png', 'IM1-2.png']
    """
    own = {_same(file_name(name, suffix)) for name in names}
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    chosen: list[str] = []
    for name in names:
        fitting, number = file_name(name, suffix), numbers.get(_same(name), 1)
        while (same := _same(fitting)) in taken or (number > 1 and same in own):
            number += 1
            fitting = file_name(f"{name}-{number}", suffix)
        numbers[_same(name)] = number
        taken.add(same)
        chosen.append(fitting)
    return chosen


def _same(name: str) -> str:
    """Return what equal names have in common where upper and lower case are one, or two spellings of an umlaut."""
    return composed(name).casefold()
