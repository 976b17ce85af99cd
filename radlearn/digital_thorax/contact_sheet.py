"""An overview picture of a folder of built-in patients: X-rays with their boxes, CTs in three planes with the lesions outlined.

Everything is read back from the files, as a lesson reads it, so that an error in a file shows here first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from radlearn.amounts import counted
from radlearn.challenges.covid19 import layout as covid19
from radlearn.challenges.rsna import layout as rsna
from radlearn.digital_thorax.ct import Ct
from radlearn.digital_thorax.ct_grid import CtGeometry
from radlearn.digital_thorax.patient_sheet import LUNG_WINDOW_HU, ct_row
from radlearn.pictures.outlines import Boxes, outline_true
from radlearn.pictures.style import FULL_WIDTH_IN, INK, MUTED, blank, in_house_style, save_png
from radlearn.scans.dicom import read_radiograph
from radlearn.scans.geometry import spacing_mm, to_orientation
from radlearn.scans.lungs import lung_mask
from radlearn.scans.volume_files import read_volume

XRAYS_SHOWN, XRAYS_IN_A_ROW, CTS_SHOWN = 8, 4, 3
PLANES = ("axial", "coronal", "sagittal", "lungs and lesions in space")
EDGE_IN, GAP_IN, WORDS_IN, HEADING_IN = 0.08, 0.1, 0.42, 0.34


@dataclass(frozen=True)
class Tile:
    """One picture: uint8 (rows, columns) or (rows, columns, 3), with a caption and boxes in pixels of an X-ray of size `canvas_px`."""

    picture: np.ndarray
    title: str = ""
    note: str = ""
    boxes_xyxy_px: Boxes = ()
    canvas_px: tuple[int, int] | None = None


def write_contact_sheet(path: Path, xrays: Path | None = None, cts: Path | None = None) -> Path:
    """Write a PNG of the X-rays and CTs in challenge folders and return its path.

    Args:
        path: ends in `.png`; written atomically.
        xrays: a folder in the RSNA layout, or None.
        cts: a folder in the COVID-19-20 layout, or None.

    Raises:
        BadLayout: a folder is not in its layout.
        UnreadableScan: a damaged file.
    """
    rows: list[tuple[str, list[Tile]]] = []
    if xrays is not None:
        cases = rsna.find_cases(xrays)
        heading = f"{counted(len(cases), 'X-rays')}, {sum(bool(case.label) for case in cases):,} with an opacity that readers boxed"
        tiles = [xray_tile(case) for case in chosen_xrays(cases)]
        for first in range(0, len(tiles), XRAYS_IN_A_ROW):
            rows.append((heading if not first else "", tiles[first : first + XRAYS_IN_A_ROW]))
    if cts is not None:
        scans = covid19.find_cases(cts)
        for number, scan in enumerate(scans[:CTS_SHOWN]):
            centre, width = LUNG_WINDOW_HU
            heading = f"{counted(len(scans), 'CTs')}, lesions outlined; lung window, {width:,.0f} HU wide around {centre:,.0f} HU"
            rows.append(("" if number else heading, ct_tiles(scan)))
    return save_png(rows_of_tiles(rows), path)


def chosen_xrays(cases: Sequence[rsna.Case], xrays: int = XRAYS_SHOWN) -> list[rsna.Case]:
    """Return up to `xrays` cases: half with boxes, the others abnormal and normal in turn; each person once if there are enough."""
    seen: set[str] = set()
    fresh, again = list[rsna.Case](), list[rsna.Case]()
    for case in cases:
        (again if case.person in seen else fresh).append(case)
        seen.add(case.person)
    ill, abnormal, normal = ([case for case in fresh + again if _kind(case) == kind] for kind in range(3))
    turns = max(len(abnormal), len(normal))
    well = [case for turn in range(turns) for case in (*abnormal[turn : turn + 1], *normal[turn : turn + 1])]
    many = max(xrays // 2, xrays - len(well))
    return (ill[:many] + well)[:xrays]


def _kind(case: rsna.Case) -> int:
    return 0 if case.label else 2 if case.category == "Normal" else 1


def xray_tile(case: rsna.Case, size_px: int = 512) -> Tile:
    """Return an X-ray as read from its file, with its consensus boxes."""
    xray = read_radiograph(case.path, size_px)
    said = [xray.header.view, xray.header.sex, None if xray.header.age_years is None else f"{xray.header.age_years:.0f} years"]
    pixels = np.rint(xray.pixels * 255).astype(np.uint8)
    return Tile(pixels, case.category or "", ", ".join(word for word in said if word), case.boxes_xyxy_px, xray.header.size_px)


def ct_tiles(case: covid19.Case, tall_px: int = 420) -> list[Tile]:
    """Return the three planes of a CT with most lesion in them, as read from its files, and its lungs in three dimensions."""
    source = read_volume(case.path)
    hu, affine = to_orientation(source.voxels, source.affine, "LPS")
    lesion = np.zeros(hu.shape, bool)
    if case.mask_path is not None:
        mask = read_volume(case.mask_path)
        lesion = to_orientation(mask.voxels, mask.affine, "LPS")[0] > 0
    i, j, k = hu.shape
    ct = Ct(hu, lesion, lung_mask(hu, affine) | lesion, CtGeometry((i, j, k), affine, np.eye(4)))
    steps = " × ".join(f"{step:.2g}" for step in spacing_mm(affine))
    notes = [case.case_id, f"{i} × {j} × {k} voxels", f"of {steps} mm", f"lesions {ct.lesion_ml:,.0f} ml"]
    return [Tile(*one) for one in zip(ct_row(ct, tall_px), PLANES, notes, strict=True)]


@in_house_style
def rows_of_tiles(rows: Sequence[tuple[str, Sequence[Tile]]]) -> Figure:
    """Draw rows of pictures, each as wide as the page, with a heading above (or "") and a caption below each picture.

    All pictures of a row are equally high and keep their proportions; a row is at most as high as a row of four squares.
    """
    heights = []
    for _, tiles in rows:
        ratios = sum(tile.picture.shape[1] / tile.picture.shape[0] for tile in tiles)
        room = FULL_WIDTH_IN - 2 * EDGE_IN - GAP_IN * (len(tiles) - 1)
        heights.append(min(room / ratios, 0.42 * FULL_WIDTH_IN))
    words = [WORDS_IN if any(tile.note for tile in tiles) else 0.6 * WORDS_IN for _, tiles in rows]
    tall = EDGE_IN + sum(heights) + sum(words) + HEADING_IN * sum(bool(heading) for heading, _ in rows)
    figure = blank(FULL_WIDTH_IN, tall)
    figure.set_layout_engine("none")
    top = EDGE_IN
    for (heading, tiles), height, below in zip(rows, heights, words, strict=True):
        if heading:
            figure.text(EDGE_IN / FULL_WIDTH_IN, 1 - (top + 0.2) / tall, heading, color=INK, fontweight="bold", fontsize=11)
            top += HEADING_IN
        left = EDGE_IN
        for tile in tiles:
            width = height * tile.picture.shape[1] / tile.picture.shape[0]
            _draw(figure, tile, (left, tall - top - height, width, height))
            left += width + GAP_IN
        top += height + below
    return figure


def _draw(figure: Figure, tile: Tile, place_in: tuple[float, float, float, float]) -> None:
    left, bottom, width, height = place_in
    wide, tall = figure.get_size_inches()
    axes = figure.add_axes((left / wide, bottom / tall, width / wide, height / tall))
    colour = tile.picture if tile.picture.ndim == 3 else np.stack([tile.picture] * 3, axis=-1)
    axes.imshow(colour, interpolation="bilinear", aspect="auto")
    axes.set_axis_off()
    outline_true(axes, tile.boxes_xyxy_px, tile.picture.shape[:2], tile.canvas_px)
    for text, drop, ink, weight, size in ((tile.title, 0.16, INK, "bold", 9), (tile.note, 0.31, MUTED, "normal", 8)):
        figure.text(left / wide, (bottom - drop) / tall, text, color=ink, fontweight=weight, fontsize=size, parse_math=False)
