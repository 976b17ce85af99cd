# The first cell of each lesson's notebook (`tools/notebooks.py`). It runs before radlearn is installed: the standard library alone.
"""Installs radlearn where it is missing, and looks for the challenge's data: on Colab, on Kaggle, or on your own computer."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

# Filled in for each lesson: what pip installs, a file that shows where the data are, and the challenge's name.
REQUIREMENT, MARKER, CHALLENGE_NAME = "radlearn", "stage_2_train_labels.csv", "the challenge"


def machine() -> str:
    """Return "kaggle", "colab" or "own"."""
    if os.environ.get("KAGGLE_KERNEL_RUN_TYPE") or os.environ.get("KAGGLE_URL_BASE"):
        return "kaggle"
    # Kaggle's image has Google's package too.
    return "colab" if os.environ.get("COLAB_RELEASE_TAG") or os.environ.get("COLAB_BACKEND_VERSION") else "own"


def places(where: str, root: Path = Path("/")) -> dict[Path, int]:
    """Return the folders to look in for data, and for a wheel of radlearn, with the number of levels below each; those that exist."""
    mounted: dict[str, dict[str, int]] = {
        # /kaggle/input/NAME, /kaggle/input/competitions/NAME, /kaggle/input/datasets/OWNER/NAME
        "kaggle": {"kaggle/input": 4},
        # Drive is there once it is mounted: from google.colab import drive; drive.mount("/content/drive")
        "colab": {"content/drive/MyDrive": 2, "content": 1},
        "own": {},
    }
    chosen = {Path(os.environ["RADLEARN_DATA"]): 1} if os.environ.get("RADLEARN_DATA") else {}
    found = {**chosen, **{root / name: depth for name, depth in mounted[where].items()}, Path.cwd() / "data": 2, Path.cwd(): 1}
    return {folder: depth for folder, depth in found.items() if folder.is_dir()}


def found_in(folder: Path, pattern: str, deepest: int) -> Path | None:
    """Return the first file that fits, level by level: X-rays by the thousand lie deeper than the tables about them."""
    level = [folder]
    for depth in range(deepest + 1):
        for one in level:
            if files := sorted(one.glob(pattern)):
                return files[0]
        if depth < deepest:
            level = [child for one in level for child in _folders_in(one)]
    return None


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return []
    return [folder / name for name in names]


def install(where: str, looked_in: dict[Path, int]) -> None:
    """Install radlearn, if it is missing: from a wheel that lies in one of the folders, else from the package index."""
    if importlib.util.find_spec("radlearn") is not None:
        return
    wheel = next((file for folder, depth in looked_in.items() if (file := found_in(folder, "radlearn-*.whl", depth))), None)
    print(f"Installing {wheel or REQUIREMENT}; this takes a few minutes …")
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", str(wheel or REQUIREMENT)], capture_output=True, text=True)
    if done.returncode == 0:
        importlib.invalidate_caches()
        return
    last = (done.stderr or done.stdout).strip().splitlines()[-1:]
    remedy = {
        "kaggle": "Switch on 'Internet' in the notebook's settings, or add a dataset that holds radlearn's wheel",
        "colab": "Upload radlearn's wheel to /content",
        "own": "Put radlearn's wheel beside this notebook",
    }[where]
    made = "'uv build --wheel' in the project makes it: radlearn-VERSION-py3-none-any.whl"
    raise SystemExit(f"radlearn could not be installed: {' '.join(last)}\n{remedy}, then run this cell again. {made}")


def find_data(looked_in: dict[Path, int]) -> Path | None:
    """Return the folder with the challenge's data, or None."""
    for folder, depth in looked_in.items():
        if found := found_in(folder, MARKER, depth):
            return found.parents[MARKER.count("/")]
    return None


WHERE = machine()
LOOKED_IN = places(WHERE)
install(WHERE, LOOKED_IN)
challenge_data = find_data(LOOKED_IN)
if challenge_data is None:
    print(f"No data of {CHALLENGE_NAME} in {', '.join(map(str, LOOKED_IN))}: built-in patients (synthetic) are used.")
    if WHERE == "kaggle":
        print("To use the real data: 'Add Input', join the competition, and run this cell again.")
else:
    print(f"Data of {CHALLENGE_NAME}: {challenge_data}. Training on them takes a GPU; set challenge_data = None to use built-in patients.")
