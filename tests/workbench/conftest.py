"""A run that is finished as far as judging needs it, and films with known answers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.rsna import Case
from radlearn.metrics.calibration import Recalibration
from radlearn.training.run_folder import Run, new_run
from radlearn.training.splits import write_split
from radlearn.workbench.films import Film
from radlearn.workbench.operating_point import keep_operating_point


@dataclass(frozen=True)
class Settings:
    """As few as a report shows."""

    network: str = "none"


@pytest.fixture
def synthetic_folder(tmp_path: Path) -> Path:
    """A folder that the digital thorax might have written."""
    folder = tmp_path / "thorax"
    folder.mkdir()
    for name in ("stage_2_train_labels.csv", "truth.csv"):
        (folder / name).touch()
    return folder


@pytest.fixture
def judged_films(synthetic_folder: Path) -> list[Film]:
    """60 synthetic films of 40 people; AP films are positive three times as often; the positive ones are brighter."""
    path = synthetic_folder / "stage_2_train_images" / "x.dcm"
    rng = np.random.default_rng(3)
    films = []
    for number in range(60):
        view = "AP" if number % 2 else "PA"
        label = number % 4 in (1,) or number % 12 == 0
        pixels = rng.integers(0, 120, (32, 32)).astype(np.uint8) + np.uint8(100 * label)
        boxes = ((256.0, 256.0, 512.0, 512.0),) if label else ()
        category = "Lung Opacity" if label else "Normal"
        case = Case(f"film-{number}", path, label, boxes, category, f"person-{number % 40}", view, "MF"[number % 2], float(number))
        films.append(Film(case, pixels))
    return films


@pytest.fixture
def finished(tmp_path: Path, judged_films: list[Film]) -> Run:
    """A run with a split, a history and an operating point."""
    run = new_run(tmp_path / "run", "classification", Settings(), {"data": "somewhere", "synthetic": False})
    ids = [film.case.image_id for film in judged_films]
    write_split(run.folder / "split.csv", ids, [film.case.person for film in judged_films], ["test"] * len(ids))
    run.history_file.write_text('{"epoch": 1, "loss": 0.5, "auroc_score": 0.8, "average_precision_score": 0.4}\n')
    keep_operating_point(run, 0.5, Recalibration(0.0, 1.0), judged_films)
    return run
