"""A first table of a folder of images as people have them: `radlearn TASK table DIR`.

Known are folders named by their class, boxes as COCO, YOLO and Pascal VOC keep them, masks beside their scans, nnU-Net's folders, and the
challenges' own layouts. What was assumed is said, because a folder does not say what its names mean; the table is there to be corrected.

Sources: cocodataset.org/#format-data; docs.ultralytics.com/datasets/detect; host.robots.ox.ac.uk/pascal/VOC; nnU-Net's dataset_format.md.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from radlearn.amounts import counted, verb_of
from radlearn.challenges.folders import (
    CT_NAME,
    LABEL_FOLDERS,
    MASK_NAME,
    describe_folder,
    files_below,
    masks_beside,
    nifti_files,
    nifti_stem,
    stem,
)
from radlearn.challenges.xray_table import BOX
from radlearn.errors import BadLayout, BadSetting, UnreadableScan
from radlearn.file_names import readable
from radlearn.pseudonyms import pseudonym
from radlearn.scans.file_names import DICOM_SUFFIXES, PICTURE_SUFFIXES

WITHOUT = {"normal", "negative", "neg", "healthy", "no", "none", "0", "control", "controls", "without", "no finding", "no_finding"}
"Names of folders whose images show no finding."
MASK_FOLDERS = ("masks", "mask", "labels", "label", "segmentations", "segs", "annotations")
IMAGE_FOLDERS = ("images", "image", "imgs", "scans", "cts", "volumes")
SUBSETS = {"train", "training", "test", "testing", "val", "valid", "validation"}
CHANGE = "Name the folders or classes of the finding with --positive NAME (several: --positive A B), and another file with --out"
MOST_JSON_BYTES, MOST_XML_BYTES = 1 << 30, 1 << 20

Row = dict[str, object]
Box = tuple[float, float, float, float]


@dataclass
class FirstTable:
    """The rows of a table with paths relative to nothing yet, and what was assumed, a sentence each."""

    columns: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)


def xray_table(folder: Path, positive: Sequence[str] = ()) -> FirstTable:
    """Return a table of the X-rays of a folder, with labels or boxes.

    Args:
        folder: holds them, at any depth.
        positive: names of the classes that are the finding; else all that are no usual name of its absence.

    Raises:
        BadLayout: if the folder is none of the known kinds.
        BadSetting: if it is not clear which class is the finding.
    """
    images = [path for path in files_below(folder) if path.name.lower().endswith((*DICOM_SUFFIXES, *PICTURE_SUFFIXES))]
    for read in (_coco, _voc, _yolo, _class_folders):
        if (table := read(folder, images, positive)) is not None:
            _add_persons(table)
            return table
    expected = "folders named by their class, or boxes as COCO, YOLO or Pascal VOC keep them"
    raise BadLayout(f"{folder}: {describe_folder(folder)}. Expected DICOM files or pictures in {expected}.")


def ct_table(folder: Path) -> FirstTable:
    """Return a table of the CTs of a folder with their masks.

    Raises:
        BadLayout: if no CT has a mask whose name or place says that they belong together.
    """
    paths = nifti_files(folder)
    pairs = _nnunet_pairs(paths) or masks_beside(paths) or _pairs_of_folders(paths)
    if not pairs:
        expected = "a CT and its mask side by side (a_ct.nii.gz, a_seg.nii.gz), in images/ and masks/ under one name, or nnU-Net's folders"
        raise BadLayout(f"{folder}: {describe_folder(folder)}. Expected {expected}.")
    table = FirstTable(("path", "mask"), [{"path": ct, "mask": mask} for ct, mask in sorted(pairs.items())])
    table.assumed.append(f"{counted(len(pairs), 'pairs')} of CT and mask {verb_of(len(pairs), 'were')} found by their names.")
    used = {*pairs, *pairs.values()}
    if left := [path for path in paths if path not in used]:
        alone = f"{counted(len(left), 'other NIfTI files')} without a partner {verb_of(len(left), 'are')} left out"
        table.assumed.append(f"{alone}: {readable(left[0].name)}{', …' * (len(left) > 1)}.")
    table.assumed.append("A mask has 1 where there is a lesion and 0 elsewhere.")
    return table


def _coco(folder: Path, images: Sequence[Path], positive: Sequence[str]) -> FirstTable | None:
    known = _Names(images)
    for path in files_below(folder):
        if path.suffix.lower() != ".json" or path.stat().st_size > MOST_JSON_BYTES:
            continue
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
            if not {"images", "annotations"} <= content.keys():
                continue
            names = {one["id"]: str(one["name"]) for one in content.get("categories", [])}
            files = {one["id"]: str(one["file_name"]) for one in content["images"]}
            marks = [(one["image_id"], names.get(one.get("category_id"), ""), one["bbox"]) for one in content["annotations"]]
            boxes: dict[object, list[tuple[str, Box]]] = {}
            for image, name, (x, y, width, height) in marks:
                boxes.setdefault(image, []).append((name, (float(x), float(y), float(x) + float(width), float(y) + float(height))))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        found = {known.path_of(file): boxes.get(image, []) for image, file in files.items()}
        table = _of_boxes({place: marked for place, marked in found.items() if place is not None}, positive)
        table.assumed.insert(0, f"{readable(path.name)} is read as COCO: boxes as x, y, width, height in pixels.")
        if lost := sum(known.path_of(file) is None for file in files.values()):
            table.assumed.append(f"{counted(lost, 'images')} that it names {verb_of(lost, 'are')} not in the folder, and left out.")
        return table
    return None


def _voc(folder: Path, images: Sequence[Path], positive: Sequence[str]) -> FirstTable | None:
    found: dict[Path, list[tuple[str, Box]]] = {}
    names = _Names(images)
    for path in files_below(folder):
        if path.suffix.lower() != ".xml" or path.stat().st_size > MOST_XML_BYTES:
            continue
        try:
            root = ElementTree.parse(path).getroot()
            if root.tag != "annotation":
                continue
            marked = []
            for thing in root.iter("object"):
                ends = [float(thing.findtext(f"bndbox/{end}") or "") for end in ("xmin", "ymin", "xmax", "ymax")]
                marked.append((thing.findtext("name") or "", (ends[0], ends[1], ends[2], ends[3])))
        except (ElementTree.ParseError, ValueError, OSError):
            continue
        if (place := names.path_of(root.findtext("filename") or path.stem) or names.path_of(path.stem)) is not None:
            found[place] = marked
    if not found:
        return None
    table = _of_boxes(found, positive)
    table.assumed.insert(
        0,
        f"{counted(len(found), '.xml files')} {verb_of(len(found), 'are')} read as Pascal VOC: boxes as xmin, ymin, xmax, ymax in pixels.",
    )
    return table


def _yolo(folder: Path, images: Sequence[Path], positive: Sequence[str]) -> FirstTable | None:
    from radlearn.scans.dicom import read_header  # pydicom, which the other kinds need not

    texts: dict[str, Path] = {path.stem: path for path in files_below(folder) if path.suffix.lower() == ".txt"}
    found: dict[Path, list[tuple[str, Box]]] = {}
    written = 0
    for image in images:
        text = texts.get(stem(image.name))
        lines = [] if text is None else text.read_text(encoding="utf-8", errors="replace").split("\n")
        rows = [line.split() for line in lines if line.strip()]
        try:
            shares = [(row[0], [float(share) for share in row[1:]]) for row in rows]
        except ValueError:
            return None
        if not all(len(box) == 4 and all(0 <= share <= 1 for share in box) for _, box in shares):
            return None
        written += text is not None
        try:
            height, width = read_header(image).size_px if shares else (1, 1)
        except UnreadableScan:
            continue
        found[image] = [
            (name, ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)) for name, (x, y, w, h) in shares
        ]
    if not written or not any(found.values()):
        return None
    table = _of_boxes(found, positive)
    said = "the class, then the centre, width and height of a box as shares of the image"
    read = f"{counted(written, '.txt files')} {verb_of(written, 'are')} read as YOLO"
    table.assumed.insert(0, f"{read}: {said}. An image without a file, or with an empty one, has no box.")
    return table


def _of_boxes(found: dict[Path, list[tuple[str, Box]]], positive: Sequence[str]) -> FirstTable:
    """Return rows of boxes; of several classes those that are asked for, else all of them as one."""
    names = Counter(name for marked in found.values() for name, _ in marked)
    if unknown := [name for name in positive if name not in names]:
        raise BadSetting(f"--positive {unknown[0]}: there is no such class. There are: {', '.join(sorted(names)) or 'none'}.")
    table = FirstTable(("path", *BOX))
    for path, marked in sorted(found.items()):
        wanted = [box for name, box in marked if not positive or name in positive]
        ends = [{column: f"{end:g}" for column, end in zip(BOX, box, strict=True)} for box in wanted]
        table.rows += [{"path": path, **one} for one in ends or [dict.fromkeys(BOX, "")]]
    chosen = ", ".join(positive) if positive else ", ".join(sorted(filter(None, names)))
    if chosen:
        table.assumed.append(f"A box is a finding if its class is one of: {chosen}. Are others? {CHANGE}.")
    return table


def _class_folders(folder: Path, images: Sequence[Path], positive: Sequence[str]) -> FirstTable | None:
    """Return a label for each image by the folder in which it lies; None where there are not two such folders or more."""
    name_of = {path: path.parent.name for path in images if path.parent != folder}
    names = Counter(name_of.values())
    if len(names) < 2:
        return None
    if unknown := [name for name in positive if name not in names]:
        raise BadSetting(f"--positive {unknown[0]}: there is no such class. There are: {', '.join(sorted(names))}.")
    usual = {name for name in names if name.lower() in WITHOUT}
    if all(name.lower() in SUBSETS for name in names):
        found = f"{folder}: the folders {', '.join(sorted(names))} are called like the subsets of a split"
        raise BadSetting(f"{found}; expected a folder for each class in them. Without these, write the table by hand: columns path, label.")
    if not positive and not usual:
        raise BadSetting(
            f"{folder}: the folders are {_listed(names, names)}. Which of them show the finding? Say so with --positive NAME; "
            "those that are not named are then without it."
        )
    with_finding = set(positive) or set(names) - usual
    if not with_finding or with_finding == set(names):
        found = f"{folder}: all folders ({_listed(names, names)}) are {'with' if with_finding else 'without'} the finding"
        raise BadSetting(f"{found}. Name those that show it, and not all, with --positive NAME.")
    table = FirstTable(("path", "label"), [{"path": path, "label": int(name in with_finding)} for path, name in sorted(name_of.items())])
    without = set(names) - with_finding
    because = "as --positive says" if positive else f"because images without a finding are usually called {' or '.join(sorted(usual))}"
    table.assumed.append(f"label is 1 in {_listed(with_finding, names)} and 0 in {_listed(without, names)}, {because}.")
    if len(names) > 2:
        # Which class it was is worth keeping: a report then has its scores by class.
        table.columns = (*table.columns, "category")
        for row, (_, name) in zip(table.rows, sorted(name_of.items()), strict=True):
            row["category"] = name
        table.assumed.append(
            f"The {len(names)} folders become two labels, because a table has one finding; the column category keeps which of them it was. "
            "Remove the rows of a folder that belongs to neither."
        )
    table.assumed.append(f"Is another class the finding? {CHANGE}.")
    if left := len(images) - len(name_of):
        table.assumed.append(f"{counted(left, 'images')} outside of the classes' folders {verb_of(left, 'are')} left out.")
    if called := sorted({name for name in names if name.lower() in SUBSETS}):
        table.assumed.append(f"{', '.join(called)}: called like a subset of a split, not like a class. Is that right?")
    if above := sorted({part for path in name_of for part in path.relative_to(folder).parts[:-2] if part.lower() in SUBSETS}):
        table.assumed.append(f"The folders {', '.join(above)} above the classes are not used: for a split of your own add a column split.")
    return table


def _listed(some: Iterable[str], names: Mapping[str, int]) -> str:
    """Return names of folders, each with the number of its images."""
    return ", ".join(f"{name} ({counted(names[name], 'images')})" for name in sorted(some))


def _add_persons(table: FirstTable) -> None:
    """Add a column of persons where all images have a PatientID in their header."""
    from radlearn.scans.dicom import read_header

    paths = list(dict.fromkeys(row["path"] for row in table.rows))
    persons: dict[object, str] = {}
    for path in paths:
        try:
            if not str(path).lower().endswith(PICTURE_SUFFIXES) and (patient := read_header(Path(str(path))).patient_id):
                persons[path] = pseudonym(patient)
        except UnreadableScan:
            continue
    if paths and len(persons) == len(paths):
        table.columns = (table.columns[0], "person", *table.columns[1:])
        for row in table.rows:
            row["person"] = persons[row["path"]]
        table.assumed.append(f"person is a pseudonym of PatientID in the headers: {counted(len(set(persons.values())), 'people')}.")
    else:
        table.assumed.append("Nothing says who the people are. Add a column person; without it every image counts as a person of its own.")


class _Names:
    """Finds an image by what a file of boxes calls it: with its folders, without them, without its suffix."""

    def __init__(self, images: Sequence[Path]) -> None:
        self._by_name: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        for path in images:
            self._by_name.setdefault(path.name, []).append(path)
            self._by_stem.setdefault(stem(path.name), []).append(path)

    def path_of(self, written: str) -> Path | None:
        """Return the one image that is called so; None where there is none, or several."""
        name = written.replace("\\", "/")
        bare = name.rsplit("/", 1)[-1]
        same = self._by_name.get(bare) or self._by_stem.get(stem(bare), [])
        exact = [path for path in same if path.as_posix().endswith(f"/{name}")]
        for found in (exact, same):
            if len(found) == 1:
                return found[0]
        return None


def _nnunet_pairs(paths: Sequence[Path]) -> dict[Path, Path]:
    """Return CT → mask of nnU-Net's folders: imagesTr/a_0000.nii.gz and labelsTr/a.nii.gz."""
    pairs = {}
    by_place = {(path.parent.parent, path.parent.name.lower(), nifti_stem(path.name) or ""): path for path in paths}
    for (root, name, case), mask in by_place.items():
        if (beside := LABEL_FOLDERS.get(name)) and (ct := by_place.get((root, beside, f"{case}_0000"))):
            pairs[ct] = mask
    return pairs


def _pairs_of_folders(paths: Sequence[Path]) -> dict[Path, Path]:
    """Return CT → mask where they lie in two folders side by side under one name."""
    pairs = {}
    by_place = {(path.parent.parent, path.parent.name.lower(), _bare(path)): path for path in paths}
    for (root, name, case), mask in by_place.items():
        if name in MASK_FOLDERS:
            for beside in IMAGE_FOLDERS:
                if (ct := by_place.get((root, beside, case))) is not None:
                    pairs[ct] = mask
    return pairs


def _bare(path: Path) -> str:
    name = nifti_stem(path.name) or ""
    said = MASK_NAME.match(name) or CT_NAME.match(name)
    return said[1] if said else name


def relative(path: Path, folder: Path) -> str:
    """Return a path as it stands in a table in `folder`: relative where it lies below it, else absolute."""
    place = os.path.relpath(path, folder)
    return Path(place).as_posix() if not place.startswith("..") else str(Path(path).resolve())
