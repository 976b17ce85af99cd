"""JSON that says one thing, written whole and read strictly."""

import json
import math
from pathlib import Path
from typing import Any

from radlearn.errors import RadlearnError
from radlearn.files import read_whole, write_text

DEEPEST = 50
# A thousand times what a run has.
MOST_JSON_BYTES = 1 << 30
BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
"Of UTF-16, and of UTF-32 in little endian; without a mark their first characters have a byte of 0, as no text in UTF-8 has."


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically; NaN, NumPy values and paths are converted by `json_ready`. `read_json` restores a path that is not UTF-8."""
    text = json.dumps(json_ready(content), indent=2, allow_nan=False, ensure_ascii=False)
    # JSON writes surrogates in the same way.
    write_text(path, text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")


def read_json(path: Path) -> Any:
    """Read JSON, as `json_of`.

    Raises:
        RadlearnError: if the file is missing, cannot be read or is not JSON.
    """
    try:
        content = read_whole(path, MOST_JSON_BYTES)
        if content.startswith(BYTE_ORDER_MARKS) or b"\0" in content[:4]:
            raise RadlearnError(f"{path}: is saved as UTF-16 or UTF-32, as some editors do. Save it as UTF-8.")
        return json_of(content.decode("utf-8-sig"))
    except FileNotFoundError:
        raise RadlearnError(f"{path}: there is no such file.") from None
    except OSError as error:
        raise RadlearnError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise RadlearnError(
            f"{path}: line {line} is not UTF-8, as of an editor that saved it in another encoding. Save it as UTF-8; if nobody edited it, "
            "it is damaged."
        ) from None
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
        # Half of a pair of code units can be read and not be written, unless it stands for a byte of a file name.
        json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogateescape")
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
