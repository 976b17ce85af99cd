"""What the classes of YOLO files are called: `names` in `data.yaml`, or a line each in `classes.txt` or `obj.names`.

Source: docs.ultralytics.com/datasets/detect (a list, or a dictionary of number and name); `classes.txt` is written by labelImg, Label
Studio and CVAT.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from radlearn.amounts import counted
from radlearn.challenges.first_tables.boxes.plain_yaml import MOST_BYTES, is_yaml, read_yaml
from radlearn.challenges.folders import within
from radlearn.challenges.tables.csv_hints import finite_number

LISTS = ("classes.txt", "obj.names")
NAMES = "names"
NEARLY = {"names", "name", "classes", "class_names", "class names", "class-names", "labels"}
"What others than YOLO, or somebody in haste, call `names`."
OF_DATA = re.compile(r"^[ \t]*['\"]?(?:names|nc|kpt_shape)['\"]?[ \t]*:", re.IGNORECASE | re.MULTILINE)
"A line by which a file that is no YAML is known as one about YOLO's data: other YAML lies beside images, too."
WRITE = "Write names: [first, second] in the order of the numbers in the labels, or remove the file; then numbers stand for the classes."


@dataclass
class ClassNames:
    """Number → name of the classes, sentences on how they were found, and what is unclear about them."""

    names: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    source: str = ""
    "The file that says it, as it is called in messages."

    def called(self, number: str) -> str:
        """Return the name of a class by what stands in a label, the word itself where it has none."""
        return self.names.get(_whole(number), number)

    def beyond(self, numbers: Mapping[str, str]) -> list[str]:
        """Return a sentence for each class that has no name though others have; `numbers` says where each stands first."""
        if not self.names:
            return []
        listed = ", ".join(f"{number} {name}" for number, name in list(self.names.items())[:5]) + ", …" * (len(self.names) > 5)
        named = f"{self.source} names {counted(len(self.names), 'classes')} ({listed})"
        lacking = {word: where for word, where in numbers.items() if _whole(word) not in self.names and finite_number(word) % 1 == 0}
        return [f"{where}: is of class {_whole(word)}, and {named}. Mend the names or the labels." for word, where in lacking.items()]


def class_names(folder: Path, files: Sequence[Path]) -> ClassNames:
    """Return what the classes are called: by one file, or by several that say the same.

    Args:
        folder: of the images, for how files are called.
        files: all files of the folder.
    """
    found: dict[Path, dict[str, str]] = {}
    troubles: list[str] = []
    for path in files:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            continue
        names, trouble = _of_lines(path) if path.name.lower() in LISTS else _of_yaml(path) if is_yaml(path) else ({}, "")
        if names:
            found[path] = names
        elif trouble:
            troubles.append(f"{within(path, folder)}{trouble}")
    if not found:
        return ClassNames(unclear=troubles)
    first, *others = found
    if other := next((path for path in others if found[path] != found[first]), None):
        either = f"{within(first, folder)} and {within(other, folder)}"
        return ClassNames(unclear=[f"{either} call the classes of YOLO's boxes differently. Remove the one that is not theirs."])
    source = within(first, folder)
    return ClassNames(found[first], [f"Classes are called as {source} says.", *troubles], [], source)


def _whole(number: str) -> str:
    """Return the number of a class as YOLO's readers take it: 1.0 is 1."""
    value = finite_number(number)
    return str(int(value)) if value == value // 1 else number


def _of_lines(path: Path) -> tuple[dict[str, str], str]:
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return {str(number): line.strip() for number, line in enumerate(lines) if line.strip()}, ""


def _of_yaml(path: Path) -> tuple[dict[str, str], str]:
    """Return the names of a YAML file, or what is wrong with it where it is about YOLO's data."""
    said, trouble = read_yaml(path)
    if trouble:
        about = path.stem.lower() == "data" or OF_DATA.search(path.read_text(encoding="utf-8", errors="replace"))
        return {}, f"{trouble}, so that nothing tells what the classes are called. {WRITE}" if about else ""
    if not isinstance(said, dict):
        return {}, ""
    if NAMES in said:
        names = said[NAMES]
        pairs = dict(enumerate(names)) if isinstance(names, list) else names if isinstance(names, dict) else {}
        if pairs and all(isinstance(name, str) for name in pairs.values()):
            return {_whole(str(number)): name.strip() for number, name in pairs.items() if name.strip()}, ""
        kind = repr(names[:60]) if isinstance(names, str) and names else "a list with other things than names in it" if pairs else "empty"
        return {}, f": {NAMES} is {kind}; expected a list. {WRITE}"
    near = next((key for key, value in said.items() if str(key).strip().lower() in NEARLY and isinstance(value, list | dict)), None)
    about_data = path.stem.lower() == "data" or {"nc", "train", "val"} & {str(key).lower() for key in said}
    return {}, f": has {near}, and not {NAMES}, which YOLO reads. Call it {NAMES}." if near and about_data else ""
