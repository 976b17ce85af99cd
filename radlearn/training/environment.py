"""The software and the machine that a run was started with, for its `environment.json`."""

import platform
import subprocess
import sys
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from radlearn.progress import cores

PACKAGES = ("torch", "torchvision", "monai", "lightning-fabric", "numpy", "safetensors", "pydicom", "scikit-learn")


def environment() -> dict[str, Any]:
    """Return versions, commit, platform, GPUs and the time as JSON values; imports nothing that is not imported yet."""
    torch = sys.modules.get("torch")
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())] if torch else None
    return {
        "radlearn": metadata.version("radlearn"),
        "commit": _commit(),
        "python": platform.python_version(),
        **versions(),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": cores(),
        "gpus": gpus,
        "begun": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def version(package: str) -> str | None:
    """Return the version of an installed package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def versions() -> dict[str, str | None]:
    """Return the versions of the packages that results depend on."""
    return {package: version(package) for package in PACKAGES}


def _commit() -> str | None:
    """Return the commit of a source checkout, with "-dirty" if files were changed; None for an installed package."""
    source = Path(__file__).resolve().parents[2]
    if not (source / ".git").exists():
        return None
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=source, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()
