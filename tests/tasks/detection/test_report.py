"""The page of a detector holds what was found beside what it cost, the failures first."""

from dataclasses import replace

import numpy as np
import pytest

from radlearn.challenges.rsna.score import BOX_SCORE
from radlearn.metrics.boxes import FoundBoxes
from radlearn.tasks.detection.evaluation import BoxEvaluation, evaluate_boxes
from radlearn.tasks.detection.report import alarms_first, worst_first, write_box_report
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run

Candidates = tuple[list[FoundBoxes], np.ndarray]


@pytest.fixture
def evaluation(boxed: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates) -> BoxEvaluation:
    return evaluate_boxes(boxed, BOX_SCORE, evaluated_xrays, *candidates, "test")


def test_the_page_has_its_scores_its_sections_and_the_worst_before_the_best(boxed: Run, evaluation: BoxEvaluation) -> None:
    page = write_box_report(boxed, evaluation)
    text = page.read_text()
    assert page == boxed.folder / "report.html"
    headings = ("Evaluation data", "Sensitivity and false", "Predicted boxes", "Localisation", "Subgroups", "Choice of the postpro",
                "Training")  # fmt: skip
    places = [text.index(heading, text.index("<h2")) for heading in headings]
    assert places == sorted(places)
    assert text.index("The worst: X-rays") < text.index("The best: X-rays")
    assert "Synthetic patients: not comparable with a leaderboard" in text
    without = "false boxes per X-ray without an opacity"
    for said in ("AP (lying or sitting)", "two flips fused", without, "mean true box, put on every X-ray"):
        assert said in text
    drawn = {path.stem for path in boxed.pictures.glob("*.png")}
    assert {"froc", "roc", "box-size", "overlap", "subgroups", "threshold", "ablation", "history", "xrays-worst", "xrays-alarms"} <= drawn


def test_other_data_without_an_opacity_have_a_report_all_the_same(
    boxed: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates
) -> None:
    healthy = [number for number, xray in enumerate(evaluated_xrays) if not xray.case.label][:12]
    found = [candidates[0][number] for number in healthy]
    evaluation = evaluate_boxes(
        boxed, BOX_SCORE, [evaluated_xrays[number] for number in healthy], found, candidates[1][healthy], "external"
    )
    assert write_box_report(boxed, evaluation).name == "report-external.html"
    assert not (boxed.folder / "report.html").exists()
    assert not (boxed.pictures / "external" / "xrays-worst.png").exists()
    assert (boxed.pictures / "external" / "xrays-alarms.png").exists()


def test_the_worst_xray_comes_first_and_the_surest_mistake_before_the_unsure(evaluation: BoxEvaluation) -> None:
    order = worst_first(evaluation)
    assert np.all(evaluation.counts.true[order] > 0)
    assert np.all(np.diff(evaluation.scores_by_image[order]) >= 0)
    missed = [int(number) for number in order if evaluation.scores_by_image[number] == 0]
    # An unsure and a sure false box on two X-rays that score 0.
    found = list(evaluation.found)
    for number, confidence in ((missed[2], 0.6), (missed[3], 0.95)):
        found[number] = FoundBoxes(np.array([[900.0, 900, 1000, 1000]]), np.array([confidence]))
    again = worst_first(replace(evaluation, found=found))
    assert again[:2].tolist() == [missed[3], missed[2]]


def test_only_healthy_xrays_with_a_box_are_false_alarms(evaluation: BoxEvaluation) -> None:
    order = alarms_first(evaluation)
    assert len(order) == int((evaluation.counts.found[evaluation.counts.true == 0] > 0).sum()) > 0
    surest = [evaluation.found[number].confidences.max() for number in order]
    assert surest == sorted(surest, reverse=True)


def test_a_view_that_is_not_known_is_said(boxed: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates) -> None:
    bare = [xray._replace(case=replace(xray.case, view=None)) for xray in evaluated_xrays]
    text = write_box_report(boxed, evaluate_boxes(boxed, BOX_SCORE, bare, *candidates, "test")).read_text()
    assert "The view alone is no rival here" in text
    assert "AUROC of the view alone" not in text
