"""Where to compute: the one place that chooses a device."""

import torch

from radlearn.errors import BadSetting
from radlearn.training.config import Device, Precision


def chosen_device(device: Device, precision: Precision = "32-true") -> str:
    """Return "cpu" or "cuda" for what was asked for.

    Raises:
        BadSetting: if there is no such device, or it cannot compute in this precision at a bearable speed.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise BadSetting("device is 'cuda', but torch finds no CUDA GPU here. Use 'auto' or 'cpu'; 'radlearn info' shows what torch finds.")
    chosen = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    if chosen == "cpu" and precision == "16-mixed":
        raise BadSetting("precision is '16-mixed', which needs a CUDA GPU. On a CPU use '32-true'.")
    # Without AVX-512 a step in bfloat16 takes minutes where it takes a second in float32.
    if chosen == "cpu" and precision == "bf16-mixed" and "AVX512" not in torch.backends.cpu.get_cpu_capability():
        raise BadSetting("precision is 'bf16-mixed', which is unusably slow on a CPU without AVX-512, as this one. Use '32-true'.")
    return chosen
