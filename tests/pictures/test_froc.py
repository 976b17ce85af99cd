"""The FROC curve goes through its points, marks where the detector works, and says where there is nothing to find."""

import numpy as np
import pytest

from radlearn.metrics.boxes import FoundBoxes, no_boxes
from radlearn.pictures.froc import NO_TRUE_BOX, froc_figure, overlap_figure
from radlearn.pictures.style import png_bytes

TRUE = np.array([[100.0, 100, 300, 400]])
HIT = FoundBoxes(np.array([[100.0, 100, 300, 400], [600, 600, 700, 700]]), np.array([0.9, 0.2]))
FALSE = FoundBoxes(np.array([[600.0, 600, 700, 700]]), np.array([0.5]))
NOTHING = np.zeros((0, 4))
PERSONS = np.arange(40)


def xrays() -> tuple[list[FoundBoxes], list[np.ndarray]]:
    """20 X-rays with one box, 20 healthy: ten of each are answered."""
    return [HIT] * 10 + [no_boxes()] * 10 + [FALSE] * 10 + [no_boxes()] * 10, [TRUE] * 20 + [NOTHING] * 20


IOUS_ABOVE = [k / 20 for k in range(8, 16)]


def test_the_operating_point_says_its_sensitivity_with_its_false_boxes() -> None:
    proposed, truth = xrays()
    chosen = [FoundBoxes(one.boxes_xyxy_px[:1], one.confidences[:1]) for one in proposed]
    axes = froc_figure(proposed, truth, PERSONS, chosen, 0.4).axes[0]
    said = " ".join(text.get_text().replace("\n", " ") for text in axes.texts)
    assert "0.25 false boxes per X-ray" in said
    assert "at 0.40: sensitivity 0.50," in said
    point = next(line for line in axes.lines if line.get_markersize() == 9)
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (0.25, 0.5)


def test_the_curve_ends_where_nothing_more_is_proposed_and_says_so() -> None:
    proposed, truth = xrays()
    axes = froc_figure(proposed, truth, PERSONS).axes[0]
    curve = axes.lines[0].get_xydata()
    assert curve[-1].tolist() == [0.5, 0.5]
    assert "dotted: nothing more is proposed" in [text.get_text() for text in axes.texts]


def test_no_true_box_is_said_and_not_drawn() -> None:
    for figure in (
        froc_figure([FALSE] * 12, [NOTHING] * 12, np.arange(12), [FALSE] * 12),
        overlap_figure([FALSE], [NOTHING], [0], IOUS_ABOVE),
    ):
        assert [text.get_text() for text in figure.axes[0].texts] == [NO_TRUE_BOX]


def test_a_detector_that_finds_nothing_is_drawn_all_the_same() -> None:
    silent = [no_boxes()] * 12
    assert png_bytes(froc_figure(silent, [TRUE] * 12, np.arange(12), silent, 0.9)).startswith(b"\x89PNG")
    assert png_bytes(overlap_figure(silent, [TRUE] * 12, np.arange(12), IOUS_ABOVE)).startswith(b"\x89PNG")


def test_sensitivity_and_precision_fall_as_boxes_must_fit_better() -> None:
    half = FoundBoxes(np.array([[100.0, 100, 300, 280]]), np.array([0.9]))
    axes = overlap_figure([half, HIT], [TRUE, TRUE], [0, 1], IOUS_ABOVE).axes[0]
    sensitivity, precision = (np.asarray(line.get_ydata(), dtype=float) for line in axes.lines[:2])
    # The first box overlaps by exactly 0.6, which is a hit below 0.60 and none from there on.
    assert sensitivity.tolist() == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5]
    assert precision == pytest.approx([2 / 3] * 4 + [1 / 3] * 4)
