"""From a scan's own grid to the smaller one of the network, and back.

The block of the lungs is cropped from the scan, reoriented to LPS and resampled to the wanted spacing. An oblique scan keeps its own
axes. Everything follows from the source's grid, the block and the spacing, so these three suffice to resample a prediction back.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from radlearn.errors import BadSetting
from radlearn.scans.geometry import Box, Grid, Volume, cropped, from_orientation, to_orientation, with_spacing
from radlearn.scans.resampling import Kind, resampled

ORIENTATION = "LPS"
Lengths = tuple[float, float, float]


@dataclass(frozen=True)
class ResampledGrid:
    """The block `box` of the grid `source`, in LPS order at `spacing_mm` (right to left, front to back, feet to head).

    `box` is in the scan's own order: `voxels[box]`.
    """

    source: Grid
    box: Box
    spacing_mm: Lengths

    @cached_property
    def block(self) -> Grid:
        """The grid of the block at the scan's spacing, in LPS order."""
        block = cropped(self.source, self.box)
        # A view of one byte: only its shape is needed.
        return Volume(*to_orientation(np.broadcast_to(np.False_, block.shape), block.affine, ORIENTATION)).grid

    @cached_property
    def grid(self) -> Grid:
        """The grid that the network sees: the fewest voxels of this spacing that cover the block, with the same centre.

        All their centres lie inside the block, and those of the block inside them, so that neither direction extrapolates.

        Raises:
            BadSetting: a spacing that is not above 0.
        """
        if not min(self.spacing_mm) > 0:
            raise BadSetting(f"spacing_mm is {self.spacing_mm}; expected three lengths above 0.")
        # The tolerance keeps a count that is whole up to rounding.
        return with_spacing(self.block, self.spacing_mm, lambda count: int(np.ceil(count - 1e-3)))

    def onto_grid(self, voxels: np.ndarray, kind: Kind = "linear") -> np.ndarray:
        """Return the block of a volume on the source grid, resampled onto `grid`: averaged where that is coarser; `kind` as in `resampled`.

        Raises:
            BadSetting: another shape than the source's.
        """
        if voxels.shape != self.source.shape:
            raise BadSetting(f"the volume has shape {voxels.shape}; expected that of its scan, {self.source.shape}.")
        turned, _ = to_orientation(voxels[self.box], cropped(self.source, self.box).affine, ORIENTATION)
        return resampled(turned, self.block, self.grid, kind)

    def back_to_source(self, values: np.ndarray) -> np.ndarray:
        """Return values on `grid`, such as a probability, on the source grid, float32: resampled once, linearly; 0 outside the block.

        Raises:
            BadSetting: another shape than the grid's.
        """
        if values.shape != self.grid.shape:
            raise BadSetting(f"the prediction has shape {values.shape}; expected that of the prepared scan, {self.grid.shape}.")
        block = resampled(values, self.grid, self.block)
        whole = np.zeros(self.source.shape, np.float32)
        whole[self.box] = from_orientation(block, ORIENTATION, self.source.affine)
        return whole
