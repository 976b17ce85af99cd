"""One process at a time: a second process waits for the first and says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from radlearn.progress import waiting


@contextmanager
def alone_with(lock_file: Path, doing: str) -> Iterator[None]:
    """Hold a lock while the block runs; wait for another process that holds it, and say so.

    Args:
        lock_file: shared by the processes; its folder must exist. The lock of a killed process is released.
        doing: what the other process does, for the message: "making the pixel cache in FOLDER".
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
