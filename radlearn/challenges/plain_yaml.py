"""YAML of strangers as texts, lists and dictionaries: no tag makes an object of it, and nothing in it is worked out.

PyYAML's `safe_load` makes no objects either, but it copies what merge keys (`<<`) name, so that ten short lines become billions of pairs,
and computes numbers of any length.
"""

from pathlib import Path
from typing import Any

MOST_BYTES = 1 << 20


def plain_yaml(path: Path) -> Any:
    """Return what a file says, every scalar as the text that stands there; None where it is no YAML, or too large for settings."""
    import yaml

    if path.suffix.lower() not in (".yaml", ".yml") or not path.is_file() or path.stat().st_size > MOST_BYTES:
        return None
    try:
        loader = yaml.BaseLoader(path.read_bytes())
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
