"""A prediction for every voxel of a scan that is larger than the network's window: the window slides, and where windows overlap they vote.

A voxel near a window's edge was seen with half of its surroundings, so windows count by a Gaussian around their middle (as in nnU-Net,
doi:10.1038/s41592-020-01008-z). Probabilities are averaged, not logits: one window that is very sure cannot outvote the others.

How many windows go through the network at once, and where the votes are summed, is chosen by the memory that is free. If it does not
suffice after all, it is tried smaller: a prediction that takes longer is better than none.
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
"On a GPU; more are not faster at patches of half a million voxels."
SHARE_FOR_VOTES, SHARE_FOR_WINDOWS = 0.25, 0.7
"Of the free memory; the rest is for what is not foreseen."
MAPS = 4
"Arrays of the scan's size in float32 while votes are summed: the votes, their weights, a copy on the way, the scan."


@dataclass(frozen=True)
class Plan:
    """How many windows go through the network at once, and the device where their votes are summed."""

    windows: int
    votes_on: torch.device

    def smaller(self) -> "Plan | None":
        """Return the next plan that takes less memory, None where there is none."""
        if self.windows > 1:
            return replace(self, windows=self.windows // 2)
        return replace(self, votes_on=torch.device("cpu")) if self.votes_on.type != "cpu" else None

    def __str__(self) -> str:
        return f"{self.windows} window{'s' if self.windows > 1 else ''} at once, votes on {self.votes_on.type}"


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
            It is asked in evaluation mode, on the device where its weights are.
        prepared: the scan. Smaller than the window it stands in the middle of one, in air, as in `PreparedVolume.patch`.
        patch_voxels: the window.
        overlap: of neighbouring windows, as a share, in [0, 1).
        mirror_axes: axes (0, 1, 2) along which mirror images are asked too, all combinations, and the predictions averaged; two axes take
            four times as long. Only for a network that has learnt from such images.
        grow_to: how many times its length a window may have along an axis where one such window then does for two. Lungs are often a
            little wider than a window: this halves the work there. The network sees more at once than it learnt from, which networks of
            convolutions take well; let validation confirm it.

    Returns:
        float32 of `prepared.shape` in [0, 1]; `prepared.back_to_source` takes it home.

    Raises:
        BadSetting: a window without voxels, an overlap or axes that are none, a network that answers in another shape.
        NotEnoughMemory: even one window at a time does not fit.
        NotFiniteError: the network answers with NaN.
    """
    if min(patch_voxels) < 1 or not 0 <= overlap < 1 or not set(mirror_axes) <= {0, 1, 2} or grow_to < 1:
        given = f"the window is {patch_voxels}, the overlap {overlap}, mirror_axes {tuple(mirror_axes)}, grow_to {grow_to}"
        raise BadSetting(f"{given}; expected at least one voxel each way, an overlap in [0, 1), axes among 0, 1, 2, growth of 1 or more.")
    image = torch.from_numpy(prepared.scaled(prepared.image))[None, None]
    device = next((weight.device for weight in model.parameters()), torch.device("cpu"))
    asked = _asking(model, tuple(dict.fromkeys(mirror_axes)))
    window = grown_window(prepared.shape, patch_voxels, grow_to)
    with _evaluating(model), torch.inference_mode():
        try:
            votes = _votes(asked, image, window, overlap, device)
        except NotEnoughMemory:
            if window == patch_voxels:
                raise
            say(f"A window of {window} does not fit; trying {patch_voxels}.", style="yellow")
            votes = _votes(asked, image, patch_voxels, overlap, device)
    # Weighted means of numbers up to 1 may round to a little more.
    probability = votes[0, 0].float().clamp(0, 1).cpu().numpy()
    if not np.isfinite(probability).all():
        raise NotFiniteError(f"{prepared.path}: the network's prediction is no number (NaN) at some voxels: its weights diverged.")
    return probability


def grown_window(shape: Voxels, patch_voxels: Voxels, grow_to: float) -> Voxels:
    """Return the window, longer along each axis where that lets one window cover the scan.

    Lengths stay multiples of the power of two, up to 16, that they are multiples of: networks halve their images some times.

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


def chosen_plan(asked: Callable[[Tensor], Tensor], image: Tensor, patch_voxels: Voxels, device: torch.device) -> Plan:
    """Return how to go through an image (1, 1, x, y, z) with the memory that is free.

    On a processor one window at a time is as fast as several. On a GPU one window is tried, to see what it takes.
    """
    if device.type != "cuda":
        return Plan(1, device)
    free = free_bytes(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    try:
        asked(torch.zeros((1, 1, *patch_voxels), device=device))
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return Plan(1, torch.device("cpu"))
    votes_bytes = MAPS * 4 * int(np.prod(np.maximum(image.shape[2:], patch_voxels)))
    return fitting_plan(free, votes_bytes, torch.cuda.max_memory_allocated(device) - before, device)


def fitting_plan(free: int, votes_bytes: int, window_bytes: int, device: torch.device) -> Plan:
    """Return the largest plan for which `free` bytes of a GPU suffice: votes there if they take little of it, then as many windows."""
    here = votes_bytes <= SHARE_FOR_VOTES * free
    room = SHARE_FOR_WINDOWS * free - (votes_bytes if here else 0)
    windows = max(1, min(MOST_WINDOWS_AT_ONCE, int(room / max(1, window_bytes))))
    return Plan(windows, device if here else torch.device("cpu"))


def _votes(asked: Callable[[Tensor], Tensor], image: Tensor, window: Voxels, overlap: float, device: torch.device) -> Tensor:
    """Return the averaged votes (1, 1, x, y, z), by the first plan for which memory suffices."""
    plan = chosen_plan(asked, image, window, device)
    while True:
        votes, plan = _tried(asked, image, window, overlap, device, plan)
        if votes is not None:
            return votes


def _tried(
    asked: Callable[[Tensor], Tensor], image: Tensor, patch_voxels: Voxels, overlap: float, device: torch.device, plan: Plan
) -> tuple[Tensor | None, Plan]:
    """Return the averaged votes and the plan; or, where memory did not suffice, None and a smaller plan."""
    from monai.inferers import sliding_window_inference

    try:
        votes = sliding_window_inference(
            image,
            patch_voxels,
            plan.windows,
            asked,
            overlap,
            mode="gaussian",
            padding_mode="constant",
            sw_device=device,
            device=plan.votes_on,
        )
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    else:
        return votes, plan
    # Out here the error is gone, and with it the frames that held the windows.
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    if (smaller := plan.smaller()) is None:
        size = " × ".join(str(count) for count in patch_voxels)
        raise NotEnoughMemory(
            f"The network does not fit into the memory of {device.type} with one window of {size} voxels ({free_bytes(device) / 1e9:.1f} "
            "GB are free). Close what else uses it, or take a smaller patch or network."
        )
    say(f"Too little memory for {plan}; trying {smaller}.", style="yellow")
    return None, smaller


def _asking(model: nn.Module, mirror_axes: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
    """Return windows (n, 1, x, y, z) -> probabilities (n, 1, x, y, z), averaged over mirror images."""
    mirrors = [dims for count in range(len(mirror_axes) + 1) for dims in itertools.combinations([2 + axis for axis in mirror_axes], count)]

    def asked(windows: Tensor) -> Tensor:
        total = _probability(model(windows), windows)
        for dims in mirrors[1:]:
            total += _probability(model(windows.flip(dims)), windows).flip(dims)
        return total / len(mirrors)

    return asked


def _probability(logits: Tensor, windows: Tensor) -> Tensor:
    if not isinstance(logits, Tensor) or logits.shape[1] not in (1, 2) or logits.shape[2:] != windows.shape[2:]:
        found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise BadSetting(f"the network answers {tuple(windows.shape)} with {found}; expected one or two channels of the same size.")
    # Two channels are one: the softmax of two numbers is the sigmoid of their difference.
    return torch.sigmoid((logits if logits.shape[1] == 1 else logits[:, 1:] - logits[:, :1]).float())


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode for a while."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
