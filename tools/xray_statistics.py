"""Are built-in X-rays as different from one another as real ones? Simple statistics of both, side by side.

    python -m tools.xray_statistics REAL_FOLDER [BUILT_IN_FOLDER …] [--xrays 110]

Each folder is in the RSNA layout. Shown are the 10th, 50th and 90th percentile over X-rays of

- grey: mean and standard deviation of the grey values, 0 to 255;
- black: share of the image darker than 10, mostly air beside the body and the collimator;
- dark: share of the middle three quarters that is darker than three quarters of their median: aerated lung;
- asymmetry: mean difference between left and right halves, mirrored, over the standard deviation;
- turn: difference of the mean grey of the left and of the right quarter, over the standard deviation: rotation, a cut-off grid, effusion;
- fine and middle: standard deviation of what is 1 to 2 and 4 to 16 pixels wide at 512 px, over that of all: noise and sharpening, and
  what multiscale processing does to ribs and vessels.

Where the spread of built-in X-rays is narrower than that of real ones, a network learns what it will not find.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.table import Table
from scipy.ndimage import gaussian_filter

from radlearn.challenges.rsna import layout as rsna_layout
from radlearn.progress import console, in_parallel
from radlearn.scans.dicom import read_radiograph

SIZE = 512
FIGURES = ("grey mean", "grey spread", "black", "dark", "asymmetry", "turn", "fine", "middle")


def statistics(pixels: np.ndarray) -> dict[str, float]:
    """Return `FIGURES` of an X-ray, float (512, 512), 0 to 255, bright where dense."""
    middle = pixels[SIZE // 8 : -SIZE // 8, SIZE // 8 : -SIZE // 8]
    spread = float(pixels.std()) or 1.0
    half = SIZE // 2
    bands = {
        name: float((gaussian_filter(pixels, a) - gaussian_filter(pixels, b)).std()) for name, a, b in (("fine", 0, 1), ("middle", 2, 8))
    }
    return {
        "grey mean": float(pixels.mean()),
        "grey spread": spread,
        "black": float((pixels < 10).mean()),
        "dark": float((middle < 0.75 * np.median(middle)).mean()),
        "asymmetry": float(np.abs(pixels[:, :half] - pixels[:, ::-1][:, :half]).mean()) / spread,
        "turn": abs(float(pixels[:, half // 2 : half].mean() - pixels[:, half : half + half // 2].mean())) / spread,
        "fine": bands["fine"] / spread,
        "middle": bands["middle"] / spread,
    }


def _of_file(path: Path) -> tuple[Path, dict[str, float]]:
    return path, statistics(np.asarray(read_radiograph(path, SIZE).pixels, float) * 255)


def main(folders: Annotated[tuple[Path, ...], tyro.conf.Positional], xrays: int = 110) -> None:
    """Print the table."""
    rows: dict[str, Sequence[dict[str, float]]] = {}
    for folder in folders:
        paths = [case.path for case in rsna_layout.find_cases(folder)[:xrays]]
        rows[str(folder)] = list(dict(in_parallel(_of_file, paths, folder.name, "X-rays")).values())
    table = Table("", *rows, title="10th, 50th, 90th percentile")
    for name in FIGURES:
        shown = [np.percentile([found[name] for found in of], [10, 50, 90]) for of in rows.values()]
        table.add_row(name, *("  ".join(f"{value:.3g}" for value in ends) for ends in shown))
    console.print(table)


if __name__ == "__main__":
    tyro.cli(main)
