"""Boxes as COCO keeps them: JSON with images, annotations and categories; several files, such as one for each subset, are read together.

Source: cocodataset.org/#format-data.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radlearn.amounts import counted, verb_of
from radlearn.challenges.first_tables.boxes.coco_areas import CocoAreas, corners_by_outline
from radlearn.challenges.first_tables.boxes.coco_files import coco_files, key_of, shown, size_stated
from radlearn.challenges.first_tables.boxes.coco_outlines import box_around
from radlearn.challenges.first_tables.boxes.found_marks import NO_TRUTH, confidence_of
from radlearn.challenges.first_tables.boxes.marked_images import Mark, Marked
from radlearn.challenges.first_tables.boxes.turned_boxes import box_around_turned, degrees_in, turned_words
from radlearn.challenges.first_tables.rows import ImageNames, is_called
from radlearn.challenges.first_tables.split import subset_called
from radlearn.challenges.folders import within
from radlearn.challenges.tables.csv_hints import finite_number, number_hint
from radlearn.file_names import readable

SHOWN = 5
WORD_MARKS, DIGITS = re.compile(r"[-_. ]+"), "0123456789"
BBOX = ("x", "y", "width", "height")
WITHOUT_BOXES = "has annotations with neither bbox nor segmentation"


def read_coco(folder: Path, images: Sequence[Path]) -> Marked | None:
    """Return the boxes of the COCO files of a folder; None where there is none."""
    marked, names, files, left = Marked(folder, called="COCO"), ImageNames(images), list[str](), list[str]()
    held_by: dict[Path, str] = {}
    for path, name, content in coco_files(folder, marked.troubles):
        one = _CocoFile(path, folder, content, names)
        if one.is_without_boxes():
            left.append(f"{name} {WITHOUT_BOXES}, and is not used.")
            continue
        files.append(name)
        found = one.marks()
        marked.named_by[name] = set(found)
        marked.troubles += one.troubles
        left += one.assumed
        for image, marks in found.items():
            other = held_by.setdefault(image, name)
            if other != name and _boxes(marks) != _boxes(marked.images[image]):
                marked.troubles.append(
                    f"{name}: {within(image, folder)} has other boxes here than in {other}. Move one of the two files away."
                )
            marked.images[image] = marks
        marked.stated_px |= one.stated_px
    if not files and not marked.troubles:
        return None
    if not marked.images and not marked.troubles:
        marked.troubles.append(f"{', '.join(files)}: names no image that is in the folder. {' '.join(left)}".rstrip())
    more = f" and {counted(len(files) - 1, 'more files')}" if len(files) > 1 else ""
    read = f"{''.join(files[:1])}{more} {'are' if more else 'is'} read as COCO: boxes as x, y, width, height in pixels."
    if alone := [image for image in images if image not in marked.images]:
        left.append(
            f"{counted(len(alone), 'images')} that no such file names {verb_of(len(alone), 'are')} left out, such as {alone[0].name}."
        )
    marked.assumed = [read, *left]
    return marked


def files_without_boxes(folder: Path) -> list[str]:
    """Return the names of the files of a folder that are laid out as COCO and say nothing of boxes, such as captions."""
    return [name for path, name, content in coco_files(folder, []) if _CocoFile(path, folder, content, ImageNames([])).is_without_boxes()]


class _CocoFile:
    def __init__(self, path: Path, root: Path, content: dict[str, Any], names: ImageNames) -> None:
        self.place, self.root, self.name, self.names = path.parent, root, within(path, root), names
        self.images, self.annotations = content["images"], content["annotations"]
        self.troubles: list[str] = []
        self.assumed: list[str] = []
        self.stated_px: dict[Path, tuple[float, float]] = {}
        self.classes = self._classes(content.get("categories"))
        # Of what is read all the same, where it stands.
        self.outlined, self.crowds, self.turned = list[str](), list[str](), list[str]()
        self.areas = CocoAreas()
        # Category ids that are not declared: of which annotations.
        self.unknown: dict[str, list[str]] = {}

    def is_without_boxes(self) -> bool:
        """Whether it says something else of its images, such as captions."""
        listed = isinstance(self.annotations, list) and self.annotations
        return bool(listed) and not any(isinstance(one, dict) and ("bbox" in one or one.get("segmentation")) for one in self.annotations)

    def _classes(self, given: Any) -> dict[str, str]:
        """Return category id → name, as far as they are declared."""
        classes: dict[str, str] = {}
        for one in given if isinstance(given, list) else []:
            if isinstance(one, dict):
                name = str(one.get("name", one.get("id")))
                if (first := classes.setdefault(key_of(one.get("id")), name)) != name:
                    both = f"the category {shown(one.get('id'))} is {shown(first)} and {shown(name)}"
                    self.troubles.append(f"{self.name}: {both}: nothing says which boxes are which. Give each category an id of its own.")
        return classes

    def marks(self) -> dict[Path, list[Mark]]:
        """Return the boxes of each image that is there; what is wrong is among the troubles."""
        for key in ("images", "annotations"):
            if not isinstance(getattr(self, key), list):
                self.troubles.append(f"{self.name}: {key} is {shown(getattr(self, key))}; expected a list.")
        if self.troubles:
            return {}
        by_id = self._files_by_id()
        marks: dict[str, list[Mark]] = {one: [] for one in by_id}
        strangers: list[Any] = []
        for number, annotation in enumerate(self.annotations):
            if not isinstance(annotation, dict):
                self.troubles.append(
                    f"{self.name}, annotation {number + 1}: is {shown(annotation)}; expected an object with image_id and bbox."
                )
                continue
            where = f"{self.name}, annotation {annotation.get('id', number + 1)}"
            owner = marks.get(key_of(annotation.get("image_id")))
            if owner is None:
                strangers.append(annotation.get("image_id"))
            elif (mark := self._mark(annotation, where)) is not None:
                owner.append(mark)
        self._tell_unknown_categories()
        self._tell_confidences()
        if strangers and not self.troubles:
            self._tell_strangers(strangers, list(by_id))
        self._tell_usage()
        return self._on_images(by_id, marks)

    def _files_by_id(self) -> dict[str, dict[str, Any]]:
        by_id: dict[str, dict[str, Any]] = {}
        for number, image in enumerate(self.images):
            if not isinstance(image, dict) or image.get("id") is None or not isinstance(image.get("file_name"), str):
                self.troubles.append(f"{self.name}, image {number + 1}: is {shown(image)}; expected an object with id and file_name.")
                continue
            first = by_id.setdefault(key_of(image["id"]), image)
            if first["file_name"] != image["file_name"]:
                found = f"the id {image['id']} is that of {readable(first['file_name'])} and of {readable(image['file_name'])}"
                self.troubles.append(f"{self.name}: {found}: nothing says whose boxes are whose. Give each image an id of its own.")
        return by_id

    def _mark(self, annotation: dict[str, Any], where: str) -> Mark | None:
        given = annotation.get("bbox")
        if not given and annotation.get("segmentation"):
            if (around := box_around(annotation["segmentation"])) is None:
                outline = f"segmentation is {shown(annotation['segmentation'])}"
                self.troubles.append(
                    f"{where}: has no bbox, and {outline}; expected polygons of x and y by turns, or a mask as run lengths."
                )
                return None
            self.outlined.append(where)
            given = [around[0], around[1], around[2] - around[0], around[3] - around[1]]
        if not isinstance(given, list) or len(given) != len(BBOX):
            self.troubles.append(f"{where}: bbox is {shown(given)}; expected four numbers, {', '.join(BBOX)}.")
            return None
        values = [finite_number(str(one)) for one in given]
        if wrong := [number for number, value in enumerate(values) if value != value]:
            text = str(given[wrong[0]])
            self.troubles.append(
                f"{where}: {BBOX[wrong[0]]} of bbox is {shown(given[wrong[0]])}; expected a number in pixels.{number_hint(text)}"
            )
            return None
        x, y, width, height = values
        if given is annotation.get("bbox"):
            self.areas.look_at(values, annotation.get("area"), where)
            # Only what may be two corners: outlines have many points.
            around = box_around(annotation.get("segmentation")) if width > x and height > y else None
            if trouble := corners_by_outline(values, around):
                self.troubles.append(f"{where}: {trouble}")
                return None
        if annotation.get("iscrowd") in (1, True, "1"):
            self.crowds.append(where)
        box = (x, y, x + width, y + height)
        # An outline is written as it was turned.
        degrees = degrees_in(annotation.get("attributes")) if given is annotation.get("bbox") else 0.0
        if degrees:
            box = box_around(annotation.get("segmentation") or []) or box_around_turned(box, degrees)
            self.turned.append(where)
        return Mark(self._class_of(annotation.get("category_id"), where), box, where, bool(degrees))

    def _class_of(self, category: Any, where: str) -> str:
        if category is None:
            # Of one class there is nothing to tell apart.
            if len(self.classes) > 1:
                self.unknown.setdefault("null", []).append(where)
            return next(iter(self.classes.values()), "")
        key = key_of(category)
        if self.classes and key not in self.classes:
            self.unknown.setdefault(shown(category), []).append(where)
        return self.classes.get(key, str(category))

    def _tell_unknown_categories(self) -> None:
        for category, places in self.unknown.items():
            amount = f", as in {counted(len(places) - 1, 'more annotations')}" if len(places) > 1 else ""
            declared = ", ".join(f"{key} ({name})" for key, name in list(self.classes.items())[:SHOWN])
            declared += ", …" if len(self.classes) > SHOWN else ""
            self.troubles.append(
                f"{places[0]}: category_id is {category}{amount}, and categories has {declared}: nothing says whether it is a finding. "
                "Add it to categories, or remove the annotation."
            )

    def _tell_confidences(self) -> None:
        scored = [(number, said) for number, one in enumerate(self.annotations) if isinstance(one, dict) and (said := confidence_of(one))]
        if scored:
            number, said = scored[0]
            amount = f" in {counted(len(scored), 'annotations')}" if len(scored) > 1 else ""
            where = f"{self.name}, annotation {self.annotations[number].get('id', number + 1)}"
            self.troubles.append(f"{where}: {said}{amount} {NO_TRUTH}, or remove that key.")

    def _tell_usage(self) -> None:
        """Say what was taken for a box that is not quite one, or may be none, and which annotations look like copies."""
        if said := self.areas.said():
            self.assumed.append(said)
        if self.turned:
            self.assumed.append(turned_words(self.turned))
        if self.outlined:
            amount = f"{counted(len(self.outlined), 'annotations')} without bbox {verb_of(len(self.outlined), 'are')} read"
            self.assumed.append(f"{amount} as the box around the segmentation, such as {self.outlined[0]}.")
        if self.crowds:
            amount = f"{counted(len(self.crowds), 'annotations')} with iscrowd {verb_of(len(self.crowds), 'are')} read as one box each"
            self.assumed.append(f"{amount}, such as {self.crowds[0]}: it may hold several findings.")
        ids = Counter(key_of(one["id"]) for one in self.annotations if isinstance(one, dict) and one.get("id") is not None)
        if twice := [one for one, times in ids.items() if times > 1]:
            amount = f"{counted(len(twice), 'ids')} {verb_of(len(twice), 'are')} of several annotations of {self.name}, such as {twice[0]}"
            self.assumed.append(f"{amount}: all of them are read.")

    def _tell_strangers(self, strangers: list[Any], ids: list[str]) -> None:
        if len(strangers) == len(self.annotations):
            found = f"no annotation belongs to an image: their image_id is such as {shown(strangers[0])}"
            known = f"the ids of images such as {ids[0]!r}" if ids else "there are no images"
            self.troubles.append(f"{self.name}: {found}, {known}. Export the file again.")
            return
        amount = len(strangers)
        lost = f"{counted(amount, 'annotations')} of {self.name} {verb_of(amount, 'belong')} to no image in it"
        self.assumed.append(f"{lost}, and {verb_of(amount, 'are')} left out, such as that with image_id {shown(strangers[0])}.")

    def _tell_repeated(self, held: dict[Path, list[str]], marks: dict[str, list[Mark]]) -> None:
        """Say which images are listed under several ids with other boxes; refuse those that have boxes under one and none under another.

        Some programs write an id for each box, whose boxes belong together.
        """
        joined = []
        for path, ones in held.items():
            boxes = {one: _boxes(marks[one]) for one in ones}
            bare, boxed = [one for one in ones if not boxes[one]], [one for one in ones if boxes[one]]
            if bare and boxed:
                amount = counted(len(boxes[boxed[0]]), "boxes")
                found = f"{within(path, self.root)} has {amount} under the id {boxed[0]} and none under {bare[0]}"
                self.troubles.append(f"{self.name}: {found}. Nothing says which is right: list each image once.")
            elif any(boxes[one] != boxes[ones[0]] for one in ones):
                joined.append(path)
        if joined:
            amount = (
                f"{counted(len(joined), 'images')} {verb_of(len(joined), 'are')} listed under several ids of {self.name} with other boxes"
            )
            self.assumed.append(f"{amount}, such as {within(joined[0], self.root)}: all of them are read.")

    def _in_its_folder(self, paths: Sequence[Path]) -> Path | None:
        """Return the one of several images that lies in a folder after which this file is called, as `instances_train.json`; or None."""
        called = set(WORD_MARKS.split(Path(self.name).stem.lower()))
        subsets = {subset for word in called if (subset := subset_called(word.rstrip(DIGITS)))}

        def fits(part: str) -> bool:
            return part.lower() in called or subset_called(part.rstrip(DIGITS)) in subsets

        found = [path for path in paths if any(map(fits, path.relative_to(self.root).parts[:-1]))]
        return found[0] if len(found) == 1 else None

    def _on_images(self, by_id: dict[str, dict[str, Any]], marks: dict[str, list[Mark]]) -> dict[Path, list[Mark]]:
        found: dict[Path, list[Mark]] = {}
        held: dict[Path, list[str]] = {}
        places = {one: self.names.paths_of(image["file_name"], self.place) for one, image in by_id.items()}
        by_folder = {one: [path] for one, paths in places.items() if len(paths) > 1 and (path := self._in_its_folder(paths)) is not None}
        places |= by_folder
        shared = Counter(paths[0] for paths in places.values() if len(paths) == 1)
        lost, elsewhere = [], []
        for one, image in by_id.items():
            name, paths = image["file_name"], places[one]
            if len(paths) > 1:
                several = " and ".join(path.as_posix() for path in paths[:2])
                self.troubles.append(f"{self.name}: {readable(name)} may be {several}. Write the folder before its name.")
            # Of two entries that lead to one image, that with other folders is of an image that is not there.
            elif not paths or (shared[paths[0]] > 1 and not is_called(paths[0], name)):
                lost.append(name)
            else:
                if "/" in name.replace("\\", "/") and not is_called(paths[0], name):
                    elsewhere.append((name, paths[0]))
                held.setdefault(paths[0], []).append(one)
                found.setdefault(paths[0], []).extend(marks[one])
                if (size := size_stated(image)) is not None:
                    self.stated_px[paths[0]] = size
        if by_folder:
            amount = f"{counted(len(by_folder), 'images')} whose name several have {verb_of(len(by_folder), 'are')} taken"
            such = within(next(iter(by_folder.values()))[0], self.root)
            self.assumed.append(f"{amount} from the folder that is in the name of {self.name}, such as {such}.")
        self._tell_repeated({path: ones for path, ones in held.items() if len(ones) > 1}, marks)
        if lost:
            amount = f"{counted(len(lost), 'images')} that {self.name} names {verb_of(len(lost), 'are')} not in the folder"
            self.assumed.append(f"{amount}, and left out, such as {readable(lost[0])}.")
        if elsewhere:
            name, path = elsewhere[0]
            amount = f"{counted(len(elsewhere), 'images')} {verb_of(len(elsewhere), 'lie')} in another folder than {self.name} says"
            self.assumed.append(f"{amount}, such as {readable(name)} at {within(path, self.root)}.")
        return found


def _boxes(marks: Sequence[Mark]) -> list[tuple[str, tuple[float, ...]]]:
    return sorted((mark.name, mark.box) for mark in marks)
