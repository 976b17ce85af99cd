"""Atomic writing of files (a temporary file is moved into place), what killed writers leave, and the cache folder."""

import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from radlearn.errors import CannotWrite
from radlearn.file_names import from_home, readable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# As many characters of a name stand in the name of its temporary file.
NAMED_WITH = 24
PACKED = (".gz", ".bz2", ".xz", ".zst")
# How an error of the system reads in Rust, in which safetensors is written.
RUST_ERROR = re.compile(r"\(os error (\d+)\)")

MOST_BYTES = 1 << 31
"Of a file that is read whole, where its kind does not say less: more than the pixels of the largest X-ray, in eight bytes each."

NO_FILE = "is a pipe or a device, not a file"
NO_FOLDER_HERE = "No folder can be made there"
NO_FILE_HERE = "No file can be made there"


@contextmanager
def written_whole(path: Path, flushed: bool = True, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; move it onto `path` if the block succeeds, remove it otherwise.

    A reader sees the old file or the new one, never a part, even if the writer is killed. The suffix is kept, because many writers
    choose their format by it. Without `flushed` the file may be lost in a power failure, though never in part. A `private` file can be
    read by its owner alone.

    Raises:
        CannotWrite: if `path` is a pipe, a socket or a device.
        OSError: with `path` for its file name, whatever the writer called it: no space, no permission, a name that is too long. Writers in
            Rust raise errors of their own class, whose text is all that says what happened; they are turned into this one.
    """
    path = Path(path)
    refuse_special(path)
    make_folder(path.parent)
    temporary, handle = path, None
    try:
        temporary, handle = _temporary_beside(path)
        yield temporary
        if flushed:
            with open(temporary, "rb") as written:
                os.fsync(written.fileno())
        # mkstemp gives permissions to the owner only; a shared file needs those of the umask.
        if not private:
            temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        if error.errno is None and (number := _number_behind(error)) is not None:
            raise OSError(number, os.strerror(number), str(path)) from error
        if error.errno is not None and (error.filename is None or str(error.filename) in (str(temporary), str(path))):
            error.filename, error.filename2 = str(path), None
        raise
    except Exception as error:
        if said := RUST_ERROR.search(str(error)):
            number = int(said[1])
            raise OSError(number, os.strerror(number), str(path)) from error
        raise
    finally:
        if temporary is not path:
            temporary.unlink(missing_ok=True)
        if handle is not None:
            # Until here it tells others that somebody is writing.
            os.close(handle)


def _number_behind(error: BaseException) -> int | None:
    """Return the number of the system's error that a library raised again in words of its own, as pydicom does, traceback and all."""
    while (cause := error.__cause__) is not None:
        if isinstance(cause, OSError) and cause.errno is not None:
            return cause.errno
        error = cause
    return None


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder and those above it, if need be.

    Raises:
        OSError: if it cannot be made, one of permissions where the system says only that there is no such folder, as in /proc.
    """
    try:
        folder.mkdir(mode, parents=True, exist_ok=True)
    except FileNotFoundError:
        raise PermissionError(errno.EPERM, NO_FOLDER_HERE, str(folder)) from None


def temporary_affixes(path: Path) -> tuple[str, str]:
    """Return how the names of temporary files for a path begin and end.

    >>> temporary_affixes(Path("a/mask.nii.gz"))
    ('.mask-', '.part.nii.gz')
    """
    # A name of the longest kind leaves no room for anything before or behind it.
    start, last = path.name.split(".")[0][:NAMED_WITH], path.suffix
    suffixes = f"{Path(path.stem).suffix}{last}" if last in PACKED else last
    return f".{start}-", f".part{suffixes[-NAMED_WITH:]}"


def _temporary_beside(path: Path) -> tuple[Path, int | None]:
    """Make an empty file beside `path`; return it, and a handle that holds its lock where there are such locks."""
    before, behind = temporary_affixes(path)
    while True:
        try:
            handle, name = tempfile.mkstemp(prefix=before, suffix=behind, dir=path.parent)
        except FileNotFoundError:
            if not path.parent.is_dir():
                raise
            # As in /proc.
            raise PermissionError(errno.EPERM, NO_FILE_HERE, str(path)) from None
        if fcntl is None:
            os.close(handle)
            return Path(name), None
        with suppress(OSError):  # some network disks have no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        # Whoever removes leftovers may have come between the two.
        if os.fstat(handle).st_nlink:
            return Path(name), handle
        os.close(handle)


def opened_to_read(path: Path | str, buffering: int = -1, most_bytes: int | None = None) -> BinaryIO:
    """Open a file for reading in binary mode; a pipe, a socket or a device, which may never end, is refused.

    Args:
        most_bytes: refuse one that is larger than any of its kind, and may be no more than zeros that no disk holds.

    Raises:
        OSError: as `open`.
    """
    opened = cast(BinaryIO, open(path, "rb", buffering=buffering, opener=_handle_of_a_file))  # noqa: SIM115
    if most_bytes is not None and (size := os.fstat(opened.fileno()).st_size) > most_bytes:
        opened.close()
        raise OSError(errno.EINVAL, f"it holds {size:,} bytes, and no such file has more than {most_bytes:,}", str(path))
    return opened


def read_whole(path: Path | str, most_bytes: int = MOST_BYTES) -> bytes:
    """Return the content of a file; what is refused, and errors, as `opened_to_read`."""
    with opened_to_read(path, most_bytes=most_bytes) as opened:
        return opened.read()


def _handle_of_a_file(path: str, flags: int) -> int:
    # To open a pipe that nobody writes into would wait for ever; a file is not affected.
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if _is_special(os.fstat(handle)):
        os.close(handle)
        raise OSError(errno.EINVAL, NO_FILE, path)
    return handle


def nothing_there(path: Path, what: str = "file") -> str:
    """Return in words that a path leads to nothing; of a link where it points, because its name is listed all the same.

    >>> nothing_there(Path("nowhere.csv")), nothing_there(Path("nowhere"), "file or folder")
    ('there is no such file', 'there is no such file or folder')
    """
    try:
        target = os.readlink(path)
    except OSError:
        return f"there is no such {what}"
    return f"is a link to {os.path.join(os.path.dirname(path), target)}, which is not there"


def why_no_file(path: Path) -> str:
    """Return what is wrong with the path of a file that `Path.is_file` denies.

    >>> why_no_file(Path("nowhere.csv")), why_no_file(Path("/"))
    ('there is no such file', 'is a folder')
    """
    return "is a folder" if path.is_dir() else NO_FILE if path.exists() else nothing_there(path)


def refuse_special(path: Path) -> None:
    """Raise CannotWrite where a path is a pipe, a socket or a device: a file written whole would take its place, and /dev/null be gone."""
    is_special = _is_handle(path)
    with suppress(OSError):
        is_special = is_special or _is_special(os.stat(path))
    if is_special:
        raise CannotWrite(f"{path}: {NO_FILE}; it would be replaced. Name a file.")


def _is_handle(path: Path) -> bool:
    """Tell whether a path stands for an open file, as /dev/stdout does, whatever that file is."""
    places = [path]
    with suppress(OSError):
        places.append(path.parent / os.readlink(path))
    return any(re.fullmatch(r"/proc/.*/fd", os.path.realpath(place.parent)) for place in places)


def _is_special(status: os.stat_result) -> bool:
    return not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode))


def try_to_write(folder: Path) -> None:
    """Write a small file into a folder and remove it, before work begins whose results shall lie there.

    Raises:
        OSError: the folder cannot be written, with its path.
    """
    folder = Path(folder)
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        # As large as the first block of any report.
        with suppress(_Tried), written_whole(folder / "trial") as temporary:
            temporary.write_bytes(b"\0" * 65536)
            with open(temporary, "rb") as written:
                os.fsync(written.fileno())
            raise _Tried
    except OSError as error:
        error.filename = str(folder)
        raise
    finally:
        for place in new:
            with suppress(OSError):
                place.rmdir()


class _Tried(Exception):
    """A trial that succeeded; it leaves nothing."""


@contextmanager
def removed_on_failure(folder: Path, is_begun: Callable[[], bool]) -> Iterator[None]:
    """Remove what the block made in a new or empty folder, and the folder, if the block fails before `is_begun`: nothing is lost with it.

    A folder that was there stays, empty as it was; one that held anything is left alone.
    """
    folder = Path(folder)
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    untouched = bool(new) or (folder.is_dir() and not any(folder.iterdir()))
    try:
        yield
    except BaseException:
        if untouched and not is_begun():
            for inside in folder.iterdir() if folder.is_dir() else ():
                shutil.rmtree(inside, ignore_errors=True) if inside.is_dir() else inside.unlink(missing_ok=True)
            for place in new:
                with suppress(OSError):  # another process may have put something there
                    place.rmdir()
        raise


def write_text(path: Path, text: str, private: bool = False) -> None:
    """Write UTF-8 text atomically; bytes of a file name that are not UTF-8 stand in it as `readable` writes them.

    `private` as in `written_whole`.
    """
    with written_whole(path, private=private) as temporary:
        temporary.write_text(readable(text), encoding="utf-8")


def cache_folder() -> Path:
    """Return the folder for reproducible data: `RADLEARN_CACHE`, else the user's cache folder.

    Raises:
        CannotWrite: neither is known, as in a container whose user has no home folder.
    """
    if chosen := os.environ.get("RADLEARN_CACHE"):
        return from_home(chosen)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "radlearn"
    home = from_home("~")
    if not home.is_absolute():
        raise CannotWrite("There is no home folder to keep prepared images in. Name another: set RADLEARN_CACHE to a folder.")
    return home / ".cache" / "radlearn"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
