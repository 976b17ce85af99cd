"""Versions, hardware and folders of this machine, for bug reports."""

import os
import platform
import shutil
from pathlib import Path
from typing import Any

import radlearn
from radlearn.files import cache_folder
from radlearn.progress import cores
from radlearn.training.environment import version, versions

# Kind of compressed DICOM -> the package that decodes it.
DECODERS = {
    "JPEG baseline": "simplejpeg",
    "JPEG lossless, JPEG-LS, JPEG 2000": "python-gdcm",
    "High-throughput JPEG 2000": "pylibjpeg-openjpeg",
    "RLE, deflated": "pydicom",
}


def about_this_machine() -> dict[str, dict[str, Any]]:
    """Return topic -> name -> value; None for what is missing."""
    import torch

    cache = cache_folder()
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    gpus = {
        f"gpu {number}": f"{torch.cuda.get_device_name(number)}, {torch.cuda.get_device_properties(number).total_memory / 2**30:.0f} GiB"
        for number in range(torch.cuda.device_count())
    }
    return {
        "versions": {"radlearn": radlearn.__version__, "python": platform.python_version(), **versions()},
        "DICOM decoders": {kind: f"{package} {found}" if (found := version(package)) else None for kind, package in DECODERS.items()},
        "machine": {
            "system": platform.platform(),
            "cores": cores(),
            "memory": _memory(),
            "cuda": torch.version.cuda if torch.cuda.is_available() else None,
            **gpus,
        },
        "folders": {
            "radlearn": str(Path(radlearn.__file__).parent),
            "cache": str(cache),
            "free there": f"{shutil.disk_usage(there).free / 2**30:.0f} GiB",
            "RADLEARN_DATA": os.environ.get("RADLEARN_DATA"),
        },
    }


def _memory() -> str | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
