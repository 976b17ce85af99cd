"""What is kept of each X-ray: written, read back, and worth the same scores."""

from collections.abc import Sequence

import numpy as np
import pytest

from radlearn.challenges.rsna import CHALLENGE
from radlearn.json_files import read_json
from radlearn.rsna_pneumonia_classification import classify_pneumonia as lesson
from radlearn.tasks.classification.case_scores import case_format, probability_of_the_truth
from radlearn.tasks.classification.evaluation import evaluate_probabilities
from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.cases_file import read_cases
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing


def flat(xrays: Sequence[PreparedRadiograph]) -> np.ndarray:
    return np.full((len(xrays), 32, 32), 0.6, np.float32)


def test_the_table_is_read_back_as_it_was_and_gives_the_scores_bit_for_bit(
    finished: Run, evaluated_xrays: list[PreparedRadiograph]
) -> None:
    labels = np.array([bool(xray.case.label) for xray in evaluated_xrays])
    probabilities = np.random.default_rng(0).random(60).astype(np.float32)
    _, about = read_postprocessing(finished, ProbabilityPostprocessing)
    # A threshold that lies on a probability, and a recalibration.
    threshold = float(probabilities[7])
    write_postprocessing(finished, ProbabilityPostprocessing(threshold, 0.1, 0.7), about)
    evaluation = evaluate_probabilities(finished, evaluated_xrays, probabilities, "test", flat)
    kept = case_format(CHALLENGE)
    table = read_cases(finished, "test", kept)
    assert table.image_ids.tolist() == [xray.case.image_id for xray in evaluated_xrays]
    assert table.persons.tolist() == [xray.case.person for xray in evaluated_xrays]
    np.testing.assert_array_equal(table.columns["probability"], probabilities.astype(np.float64))
    np.testing.assert_array_equal(table.columns["calibrated_probability"], evaluation.calibrated)
    np.testing.assert_array_equal(table.columns["label"], labels)
    np.testing.assert_array_equal(table.columns["view"], evaluation.views)
    assert table.columns["decision"].tolist() == [float(p) >= threshold for p in probabilities]
    assert table.columns["decision"][7]
    written = read_json(finished.folder / "scores.json")["scores"]
    assert {name: score.value(table.columns) for name, score in kept.scores.items()} == {
        name: one["value"] for name, one in written.items()
    }
    assert list(kept.scores) == list(written)


def test_other_data_have_a_table_of_their_own(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    evaluate_probabilities(finished, evaluated_xrays[:30], np.linspace(0.1, 0.9, 30), "external", flat)
    assert not (finished.folder / "cases.csv").exists()
    assert len((finished.folder / "cases-external.csv").read_text().splitlines()) == 31


def test_the_headline_scores_are_those_of_the_lesson() -> None:
    kept = case_format(lesson.TASK.challenge)
    assert {name for name, score in kept.scores.items() if score.headline} == set(lesson.TASK.headline_scores)


def test_a_prediction_is_as_good_as_the_probability_of_the_truth() -> None:
    assert probability_of_the_truth([0.9, 0.9, 0.2], [1, 0, 0]) == pytest.approx([0.9, 0.1, 0.8])
