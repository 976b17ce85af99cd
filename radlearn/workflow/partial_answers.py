"""What a pass over files has predicted so far, written down as it comes, so that a pass that was stopped or killed goes on.

    OUT/predictions.partial.jsonl    the first line says what predicts, each further line holds what was predicted for one image
    OUT/predictions.csv              the table, written when all are done; the partial file is then removed

For a submission OUT is `FILE.unfinished` beside the file. It is kept where the submission is refused, because what is at fault may be one
image of many, and removed once the file is there.
"""

import hashlib
import json
import os
import shutil
import weakref
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from radlearn.challenges.folders import OUTPUT_FOLDERS, OUTPUT_TABLE, PARTIAL_TABLE
from radlearn.disk_trouble import system_error_in_words
from radlearn.entry_sources import EntrySource
from radlearn.errors import BadRunFolder, BadSetting, CannotWrite, Interrupted, RadlearnError
from radlearn.file_names import file_name
from radlearn.files import make_folder, read_whole, refuse_special
from radlearn.json_files import json_ready
from radlearn.leftovers import remove_leftovers
from radlearn.progress import say
from radlearn.training.run_folder import Run

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PARTIAL, TABLE = PARTIAL_TABLE, OUTPUT_TABLE
UNFINISHED = ".unfinished"
FORMAT = 1
# What a pass writes beside its table.
BESIDE_TABLE = ("boxes.csv", "overlays", *OUTPUT_FOLDERS)
# The files of a run on which its predictions depend.
MOST_WEIGHTS_BYTES = 1 << 34
OF_A_RUN = ("settings.json", "postprocessing.json", "feature_distance.safetensors", "best/model.safetensors")


def what_predicts(runs: Sequence[Run], columns: Sequence[str], **options: Any) -> dict[str, Any]:
    """Return what must be equal for a pass to go on: runs by the content of their files, the columns of the table, and options."""
    return {"runs": [_digest(run) for run in runs], "columns": list(columns), **json_ready(options)}


class AnotherPass(BadSetting):
    """The folder is that of another pass, of which nothing is to be touched."""


class PartialAnswers:
    """The answers of a pass in a folder. Making one shows whether the folder can be written, before anything is predicted.

    Args:
        folder: made if need be.
        about: from `what_predicts`.

    Raises:
        CannotWrite: if the folder cannot be made or written.
        BadSetting: if it holds a finished table, or the beginning of another pass, or another process predicts into it.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self.folder, self._path = Path(folder), Path(folder) / PARTIAL
        self._is_submission = self.folder.name.endswith(UNFINISHED)
        # Not Path.exists, which fails where a name is too long.
        if os.path.exists(table := self.folder / TABLE) and not self._is_submission:
            raise BadSetting(f"{table} already exists. Choose another folder with --out, or remove it.")
        if not self._is_submission and not _lines_of(self._path)[0]:
            _refuse_earlier(self.folder)
        new = [str(place) for place in (self.folder, *self.folder.parents) if not os.path.exists(place)]
        try:
            make_folder(self.folder, 0o700 if self._is_submission else 0o777)
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            weakref.finalize(self, os.close, self._handle)
            self._must_be_alone()
            remove_leftovers(self.folder)
            table.unlink(missing_ok=True)
            # Not by another handle: closing that would release the lock of the process.
            lines, sound = _lines_in(os.pread(self._handle, os.fstat(self._handle).st_size, 0))
            os.ftruncate(self._handle, sound)
            if lines:
                self._must_fit(lines[0], about)
            else:
                self._write({"format": FORMAT, "about": about, "new_folders": new})
        except OSError as error:
            if not _lines_of(self._path)[0]:
                _clear(self.folder, new)
            words = system_error_in_words(error) or f"{error.filename or self.folder}: {error.strerror}."
            raise CannotWrite(f"Nothing was predicted, because the predictions could not be written. {words}") from error
        self._known = {line["path"]: line for line in lines[1:] if line.pop("check", None) == _check(line)}

    def known(self, path: Path) -> dict[str, Any] | None:
        """Return the earlier answer for a file; None where there is none, the file has changed, or a file made with it is gone or cut."""
        line = self._known.get(str(path))
        try:
            if line is None or line["stamps"] != _stamps(path):
                return None
            whole = all((self.folder / name).stat().st_size == size for name, size in line["files"].items())
            return dict(line["answer"]) if whole else None
        except OSError:
            return None

    def add(self, path: Path, answer: Mapping[str, Any], files: Sequence[Path] = ()) -> None:
        """Write down the answer for a file, JSON values, and which files in the folder belong to it.

        Raises:
            OSError: the disk is full; the answers before are kept.
        """
        stamps: list[Any] | None = None
        with suppress(OSError):
            stamps = _stamps(path)
        made = {os.path.relpath(file, self.folder): file.stat().st_size for file in files}
        line = {"path": str(path), "stamps": stamps, "files": made, "answer": json_ready(answer)}
        self._write({**line, "check": _check(line)})

    def finished(self) -> None:
        """Remove the file, once the tables are written; for a submission it stays until that is written too."""
        if not self._is_submission:
            self._path.unlink(missing_ok=True)

    def _must_be_alone(self) -> None:
        try:
            if fcntl is not None:
                # One of the process, not of the open file: who was interrupted in a notebook begins again in the same process.
                fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise AnotherPass(f"{self.folder}: another process is predicting into it. Wait for it, or choose another place.") from None
        except OSError:
            # Some network disks have no locks.
            return

    def _must_fit(self, first: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        written = first.get("about")
        if first.get("format") != FORMAT or not isinstance(written, dict):
            raise AnotherPass(f"{self._path}: is not what this radlearn writes. Choose another folder, or remove the file.")
        now = json_ready(about)
        if other := [name for name in {**written, **now} if written.get(name) != now.get(name)]:
            raise AnotherPass(
                f"{self._path}: holds the beginning of other predictions (other {', '.join(other)}). Go on with the command that began "
                "them, choose another folder, or empty this one to begin anew."
            )

    def _write(self, line: Mapping[str, Any]) -> None:
        # ASCII, in which JSON can also write what stands for the bytes of a name that is not UTF-8.
        content = json.dumps(line).encode("ascii") + b"\n"
        try:
            while content:
                content = content[os.write(self._handle, content) :]
        except OSError as error:
            error.filename = str(self._path)
            raise


@contextmanager
def kept_when_stopped(folder: Path) -> Iterator[None]:
    """Tell what is kept where the pass into `folder` ends early; what holds no answer yet is cleared away.

    Raises:
        Interrupted: after Ctrl-C, with what to do.
        CannotWrite: for an error of the system that a user can mend.
    """
    try:
        yield
    except AnotherPass:
        raise
    except BaseException as error:
        lines, _ = _lines_of(Path(folder) / PARTIAL)
        count = f"{len(lines) - 1:,} answers are" if len(lines) != 2 else "1 answer is"
        kept = f"{count} kept in {Path(folder) / PARTIAL}: the same command goes on with the rest."
        if len(lines) == 1:
            _clear(Path(folder), lines[0].get("new_folders", ()))
        if isinstance(error, KeyboardInterrupt) and len(lines) > 1:
            raise Interrupted(f"Stopped. {kept}") from None
        if isinstance(error, OSError) and (words := system_error_in_words(error)):
            raise CannotWrite(f"{words} {kept}" if len(lines) > 1 else words) from error
        if isinstance(error, RadlearnError) and len(lines) > 1:
            say(kept)
        raise


@contextmanager
def answers_beside(out: Path) -> Iterator[Path]:
    """Lend the folder for the predictions of which a submission is made; it is removed once the block is done.

    Raises:
        BadSetting: if `out` is a folder.
        CannotWrite: if `out` is a pipe or a device; and errors as `kept_when_stopped`.
    """
    out = Path(out)
    if out.is_dir():
        raise BadSetting(f"{out}: is a folder; expected the file to write, such as {out / 'submission'}.")
    refuse_special(out)
    folder, before = out.with_name(file_name(out.name, UNFINISHED)), _identity(out)
    with kept_when_stopped(folder):
        try:
            yield folder
        finally:
            # What is interrupted after it was written has nothing to go on with: the same command would refuse to replace it.
            if _identity(out) not in (None, before):
                shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _refuse_earlier(folder: Path) -> None:
    """Raise BadSetting where something lies where a pass would write beside its table; leftovers of killed writers are removed."""
    remove_leftovers(folder)
    for name in BESIDE_TABLE:
        place = os.path.join(folder, name)
        if os.path.isfile(place) or (os.path.isdir(place) and any(os.scandir(place))):
            raise BadSetting(
                f"{place}: is there, though neither {TABLE} nor {PARTIAL} is. What is predicted now would take the place of what may be of "
                "other images. Choose another folder with --out, or remove it."
            )


def is_for_submission(folder: Path | None) -> bool:
    """Tell whether a folder is one that `answers_beside` lends."""
    return folder is not None and Path(folder).name.endswith(UNFINISHED)


def said_table(table: Path) -> str:
    """Return the words for where a table is: none where it goes with the folder that it is in, once a submission is made of it."""
    return "." if is_for_submission(table.parent) else f": {table}"


def in_order(paths: Sequence[Path], path_of: Callable[[Any], str]) -> Callable[[Any], int]:
    """Return the key by which answers are sorted as their files were named, whichever were predicted first."""
    places = {str(path): place for place, path in reversed(list(enumerate(paths)))}
    return lambda one: places.get(path_of(one), len(places))


def _clear(folder: Path, new_folders: Sequence[str]) -> None:
    with suppress(OSError):
        (folder / PARTIAL).unlink(missing_ok=True)
    # Of the first image, of which no answer was written down: before the pass these folders were empty.
    for name in (*OUTPUT_FOLDERS, "overlays"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for place in new_folders:
        with suppress(OSError):
            Path(place).rmdir()


def _lines_of(path: Path) -> tuple[list[dict[str, Any]], int]:
    try:
        return _lines_in(path.read_bytes())
    except OSError:
        return [], 0


def _lines_in(content: bytes) -> tuple[list[dict[str, Any]], int]:
    """Return the lines of a partial file, and how many bytes they are: without the last one, where it was cut short."""
    lines: list[dict[str, Any]] = []
    sound = 0
    for line in content.splitlines(keepends=True):
        try:
            read = json.loads(line) if line.endswith(b"\n") else None
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict):
            break
        lines.append(read)
        sound += len(line)
    return lines, sound


def _check(line: Mapping[str, Any]) -> int:
    """Return a checksum of what a line says: an answer that a disk or an editor changed would be believed."""
    return zlib.crc32(json.dumps(line).encode("ascii"))


def _stamps(path: Path) -> list[Any]:
    return EntrySource((Path(path),)).stamps()


def _digest(run: Run) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in OF_A_RUN:
        try:
            content = read_whole(run.folder / name, MOST_WEIGHTS_BYTES) if (run.folder / name).is_file() else b""
        except (OSError, MemoryError) as error:
            why = getattr(error, "strerror", None) or "it is larger than the memory"
            raise BadRunFolder(f"{run.folder / name}: cannot be read ({why}). Copy it again from its source.") from None
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()
