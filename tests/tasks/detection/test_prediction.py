"""Boxes written down by X-ray and by box."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.rsna import Case
from radlearn.challenges.rsna_submission import read_submission
from radlearn.errors import BadLayout, BadSetting
from radlearn.metrics.boxes import FoundBoxes, no_boxes
from radlearn.tasks.detection.postprocessing import BoxPostprocessing, write_box_postprocessing
from radlearn.tasks.detection.prediction import BoxPredictions, submit_boxes
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run, new_run


@dataclass(frozen=True)
class Settings:
    size_px: int = 32
    shape: str = "stretch"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run whose postprocessing is its own."""
    made = new_run(tmp_path / "run", "detection", Settings())
    write_box_postprocessing(made, BoxPostprocessing(threshold=0.4, scale=0.5), {"source": "the image alone", "gated_by_table": False})
    return made


def xray(number: int, spacing_mm: tuple[float, float] | None = None, source_px: tuple[int, int] | None = None) -> PreparedRadiograph:
    frame = (max(source_px),) * 2 if source_px else (1024, 1024)
    return PreparedRadiograph(
        Case(f"X-ray-{number}", Path(f"{number}.dcm"), None, (), None, "p"), np.zeros((32, 32), np.uint8), frame, source_px, spacing_mm
    )


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as opened:
        return list(csv.DictReader(opened))


ONE = FoundBoxes(np.array([[100.0, 200, 300, 600], [700, 700, 800, 800]]), np.array([0.8, 0.3]))


def test_what_stands_by_the_postprocessing_is_written_in_source_pixels(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    asking = BoxPredictions([run], [small_rsna], tmp_path / "out")
    asking.keep([xray(0), xray(1)], [ONE, no_boxes()], overlays=True)
    asking.finish()
    xrays, boxes = rows_of(tmp_path / "out" / "predictions.csv"), rows_of(tmp_path / "out" / "boxes.csv")
    assert [(row["patientId"], row["boxes"], float(row["probability"])) for row in xrays] == [("xray-0", "1", 0.8), ("xray-1", "0", 0.0)]
    # Half as large around (200, 400).
    assert [tuple(float(boxes[0][name]) for name in ("x_px", "y_px", "width_px", "height_px"))] == [(150, 300, 100, 200)]
    assert boxes[0]["width_mm"] == boxes[0]["height_mm"] == ""
    assert sorted(path.name for path in (tmp_path / "out" / "overlays").iterdir()) == ["xray-0.png", "xray-1.png"]


def test_lengths_are_given_where_the_spacing_can_be_trusted(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    asking = BoxPredictions([run], [small_rsna], tmp_path / "out")
    asking.keep([xray(0, spacing_mm=(0.2, 0.1))], [ONE], overlays=False)
    asking.finish()
    box = rows_of(tmp_path / "out" / "boxes.csv")[0]
    # Rows are 0.2 mm high, columns 0.1 mm wide.
    assert (box["width_mm"], box["height_mm"]) == ("10.0", "40.0")


def test_a_padded_xray_gets_its_boxes_back_without_the_margin(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    asking = BoxPredictions([run], [small_rsna], tmp_path / "out")
    asking.keep([xray(0, source_px=(1000, 600))], [FoundBoxes(np.array([[200.0, 100, 400, 300]]), np.array([0.9]))], overlays=False)
    asking.finish()
    box = rows_of(tmp_path / "out" / "boxes.csv")[0]
    # Half as large around (300, 200) in a frame whose first 200 columns are margin.
    assert [float(box[name]) for name in ("x_px", "y_px", "width_px", "height_px")] == [50, 150, 100, 100]


def test_runs_that_see_xrays_differently_cannot_prediction_together(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    other = new_run(tmp_path / "other", "detection", Settings(size_px=64))
    with pytest.raises(BadSetting, match="see X-rays differently"):
        BoxPredictions([run, other], [small_rsna], tmp_path / "out")


def test_a_postprocessing_chosen_with_a_gate_asks_for_one(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    write_box_postprocessing(run, BoxPostprocessing(), {"source": "the image alone", "gated_by_table": True})
    with pytest.raises(BadSetting, match=r"--gate DIR/predictions\.csv"):
        BoxPredictions([run], [small_rsna], tmp_path / "out")


def test_a_submission_holds_every_xray_and_is_read_back(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    def predict(folder: Path) -> Path:
        asking = BoxPredictions([run], [small_rsna], folder)
        asking.keep([xray(0), xray(1)], [ONE, no_boxes()], overlays=False)
        asking.finish()
        return asking.table

    out = submit_boxes(predict, tmp_path / "submission.csv")
    read = read_submission(out, ["xray-0", "xray-1"])
    assert read["xray-0"].boxes_xyxy_px.tolist() == [[150, 300, 250, 500]]
    assert len(read["xray-1"].confidences) == 0


def test_two_xrays_of_one_name_make_no_submission(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    def predict(folder: Path) -> Path:
        asking = BoxPredictions([run], [small_rsna], folder)
        asking.keep([xray(0), xray(0)], [ONE, no_boxes()], overlays=False)
        asking.finish()
        return asking.table

    with pytest.raises(BadLayout, match="2 files are called X-ray-0"):
        submit_boxes(predict, tmp_path / "submission.csv")
    assert not (tmp_path / "submission.csv").exists()
