"""Commands that a message tells the reader to type next: they can be pasted as they stand."""

import os
import shlex
import shutil
import sys
from pathlib import Path


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
    return " ".join([program(), *(shlex.quote(str(word)) for word in words)])


def _short(path: Path) -> str:
    """Return a path relative to the current folder where it lies inside, else as it is; links are left alone."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return os.fspath(path)
