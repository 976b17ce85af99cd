"""Films ready to learn from: what is known of each, and its pixels in the cache."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from radlearn.challenges import rsna
from radlearn.scans.cache import cached_films


class Film(NamedTuple):
    """A case and its pixels at the size asked for."""

    case: rsna.Case
    # uint8 or uint16 (size, size), a view into the cache: read from the disk only when looked at.
    stored: np.ndarray

    @property
    def pixels(self) -> np.ndarray:
        """float32 (1, size, size) in [0, 1], bright where the body is dense; channel first, as MONAI and PyTorch want it."""
        return self.stored[None].astype(np.float32) / np.iinfo(self.stored.dtype).max


def prepared_films(cases: Sequence[rsna.Case], size_px: int, shape: Literal["stretch", "pad"] = "stretch") -> list[Film]:
    """Read every film once into the pixel cache, or find it there, and fill in what the headers say.

    Raises:
        UnreadableScan: with all files that cannot be read.
        BadLayout: if a header contradicts the tables, such as a box outside its image.
    """
    cached = cached_films([case.path for case in cases], size_px, shape)
    return [Film(case, stored) for case, stored in zip(rsna.with_headers(cases, cached.headers), cached.pixels, strict=True)]
