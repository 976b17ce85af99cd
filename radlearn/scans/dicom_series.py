"""Reads a folder of DICOM CT slices as one volume in Hounsfield units.

A slice has the position of its first pixel (ImagePositionPatient) and the directions of its rows and columns (ImageOrientationPatient), in
LPS, but not its place in the series. So the slices are sorted along the normal of their plane, and slices that do not form one straight,
evenly spaced stack are refused with the reason: a volume with a missing slice looks like a complete one. Source: DICOM PS3.3 C.7.6.2.1.1.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radlearn.amounts import counted
from radlearn.errors import UnreadableScan
from radlearn.scans.dicom import find_xrays
from radlearn.scans.dicom_slices import AIR_HU, SAME_DIRECTION_WITHIN, Slice, hounsfield_of, read_slice
from radlearn.scans.geometry import Volume, lps_affine
from radlearn.scans.series_header import header_doubts, header_notes, refuse_mixed

EVEN_WITHIN = 0.02  # Relative tolerance of the distance between slices, because positions are rounded
MISSING_FROM = 1.5
TILT_WITHIN = 0.005  # Sideways over forward displacement; 0.3° of tilt


@dataclass(frozen=True)
class Series:
    """The slices of one SeriesInstanceUID, unordered."""

    uid: str
    description: str
    slices: tuple[Slice, ...]


def find_series(paths: str | Path | Iterable[str | Path], series_uid: str | None = None) -> list[Series]:
    """Return the CT series in folders and files, sorted by UID; only the one with `series_uid`, if given.

    DICOM files without an image (reports, presentation states) are skipped.

    Raises:
        UnreadableScan: a path that does not exist, a damaged file, or an image that is not a single CT slice with a position.
    """
    found: dict[str, list[Slice]] = {}
    for path in find_xrays(paths):
        if (one := read_slice(path, series_uid)) is not None:
            found.setdefault(one.series_uid, []).append(one)
    return [Series(uid, slices[0].description, tuple(slices)) for uid, slices in sorted(found.items())]


def read_series(paths: str | Path | Iterable[str | Path], series_uid: str | None = None) -> Volume:
    """Read the only CT series in a folder, searched recursively, or in files; or the one with `series_uid`.

    The voxels are Hounsfield units (i, j, k), int16 where they are integers: i grows along a row, j down a column, k along the normal of
    the slices. `path` is the folder of the first slice. Padding outside the field of view is set to -1024, and `notes` says so.

    Raises:
        UnreadableScan: no CT; several series and none chosen; slices of different size, spacing or direction; two at one position; a
            missing one; uneven distances; a tilted gantry; several people or examinations; no rescaling to HU; a damaged file.
    """
    series = _chosen(paths, series_uid)
    slices = _stacked(series)
    first = slices[0]
    pieces, padded, odd = [], 0, dict[str, str]()
    for one in slices:
        hu, outside, note = hounsfield_of(one)
        padded += outside
        pieces.append(hu)
        if note:
            odd.setdefault(note.split(" are ")[0], f"{one.path.name}: {note}")
    voxels = np.empty((first.size_px[1], first.size_px[0], len(slices)), np.result_type(*pieces), order="F")
    for k, hu in enumerate(pieces):
        voxels[:, :, k] = hu.T
    lps = np.eye(4)
    lps[:3, 0] = first.directions[0] * first.spacing[1]
    lps[:3, 1] = first.directions[1] * first.spacing[0]
    lps[:3, 2] = (slices[-1].position - first.position) / (len(slices) - 1)
    lps[:3, 3] = first.position
    share = padded / voxels.size
    amount = f"{share:.0%}" if share > 0.005 else "less than 1%"
    notes = [f"{amount} of the voxels are padding outside the field of view; they were set to {AIR_HU} HU"]
    named = [(one.path.name, one.told) for one in slices]
    step_mm = float(np.linalg.norm(lps[:3, 2]))
    return Volume(
        voxels,
        lps_affine(lps),
        first.path.parent,
        (*notes[: padded > 0], *odd.values(), *header_notes(named, step_mm)),
        tuple(header_doubts(named, step_mm, first.spacing, first.size_px)),
    )


def _chosen(paths: str | Path | Iterable[str | Path], series_uid: str | None) -> Series:
    paths = paths if isinstance(paths, str | Path) else list(paths)
    where = paths if isinstance(paths, str | Path) else "these files"
    found = find_series(paths, series_uid)
    if len(found) == 1:
        return found[0]
    every = found or (find_series(paths) if series_uid is not None else [])
    listed = "\n".join(f"  {series.uid}  {counted(len(series.slices), 'slices')}  {series.description}" for series in every)
    if found and all(len(series.slices) == 1 for series in found):
        raise UnreadableScan(
            f"{where}: each of its {len(found)} slices has a SeriesInstanceUID of its own, as software that makes files anonymous gives "
            "them, so that nothing says which slices are one scan. Anonymise it again so that one UID becomes one other in all files, or "
            "write one SeriesInstanceUID into all slices of the scan (dcmodify and pydicom do)."
        )
    if found:
        choose = "Choose one with --series UID, or put each in a folder of its own."
        raise UnreadableScan(f"{where}: holds {len(found)} series; expected one.\n{listed}\n{choose}")
    if every:
        raise UnreadableScan(f"{where}: holds no series {series_uid}; it holds\n{listed}\nChoose one of these.")
    raise UnreadableScan(f"{where}: no CT slice was found; expected a folder of DICOM files of one series.")


def _stacked(series: Series) -> list[Slice]:
    """Return the slices sorted along their normal, checked to be one straight, evenly spaced stack."""
    first, *others = series.slices
    # Without the UID: lists of what could not be read are passed on more freely than the scans.
    where = str(first.path.parent)
    for one in others:
        for what, here, there in (
            ("size in pixels", first.size_px, one.size_px),
            ("spacing in mm", first.spacing, one.spacing),
            ("direction", first.directions, one.directions),
        ):
            if not np.allclose(here, there, atol=SAME_DIRECTION_WITHIN):
                said = [np.round(np.ravel(value), 4).tolist() for value in (here, there)]
                raise UnreadableScan(
                    f"{where}: slices differ in {what}: {first.path.name} has {said[0]}, {one.path.name} has {said[1]}. "
                    "They do not form one volume (is there a scout image among them?); remove those that do not belong to it."
                )
    refuse_mixed(where, [(one.path.name, one.told) for one in series.slices])
    if not others:
        raise UnreadableScan(f"{where}: has one slice ({first.path.name}); a volume needs at least two.")
    normal = np.cross(*first.directions)
    slices = sorted(series.slices, key=lambda one: float(one.position @ normal))
    heights = np.array([float(one.position @ normal) for one in slices])
    _refuse_uneven(where, slices, np.diff(heights))
    ideal = slices[0].position + np.outer(heights - heights[0], normal)
    sideways = np.linalg.norm([one.position for one in slices] - ideal, axis=1)
    worst = int(sideways.argmax())
    if sideways[worst] > max(TILT_WITHIN * (heights[-1] - heights[0]), 0.1 * min(first.spacing)):
        degrees = np.degrees(np.arctan2(sideways[worst], heights[worst] - heights[0]))
        raise UnreadableScan(
            f"{where}: the slices are not stacked along their normal: {slices[worst].path.name} lies {sideways[worst]:.1f} mm to the side "
            f"of the first ({degrees:.1f}°: a tilted gantry?). Correct the tilt, for example with dcm2niix, which writes a NIfTI."
        )
    return slices


def _refuse_uneven(where: str, slices: list[Slice], gaps_mm: np.ndarray) -> None:
    usual = float(np.median(gaps_mm))
    sop_uids = [one.sop_uid for one in slices]
    for k, gap in enumerate(gaps_mm):
        below, above = slices[k], slices[k + 1]
        pair = f"{below.path.name} and {above.path.name}"
        if gap < 0.01 or usual < 0.01:
            copied = below.sop_uid and sop_uids.count(below.sop_uid) > 1
            what = "are copies of one slice" if copied else "have the same position (two phases or reconstructions in one series?)"
            raise UnreadableScan(f"{where}: {pair} {what}. Keep one slice for each position.")
        if gap > MISSING_FROM * usual:
            raise UnreadableScan(
                f"{where}: one or more slices are missing: there are {gap:.2f} mm between {pair}, elsewhere {usual:.2f} mm. "
                "Export the complete series again."
            )
        if abs(gap - usual) > EVEN_WITHIN * usual + 0.01:
            raise UnreadableScan(
                f"{where}: the slices are not evenly spaced: {gap:.2f} mm between {pair}, {usual:.2f} mm between most. "
                "Export it evenly spaced, or resample it to NIfTI."
            )
