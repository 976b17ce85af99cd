"""Commands that a message tells the reader to type next: they can be pasted as they stand."""

import os
import shlex
import shutil
import string
import sys
from pathlib import Path

from radlearn.folder_walks import real_path

# What stands for itself between $' and '.
PLAIN = frozenset(string.ascii_letters + string.digits + ' !#$%&()*+,-./:;<=>?@[]^_`{|}~"')
# Task -> how its lesson is called, where a copy of the lesson's file runs in place of the registered one.
_copies: dict[str, str] = {}


def python() -> str:
    """Return how this Python is called from here: `python` where the shell finds it under this name, else its path."""
    for name in ("python", "python3"):
        found = shutil.which(name)
        if found is not None and Path(found).absolute().parent == Path(sys.executable).absolute().parent:
            return name
    return shlex.quote(_short(Path(sys.executable)))


def name_copy(task: str, file: Path) -> None:
    """From now on in this process, let `command(task, …)` call this file: the copy of a lesson that is running."""
    _copies[task] = f"{python()} {_quoted(_short(file))}"


def has_copy(task: str) -> bool:
    """Tell whether a copy of the task's lesson is running."""
    return task in _copies


def file_command(file: Path, *words: object) -> str:
    """Return a command line that runs a lesson's file, quoted for a shell."""
    return " ".join([python(), _quoted(_short(file)), *map(_quoted, words)])


def program() -> str:
    """Return how `radlearn` is called from here: by its name where the shell finds this installation under it, else by its path."""
    own = Path(sys.executable).with_name("radlearn")
    found = shutil.which("radlearn")
    if found is not None and real_path(found).parent == real_path(own).parent:
        return "radlearn"
    if not own.exists():
        return f"{shlex.quote(_short(Path(sys.executable)))} -m radlearn"
    return shlex.quote(_short(own))


def command(*words: object) -> str:
    """Return a command line of radlearn, quoted for a shell; of the copy of a lesson, where one runs (`name_copy`).

    >>> command("classification", "evaluate", "my run").split(maxsplit=1)[1].replace("-m radlearn ", "")
    "classification evaluate 'my run'"
    """
    called, rest = (_copies[str(words[0])], words[1:]) if words and str(words[0]) in _copies else (program(), words)
    return " ".join([called, *map(_quoted, rest)])


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
