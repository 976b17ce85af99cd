"""A CT as flat pictures: three planes in radiological convention, and projections of the whole chest."""

from typing import NamedTuple

import numpy as np

from radlearn.digital_thorax.ct import Ct


class Plane(NamedTuple):
    """One picture: HU and lesion (rows, columns), row 0 on top, and the spacing of rows and columns in mm."""

    name: str
    hu: np.ndarray
    lesion: np.ndarray
    spacing_mm: tuple[float, float]


def ct_planes(ct: Ct) -> tuple[Plane, Plane, Plane]:
    """Return the axial, coronal and sagittal plane with most lesion in it (the middle ones where there is none).

    Axial as seen from the feet, front on top; coronal from the front, head on top; sagittal from the left, front to the left. The
    patient's right is on the left of the picture.
    """
    hu, lesion = upright(ct, ct.hu), upright(ct, ct.lesion)
    i, j, k = (_fullest(lesion, axis) for axis in range(3))
    wide, deep, tall = ct.geometry.spacing_mm
    return (
        Plane("axial", hu[:, :, k].T, lesion[:, :, k].T, (deep, wide)),
        Plane("coronal", hu[:, j].T[::-1], lesion[:, j].T[::-1], (tall, wide)),
        Plane("sagittal", hu[i].T[::-1], lesion[i].T[::-1], (tall, deep)),
    )


def front_view(ct: Ct) -> Plane:
    """Return the chest from the front: the mean HU along each ray, brightened by its maximum, and the lesions that it crosses."""
    hu, lesion = upright(ct, ct.hu).astype(np.float32), upright(ct, ct.lesion)
    body = np.maximum(hu, -1000.0)
    seen = 0.55 * body.mean(1) + 0.45 * np.sort(body, axis=1)[:, -6:].mean(1)
    met = np.asarray(lesion.any(axis=1))
    return Plane("front", seen.T[::-1], met.T[::-1], (ct.geometry.spacing_mm[2], ct.geometry.spacing_mm[0]))


def lungs_in_space(ct: Ct, degrees: float = 25.0) -> np.ndarray:
    """Return lungs and lesions as shaded surfaces seen from the front and slightly from the side, uint8 (rows, columns, 3), 2 mm a pixel.

    Lungs are translucent, the lesions inside them opaque.
    """
    from scipy.ndimage import affine_transform, gaussian_filter

    spacing = np.array(ct.geometry.spacing_mm)
    size = np.ceil(np.array(ct.hu.shape) * spacing / 2.0).astype(int)
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    matrix = turn * 2.0 / spacing[:, None]
    offset = 0.5 * (np.array(ct.hu.shape) - 1) - matrix @ (0.5 * (size - 1))
    picture = np.zeros((size[2], size[0], 3), np.float32) + np.float32(0.06)
    for mask, colour, alpha in ((ct.lung, (0.62, 0.72, 0.86), 0.38), (ct.lesion, (0.93, 0.42, 0.25), 0.95)):
        solid = gaussian_filter(upright(ct, mask).astype(np.float32), np.minimum(1.6 / spacing, 1.0))
        there = affine_transform(solid, matrix, offset, output_shape=tuple(size), order=1)
        hit = there > 0.5
        front = np.argmax(hit, axis=1)
        met = hit.any(1)
        depth = gaussian_filter(np.where(met, front, front[met].mean() if met.any() else 0).astype(np.float32), 1.0)
        slope_x, slope_z = np.gradient(depth)
        light = np.clip((1.0 + 0.5 * slope_x + 0.7 * slope_z) / np.sqrt(1 + slope_x**2 + slope_z**2) / 1.15, 0.12, 1.0)
        share = (alpha * met * light)[..., None].transpose(1, 0, 2)[::-1]
        picture = picture * (1 - alpha * met.T[::-1, :, None]) + share * np.array(colour, np.float32)
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


def upright(ct: Ct, array: np.ndarray) -> np.ndarray:
    """Return an array of `ct` with k towards the head, however it is stored."""
    return array[:, :, ::-1] if ct.geometry.body_from_index[2, 2] < 0 else array


def _fullest(lesion: np.ndarray, axis: int) -> int:
    across = lesion.sum(tuple(other for other in range(3) if other != axis))
    return int(np.argmax(across)) if across.any() else lesion.shape[axis] // 2
