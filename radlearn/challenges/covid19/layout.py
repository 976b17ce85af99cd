"""The COVID-19-20 lung CT lesion challenge: its folder, read into cases.

    Train/volume-covid19-A-XXXX_ct.nii.gz         a chest CT each, in Hounsfield units
    Train/volume-covid19-A-XXXX_seg.nii.gz        its lesions, 0 and 1, on the same grid
    Validation/volume-covid19-A-XXXX_ct.nii.gz    CTs whose masks the challenge keeps
    persons.csv                                   case,person        (radlearn's own; may be missing)

The challenge publishes no word on who its cases are; as far as is known they are 249 people. So a case is a person of its own, unless
`persons.csv` says otherwise. Any other CTs can be named in the same way: what stands before `_ct` is the case.

Nothing is opened here: names and sizes are enough to say what is missing, and a volume takes as long to read as a thousand names.

Source: Roth et al. 2022, Medical Image Analysis 82:102605, doi:10.1016/j.media.2022.102605.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from radlearn.amounts import part_of, verb_of
from radlearn.challenges.covid19.folder import (
    CT,
    MASK,
    PERSONS_TABLE,
    TRAIN_FOLDER,
    UNLABELLED_FOLDER,
    case_and_kind,
    case_paths,
    file_trouble,
    missing_layout,
    read_persons,
    write_persons,
)
from radlearn.challenges.ct_case import Case
from radlearn.challenges.folders import describe_folder, distinct_ids, folder_that_holds, holds_labels, home_of, masks_beside, volume_stem
from radlearn.challenges.tables import ct_table
from radlearn.challenges.tables.table_rows import is_table
from radlearn.challenges.troubles import listed
from radlearn.errors import BadLayout
from radlearn.file_names import readable
from radlearn.folder_walks import real_path, walked
from radlearn.progress import say

LAYOUT_ADVICE = ("in the files would go wrong", "Mend or remove these files.")

__all__ = ["Case", "case_paths", "find_cases", "find_images", "layout_folder", "write_persons"]


def layout_folder(folder: Path) -> Path | None:
    """Return the folder that holds `Train/`: `folder` itself or, as the archive unpacks, the one folder in it that does.

    A folder that holds CTs and masks directly, such as `Train` itself, is one too, and so is a table of CTs with their masks.

    Raises:
        BadLayout: if several folders in it do.
    """
    folder = Path(folder)
    if is_table(folder):
        return folder if ct_table.is_ct_table(folder) else None
    if _holds_masks(folder):
        return folder
    return folder_that_holds(folder, lambda place: _holds_masks(place / TRAIN_FOLDER), f"{TRAIN_FOLDER} with masks")


def find_cases(folder: Path) -> list[Case]:
    """List the cases of the layout in `folder`, sorted, or those of a table, without opening one.

    Raises:
        BadLayout: if `folder` is not the layout (the message says what it holds), or if anything in it would train wrongly: a CT without
            mask or a mask without CT, two files for one, an empty file, a name that says neither (the message names the first ten).
    """
    if is_table(folder):
        return ct_table.find_cases(folder)
    cases, troubles, notes = audit(folder)
    if troubles:
        raise BadLayout(listed(folder, troubles, *LAYOUT_ADVICE))
    for note in notes:
        say(note, style="yellow")
    return cases


def audit(folder: Path, needs_cts: bool = True) -> tuple[list[Case], list[str], list[str]]:
    """Return the cases of a layout, everything in its names that would train wrongly, and notes on it; a line each.

    Args:
        folder: the layout, or what holds it.
        needs_cts: False where only the true masks are needed, to score against: a case whose CT is not there then has its mask
            for a path.

    Raises:
        BadLayout: if `folder` is not the layout.
    """
    root = layout_folder(folder)
    if root is None:
        raise missing_layout(Path(folder), needs_cts)
    train = root / TRAIN_FOLDER if _holds_masks(root / TRAIN_FOLDER) else root
    files: dict[str, dict[str, Path]] = {CT: {}, MASK: {}}
    troubles: list[str] = []
    for path in _volumes_in(train):
        where = f"{train.name}/{path.name}"
        understood = case_and_kind(path.name)
        if understood is None:
            troubles.append(f"{where}: is neither a CT nor a mask by its name; expected ID{CT}.nii.gz or ID{MASK}.nii.gz.")
            continue
        case_id, kind = understood
        if (other := files[kind].setdefault(case_id, path)) is not path:
            troubles.append(f"{where}: {other.name} is the {'CT' if kind == CT else 'mask'} of {case_id} too; keep one of them.")
        elif trouble := file_trouble(path):
            troubles.append(f"{where}: {trouble}")
    cts, masks = files[CT], files[MASK]
    for having, lacking, words in ((cts, masks, ("CTs", "mask", MASK)), (masks, cts, ("masks", "CT", CT)))[: 1 + needs_cts]:
        if alone := sorted(having.keys() - lacking.keys()):
            amount = f"{part_of(len(alone), len(having), words[0])} {verb_of(len(alone), 'have')} no {words[1]}"
            first = f"the first being {having[alone[0]].name}, for which {alone[0]}{words[2]}.nii.gz is missing"
            troubles.append(f"{train.name}: {amount}, {first}. Was the archive unpacked to its end?")
    ids = sorted(cts.keys() & masks.keys() if needs_cts else masks)
    # Whoever names Train itself must not lose the table that lies beside it.
    places = (root, Path(folder), train, *([root.parent] if root.name == TRAIN_FOLDER else []))
    persons, more, notes = _persons(places, ids)
    cases = [Case(case_id, cts.get(case_id, masks[case_id]), masks[case_id], persons.get(case_id, case_id)) for case_id in ids]
    return cases, troubles + more, notes


def find_images(folder: Path) -> list[Case]:
    """List the CTs of a folder that needs no masks: `Validation`, a folder that holds one, any folder of NIfTI or DICOM, or one file.

    A folder in which DICOM files lie is one case, whatever their number: a series has a file for each slice.

    Returns:
        Cases without masks, sorted by path. An id is the file's name without `.nii.gz` and `_ct`, or the DICOM folder's name; where
        several share one, the folders' names stand before it, and a number behind it where that does not tell them apart. Masks that
        lie beside their CTs are left out.

    Raises:
        BadLayout: if there is no CT. One that is empty or damaged is listed: whoever reads it says so, and goes on with the others.
    """
    folder = Path(folder)
    root = next(
        (place / UNLABELLED_FOLDER for place in (folder, layout_folder(folder) or folder) if _volumes_in(place / UNLABELLED_FOLDER)), folder
    )
    paths = _ct_paths(root)
    if not paths:
        expected = "volumes (.nii.gz, .nii, .mha, .nrrd), or folders with the DICOM slices of one series each"
        raise BadLayout(f"{folder}: {describe_folder(folder)}. Expected {expected}.")
    ids = distinct_ids(paths, [_id_of(path) for path in paths], root)
    return [Case(case_id, path, None, case_id) for case_id, path in zip(ids, paths, strict=True)]


def _persons(places: Sequence[Path], cases: Sequence[str]) -> tuple[dict[str, str], list[str], list[str]]:
    """Return case → person, what is wrong with the table it came from, and what a person should know about it."""
    table = next((place / PERSONS_TABLE for place in places if (place / PERSONS_TABLE).is_file()), None)
    if table is None:
        known = f"As far as is known that is true of the challenge's; where people have several scans, write {PERSONS_TABLE} (case,person)."
        return {}, [], [f"{places[0]}: there is no {PERSONS_TABLE}, so every case counts as a person of its own. {known}"]
    return read_persons(table, set(cases))


def _ct_paths(root: Path) -> list[Path]:
    """Return NIfTI files, masks left out, and folders in which DICOM lies, sorted; a file is itself."""
    from radlearn.scans.dicom import find_xrays  # pydicom takes half a second to import, and listing a layout needs none of it

    if root.is_file():
        return [root] if volume_stem(root.name) else []
    if not root.is_dir():
        return []
    from radlearn.scans.series_folders import one_folder_a_series

    found = one_folder_a_series(find_xrays(root), root)
    volumes = [path for place, _ in walked(root) for path in _volumes_in(place) if not _is_unpacked(path)]
    # What the user names is read, whatever it is called.
    labels = {place: holds_labels(place) for place in {home_of(path) for path in volumes} if place != root and place.is_relative_to(root)}
    masks = {*masks_beside(volumes).values(), *(path for path in volumes if labels.get(home_of(path)))}
    left_out = len(masks)
    found |= set(volumes) - masks
    if left_out:
        say(f"{root}: {left_out:,} {'masks were' if left_out > 1 else 'mask was'} left out, by name and place.", style="yellow")
    return sorted(found)


def _id_of(path: Path) -> str:
    known = case_and_kind(path.name)
    return known[0] if known and known[1] == CT else volume_stem(path.name) or readable(real_path(path).name)


def _volumes_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if volume_stem(entry.name) and not entry.name.startswith("."))
    return [folder / name for name in names]


def _is_unpacked(path: Path) -> bool:
    """Whether a folder is called like a volume and holds something, which is looked at by itself."""
    return path.is_dir() and any(not entry.name.startswith(".") for entry in path.iterdir())


def _holds_masks(folder: Path) -> bool:
    return any((case_and_kind(path.name) or ("", ""))[1] == MASK for path in _volumes_in(folder))
