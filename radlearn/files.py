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


@contextmanager
def written_whole(path: Path, flushed: bool = True) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; move it onto `path` if the block succeeds, remove it otherwise.

    A reader sees the old file or the new one, never a part, even if the writer is killed. The suffix is kept, because many writers
    choose their format by it. Without `flushed` the file may be lost in a power failure, though never in part.
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
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically; NaN, NumPy values and paths are converted by `json_ready`."""
    write_text(path, json.dumps(json_ready(content), indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        RadlearnError: if the file is missing or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RadlearnError(f"{path}: there is no such file.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RadlearnError(f"{path}: is not JSON ({error}). It was changed or damaged after it was written.") from None


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
