"""Files that are never half there: written beside their name and moved into place; JSON; the cache folder."""

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

from radlearn.errors import RadlearnError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Lend a temporary name in `path`'s folder; move it onto `path` when the block ends well, remove it when it does not.

    A reader sees the old file or the new one, never a part, whatever kills the writer. The suffix is kept, because many
    writers choose their format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name.split('.')[0]}-", suffix="".join(path.suffixes) or ".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        # mkstemp makes files for the owner alone; a file people share has the permissions their umask says.
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all; what `json_ready` says holds for NaN, NumPy and paths."""
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


def write_rows(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write rows as CSV, whole or not at all."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    write_text(Path(path), buffer.getvalue())


def json_ready(content: Any) -> Any:
    """Return `content` as plain JSON values: NumPy scalars and arrays unwrapped, paths as text, NaN and infinity as None."""
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
    """Return the folder for what can be made again: `RADLEARN_CACHE`, else the user's own cache folder."""
    if chosen := os.environ.get("RADLEARN_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "radlearn"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
