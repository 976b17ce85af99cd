"""What a run of several labels is worth, against counts by hand and scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from radlearn.json_files import read_json
from radlearn.tasks.classification.multilabel.evaluation import BASELINE, co_occurrence, evaluate_labels, why_not_judged
from radlearn.tasks.classification.multilabel.postprocessing import LabelPostprocessing
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.case_labels import label_values
from radlearn.workflow.spread import spread_of


def test_each_label_is_judged_where_it_is_known_and_the_mean_is_over_those_judged(
    several: Run, labelled: list[PreparedRadiograph], predicted: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    found = evaluate_labels(several, labelled, predicted, "test")
    truth = label_values([xray.case for xray in labelled], found.names)
    expected = []
    for number, name in enumerate(("mass", "effusion")):
        known = ~np.isnan(truth[:, number])
        y, p = truth[known, number], predicted[known, number]
        one = found.scores["labels"][name]
        expected.append(roc_auc_score(y, p))
        assert one["scores"]["auroc_score"]["value"] == pytest.approx(expected[-1])
        assert (one["known"], one["positives"], one["prevalence"]) == (known.sum(), y.sum(), pytest.approx(y.mean()))
        people = {xray.case.person for xray, value in zip(labelled, truth[:, number], strict=True) if value == 1}
        assert one["persons_with"] == len(people)
        assert one["scores"]["sensitivity"]["value"] == pytest.approx((p >= one["threshold"])[y == 1].mean())
    mean = found.scores["scores"]["macro_auroc_score"]
    assert mean["value"] == pytest.approx(np.mean(expected))
    assert mean["low"] < mean["value"] < mean["high"]
    assert found.scores["macro_over"] == ["mass", "effusion"]
    # It is said, and not silently left out.
    why = "nobody in training is known to have it"
    assert found.scores["labels"]["hernia"]["not_judged"] == why
    assert np.isnan(found.scores["labels"]["hernia"]["scores"]["auroc_score"]["value"])
    assert f"hernia: has no score and no part in the means: {why}." in " ".join(capsys.readouterr().err.split())
    assert read_json(several.folder / "scores.json")["labels"]["hernia"]["scores"]["auroc_score"]["value"] is None
    assert (several.folder / "cases.csv").read_text().startswith("image_id,person,view,label_mass,probability_mass,")


def test_the_header_alone_stands_beside_it_and_so_does_the_difference(
    several: Run, labelled: list[PreparedRadiograph], predicted: np.ndarray
) -> None:
    found = evaluate_labels(several, labelled, predicted, "test").scores
    # Three of four AP X-rays with a mass: the view tells it better than chance.
    assert found["labels"]["mass"]["header_only_auroc_score"]["value"] > 0.6
    alone = np.mean([found["labels"][name]["header_only_auroc_score"]["value"] for name in ("mass", "effusion")])
    assert found["baselines"][BASELINE]["value"] == pytest.approx(alone)
    assert found["above_header_only"]["value"] == pytest.approx(found["scores"]["macro_auroc_score"]["value"] - alone)


def test_headers_that_say_nothing_are_no_rival(several: Run, labelled: list[PreparedRadiograph], predicted: np.ndarray) -> None:
    bare = [xray._replace(case=replace(xray.case, view=None, sex=None, age_years=None)) for xray in labelled]
    found = evaluate_labels(several, bare, predicted, "test").scores
    assert found["baselines"] == {}
    assert np.isnan([found["above_header_only"]["value"], found["labels"]["mass"]["header_only_auroc_score"]["value"]]).all()
    assert found["scores"]["macro_auroc_score"]["value"] > 0.5


def test_a_label_that_is_reversed_is_named(several: Run, labelled: list[PreparedRadiograph], predicted: np.ndarray) -> None:
    assert evaluate_labels(several, labelled, predicted, "test").scores["notes"] == []
    turned = predicted.copy()
    turned[:, 1] = 1 - turned[:, 1]
    (note,) = evaluate_labels(several, labelled, turned, "test").scores["notes"]
    assert note.startswith("effusion: auroc_score is ")
    assert "X-rays with effusion rank below the others" in note


def test_a_label_without_a_positive_person_here_is_said(several: Run, labelled: list[PreparedRadiograph], predicted: np.ndarray) -> None:
    without = [xray for xray in labelled if not dict(xray.case.labels)["mass"]]
    chosen = [number for number, xray in enumerate(labelled) if not dict(xray.case.labels)["mass"]]
    found = evaluate_labels(several, without, predicted[chosen], "external").scores
    assert found["labels"]["mass"]["not_judged"] == "nobody here is known to have it"
    assert found["macro_over"] == ["effusion"]
    assert found["scores"]["macro_auroc_score"] == found["labels"]["effusion"]["scores"]["auroc_score"]


@pytest.mark.parametrize(
    ("trained", "labels", "expected"),
    [
        ((3, 5), [1, 0, np.nan], None),
        ((0, 5), [1, 0, 0], "nobody in training is known to have it"),
        ((5, 0), [1, 0, 0], "nobody in training is known to lack it"),
        ((3, 5), [1, np.nan, 1], "nobody here is known to lack it"),
        ((3, 5), [np.nan, np.nan, np.nan], "nobody here is known to have or to lack it"),
    ],
)
def test_why_a_label_has_no_score_is_said_in_words(trained: tuple[int, int], labels: list[float], expected: str | None) -> None:
    learnt = LabelPostprocessing("mass", *trained, None)
    assert why_not_judged(learnt, np.array(labels, float), np.array(["p", "q", "r"])) == expected


def test_one_label_in_a_column_of_its_own_is_several_of_one(
    finished: Run, labelled: list[PreparedRadiograph], predicted: np.ndarray
) -> None:
    from radlearn.tasks.classification.multilabel.postprocessing import choose_labels_postprocessing

    xrays = [xray._replace(case=replace(xray.case, labels=xray.case.labels[:1])) for xray in labelled]
    choose_labels_postprocessing(finished, predicted[:, 0], ["mass"], xrays, xrays)
    found = evaluate_labels(finished, xrays, predicted[:, 0], "test").scores
    assert found["scores"]["macro_auroc_score"] == found["labels"]["mass"]["scores"]["auroc_score"]
    assert spread_of([found["scores"]["macro_auroc_score"]["value"]], True)["mean"] is not None


def test_what_is_there_together_is_counted() -> None:
    counts = co_occurrence(np.array([[1, 1, 0], [1, 0, np.nan], [1, 1, 1]], float))
    assert counts.tolist() == [[3, 2, 1], [2, 2, 1], [1, 1, 1]]
