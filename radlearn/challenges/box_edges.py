"""Boxes that touch the edge of their X-ray, whose numbers were rounded on the way: 1024.0005 where six decimals of a share became pixels.

One rule for tables of one's own, the Kaggle challenge's, its scores and `check`. Formats that round more coarsely have room of their own
in `marked_images`, which knows them.
"""

from collections.abc import Sequence

EDGE_PX = 0.5
"""How far a box may reach beyond its X-ray, to be cut off there. Six decimals of a share are off by 0.0015 px on 1,024; whole pixels, as
they are scaled or halved, by half a pixel. Boxes of another X-ray, or corners in the place of sizes, are off by far more."""

Box = tuple[float, float, float, float]


def cut_off(box: Box, size_px: tuple[float, float]) -> Box | None:
    """Return a box inside an X-ray of this height and width; None where it reaches farther beyond than rounding does.

    >>> cut_off((-0.3, 10, 1024.0005, 20), (1024, 1024)), cut_off((0, 10, 1024.6, 20), (1024, 1024))
    ((0, 10, 1024, 20), None)
    """
    height, width = size_px
    x0, y0, x1, y1 = box
    if min(x0, y0) < -EDGE_PX or x1 > width + EDGE_PX or y1 > height + EDGE_PX or x0 >= width or y0 >= height or x1 <= 0 or y1 <= 0:
        return None
    return max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)


def box_words(box: Sequence[float]) -> str:
    """Return the numbers of a box in words, with as many digits as tell a thousandth of a pixel.

    >>> box_words((1000, 20, 1024.6, 60.0000001))
    'x 1000, y 20, width 24.6, height 40'
    """
    x0, y0, x1, y1 = box
    return f"x {shown(x0)}, y {shown(y0)}, width {shown(x1 - x0)}, height {shown(y1 - y0)}"


def shown(number: float) -> str:
    """Return a number of pixels.

    >>> shown(1024.6), shown(12345.678), shown(7.0)
    ('1024.6', '12345.678', '7')
    """
    return f"{round(number, 3):.12g}"
