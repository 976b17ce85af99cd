"""One process at a time: whoever comes second waits for the first, and is told so."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from radlearn.progress import waiting


@contextmanager
def alone_with(lock_file: Path, doing: str) -> Iterator[None]:
    """Keep other processes out while the block runs; wait for one that is in it, and say so.

    Args:
        lock_file: the same for all who must not meet; its folder must be there. A process that is killed lets go of it.
        doing: what the other process is then said to do: "making the pixel cache in FOLDER".
    """
    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        with waiting(f"waiting for another process that is {doing}"):
            lock.acquire()
    try:
        yield
    finally:
        lock.release()
