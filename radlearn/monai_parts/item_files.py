"""The files of an item of a MONAI data set, and what else it says: together they are what the item is made from.

A path is a `Path`, or a word that names an existing file, or an existing folder if there is a separator in it: "data" is a word, and
"./data" a folder. Paths may lie inside lists, tuples and dictionaries.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from radlearn.array_store import Sources
from radlearn.errors import BadSetting
from radlearn.monai_parts.stored_values import encoded

SEPARATORS = (os.sep, os.altsep or os.sep)


class ItemFiles(NamedTuple):
    """The files of an item."""

    # Absolute, in the order of their sorted keys.
    sources: Sources
    # As they are written in the item.
    names: tuple[str, ...]
    # A digest of the keys, of their values that are no paths, and of where in them the paths are.
    tag: str

    @property
    def first(self) -> str:
        """The first path, as it is written."""
        return self.names[0]


def files_of_item(item: Mapping[str, Any]) -> ItemFiles:
    """Return the files of an item. Its value with the key `id` is a name and nothing else.

    Raises:
        BadSetting: the item is no dictionary, or names no file; a value that cannot be compared.
    """
    if not isinstance(item, Mapping):
        raise BadSetting(f"an item is {item!r}; expected a dictionary, such as {{'image': PATH}}.")
    names: list[str] = []
    said: list[Any] = []
    for key in sorted((key for key in item if key != "id"), key=str):
        said.append([str(key), _without_paths(item[key], names, str(key))])
    if not names:
        raise BadSetting(f"an item names no file: {dict(item)}. A MappedDataset is made from files; use monai.data.Dataset without any.")
    tag = hashlib.blake2b(json.dumps(said).encode(), digest_size=8).hexdigest()
    return ItemFiles(tuple(Path(os.path.abspath(name)) for name in names), tuple(names), tag)


def paths_in(value: Any) -> list[str]:
    """Return the paths in a value of an item, as they are written."""
    names: list[str] = []
    _without_paths(value, names, "")
    return names


def _without_paths(value: Any, names: list[str], where: str) -> Any:
    """Return a value as JSON values with its paths taken out, which are added to `names`."""
    if isinstance(value, os.PathLike):
        names.append(str(os.fspath(value)))
        return {"$path": ""}
    if isinstance(value, str) and os.path.exists(value):
        if any(separator in value for separator in SEPARATORS):
            names.append(value)
            return {"$path": ""}
        if os.path.isfile(value):
            names.append(value)
            # It may be a word after all, that of a label, so it counts too.
            return {"$path": value}
    if isinstance(value, list | tuple):
        return [type(value).__name__, *(_without_paths(one, names, where) for one in value)]
    if isinstance(value, Mapping):
        return {"$mapping": [[encoded(key, where), _without_paths(one, names, where)] for key, one in value.items()]}
    return encoded(value, where)
