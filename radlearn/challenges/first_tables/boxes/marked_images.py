"""Boxes of any format, held against their images and made rows of a first table.

Files of boxes outlive the images that they were drawn on: these are resized, cut or exported again. A box that does not fit its image is
either off by rounding, which is cut off and said, or refused, because nothing tells where it belongs.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from radlearn.amounts import counted, verb_of
from radlearn.challenges.first_tables.rows import CHANGE, FirstTable
from radlearn.challenges.folders import within
from radlearn.challenges.tables.table_boxes import BOX, is_mark
from radlearn.challenges.troubles import listed
from radlearn.challenges.words.class_denials import denying
from radlearn.challenges.words.class_spellings import refuse_other_spellings
from radlearn.errors import BadLayout, BadSetting, UnreadableScan
from radlearn.scans.picture_files import ORIENTATION, TURNS, is_picture

ROUNDING_PX, ROUNDING_SHARE = 1.0, 0.01
"How far a box may reach beyond its image because its numbers were rounded: a share of two decimals is off by up to 0.0075."
SIDEWAYS = (5, 6, 7, 8)
"EXIF orientations that exchange width and height."

Box = tuple[float, float, float, float]

FIRST = "0"
"The first class of YOLO, of which the name says nothing."


@dataclass(frozen=True)
class Mark:
    """A box (x0, y0, x1, y1) with its class, and where it is written. In pixels, or in shares of the image's width and height."""

    name: str
    box: Box
    where: str
    is_turned: bool = False
    "Whether it lies around a turned rectangle, whose corners may lie outside of the image."


@dataclass
class Marked:
    """What the files of one format say of the images of a folder: sentences on how they were read, and what is wrong in them."""

    folder: Path
    images: dict[Path, list[Mark]] = field(default_factory=dict)
    stated_px: dict[Path, tuple[float, float]] = field(default_factory=dict)
    "Width and height that the files say an image has, where they do."
    in_shares: bool = False
    assumed: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    called: str = ""
    "The format, for messages."
    without_file: set[Path] = field(default_factory=set)
    "Images of which no file says anything, where that counts as no box."

    named_by: dict[str, set[Path]] = field(default_factory=dict)
    "File → its images, of files of many images."

    @property
    def covered(self) -> set[Path]:
        """The images of which a file says something."""
        return self.images.keys() - self.without_file

    def table(self, positive: Sequence[str]) -> FirstTable:
        """Return rows of boxes; of several classes those that are asked for, else all of them as one but those called "no finding".

        Raises:
            BadLayout: if anything is wrong in the files, or a box does not fit its image.
            BadSetting: if there is no such class.
        """
        names = Counter(mark.name for marks in self.images.values() for mark in marks)
        # What is wrong in a file may be the reason why a class is missing.
        if not self.troubles and (unknown := [name for name in positive if name not in names]):
            raise BadSetting(f"--positive {unknown[0]}: there is no such class. There are: {', '.join(sorted(names)) or 'none'}.")
        listed_classes = self._classes(names)
        refuse_other_spellings(positive, listed_classes, "classes of boxes")
        asked = tuple(positive)
        said: list[str] = []
        nothing = [] if positive else sorted(name for name in denying(names) if name.strip() != FIRST)
        if nothing and len(nothing) == len(names) and not self.troubles:
            found = f"{self.folder}: the boxes are of the class {', '.join(nothing)}, whose name says that there is no finding"
            raise BadSetting(f"{found}. Which boxes are findings? Say so with --positive NAME.")
        if nothing and len(nothing) < len(names):
            positive = [name for name in names if name not in nothing]
            said.append(f"Boxes of the class {', '.join(nothing)} are left out, because its name says that there is no finding. {CHANGE}.")
        fitted = self.fitted(said, nothing)
        if self.troubles:
            raise BadLayout(listed(self.folder, self.troubles, "in the boxes would train wrongly", "Mend this, then try again."))
        table, twice = FirstTable(("path", *BOX)), 0
        for path, marked in sorted(fitted.items()):
            wanted = [tuple(f"{end:g}" for end in box) for name, box in marked if not positive or name in positive]
            # Several readers may have drawn the same.
            ends = list(dict.fromkeys(wanted))
            twice += len(wanted) - len(ends)
            rows = [dict(zip(BOX, one, strict=True)) for one in ends] or [dict.fromkeys(BOX, "")]
            table.rows += [{"path": path, **row} for row in rows]
        chosen = ", ".join(sorted(filter(None, positive))) if positive else ", ".join(sorted(filter(None, names)))
        if chosen:
            said.insert(0, f"A box is a finding if its class is one of: {chosen}. Are others? {CHANGE}.")
        if asked and (left := [words for name, words in listed_classes.items() if name not in asked]):
            said.append(
                f"Boxes of other classes are left out: {', '.join(left)}. An image without another box counts as without the finding."
            )
        if twice:
            said.append(
                f"{counted(twice, 'boxes')} {verb_of(twice, 'repeat')} another of the same image, and {verb_of(twice, 'are')} left out."
            )
        table.assumed = [*self.assumed[:1], *said, *self.assumed[1:]]
        return table

    def _classes(self, names: Mapping[str, int]) -> dict[str, str]:
        """Return the classes, each with the number of its boxes and of the images with them, in words."""
        images = Counter(name for marks in self.images.values() for name in {mark.name for mark in marks})
        return {
            name: f"{name or 'without a name'} ({counted(count, 'boxes')} on {counted(images[name], 'images')})"
            for name, count in sorted(names.items())
        }

    def fitted(self, said: list[str], nothing: Collection[str]) -> dict[Path, list[tuple[str, Box]]]:
        """Return the boxes in pixels of their images. What was changed is `said`; what does not fit is among the troubles.

        Of classes that are `nothing` a box may be any.
        """
        fitted: dict[Path, list[tuple[str, Box]]] = {}
        unread, cut, scaled, turned = [], 0, [], []
        for path, marks in self.images.items():
            if not marks:
                fitted[path] = []
                continue
            if (size := size_of(path)) is None:
                unread.append(path)
                continue
            scale = self._scale(path, size, marks[0].where)
            if scale is None:
                continue
            if not self.in_shares and scale != (1, 1):
                scaled.append((path, size))
            # Whoever states the size after the turn has drawn on the turned picture; any other may have looked at either.
            drawn_on = self.stated_px.get(path)
            if (turn := orientation_of(path)) != 1 and not (drawn_on == size and turn in SIDEWAYS and size[0] != size[1]):
                turned.append(path)
            held = fitted[path] = []
            for mark in marks:
                if mark.name in nothing:
                    continue
                box = tuple(end * scale[number % 2] for number, end in enumerate(mark.box))
                if mark.is_turned:
                    box = tuple(min(max(end, 0.0), float(size[number % 2])) for number, end in enumerate(box))
                if trouble := _trouble(box, size):
                    self.troubles.append(f"{mark.where}: {trouble}")
                    continue
                x0, y0, x1, y1 = box
                inside = max(x0, 0.0), max(y0, 0.0), min(x1, size[0]), min(y1, size[1])
                cut += any(abs(one - other) > 0.01 for one, other in zip(box, inside, strict=True))
                held.append((mark.name, inside))
        if scaled:
            path, (width, height) = scaled[0]
            stated = " × ".join(f"{edge:g}" for edge in self.stated_px[path])
            example = f"{path.name} is {width} × {height} px, and its boxes were drawn at {stated}"
            amount = len(scaled)
            said.append(f"The boxes of {counted(amount, 'images')} were scaled to {'its' if amount == 1 else 'their'} size: {example}.")
        if cut:
            beyond = f"{counted(cut, 'boxes')} {verb_of(cut, 'extend')} beyond the image by rounding"
            said.append(f"{beyond}, and {verb_of(cut, 'are')} cut off at its edge.")
        if turned:
            of_them = f"{counted(len(turned), 'images')} with boxes {verb_of(len(turned), 'are')} turned by their EXIF orientation"
            either = "nothing says whether the boxes are of the stored or of the turned picture; they are taken for boxes of the turned one"
            said.append(f"{of_them}, such as {turned[0].name}, and {either}. Look whether they fit; if not, save the pictures upright.")
        if unread:
            said.append(
                f"{counted(len(unread), 'images')} that cannot be read {verb_of(len(unread), 'are')} left out, such as {unread[0].name}."
            )
        return fitted

    def _scale(self, path: Path, size: tuple[int, int], where: str) -> tuple[float, float] | None:
        """Return by what x and y are multiplied; None where the files say that the image has another shape than it has."""
        if self.in_shares:
            return size
        width, height = self.stated_px.get(path, size)
        across, down = size[0] / width, size[1] / height
        if size == (width, height):
            return 1, 1
        # Both sides were rounded to whole pixels.
        if abs(across * height - size[1]) <= max(1, across) or abs(down * width - size[0]) <= max(1, down):
            return across, down
        stated = f"says that {within(path, self.folder)} is {width:g} × {height:g} px (width × height), and it is {size[0]} × {size[1]}"
        self.troubles.append(f"{where}: {stated}: nothing says where its boxes lie. Export the boxes again for the image as it is.")
        return None


def size_of(path: Path) -> tuple[int, int] | None:
    """Return the width and height of an image as it is shown; None where it cannot be read."""
    try:
        if not is_picture(path):
            from radlearn.scans.dicom import read_header  # pydicom, which pictures need not

            height, width = read_header(path).size_px
            return width, height
        with Image.open(path) as image:
            # Of a TIFF Pillow gives the size after the turn, and of other pictures that before it.
            width, height = (image.tag_v2[256], image.tag_v2[257]) if isinstance(image, TiffImageFile) else image.size
            return (height, width) if image.getexif().get(ORIENTATION, 1) in SIDEWAYS else (width, height)
    except (UnreadableScan, OSError, KeyError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def orientation_of(path: Path) -> int:
    """Return the EXIF orientation by which a picture is turned as it is read; 1, upright, of any other file."""
    if not is_picture(path):
        return 1
    try:
        with Image.open(path) as image:
            said = image.getexif().get(ORIENTATION, 1)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 1
    return said if said in TURNS else 1


def _trouble(box: Sequence[float], size: tuple[int, int]) -> str:
    """Return what is wrong with a box in pixels on an image of that width and height; "" where nothing is."""
    if not all(map(math.isfinite, box)):
        return f"the box has the end {next(end for end in box if not math.isfinite(end))}; expected numbers."
    for axis, edge, words in ((0, size[0], ("x", "wide")), (1, size[1], ("y", "high"))):
        low, high = box[axis], box[axis + 2]
        if high <= low:
            return f"the box from {words[0]} {low:g} to {high:g} is {high - low:g} px {words[1]}; expected more than 0."
        # No finding is smaller than a pixel; a corner of a box in shares lies within 2, as the sum of a place and a size.
        if high - low < 1:
            hint = " It looks like shares of the image, 0 to 1: write pixels." if max(box) <= 2 else ""
            return f"the box from {words[0]} {low:g} to {high:g} is smaller than a pixel.{hint}"
        if axis and is_mark((box[0], box[1], box[2], box[3])):
            return "the box is a single pixel, as some programs mark an image without a finding. Where there is none, remove the box."
        room = max(ROUNDING_PX, ROUNDING_SHARE * edge)
        if low < -room or high > edge + room or high <= 0 or low >= edge:
            return f"the box reaches from {words[0]} {low:g} to {high:g} px, and the image is {edge} px {words[1]}."
    return ""
