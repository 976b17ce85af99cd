"""The report page holds what was found, the failures first."""

from collections.abc import Sequence

import numpy as np

from radlearn.tasks.classification.evaluation import evaluate_probabilities
from radlearn.tasks.classification.report import write_xray_report
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run


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


def test_a_set_without_an_opacity_has_a_report_all_the_same(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    healthy = [xray for xray in evaluated_xrays if not xray.case.label]
    evaluation = evaluate_probabilities(finished, healthy, np.linspace(0.1, 0.9, len(healthy)), "external", flat)
    assert "one class only" not in write_xray_report(finished, evaluation, flat).read_text()
    assert not (finished.pictures / "external" / "xrays-missed.png").exists()
    assert (finished.pictures / "external" / "xrays-alarms.png").exists()
