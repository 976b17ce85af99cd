"""How large a pixel of an ultrasound image is, as far as its DICOM header can be trusted.

The regions of an image say what is shown where and how large a pixel of it is, in cm (DICOM PS3.3 C.8.5.5); PixelSpacing is written by few
machines. Regions in other units, such as the time of an M-mode, are no sizes. A file that was cut or made smaller keeps the regions of the
original, which reach beyond its edges then.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from radlearn.scans.pixel_spacing import DAMAGE, NONE_TAKEN, Lengths, PixelSpacing, pixel_spacing_of

REGIONS = "SequenceOfUltrasoundRegions"
CENTIMETRES = 3
TWO_DIMENSIONS = 1
SAME_WITHIN = 0.01
LEAST_MM, MOST_MM = 1e-3, 10.0
"Of a pixel: under a microscope's probe of 50 MHz, and of an image of a few dozen pixels."
DEEPEST_MM = 300.0
"Of an image: machines go as deep as that, with probes for the abdomen. More is what was written in another unit."

Box = tuple[int, int, int, int]
"First row and column, and the row and column after the last ones."


class _Region(NamedTuple):
    mm: Lengths
    left: int
    top: int
    right: int
    bottom: int


def ultrasound_spacing_of(said: Any) -> PixelSpacing:
    """Return (row, column) in mm by the header of an ultrasound image: by its regions, else by PixelSpacing, and what contradicts it."""
    by_field = pixel_spacing_of(said)
    regions = _regions_in(said)
    if not regions:
        return by_field
    try:
        rows, columns = int(said.get("Rows")), int(said.get("Columns"))
    except DAMAGE:
        return PixelSpacing(None)
    if any(region.right > columns or region.bottom > rows for region in regions):
        edge = max(regions, key=lambda one: max(one.right / columns, one.bottom / rows))
        reach = f"its ultrasound region reaches to column {edge.right} and row {edge.bottom} of {columns} × {rows} px (width × height)"
        return PixelSpacing(None, "", f"{reach}, so that it was cut or made smaller since: {NONE_TAKEN}")
    first = regions[0].mm
    if others := [region.mm for region in regions if not _same(region.mm, first)]:
        return PixelSpacing(None, "", f"its ultrasound regions have pixels of {_words(first)} and {_words(others[0])}: {NONE_TAKEN}")
    note = ""
    if by_field.mm and not _same(by_field.mm, first):
        note = f"its ultrasound region says {_words(first)} a pixel, and {by_field.source} {_words(by_field.mm)}; the region's are taken"
    return PixelSpacing(first, REGIONS, note)


def calibrated_boxes(said: Any) -> tuple[Box, ...]:
    """Return the parts of an image in which a pixel has the size that `ultrasound_spacing_of` finds in its regions."""
    return tuple((region.top, region.left, region.bottom + 1, region.right + 1) for region in _regions_in(said))


def too_deep(spacing: Lengths, rows: int, calibrated: Sequence[Box] = ()) -> str:
    """Return in words that an image of so many rows, or a part of it that has the spacing, is deeper than any; "" else."""
    deep = max((bottom - top for top, _, bottom, _ in calibrated), default=rows) * spacing[0]
    if deep <= DEEPEST_MM:
        return ""
    return f"it is {deep:.0f} mm deep by its header, with pixels of {_words(spacing)}, which no ultrasound image is: {NONE_TAKEN}"


def outside_share(labelled: np.ndarray, calibrated: Sequence[Box]) -> float:
    """Return which share of the pixels of a mask, bool (rows, columns), lies outside of boxes."""
    rest = labelled.copy()
    for top, left, bottom, right in calibrated:
        rest[max(top, 0) : bottom, max(left, 0) : right] = False
    return float(rest.sum() / max(labelled.sum(), 1))


def _regions_in(said: Any) -> list[_Region]:
    """Return the regions that show a plane and whose pixels have a size in cm along both axes."""
    found = []
    for item in said.get(REGIONS) or []:
        try:
            units = {int(item.get(f"PhysicalUnits{axis}Direction")) for axis in "XY"}
            # Negative where the axis points the other way.
            down, across = (10 * abs(float(item.get(f"PhysicalDelta{axis}"))) for axis in "YX")
            # Where the first corner is not said, it is that of the image.
            left, top = (int(item.get(f"RegionLocationMin{corner}") or 0) for corner in ("X0", "Y0"))
            right, bottom = int(item.get("RegionLocationMaxX1")), int(item.get("RegionLocationMaxY1"))
            shows_plane = int(item.get("RegionSpatialFormat") or TWO_DIMENSIONS) == TWO_DIMENSIONS
        except DAMAGE:
            continue
        if shows_plane and units == {CENTIMETRES} and all(LEAST_MM <= length <= MOST_MM for length in (down, across)):
            found.append(_Region((down, across), left, top, right, bottom))
    return found


def _same(one: Lengths, other: Lengths) -> bool:
    return all(abs(here / there - 1) <= SAME_WITHIN for here, there in zip(one, other, strict=True))


def _words(spacing: Lengths) -> str:
    return f"{spacing[0]:.3g} × {spacing[1]:.3g} mm"
