"""A first table of a folder of images as people have them: `radlearn TASK table DIR`.

Known are folders named by their class, boxes as COCO, YOLO and Pascal VOC keep them, masks beside their scans, nnU-Net's folders, and the
challenges' own layouts. What was assumed is said, because a folder does not say what its names mean; the table is there to be corrected.

Sources: cocodataset.org/#format-data; docs.ultralytics.com/datasets/detect; host.robots.ox.ac.uk/pascal/VOC; nnU-Net's dataset_format.md.
"""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from radlearn.amounts import counted, verb_of
from radlearn.challenges.first_tables.boxes.coco_boxes import WITHOUT_BOXES, files_without_boxes, read_coco
from radlearn.challenges.first_tables.boxes.marked_images import Marked
from radlearn.challenges.first_tables.boxes.two_formats import hold_against
from radlearn.challenges.first_tables.boxes.voc_boxes import read_voc
from radlearn.challenges.first_tables.boxes.yolo_boxes import none_is_yolo, read_yolo
from radlearn.challenges.first_tables.class_folders import has_usual_names, read_class_folders
from radlearn.challenges.first_tables.images import image_files, masks_of
from radlearn.challenges.first_tables.named_splits import Lists, listed_subsets, subsets_of_files
from radlearn.challenges.first_tables.pages import add_pages
from radlearn.challenges.first_tables.persons import add_persons
from radlearn.challenges.first_tables.rows import FirstTable
from radlearn.challenges.first_tables.split import add_split
from radlearn.challenges.folders import (
    CT_NAME,
    LABEL_FOLDERS,
    MASK_NAME,
    describe_folder,
    home_of,
    masks_beside,
    volume_files,
    volume_stem,
    within,
)
from radlearn.challenges.tables.table_boxes import BOX
from radlearn.challenges.xray_case import XrayCase
from radlearn.errors import BadLayout
from radlearn.file_names import readable
from radlearn.folder_walks import real_path

MASK_FOLDERS = ("masks", "mask", "labels", "label", "segmentations", "segs", "annotations")
IMAGE_FOLDERS = ("images", "image", "imgs", "scans", "cts", "volumes")


def xray_table(folder: Path, positive: Sequence[str] = ()) -> FirstTable:
    """Return a table of the X-rays of a folder, with labels or boxes.

    Args:
        folder: holds them, at any depth.
        positive: names of the classes that are the finding; else all that are no usual name of its absence.

    Raises:
        BadLayout: if the folder is none of the known kinds, or its boxes would train wrongly.
        BadSetting: if it is not clear which class is the finding.
    """
    files = image_files(folder)
    masks = masks_of(files)
    shown = [path for path in files if path not in masks]
    found: list[Marked] = []
    for read in (read_coco, read_voc, read_yolo):
        # COCO says itself which files are its images.
        images = files if read is read_coco else shown
        # Numbers in text files beside the images of class folders, or beside boxes of another format, may be anything.
        if (marked := read(folder, images)) and not (read is read_yolo and none_is_yolo(marked) and (found or has_usual_names(images))):
            found.append(marked)
    if found:
        hold_against(found[0], found[1:])
        table = found[0].table(positive)
        table.looked_at = files
        return _completed(table, folder, masks, subsets_of_files(found[0].named_by))
    if (of_classes := read_class_folders(folder, shown, positive)) is not None:
        of_classes.looked_at = files
        return _completed(of_classes, folder, masks)
    expected = "folders named by their class, or boxes as COCO, YOLO or Pascal VOC keep them"
    captions = "".join(f" {name} {WITHOUT_BOXES}; export it with boxes." for name in files_without_boxes(folder)[:1])
    raise BadLayout(f"{folder}: {describe_folder(folder)}. Expected DICOM files, pictures or files of one slice in {expected}.{captions}")


def ct_table(folder: Path) -> FirstTable:
    """Return a table of the CTs of a folder with their masks.

    Raises:
        BadLayout: if no CT has a mask whose name or place says that they belong together.
    """
    paths = volume_files(folder)
    pairs = _nnunet_pairs(paths) or masks_beside(paths) or _pairs_of_folders(paths)
    if not pairs:
        expected = "a CT and its mask side by side (a_ct.nii.gz, a_seg.nii.gz), in images/ and masks/ under one name, or nnU-Net's folders"
        raise BadLayout(f"{folder}: {describe_folder(folder)}. Expected {expected}.")
    table = FirstTable(("path", "mask"), [{"path": ct, "mask": mask} for ct, mask in sorted(pairs.items())], looked_at=paths)
    table.assumed.append(f"{counted(len(pairs), 'pairs')} of CT and mask {verb_of(len(pairs), 'were')} found by their names.")
    used = {*pairs, *pairs.values()}
    if left := [path for path in paths if path not in used]:
        alone = f"{counted(len(left), 'other volumes')} without a partner {verb_of(len(left), 'are')} left out"
        table.assumed.append(f"{alone}: {readable(left[0].name)}{', …' * (len(left) > 1)}.")
    table.assumed.append("A mask has 1 where there is a lesion and 0 elsewhere.")
    add_split(table, folder)
    return table


def _completed(table: FirstTable, folder: Path, masks: Collection[Path], files: Lists | None = None) -> FirstTable:
    if left := sorted(set(masks) - {row["path"] for row in table.rows}):
        amount = f"{counted(len(left), 'files')} {verb_of(len(left), 'are')} left out as masks by their names"
        table.assumed.append(f"{amount}, such as {within(left[0], folder)}.")
    images = list(dict.fromkeys(Path(str(row["path"])) for row in table.rows))
    add_split(table, folder, files or listed_subsets(folder, images))
    add_pages(table, BOX)
    add_persons(table, folder)
    return table


def _nnunet_pairs(paths: Sequence[Path]) -> dict[Path, Path]:
    """Return CT → mask of nnU-Net's folders: labelsTr/a.nii.gz and imagesTr/a_0000.nii.gz, or a.nii.gz in the Segmentation Decathlon."""
    pairs = {}
    by_place = {(home_of(path).parent, home_of(path).name.lower(), volume_stem(path.name) or ""): path for path in paths}
    for (root, name, case), mask in by_place.items():
        beside = LABEL_FOLDERS.get(name)
        if beside and (ct := by_place.get((root, beside, f"{case}_0000")) or by_place.get((root, beside, case))):
            pairs[ct] = mask
    return pairs


def _pairs_of_folders(paths: Sequence[Path]) -> dict[Path, Path]:
    """Return CT → mask where they lie in two folders side by side under one name."""
    pairs = {}
    by_place = {(home_of(path).parent, home_of(path).name.lower(), _bare(path)): path for path in paths}
    for (root, name, case), mask in by_place.items():
        if name in MASK_FOLDERS:
            for beside in IMAGE_FOLDERS:
                if (ct := by_place.get((root, beside, case))) is not None:
                    pairs[ct] = mask
    return pairs


def _bare(path: Path) -> str:
    name = volume_stem(path.name) or ""
    said = MASK_NAME.match(name) or CT_NAME.match(name)
    return said[1] if said else name


def relative(path: Path, folder: Path) -> str:
    """Return a path as it stands in a table in `folder`: relative where it lies below it, else absolute."""
    place = os.path.relpath(path, folder)
    return Path(place).as_posix() if not place.startswith("..") else str(real_path(path))


def table_of_labels(cases: Sequence[XrayCase], assumed: str) -> FirstTable:
    """Return a table of X-rays that have several labels, a column each; `assumed` says what the folder is."""
    names = [name for name, _ in cases[0].labels]
    columns = ("path", "id", "person", "view", "sex", "age_years", *(f"label_{name}" for name in names))
    table = FirstTable(columns, assumed=[assumed])
    for case in cases:
        known = {"view": case.view, "sex": case.sex, "age_years": case.age_years}
        labels = {f"label_{name}": None if value is None else int(value) for name, value in case.labels}
        row = {"path": case.path, "id": case.image_id, "person": case.person, **known, **labels}
        table.rows.append({column: "" if value is None else value for column, value in row.items()})
    return table
