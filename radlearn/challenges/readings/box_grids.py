"""Whether boxes were drawn on smaller copies of their X-rays, or in percent: they are boxes still, and all lie in one corner.

Boxes of findings in both lungs reach to about 0.9 of width and height. Of 88,000 sets of 20 boxes and more, on 10 to 100 X-rays that were
drawn from the 6,012 of the Kaggle pneumonia challenge with boxes, and of 270,000 from 537 built-in ones, none lies within 0.75 of both.
Boxes of copies of 640 × 640 px, on X-rays of 1024 px, did in all of them.
"""

import math
from collections.abc import Sequence

from radlearn.challenges.readings.box_readings import GRIDS_PX

FEWEST_BOXES, FEWEST_XRAYS = 20, 10
"Of fewer, all may be of one upper field."
CORNER_SHARE = 0.5
"Boxes within so much of width and height are in a corner, whatever they are of."
MOST_SHARE, MOST_CENTRE, ALIKE = 0.75, 0.42, 1.25
"""Within so much of both they are, if their middle lies left of that of the X-rays as well, and if they reach about as far across as down:
findings of one side alone do neither."""

USUAL_REACH, PERCENT = 0.915, 100
"How far boxes of both lungs reach, as a share of the side."

Boxes = Sequence[tuple[float, float, float, float]]


def grid_words(drawn: Sequence[tuple[Boxes, tuple[int, int]]]) -> str:
    """Return what is to be said of boxes that look as if they were drawn on smaller copies; "" where they do not.

    Args:
        drawn: the boxes (x0, y0, x1, y1) of each X-ray in pixels, and its size (height, width).
    """
    several = [(boxes, size) for boxes, size in drawn if boxes]
    placed = [(box, height, width) for boxes, (height, width) in several for box in boxes]
    if len(placed) < FEWEST_BOXES or len(several) < FEWEST_XRAYS:
        return ""
    across = max(x1 / width for (_, _, x1, _), _, width in placed)
    down = max(y1 / height for (*_, y1), height, _ in placed)
    middle = sum((x0 + x1) / 2 / width for (x0, _, x1, _), _, width in placed) / len(placed)
    reaches = max(across, down)
    in_a_corner = reaches <= CORNER_SHARE
    if not in_a_corner and (reaches > MOST_SHARE or middle > MOST_CENTRE or reaches > ALIKE * min(across, down)):
        return ""
    farthest, smallest = max(max(x1, y1) for (*_, x1, y1), _, _ in placed), min(min(size) for _, size in several)
    usual = [grid for grid in GRIDS_PX if farthest <= grid < smallest]
    grid = min(usual, key=lambda grid: abs(grid - farthest / USUAL_REACH), default=None)
    copies = f"copies of about {grid} × {grid} px" if grid else "smaller copies"
    percent = ", or are they percent" if farthest <= PERCENT else ""
    within = f"all {len(placed):,} boxes lie within {math.ceil(farthest)} px from the top left"
    return f"{within}, on X-rays whose sides are {smallest:,} px and more: were they drawn on {copies}{percent}?"
