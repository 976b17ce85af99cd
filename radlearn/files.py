"""Atomic writing of files (a temporary file is moved into place), JSON, and the cache folder."""

import csv
import io
import json
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from radlearn.csv_cells import defused
from radlearn.errors import RadlearnError

DEEPEST = 50


@contextmanager
def written_whole(path: Path, flushed: bool = True, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; move it onto `path` if the block succeeds, remove it otherwise.

    A reader sees the old file or the new one, never a part, even if the writer is killed. The suffix is kept, because many writers
    choose their format by it. Without `flushed` the file may be lost in a power failure, though never in part. A `private` file can be
    read by its owner alone.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name.split('.')[0]}-", suffix="".join(path.suffixes) or ".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if flushed:
            with open(temporary, "rb") as written:
                os.fsync(written.fileno())
        # mkstemp gives permissions to the owner only; a shared file needs those of the umask.
        if not private:
            temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str, private: bool = False) -> None:
    """Write UTF-8 text atomically; `private` as in `written_whole`."""
    with written_whole(path, private=private) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically; NaN, NumPy values and paths are converted by `json_ready`."""
    write_text(path, json.dumps(json_ready(content), indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON, as `json_of`.

    Raises:
        RadlearnError: if the file is missing, cannot be read or is not JSON.
    """
    try:
        return json_of(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise RadlearnError(f"{path}: there is no such file.") from None
    except OSError as error:
        raise RadlearnError(f"{path}: cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise RadlearnError(f"{path}: is not JSON ({error}). It was changed or damaged after it was written.") from None


def json_of(text: str) -> Any:
    """Return the content of JSON text as the standard (RFC 8259) has it, which says one thing and can be written again.

    Python alone also takes NaN, infinity, names that come twice in an object and half characters, and raises errors of three kinds.

    Raises:
        ValueError: if it is none, or is nested more deeply than 50 levels.

    >>> json_of('{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    """
    try:
        content = json.loads(text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_named_once)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _refuse_depth(content, DEEPEST)
    if "\\u" in text:
        # Half of a pair of code units can be read and not be written.
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    return content


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is not a number in JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is too large")
    return number


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return content


def _refuse_depth(content: Any, left: int) -> None:
    if left == 0:
        raise ValueError("it is nested too deeply")
    if isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            _refuse_depth(value, left - 1)


def write_rows(path: Path, rows: Iterable[Sequence[str]], exact: bool = False) -> None:
    """Write rows as CSV atomically. Cells that a spreadsheet would compute are `defused`; `exact` keeps ids as a challenge has them."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows if exact else ([defused(cell) for cell in row] for row in rows))
    write_text(Path(path), buffer.getvalue())


def json_ready(content: Any) -> Any:
    """Return `content` as plain JSON values: NumPy scalars and arrays converted, paths as text, NaN and infinity as None."""
    if isinstance(content, dict):
        return {str(key): json_ready(value) for key, value in content.items()}
    if isinstance(content, list | tuple | set | frozenset):
        return [json_ready(value) for value in content]
    if hasattr(content, "tolist"):
        return json_ready(content.tolist())
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, Path):
        return str(content)
    return content


def cache_folder() -> Path:
    """Return the folder for reproducible data: `RADLEARN_CACHE`, else the user's cache folder."""
    if chosen := os.environ.get("RADLEARN_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "radlearn"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
