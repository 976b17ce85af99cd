"""One volume, or one slice, in one file: NIfTI by nibabel, MetaImage and NRRD by SimpleITK. What it is is told by its name."""

from pathlib import Path

from radlearn.scans import nifti
from radlearn.scans.geometry import Grid, Volume
from radlearn.scans.itk_volume import is_itk_file, read_itk_grid, read_itk_slice, read_itk_slice_grid, read_itk_volume
from radlearn.scans.one_slice import OneSlice, SliceGrid


def read_volume(path: str | Path) -> Volume:
    """Read a volume as it is stored; errors and types as `nifti.read_volume` and `read_itk_volume`."""
    return read_itk_volume(path) if is_itk_file(path) else nifti.read_volume(path)


def read_grid(path: str | Path) -> Grid:
    """Read the grid of a volume from its header alone; errors as `read_volume`."""
    return read_itk_grid(path) if is_itk_file(path) else nifti.read_grid(path)


def read_slice(path: str | Path) -> OneSlice:
    """Read a file of one slice; errors as `nifti.read_slice` and `read_itk_slice`."""
    return read_itk_slice(path) if is_itk_file(path) else nifti.read_slice(path)


def read_slice_grid(path: str | Path) -> SliceGrid:
    """Read the header of a file of one slice alone; errors as `read_slice`."""
    return read_itk_slice_grid(path) if is_itk_file(path) else nifti.read_slice_grid(path)
