"""The challenge's submission: a zip with one mask a CT, `003.nii.gz` for volume-covid19-A-0003, each on the grid of its CT.

Written whole and the same bytes each time; read and held against the cases, where every refusal names file, value and rule. A folder
of masks is held against them in the same way, before it is packed.

Source of the names: the MONAI challenge baseline, which cuts `volume-covid19-A-0` off the front.
"""

import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from radlearn.amounts import none_of
from radlearn.challenges.covid19.layout import Case
from radlearn.challenges.folders import volume_stem
from radlearn.challenges.troubles import listed
from radlearn.errors import BadLayout, CannotWrite, UnreadableScan
from radlearn.file_kinds import DAMAGED_ZIP
from radlearn.files import why_no_file, written_whole
from radlearn.folder_walks import is_of_a_system
from radlearn.progress import in_parallel
from radlearn.scans.ct_files import read_scan_grid
from radlearn.scans.geometry import Grid, Volume, same_grid
from radlearn.scans.mask_files import read_mask
from radlearn.scans.volume_files import read_grid

CHALLENGE_PREFIX = "volume-covid19-A-0"
# The challenge's own ending, and that of the first channel in nnU-Net's folders.
OF_CTS = ("_ct", "_0000")
GZIP = b"\x1f\x8b"
MOST_MEMBER_BYTES = 1 << 31
"Of one mask in a zip, as it is packed there."
# The earliest time a zip can hold: the same masks then make the same bytes whenever they are packed.
NO_TIME = (1980, 1, 1, 0, 0, 0)


def submission_name(case_id: str) -> str:
    """Return the name of a case's mask in a submission.

    >>> submission_name("volume-covid19-A-0003"), submission_name("volume-covid19-A-0247_1"), submission_name("thorax-7")
    ('003.nii.gz', '247_1.nii.gz', 'thorax-7.nii.gz')
    """
    short = case_id.removeprefix(CHALLENGE_PREFIX)
    return f"{short or case_id}.nii.gz"


def distinct_names(path: Path, case_ids: Iterable[str]) -> dict[str, str]:
    """Return name in the zip `path` → case id, in the order of the ids.

    Raises:
        BadLayout: two cases would have one name.
    """
    names: dict[str, str] = {}
    for case_id in sorted(case_ids):
        if (other := names.setdefault(submission_name(case_id), case_id)) != case_id:
            raise BadLayout(f"{path}: {other} and {case_id} would both be {submission_name(case_id)} in the zip. Rename one of them.")
    return names


def write_submission(path: Path, masks: Mapping[str, Path], cases: Sequence[Case] | None = None) -> None:
    """Pack masks as a submission, whole or not at all.

    Args:
        path: of the zip.
        masks: case id → NIfTI file, which goes into the zip as it is; an unpacked one is gzipped.
        cases: the CTs that the masks are of. If given, what was packed is validated before it gets its name.

    Raises:
        BadLayout: two cases would have one name, a mask is no file, or (with `cases`) anything that `validate_submission` finds.
    """
    names = distinct_names(path, masks)
    for case_id in names.values():
        if not Path(masks[case_id]).is_file():
            raise BadLayout(f"{path}: the mask of {case_id}, {masks[case_id]}, is not there.")
    with written_whole(path) as temporary:
        with zipfile.ZipFile(temporary, "w") as packed:
            for name, case_id in sorted(names.items()):
                entry = zipfile.ZipInfo(name, NO_TIME)
                entry.create_system, entry.external_attr = 3, 0o644 << 16  # Unix, wherever it is written
                packed.writestr(entry, _gzipped(Path(masks[case_id]).read_bytes()))
        if cases is not None and (troubles := validate_submission(temporary, cases)):
            raise BadLayout(listed(path, troubles, "in the files would be refused", "Mend these masks, then pack them again."))


def validate_submission(submission: Path, cases: Sequence[Case], workers: int | None = None) -> list[str]:
    """Return everything for which a submission would be refused or scored wrongly, a line each; none if it is in order.

    Args:
        submission: a zip, or a folder with what would be in it.
        cases: the CTs that it should hold masks of, as `find_images` or `find_cases` lists them.

    Raises:
        BadLayout: it is neither a zip nor a folder.
    """
    members, troubles = submission_members(submission, cases)
    jobs = [(case, members[case.case_id]) for case in cases if case.case_id in members]
    found = in_parallel(partial(_validated, Path(submission)), jobs, "masks", "masks", workers) if jobs else ()
    return troubles + sorted(trouble for several in found for trouble in several)


def submission_members(submission: Path, cases: Sequence[Case]) -> tuple[dict[str, str], list[str]]:
    """Return case id → the name of its mask in a zip or folder, and a line for each that is missing, unknown or there twice.

    Raises:
        BadLayout: it is neither a zip nor a folder.
    """
    where = Path(submission)
    expected = {submission_name(case.case_id): case.case_id for case in cases}
    members: dict[str, str] = {}
    troubles = []
    for name in _names_in(where):
        case_id = expected.get(name)
        if case_id is None:
            troubles.append(f"{name or 'a file without a name'}: {_why_unknown(name, expected)}")
        elif case_id in members:
            troubles.append(f"{name}: is in the zip twice; expected once.")
        else:
            members[case_id] = name
    troubles += [
        f"{name}: is missing; expected one mask for each CT, and {case_id} has none."
        for name, case_id in expected.items()
        if case_id not in members
    ]
    return members, troubles


def read_member(submission: Path, name: str, source: Grid | None = None) -> Volume:
    """Read one mask of a zip or folder as training reads masks, bool (i, j, k): `read_mask`, whose notes say what was cut.

    Where it has another shape than `source`, the grid of its CT, only its grid is read, without a voxel.

    Raises:
        UnreadableScan: it cannot be read, or what is inside is not plain; the message names it as it is called there.
    """
    with _as_file(Path(submission), name) as path:
        try:
            # A mask of another shape is refused by its grid: its voxels may be many more than those of the CT.
            grid = None if source is None else read_grid(path)
            if source is not None and grid is not None and grid.shape != source.shape:
                return Volume(np.zeros((0, 0, 0), bool), grid.affine, path, (str(grid),))
            return read_mask(path)
        except UnreadableScan as error:
            raise UnreadableScan(str(error).replace(str(path), name)) from None


def grid_troubles(name: str, mask: Volume, source: Grid, source_name: str) -> list[str]:
    """Return what is wrong with where a mask lies: another grid than its source's."""
    if same_grid(mask.grid, source):
        return []
    found = mask.notes[0] if not mask.voxels.size else mask.grid
    return [f"{name}: has {found}; {source_name} has {source}; a mask lies on the grid of its CT, voxel for voxel."]


def _validated(submission: Path, job: tuple[Case, str]) -> list[str]:
    case, name = job
    try:
        source = read_scan_grid(case.path)
        mask = read_member(submission, name, source)
        troubles = grid_troubles(name, mask, source, case.path.name)
        if not mask.voxels.size:
            return troubles
        # What is cut here is not cut by the challenge, whose tools may count 255 or 0.9999999 as another label, or as none.
        wanted = "Save it as 0 (no lesion) and 1 (lesion): the challenge may read other numbers otherwise"
        return troubles + [f"{name}: does not hold exactly 0 and 1 ({note}). {wanted}." for note in mask.notes]
    except UnreadableScan as error:
        return [str(error)]


def _names_in(submission: Path) -> list[str]:
    """Return what a zip or folder holds, apart from what systems leave there."""
    if submission.is_dir():
        names = [path.relative_to(submission).as_posix() for path in sorted(submission.rglob("*")) if path.is_file()]
    else:
        with _opened(submission) as packed:
            names = sorted(entry.filename for entry in packed.infolist() if not entry.filename.endswith("/"))
    return [name for name in names if not any(part != ".." and is_of_a_system(part) for part in name.split("/"))]


def _why_unknown(name: str, expected: Mapping[str, str]) -> str:
    base = name.rsplit("/", 1)[-1]
    if "/" in name and base in expected:
        return f"lies in a folder; expected {base} at the top."
    if known := next((wanted for wanted, case_id in expected.items() if base.startswith(case_id) and volume_stem(base)), None):
        if (volume_stem(base) or "").endswith(OF_CTS):
            return f"is a CT by its name, and no mask; expected its mask, {known}."
        return f"is not a name of the challenge; expected {known}."
    if not name.endswith(".nii.gz"):
        return f"is no mask; expected only files such as {next(iter(expected), '003.nii.gz')}."
    return f"belongs to {none_of(len(expected), 'CTs')}; expected names such as {', '.join(list(expected)[:2])}."


@contextmanager
def _as_file(submission: Path, name: str) -> Iterator[Path]:
    """Lend a mask of a zip or folder as a file."""
    if submission.is_dir():
        yield submission / name
        return
    with _temporary_file() as (path, file):
        try:
            with _opened(submission) as packed, packed.open(name) as member:
                _copy(name, member, file)
        except DAMAGED_ZIP as error:
            raise UnreadableScan(f"{name}: cannot be taken out of {submission.name} ({error}). Pack it again.") from None
        yield path


@contextmanager
def _temporary_file() -> Iterator[tuple[Path, IO[bytes]]]:
    """Lend a file that is gone afterwards, however the process ends: on Linux it has no name in any folder.

    Raises:
        CannotWrite: there is no place for it.
    """
    if sys.platform == "linux":
        with _place_for_masks():
            file = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            yield Path(f"/proc/self/fd/{file.fileno()}"), file
        finally:
            # What could not be written is tried once more by this.
            with suppress(OSError):
                file.close()
        return
    with tempfile.TemporaryDirectory() as folder:
        # Under a name of ours: one from a zip might lead out of the folder.
        path = Path(folder) / "mask.nii.gz"
        with open(path, "wb") as named:
            yield path, named


@contextmanager
def _place_for_masks() -> Iterator[None]:
    """Raise CannotWrite for an OSError in the block, with the folder and what to do."""
    try:
        yield
    except OSError as error:
        where, why = tempfile.tempdir or "the folder for temporary files", error.strerror or error
        raise CannotWrite(
            f"{where}: the masks of a zip are unpacked there, one at a time, and it takes none ({why}). Free some space, or set TMPDIR to "
            "another folder; or unpack the zip and name its folder."
        ) from error


def _copy(name: str, member: IO[bytes], file: IO[bytes]) -> None:
    left = MOST_MEMBER_BYTES
    while piece := member.read(1 << 20):
        left -= len(piece)
        if left < 0:
            raise UnreadableScan(f"{name}: unpacks to more than {MOST_MEMBER_BYTES:,} bytes; expected a mask. Pack it again.")
        with _place_for_masks():
            file.write(piece)
    with _place_for_masks():
        # It is read by its path.
        file.flush()


@contextmanager
def _opened(submission: Path) -> Iterator[zipfile.ZipFile]:
    if submission.exists() and not submission.is_file():
        raise BadLayout(f"{submission}: {why_no_file(submission)}; expected a zip with a mask for each CT, or a folder of masks.")
    try:
        packed = zipfile.ZipFile(submission)
    except FileNotFoundError:
        raise BadLayout(f"{submission}: there is no such file or folder; expected a zip with a mask for each CT, or a folder.") from None
    except DAMAGED_ZIP as error:
        found = "is empty (0 bytes)" if submission.stat().st_size == 0 else f"is not a whole zip ({error})"
        raise BadLayout(f"{submission}: {found}; expected a zip with a mask for each CT, or a folder of masks.") from None
    with packed:
        yield packed


def _gzipped(content: bytes) -> bytes:
    """Return gzip as it is, and anything else gzipped without the time of day, so that it always gives the same bytes."""
    if content.startswith(GZIP):
        return content
    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(content) + packer.flush()
