"""A run that is finished as far as evaluating needs it, and X-rays with known predictions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.xray_case import XrayCase
from radlearn.metrics.boxes import FoundBoxes
from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing
from radlearn.tasks.detection.postprocessing import BoxPostprocessing
from radlearn.tasks.detection.search import FALSE_BOXES
from radlearn.tasks.xray.baselines import view_shares
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run, new_run
from radlearn.training.splits import write_split
from radlearn.workflow.postprocessing_file import write_postprocessing


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
def evaluated_xrays(synthetic_folder: Path) -> list[PreparedRadiograph]:
    """60 synthetic X-rays of 40 persons; AP X-rays are positive three times as often; the positive ones are brighter."""
    path = synthetic_folder / "stage_2_train_images" / "x.dcm"
    rng = np.random.default_rng(3)
    xrays = []
    for number in range(60):
        view = "AP" if number % 2 else "PA"
        label = number % 4 in (1,) or number % 12 == 0
        pixels = rng.integers(0, 120, (32, 32)).astype(np.uint8) + np.uint8(100 * label)
        boxes = ((256.0, 256.0, 512.0, 512.0),) if label else ()
        category = "Lung Opacity" if label else "Normal"
        case = XrayCase(f"xray-{number}", path, label, boxes, category, f"person-{number % 40}", view, "MF"[number % 2], float(number))
        xrays.append(PreparedRadiograph(case, pixels))
    return xrays


@pytest.fixture
def finished(tmp_path: Path, evaluated_xrays: list[PreparedRadiograph]) -> Run:
    """A run with a split, a history and an operating point."""
    run = new_run(tmp_path / "run", "classification", Settings(), {"data": "somewhere", "synthetic": False})
    ids = [xray.case.image_id for xray in evaluated_xrays]
    write_split(run.folder / "split.csv", ids, [xray.case.person for xray in evaluated_xrays], ["test"] * len(ids))
    run.history_file.write_text('{"epoch": 1, "loss": 0.5, "auroc_score": 0.8, "average_precision_score": 0.4}\n')
    known = {"view_shares": view_shares(evaluated_xrays), "brightness_sign": 1}
    write_postprocessing(run, ProbabilityPostprocessing(0.5), known)
    return run


@pytest.fixture
def candidates(evaluated_xrays: list[PreparedRadiograph]) -> tuple[list[FoundBoxes], np.ndarray]:
    """The candidates of a detector for each X-ray, and the score of the X-ray as a whole.

    Every second positive X-ray has its own box surely, the others unsurely; every fifth healthy X-ray has a false one; the last 20 X-rays
    have an unsure false one besides.
    """
    found, scores = [], []
    places = {True: 0, False: 0}
    for number, xray in enumerate(evaluated_xrays):
        label = bool(xray.case.label)
        turn, places[label] = places[label], places[label] + 1
        boxes, confidences = [], []
        if label:
            boxes, confidences = [*xray.boxes_on_canvas_px], [0.9 if turn % 2 == 0 else 0.3]
        elif turn % 5 == 0:
            boxes, confidences = [(600.0, 600.0, 800.0, 900.0)], [0.55 + turn / 200]
        if number >= 40:
            boxes, confidences = [*boxes, (20.0, 20.0, 120.0, 120.0)], [*confidences, 0.1]
        found.append(FoundBoxes(np.array(boxes).reshape(-1, 4), np.array(confidences)))
        scores.append(max(confidences, default=0.01))
    return found, np.array(scores)


@pytest.fixture
def boxed(tmp_path: Path, evaluated_xrays: list[PreparedRadiograph]) -> Run:
    """A run of a detector with a split, a history and a postprocessing."""
    run = new_run(tmp_path / "detector", "detection", Settings(), {"data": "somewhere", "synthetic": False})
    ids = [xray.case.image_id for xray in evaluated_xrays]
    write_split(run.folder / "split.csv", ids, [xray.case.person for xray in evaluated_xrays], ["test"] * len(ids))
    run.history_file.write_text('{"epoch": 1, "loss": 0.5, "rsna_score": 0.1, "auroc_score": 0.8}\n')
    ablation = [
        {"step": "nothing tuned", "score": 0.1, "cross_fitted_score": 0.1, FALSE_BOXES: 0.4, "taken": True},
        {"step": "two flips fused", "score": 0.2, "cross_fitted_score": 0.09, FALSE_BOXES: 0.3, "taken": False},
    ]
    about = {
        "source": "one view",
        "ablation": ablation,
        "curve": {"threshold": [0.2, 0.5], "score": [0.1, 0.2], "false_boxes_per_healthy_image": [1.0, 0.2]},
        "view_shares": {"AP": 0.5, "PA": 0.1, "all": 0.3},
        # Of 1024 pixels: the box of every positive X-ray.
        "mean_box_xyxy_share": [0.25, 0.25, 0.5, 0.5],
        "brightness_sign": 1,
        # The darkest positive X-ray is brighter than this, the brightest healthy one is not.
        "brightness_cut": 110 / 255,
    }
    write_postprocessing(run, BoxPostprocessing(threshold=0.5), about)
    return run


@pytest.fixture(autouse=True)
def coarse(coarse_pictures: None) -> None:
    """Every report has coarse pictures."""
