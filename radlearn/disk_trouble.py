"""What a full disk, a missing permission or a killed process means, in words that say where and what to do."""

import errno
import os
import shutil
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from radlearn.errors import CacheTrouble
from radlearn.hints import program

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)
NO_SUCH_NAME = (errno.ENAMETOOLONG, errno.EILSEQ)
NO_FOLDER = (errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EEXIST)
TOO_MANY_OPEN = (errno.EMFILE, errno.ENFILE)
FAILING = (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENODEV, errno.ENXIO, errno.ENOTCONN)
REMEDIES = {
    **dict.fromkeys(NO_SPACE, "Free some space, or choose a place on another disk"),
    **dict.fromkeys(NO_PERMISSION, "Choose a place that can be written, or change its permissions"),
    **dict.fromkeys(NO_SUCH_NAME, "Choose a shorter or simpler name"),
    **dict.fromkeys(NO_FOLDER, "A file lies where a folder is expected, or the other way round; choose another place"),
    **dict.fromkeys(TOO_MANY_OPEN, "Allow more open files (ulimit -n), or use fewer workers"),
    **dict.fromkeys(FAILING, "The disk or its connection fails: look after it"),
}
ELSEWHERE = "set RADLEARN_CACHE to another folder"


def must_have_space(folder: Path, needed_bytes: int) -> None:
    """Raise the OSError of a full disk if less than `needed_bytes` are free where `folder` is or will be."""
    if shutil.disk_usage(_existing(folder)).free < needed_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def system_error_in_words(error: OSError) -> str | None:
    """Return where an error of the system happened, what it is and what can be done; None where it may be a fault of the program."""
    if error.errno not in REMEDIES:
        return None
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or os.strerror(error.errno)}. {REMEDIES[error.errno]}, then try again."


@contextmanager
def trouble_in_words(folder: Path, needed_bytes: int, done: str) -> Iterator[None]:
    """Turn an OSError in the block, or the end of a process of the pool, into a `CacheTrouble` that says what to do.

    Args:
        folder: of the cache.
        needed_bytes: upper estimate of what is to be written; 0 if it is not known.
        done: what is done with a case, for the message: "prepared".
    """
    try:
        yield
    except BrokenProcessPool:
        raise CacheTrouble(
            f"{folder}: a process was killed, most likely because memory ran out. What was {done} is kept: "
            f"try again with more memory or fewer cores (taskset -c 0 {program()} …)."
        ) from None
    except OSError as error:
        if error.errno in NO_SPACE:
            free = f"{shutil.disk_usage(_existing(folder)).free / 1e6:,.0f} MB are free"
            amounts = f"{needed_bytes / 1e6:,.0f} MB are needed and {free}" if needed_bytes else free
            raise CacheTrouble(f"{folder}: not enough disk space for the cache: {amounts}. Free some space, or {ELSEWHERE}.") from error
        if error.errno in NO_PERMISSION:
            raise CacheTrouble(f"{folder}: no permission for the cache ({error.strerror}). Grant it, or {ELSEWHERE}.") from error
        raise CacheTrouble(f"{folder}: the cache cannot be used ({error}). Correct that, or {ELSEWHERE}.") from error


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above that exists."""
    return next(place for place in [folder, *folder.parents] if os.path.exists(place))
