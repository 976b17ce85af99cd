"""What lies in a folder: files by their kind, and in words for a folder that is not yet what it should be."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from radlearn.errors import BadLayout
from radlearn.file_names import readable

XRAY_SUFFIXES = (".dcm", ".dicom")
NIFTI_SUFFIXES = (".nii.gz", ".nii")


def stem(name: str) -> str:
    """Return an X-ray's name without `.dcm`, readable. A UID keeps its last number, which `Path.stem` would take for a suffix.

    >>> stem("IM0001.DCM"), stem("1.2.840.10008")
    ('IM0001', '1.2.840.10008')
    """
    return readable(next((name[: -len(suffix)] for suffix in XRAY_SUFFIXES if name.lower().endswith(suffix)), name))


def nifti_stem(name: str) -> str | None:
    """Return a volume's name without `.nii` or `.nii.gz`, readable; None where it has neither.

    >>> nifti_stem("a.b.nii.gz"), nifti_stem("A.NII"), nifti_stem("a.dcm")
    ('a.b', 'A', None)
    """
    return next((readable(name[: -len(suffix)]) for suffix in NIFTI_SUFFIXES if name.lower().endswith(suffix)), None)


def nifti_files(folder: Path) -> list[Path]:
    """Return all NIfTI files below a folder, sorted; hidden ones are left out."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in names if nifti_stem(name) and not name.startswith(".")]
    return sorted(found)


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


def distinct_ids(paths: Sequence[Path], ids: Sequence[str], root: Path, units: str) -> list[str]:
    """Return the ids of files; where several share one, the names of their folders below `root` stand before it.

    Raises:
        BadLayout: if some still share one. `units` is what the files are called.
    """
    shared, distinct = Counter(ids), list(ids)
    for place, (path, one) in enumerate(zip(paths, ids, strict=True)):
        if shared[one] > 1 and path != root:
            distinct[place] = "_".join([*map(readable, path.relative_to(root).parts[:-1]), one])
    if twice := [one for one, count in Counter(distinct).items() if count > 1]:
        found = f"several {units} would be called {twice[0]!r}, so their predictions would be mixed up"
        raise BadLayout(f"{root}: {found}. Rename one of them.")
    return distinct


def within(path: Path, root: Path) -> str:
    """Return a path relative to the folder that a message is about, readable.

    >>> within(Path("data/images/a.dcm"), Path("data"))
    'images/a.dcm'
    """
    return readable(Path(os.path.relpath(path, root)).as_posix())


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
    parts += [f"the folder {entry.name} ({', '.join(_kinds(files_in(entry))) or 'no files in it'})" for entry in inner[:5]]
    if len(inner) > 5:
        parts.append(f"{len(inner) - 5:,} more folders")
    return "holds " + " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]])) if parts else "is empty"


def files_in(folder: Path) -> list[Path]:
    """Return the files that lie directly in a folder, sorted; hidden ones are left out."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith(".") and not entry.is_dir())


def _kinds(files: list[Path]) -> list[str]:
    counts = Counter(file.suffix.lower() for file in files)
    first = {file.suffix.lower(): file.name for file in reversed(files)}
    return [
        f"{count:,} {suffix or 'suffixless'} file{'s' if count > 1 else ''}{'' if suffix in XRAY_SUFFIXES else f' ({first[suffix]})'}"
        for suffix, count in counts.most_common(4)
    ]
