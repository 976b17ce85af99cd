"""Between a detector and its postprocessing."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.rsna.score import BOX_SCORE
from radlearn.challenges.xray_case import XrayCase
from radlearn.errors import BadLayout, BadSetting
from radlearn.metrics.boxes import FoundBoxes, no_boxes
from radlearn.tasks.detection import candidates as proposing
from radlearn.tasks.detection.postprocessing import BoxPostprocessing
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run, new_run
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing


@dataclass(frozen=True)
class Settings:
    test_time_mirror: bool = True


BOX = (100.0, 200.0, 300.0, 500.0)


def xray(number: int, boxes: tuple[tuple[float, ...], ...] = ()) -> PreparedRadiograph:
    """An X-ray whose opacities make it brighter; AP X-rays are the ill ones."""
    case = XrayCase(f"xray-{number}", Path("x.dcm"), bool(boxes), boxes, None, f"person-{number}", "AP" if boxes else "PA")  # type: ignore[arg-type]
    return PreparedRadiograph(case, np.full((32, 32), 120 if boxes else 80, np.uint8))


XRAYS = [xray(number, (BOX,) if number % 4 == 0 else ()) for number in range(40)]
RIGHT = [FoundBoxes(np.array([BOX]), np.array([0.8])) if each.case.label else no_boxes() for each in XRAYS]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return new_run(tmp_path / "run", "detection", Settings())


def test_boxes_of_the_square_come_out_in_pixels_of_the_canvas() -> None:
    wide = XRAYS[0]._replace(canvas_px=(320, 640))
    found = proposing.on_canvases([FoundBoxes(np.array([[1.0, 2, 3, 4]]), np.array([0.5]))], [wide])
    assert found[0].boxes_xyxy_px.tolist() == [[20, 20, 60, 40]]


def test_an_xray_is_as_likely_as_its_surest_box_unless_a_gate_says_otherwise() -> None:
    assert proposing.image_scores(RIGHT[:2], None).tolist() == [0.8, 0.0]
    assert proposing.image_scores(RIGHT[:2], np.array([0.1, 0.2])).tolist() == [0.1, 0.2]


def test_a_gate_is_read_for_these_xrays_or_there_is_none(tmp_path: Path) -> None:
    assert proposing.gate_of(None, XRAYS) is None
    (tmp_path / "gate.csv").write_text("patientId,probability\nxray-1,0.3\nxray-0,0.6\n")
    gate = proposing.gate_of(tmp_path / "gate.csv", XRAYS[:2])
    assert gate is not None
    assert gate.tolist() == [0.6, 0.3]
    with pytest.raises(BadLayout, match="lacks 38"):
        proposing.gate_of(tmp_path / "gate.csv", XRAYS)


def test_the_best_threshold_of_perfect_candidates_scores_one_and_of_none_nothing() -> None:
    assert proposing.best_over_thresholds(proposing.validation_candidates(XRAYS, RIGHT, None), BOX_SCORE) == 1.0
    assert proposing.best_over_thresholds(proposing.validation_candidates(XRAYS, [no_boxes()] * 40, None), BOX_SCORE) == 0.0


def test_the_postprocessing_is_kept_with_fitted_baselines(run: Run) -> None:
    postprocessing = proposing.choose_box_postprocessing(run, BOX_SCORE, [RIGHT], XRAYS, XRAYS, None, seed=0)
    kept, about = read_postprocessing(run, BoxPostprocessing)
    assert kept == postprocessing
    assert postprocessing.threshold <= 0.8
    assert about["source"] == "the image alone"
    assert about["gated_by_table"] is False
    assert about["view_shares"] == {"AP": 1.0, "PA": 0.0, "all": 0.25}
    assert about["mean_box_xyxy_share"] == [edge / 1024 for edge in BOX]
    assert about["brightness_sign"] == 1
    assert 80 / 255 < about["brightness_cut"] <= 120 / 255


def test_the_mirror_image_is_used_only_where_that_was_chosen(run: Run) -> None:
    write_postprocessing(run, BoxPostprocessing(), {"source": "the image alone"})
    assert proposing.as_tuned(Settings(), run) == Settings(test_time_mirror=False)
    write_postprocessing(run, BoxPostprocessing(), {"source": proposing.SOURCES[1]})
    assert proposing.as_tuned(Settings(), run) == Settings(test_time_mirror=True)


def test_a_gate_is_taken_where_the_postprocessing_was_chosen_with_one_and_only_there(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for threshold in (0.0, 0.55):
        # A gate above 0 that no table chose is one for the confidence of an X-ray's surest box.
        write_postprocessing(run, BoxPostprocessing(gate=threshold), {"gated_by_table": False})
        proposing.must_fit_gate([run], None)
        with pytest.raises(BadSetting, match=r"was chosen without a gate.*gate\.csv.*detection tune .*run --gate TABLE"):
            proposing.must_fit_gate([run], Path("gate.csv"))
    write_postprocessing(run, BoxPostprocessing(gate=0.3), {"gated_by_table": True})
    proposing.must_fit_gate([run], Path("gate.csv"))
    with pytest.raises(BadSetting, match="its postprocessing was chosen with a gate"):
        proposing.must_fit_gate([run], None)
    assert not capsys.readouterr().err
    write_postprocessing(run, BoxPostprocessing(gate=0.0), {"gated_by_table": True})
    proposing.must_fit_gate([run], Path("gate.csv"))
    assert "takes no boxes away" in " ".join(capsys.readouterr().err.split())


def test_runs_that_see_xrays_differently_cannot_predict_together(run: Run, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Seen:
        size_px: int = 64
        shape: str = "stretch"

    one, two, other = (new_run(tmp_path / name, "detection", seen) for name, seen in (("a", Seen()), ("b", Seen()), ("c", Seen(32))))
    proposing.must_see_alike([one, two])
    with pytest.raises(BadSetting, match=r"The 2 runs see X-rays differently .*32, 'stretch'.*64"):
        proposing.must_see_alike([one, other])
