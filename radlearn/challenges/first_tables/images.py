"""Which files of a folder the first table takes for images: by their names, by DICOM's preamble, and without the masks beside them."""

from collections.abc import Sequence
from pathlib import Path

from radlearn.challenges.folders import CT_NAME, MASK_NAME, files_below, is_image_file, stem
from radlearn.scans.file_names import DICOM_SUFFIXES, PICTURE_SUFFIXES, VOLUME_SUFFIXES

INDEX = "DICOMDIR"


def is_nameless_dicom(path: Path) -> bool:
    """Tell whether a file is DICOM by its content and not by its name, as on the CD of a hospital."""
    if path.name.upper() == INDEX or path.name.lower().endswith((*DICOM_SUFFIXES, *PICTURE_SUFFIXES, *VOLUME_SUFFIXES)):
        return False
    from radlearn.scans.dicom import is_dicom  # pydicom, which names alone need not

    return is_dicom(path)


def image_files(folder: Path) -> list[Path]:
    """Return the DICOM files, pictures and volume files of one slice below a folder, sorted."""
    return [path for path in files_below(folder) if is_image_file(path) or is_nameless_dicom(path)]


def masks_of(images: Sequence[Path]) -> set[Path]:
    """Return the files that are masks by their names: called like an image beside them, with `_mask`, `_seg` or so behind it.

    >>> [path.name for path in masks_of([Path("a.png"), Path("a_mask.png"), Path("b-seg.png")])]
    ['a_mask.png']
    """
    bare = {(path.parent, _bare(path)) for path in images if not MASK_NAME.match(stem(path.name))}
    named = ((path, MASK_NAME.match(stem(path.name))) for path in images)
    return {path for path, said in named if said and (path.parent, said[1].lower()) in bare}


def _bare(path: Path) -> str:
    name = stem(path.name)
    said = CT_NAME.match(name)
    return (said[1] if said else name).lower()
