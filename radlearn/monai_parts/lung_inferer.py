"""A MONAI inferer of overlapping windows, for CTs of the chest: inside the block of the lungs, in the memory that is free.

Near its edge a window lacks context, so windows are weighted by a Gaussian around their centre (as in nnU-Net,
doi:10.1038/s41592-020-01008-z). How many windows go through the network at once, and on which device they are summed, depends on the
memory that is free. Where memory is exhausted all the same, smaller plans are tried: a slow prediction is better than none.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from monai.data import MetaTensor
from monai.inferers import SlidingWindowInferer, sliding_window_inference
from monai.utils import ImageMetaKey, convert_to_dst_type, ensure_tuple_rep
from torch import Tensor, nn

from radlearn.errors import BadSetting, NotEnoughMemory, NotFiniteError
from radlearn.monai_parts.memory import free_bytes, is_out_of_memory
from radlearn.monai_parts.window_plan import Voxels, WindowPlan, chosen_plan, grown_window
from radlearn.progress import say
from radlearn.scans.chest_air import GAS_BELOW_HU
from radlearn.scans.lung_hull import BONE_ABOVE_HU
from radlearn.scans.lungs import lung_box

Infer = Callable[[Tensor], Tensor]


class LungBlockInferer(SlidingWindowInferer):
    """Runs a network in overlapping windows over images (batch, channels, x, y, z) and averages its output with Gaussian weights.

    It is called as MONAI's inferers are, `inferer(inputs, network, *args, **kwargs)`; args and kwargs are for the network. Windows, batches
    of them and the device of their sums are chosen by free memory. What is averaged is what the network returns, so a sigmoid, softmax or
    test-time augmentation belongs in `network`, which may be any function: averaged probabilities are not dominated by one overconfident
    window, as averaged logits are.

    Args:
        roi_size: the window, three lengths in voxels, or one for all axes. An image smaller than the window is centred in it and padded
            with 0.
        overlap: of neighbouring windows, as a share, in [0, 1).
        grow_to: the largest factor by which a window may be lengthened along an axis where one window then covers the image (or block),
            which halves the work there. The network then sees more context than in training; confirm it on validation.
        window_hu: None if the images are cropped already: all of each is inferred. Else images are MetaTensors of whole chest CTs whose
            first channel was scaled from these Hounsfield units to [0, 1], and windows are run only inside the block of the lungs.
        outside_value: the output outside that block: 0 for probabilities, a negative number for logits.
        sw_device: where the network runs; by default the device of its weights, if it is a Module, else that of the images.

    Returns:
        (batch, output channels, x, y, z), a MetaTensor with the affine and the history of the images if they are one. It lies on the device
        of the images, or on the CPU where memory did not suffice there.

    Raises:
        BadSetting: an empty window; an invalid overlap, growth or window of HU; images of another shape or type; a network whose output is
            not one tensor of the size of its windows.
        NotEnoughMemory: not even one window fits.
        NotFiniteError: the output is NaN somewhere.

    A network that is a Module is in evaluation mode meanwhile; no gradients are kept.

    >>> inferer = LungBlockInferer((16, 16, 8))
    >>> image = MetaTensor(torch.rand(1, 1, 20, 18, 10), affine=torch.diag(torch.tensor([2.0, 2, 5, 1])))
    >>> output = inferer(image, lambda windows: 1 - windows)
    >>> bool(torch.allclose(output, 1 - image)), output.pixdim.tolist()
    (True, [2.0, 2.0, 5.0])
    """

    def __init__(
        self,
        roi_size: Sequence[int] | int,
        overlap: float = 0.5,
        grow_to: float = 1.0,
        window_hu: tuple[int, int] | None = None,
        outside_value: float = 0.0,
        sw_device: torch.device | str | None = None,
    ) -> None:
        window = ensure_tuple_rep(roi_size, 3)
        if min(window) < 1 or not 0 <= overlap < 1 or grow_to < 1:
            given = f"roi_size is {window}, overlap {overlap}, grow_to {grow_to}"
            raise BadSetting(f"{given}; expected at least one voxel each way, an overlap in [0, 1), and grow_to of at least 1.")
        if window_hu is not None and not (window_hu[0] < GAS_BELOW_HU and window_hu[1] > BONE_ABOVE_HU):
            wanted = f"one from below {GAS_BELOW_HU:g} to above {BONE_ABOVE_HU:g} HU, in which gas, lung and bone can be told apart"
            raise BadSetting(f"window_hu is {window_hu}; expected {wanted}. Otherwise crop with CropToLungsd, which sees all HU.")
        super().__init__(roi_size=window, overlap=overlap, mode="gaussian", sw_device=sw_device)
        self.grow_to, self.window_hu, self.outside_value = grow_to, window_hu, outside_value

    def __call__(self, inputs: Tensor, network: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        """Return the averaged output of the network for images (batch, channels, x, y, z); see the class."""
        if inputs.ndim != 5 or not inputs.is_floating_point():
            found = f"the images are {inputs.dtype} of shape {tuple(inputs.shape)}"
            raise BadSetting(f"{found}; expected floating-point numbers of shape (batch, channels, x, y, z).")
        if "condition" in kwargs:
            raise BadSetting("condition was given; LungBlockInferer does not cut it into windows. Use MONAI's SlidingWindowInferer.")

        def infer(windows: Tensor) -> Tensor:
            return _of_one_size(network(windows, *args, **kwargs), windows)

        images = inputs.as_tensor() if isinstance(inputs, MetaTensor) else inputs
        device = torch.device(self.sw_device or _device_of(network) or inputs.device)
        with _evaluation_mode(network), torch.no_grad():
            mean = self._averaged(infer, images, device) if self.window_hu is None else self._inside_lungs(infer, inputs, device)
        if torch.isnan(mean).any():
            raise NotFiniteError(f"{_name_of(inputs)}: the network's output is NaN at some voxels: its weights diverged.")
        return convert_to_dst_type(mean, inputs, device=mean.device if inputs.is_cuda else inputs.device)[0]

    def _inside_lungs(self, infer: Infer, inputs: Tensor, device: torch.device) -> Tensor:
        """Return the output inside the block of the lungs of each image, and `outside_value` elsewhere."""
        if not isinstance(inputs, MetaTensor):
            given = f"the images are a {type(inputs).__name__}"
            raise BadSetting(f"{given}; with window_hu, expected a MetaTensor, whose affine tells head from feet. Read it with LoadImaged.")
        low, high = self.window_hu or (0, 1)
        affines = inputs.affine.numpy().reshape(-1, 4, 4)
        wholes = []
        for number, image in enumerate(inputs.as_tensor()):
            found = lung_box(image[0].float().cpu().numpy() * (high - low) + low, affines[min(number, len(affines) - 1)])
            if found.note:
                say(f"{_name_of(inputs)}: {found.note}.", style="yellow")
            block = (slice(None), slice(None), *found.box)
            mean = self._averaged(infer, image[None][block], device)
            whole = mean.new_full((1, mean.shape[1], *image.shape[1:]), self.outside_value)
            whole[block] = mean
            wholes.append(whole if inputs.is_cuda else whole.cpu())
        return torch.cat([whole.to(wholes[-1].device) for whole in wholes])

    def _averaged(self, infer: Infer, images: Tensor, device: torch.device) -> Tensor:
        """Return the averaged windows, grown ones where they are wanted and fit into memory."""
        i, j, k = images.shape[2:]
        window = grown_window((i, j, k), self.roi_size, self.grow_to)
        try:
            return self._by_a_plan(infer, images, window, device)
        except NotEnoughMemory:
            if window == self.roi_size:
                raise
        say(f"A window of {window} does not fit into memory; trying {self.roi_size}.", style="yellow")
        return self._by_a_plan(infer, images, self.roi_size, device)

    def _by_a_plan(self, infer: Infer, images: Tensor, window: Voxels, device: torch.device) -> Tensor:
        """Return the averaged windows, by the first plan that fits into memory."""
        plan = chosen_plan(infer, images, window, device)
        while True:
            mean, plan = self._tried(infer, images, window, device, plan)
            if mean is not None:
                return mean

    def _tried(
        self, infer: Infer, images: Tensor, window: Voxels, device: torch.device, plan: WindowPlan
    ) -> tuple[Tensor | None, WindowPlan]:
        """Return the averaged windows and the plan; or, where memory was exhausted, None and a smaller plan."""
        settings = (self.overlap, self.mode, self.sigma_scale, self.padding_mode, self.cval)
        try:
            mean = sliding_window_inference(images, window, plan.windows, infer, *settings, sw_device=device, device=plan.sum_on)
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
            size = " × ".join(str(count) for count in window)
            raise NotEnoughMemory(
                f"The network does not fit into the memory of {device.type} with one window of {size} voxels "
                f"({free_bytes(device) / 1e9:.1f} GB are free). Close other programs that use it, or choose a smaller patch or network."
            )
        say(f"Not enough memory for {plan}; trying {smaller}.", style="yellow")
        return None, smaller


def _of_one_size(output: Tensor, windows: Tensor) -> Tensor:
    if not isinstance(output, Tensor) or output.shape[:1] != windows.shape[:1] or output.shape[2:] != windows.shape[2:]:
        found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise BadSetting(f"the output of the network for {tuple(windows.shape)} is {found}; expected channels of the same size.")
    return output


def _device_of(network: Callable[..., Tensor]) -> torch.device | None:
    return next((weight.device for weight in network.parameters()), None) if isinstance(network, nn.Module) else None


def _name_of(images: Tensor) -> str:
    """Return the file or files of the images, for messages."""
    files = images.meta.get(ImageMetaKey.FILENAME_OR_OBJ) if isinstance(images, MetaTensor) else None
    return ", ".join(map(str, files)) if isinstance(files, list | tuple) else str(files or "the images")


@contextmanager
def _evaluation_mode(network: Callable[..., Tensor]) -> Iterator[None]:
    """Put a network that is a Module into evaluation mode while the block runs."""
    if not isinstance(network, nn.Module):
        yield
        return
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)
