"""The choice of the device to compute on."""

import torch

from radlearn import hints
from radlearn.errors import BadSetting
from radlearn.training.config import Device, Precision


def chosen_device(device: Device, precision: Precision = "32-true") -> str:
    """Return "cpu" or "cuda" for a device setting.

    Raises:
        BadSetting: if the device is not available, or does not support the precision at a usable speed.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise BadSetting(
            f"device is 'cuda', but torch finds no CUDA GPU. Use 'auto' or 'cpu'; '{hints.command('info')}' shows what torch finds."
        )
    chosen = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    if chosen == "cpu" and precision == "16-mixed":
        raise BadSetting("precision is '16-mixed', which needs a CUDA GPU. On a CPU use '32-true'.")
    # Without AVX-512 a step that takes a second in float32 takes minutes in bfloat16.
    if chosen == "cpu" and precision == "bf16-mixed" and "AVX512" not in torch.backends.cpu.get_cpu_capability():
        raise BadSetting("precision is 'bf16-mixed', which is unusably slow on a CPU without AVX-512 such as this one. Use '32-true'.")
    return chosen
