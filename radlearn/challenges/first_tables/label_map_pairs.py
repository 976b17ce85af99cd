"""A first table of a folder of images with label maps: which picture is the mask of which, told by names and folders."""

from collections.abc import Sequence
from pathlib import Path

from radlearn.amounts import counted, verb_of
from radlearn.challenges.first_tables.images import image_files
from radlearn.challenges.first_tables.pages import add_pages
from radlearn.challenges.first_tables.rows import FirstTable, Row
from radlearn.challenges.first_tables.split import add_split
from radlearn.challenges.folders import MASK_NAME, describe_folder, stem
from radlearn.errors import BadLayout
from radlearn.file_names import readable

MASK_FOLDERS = ("masks", "mask", "labels", "label", "segmentations", "annotations", "labelstr", "segmentationclass")
IMAGE_FOLDERS = ("images", "image", "imgs", "frames", "imagestr", "jpegimages")


def pair_table(folder: Path) -> FirstTable:
    """Return a table of the images of a folder with their label maps.

    Raises:
        BadLayout: if no image has a mask whose name or place says that they belong together.
    """
    files = image_files(folder)
    pairs = _beside(files) or _in_folders(files)
    if not pairs:
        expected = "an image and its mask side by side (a.png, a_mask.png), or in images/ and masks/ under one name"
        raise BadLayout(f"{folder}: {describe_folder(folder)}. Expected {expected}.")
    rows: list[Row] = [{"path": image, "mask": mask} for image, mask in sorted(pairs.items())]
    table = FirstTable(("path", "mask"), rows, looked_at=files)
    table.assumed.append(f"{counted(len(pairs), 'pairs')} of image and mask {verb_of(len(pairs), 'were')} found by their names.")
    used = {*pairs, *pairs.values()}
    if left := [path for path in files if path not in used]:
        alone = f"{counted(len(left), 'other pictures')} without a partner {verb_of(len(left), 'are')} left out"
        table.assumed.append(f"{alone}: {readable(left[0].name)}{', …' * (len(left) > 1)}.")
    table.assumed.append("A mask has 0 for the background and 1, 2, … for classes, or 0 and 255 for a single one.")
    table.assumed.append("Nothing says who the people are. Add a column person; without it every image counts as a person of its own.")
    add_split(table, folder)
    add_pages(table)
    return table


def _beside(files: Sequence[Path]) -> dict[Path, Path]:
    """Return image → mask where they lie in one folder, a mask being called like its image and `_mask`, `_seg` or so."""
    images = {(path.parent, stem(path.name)): path for path in files}
    named = ((path, MASK_NAME.match(stem(path.name))) for path in files)
    return {images[path.parent, said[1]]: path for path, said in named if said and (path.parent, said[1]) in images}


def _in_folders(files: Sequence[Path]) -> dict[Path, Path]:
    """Return image → mask where they lie in two folders side by side: under one name, or one with `_mask` or `_0000` behind it."""
    images = {(path.parent.parent, path.parent.name.lower(), stem(path.name)): path for path in files}
    pairs = {}
    for (root, name, case), mask in images.items():
        if name in MASK_FOLDERS:
            said = MASK_NAME.match(case)
            # nnU-Net numbers the channels of an image.
            wanted = [(root, beside, one) for beside in IMAGE_FOLDERS for one in (case, said[1] if said else case, f"{case}_0000")]
            if (image := next((images[place] for place in wanted if place in images), None)) is not None:
                pairs[image] = mask
    return pairs
