"""MONAI's `Spacingd`, axis by axis: many times as fast on a CPU, and without aliasing where it makes voxels coarser."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor, get_track_meta
from monai.transforms import Spacingd, SpatialResample, TraceableTransform
from monai.utils import TraceKeys, get_equivalent_dtype, get_torch_dtype_from_string

from radlearn.errors import RadlearnWarning
from radlearn.scans.geometry import Grid
from radlearn.scans.resampling import Kind, are_parallel, resampled

KINDS: dict[str, Kind] = {"bilinear": "linear", "nearest": "nearest"}
"PyTorch's word for linear interpolation is bilinear, in three dimensions too."
UNCHANGED_WITHIN = 1e-3  # As in MONAI: images on grids that differ by less are not resampled


class SeparableSpacingd(Spacingd):
    """Resamples images to a spacing, as `Spacingd` does, onto the same grid, with one matrix product per axis.

    `Spacingd` computes a position for every new voxel and reads its eight neighbours. But a change of spacing does not rotate, so that
    the three axes can be resampled one after the other. And where new voxels are wider than old ones, `Spacingd` reads two neighbours of
    each and skips the rest: noise stays as it is, and what lies between is lost. Here "bilinear" averages over the width of the new voxel,
    also on the way back, with `inverse` or `Invertd`.

    Grid and affine are those of `Spacingd`; so are the values, up to rounding, where voxels do not become wider, or with
    `anti_aliasing=False`; in mode "nearest" a position exactly between two voxels may get the other one. Values are computed in float32,
    whatever `dtype` says. Left to MONAI, which does not average (a warning says so where voxels become wider), are images that are no
    MetaTensor of three spatial axes on the CPU, that have NaN, infinite values or a gradient, or are bfloat16; splines, other padding than
    "border", `align_corners`, lazy resampling; and scans whose axes are not at right angles, or are to be turned (`diagonal`).

    Args:
        keys: images (channels, i, j, k).
        pixdim: spacing in mm along i, j, k.
        anti_aliasing: average over new voxels that are wider than the old ones; only in mode "bilinear".
        options: all others of `Spacingd`, by name: `mode`, `padding_mode`, `min_pixdim`, `allow_missing_keys` …

    >>> noise = MetaTensor(np.random.default_rng(0).normal(size=(1, 64, 64, 16)), affine=np.eye(4))
    >>> for transform in (Spacingd("image", (4.0, 4.0, 1.0)), SeparableSpacingd("image", (4.0, 4.0, 1.0))):
    ...     print(f"{transform({'image': noise})['image'].std():.1f}")
    1.0
    0.2
    """

    def __init__(self, keys: KeysCollection, pixdim: Sequence[float] | float, *, anti_aliasing: bool = True, **options: Any) -> None:
        super().__init__(keys, pixdim, **options)
        self.anti_aliasing = anti_aliasing
        self.spacing_transform.sp_resample = SeparableResample(anti_aliasing, lazy=self.lazy)


class SeparableResample(SpatialResample):
    """MONAI's `SpatialResample`, axis by axis where that is possible; arguments as there, and `anti_aliasing` as above."""

    def __init__(self, anti_aliasing: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.anti_aliasing = anti_aliasing

    def __call__(
        self,
        img: torch.Tensor,
        dst_affine: torch.Tensor | None = None,
        spatial_size: Any = None,
        mode: Any = None,
        padding_mode: Any = None,
        align_corners: bool | None = None,
        dtype: Any = None,
        lazy: bool | None = None,
    ) -> torch.Tensor:
        """Return the image on the grid of `dst_affine` (4 × 4) and `spatial_size`, float32 (channels, i, j, k)."""
        kind = KINDS.get(str(self.mode if mode is None else mode))
        padding = self.padding_mode if padding_mode is None else padding_mode
        at_corners = self.align_corners if align_corners is None else align_corners
        is_lazy = self.lazy if lazy is None else lazy
        if kind is not None and padding == "border" and not at_corners and not is_lazy:
            grids = _grids(img, dst_affine, spatial_size)
            if grids is not None:
                working = get_equivalent_dtype(dtype or self.dtype or img.dtype, torch.Tensor)
                return self._separably(img, *grids, kind, str(working).removeprefix("torch."))
        if self.anti_aliasing and kind == "linear" and isinstance(img, MetaTensor) and _widens(img, dst_affine):
            said = "MONAI resamples this image to wider voxels without averaging over them: see SeparableSpacingd."
            warnings.warn(RadlearnWarning(said), stacklevel=2)
        return super().__call__(img, dst_affine, spatial_size, mode, padding_mode, align_corners, dtype, lazy)

    def inverse(self, data: torch.Tensor) -> torch.Tensor:
        """Return the image on the grid that it had."""
        done = self.pop_transform(data)
        how = done[TraceKeys.EXTRA_INFO]
        back: dict[str, Any] = {"dst_affine": how["src_affine"], "spatial_size": done[TraceKeys.ORIG_SIZE]}
        at_corners = how["align_corners"] if how["align_corners"] != TraceKeys.NONE else False
        dtype = get_torch_dtype_from_string(how["dtype"])
        with self.trace_transform(False):
            return self(data, **back, mode=how["mode"], padding_mode=how["padding_mode"], align_corners=at_corners, dtype=dtype)

    def _separably(self, img: torch.Tensor, grid: Grid, onto: Grid, kind: Kind, dtype: str) -> torch.Tensor:
        meta = TraceableTransform.track_transform_meta(
            img,
            sp_size=onto.shape,
            affine=torch.linalg.solve(torch.from_numpy(grid.affine), torch.from_numpy(onto.affine)),
            # What MONAI's own inverse reads.
            extra_info={
                "dtype": dtype,
                "mode": next(mode for mode, named in KINDS.items() if named == kind),
                "padding_mode": "border",
                "align_corners": False,
                "src_affine": torch.from_numpy(grid.affine),
            },
            orig_size=grid.shape,
            transform_info=self.get_transform_info(),
        )
        channels = [resampled(channel, grid, onto, kind, None, self.anti_aliasing) for channel in img.numpy()]
        values = torch.from_numpy(np.stack(channels).astype(np.float32, copy=False))
        return MetaTensor(values).copy_meta_from(meta) if get_track_meta() else values


def _grids(img: torch.Tensor, dst_affine: Any, spatial_size: Any) -> tuple[Grid, Grid] | None:
    """Return the grid of an image and the one it shall be on; None where MONAI has to do it."""
    if not isinstance(img, MetaTensor) or img.ndim != 4 or img.device.type != "cpu" or img.pending_operations:
        return None
    if dst_affine is None or spatial_size is None or tuple(img.affine.shape) != (4, 4) or np.shape(dst_affine) != (4, 4):
        return None
    # A single NaN would spread along whole rows: a matrix product multiplies it by 0.
    if img.requires_grad or img.dtype == torch.bfloat16 or (img.is_floating_point() and not torch.isfinite(img).all()):
        return None
    i, j, k = img.shape[1:]
    grid = Grid((i, j, k), img.affine.numpy().astype(np.float64))
    size = [int(count) for count in np.atleast_1d(np.asarray(spatial_size))]
    if len(size) != 3 or min(size) < 1 or min(img.shape) < 1:
        return None
    onto = Grid((size[0], size[1], size[2]), np.asarray(dst_affine, np.float64))
    if grid.shape == onto.shape:
        change = np.linalg.solve(grid.affine, onto.affine)
        if np.allclose(grid.affine, onto.affine, atol=UNCHANGED_WITHIN) or np.allclose(change, np.eye(4), atol=UNCHANGED_WITHIN):
            return None
    return (grid, onto) if are_parallel(grid, onto) else None


def _widens(img: MetaTensor, dst_affine: Any) -> bool:
    """Return whether voxels become wider along an axis, by more than a tenth."""
    if dst_affine is None or np.shape(dst_affine) != tuple(img.affine.shape):
        return False
    before, after = (np.linalg.norm(np.asarray(affine, float)[:-1, :-1], axis=0) for affine in (img.affine, dst_affine))
    return bool((after > 1.1 * before).any())
