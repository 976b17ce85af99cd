"""The report page holds what was found, the failures first."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from radlearn.tasks.classification.evaluation import evaluate_probabilities
from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing
from radlearn.tasks.classification.report import _panel, write_xray_report
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing


def flat(xrays: Sequence[PreparedRadiograph]) -> np.ndarray:
    return np.full((len(xrays), 32, 32), 0.6, np.float32)


def test_the_page_has_its_scores_its_sections_and_the_worst_before_the_best(
    finished: Run, evaluated_xrays: list[PreparedRadiograph]
) -> None:
    labels = np.array([xray.case.label for xray in evaluated_xrays])
    evaluation = evaluate_probabilities(finished, evaluated_xrays, np.where(labels, 0.9, 0.1) + np.linspace(0, 0.05, 60), "test", flat)
    page = write_xray_report(finished, evaluation, flat)
    text = page.read_text()
    assert page == finished.folder / "report.html"
    headings = [
        "Evaluation data",
        "Discrimination",
        "Subgroups",
        "Heat maps",
        "Calibration",
        "Training",
    ]
    places = [text.index(heading, text.index("<h2")) for heading in headings]
    assert places == sorted(places)
    assert text.index("given the lowest probabilities") < text.index("The best: the opacities")
    assert "Synthetic patients: not comparable with a leaderboard" in text
    assert "AP (lying or sitting)" in text
    drawn = {path.stem for path in finished.pictures.glob("*.png")}
    assert {"roc", "precision-recall", "reliability", "confusion", "subgroups", "history", "xrays-missed", "xrays-alarms"} <= drawn


def test_other_data_do_not_overwrite_the_report_on_the_test_persons(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    evaluation = evaluate_probabilities(finished, evaluated_xrays, np.linspace(0.05, 0.95, 60), "external", flat)
    assert write_xray_report(finished, evaluation, flat).name == "report-external.html"
    assert not (finished.folder / "report.html").exists()


def test_a_view_that_is_not_known_is_said_and_has_no_row(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    bare = [xray._replace(case=replace(xray.case, view=None)) for xray in evaluated_xrays]
    evaluation = evaluate_probabilities(finished, bare, np.linspace(0.05, 0.95, 60), "test", flat)
    text = write_xray_report(finished, evaluation, flat).read_text()
    assert "The view alone is no rival here" in text
    assert "view only" not in text


def test_a_set_without_an_opacity_has_a_report_all_the_same(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    healthy = [xray for xray in evaluated_xrays if not xray.case.label]
    evaluation = evaluate_probabilities(finished, healthy, np.linspace(0.1, 0.9, len(healthy)), "external", flat)
    text = write_xray_report(finished, evaluation, flat).read_text()
    assert "one class only" not in text
    assert "All are of the same class, so there is no calibration line." in text
    assert "calibration slope" not in text
    assert not (finished.pictures / "external" / "xrays-missed.png").exists()
    assert (finished.pictures / "external" / "xrays-alarms.png").exists()


def test_the_threshold_stands_in_both_scales_and_false_alarms_heat_and_synthetic_patients_are_told(
    finished: Run, evaluated_xrays: list[PreparedRadiograph]
) -> None:
    chosen, about = read_postprocessing(finished, ProbabilityPostprocessing)
    write_postprocessing(finished, replace(chosen, intercept=-3.0, slope=0.5), about)
    labels = np.array([xray.case.label for xray in evaluated_xrays])
    evaluation = evaluate_probabilities(finished, evaluated_xrays, np.where(labels, 0.9, 0.1) + np.linspace(0, 0.05, 60), "test", flat)
    # sigmoid(−3 + 0.5 · logit(0.5)) = sigmoid(−3).
    assert evaluation.postprocessing.calibrated_threshold == pytest.approx(1 / (1 + np.e**3))
    text = write_xray_report(finished, evaluation, flat).read_text()
    assert "from a probability of 0.50 (calibrated 0.05) on; synthetic patients" in text
    assert "The probabilities are too low on the whole." in text
    assert "Calibration-in-the-large" in text
    assert "class without an opacity" in text
    assert "All scores. Synthetic patients: not comparable with a leaderboard." in text
    number = int(np.flatnonzero(labels)[0])
    # The box covers a quarter of each side of the square, and the heat is even.
    assert "6% of heat in boxes" in _panel(evaluation, number, flat(evaluated_xrays[:1])[0]).note
    assert "heat" not in _panel(evaluation, int(np.flatnonzero(~labels)[0]), flat(evaluated_xrays[:1])[0]).note
