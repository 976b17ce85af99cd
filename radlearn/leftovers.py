"""What killed processes left: temporary files of what is written whole, and folders that were begun."""

import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

from radlearn.files import temporary_affixes

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

DRAWN = "[a-z0-9_]{8}"
"What `tempfile` puts into a name."
LEFTOVER = re.compile(rf"\..*-{DRAWN}\.part.*", re.DOTALL)
STALE_AFTER_SECONDS = 120


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that killed writers left in a folder and below it; what somebody is writing stays."""
    for place, _, names in os.walk(folder):
        for name in filter(LEFTOVER.fullmatch, names):
            _remove_if_abandoned(Path(place, name))


def remove_leftovers_of(path: Path) -> None:
    """Remove the temporary files that killed writers of one file left beside it; what somebody is writing stays."""
    before, behind = temporary_affixes(path)
    leftover = re.compile(re.escape(before) + DRAWN + re.escape(behind), re.DOTALL)
    for name in filter(leftover.fullmatch, _names_in(path.parent)):
        _remove_if_abandoned(path.parent / name)


def unfinished_beside(folder: Path) -> list[Path]:
    """Return the folders, beside one that is made as a whole, in which it was begun: by killed processes, where nobody else makes it."""
    begun = re.compile(re.escape(f".{folder.name}-unfinished-") + DRAWN, re.DOTALL)
    return [folder.parent / name for name in sorted(filter(begun.fullmatch, _names_in(folder.parent)))]


def remove_unfinished(folder: Path) -> None:
    """Remove the folders in which killed processes began to make a folder. The caller is the only one that makes it."""
    for unfinished in unfinished_beside(folder):
        shutil.rmtree(unfinished, ignore_errors=True)


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        # It is not there, or may be written and not be listed.
        return []


def _remove_if_abandoned(path: Path) -> None:
    with suppress(OSError):
        if _is_abandoned(path):
            path.unlink()


def _is_abandoned(path: Path) -> bool:
    if fcntl is None:
        return time.time() - path.stat().st_mtime > STALE_AFTER_SECONDS
    with open(path, "rb") as opened:
        try:
            # The system releases the lock of a killed process.
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True
