"""Age, sex and view alone: what a logistic regression makes of them."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from radlearn.challenges.xray_case import XrayCase
from radlearn.metrics.ranking import auroc_score
from radlearn.tasks.xray.header_baseline import fitted_header_baseline, header_baseline, header_values


def case(number: int, view: str | None, sex: str | None, age: float | None) -> XrayCase:
    return XrayCase(f"x{number}", Path("x.dcm"), None, (), None, f"p{number}", view, sex, age)


CASES = [case(number, ("AP", "PA")[number % 2], "MF"[number // 2 % 2], 20.0 + number) for number in range(60)]


def test_it_learns_the_view_and_nothing_where_there_is_nothing() -> None:
    labels = np.array([[float(one.view == "AP"), 0.0, np.nan] for one in CASES])
    fitted = fitted_header_baseline(CASES, labels, ["view", "nobody", "unknown"])
    found = header_baseline(CASES, fitted, ["view", "nobody", "unknown"])
    assert auroc_score(found[:, 0], labels[:, 0]) == 1.0
    assert np.isnan(found[:, 1:]).all()


def test_what_no_header_says_has_no_prediction_and_is_no_chance() -> None:
    labels = np.array([[float(number % 2 == 0)] for number in range(60)])
    fitted = fitted_header_baseline(CASES, labels, ["view"])
    bare = [case(number, None, None, None) for number in range(60)]
    assert np.isnan(header_baseline(bare, fitted, ["view"])).all()
    # Learnt from X-rays without, there is nothing that those with one could be judged by.
    assert np.isnan(header_baseline(CASES, fitted_header_baseline(bare, labels, ["view"]), ["view"])).all()
    aged = [case(0, None, None, 70.0), *bare[1:]]
    assert not np.isnan(header_baseline(aged, fitted, ["view"])).any()


def test_what_is_predicted_is_what_scikit_learn_predicts_where_the_label_is_known() -> None:
    label = np.array([np.nan if number % 7 == 0 else float(number % 3 == 0) for number in range(60)])
    known = ~np.isnan(label)
    fitted = fitted_header_baseline(CASES, label[:, None], ["mass"])
    witness = LogisticRegression(max_iter=1000).fit(header_values(CASES)[known], label[known])
    assert header_baseline(CASES, fitted, ["mass"])[:, 0] == pytest.approx(witness.decision_function(header_values(CASES)))


def test_what_a_header_lacks_is_told_apart_from_what_it_says() -> None:
    values = header_values([case(0, None, None, None), case(1, "AP", "M", 60.0)])
    assert values[0].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert values[1].tolist() == [1.0, 0.1, 0.5, 0.5, 0, 0, 0]
