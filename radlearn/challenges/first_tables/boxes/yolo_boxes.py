"""Boxes as YOLO keeps them: a text file for each image, in each line a class and shares of the image's width and height.

Source: docs.ultralytics.com/datasets/detect and /segment. Its readers, too, take the box around a polygon.
"""

import codecs
import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from radlearn.amounts import counted, verb_of
from radlearn.challenges.first_tables.boxes.found_marks import NO_TRUTH
from radlearn.challenges.first_tables.boxes.marked_images import ROUNDING_SHARE, Box, Mark, Marked
from radlearn.challenges.first_tables.boxes.yolo_names import LISTS, class_names
from radlearn.challenges.first_tables.boxes.yolo_poses import key_points_in, undeclared_pose, without_points
from radlearn.challenges.folders import files_below, stem, within
from radlearn.challenges.tables.csv_hints import finite_number, number_hint
from radlearn.file_names import composed

NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?|nan|[+-]?inf", re.IGNORECASE | re.ASCII)
FIELDS = ("class", "centre x", "centre y", "width", "height")
SEPARATOR = re.compile(r"[;\s]+|,(?=\s|\d+\.)")
"Commas, too, unless they are decimal ones."
LEAST_SHARE_OF_FILES, LEAST_SHARE_OF_NUMBERS = 0.5, 0.75
"Of the text files beside images, and of what follows the class in a line: reports in words are no boxes."


def read_yolo(folder: Path, images: Sequence[Path]) -> Marked | None:
    """Return the boxes of the YOLO files of a folder; None where its text files are none, or all say that there is nothing."""
    text_of, unused, second, unclear = _text_of(folder, images)
    lines = {image: _lines(path) for image, path in text_of.items()}
    said = [one for one in lines.values() if one]
    if not said or sum(any(map(_looks_like_yolo, _words(one))) for one in said) < LEAST_SHARE_OF_FILES * len(said):
        return None
    names = class_names(folder, files_below(folder))
    first_of: dict[str, str] = {}
    marked = Marked(folder, in_shares=True, called="YOLO", without_file=set(images) - lines.keys())
    polygons, posed, shape = 0, 0, key_points_in(files_below(folder))
    long: dict[str, list[str]] = {}
    for image in images:
        marks = marked.images[image] = []
        for number, line in lines.get(image, []):
            where = f"{within(text_of[image], folder)}, line {number}"
            whole = line.split()
            words, misfit = without_points(whole, shape)
            box, trouble = (None, misfit) if misfit else _box(words, line)
            posed += len(words) < len(whole)
            long |= {where: whole} if len(words) > len(FIELDS) else {}
            if box is None:
                marked.troubles.append(f"{where}: {trouble}")
            else:
                polygons += len(words) > len(FIELDS)
                first_of.setdefault(words[0], where)
                marks.append(Mark(names.called(words[0]), box, where))
    if shape is None and (pose := undeclared_pose(long)):
        # What else is said of these lines follows from reading them as polygons.
        marked.troubles = [pose, *(one for one in marked.troubles if one.partition(": ")[0] not in long)]
    marked.troubles += [*unclear, *names.unclear, *names.beyond(first_of)]
    files = Counter(text_of.values())
    read = f"{counted(len(files), '.txt files')} {verb_of(len(files), 'are')} read as YOLO"
    meant = "the class, then the centre, width and height of a box as shares of the image"
    marked.assumed = [f"{read}: {meant}. An image without a file, or with an empty one, has no box.", *names.said]
    if bare := len(images) - len(lines):
        marked.assumed.append(f"{counted(bare, 'images')} {verb_of(bare, 'have')} no .txt file, and so no box.")
    if shared := [path for path, amount in files.items() if amount > 1]:
        one, other = [within(image, folder) for image, path in text_of.items() if path == shared[0]][:2]
        amount = f"{counted(len(shared), '.txt files')} {verb_of(len(shared), 'are')} read for several images of one name"
        marked.assumed.append(f"{amount}, such as {one} and {other}. Remove the rows of those that are not meant, or of copies.")
    if lost := [path for path in unused if any(map(_looks_like_yolo, _words(_lines(path))))]:
        amount = f"{counted(len(lost), '.txt files')} without an image {verb_of(len(lost), 'are')} left out"
        marked.assumed.append(f"{amount}, such as {within(lost[0], folder)}.")
    if second := [path for path in second if any(map(_looks_like_yolo, _words(_lines(path))))]:
        amount = f"{counted(len(second), '.txt files')} of images that have another one where YOLO looks for it"
        marked.assumed.append(f"{amount} {verb_of(len(second), 'are')} left out, such as {within(second[0], folder)}.")
    if posed:
        marked.assumed.append(f"The key points of {counted(posed, 'boxes')} are left out, as data.yaml declares them (kpt_shape).")
    if polygons:
        marked.assumed.append(f"{counted(polygons, 'polygons')} {verb_of(polygons, 'are')} read as the boxes around them.")
    return marked


def none_is_yolo(marked: Marked) -> bool:
    """Whether nothing in the files could be read, so that they may be something else altogether."""
    return not any(marked.images.values())


def _text_of(folder: Path, images: Sequence[Path]) -> tuple[dict[Path, Path], list[Path], list[Path], list[str]]:
    """Return image → its text file, the one that YOLO looks for or the only one of that name, and the other text files.

    These are those without an image, and those that say something else of an image that has one. Last is what is unclear.
    """
    texts: dict[str, list[Path]] = {}
    for path in files_below(folder):
        if path.suffix.lower() == ".txt" and path.name.lower() not in LISTS:
            texts.setdefault(composed(path.stem), []).append(path)
    by_stem: dict[str, list[Path]] = {}
    for image in images:
        by_stem.setdefault(composed(stem(image.name)), []).append(image)
    found: dict[Path, Path] = {}
    unclear, second = [], list[Path]()
    for name in by_stem.keys() & texts.keys():
        places = {image: _usual_places(image, name, folder, set(texts[name])) for image in by_stem[name]}
        found |= {image: usual[0] for image, usual in places.items() if usual}
        bare = [image for image, usual in places.items() if not usual]
        used = {path for usual in places.values() for path in usual[:1]}
        free = [path for path in texts[name] if path not in used and _lines(path)]
        for image, usual in places.items():
            if beyond := [path for path in usual[1:] if path in free and _text(path) != _text(usual[0])]:
                either = f"{within(usual[0], folder)} and {within(beyond[0], folder)} are where the boxes of {within(image, folder)} belong"
                unclear.append(f"{either}, and they differ. Remove one of the two files.")
        if len(bare) == len(free) == 1:
            found[bare[0]] = free[0]
        elif bare and free:
            either = " and ".join(within(path, folder) for path in (bare if len(bare) > 1 else free)[:2])
            one = f"{within(free[0], folder)}: may be of" if len(bare) > 1 else f"{within(bare[0], folder)}: its boxes may be in"
            unclear.append(f"{one} {either}. Put images and labels side by side, images/ and labels/, as YOLO has them.")
        elif free:
            # A copy says nothing else.
            said = set(map(_text, used))
            second += [path for path in free if _text(path) not in said]
    unused = [path for name, paths in texts.items() if name not in by_stem for path in paths]
    return {image: found[image] for image in images if image in found}, unused, second, sorted(unclear)


def _usual_places(image: Path, name: str, folder: Path, texts: set[Path]) -> list[Path]:
    """Return the text files where YOLO looks for one: beside the image, and with labels for a folder that is called images."""
    place = image.parent / f"{name}.txt"
    parts = list(place.relative_to(folder).parts)
    exchanged = [
        folder.joinpath(*parts[:number], "labels", *parts[number + 1 :])
        for number in reversed(range(len(parts) - 1))
        if parts[number].lower() == "images"
    ]
    # Some programs write Images/ and Labels/.
    by_name = {composed(str(text)).lower(): text for text in texts} | {composed(str(text)): text for text in texts}
    wanted = [composed(str(one)) for one in (place, *exchanged)]
    found = [by_name.get(one) or by_name.get(one.lower()) for one in wanted]
    return [text for text in dict.fromkeys(found) if text is not None]


def _text(path: Path) -> tuple[str, ...]:
    return tuple(line.strip() for _, line in _lines(path))


def _lines(path: Path) -> list[tuple[int, str]]:
    raw = path.read_bytes()
    wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = raw.decode("utf-16" if wide else "utf-8-sig", "replace")
    return [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _words(lines: Sequence[tuple[int, str]]) -> list[list[str]]:
    return [list(filter(None, SEPARATOR.split(line))) for _, line in lines]


def _looks_like_yolo(words: Sequence[str]) -> bool:
    # One of the four may be what is wrong.
    numbers = sum(NUMBER.fullmatch(word) is not None for word in words[1:])
    return len(words) >= len(FIELDS) and numbers >= LEAST_SHARE_OF_NUMBERS * (len(words) - 1)


def _box(words: Sequence[str], line: str) -> tuple[Box | None, str]:
    """Return the box of a line, or what is wrong with it."""
    expected = f"expected {', '.join(FIELDS)}, separated by spaces"
    if len(words) < len(FIELDS):
        return None, f"is {line.strip()[:60]!r}; {expected}.{' Write spaces for the marks between.' if re.search('[,;]', line) else ''}"
    shares = [finite_number(word) for word in words[1:]]
    if wrong := [number for number, share in enumerate(shares) if math.isnan(share)]:
        text = words[1 + wrong[0]]
        return None, f"has {text!r}; expected numbers, which are shares of the image, 0 to 1.{number_hint(text)}"
    if len(shares) == len(FIELDS):
        if 0 <= shares[-1] <= 1:
            return None, f"has six columns, the last of which, {words[-1]}, {NO_TRUTH}, or remove the sixth column."
        return None, f"has six columns; {expected}."
    if len(shares) % 2:
        return None, f"has {counted(len(words), 'columns')}; {expected}, or the corners of a polygon after the class."
    # A box may reach a little beyond by rounding; pixels are far larger.
    if far := [number for number, share in enumerate(shares) if not -ROUNDING_SHARE <= share <= 1 + ROUNDING_SHARE]:
        pixels = " Are these pixels? Divide what is across by the image's width and what is down by its height." if max(shares) > 2 else ""
        return None, f"has {words[1 + far[0]]}; expected shares of the image, 0 to 1.{pixels}"
    if len(shares) > 4:
        return (min(shares[::2]), min(shares[1::2]), max(shares[::2]), max(shares[1::2])), ""
    x, y, width, height = shares
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2), ""
