"""What lies in a folder and was not looked at: images in formats that radlearn does not read, archives, links that lead nowhere."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from radlearn.amounts import counted, verb_of
from radlearn.challenges.folders import within
from radlearn.challenges.unlooked import ending_in
from radlearn.check.findings import Finding
from radlearn.scans.file_names import OTHER_PICTURES, PICTURE_SUFFIXES, VOLUME_SUFFIXES

VOLUMES = (
    ".hdr", ".img", ".hdr.gz", ".img.gz", ".mhd", ".raw", ".zraw", ".nhdr", ".mgh", ".mgz", ".mnc", ".vtk", ".vti",
    ".nii.bz2", ".nii.xz", ".nii.zst", ".nii.zip", ".npy", ".npz", ".h5", ".hdf5",
)  # fmt: skip
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar", ".dcm.gz", ".dcm.zip")
SHOWN = 3


def unlooked_findings(paths: Sequence[Path], root: Path) -> Iterator[Finding]:
    """Yield one finding for each kind of file that was not looked at."""
    lost = [path for path in paths if not path.exists()]
    if lost:
        yield Finding(
            "link-lost",
            within(lost[0], root),
            f"{_amount(lost, root)} {verb_of(len(lost), 'lead')} to what is not there",
            _also(lost, root),
        )
    rest = [path for path in paths if path.exists()]
    for rule, suffixes, words in (
        ("archive", ARCHIVES, "packed, and not looked into"),
        ("format-unread", VOLUMES, "in a format of volumes that radlearn does not read"),
        ("picture-beside", PICTURE_SUFFIXES, "pictures"),
        ("picture-beside", VOLUME_SUFFIXES, "images of one slice"),
        ("format-unread", OTHER_PICTURES, "pictures in a format that radlearn does not read; convert them to PNG or TIFF without loss"),
    ):
        by_suffix: dict[str, list[Path]] = {}
        for path in rest:
            if suffix := ending_in(path, suffixes):
                by_suffix.setdefault(suffix, []).append(path)
        for same in by_suffix.values():
            yield Finding(rule, within(same[0], root), f"{_amount(same, root)}: {words}", _also(same, root))
        rest = [path for path in rest if not ending_in(path, suffixes)]
    if rest:
        yield Finding("unlooked", within(rest[0], root), f"{_amount(rest, root)}: neither DICOM nor NIfTI", _also(rest, root))


def unread_words(paths: Sequence[Path]) -> str:
    """Return what to do about files that nothing here reads, for a folder that holds nothing else; "" where there are none."""
    volumes, packed = ([path for path in paths if ending_in(path, suffixes)] for suffixes in (VOLUMES, ARCHIVES))
    if volumes:
        return f" radlearn does not read {ending_in(volumes[0], VOLUMES)}: convert volumes to .nii.gz, for example with SimpleITK."
    return f" Unpack {packed[0].name} first." if packed else ""


def _amount(paths: Sequence[Path], root: Path) -> str:
    names = ", ".join(within(path, root) for path in paths[:SHOWN])
    return f"{counted(len(paths), 'files')} ({names}{', …' * (len(paths) > SHOWN)})"


def _also(paths: Sequence[Path], root: Path) -> tuple[str, ...]:
    return tuple(within(path, root) for path in paths[1:])
