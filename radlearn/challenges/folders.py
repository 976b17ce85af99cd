"""What lies in a folder: files by their kind, and in words for a folder that is not yet what it should be."""

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from radlearn.amounts import counted
from radlearn.errors import BadLayout
from radlearn.file_names import called, readable
from radlearn.folder_walks import walked
from radlearn.scans.file_names import DICOM_SUFFIXES, PICTURE_SUFFIXES, VOLUME_SUFFIXES
from radlearn.scans.tiff_pages import page_files, page_name

MASK_NAME = re.compile(r"^(.*?)[-_. ](?:msk|mask|seg|segmentation|label|labels|lesion|lesions|gt|roi)$", re.IGNORECASE)
CT_NAME = re.compile(r"^(.*?)[-_. ](?:ct|image|img|volume|0000)$", re.IGNORECASE)
LABEL_FOLDERS = {"labelstr": "imagestr", "labelsts": "imagests", "labelsval": "imagesval"}
"Of nnU-Net's layout, and the folders of images that they go with."
OUTPUT_FOLDERS = ("masks", "probabilities")
"What an earlier 'predict' wrote beside its table."
OUTPUT_TABLE, PARTIAL_TABLE = "predictions.csv", "predictions.partial.jsonl"
"The table of 'predict', and what stands for it until all is predicted."

FINDINGS_TABLE = "findings.csv"
"Of built-in X-rays: their exact findings, as a table of one's own."
TRUTH_TABLE = "truth.csv"
"The exact truth of synthetic cases. Nobody else knows it and writes it down, so a layout that holds it is synthetic."


def holds_exact_truth(data_folder: Path) -> bool:
    """Tell whether the exact truth of synthetic cases lies in a data folder, or beside it where the folder is one of its parts."""
    return any((place / TRUTH_TABLE).exists() for place in (data_folder, data_folder.parent))


def stem(name: str) -> str:
    """Return an image's name without `.dcm`, `.png` or `.nii.gz`, readable. A UID keeps its last number, which `Path.stem` would cut off.

    >>> stem("IM0001.DCM"), stem("1.2.840.10008"), stem("a.jpeg"), stem("a.nii.gz")
    ('IM0001', '1.2.840.10008', 'a', 'a')
    """
    suffixes = (*DICOM_SUFFIXES, *PICTURE_SUFFIXES, *VOLUME_SUFFIXES)
    return readable(next((name[: -len(suffix)] for suffix in suffixes if name.lower().endswith(suffix)), name))


def volume_stem(name: str) -> str | None:
    """Return a volume's name without `.nii.gz`, `.nii`, `.mha` or `.nrrd`, readable; None where it has none of these.

    >>> volume_stem("a.b.nii.gz"), volume_stem("A.MHA"), volume_stem("a.dcm")
    ('a.b', 'A', None)
    """
    return next((readable(name[: -len(suffix)]) for suffix in VOLUME_SUFFIXES if name.lower().endswith(suffix)), None)


def files_below(folder: Path) -> list[Path]:
    """Return all files below a folder, sorted; hidden ones are left out."""
    return sorted(place / name for place, names in walked(folder) for name in names)


def volume_files(folder: Path) -> list[Path]:
    """Return all files of volumes below a folder, sorted; hidden ones are left out."""
    return [path for path in files_below(folder) if volume_stem(path.name)]


def is_image_file(path: Path) -> bool:
    """Tell whether a file is an image in two dimensions by its name, and where that may be of a volume by its header."""
    if path.name.lower().endswith((*DICOM_SUFFIXES, *PICTURE_SUFFIXES)):
        return True
    if volume_stem(path.name) is None:
        return False
    from radlearn.scans.plain_images import holds_one_slice  # Pillow and others, which lists of names need not

    return bool(holds_one_slice(path))


def named_pages(name: str, path: Path) -> list[tuple[str, Path]]:
    """Return name and file of each page of a TIFF of several; of any other file its own."""
    files = page_files(path)
    return [(name, path)] if len(files) == 1 else [(page_name(name, page), file) for page, file in enumerate(files, start=1)]


def home_of(path: Path) -> Path:
    """Return the folder of a volume; some programs unpack `a.nii.gz` into a folder of that name, which is passed over.

    >>> home_of(Path("d/a.nii.gz/a.nii")).as_posix(), home_of(Path("d/a.nii")).as_posix()
    ('d', 'd')
    """
    return path.parent.parent if volume_stem(path.parent.name) else path.parent


def masks_beside(paths: Sequence[Path]) -> dict[Path, Path]:
    """Return CT → mask of volumes whose names say that they belong together and that lie in one folder.

    >>> [mask.name for mask in masks_beside([Path("a_ct.nii.gz"), Path("a-mask.nii.gz"), Path("b_seg.nii.gz")]).values()]
    ['a-mask.nii.gz']
    """
    by_name: dict[tuple[Path, str], Path] = {}
    for path in paths:
        stem = volume_stem(path.name) or ""
        if not MASK_NAME.match(stem):
            bare = CT_NAME.match(stem)
            by_name[home_of(path), stem] = by_name[home_of(path), bare[1] if bare else stem] = path
    masks = {}
    for path in paths:
        said = MASK_NAME.match(volume_stem(path.name) or "")
        if said and (home_of(path), said[1]) in by_name:
            masks[by_name[home_of(path), said[1]]] = path
    return masks


def holds_labels(folder: Path) -> bool:
    """Whether a folder holds masks by its name and what lies beside it: nnU-Net's labels, or what an earlier 'predict' wrote."""
    name = folder.name.lower()
    if name in OUTPUT_FOLDERS:
        return any((folder.parent / table).is_file() for table in (OUTPUT_TABLE, PARTIAL_TABLE))
    beside = LABEL_FOLDERS.get(name)
    return beside is not None and any(other.name.lower() == beside and other.is_dir() for other in folder.parent.iterdir())


def folder_that_holds(folder: Path, holds: Callable[[Path], bool], what: str) -> Path | None:
    """Return `folder` or, as an archive unpacks, the one folder in it for which `holds` is true; None where there is none.

    Raises:
        BadLayout: if several folders in it do. `what` they hold is named.
    """
    if not folder.is_dir():
        return None
    if holds(folder):
        return folder
    found = sorted(inner for inner in folder.iterdir() if inner.is_dir() and holds(inner))
    if len(found) > 1:
        names = ", ".join(inner.name for inner in found)
        raise BadLayout(f"{folder}: {len(found)} folders in it hold a {what} ({names}). Name one of them.")
    return found[0] if found else None


def ids_with_folders(paths: Sequence[Path], ids: Sequence[str], root: Path) -> list[str]:
    """Return the ids of files; where several share one, the names of their folders below `root` stand before it.

    >>> ids_with_folders([Path("d/ann/ct.nii"), Path("d/ben/ct.nii"), Path("d/x.nii")], ["ct", "ct", "x"], Path("d"))
    ['ann_ct', 'ben_ct', 'x']
    """
    shared, named = Counter(ids), list(ids)
    for place, (path, one) in enumerate(zip(paths, ids, strict=True)):
        if shared[one] > 1 and path != root:
            named[place] = "_".join([*map(readable, path.relative_to(root).parts[:-1]), one])
    return named


def distinct_ids(paths: Sequence[Path], ids: Sequence[str], root: Path) -> list[str]:
    """Return the ids of files as `ids_with_folders`; the later ones of those that still share one are numbered.

    >>> distinct_ids([Path("d/ct.nii"), Path("d/ct.nii.gz")], ["ct", "ct"], Path("d"))
    ['ct', 'ct-2']
    """
    named = ids_with_folders(paths, ids, root)
    own, taken = set(named), set[str]()
    for place, one in enumerate(named):
        number = 1
        while named[place] in taken or (number > 1 and named[place] in own):
            number += 1
            named[place] = f"{one}-{number}"
        taken.add(named[place])
    return named


def within(path: Path, root: Path) -> str:
    """Return a path relative to the folder that a message is about, readable.

    >>> within(Path("data/images/a.dcm"), Path("data"))
    'images/a.dcm'
    """
    return readable(Path(os.path.relpath(called(path), root)).as_posix())


def describe_folder(folder: Path) -> str:
    """Say in one line what a folder holds, by kind: `holds 1 .zip file (a.zip) and the folder images (200 .dcm files)`."""
    folder = Path(folder)
    if not folder.exists():
        return "there is no such folder"
    if folder.is_file():
        return f"is a {folder.suffix or 'single'} file, not a folder"
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    parts = _kinds([entry for entry in entries if not entry.is_dir()])
    inner = [entry for entry in entries if entry.is_dir()]
    parts += [f"the folder {entry.name} ({', '.join(_kinds(files_in(entry))) or _without_files(entry)})" for entry in inner[:5]]
    if len(inner) > 5:
        parts.append(f"{counted(len(inner) - 5, 'more folders')}")
    return "holds " + " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]])) if parts else "is empty"


def _without_files(folder: Path) -> str:
    inner = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    return f"with the folder {inner[0]}{', …' * (len(inner) > 1)}" if inner else "no files in it"


def files_in(folder: Path) -> list[Path]:
    """Return the files that lie directly in a folder, sorted; hidden ones are left out."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith(".") and not entry.is_dir())


def _kinds(files: list[Path]) -> list[str]:
    counts = Counter(file.suffix.lower() for file in files)
    first = {file.suffix.lower(): file.name for file in reversed(files)}
    return [
        f"{count:,} {suffix or 'suffixless'} file{'s' if count > 1 else ''}{'' if suffix in DICOM_SUFFIXES else f' ({first[suffix]})'}"
        for suffix, count in counts.most_common(4)
    ]
