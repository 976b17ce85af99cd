"""Several predictions for one X-ray become one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from radlearn.metrics.boxes import FoundBoxes, no_boxes
from radlearn.tasks.detection.fusion import fused, mirrored


def _predict_case(*boxes: tuple[float, float, float, float, float]) -> FoundBoxes:
    rows = np.array(boxes, float).reshape(-1, 5)
    return FoundBoxes(rows[:, :4], rows[:, 4])


def test_two_predictions_that_agree_give_their_weighted_mean() -> None:
    both = fused([_predict_case((0, 0, 10, 10, 0.6)), _predict_case((2, 0, 12, 10, 0.2))])
    # (0.6 · 0 + 0.2 · 2) / 0.8
    assert np.allclose(both.boxes_xyxy_px, [[0.5, 0, 10.5, 10]])
    assert np.allclose(both.confidences, [0.4])


def test_a_box_that_one_of_two_predictions_lacks_loses_half_its_confidence() -> None:
    both = fused([_predict_case((0, 0, 10, 10, 0.8)), no_boxes()])
    assert np.allclose(both.confidences, [0.4])
    assert np.allclose(both.boxes_xyxy_px, [[0, 0, 10, 10]])


def test_the_faint_boxes_around_a_sure_one_do_not_pull_it_down() -> None:
    crowd = _predict_case((0, 0, 10, 10, 0.8), (1, 0, 11, 10, 0.1), (0, 1, 10, 11, 0.1))
    both = fused([crowd, crowd])
    assert np.allclose(both.boxes_xyxy_px, [[0, 0, 10, 10]])
    assert np.allclose(both.confidences, [0.8])


def test_boxes_that_overlap_too_little_stay_apart() -> None:
    both = fused([_predict_case((0, 0, 10, 10, 0.8)), _predict_case((8, 0, 18, 10, 0.9))])
    assert np.allclose(both.boxes_xyxy_px, [[8, 0, 18, 10], [0, 0, 10, 10]])
    assert np.allclose(both.confidences, [0.45, 0.4])


def test_nothing_and_nothing_is_nothing() -> None:
    assert len(fused([no_boxes(), no_boxes()]).confidences) == 0


def test_one_prediction_alone_comes_back_as_it_was() -> None:
    one = _predict_case((0, 0, 10, 10, 0.8), (30, 0, 40, 10, 0.3))
    same = fused([one])
    assert np.allclose(same.boxes_xyxy_px, one.boxes_xyxy_px)
    assert np.allclose(same.confidences, one.confidences)


boxes = st.lists(
    st.tuples(st.integers(0, 80), st.integers(0, 80), st.integers(1, 40), st.integers(1, 40), st.floats(0.01, 1)).map(
        lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3], b[4])
    ),
    max_size=6,
)


@given(st.lists(boxes, min_size=1, max_size=3))
def test_fused_boxes_fall_in_confidence_and_lie_within_their_parts(predictions: list[list[tuple[float, ...]]]) -> None:
    given_boxes = [_predict_case(*rows) for rows in predictions]  # type: ignore[arg-type]
    one = fused(given_boxes)
    every = np.concatenate([prediction.boxes_xyxy_px for prediction in given_boxes])
    assert (np.diff(one.confidences) <= 1e-12).all()
    assert (one.confidences <= 1 + 1e-12).all()
    if len(every):
        assert (one.boxes_xyxy_px >= every.min(axis=0) - 1e-9).all()
        assert (one.boxes_xyxy_px <= every.max(axis=0) + 1e-9).all()
    assert len(one.confidences) <= len(every)


@given(boxes)
def test_mirrored_twice_is_as_before(rows: list[tuple[float, ...]]) -> None:
    prediction = _predict_case(*rows)  # type: ignore[arg-type]
    again = mirrored(mirrored(prediction, 128), 128)
    assert np.allclose(again.boxes_xyxy_px, prediction.boxes_xyxy_px)
    assert np.allclose(mirrored(_predict_case((10, 5, 30, 9, 1)), 100).boxes_xyxy_px, [[70, 5, 90, 9]])
