"""YAML of strangers as texts, lists and dictionaries: no tag makes an object of it, and nothing in it is worked out.

PyYAML's `safe_load` makes no objects either, but it copies what merge keys (`<<`) name, so that ten short lines become billions of pairs,
and computes numbers of any length.
"""

from pathlib import Path
from typing import Any

MOST_BYTES = 1 << 20


def is_yaml(path: Path) -> bool:
    """Tell whether a file is YAML by its name."""
    return path.suffix.lower() in (".yaml", ".yml")


def read_yaml(path: Path) -> tuple[Any, str]:
    """Return what a YAML file holds, every scalar as the text that stands there, and what is wrong with it, after its name."""
    import yaml

    try:
        loader = yaml.BaseLoader(path.read_bytes())
        try:
            return loader.get_single_data(), ""
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        return None, f"{line}: is not YAML ({error.problem})"
    except (yaml.YAMLError, ValueError, RecursionError):
        return None, ": is not YAML in UTF-8"


def plain_yaml(path: Path) -> Any:
    """Return what a file says, as `read_yaml`; None where it is no YAML, or too large for settings."""
    if not is_yaml(path) or not path.is_file() or path.stat().st_size > MOST_BYTES:
        return None
    return read_yaml(path)[0]
