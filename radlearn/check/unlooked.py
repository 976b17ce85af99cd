"""What lies in a folder and was not looked at: images in formats that radlearn does not read, archives, links that lead nowhere."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from radlearn.challenges.folders import files_below, within
from radlearn.check.findings import Finding
from radlearn.scans.file_names import PICTURE_SUFFIXES

VOLUMES = (
    ".hdr", ".img", ".hdr.gz", ".img.gz", ".mha", ".mhd", ".raw", ".zraw", ".nrrd", ".nhdr", ".mgh", ".mgz", ".mnc", ".vtk", ".vti",
    ".nii.bz2", ".nii.xz", ".nii.zst", ".nii.zip", ".npy", ".npz", ".h5", ".hdf5",
)  # fmt: skip
OTHER_PICTURES = (".gif", ".webp", ".jp2", ".j2k")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar", ".dcm.gz", ".dcm.zip")
TABLES = (".csv", ".csv.gz", ".json", ".txt", ".md", ".html", ".pdf", ".tsv", ".xlsx", ".yaml", ".yml", ".bval", ".bvec")
NAMES = {"DICOMDIR", "LICENSE", "README", "VERSION", "Thumbs.db", "desktop.ini", "Icon\r"}
"What lies beside images everywhere, and is none."
SHOWN = 3


def unlooked_files(folder: Path, looked_at: Collection[Path]) -> list[Path]:
    """Return the files below a folder that are no tables and were not looked at, sorted; hidden ones are left out."""
    known = set(looked_at)
    return [path for path in files_below(folder) if path not in known and not _is_beside(path)]


def _is_beside(path: Path) -> bool:
    # CDs are often mounted with names in small letters.
    return path.name in NAMES or path.name.upper() == "DICOMDIR" or bool(_ends(path, TABLES))


def unlooked_findings(paths: Sequence[Path], root: Path) -> Iterator[Finding]:
    """Yield one finding for each kind of file that was not looked at."""
    lost = [path for path in paths if not path.exists()]
    if lost:
        yield Finding("link-lost", within(lost[0], root), f"{_amount(lost, root)} lead to what is not there", _also(lost, root))
    rest = [path for path in paths if path.exists()]
    for rule, suffixes, words in (
        ("archive", ARCHIVES, "packed, and not looked into"),
        ("format-unread", VOLUMES, "in a format of volumes that radlearn does not read"),
        ("picture-beside", PICTURE_SUFFIXES, "pictures"),
        ("format-unread", OTHER_PICTURES, "pictures in a format that radlearn does not read"),
    ):
        by_suffix: dict[str, list[Path]] = {}
        for path in rest:
            if suffix := _ends(path, suffixes):
                by_suffix.setdefault(suffix, []).append(path)
        for same in by_suffix.values():
            yield Finding(rule, within(same[0], root), f"{_amount(same, root)}: {words}", _also(same, root))
        rest = [path for path in rest if not _ends(path, suffixes)]
    if rest:
        yield Finding("unlooked", within(rest[0], root), f"{_amount(rest, root)}: neither DICOM nor NIfTI", _also(rest, root))


def unread_words(paths: Sequence[Path]) -> str:
    """Return what to do about files that nothing here reads, for a folder that holds nothing else; "" where there are none."""
    volumes, packed = ([path for path in paths if _ends(path, suffixes)] for suffixes in (VOLUMES, ARCHIVES))
    if volumes:
        return f" radlearn does not read {_ends(volumes[0], VOLUMES)}: convert volumes to .nii.gz, for example with SimpleITK."
    return f" Unpack {packed[0].name} first." if packed else ""


def _ends(path: Path, suffixes: Sequence[str]) -> str:
    """Return the longest of the suffixes that a file's name ends with; "" where it ends with none."""
    return max((suffix for suffix in suffixes if path.name.lower().endswith(suffix)), key=len, default="")


def _amount(paths: Sequence[Path], root: Path) -> str:
    names = ", ".join(within(path, root) for path in paths[:SHOWN])
    return f"{len(paths):,} file{'s' * (len(paths) > 1)} ({names}{', …' * (len(paths) > SHOWN)})"


def _also(paths: Sequence[Path], root: Path) -> tuple[str, ...]:
    return tuple(within(path, root) for path in paths[1:])
