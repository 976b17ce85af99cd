"""What lies in a folder and was not looked at: images in formats that radlearn does not read, archives, links that lead nowhere."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from radlearn.amounts import verb_of
from radlearn.challenges.folders import within
from radlearn.challenges.unlooked import amount_of, by_kind, ending_in
from radlearn.check.findings import Finding
from radlearn.scans.file_names import ARCHIVE_SUFFIXES, OTHER_VOLUMES


def unlooked_findings(paths: Sequence[Path], root: Path) -> Iterator[Finding]:
    """Yield one finding for each kind of file that was not looked at."""
    lost = [path for path in paths if not path.exists()]
    if lost:
        yield Finding(
            "link-lost",
            within(lost[0], root),
            f"{amount_of(lost, root)} {verb_of(len(lost), 'lead')} to what is not there",
            _also(lost, root),
        )
    for one in by_kind([path for path in paths if path.exists()]):
        found = f"{amount_of(one.paths, root)}: {one.words or 'neither DICOM nor NIfTI'}"
        yield Finding(one.rule or "unlooked", within(one.paths[0], root), found, _also(one.paths, root))


def unread_words(paths: Sequence[Path]) -> str:
    """Return what to do about files that nothing here reads, for a folder that holds nothing else; "" where there are none."""
    volumes, packed = ([path for path in paths if ending_in(path, suffixes)] for suffixes in (OTHER_VOLUMES, ARCHIVE_SUFFIXES))
    if volumes:
        return f" radlearn does not read {ending_in(volumes[0], OTHER_VOLUMES)}: convert volumes to .nii.gz, for example with SimpleITK."
    return f" Unpack {packed[0].name} first." if packed else ""


def _also(paths: Sequence[Path], root: Path) -> tuple[str, ...]:
    return tuple(within(path, root) for path in paths[1:])
