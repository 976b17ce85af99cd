"""The challenge Ultrasound Nerve Segmentation (Kaggle 2016): its folder, read into cases.

    train/N_M.tif         image M of person N, 420 × 580 pixels (rows × columns)
    train/N_M_mask.tif    the nerves of the brachial plexus on it, 0 and 255, on the same grid; all 0 where none is seen
    train_masks.csv       subject,img,pixels: the same masks as run lengths; not read, because the files hold all of it
    test/M.tif            images whose masks the challenge keeps, and of which it does not say whose they are

Any pictures can be named in this way (`.png`, `.bmp` and so on too). Of a folder without any mask the first image is looked at; else
nothing is opened here: names and sizes of files are enough to say what is missing.

Source: kaggle.com/c/ultrasound-nerve-segmentation/data.
"""

import os
import re
from pathlib import Path

from PIL import Image

from radlearn.amounts import part_of, verb_of
from radlearn.challenges.folders import describe_folder, distinct_ids, files_below, folder_that_holds, is_image_file, named_pages, stem
from radlearn.challenges.tables import label_map_table
from radlearn.challenges.tables.folder_tables import tables_hint
from radlearn.challenges.tables.table_rows import is_table
from radlearn.challenges.troubles import listed
from radlearn.challenges.ultrasound.submission import SIZE_PX
from radlearn.challenges.ultrasound_case import UltrasoundCase
from radlearn.errors import BadLayout
from radlearn.files import NO_FILE, opened_to_read
from radlearn.progress import say
from radlearn.scans.file_names import PICTURE_SUFFIXES, VOLUME_SUFFIXES

TRAIN_FOLDER, TEST_FOLDER = "train", "test"
MASK = "_mask"
CLASSES = ("nerve",)
"The challenge's one class: 255 in a mask."
MASKS_TABLE = "train_masks.csv"
NAME = re.compile(r"(?P<person>\d+)_(?P<image>\d+)(?P<mask>_mask)?", re.IGNORECASE)
LAYOUT_ADVICE = ("in the files would go wrong", "Mend or remove these files.")


def person_image_and_kind(name: str) -> tuple[str, str, bool] | None:
    """Return whose image a file of the layout is, its image id, and whether it is a mask; None where its name says nothing of it.

    >>> person_image_and_kind("12_103_mask.tif"), person_image_and_kind("12_103.tif"), person_image_and_kind("103.tif")
    (('12', '12_103', True), ('12', '12_103', False), None)
    """
    said = NAME.fullmatch(stem(name)) if name.lower().endswith(PICTURE_SUFFIXES) else None
    return None if said is None else (said["person"], f"{said['person']}_{said['image']}", said["mask"] is not None)


def case_paths(folder: Path, image_id: str) -> tuple[Path, Path]:
    """Return where the layout in `folder` has an image and its mask.

    >>> [path.as_posix() for path in case_paths(Path("data"), "12_103")]
    ['data/train/12_103.tif', 'data/train/12_103_mask.tif']
    """
    train = Path(folder) / TRAIN_FOLDER
    return train / f"{image_id}.tif", train / f"{image_id}{MASK}.tif"


def layout_folder(folder: Path) -> Path | None:
    """Return the folder that holds `train/`: `folder` itself or, as the archive unpacks, the one folder in it that does.

    A folder that holds images and masks directly, such as `train` itself, is one too, and so is a table of images with their label maps.

    Raises:
        BadLayout: if several folders in it do.
    """
    folder = Path(folder)
    if is_table(folder):
        return folder if label_map_table.is_label_map_table(folder) else None
    if _holds_masks(folder) or _lacks_masks(folder):
        return folder
    return folder_that_holds(folder, lambda place: _is_train(place / TRAIN_FOLDER), f"{TRAIN_FOLDER} with masks")


def find_cases(folder: Path) -> list[UltrasoundCase]:
    """List the cases of the layout in `folder`, by person and image, or those of a table in its order, without opening one.

    Raises:
        BadLayout: if `folder` is not the layout (the message says what it holds), or if anything in it would train wrongly: an image
            without mask or a mask without image, two files for one, an empty file, a name that says neither.
    """
    if is_table(folder):
        return label_map_table.find_cases(folder)
    cases, troubles = audit(folder)
    if troubles:
        raise BadLayout(listed(folder, troubles, *LAYOUT_ADVICE))
    return cases


def audit(folder: Path, needs_images: bool = True) -> tuple[list[UltrasoundCase], list[str]]:
    """Return the cases of a layout, and everything in its names that would train wrongly, a line each.

    Args:
        folder: the layout, or what holds it.
        needs_images: False where only the true masks are needed, to score against: a case whose image is not there then has its mask
            for a path.

    Raises:
        BadLayout: if `folder` is not the layout.
    """
    root = layout_folder(folder)
    if root is None:
        raise _missing_layout(Path(folder))
    train = train_folder(root)
    files: dict[bool, dict[str, Path]] = {False: {}, True: {}}
    persons: dict[str, str] = {}
    troubles: list[str] = []
    for path in pictures_in(train):
        where = f"{train.name}/{path.name}"
        understood = person_image_and_kind(path.name)
        if understood is None:
            troubles.append(f"{where}: is neither an image nor a mask by its name; expected N_M.tif or N_M{MASK}.tif.")
            continue
        persons[understood[1]] = understood[0]
        if (other := files[understood[2]].setdefault(understood[1], path)) is not path:
            what = "mask" if understood[2] else "image"
            troubles.append(f"{where}: {other.name} is the {what} {understood[1]} too; keep one of them.")
        elif trouble := file_trouble(path):
            troubles.append(f"{where}: {trouble}")
    images, masks = files[False], files[True]
    for having, lacking, words in ((images, masks, ("images", "mask", MASK)), (masks, images, ("masks", "image", "")))[: 1 + needs_images]:
        if alone := sorted(having.keys() - lacking.keys(), key=_order):
            amount = f"{part_of(len(alone), len(having), words[0])} {verb_of(len(alone), 'have')} no {words[1]}"
            first = f"the first being {having[alone[0]].name}, for which {alone[0]}{words[2]}.tif is missing"
            troubles.append(f"{train.name}: {amount}, {first}. Was the archive unpacked to its end?")
    ids = sorted(images.keys() & masks.keys() if needs_images else masks, key=_order)
    cases = [UltrasoundCase(one, images.get(one, masks[one]), masks[one], persons[one], root, class_names=CLASSES) for one in ids]
    return cases, troubles


def find_images(folder: Path) -> list[UltrasoundCase]:
    """List the images of a folder that needs no masks: `test`, a folder that holds one, any folder of pictures or DICOM files, or one file.

    Returns:
        Cases without masks, in the order of the numbers in their names. An id is the file's name without its suffix; where several share
        one, the folders' names stand before it. Masks that lie beside their images are left out. Each image counts as a person, and the
        pages of a TIFF, `stack-page-003`, as one.

    Raises:
        BadLayout: if there is no image. One that is empty or damaged is listed: whoever reads it says so, and goes on with the others.
    """
    folder = Path(folder)
    root = next((place / TEST_FOLDER for place in (folder, layout_folder(folder) or folder) if pictures_in(place / TEST_FOLDER)), folder)
    if root != folder and root.name == TEST_FOLDER:
        say(f"{folder}: holds a folder {TEST_FOLDER}, whose images are taken; name another folder in it for others.")
    paths = [path for path in ([root] if root.is_file() else files_below(root) if root.is_dir() else []) if is_image_file(path)]
    names = {(path.parent, stem(path.name)) for path in paths}
    masks = [path for path in paths if path != root and (path.parent, _bare(path)) in names]
    if masks:
        say(f"{root}: {len(masks):,} {'masks were' if len(masks) > 1 else 'mask was'} left out, by name and place.", style="yellow")
    kept = sorted(set(paths) - set(masks), key=lambda path: (path.parent, _order(stem(path.name))))
    if not kept:
        found = f"{', '.join(VOLUME_SUFFIXES)} of one slice"
        raise BadLayout(f"{folder}: {describe_folder(folder)}. Expected images: {', '.join(PICTURE_SUFFIXES)}, DICOM files, or {found}.")
    ids = distinct_ids(kept, [stem(path.name) for path in kept], root)
    home = root.parent if root.is_file() or root.name == TEST_FOLDER else root
    return [
        UltrasoundCase(name, file, None, one, home, class_names=CLASSES)
        for one, path in zip(ids, kept, strict=True)
        for name, file in named_pages(one, path)
    ]


def train_folder(root: Path) -> Path:
    """Return where the labelled images of a layout lie: in its `train`, or in itself."""
    return root / TRAIN_FOLDER if _is_train(root / TRAIN_FOLDER) else root


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures that lie directly in a folder, in the order of the numbers in their names; hidden ones are left out."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.lower().endswith(PICTURE_SUFFIXES) and not entry.name.startswith(".")]
    return [folder / name for name in sorted(names, key=_order)]


def file_trouble(path: Path) -> str:
    """Say what is wrong with a file without opening it: empty, a folder, a pipe, or a link to nowhere; "" where nothing is."""
    if path.is_dir():
        return "is a folder; expected a picture."
    if not path.exists():
        return "is a link to a file that is not there. Was the data set copied without its contents?"
    if not path.is_file():
        return f"{NO_FILE}; expected a picture."
    return "" if path.stat().st_size else "is empty (0 bytes). Copy or download it again."


def _order(name: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts 2_10 after 2_9."""
    return tuple((int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name) if part)


def _bare(path: Path) -> str:
    """Return the name of the image that a file would be the mask of."""
    name = stem(path.name)
    return name[: -len(MASK)] if name.lower().endswith(MASK) else ""


def _holds_masks(folder: Path) -> bool:
    return any((person_image_and_kind(path.name) or ("", "", False))[2] for path in pictures_in(folder))


def _is_train(folder: Path) -> bool:
    return _holds_masks(folder) or _lacks_masks(folder)


def _lacks_masks(folder: Path) -> bool:
    """Whether a folder `train` holds the challenge's images without any mask: X-rays of other data sets are named N_M too."""
    pictures = pictures_in(folder) if folder.name == TRAIN_FOLDER else []
    named = bool(pictures) and all(NAME.fullmatch(stem(path.name)) and path.suffix.lower() == ".tif" for path in pictures)
    return named and (any((place / MASKS_TABLE).is_file() for place in (folder, folder.parent)) or _has_size_of_challenge(pictures[0]))


def _has_size_of_challenge(path: Path) -> bool:
    try:
        with opened_to_read(path) as opened, Image.open(opened, formats=["TIFF"]) as image:
            return image.size == SIZE_PX[::-1]
    except (OSError, SyntaxError, ValueError):
        return False


def _missing_layout(folder: Path) -> BadLayout:
    expected = f"{TRAIN_FOLDER}/ with N_M.tif and N_M{MASK}.tif, N being the person and M the image"
    where = "Put the challenge's files there (kaggle.com/c/ultrasound-nerve-segmentation), or name another folder with --data."
    advice = tables_hint(folder) or f"{where} Your own images are named in a table (path, mask, person)."
    return BadLayout(f"{folder}: {describe_folder(folder)}. Expected {expected}. {advice}")
