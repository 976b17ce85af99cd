"""Whether heat maps point at the finding: compared with its true boxes.

A classifier can be right for a wrong reason: a heat map that glows on a collarbone shows it. The chance level is the share of the image
that the boxes cover, so both scores are read beside it.
"""

from collections.abc import Sequence

import numpy as np

from radlearn.errors import BadSetting


def share_inside(boxes_xyxy_px: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return which share of each pixel lies inside at least one of the boxes, to a sixteenth of its sides; float64 (height, width).

    Args:
        boxes_xyxy_px: (boxes, 4) in pixels of the map, from its upper left corner.

    >>> share_inside(np.array([[0.0, 0.0, 1.5, 1.0]]), (2, 2)).tolist()
    [[1.0, 0.5], [0.0, 0.0]]
    """
    height, width = shape
    fine = 16
    inside = np.zeros((height * fine, width * fine), bool)
    for x0, y0, x1, y1 in np.rint(np.asarray(boxes_xyxy_px, float).reshape(-1, 4) * fine).astype(int):
        inside[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = True
    return inside.reshape(height, fine, width, fine).mean(axis=(1, 3))


def pointing_scores(heat_maps: np.ndarray, boxes_xyxy_px: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Return, for each image, whether its heat map points into a true box, and which share of the heat lies inside the boxes.

    Args:
        heat_maps: (images, height, width), 0 or more.
        boxes_xyxy_px: (boxes, 4) for each image, in pixels of the map.

    Returns:
        float64 (images,) each, NaN for an image without a box.
        `hit`: 1 where the maximum lies inside a box, else 0 (the pointing game: Zhang et al. 2018, International Journal of Computer
        Vision 126:1084, doi:10.1007/s11263-017-1059-x, here without a margin); of several equal maxima the mean; 0 for a map without heat.
        `energy_share`: heat inside / all heat (Wang et al. 2020, arXiv:1910.01279); 0 for a map without heat.
        `chance`: the area of the boxes as a share of the image, which is what a random point, and an even map, reach.

    Raises:
        BadSetting: if the numbers of images differ, or a heat map is negative or not finite.

    >>> heat = np.zeros((1, 4, 4))
    >>> heat[0, 1, 1], heat[0, 3, 3] = 3, 1
    >>> {name: score.tolist() for name, score in pointing_scores(heat, [np.array([[0, 0, 2, 2]])]).items()}
    {'hit': [1.0], 'energy_share': [0.75], 'chance': [0.25]}
    """
    maps = np.asarray(heat_maps, dtype=np.float64)
    if maps.ndim != 3 or len(maps) != len(boxes_xyxy_px):
        raise BadSetting(f"heat maps of shape {maps.shape} and boxes of {len(boxes_xyxy_px)} images; expected (images, height, width).")
    if not (np.isfinite(maps).all() and (maps >= 0).all()):
        raise BadSetting("heat maps: a value is negative or not finite; expected 0 or more.")
    scores = {name: np.full(len(maps), np.nan) for name in ("hit", "energy_share", "chance")}
    for number, (heat, boxes) in enumerate(zip(maps, boxes_xyxy_px, strict=True)):
        if len(boxes):
            inside, hottest = share_inside(boxes, heat.shape), heat == heat.max()
            scores["chance"][number] = inside.mean()
            scores["hit"][number] = inside[hottest].mean() if heat.any() else 0.0
            scores["energy_share"][number] = (heat * inside).sum() / heat.sum() if heat.any() else 0.0
    return scores
