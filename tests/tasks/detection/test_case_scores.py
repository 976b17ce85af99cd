"""What is kept of each X-ray, and the scores that follow from it: counts by hand, written and read back."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from radlearn.challenges.rsna import CHALLENGE
from radlearn.challenges.rsna.score import BOX_SCORE
from radlearn.errors import BadSetting
from radlearn.json_files import read_json
from radlearn.metrics.boxes import FoundBoxes
from radlearn.metrics.predictions import pooled_share
from radlearn.rsna_pneumonia_detection import detect_pneumonia as lesson
from radlearn.tasks.detection.case_scores import (
    case_format,
    case_scores,
    false_boxes_per_healthy_image,
    false_boxes_per_image,
)
from radlearn.tasks.detection.evaluation import evaluate_boxes
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.cases_file import read_cases

WEIGHTS = np.array([[1, 1, 1], [1, 1, 0], [0, 2, 0]])


def test_a_share_of_all_weighs_every_box_the_same() -> None:
    draws = np.array([[1, 1, 1], [2, 0, 0], [0, 0, 0]])
    shares: Sequence[float] = pooled_share([1, 0, 1], [1, 4, 1], draws)
    assert shares[:2] == pytest.approx([2 / 6, 1.0])
    assert np.isnan(shares[2])


def test_what_is_found_and_what_it_costs_are_weighed_alike() -> None:
    columns = {
        "official_score": np.array([0.5, np.nan, 0.0]),
        "hits": np.array([1, 0, 0]),
        "true_boxes": np.array([2, 0, 0]),
        "found_boxes": np.array([1, 0, 3]),
        "image_score": np.array([0.9, 0.1, 0.5]),
        "label": np.array([True, False, False]),
        "view": np.array(["AP", "AP", "PA"]),
    }
    scores = case_scores(BOX_SCORE)
    assert [score.value(columns) for score in scores.values()] == pytest.approx([0.25, 0.5, 1.5, 1.0, 0.25, 1.0, 1.0])
    drawn = [scores[name].function(*(columns[one] for one in scores[name].columns), weights=WEIGHTS) for name in list(scores)[:5]]
    assert [one[1] for one in drawn] == pytest.approx([0.5, 0.5, 0.0, 0.0, 1.0])
    assert [bool(np.isnan(one[2])) for one in drawn] == [True, True, False, False, True]


def test_a_healthy_xray_is_one_without_a_true_box() -> None:
    assert false_boxes_per_image([1, 0, 0], [1, 0, 3], WEIGHTS) == pytest.approx([1, 0, 0])
    assert false_boxes_per_healthy_image([1, 0, 0], [1, 0, 3], [2, 0, 0], WEIGHTS) == pytest.approx([1.5, 0, 0])
    assert np.isnan(false_boxes_per_healthy_image([1], [2], [1]))


def test_the_table_is_read_back_as_it_was_and_gives_the_scores_bit_for_bit(
    boxed: Run, evaluated_xrays: list[PreparedRadiograph], candidates: tuple[list[FoundBoxes], np.ndarray]
) -> None:
    evaluation = evaluate_boxes(boxed, BOX_SCORE, evaluated_xrays, candidates[0], candidates[1] / 3, "test")
    kept = case_format(CHALLENGE)
    table = read_cases(boxed, "test", kept)
    assert table.image_ids.tolist() == [xray.case.image_id for xray in evaluated_xrays]
    assert table.persons.tolist() == [xray.case.person for xray in evaluated_xrays]
    for name, column in evaluation.columns.items():
        np.testing.assert_array_equal(table.columns[name], column)
    # Left out of the official score, and so empty.
    assert np.isnan(table.columns["official_score"]).any()
    written = read_json(boxed.folder / "scores.json")["scores"]
    assert {name: score.value(table.columns) for name, score in kept.scores.items()} == {
        name: one["value"] for name, one in written.items()
    }
    assert list(kept.scores) == list(written)


def test_the_headline_scores_are_those_of_the_lesson() -> None:
    kept = case_format(lesson.TASK.challenge)
    assert {name for name, score in kept.scores.items() if score.headline} == set(lesson.TASK.headline_scores)


def test_rightly_nothing_is_as_good_as_it_gets() -> None:
    quality = case_format(CHALLENGE).quality
    assert quality.of({"official_score": np.array([0.25, np.nan, 0.0])}).tolist() == [0.25, 1.0, 0.0]


def test_a_challenge_without_boxes_has_no_such_table() -> None:
    with pytest.raises(BadSetting, match="has no score of boxes"):
        case_format(replace(CHALLENGE, box_score=None))
