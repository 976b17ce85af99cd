"""Films ready to learn from: what is known of each, and its pixels in the cache."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from radlearn.challenges import rsna
from radlearn.scans.cache import cached_films


class Film(NamedTuple):
    """A case and its pixels at the size asked for."""

    case: rsna.Case
    # uint8 or uint16 (size, size), a view into the cache: read from the disk only when looked at.
    stored: np.ndarray
    # (height, width) of the part of the source that the square shows: its own, or the square around it where it was padded.
    frame_px: tuple[int, int] = (1024, 1024)
    # (height, width) of the source where it was padded; None where the frame is the source.
    source_px: tuple[int, int] | None = None

    @property
    def pixels(self) -> np.ndarray:
        """float32 (1, size, size) in [0, 1], bright where the body is dense; channel first, as MONAI and PyTorch want it."""
        return self.stored[None].astype(np.float32) / np.iinfo(self.stored.dtype).max

    @property
    def boxes_in_frame_px(self) -> tuple[tuple[float, float, float, float], ...]:
        """The case's boxes (x0, y0, x1, y1), counted in source pixels from the corner of the frame."""
        if self.source_px is None:
            return self.case.boxes_xyxy_px
        down, right = ((frame - own) / 2 for frame, own in zip(self.frame_px, self.source_px, strict=True))
        return tuple((x0 + right, y0 + down, x1 + right, y1 + down) for x0, y0, x1, y1 in self.case.boxes_xyxy_px)


def prepared_films(cases: Sequence[rsna.Case], size_px: int, shape: Literal["stretch", "pad"] = "stretch") -> list[Film]:
    """Read every film once into the pixel cache, or find it there, and fill in what the headers say.

    Raises:
        UnreadableScan: with all files that cannot be read.
        BadLayout: if a header contradicts the tables, such as a box outside its image.
    """
    cached = cached_films([case.path for case in cases], size_px, shape)
    films = []
    for case, stored, header in zip(rsna.with_headers(cases, cached.headers), cached.pixels, cached.headers, strict=True):
        if shape == "stretch":
            films.append(Film(case, stored, header.size_px))
        else:
            films.append(Film(case, stored, (max(header.size_px),) * 2, header.size_px))
    return films


def as_images(films: Sequence[Film], model: nn.Module) -> Tensor:
    """Return films as one float32 tensor (films, 1, size, size), where the model's weights lie."""
    return torch.from_numpy(np.stack([film.pixels for film in films])).to(next(model.parameters()).device)
