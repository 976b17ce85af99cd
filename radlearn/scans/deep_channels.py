"""Pictures with several channels of 16 bits each, of which Pillow keeps the upper 8: decoded twice, so that all 16 are there."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

OTHER_HALF = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
"Of 16 bits in this order, the order that makes Pillow keep the lower half instead."


def has_deep_channels(image: Image.Image) -> bool:
    """Whether an image of several channels has 16 bits in each, of which Pillow would keep 8."""
    return image.mode in ("LA", "RGB", "RGBA") and any(";16" in _raw_mode(tile) for tile in getattr(image, "tile", ()))


def deep_channels(opened: Callable[[], Image.Image]) -> np.ndarray:
    """Return all 16 bits of the channels, int32 (height, width, 4): three colours, and how opaque.

    Args:
        opened: opens the picture anew; it is decoded twice, once for each half of the bits.
    """
    halves = []
    for half in ("upper", "lower"):
        with opened() as image:
            tiles: list[Any] = image.tile  # type: ignore[attr-defined]
            grey = False
            for number, tile in enumerate(tiles):
                raw = _raw_mode(tile).replace("RGBa", "RGBA")
                # Grey and opacity of two bytes each take as many as four channels of one.
                grey = raw.startswith("LA;16")
                wanted = "RGBA" if grey else raw[:-1] + OTHER_HALF[raw[-1]] if half == "lower" else raw
                tiles[number] = tile._replace(args=wanted if isinstance(tile.args, str) else (wanted, *tile.args[1:]))
            image.load()
            decoded = np.asarray(image).astype(np.int32)
        if grey:
            both = decoded[..., 0::2] * 256 + decoded[..., 1::2]
            return both[..., [0, 0, 0, 1]]
        halves.append(decoded)
    both = halves[0] * 256 + halves[1]
    return both if both.shape[2] == 4 else np.dstack([both, np.full(both.shape[:2], 65535, np.int32)])


def _raw_mode(tile: Any) -> str:
    """Return in which order of bytes Pillow will decode a part of an image."""
    return str(tile.args if isinstance(tile.args, str) else tile.args[0])
