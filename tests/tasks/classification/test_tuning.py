"""A classifier's operating point chosen again, for the sensitivity or the specificity one wants."""

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.metrics import decisions
from radlearn.tasks.classification.options import TuneOptions
from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing
from radlearn.tasks.classification.tuning import chosen_by, rule_of, tune_threshold
from radlearn.tasks.xray.radiographs import PreparedRadiograph, labels_of
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_postprocessing


@pytest.fixture
def asked(evaluated_xrays: list[PreparedRadiograph]) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.array([rng.uniform(0.3, 0.95) if xray.case.label else rng.uniform(0.02, 0.6) for xray in evaluated_xrays])


def test_without_a_wish_the_best_sum_of_both_is_chosen(finished: Run, evaluated_xrays: list[PreparedRadiograph], asked: np.ndarray) -> None:
    told = tune_threshold(finished, evaluated_xrays, asked)
    assert (
        told["threshold"]
        == read_postprocessing(finished, ProbabilityPostprocessing)[0].threshold
        == decisions.youden_threshold(asked, labels_of(evaluated_xrays))
    )
    assert told["threshold_before"] == 0.5
    assert told["chosen"]["rule"] == "best sum (Youden)"
    assert len(told["beside"]) == 4
    curve = told["curve"]
    assert (curve["sensitivity"][0], curve["specificity"][0]) == (1.0, 0.0)
    assert (curve["sensitivity"][-1], curve["specificity"][-1]) == (0.0, 1.0)
    at = len(curve["threshold"]) // 3
    assert curve["sensitivity"][at] == pytest.approx(decisions.sensitivity(asked, labels_of(evaluated_xrays), curve["threshold"][at]))
    assert curve["specificity"][at] == pytest.approx(decisions.specificity(asked, labels_of(evaluated_xrays), curve["threshold"][at]))


@pytest.mark.parametrize(("wish", "name"), [((0.9, None), "sensitivity"), ((None, 0.95), "specificity")])
def test_what_is_wanted_is_had_on_those_who_chose(
    finished: Run, evaluated_xrays: list[PreparedRadiograph], asked: np.ndarray, wish: tuple[float | None, float | None], name: str
) -> None:
    told = tune_threshold(finished, evaluated_xrays, asked, TuneOptions(*wish))
    assert told["chosen"][name]["value"] >= (wish[0] or wish[1] or 1)
    assert told["chosen"]["rule"] == f"{name} ≥ {wish[0] or wish[1]:g}"
    point = read_postprocessing(finished, ProbabilityPostprocessing)[0]
    score = decisions.sensitivity if name == "sensitivity" else decisions.specificity
    assert score(asked, labels_of(evaluated_xrays), point.threshold) >= (wish[0] or wish[1] or 1)
    # What the view and the brightness of the training X-rays say was not asked anew.
    assert set(read_postprocessing(finished, ProbabilityPostprocessing)[1]["view_shares"]) == {"AP", "PA", "all"}


def test_cross_fitted_figures_are_what_the_thresholds_of_the_others_do(
    evaluated_xrays: list[PreparedRadiograph], asked: np.ndarray
) -> None:
    from radlearn.workflow.cross_fitting import parts_of

    labels, persons = labels_of(evaluated_xrays), [xray.case.person for xray in evaluated_xrays]
    chosen = chosen_by(rule_of(0.8, None), asked, labels, persons, seed=0)
    parts = parts_of(persons, 0)
    called = np.zeros(len(labels), bool)
    for part in range(5):
        others = parts != part
        threshold = decisions.threshold_for_sensitivity(asked[others], labels[others], 0.8)
        called[~others] = asked[~others] >= threshold
    assert chosen.crossed[0].value == pytest.approx(called[labels].mean())
    assert chosen.crossed[1].value == pytest.approx(1 - called[~labels].mean())
    assert chosen.own[0].value >= 0.8


def test_where_a_fifth_holds_all_of_a_class_no_cross_fitted_figure_is_given(
    evaluated_xrays: list[PreparedRadiograph], asked: np.ndarray
) -> None:
    persons = [xray.case.person for xray in evaluated_xrays]
    labels = np.array([person == persons[0] for person in persons])
    chosen = chosen_by(rule_of(None, None), asked, labels, persons, seed=0)
    assert np.isnan(chosen.crossed[0].value)
    assert np.isnan(chosen.crossed[1].value)
    assert chosen.own[1].value > 0


def test_wishes_that_cannot_be_are_refused(finished: Run, evaluated_xrays: list[PreparedRadiograph], asked: np.ndarray) -> None:
    with pytest.raises(BadSetting, match="one threshold can reach one of them"):
        rule_of(0.9, 0.9)
    with pytest.raises(BadSetting, match=r"wanted_specificity is 1\.2; it must be from 0 to 1"):
        rule_of(None, 1.2)
    healthy = [xray for xray in evaluated_xrays if not xray.case.label]
    with pytest.raises(BadSetting, match="all of one class"):
        tune_threshold(finished, healthy, asked[: len(healthy)])
    assert read_postprocessing(finished, ProbabilityPostprocessing)[0].threshold == 0.5


def test_the_table_gives_both_shares_of_every_rule(
    finished: Run, evaluated_xrays: list[PreparedRadiograph], asked: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    tune_threshold(finished, evaluated_xrays, asked, TuneOptions(wanted_sensitivity=0.9))
    said = capsys.readouterr().err
    for rule in ("sensitivity ≥ 0.9", "best sum (Youden)", "specificity ≥ 0.95", "as it was before"):
        assert rule in said
    assert "The decision is yes from a probability of" in said
