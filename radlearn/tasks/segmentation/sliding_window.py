"""The probability at every voxel of a scan that is larger than the network's window: overlapping windows, averaged.

Near its edge a window lacks context, so windows are weighted by a Gaussian around their centre (as in nnU-Net,
doi:10.1038/s41592-020-01008-z). Probabilities are averaged and not logits, so that one overconfident window cannot dominate the others.

How many windows go through the network at once, and on which device they are summed, depends on the memory that is free. Where memory is
exhausted all the same, smaller plans are tried: a slow prediction is better than none.
"""

import gc
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from radlearn.errors import BadSetting, NotEnoughMemory, NotFiniteError
from radlearn.progress import say
from radlearn.scans.prepared_volume import PreparedVolume, Voxels
from radlearn.tasks.segmentation.memory import free_bytes, is_out_of_memory

MOST_WINDOWS_AT_ONCE = 8
"On a GPU; larger batches are no faster at patches of half a million voxels."
SHARE_FOR_SUMS, SHARE_FOR_WINDOWS = 0.25, 0.7
"Of the free memory; the rest is a reserve."
MAPS = 4
"Arrays of the scan's size in float32 while windows are summed: the sums, their weights, a temporary copy, the scan."


@dataclass(frozen=True)
class WindowPlan:
    """How many windows go through the network at once, and the device on which they are summed."""

    windows: int
    sum_on: torch.device

    def smaller(self) -> "WindowPlan | None":
        """Return the next plan that needs less memory; None where there is none."""
        if self.windows > 1:
            return replace(self, windows=self.windows // 2)
        return replace(self, sum_on=torch.device("cpu")) if self.sum_on.type != "cpu" else None

    def __str__(self) -> str:
        return f"{self.windows} window{'s' if self.windows > 1 else ''} at once, summed on {self.sum_on.type}"


def infer_volume(
    model: nn.Module,
    prepared: PreparedVolume,
    patch_voxels: Voxels,
    overlap: float = 0.5,
    mirror_axes: Sequence[int] = (),
    grow_to: float = 1.0,
) -> np.ndarray:
    """Return the probability of a lesion at every voxel of a prepared scan.

    Args:
        model: float32 (windows, 1, x, y, z) in [0, 1] to logits (windows, 1, x, y, z), or (windows, 2, …) for background and lesion.
            It runs in evaluation mode, on the device of its weights.
        prepared: the scan. One smaller than the window is centred in it and padded with air, as in `PreparedVolume.patch`.
        patch_voxels: the window.
        overlap: of neighbouring windows, as a share, in [0, 1).
        mirror_axes: test-time augmentation: axes (0, 1, 2) along which the windows are also mirrored, in all combinations, and the
            predictions averaged; two axes take four times as long. Only for a network trained with such mirroring.
        grow_to: the largest factor by which a window may be lengthened along an axis where one window then covers the scan, which halves
            the work there. The network then sees more context than in training; confirm it on validation.

    Returns:
        float32 of `prepared.shape` in [0, 1]; `prepared.back_to_source` resamples it onto the source grid.

    Raises:
        BadSetting: an empty window, an invalid overlap or axis, a network whose output has another shape.
        NotEnoughMemory: not even one window fits.
        NotFiniteError: the network returns NaN.
    """
    if min(patch_voxels) < 1 or not 0 <= overlap < 1 or not set(mirror_axes) <= {0, 1, 2} or grow_to < 1:
        given = f"the window is {patch_voxels}, the overlap {overlap}, mirror_axes {tuple(mirror_axes)}, grow_to {grow_to}"
        raise BadSetting(
            f"{given}; expected at least one voxel each way, an overlap in [0, 1), axes among 0, 1, 2, and grow_to of at least 1."
        )
    image = torch.from_numpy(prepared.scaled(prepared.image))[None, None]
    device = next((weight.device for weight in model.parameters()), torch.device("cpu"))
    infer = _mirror_averaged(model, tuple(dict.fromkeys(mirror_axes)))
    window = grown_window(prepared.shape, patch_voxels, grow_to)
    with _evaluation_mode(model), torch.inference_mode():
        try:
            mean = _averaged(infer, image, window, overlap, device)
        except NotEnoughMemory:
            if window == patch_voxels:
                raise
            say(f"A window of {window} does not fit into memory; trying {patch_voxels}.", style="yellow")
            mean = _averaged(infer, image, patch_voxels, overlap, device)
    # Weighted means of numbers up to 1 may round to slightly more.
    probability = mean[0, 0].float().clamp(0, 1).cpu().numpy()
    if not np.isfinite(probability).all():
        raise NotFiniteError(f"{prepared.path}: the network's prediction is NaN at some voxels: its weights diverged.")
    return probability


def grown_window(shape: Voxels, patch_voxels: Voxels, grow_to: float) -> Voxels:
    """Return the window, lengthened along each axis where one window then covers the scan.

    Lengths remain multiples of the same power of two, up to 16, because networks halve their images several times.

    >>> grown_window((240, 203, 57), (192, 192, 16), 1.3)
    (240, 208, 16)
    >>> grown_window((300, 180, 17), (192, 192, 16), 1.3)
    (192, 192, 16)
    """
    lengths = []
    for there, wanted in zip(shape, patch_voxels, strict=True):
        step = min(16, wanted & -wanted)
        grown = -(-there // step) * step
        lengths.append(grown if wanted < grown <= grow_to * wanted else wanted)
    i, j, k = lengths
    return i, j, k


def chosen_plan(infer: Callable[[Tensor], Tensor], image: Tensor, patch_voxels: Voxels, device: torch.device) -> WindowPlan:
    """Return the plan for an image (1, 1, x, y, z) that fits the free memory.

    On a CPU one window at a time is as fast as several. On a GPU one window is run to measure its memory.
    """
    if device.type != "cuda":
        return WindowPlan(1, device)
    free = free_bytes(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    try:
        infer(torch.zeros((1, 1, *patch_voxels), device=device))
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return WindowPlan(1, torch.device("cpu"))
    sums_bytes = MAPS * 4 * int(np.prod(np.maximum(image.shape[2:], patch_voxels)))
    return fitting_plan(free, sums_bytes, torch.cuda.max_memory_allocated(device) - before, device)


def fitting_plan(free: int, sums_bytes: int, window_bytes: int, device: torch.device) -> WindowPlan:
    """Return the largest plan that fits `free` bytes of a GPU: sums on the GPU where they need little of it, then as many windows."""
    on_device = sums_bytes <= SHARE_FOR_SUMS * free
    room = SHARE_FOR_WINDOWS * free - (sums_bytes if on_device else 0)
    windows = max(1, min(MOST_WINDOWS_AT_ONCE, int(room / max(1, window_bytes))))
    return WindowPlan(windows, device if on_device else torch.device("cpu"))


def _averaged(infer: Callable[[Tensor], Tensor], image: Tensor, window: Voxels, overlap: float, device: torch.device) -> Tensor:
    """Return the averaged windows (1, 1, x, y, z), by the first plan that fits into memory."""
    plan = chosen_plan(infer, image, window, device)
    while True:
        mean, plan = _tried(infer, image, window, overlap, device, plan)
        if mean is not None:
            return mean


def _tried(
    infer: Callable[[Tensor], Tensor], image: Tensor, patch_voxels: Voxels, overlap: float, device: torch.device, plan: WindowPlan
) -> tuple[Tensor | None, WindowPlan]:
    """Return the averaged windows and the plan; or, where memory was exhausted, None and a smaller plan."""
    from monai.inferers import sliding_window_inference

    try:
        # What lies outside the scan is padded with 0.
        mean = sliding_window_inference(
            image, patch_voxels, plan.windows, infer, overlap, mode="gaussian", sw_device=device, device=plan.sum_on
        )
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    else:
        return mean, plan
    # Outside the handler, where the error no longer keeps the frames that hold the windows.
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    if (smaller := plan.smaller()) is None:
        size = " × ".join(str(count) for count in patch_voxels)
        raise NotEnoughMemory(
            f"The network does not fit into the memory of {device.type} with one window of {size} voxels ({free_bytes(device) / 1e9:.1f} "
            "GB are free). Close other programs that use it, or choose a smaller patch or network."
        )
    say(f"Not enough memory for {plan}; trying {smaller}.", style="yellow")
    return None, smaller


def _mirror_averaged(model: nn.Module, mirror_axes: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
    """Return windows (n, 1, x, y, z) -> probabilities (n, 1, x, y, z), averaged over mirror images."""
    mirrors = [dims for count in range(len(mirror_axes) + 1) for dims in itertools.combinations([2 + axis for axis in mirror_axes], count)]

    def infer(windows: Tensor) -> Tensor:
        total = _probability(model(windows), windows)
        for dims in mirrors[1:]:
            total += _probability(model(windows.flip(dims)), windows).flip(dims)
        return total / len(mirrors)

    return infer


def _probability(logits: Tensor, windows: Tensor) -> Tensor:
    if not isinstance(logits, Tensor) or logits.shape[1] not in (1, 2) or logits.shape[2:] != windows.shape[2:]:
        found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise BadSetting(f"the output of the network for {tuple(windows.shape)} is {found}; expected one or two channels of the same size.")
    # Two channels are one: the softmax of two numbers is the sigmoid of their difference.
    return torch.sigmoid((logits if logits.shape[1] == 1 else logits[:, 1:] - logits[:, :1]).float())


@contextmanager
def _evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode while the block runs."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
