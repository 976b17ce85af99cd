"""Which JSON files are COCO, and what their values are called: ids, sizes, and values in messages."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from radlearn.challenges.folders import files_below, within
from radlearn.challenges.tables.csv_hints import finite_number
from radlearn.file_names import readable

MOST_BYTES = 1 << 30
KEYS = ("images", "annotations", "categories", "bbox", "file_name", "image_id")
"Of these a file that cannot be read must name two, to be taken for COCO."


def coco_files(folder: Path, troubles: list[str]) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    """Yield each COCO file of a folder, its name for messages and what it holds; those that cannot be read are noted."""
    for path in files_below(folder):
        if path.suffix.lower() == ".json" and path.stat().st_size <= MOST_BYTES:
            name = within(path, folder)
            if (content := _content(path, name, troubles)) is not None:
                yield path, name, content


def _content(path: Path, name: str, troubles: list[str]) -> dict[str, Any] | None:
    """Return what a file holds; None where it is no COCO, or cannot be read, which is noted."""
    raw = path.read_bytes()
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        if sum(f'"{key}"'.encode() in raw for key in KEYS) > 1:
            if isinstance(error, UnicodeDecodeError):
                line = raw.count(b"\n", 0, error.start) + 1
                troubles.append(f"{name}, line {line}: is not UTF-8 text (byte 0x{raw[error.start]:02x}). Save the file as UTF-8.")
            else:
                troubles.append(f"{name}: names boxes as COCO does, and is not JSON ({error}). Export or copy it again.")
        return None
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        return None
    images = content["images"]
    # Other formats have names or folders there.
    if not isinstance(images, list | dict) or (isinstance(images, list) and images and not isinstance(images[0], dict)):
        return None
    return content


def key_of(one: Any) -> str:
    """Return an id as text: 1, 1.0 and "1" are one."""
    return str(int(one)) if isinstance(one, float) and one.is_integer() else str(one).strip()


def size_stated(image: dict[str, Any]) -> tuple[float, float] | None:
    """Return the width and height that an entry says its image has; None where it does not."""
    width, height = (finite_number(str(image.get(side, ""))) for side in ("width", "height"))
    return (width, height) if width > 0 and height > 0 else None


def shown(value: Any) -> str:
    """Return a value as it stands in a message."""
    text = readable(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= 60 else f"{text[:60]} …"
