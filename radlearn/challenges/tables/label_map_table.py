"""A person's own images with label maps in a table: see `own_table` for its columns. One more is needed, one may be there:

mask      which class each pixel belongs to, a picture on the grid of the image (PNG, TIFF or BMP), or a volume file of one slice (NIfTI,
          MetaImage, NRRD); relative to the table's folder.
mask_page which page of a TIFF of several the mask is, from 1 on; without it that of the image, in the column `page`
          0 is the background, 1, 2, … are classes, as grey values or as indices of a palette; or 0 and 255 for a single class
classes   what classes 1, 2, … are called, joined by |, such as nerve|vessel; the same in every row. The background has no name
"""

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from radlearn.challenges.folders import is_image_file, volume_stem
from radlearn.challenges.tables.own_table import accepted, data_folder, one_value, read_table
from radlearn.challenges.tables.table_files import OwnTable, paged, resolved
from radlearn.challenges.tables.table_rows import rows_of
from radlearn.challenges.ultrasound_case import UltrasoundCase
from radlearn.challenges.words.near_columns import PAGE
from radlearn.csv_cells import restored
from radlearn.file_names import from_home
from radlearn.folder_walks import real_path
from radlearn.scans.file_names import JPEG_SUFFIXES, PICTURE_SUFFIXES, VOLUME_SUFFIXES
from radlearn.scans.tiff_pages import pages_in

MASK, MASK_PAGE, CLASSES = "mask", "mask_page", "classes"
OTHER_MARKS = (";", ",")
"What names are joined by elsewhere; a name with a comma could not head a column of a table either."
BACKGROUND = {
    *("background", "back ground", "bg", "bkg", "none", "nothing", "no class", "unlabeled", "unlabelled", "unlabel", "void", "empty"),
    *("hintergrund", "arrière-plan", "arriere-plan", "fond", "fondo", "sfondo", "achtergrond", "bakgrund", "фон", "背景"),
}
"Names, in small letters, under which tools list the value 0 among the classes."
LABEL_MAP_SUFFIXES = tuple(suffix for suffix in PICTURE_SUFFIXES if suffix not in JPEG_SUFFIXES)
LOOKED_AT = 5
"Of volume files, to know whether a table names slices or volumes."


def is_label_map_table(path: Path) -> bool:
    """Tell whether most masks that a table names are pictures, or volume files of one slice.

    One that names masks of volumes is another (`ct_table`). What volume files are is said by the headers of the first few.
    """
    columns, rows, _ = rows_of(Path(path))
    named = [restored(cells[MASK]) for _, cells in rows if cells.get(MASK)] if MASK in columns else []
    volumes = [Path(path).parent / from_home(name) for name in named if name.lower().endswith(VOLUME_SUFFIXES)]
    pictures = sum(name.lower().endswith(PICTURE_SUFFIXES) for name in named)
    return 2 * (pictures + len(volumes) * _are_slices(volumes)) > len(named)


def _are_slices(volumes: Sequence[Path]) -> bool:
    """Whether the first of some volume files that can be read are of one slice."""
    from radlearn.scans.plain_images import holds_one_slice  # Pillow and others, which lists of names need not

    said = list(islice((one for one in map(holds_one_slice, volumes) if one is not None), LOOKED_AT))
    return 2 * sum(said) > len(said)


def find_cases(path: Path) -> list[UltrasoundCase]:
    """Return the images of a table, in its order; errors as `own_table.accepted`."""
    return accepted(*audit(path))


def audit(path: Path) -> tuple[OwnTable, list[UltrasoundCase]]:
    """Return a table, with everything that is wrong in it among its troubles, and the images whose label map is there."""
    table = read_table(path, (MASK,), (MASK, MASK_PAGE, CLASSES))
    classes = _classes(table)
    cases, masks = [], dict[Path, int]()
    for image in table.images:
        line, cells = image.rows[0]
        for again, _ in image.rows[1:]:
            table.troubles.append(f"{table.at(again, 'path')}: is the image of line {line} again; expected one row for each image.")
        if not cells[MASK]:
            table.troubles.append(f"{table.at(line, MASK)}: is empty; an image on which nothing is seen has a label map of zeros.")
            continue
        file = resolved(table, line, MASK, cells[MASK])
        if file is None:
            continue
        # The page of an image says nothing of a mask that has one page.
        column = PAGE if cells.get(PAGE) and not cells.get(MASK_PAGE) and pages_in(file) > 1 else MASK_PAGE
        if (mask := paged(table, line, column, cells, file)) is None:
            continue
        where = table.at(line, MASK)
        if real_path(mask) == real_path(image.path):
            table.troubles.append(f"{where}: is the image itself; expected its label map.")
        elif mask.name.lower().endswith(JPEG_SUFFIXES):
            table.troubles.append(f"{where}: is {cells[MASK]!r}; a JPEG changes the values at every outline. Expected PNG or TIFF.")
        elif not mask.name.lower().endswith(LABEL_MAP_SUFFIXES) and not (volume_stem(mask.name) and is_image_file(mask)):
            expected = f"expected a picture, {', '.join(LABEL_MAP_SUFFIXES)}, or a file of one slice, {', '.join(VOLUME_SUFFIXES)}"
            table.troubles.append(f"{where}: is {cells[MASK]!r}; {expected}, as the other masks of this table are.")
        elif (first := masks.setdefault(real_path(mask), line)) != line:
            table.troubles.append(f"{where}: is the label map of line {first} too; expected one for each image.")
        else:
            folder = data_folder(image.path, table)
            cases.append(UltrasoundCase(image.image_id, image.path, mask, image.person, folder, image.split, image.groups, classes))
    return table, cases


def _classes(table: OwnTable) -> tuple[str, ...]:
    """Return the names of the classes; what is wrong with them is noted among the troubles."""
    if CLASSES not in table.columns or not table.images:
        return ()
    first = table.images[0]
    written = one_value(table, first, CLASSES)
    for image in table.images[1:]:
        if (other := one_value(table, image, CLASSES)) != written:
            found = f"is {other!r} here and {written!r} in line {first.line}; expected the same names in every row"
            table.troubles.append(f"{table.at(image.line, CLASSES)}: {found}.")
            return ()
    names = tuple(name.strip() for name in written.split("|"))
    where = table.at(first.line, CLASSES)
    if parted := next((mark for mark in OTHER_MARKS if mark in written), ""):
        meant = "|".join(name.strip() for name in re.split(r"[,;|]", written) if name.strip())
        table.troubles.append(f"{where}: is {written!r}; names are joined by |, not by {parted}. Write {meant}.")
        return ()
    if background := [name for name in names if name.lower() in BACKGROUND]:
        others = "|".join(name for name in names if name not in background) or "the names of classes 1, 2, … alone"
        found = f"is {written!r}; 0 is the background, which takes no name: the first name is that of class 1. Write {others}"
        table.troubles.append(f"{where}: {found}, if {background[0]} is what 0 stands for.")
        return ()
    if not all(names) or len(set(map(str.lower, names))) < len(names):
        found = f"is {written!r}; expected a name of its own for each class, joined by |, such as nerve|vessel"
        table.troubles.append(f"{where}: {found}.")
        return ()
    return names
