"""Commands that a message tells the reader to type next: they can be pasted as they stand."""

import os
import shlex
import shutil
import string
import sys
from pathlib import Path

# What stands for itself between $' and '.
PLAIN = frozenset(string.ascii_letters + string.digits + ' !#$%&()*+,-./:;<=>?@[]^_`{|}~"')


def program() -> str:
    """Return how `radlearn` is called from here: by its name where the shell finds this installation under it, else by its path."""
    own = Path(sys.executable).with_name("radlearn")
    found = shutil.which("radlearn")
    if found is not None and Path(found).resolve().parent == own.resolve().parent:
        return "radlearn"
    if not own.exists():
        return f"{shlex.quote(_short(Path(sys.executable)))} -m radlearn"
    return shlex.quote(_short(own))


def command(*words: object) -> str:
    """Return a command line of radlearn, quoted for a shell.

    >>> command("classification", "evaluate", "my run").split(maxsplit=1)[1].replace("-m radlearn ", "")
    "classification evaluate 'my run'"
    """
    return " ".join([program(), *map(_quoted, words)])


def _quoted(word: object) -> str:
    """Return a word as a shell takes it for one; bytes of a file name that are not UTF-8 as bash and zsh write them."""
    text = str(word)
    if isinstance(word, Path) and text.startswith("-"):
        # Not to be taken for a flag.
        text = f"./{text}"
    if text.isprintable() or not text:
        return shlex.quote(text)
    content = text.encode("utf-8", "surrogateescape")
    return "$'" + "".join(chr(byte) if chr(byte) in PLAIN else f"\\x{byte:02x}" for byte in content) + "'"


def _short(path: Path) -> str:
    """Return a path relative to the current folder where it lies inside, else as it is; links are left alone."""
    try:
        inside = str(path.absolute().relative_to(Path.cwd()))
        # A shell looks for a name alone on its path, not in the current folder.
        return inside if os.sep in inside else os.path.join(os.curdir, inside)
    except (ValueError, OSError):
        return os.fspath(path)
