"""What the classes of YOLO files are called: `names` in `data.yaml`, or a line each in `classes.txt` or `obj.names`.

Source: docs.ultralytics.com/datasets/detect (a list, or a dictionary of number and name); `classes.txt` is written by labelImg, Label
Studio and CVAT.
"""

from collections.abc import Sequence
from pathlib import Path

from radlearn.challenges.folders import within
from radlearn.challenges.plain_yaml import MOST_BYTES, plain_yaml

LISTS = ("classes.txt", "obj.names")


def class_names(folder: Path, files: Sequence[Path]) -> tuple[dict[str, str], list[str], list[str]]:
    """Return number → name of the classes, sentences on how they were found, and what is unclear about them.

    Args:
        folder: of the images, for how files are called.
        files: all files of the folder.
    """
    found: dict[Path, dict[str, str]] = {}
    for path in files:
        if path.is_file() and path.stat().st_size <= MOST_BYTES:
            names = _of_lines(path) if path.name.lower() in LISTS else _of_yaml(path)
            if names:
                found[path] = names
    if not found:
        return {}, [], []
    first, *others = found
    if other := next((path for path in others if found[path] != found[first]), None):
        either = f"{within(first, folder)} and {within(other, folder)}"
        return {}, [], [f"{either} call the classes of YOLO's boxes differently. Remove the one that is not theirs."]
    return found[first], [f"Classes are called as {within(first, folder)} says."], []


def _of_lines(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return {str(number): line.strip() for number, line in enumerate(lines) if line.strip()}


def _of_yaml(path: Path) -> dict[str, str]:
    said = plain_yaml(path)
    names = said.get("names") if isinstance(said, dict) else None
    pairs = enumerate(names) if isinstance(names, list) else names.items() if isinstance(names, dict) else ()
    return {str(number): name.strip() for number, name in pairs if isinstance(name, str) and name.strip()}
