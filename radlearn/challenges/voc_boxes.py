"""Boxes as Pascal VOC keeps them: an XML file for each image, with the corners of its objects in pixels.

Source: host.robots.ox.ac.uk/pascal/VOC.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from radlearn.amounts import counted, verb_of
from radlearn.challenges.csv_hints import finite_number, number_hint
from radlearn.challenges.first_rows import ImageNames
from radlearn.challenges.folders import files_below, within
from radlearn.challenges.marked_images import Box, Mark, Marked

MOST_BYTES = 1 << 20
ENDS = ("xmin", "ymin", "xmax", "ymax")
FILE_NAME = re.compile(rb"<filename>\s*([^<]+?)\s*</filename>")


def read_voc(folder: Path, images: Sequence[Path]) -> Marked | None:
    """Return the boxes of the Pascal VOC files of a folder; None where there is none for any of its images."""
    marked, names = Marked(folder), ImageNames(images)
    held_by: dict[Path, str] = {}
    lost, broken = list[str](), list[str]()
    for path in files_below(folder):
        if path.suffix.lower() != ".xml" or path.stat().st_size > MOST_BYTES:
            continue
        raw, name = path.read_bytes(), within(path, folder)
        if b"<annotation" not in raw and b"<bndbox" not in raw:
            continue
        try:
            root, error = ElementTree.fromstring(raw), None
        except (ElementTree.ParseError, ValueError, LookupError) as trouble:
            root, error = None, trouble
        if root is not None and root.tag != "annotation":
            continue
        image = _image_of(path, _file_name(root, raw), names, name, marked.troubles)
        if image is None:
            (lost if error is None else broken).append(name)
            continue
        if (first := held_by.setdefault(image, name)) != name:
            marked.troubles.append(f"{name}: is about {within(image, folder)}, as {first} is. Keep one of the two files.")
        elif root is None:
            marked.troubles.append(f"{name}: is not XML ({error}). Export or copy it again.")
        else:
            _add(marked, image, root, name)
    if not held_by:
        return None
    count = len(held_by)
    marked.assumed.append(
        f"{counted(count, '.xml files')} {verb_of(count, 'are')} read as Pascal VOC: boxes as xmin, ymin, xmax, ymax in pixels."
    )
    if alone := [image for image in images if image not in held_by]:
        amount = f"{counted(len(alone), 'images')} without an .xml file {verb_of(len(alone), 'are')} left out, such as {alone[0].name}"
        marked.assumed.append(f"{amount}: an image without a finding has a file without an object.")
    for some, words in ((lost, "whose image is not in the folder"), (broken, "without an image that cannot be read as XML")):
        if some:
            marked.assumed.append(f"{counted(len(some), '.xml files')} {words} {verb_of(len(some), 'are')} left out, such as {some[0]}.")
    return marked


def _file_name(root: ElementTree.Element | None, raw: bytes) -> str:
    if root is not None:
        return (root.findtext("filename") or "").strip()
    found = FILE_NAME.search(raw)
    return found[1].decode("utf-8", "replace") if found else ""


def _image_of(path: Path, written: str, names: ImageNames, name: str, troubles: list[str]) -> Path | None:
    """Return the image that a file is about: that with the file's own name, or that which it names."""
    # The name in it is often that of before images were renamed, and other readers of VOC go by the file's own.
    several: list[Path] = []
    for one in filter(None, (path.stem, written)):
        found = names.paths_of(one, path.parent)
        if len(found) == 1:
            return found[0]
        several = several or found
    if several:
        either = " or ".join(place.as_posix() for place in several[:2])
        troubles.append(f"{name}: may be about {either}. Put it beside its image.")
    return None


def _add(marked: Marked, image: Path, root: ElementTree.Element, name: str) -> None:
    marks = marked.images[image] = []
    width, height = (finite_number(root.findtext(f"size/{side}") or "") for side in ("width", "height"))
    # Some programs write 0 where they do not know it.
    if width > 0 and height > 0:
        marked.stated_px[image] = (width, height)
    for number, thing in enumerate(root.iter("object"), start=1):
        where = f"{name}, object {number}"
        if (box := _box(thing, where, marked.troubles)) is not None:
            marks.append(Mark((thing.findtext("name") or "").strip(), box, where))


def _box(thing: ElementTree.Element, where: str, troubles: list[str]) -> Box | None:
    if thing.find("bndbox") is None:
        troubles.append(f"{where}: has no bndbox; expected one with {', '.join(ENDS)}. Remove the object, or draw a box around it.")
        return None
    values = []
    for end in ENDS:
        text = (thing.findtext(f"bndbox/{end}") or "").strip()
        values.append(finite_number(text))
        if values[-1] != values[-1]:
            troubles.append(f"{where}: {end} is {text!r}; expected a number in pixels.{number_hint(text)}")
            return None
    return values[0], values[1], values[2], values[3]
