"""Boxes as Pascal VOC keeps them: an XML file for each image, with the corners of its objects in pixels.

Source: host.robots.ox.ac.uk/pascal/VOC.
"""

import codecs
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from radlearn.amounts import counted, verb_of
from radlearn.challenges.first_tables.boxes.found_marks import NO_TRUTH, confidence_of
from radlearn.challenges.first_tables.boxes.marked_images import Box, Mark, Marked
from radlearn.challenges.first_tables.boxes.turned_boxes import box_around_turned, degrees_in, turned_words
from radlearn.challenges.first_tables.rows import ImageNames, bare_name
from radlearn.challenges.folders import files_below, stem, within
from radlearn.challenges.tables.csv_hints import finite_number, number_hint
from radlearn.file_names import readable

MOST_BYTES = 1 << 20
ENDS = ("xmin", "ymin", "xmax", "ymax")
# A name may have the prefix of a namespace.
FILE_NAME = re.compile(r"<(?:[\w.-]+:)?filename\b(?![^>]*/>)[^>]*>\s*([^<]+?)\s*</")
OWN_WORDS = re.compile(r"<(?:[\w.-]+:)?(?:annotation|bndbox)\b")
ENCODING = re.compile(rb"""<\?xml[^>]*?\bencoding\s*=\s*["']([\w.:-]+)["']""")


def read_voc(folder: Path, images: Sequence[Path]) -> Marked | None:
    """Return the boxes of the Pascal VOC files of a folder; None where there is none for any of its images."""
    marked, names = Marked(folder, called="Pascal VOC"), ImageNames(images)
    held_by: dict[Path, str] = {}
    # Of each image: what the file under its name calls it, and where that stands.
    called: dict[Path, tuple[str, str]] = {}
    lost, broken, difficult, turned = list[str](), list[str](), list[str](), list[str]()
    for path in files_below(folder):
        if path.suffix.lower() != ".xml" or path.stat().st_size > MOST_BYTES:
            continue
        name = within(path, folder)
        text, error = _text(path.read_bytes())
        if not OWN_WORDS.search(text):
            continue
        root = None
        # No annotation needs one, and ten short lines of them may stand for billions of letters.
        if not error and "<!ENTITY" in text:
            error = "declares entities of its own, which may stand for anything. Remove its DOCTYPE."
        if not error:
            try:
                root = _parsed(text)
            except (ElementTree.ParseError, ValueError) as trouble:
                error = f"is not XML ({trouble}). Export or copy it again."
        if root is not None and root.tag != "annotation":
            continue
        written, line = _file_name(root, text)
        image = _image_of(path, written, names, name, marked.troubles)
        if image is None:
            (broken if error else lost).append(name)
            continue
        if (first := held_by.setdefault(image, name)) != name:
            marked.troubles.append(f"{name}: is about {within(image, folder)}, as {first} is. Keep one of the two files.")
        elif root is None:
            marked.troubles.append(f"{name}: {error}")
        else:
            called[image] = (written, f"{name}, line {line}")
            _add(marked, image, root, name, turned)
            difficult += [name] * sum((thing.findtext("difficult") or "").strip() == "1" for thing in root.iter("object"))
    if not held_by:
        return None
    _tell_other_names(marked, called, names)
    count = len(held_by)
    marked.assumed.append(
        f"{counted(count, '.xml files')} {verb_of(count, 'are')} read as Pascal VOC: boxes as xmin, ymin, xmax, ymax in pixels."
    )
    if turned:
        marked.assumed.append(turned_words(turned))
    if difficult:
        amount = f"{counted(len(difficult), 'objects')} marked difficult {verb_of(len(difficult), 'are')} read like any other"
        marked.assumed.append(f"{amount}, such as one of {difficult[0]}; Pascal VOC's own score passes over them.")
    if alone := [image for image in images if image not in held_by]:
        amount = f"{counted(len(alone), 'images')} without an .xml file {verb_of(len(alone), 'are')} left out, such as {alone[0].name}"
        marked.assumed.append(f"{amount}: an image without a finding has a file without an object.")
    for some, words in ((lost, "whose image is not in the folder"), (broken, "without an image that cannot be read as XML")):
        if some:
            marked.assumed.append(f"{counted(len(some), '.xml files')} {words} {verb_of(len(some), 'are')} left out, such as {some[0]}.")
    return marked


def _text(raw: bytes) -> tuple[str, str]:
    """Return the text of a file in the encoding that it declares, and what is wrong where it is not in that."""
    # Python's parser knows no encoding of several bytes but UTF-8 and UTF-16; the codecs of Python know those of the languages too.
    wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    declared = ENCODING.match(raw.removeprefix(codecs.BOM_UTF8))
    # What begins with the bytes of UTF-8 is that, whatever the declaration was left at.
    marked = wide or raw.startswith(codecs.BOM_UTF8)
    encoding = "utf-16" if wide else declared[1].decode() if declared and not marked else "utf-8-sig"
    try:
        return raw.decode(encoding), ""
    except (UnicodeError, LookupError):
        return raw.decode("utf-8", "replace"), f"is not text in {encoding.removesuffix('-sig').upper()}. Save it again as UTF-8."


def _parsed(text: str) -> ElementTree.Element:
    root = ElementTree.fromstring(text)
    for element in root.iter():
        # A name is {namespace}name; some programs declare a namespace of their own.
        element.tag = element.tag.rpartition("}")[2]
    return root


def _file_name(root: ElementTree.Element | None, text: str) -> tuple[str, int]:
    """Return what a file calls its image, "" where it does not, and the line."""
    found = FILE_NAME.search(text)
    line = text.count("\n", 0, found.start()) + 1 if found else 1
    if root is not None:
        return (root.findtext("filename") or "").strip(), line
    return found[1] if found else "", line


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


def _is_of(written: str, image: Path) -> bool:
    # The image may have been saved in another format since.
    bare = bare_name(written)
    return stem(image.name) in (stem(bare), readable(Path(bare).stem))


def _tell_other_names(marked: Marked, called: Mapping[Path, tuple[str, str]], names: ImageNames) -> None:
    """Say which files call their images by other names than their own; refuse those that may be about the other image."""
    renamed, others = list[str](), list[str]()
    for image, (written, where) in called.items():
        if not written or _is_of(written, image):
            continue
        meant = names.paths_of(written, image.parent)
        here = f"{where}: {readable(written)} in the place of {within(image, marked.folder)}"
        if len(meant) != 1:
            renamed.append(here)
        elif meant[0] in called and _is_of(called[meant[0]][0], meant[0]):
            others.append(here)
        else:
            # Some programs go by the name in the file, others by that of the file.
            which = f"filename is {readable(written)}, and the file lies under the name of {within(image, marked.folder)}"
            marked.troubles.append(f"{where}: {which}; both images are there. Write into filename which of them the boxes are of.")
    for some, what in ((renamed, "an image that is not there"), (others, "an image that has an .xml file of its own")):
        if some:
            amount = f"{counted(len(some), '.xml files')} {verb_of(len(some), 'name')} {what}"
            whose = "its" if len(some) == 1 else "their"
            marked.assumed.append(f"{amount}, and {verb_of(len(some), 'are')} read for the image of {whose} own name, such as {some[0]}.")


def _add(marked: Marked, image: Path, root: ElementTree.Element, name: str, turned: list[str]) -> None:
    marks = marked.images[image] = []
    width, height = (finite_number(root.findtext(f"size/{side}") or "") for side in ("width", "height"))
    # Some programs write 0 where they do not know it.
    if width > 0 and height > 0:
        marked.stated_px[image] = (width, height)
    for number, thing in enumerate(root.iter("object"), start=1):
        where = f"{name}, object {number}"
        if said := confidence_of({part.tag: part.text for part in thing}):
            marked.troubles.append(f"{where}: {said} {NO_TRUTH}, or remove that element.")
        if (box := _box(thing, where, marked.troubles)) is not None:
            degrees = _degrees(thing)
            if degrees:
                turned.append(where)
                box = box_around_turned(box, degrees)
            marks.append(Mark((thing.findtext("name") or "").strip(), box, where, bool(degrees)))


def _box(thing: ElementTree.Element, where: str, troubles: list[str]) -> Box | None:
    if thing.find("bndbox") is None and (middle := _turned_middle(thing)) is not None:
        return middle
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


def _turned_middle(thing: ElementTree.Element) -> Box | None:
    """Return the rectangle before its turn that roLabelImg writes as a middle and a size; None where there is none."""
    x, y, width, height = (finite_number((thing.findtext(f"robndbox/{name}") or "").strip()) for name in ("cx", "cy", "w", "h"))
    box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return None if any(end != end for end in box) else box


def _degrees(thing: ElementTree.Element) -> float:
    """Return by how many degrees a rectangle was turned: CVAT's attribute rotation, or roLabelImg's angle, which is in radians."""
    if thing.find("bndbox") is None:
        angle = finite_number((thing.findtext("robndbox/angle") or "0").strip())
        return degrees_in({"rotation": math.degrees(angle)})
    return degrees_in({(one.findtext("name") or "").strip(): one.findtext("value") for one in thing.findall("attributes/attribute")})
