"""The overlay of a predicted mask on its CT, one PNG per scan: axial slices with most of the mask, a coronal one, and a caption.

Painted with Pillow, because there may be hundreds of scans: it takes a tenth of a second, less than matplotlib.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from radlearn.errors import BadSetting
from radlearn.pictures.borders import painted_border
from radlearn.pictures.outlines import write_corners
from radlearn.pictures.overlays import write_sheet
from radlearn.pictures.slices import LUNG_WINDOW_HU, axial, coronal, level_words, windowed

AXIAL_SLICES = 5
TILES_IN_A_ROW = 3
TILE_PX = 420
GAP_PX = 6
AIR_IN_LUNG_HU = (-950, -500)  # denser than the air around the patient


def write_mask_overlay(
    path: Path,
    volume_hu: np.ndarray,
    mask: np.ndarray,
    spacing_mm: Sequence[float],
    title: str,
    said: str = "",
    window_hu: tuple[float, float] = LUNG_WINDOW_HU,
) -> Path:
    """Write five axial slices, from feet to head, and a coronal one, with the predicted border and a caption, as PNG; return the path.

    Args:
        path: of the PNG, which is written atomically.
        volume_hu: (i, j, k) in LPS order, Hounsfield units.
        mask: the predicted one, bool of the same shape. Where it is empty, the slices go through the lungs.
        spacing_mm: along i, j and k.
        title: the scan's name.
        said: the caption, such as "lesions 132 ml, 2.9 % of the lungs".
        window_hu: Hounsfield units that are shown black and white.

    Raises:
        BadSetting: shapes differ, are not three-dimensional, or spacing is not three numbers above 0.
    """
    if np.ndim(volume_hu) != 3 or np.shape(mask) != np.shape(volume_hu):
        raise BadSetting(f"a mask of shape {np.shape(mask)} for a scan of shape {np.shape(volume_hu)}: expected both (i, j, k).")
    if len(spacing_mm) != 3 or not all(0 < step < np.inf for step in spacing_mm):
        raise BadSetting(f"spacing_mm is {tuple(spacing_mm)}; expected three numbers above 0, along i, j and k.")
    found = np.asarray(mask, bool)
    wide_mm, deep_mm, tall_mm = (count * float(step) for count, step in zip(volume_hu.shape, spacing_mm, strict=True))
    # All tiles have the same scale and height.
    scale = TILE_PX / wide_mm
    high = round(scale * max(deep_mm, min(tall_mm, 1.2 * wide_mm)))
    tiles = []
    for level in telling_levels(volume_hu, found, AXIAL_SLICES):
        words = level_words(level, volume_hu.shape[2])
        tiles.append(_tile(axial(volume_hu, level), axial(found, level), (TILE_PX, scale * deep_mm), high, words, window_hu))
    depth = telling_depth(volume_hu, found)
    from_the_front = coronal(volume_hu, depth), coronal(found, depth)
    tiles.append(_tile(*from_the_front, (TILE_PX, scale * tall_mm), high, "lengthwise, from the front", window_hu))
    columns = min(TILES_IN_A_ROW, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * (TILE_PX + GAP_PX) - GAP_PX, rows * (high + GAP_PX) - GAP_PX), "white")
    for number, tile in enumerate(tiles):
        sheet.paste(tile, (number % columns * (TILE_PX + GAP_PX), number // columns * (high + GAP_PX)))
    return write_sheet(path, [sheet], title, said)


def telling_levels(volume_hu: np.ndarray, mask: np.ndarray, many: int) -> list[int]:
    """Return the axial slices to show: those with most of the mask, spaced apart, from feet to head.

    Where the mask is empty or in fewer slices, the others are evenly spaced through the lungs.

    Args:
        volume_hu, mask: (i, j, k).
        many: how many; all slices, if there are fewer.

    >>> mask = np.zeros((1, 1, 9), bool)
    >>> mask[..., 2:8] = True
    >>> telling_levels(np.zeros((1, 1, 9)), mask, 3)
    [2, 4, 6]
    """
    areas = np.count_nonzero(mask, axis=(0, 1))
    levels = len(areas)
    held = np.flatnonzero(areas)
    taken: list[int] = []
    if len(held):
        fullest_first = held[np.argsort(-areas[held], kind="stable")]
        apart = max(1, round((held[-1] - held[0] + 1) / (many + 1)))
        while apart and len(taken) < many:
            for level in fullest_first.tolist():
                if len(taken) < many and all(abs(level - other) >= apart for other in taken):
                    taken.append(level)
            apart //= 2
    # Evenly through the lungs, then the remaining slices.
    lungs = _spread_by(_lung_areas(volume_hu, 2), many)
    for level in [*lungs, *range(levels)]:
        if len(taken) < min(many, levels) and level not in taken:
            taken.append(level)
    return sorted(taken)


def telling_depth(volume_hu: np.ndarray, mask: np.ndarray) -> int:
    """Return the coronal slice to show: the one with most of the mask, else the middle of the lungs."""
    areas = np.count_nonzero(mask, axis=(0, 2))
    return int(np.argmax(areas)) if areas.any() else _spread_by(_lung_areas(volume_hu, 1), 1)[0]


def _lung_areas(volume_hu: np.ndarray, axis: int) -> np.ndarray:
    low, high = AIR_IN_LUNG_HU
    across = tuple(other for other in range(3) if other != axis)
    return np.count_nonzero((volume_hu > low) & (volume_hu < high), axis=across)


def _spread_by(areas: np.ndarray, many: int) -> list[int]:
    """Return the positions that divide the area along an axis into equal parts: the middle for one, the quarters for three."""
    weights = areas if areas.any() else np.ones_like(areas)
    reached = np.cumsum(weights) / weights.sum()
    return [int(np.searchsorted(reached, (number + 1) / (many + 1))) for number in range(many)]


def _tile(
    hu: np.ndarray, mask: np.ndarray, size_px: tuple[float, float], high: int, words: str, window_hu: tuple[float, float]
) -> Image.Image:
    grey = np.rint(255 * windowed(hu, window_hu)).astype(np.uint8)
    # A long scan is scaled down rather than cropped.
    fit = min(1.0, high / size_px[1])
    size = (max(1, round(fit * size_px[0])), max(1, round(fit * size_px[1])))
    picture = painted_border(Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC).convert("RGB"), mask)
    tile = Image.new("RGB", (TILE_PX, high), "black")
    tile.paste(picture, ((TILE_PX - size[0]) // 2, (high - size[1]) // 2))
    write_corners(tile, ("R", "L"), words)
    return tile
