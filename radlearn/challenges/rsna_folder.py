"""What lies in a folder, in words: for the person whose data folder is not yet what it should be."""

from collections import Counter
from pathlib import Path

from radlearn.errors import BadLayout

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z")
XRAY_SUFFIXES = (".dcm", ".dicom")


def stem(name: str) -> str:
    """Return an X-ray's name without `.dcm`. A UID keeps its last number, which `Path.stem` would take for a suffix.

    >>> stem("IM0001.DCM"), stem("1.2.840.10008")
    ('IM0001', '1.2.840.10008')
    """
    return next((name[: -len(suffix)] for suffix in XRAY_SUFFIXES if name.lower().endswith(suffix)), name)


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
    parts += [f"the folder {entry.name} ({', '.join(_kinds(_files_in(entry))) or 'no files in it'})" for entry in inner[:5]]
    if len(inner) > 5:
        parts.append(f"{len(inner) - 5:,} more folders")
    return "holds " + " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]])) if parts else "is empty"


def missing_layout(folder: Path, expected: tuple[str, str]) -> BadLayout:
    """Return the error for a folder that is not the layout: what was found, what was expected, what to do about the difference."""
    images, labels = expected
    advice = "Put the challenge's files there (kaggle.com/c/rsna-pneumonia-detection-challenge/data), or name another folder with --data."
    files = _files_in(folder) if folder.is_dir() else []
    if archives := [file.name for file in files if file.suffix in ARCHIVES]:
        advice = f"Unpack {', '.join(archives[:3])} in that folder first (unzip {archives[0]})."
    elif (folder / labels).is_file():
        advice = f"The table is there; the X-rays it speaks of are not. Put them into {images}/, one patientId.dcm each."
    elif (folder / images).is_dir() or any(file.suffix.lower() in XRAY_SUFFIXES for file in files):
        advice = f"The X-rays are there, but not {labels}, which says what is on them. Without labels there is 'predict', which needs none."
    return BadLayout(f"{folder}: {describe_folder(folder)}. Expected {labels} and {images}/ with one patientId.dcm per image. {advice}")


def _files_in(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith(".") and not entry.is_dir())


def _kinds(files: list[Path]) -> list[str]:
    counts = Counter(file.suffix.lower() for file in files)
    first = {file.suffix.lower(): file.name for file in reversed(files)}
    return [
        f"{count:,} {suffix or 'suffixless'} file{'s' if count > 1 else ''}{'' if suffix in XRAY_SUFFIXES else f' ({first[suffix]})'}"
        for suffix, count in counts.most_common(4)
    ]
