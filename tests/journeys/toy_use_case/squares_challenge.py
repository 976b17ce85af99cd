"""A toy challenge: grey PNG files, and a CSV that says on which of them there is a bright square."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from radlearn.challenges.challenge import BuiltInCases, Challenge
from radlearn.csv_files import write_rows
from radlearn.errors import BadLayout

TABLE = "squares.csv"


@dataclass(frozen=True)
class Case:
    """One image."""

    image_id: str
    path: Path
    person: str
    label: bool | None

    @property
    def folder(self) -> Path:
        """The folder that holds the table."""
        return self.path.parent.parent


def layout_folder(folder: Path) -> Path | None:
    """Return the folder if it holds the table."""
    return Path(folder) if (Path(folder) / TABLE).is_file() else None


def find_cases(folder: Path) -> list[Case]:
    """Read the table. Raises BadLayout where it is missing, or an image of it."""
    if layout_folder(folder) is None:
        raise BadLayout(f"{folder}: holds no {TABLE}.")
    with open(Path(folder) / TABLE, newline="", encoding="utf-8") as opened:
        cases = [
            Case(row["image"], Path(folder) / "images" / f"{row['image']}.png", row["person"], row["square"] == "1")
            for row in csv.DictReader(opened)
        ]
    if missing := [case.path.name for case in cases if not case.path.is_file()]:
        raise BadLayout(f"{folder}: {len(missing)} images of {TABLE} are missing, the first is {missing[0]}.")
    return cases


def find_images(folder: Path) -> list[Case]:
    """List the PNG files of a folder."""
    paths = sorted(Path(folder).glob("*.png")) if Path(folder).is_dir() else [Path(folder)]
    return [Case(path.stem, path, path.stem, None) for path in paths]


def write_submission(out: Path, probabilities: Mapping[str, float], cases: Sequence[Case]) -> None:
    """Write `image,probability`."""
    write_rows(out, [("image", "probability"), *((case.image_id, f"{probabilities[case.image_id]:.6f}") for case in cases)])


def write_squares(folder: Path, count: int, seed: int) -> None:
    """Write built-in images."""
    random = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(count):
        pixels = random.normal(90, 20, (24, 24))
        if square := number % 2 == 0:
            top, left = random.integers(0, 16, 2)
            pixels[top : top + 8, left : left + 8] += 100
        name = f"image-{number:03d}"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"{name}.png")
        rows.append((name, f"person-{number // 2:03d}", int(square)))
    write_rows(folder / "truth.csv", [("image", "square"), *((name, square) for name, _, square in rows)])
    write_rows(folder / TABLE, [("image", "person", "square"), *rows])


CHALLENGE = Challenge[Case, float](
    name="squares",
    title="Squares Challenge",
    unit="picture",
    units="pictures",
    layout_folder=layout_folder,
    find_cases=find_cases,
    find_images=find_images,
    write_submission=write_submission,
    built_in=BuiltInCases(f"{__name__}:write_squares", 120),
)
