"""A chest of three ellipsoids, quick to make: what volumes are tested on."""

from pathlib import Path

import numpy as np

from radlearn.scans.nifti import write_volume

SHAPE = (96, 72, 40)
AFFINE = np.array([[-4.0, 0, 0, 190], [0, -4.0, 0, 140], [0, 0, 6.0, -120], [0, 0, 0, 1]])


def ellipsoid(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
    i, j, k = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    return ((i - centre[0]) / radii[0]) ** 2 + ((j - centre[1]) / radii[1]) ** 2 + ((k - centre[2]) / radii[2]) ** 2 < 1


def chest_hu(seed: int) -> np.ndarray:
    """Return int16 Hounsfield units of a body with two lungs and a spine in air; the noise is the seed's."""
    hu = np.full(SHAPE, -1000.0)
    hu[ellipsoid((48, 36, 20), (42, 30, 200))] = 40
    hu[ellipsoid((28, 36, 20), (14, 20, 17)) | ellipsoid((68, 36, 20), (14, 20, 17))] = -850
    hu[ellipsoid((48, 58, 20), (5, 5, 200))] = 700
    return np.rint(hu + np.random.default_rng(seed).normal(0, 15, SHAPE)).astype(np.int16)


def lesion() -> np.ndarray:
    """Return uint8 0 and 1: a ball in the right lung."""
    return ellipsoid((26, 40, 16), (5, 5, 4)).astype(np.uint8)


def ill_chest_hu(seed: int) -> np.ndarray:
    """Return `chest_hu` with ground-glass opacity where `lesion` is."""
    return chest_hu(seed) + lesion().astype(np.int16) * 500


def write_case(folder: Path, name: str, seed: int, hu: np.ndarray | None = None, mask: np.ndarray | None = None) -> tuple[Path, Path]:
    """Write a CT and its mask by the challenge's names and return their paths."""
    ct, seg = folder / f"{name}_ct.nii.gz", folder / f"{name}_seg.nii.gz"
    write_volume(ct, ill_chest_hu(seed) if hu is None else hu, AFFINE)
    write_volume(seg, lesion() if mask is None else mask, AFFINE)
    return ct, seg
