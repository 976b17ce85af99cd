"""A picture of built-in patients: X-ray with boxes, the same patient's CT in three planes with lesion outlines, lungs in 3-D."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from radlearn.digital_thorax.ct import Ct, render_ct
from radlearn.digital_thorax.ct_grid import boxed_geometry
from radlearn.digital_thorax.ct_of_xray import body_of_xray
from radlearn.digital_thorax.ct_texture import Kernel
from radlearn.digital_thorax.ct_views import Plane, ct_planes, lungs_in_space
from radlearn.digital_thorax.planning import PlannedXray, plan_xrays
from radlearn.digital_thorax.xray import render_xray
from radlearn.files import written_whole
from radlearn.pictures.outlines import write_corners

LUNG_WINDOW_HU, SOFT_TISSUE_WINDOW_HU = (-600.0, 1500.0), (40.0, 400.0)
"""Centre and width."""
GAP_PX = 6
LESION_RED, BOX_ORANGE = (255, 70, 50), (255, 170, 40)
# Seen from the front or from the feet, the patient's right is on the left.
SIDES = ("R", "L")


def write_patient_sheet(path: Path, seed: int = 0, patients: int = 2, view_shortcut: bool = True, voxel_mm: float = 1.8) -> None:
    """Write a PNG of the cohort's first patients with pneumonia, one a row.

    Args:
        path: ends in `.png`; written atomically.
        seed: of the cohort.
        patients: number of rows.
        view_shortcut: of the cohort, see `plan_xrays`.
        voxel_mm: in-plane voxel size of the CTs; slices are twice as far apart.
    """
    plans, looked_at = list[PlannedXray](), 0
    while len(plans) < patients:
        looked_at += 40
        plans = [plan for plan in plan_xrays(looked_at, seed, view_shortcut) if plan.opacities][:patients]
    with written_whole(Path(path)) as temporary:
        Image.fromarray(sheet([patient_row(plan, voxel_mm) for plan in plans])).save(temporary)


def patient_row(plan: PlannedXray, voxel_mm: float, tall_px: int = 420) -> list[np.ndarray]:
    """Return five panels of one X-ray's patient, uint8 (tall_px, columns, 3): X-ray, axial, coronal, sagittal, lungs in 3-D."""
    xray, body = render_xray(plan), body_of_xray(plan)
    low, high = body.lungs_box_mm()
    low, high = low - [45.0, 0.0, 20.0], high + [45.0, 0.0, 20.0]
    low[1], high[1] = -190.0, body.back_mm() + 45.0
    ct = render_ct(body, boxed_geometry(low, high, (voxel_mm, voxel_mm, 2 * voxel_mm)), Kernel(0.6, 0.0, 9.0, 1.0))
    boxed = _with_boxes(xray.pixels, xray.boxes_xyxy_px, tall_px)
    names = (f"X-ray, {plan.view}", "CT, axial", "CT, coronal", "CT, sagittal", "lungs and lesions")
    return [lettered(panel, words=name) for name, panel in zip(names, (lettered(boxed, SIDES), *ct_row(ct, tall_px)), strict=True)]


def ct_row(ct: Ct, tall_px: int = 420, outlined: bool = True) -> list[np.ndarray]:
    """Return a CT's three planes in the lung window and its lungs in 3-D, uint8 (tall_px, columns, 3) each."""
    planes = [plane_picture(plane, tall_px, LUNG_WINDOW_HU, outlined) for plane in ct_planes(ct)]
    pictures = (*planes, _sized(lungs_in_space(ct), 1.0, tall_px))
    return [lettered(picture, ends) for picture, ends in zip(pictures, (SIDES, SIDES, ("front", "back"), SIDES), strict=True)]


def lettered(panel: np.ndarray, ends: tuple[str, str] = ("", ""), words: str = "") -> np.ndarray:
    """Return a panel with what lies at its left and at its right end, in the upper corners, and with words in a lower one."""
    image = Image.fromarray(panel)
    write_corners(image, ends, words)
    return np.array(image)


def plane_picture(plane: Plane, tall_px: int, window_hu: tuple[float, float], outlined: bool = True) -> np.ndarray:
    """Return a plane in a window (centre, width) in true proportions, lesion borders in red, uint8 (tall_px, columns, 3)."""
    from scipy.ndimage import binary_erosion

    centre, width = window_hu
    grey = (np.clip((plane.hu - centre) / width + 0.5, 0, 1) * 255).astype(np.uint8)
    ratio = plane.spacing_mm[0] / plane.spacing_mm[1]
    picture = _sized(grey, ratio, tall_px)
    if outlined:
        mask = _sized(plane.lesion.astype(np.uint8) * 255, ratio, tall_px)[..., 0] > 127
        picture[mask & ~binary_erosion(mask)] = LESION_RED
    return picture


def sheet(rows: list[list[np.ndarray]]) -> np.ndarray:
    """Return rows of panels as one picture, as wide as the widest row, with black gaps."""
    joined = [np.concatenate([np.pad(panel, ((0, GAP_PX), (0, GAP_PX), (0, 0))) for panel in row], axis=1) for row in rows]
    wide = max(row.shape[1] for row in joined)
    return np.concatenate([np.pad(row, ((0, 0), (0, wide - row.shape[1]), (0, 0))) for row in joined])


def _with_boxes(pixels: np.ndarray, boxes_xyxy_px: tuple[tuple[int, int, int, int], ...], tall_px: int) -> np.ndarray:
    image = Image.fromarray(_sized(pixels, 1.0, tall_px))
    draw, smaller = ImageDraw.Draw(image), tall_px / len(pixels)
    for box in boxes_xyxy_px:
        draw.rectangle([value * smaller for value in box], outline=BOX_ORANGE, width=2)
    return np.array(image)


def _sized(picture: np.ndarray, row_per_column: float, tall_px: int) -> np.ndarray:
    colour = picture if picture.ndim == 3 else np.stack([picture] * 3, -1)
    wide = round(tall_px * colour.shape[1] / (colour.shape[0] * row_per_column))
    return np.array(Image.fromarray(np.ascontiguousarray(colour)).resize((wide, tall_px), Image.Resampling.LANCZOS))
