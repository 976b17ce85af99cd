"""A CT and its mask, in whichever files they are."""

from pathlib import Path

from radlearn.scans.geometry import Grid, Volume
from radlearn.scans.mask_files import read_mask
from radlearn.scans.volume_files import read_grid, read_volume


def read_scan(path: Path, mask_path: Path | None = None, series_uid: str | None = None) -> tuple[Volume, Volume | None]:
    """Read a scan (a volume in a file, or the folder of one DICOM series) and its mask if there is one; errors as both readers.

    Where several series lie in the folder, `series_uid` says which of them is read.
    """
    if path.is_dir():
        from radlearn.scans.dicom_series import read_series  # pydicom takes half a second to import, and NIfTI needs none of it

        scan = read_series(path, series_uid)
    else:
        scan = read_volume(path)
    return scan, None if mask_path is None else read_mask(mask_path, scan)


def read_scan_grid(path: Path) -> Grid:
    """Return the grid of a scan, of a volume in a file from its header alone; errors as `read_grid` and `read_scan`."""
    return read_scan(path)[0].grid if path.is_dir() else read_grid(path)
