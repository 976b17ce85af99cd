"""A curved probe: its beams spread, so that a row of the image is no depth and a column no beam."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from radlearn.exercises.answers import Fields, Mistake, Number
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.functions import Case, Function

Place = dict[str, float]


class Pixel(NamedTuple):
    """The arguments of a call."""

    row: int
    column: int
    columns: int
    spacing_mm: tuple[float, float]
    radius_mm: float


def _pixels() -> list[Case]:
    return [
        Case("the middle of the upper border", Pixel(0, 140, 281, (0.3, 0.3), 60.0)),
        Case("straight down", Pixel(200, 140, 281, (0.3, 0.3), 60.0)),
        Case("at the right", Pixel(150, 240, 281, (0.3, 0.3), 60.0)),
        Case("at the left", Pixel(150, 40, 281, (0.3, 0.3), 60.0)),
        Case("pixels that are wider than high", Pixel(300, 200, 281, (0.2, 0.5), 60.0)),
        Case("an even number of columns", Pixel(100, 10, 200, (0.25, 0.4), 40.0)),
        Case("a probe for children, more curved", Pixel(80, 150, 181, (0.2, 0.2), 11.0)),
    ]


def _seen(at: Callable[[float, float, float], tuple[float, float]]) -> Callable[..., Place]:
    """Return a function of a pixel that calls `at(x_mm, z_mm, radius_mm)`, x to the right from the middle, z down."""

    def place(row: int, column: int, columns: int, spacing_mm: tuple[float, float], radius_mm: float) -> Place:
        depth, angle = at((column - (columns - 1) / 2) * spacing_mm[1], row * spacing_mm[0], radius_mm)
        return {"depth_mm": depth, "angle_deg": angle}

    return place


def _moved(rows: float, columns: float) -> Callable[..., Place]:
    return lambda row, column, *others: _right(row + rows, column + columns, *others)


def _from_centre(x: float, z: float, radius: float) -> tuple[float, float]:
    # As a complex number, from the centre of the curve: its size and its angle from straight down.
    beam = complex(z + radius, x)
    return abs(beam) - radius, float(np.rad2deg(np.angle(beam)))


_right = _seen(_from_centre)

q4 = Exercise(
    lesson="ultrasound",
    number=4,
    title="The probe is curved. How deep is this pixel, and which beam drew it?",
    task="""
        The surface of a curved probe is part of a circle of radius_mm; its beams leave at right angles to it, as if from the centre of that
        circle. The image shows places without distortion: row 0 touches the lowest point of the surface, in the middle of the columns,
        which is column (columns − 1) / 2. The centre lies radius_mm above that point.

        Write `place(row, column, columns, spacing_mm, radius_mm)` for the centre of a pixel: how far it lies from the surface of the probe,
        along its beam, and the angle of that beam, 0 straight down, positive to the right. spacing_mm is (down, across).
    """,
    answer="a function that returns a dictionary {'depth_mm': number, 'angle_deg': number}, in mm and in degrees",
    why="attenuation and resolution follow depth and beam, not row and column; a nerve at the edge of the fan is seen at an angle.",
    expects=Function(_pixels, Fields({"depth_mm": Number(within=1e-3), "angle_deg": Number(within=1e-3)})),
    right=_right,
    mistakes=(
        Mistake(
            _seen(lambda x, z, r: (float(np.hypot(x, z + r)), _from_centre(x, z, r)[1])),
            "The depth is counted from the centre of the circle. It begins at the surface: subtract the radius.",
        ),
        Mistake(
            _seen(lambda x, z, r: (float(np.hypot(x, z)), float(np.rad2deg(np.arctan2(x, z))))),
            "The beams leave from one point of the surface here. They come from the centre of the circle, radius_mm above it.",
        ),
        Mistake(
            _seen(lambda x, z, r: (_from_centre(x, z, r)[0], float(np.rad2deg(np.arctan2(x, z))))),
            "The depth is right. The angle is taken from the surface; the beams come from the centre of the circle, radius_mm above it.",
        ),
        Mistake(
            _seen(lambda x, z, r: (z, _from_centre(x, z, r)[1])),
            "This is the depth below the upper border, as with a linear probe. Along a slanted beam it is more.",
        ),
        Mistake(
            _seen(lambda x, z, r: (_from_centre(x, z, r)[0], float(np.deg2rad(_from_centre(x, z, r)[1])))),
            "The angle is in radians; degrees were asked for.",
        ),
        Mistake(
            _seen(lambda x, z, r: (_from_centre(x, z, r)[0], 90 - _from_centre(x, z, r)[1])),
            "This angle is 0 to the right and 90 straight down. Here 0 is straight down: exchange the arguments of arctan2.",
        ),
        Mistake(
            _seen(lambda x, z, r: (_from_centre(x, z, r)[0], -_from_centre(x, z, r)[1])),
            "Left and right are exchanged: the angle is positive to the right.",
        ),
        Mistake(
            _seen(lambda x, z, r: (_from_centre(x, z, r)[0], abs(_from_centre(x, z, r)[1]))),
            "The angle has lost its sign: to the left it is negative.",
        ),
        Mistake(
            _seen(lambda x, z, r: (_from_centre(x, z, r)[0], float(np.rad2deg(x / (z + r))))),
            "This is the tangent of the angle, which is near the angle only if that is small. arctan2 gives the angle.",
        ),
        Mistake(
            _seen(lambda x, z, r: (float(np.hypot(x, z - r)) - r, float(np.rad2deg(np.arctan2(x, z - r))))),
            "The centre of the circle lies above the image, not below the surface: add the radius to the depth.",
        ),
        Mistake(
            lambda row, column, columns, spacing, radius: _right(row, column, columns, spacing[::-1], radius),
            "Down and across are exchanged: spacing_mm is (down, across), and rows go down.",
        ),
        Mistake(
            lambda row, column, columns, spacing, radius: _right(row, column, columns, (1.0, 1.0), radius),
            "Rows and columns are pixels and the radius is in mm. Multiply by spacing_mm first.",
        ),
        Mistake(
            lambda row, column, columns, spacing, radius: _right(row, column, columns, (spacing[0], spacing[0]), radius),
            "Pixels are taken to be square. Rows are spacing_mm[0] apart, columns spacing_mm[1].",
        ),
        Mistake(
            lambda row, column, columns, spacing, radius: _right(row, column + (columns - 1) / 2, columns, spacing, radius),
            "Columns count from the left border here. The axis of the probe is in the middle.",
        ),
        Mistake(
            _moved(0, -0.5),
            "The middle is half a column off: columns 0 to columns − 1 have it at (columns − 1) / 2.",
        ),
        Mistake(_moved(0.5, 0), "Half a row is added. Row 0 itself, its centre, touches the probe."),
        Mistake(_moved(0.5, 0.5), "Half a row and half a column are added. Row 0 and column (columns − 1) / 2 are centres of pixels."),
        Mistake(
            lambda row, column, columns, spacing, radius: _right(column, row, columns, spacing, radius),
            "Row and column are exchanged.",
        ),
    ),
    hints=(
        "How far is the pixel from the centre of the circle, across (x) and down (z)? The centre is radius_mm above row 0.",
        "x = (column − (columns − 1) / 2) · across, z = row · down + radius_mm.",
        "The depth is numpy.hypot(x, z) − radius_mm, the angle numpy.degrees(numpy.arctan2(x, z)).",
    ),
    code="""
        import numpy as np

        def answer(row, column, columns, spacing_mm, radius_mm):
            down, across = spacing_mm
            x = (column - (columns - 1) / 2) * across
            z = row * down + radius_mm
            return {"depth_mm": np.hypot(x, z) - radius_mm, "angle_deg": np.degrees(np.arctan2(x, z))}
    """,
    learned="Scan conversion asks this for each pixel and takes the echo that lies there. That is why the image is a fan with black "
    "corners.",
)
