"""Free memory, and whether an error means that memory was exhausted."""

import os
from pathlib import Path

import torch

GROUP = Path("/sys/fs/cgroup")
"Where Linux keeps the memory limit of a container."
MEMINFO = Path("/proc/meminfo")
TOO_LITTLE = ("out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")


def free_bytes(device: torch.device) -> int:
    """Return the memory a process may still allocate: on a GPU what is free or reserved by torch and unused; else on the machine.

    In a container, the smaller of what its limit leaves and what the machine has. The page cache counts as free.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    left = [_machine_bytes()]
    if (group := _group_bytes()) is not None:
        left.append(group)
    return max(0, min(left))


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or its cause, means that memory was exhausted."""
    while error is not None:
        if isinstance(error, torch.OutOfMemoryError | MemoryError):
            return True
        if isinstance(error, RuntimeError) and any(words.lower() in str(error).lower() for words in TOO_LITTLE):
            return True
        error = error.__cause__
    return False


def _machine_bytes() -> int:
    try:
        for line in MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    # Without that file, half of the memory is a cautious guess.
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _group_bytes() -> int | None:
    """Return what the limit of this container leaves; None without a limit."""
    try:
        most = (GROUP / "memory.max").read_text(encoding="ascii").strip()
        if most == "max":
            return None
        held = int((GROUP / "memory.current").read_text(encoding="ascii"))
        stat = dict(line.split() for line in (GROUP / "memory.stat").read_text(encoding="ascii").splitlines())
        return int(most) - held + int(stat.get("inactive_file", 0))
    except (OSError, ValueError):
        return None
