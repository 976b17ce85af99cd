"""The choice of the device to compute on."""

import torch

from radlearn import hints
from radlearn.errors import BadSetting
from radlearn.progress import say
from radlearn.training.config import ChosenPrecision, Device, Precision


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


def chosen_precision(device: Device, precision: Precision) -> ChosenPrecision:
    """Return the precision for a setting: for "auto", bfloat16 where the device multiplies in it, and float32 elsewhere.

    Raises:
        BadSetting: as `chosen_device`.
    """
    chosen = chosen_device(device, precision)
    if precision != "auto":
        return precision
    has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False) if chosen == "cuda" else _processor_has_bfloat16()
    return "bf16-mixed" if has_bfloat16 else "32-true"


def say_chosen_precision(asked: Precision, chosen: ChosenPrecision) -> None:
    """Say which precision "auto" is on this machine, because scores of another one differ in their last digits."""
    if asked == "auto" and chosen == "bf16-mixed":
        say("Trained in bfloat16, which this machine multiplies in. --precision 32-true trains in float32, which takes longer.")


def _processor_has_bfloat16() -> bool:
    # Emulated, it is slower than float32. torch asks the processor, and tells it under these names alone.
    asked = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return "AVX512" in torch.backends.cpu.get_cpu_capability() and any(has() for has in asked if has is not None)
