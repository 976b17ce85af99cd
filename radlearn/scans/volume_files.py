"""One volume in one file: NIfTI by nibabel, MetaImage and NRRD by SimpleITK. What it is is told by its name."""

from pathlib import Path

from radlearn.scans import nifti
from radlearn.scans.geometry import Grid, Volume
from radlearn.scans.itk_volume import is_itk_file, read_itk_grid, read_itk_volume


def read_volume(path: str | Path) -> Volume:
    """Read a volume as it is stored; errors and types as `nifti.read_volume` and `read_itk_volume`."""
    return read_itk_volume(path) if is_itk_file(path) else nifti.read_volume(path)


def read_grid(path: str | Path) -> Grid:
    """Read the grid of a volume from its header alone; errors as `read_volume`."""
    return read_itk_grid(path) if is_itk_file(path) else nifti.read_grid(path)
