"""A kind of file that is fuzzed, and what its sound examples are made with."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SIZE_PX = 40
GRID = (14, 12, 8)
AFFINE = np.diag([-0.8, -0.8, 4.0, 1.0])


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Args:
        name: for messages and the command line.
        make: writes sound files into an empty folder and returns what `read` is called with, by the file that is damaged for it.
        read: what radlearn does with them. Any error but a RadlearnError is a finding, as is an AssertionError of its own.
    """

    name: str
    make: Callable[[Path], Mapping[Path, Path]]
    read: Callable[[Path], Any]


def must_be_finite(values: Any) -> None:
    assert np.isfinite(np.asarray(values)).all(), "values that are not finite were returned as an image"


def made_pixels(seed: int = 0) -> np.ndarray:
    rows, columns = np.mgrid[:SIZE_PX, : SIZE_PX + 8]
    noise = np.random.default_rng(seed).normal(0, 9, rows.shape)
    return np.clip(3 * rows + 2 * columns + noise, 0, 255).astype(np.uint8)


def each_its_own(paths: Sequence[Path]) -> dict[Path, Path]:
    return {path: path for path in paths}


def made_hu() -> np.ndarray:
    return np.random.default_rng(0).integers(-1000, 400, GRID).astype(np.int16)


def written_table(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as opened:
        csv.writer(opened, lineterminator="\n").writerows(rows)
    return path
