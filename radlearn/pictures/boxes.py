"""What a detector answers for a film, drawn: its boxes beside the true ones, and what became of them in words."""

from pathlib import Path

import numpy as np

from radlearn.metrics.boxes import FoundBoxes
from radlearn.pictures.outlines import painted_found
from radlearn.pictures.overlays import film_picture, write_sheet


def write_box_overlay(path: Path, pixels: np.ndarray, found: FoundBoxes, frame_px: tuple[int, int], name: str, said: str = "") -> Path:
    """Write a film beside itself with the boxes found, above a strip with its name and the answer, as PNG; return the path.

    Args:
        path: where to; whole or not at all.
        pixels: (height, width), in [0, 1].
        found: boxes counted on a film of `frame_px` (height, width).
        name: the film's id.
        said: the answer in words, such as "2 boxes, the surest 0.83".
    """
    plain = film_picture(pixels)
    return write_sheet(path, [plain, painted_found(plain, found, frame_px)], name, said)
