"""What is refused before any score is computed."""

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.metrics.predictions import checked_predictions, share


def test_a_probability_that_is_no_number_is_refused_with_its_case() -> None:
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(BadSetting, match=r"1 of 3 are not finite \(the first is .*, case 1\)"):
            checked_predictions([0.1, bad, 0.2], [0, 1, 0])


def test_lengths_that_differ_are_refused_with_both_shapes() -> None:
    with pytest.raises(BadSetting, match=r"\(3,\) and labels of shape \(2,\)"):
        checked_predictions([0.1, 0.2, 0.3], [0, 1])
    with pytest.raises(BadSetting, match=r"\(2, 1\)"):
        checked_predictions([[0.1], [0.2]], [[0], [1]])


def test_a_label_that_is_neither_0_nor_1_is_refused() -> None:
    with pytest.raises(BadSetting, match="case 2 is 2"):
        checked_predictions([0.1, 0.2, 0.3], [0, 1, 2])
    with pytest.raises(BadSetting, match="case 0 is nan"):
        checked_predictions([0.1], [np.nan])


def test_numbers_outside_0_to_1_are_refused_only_where_a_probability_is_needed() -> None:
    assert checked_predictions([-3.0, 7.0], [0, 1])[0].tolist() == [-3.0, 7.0]
    with pytest.raises(BadSetting, match=r"7.0 \(case 1\) is outside 0 to 1"):
        checked_predictions([0.0, 7.0], [0, 1], between_0_and_1=True)


def test_weights_must_have_one_column_a_case() -> None:
    with pytest.raises(BadSetting, match=r"weights of shape \(2, 3\) for 2 cases"):
        checked_predictions([0.1, 0.2], [0, 1], np.ones((2, 3)))


def test_labels_may_be_of_any_numeric_type() -> None:
    for labels in ([0, 1], [0.0, 1.0], [False, True], np.array([0, 1], dtype=np.uint8)):
        assert checked_predictions([0.1, 0.2], labels)[1].tolist() == [False, True]


def test_a_share_of_nothing_is_not_a_number() -> None:
    assert np.isnan(share(0, 0))
    assert share(1, 4) == 0.25
    assert np.array_equal(share(np.array([1.0, 1.0]), np.array([2.0, 0.0])), [0.5, np.nan], equal_nan=True)
