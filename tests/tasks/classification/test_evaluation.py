"""What a run is worth, against counts by hand and scikit-learn."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from radlearn.json_files import read_json
from radlearn.tasks.classification.evaluation import evaluate_probabilities
from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing


def flat(xrays: Sequence[PreparedRadiograph]) -> np.ndarray:
    return np.full((len(xrays), 32, 32), 0.6, np.float32)


def test_scores_are_those_of_the_predictions_and_stand_in_the_run_folder(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    labels = np.array([xray.case.label for xray in evaluated_xrays])
    probabilities = np.clip(np.random.default_rng(0).normal(0.35 + 0.3 * labels, 0.2), 0.01, 0.99)
    evaluation = evaluate_probabilities(finished, evaluated_xrays, probabilities, "test", flat)
    scores = evaluation.scores
    assert scores["scores"]["auroc_score"]["value"] == pytest.approx(roc_auc_score(labels, probabilities))
    assert scores["scores"]["auroc_score"]["low"] < scores["scores"]["auroc_score"]["value"] < scores["scores"]["auroc_score"]["high"]
    called = probabilities >= 0.5
    assert scores["scores"]["sensitivity"]["value"] == pytest.approx(called[labels].mean())
    assert scores["scores"]["specificity"]["value"] == pytest.approx((~called[~labels]).mean())
    assert (scores["cases"], scores["persons"], scores["positives"]) == (60, 40, int(labels.sum()))
    assert read_json(finished.folder / "scores.json")["cases"] == 60


def test_the_view_alone_and_brightness_alone_stand_beside_it(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    labels = np.array([xray.case.label for xray in evaluated_xrays])
    views = np.array([xray.case.view == "AP" for xray in evaluated_xrays])
    evaluation = evaluate_probabilities(finished, evaluated_xrays, views * 0.9, "test", flat)
    # A model that reads nothing but the view is unmasked: it ranks no better than the view, and within a view not at all.
    assert evaluation.scores["baselines"]["view_only_auroc_score"]["value"] == pytest.approx(roc_auc_score(labels, views))
    assert evaluation.scores["scores"]["auroc_score"]["value"] == evaluation.scores["baselines"]["view_only_auroc_score"]["value"]
    assert evaluation.scores["scores"]["within_view_auroc_score"]["value"] == 0.5
    assert evaluation.scores["baselines"]["mean_brightness_auroc_score"]["value"] == 1.0


def test_a_view_that_is_not_known_is_no_rival_and_no_chance(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    bare = [xray._replace(case=replace(xray.case, view=None)) for xray in evaluated_xrays]
    evaluation = evaluate_probabilities(finished, bare, np.linspace(0.1, 0.9, 60), "test", flat)
    assert evaluation.view_only is None
    assert list(read_json(finished.folder / "scores.json")["baselines"]) == ["mean_brightness_auroc_score"]
    assert np.isnan(evaluation.scores["scores"]["within_view_auroc_score"]["value"])


def test_subgroups_hold_who_they_say_and_children_stand_apart(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    groups = evaluate_probabilities(finished, evaluated_xrays, np.linspace(0.1, 0.9, 60), "test", flat).scores["subgroups"]
    assert groups["AP (lying or sitting)"]["cases"] == groups["PA (standing)"]["cases"] == 30
    assert groups["under 18 years"]["cases"] == 18
    assert sum(groups[name]["cases"] for name in groups if "years" in name) == 60
    assert "view unknown" not in groups


def test_other_data_have_a_score_file_of_their_own(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    evaluate_probabilities(finished, evaluated_xrays[:30], np.linspace(0.1, 0.9, 30), "external", flat)
    assert not (finished.folder / "scores.json").exists()
    assert read_json(finished.folder / "scores-external.json")["split"] == "external"


def test_xrays_without_a_positive_one_have_no_auroc_and_no_trouble(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    healthy = [xray for xray in evaluated_xrays if not xray.case.label]
    evaluation = evaluate_probabilities(finished, healthy, np.linspace(0.1, 0.9, len(healthy)), "external", flat)
    written = read_json(finished.folder / "scores-external.json")
    assert np.isnan(evaluation.scores["scores"]["auroc_score"]["value"])
    assert written["scores"]["auroc_score"]["value"] is None
    assert written["scores"]["specificity"]["value"] is not None


def test_reversed_labels_and_a_single_class_are_said(
    finished: Run, evaluated_xrays: list[PreparedRadiograph], capsys: pytest.CaptureFixture[str]
) -> None:
    labels = np.array([xray.case.label for xray in evaluated_xrays])

    def notes(probabilities: np.ndarray, xrays: Sequence[PreparedRadiograph] = evaluated_xrays) -> list[str]:
        found = evaluate_probabilities(finished, xrays, probabilities, "test", flat).scores["notes"]
        assert all(note in " ".join(capsys.readouterr().err.split()) for note in found)
        return list(found)

    assert notes(np.where(labels, 0.9, 0.1)) == []
    assert notes(np.random.default_rng(0).random(60)) == []
    (note,) = notes(np.where(labels, 0.1, 0.9))
    assert note.startswith("auroc_score is 0.00, below the 0.50 of chance")
    ill = [xray for xray in evaluated_xrays if xray.case.label]
    (note,) = notes(np.linspace(0.1, 0.9, len(ill)), ill)
    assert note.startswith(f"All {len(ill)} X-rays here are with an opacity: a score that ranks")


def test_synthetic_is_said_of_the_xrays_evaluated_not_of_those_trained_on(
    finished: Run, evaluated_xrays: list[PreparedRadiograph], synthetic_folder: Path
) -> None:
    assert evaluate_probabilities(finished, evaluated_xrays, np.linspace(0.1, 0.9, 60), "external", flat).scores["synthetic"] is True
    (synthetic_folder / "truth.csv").unlink()
    assert evaluate_probabilities(finished, evaluated_xrays, np.linspace(0.1, 0.9, 60), "external", flat).scores["synthetic"] is False


def test_possible_answers_are_counted_beside_what_was_promised(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    labels = np.array([xray.case.label for xray in evaluated_xrays])
    chosen, about = read_postprocessing(finished, ProbabilityPostprocessing)
    write_postprocessing(finished, replace(chosen, opacity_possible_from=0.3, none_possible_up_to=0.6, coverage=0.8), about)
    probabilities = np.where(labels, 0.9, 0.1)
    # One opacity is taken for none, one X-ray without is not known, one for neither.
    opacities, others = np.flatnonzero(labels), np.flatnonzero(~labels)
    probabilities[opacities[0]], probabilities[others[0]] = 0.2, 0.5
    found = evaluate_probabilities(finished, evaluated_xrays, probabilities, "test", flat).scores["conformal"]
    assert found["coverage"] == 0.8
    assert found["opacities_covered_share"]["value"] == pytest.approx(1 - 1 / len(opacities))
    assert found["others_covered_share"]["value"] == 1.0
    assert found["not_known_share"]["value"] == pytest.approx(1 / len(labels))
    assert found["neither_share"]["value"] == 0.0


def test_heat_maps_of_found_opacities_stand_in_the_scores(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    found = evaluate_probabilities(finished, evaluated_xrays, np.linspace(0.1, 0.9, 60), "test", flat).scores["heat_maps"]
    with_boxes = [len(xray.case.boxes_xyxy_px) > 0 for xray in evaluated_xrays]
    called = np.linspace(0.1, 0.9, 60) >= 0.5
    assert found["true_positives"] == int((called & with_boxes).sum()) > 0
    assert found["pointing_score"]["value"] == pytest.approx(found["chance_share"]["value"])


def test_false_alarms_are_counted_by_class(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    without = [number for number, xray in enumerate(evaluated_xrays) if not xray.case.label]
    ill = set(without[::2])
    xrays = [
        xray._replace(case=replace(xray.case, category="No Lung Opacity / Not Normal")) if number in ill else xray
        for number, xray in enumerate(evaluated_xrays)
    ]
    probabilities = np.linspace(0.05, 0.95, 60)
    found = evaluate_probabilities(finished, xrays, probabilities, "test", flat).scores["false_alarms"]
    assert list(found) == ["No Lung Opacity / Not Normal", "Normal"]
    for name, chosen in (("No Lung Opacity / Not Normal", sorted(ill)), ("Normal", sorted(set(without) - ill))):
        alarms = int((probabilities[chosen] >= 0.5).sum())
        assert (found[name]["cases"], found[name]["false_positives"]) == (len(chosen), alarms)
        share = found[name]["false_positive_share"]
        assert share["value"] == pytest.approx(alarms / len(chosen))
        assert share["low"] <= share["value"] <= share["high"]
    uncalled = [xray._replace(case=replace(xray.case, category=None)) for xray in xrays]
    assert evaluate_probabilities(finished, uncalled, probabilities, "test", flat).scores["false_alarms"] == {}


def test_calibration_is_told_with_the_slope_fixed_and_of_one_class_not_at_all(
    finished: Run, evaluated_xrays: list[PreparedRadiograph]
) -> None:
    labels = np.array([xray.case.label for xray in evaluated_xrays])
    low = np.where(labels, 0.2, 0.02) + np.linspace(0, 0.05, 60)
    found = evaluate_probabilities(finished, evaluated_xrays, low, "test", flat).scores["recalibrated"]
    # After the shift the mean probability is the share of opacities.
    shift = found["in_the_large"]["value"]
    assert (1 / (1 + np.exp(-np.log(low / (1 - low)) - shift))).mean() == pytest.approx(labels.mean())
    assert found["in_the_large"]["low"] > 0
    one_class = [xray for xray in evaluated_xrays if not xray.case.label]
    evaluate_probabilities(finished, one_class, np.linspace(0.1, 0.9, len(one_class)), "external", flat)
    written = read_json(finished.folder / "scores-external.json")["recalibrated"]
    assert written == {"in_the_large": {"value": None, "low": None, "high": None}, "intercept": None, "slope": None}
