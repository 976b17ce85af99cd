"""Small images with label maps, written as files: dark vessels (2) and bright nerves (1) on a background of speckle."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from radlearn.scans.label_map_files import write_label_map


def write_images(folder: Path, persons: int = 12, each: int = 2, classes: int = 2, size: tuple[int, int] = (60, 80), seed: int = 0) -> Path:
    """Write images, label maps and `cases.csv`; every third person has nothing on it. Return the path of the table."""
    draw = np.random.default_rng(seed)
    rows = []
    down, across = np.mgrid[: size[0], : size[1]]
    for person in range(persons):
        for number in range(each):
            labels = np.zeros(size, np.uint8)
            if person % 3 != 2:
                for kind in range(1, classes + 1):
                    centre, radius = (draw.uniform(0.3, 0.7) * size[0], (0.3 * kind - 0.05) * size[1]), draw.uniform(0.1, 0.16) * size[0]
                    labels[(down - centre[0]) ** 2 + (across - centre[1]) ** 2 < radius**2] = kind
            grey = np.choose(labels, [0.4, 0.85, 0.1]) * draw.uniform(0.8, 1.1) + draw.normal(0, 0.06, size)
            name = f"{person + 1}_{number + 1}"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.rint(255 * grey.clip(0, 1)).astype(np.uint8)).save(folder / f"{name}.tif")
            write_label_map(folder / f"{name}_mask.png", labels)
            rows.append((f"{name}.tif", f"{name}_mask.png", f"p{person + 1}"))
    table = folder / "cases.csv"
    with open(table, "w", newline="") as opened:
        csv.writer(opened).writerows([("path", "mask", "person"), *rows])
    return table
