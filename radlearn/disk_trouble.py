"""What a full disk, a missing permission or a killed process means for a cache, in words that say what to do."""

import errno
import os
import shutil
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from radlearn.errors import CacheTrouble

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)
ELSEWHERE = "set RADLEARN_CACHE to another folder"


def must_have_space(folder: Path, needed_bytes: int) -> None:
    """Raise the OSError of a full disk if less than `needed_bytes` are free where `folder` is or will be."""
    if shutil.disk_usage(_existing(folder)).free < needed_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


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
            "try again with more memory or fewer cores (taskset -c 0 radlearn …)."
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
