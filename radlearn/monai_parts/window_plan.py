"""How many windows of a sliding window go through a network at once, and where they are summed: as much as the free memory allows."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from radlearn.monai_parts.memory import free_bytes, is_out_of_memory

MOST_WINDOWS_AT_ONCE = 8
"On a GPU; larger batches are no faster at patches of half a million voxels."
SHARE_FOR_SUMS, SHARE_FOR_WINDOWS = 0.25, 0.7
"Of the free memory; the rest is a reserve."

Voxels = tuple[int, int, int]


@dataclass(frozen=True)
class WindowPlan:
    """How many windows go through the network at once, and the device on which they are summed.

    >>> print(WindowPlan(3, torch.device("cuda")).smaller())
    1 window at once, summed on cuda
    """

    windows: int
    sum_on: torch.device

    def smaller(self) -> "WindowPlan | None":
        """Return the next plan that needs less memory; None where there is none."""
        if self.windows > 1:
            return replace(self, windows=self.windows // 2)
        return replace(self, sum_on=torch.device("cpu")) if self.sum_on.type != "cpu" else None

    def __str__(self) -> str:
        return f"{self.windows} window{'s' if self.windows > 1 else ''} at once, summed on {self.sum_on.type}"


def chosen_plan(infer: Callable[[Tensor], Tensor], images: Tensor, window: Voxels, device: torch.device) -> WindowPlan:
    """Return the plan for images (batch, channels, x, y, z) that fits the free memory of the device of the network.

    On a CPU one window at a time is as fast as several. On a GPU one window is run to measure its memory.
    """
    if device.type != "cuda":
        return WindowPlan(1, device)
    free = free_bytes(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    try:
        channels = infer(torch.zeros((1, images.shape[1], *window), dtype=images.dtype, device=device)).shape[1]
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return WindowPlan(1, torch.device("cpu"))
    return fitting_plan(free, bytes_of_sums(images, window, channels), torch.cuda.max_memory_allocated(device) - before, device)


def bytes_of_sums(images: Tensor, window: Voxels, channels: int) -> int:
    """Return the memory that summing takes: the sums and a copy of them, their weights, and the images, all padded to the window.

    >>> bytes_of_sums(torch.zeros(1, 1, 10, 10, 10), (4, 4, 16), channels=1)
    25600
    """
    maps = 2 * channels + 1 + images.shape[1]
    return maps * images.element_size() * images.shape[0] * int(np.prod(np.maximum(images.shape[2:], window)))


def fitting_plan(free: int, sums_bytes: int, window_bytes: int, device: torch.device) -> WindowPlan:
    """Return the largest plan that fits `free` bytes of a GPU: sums on the GPU where they need little of it, then as many windows."""
    on_device = sums_bytes <= SHARE_FOR_SUMS * free
    room = SHARE_FOR_WINDOWS * free - (sums_bytes if on_device else 0)
    windows = max(1, min(MOST_WINDOWS_AT_ONCE, int(room / max(1, window_bytes))))
    return WindowPlan(windows, device if on_device else torch.device("cpu"))


def grown_window(shape: Voxels, window: Voxels, grow_to: float) -> Voxels:
    """Return the window, lengthened by up to the factor `grow_to` along each axis where one window then covers the image.

    Lengths remain multiples of the same power of two, up to 16, because networks halve their images several times.

    >>> grown_window((240, 203, 57), (192, 192, 16), 1.3)
    (240, 208, 16)
    >>> grown_window((300, 180, 17), (192, 192, 16), 1.3)
    (192, 192, 16)
    """
    lengths = []
    for there, wanted in zip(shape, window, strict=True):
        step = min(16, wanted & -wanted)
        grown = -(-there // step) * step
        lengths.append(grown if wanted < grown <= grow_to * wanted else wanted)
    i, j, k = lengths
    return i, j, k
