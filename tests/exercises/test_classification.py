"""The right answers of the classification exercises, by other libraries and by hand, and what a learner would hand over."""

from typing import Any

import numpy as np
import pydicom
import pytest
from sklearn.metrics import roc_auc_score

from radlearn.exercises.classification import decisions, header, people, q1, q2, q3, q4, q5, q6, q7, q8, q9, ranking, training


def test_exactly_one_person_is_in_two_subsets() -> None:
    data = q1.data()
    subsets: dict[str, set[str]] = {}
    for person, subset in zip(data["person"], data["subset"], strict=True):
        subsets.setdefault(person, set()).add(subset)
    assert [(person, where) for person, where in subsets.items() if len(where) > 1] == [(q1.right(), {"train", "test"})]
    assert len(set(data["patientId"])) == len(data["patientId"]) == 160
    assert {subset: data["subset"].count(subset) > 15 for subset in ("train", "validation", "test")} == dict.fromkeys(
        set(data["subset"]), True
    )
    assert people.q1 is q1


def test_an_image_is_not_taken_for_a_person() -> None:
    data = q1.data()
    mine = [image for image, person in zip(data["patientId"], data["person"], strict=True) if person == q1.right()]
    assert len(mine) == 2
    assert all("image" in q1.check(image).message for image in mine)
    assert not q1.check(next(person for person in data["person"] if person != q1.right())).right


def test_the_run_that_reads_the_view_is_better_over_all_and_hardly_better_than_chance_within() -> None:
    data = q2.data()
    overall = {run: roc_auc_score(data["label"], data[run]) for run in "AB"}
    within = {
        run: {view: roc_auc_score(data["label"][data["view"] == view], data[run][data["view"] == view]) for view in ("AP", "PA")}
        for run in "AB"
    }
    assert overall["B"] > overall["A"]
    assert max(within["B"].values()) < 0.6
    assert min(within["A"].values()) > 0.7
    assert q2.check({"run": "B", "auroc_pa": round(within["B"]["PA"], 2)}).right
    says = q2.check({"run": "A", "auroc_pa": overall["B"]}).message
    assert "Run A is no better" in says
    assert "over all X-rays" in says


def test_the_header_is_what_pydicom_makes_of_it() -> None:
    from pydicom.pixels import apply_modality_lut

    dataset = pydicom.dcmread(q3.data()["path"])
    values = apply_modality_lut(dataset.pixel_array, dataset)
    grey = np.interp(values, (values.min(), values.max()), (1, 0))[header.ROW, header.COLUMN]
    assert q3.check({"view": dataset.ViewPosition, "value": values[header.ROW, header.COLUMN], "grey": grey}).right
    assert dataset.PhotometricInterpretation == "MONOCHROME1"
    # Dense tissue, such as the spine in the middle, is bright, and air beside the body is dark.
    shown = 1 - (values - values.min()) / np.ptp(values)
    assert shown[40:60, 30:34].mean() > 0.5 > shown[:4, :4].mean()


def test_the_auroc_is_that_of_scikit_learn() -> None:
    for case in ranking._ranked():
        labels, scores = case.arguments
        if len(set(labels)) == 2:
            assert q4.right(labels, scores) == pytest.approx(roc_auc_score(labels, scores))
        else:
            assert np.isnan(q4.right(labels, scores))
    assert q4.check(lambda labels, scores: roc_auc_score(labels, scores) if len(set(labels)) == 2 else np.nan).right

    def by_ranks(labels: list[int], scores: list[float]) -> float:
        # Ranks without ties in mind: what the first version of many a program does.
        order = sorted(range(len(scores)), key=lambda place: scores[place])
        ranks = [order.index(place) + 1 for place in range(len(scores)) if labels[place]]
        negatives = len(labels) - len(ranks)
        return (sum(ranks) - len(ranks) * (len(ranks) + 1) / 2) / (len(ranks) * negatives) if ranks and negatives else float("nan")

    assert not q4.check(by_ranks).right


def test_a_higher_threshold_would_miss_too_many() -> None:
    data = q5.data()
    positives = data["probability"][data["label"]]
    assert (positives >= q5.right()).mean() >= 0.95 > (positives > q5.right()).mean()
    assert q5.right() in data["probability"]
    assert "lies between two" in q5.check(np.percentile(positives, 5)).message
    assert "every opacity" in q5.check(positives.min()).message


def test_the_predictive_value_is_that_of_a_thousand_patients() -> None:
    # Of 1,000 there are 20 with an opacity, 18 of them found, and 980 without, 196 of them called positive.
    assert q6.right() == pytest.approx(18 / (18 + 196))
    assert "study" in q6.check(180 / (180 + 40)).message
    assert "percent" in q6.check(8.4112).message or not q6.check(8.4112).right
    assert decisions.q6 is q6


def test_the_shift_brings_the_mean_to_the_share_of_positives() -> None:
    data = q7.data()
    odds = data["probability"] / (1 - data["probability"]) * np.exp(q7.right())
    assert (odds / (1 + odds)).mean() == pytest.approx(data["label"].mean(), abs=1e-9)
    assert "difference of the probabilities" in q7.check(data["label"].mean() - data["probability"].mean()).message


def test_the_best_of_many_epochs_is_luckier_than_any_one() -> None:
    data = q8.data()
    gaps = [row.max() - truth[list(row).index(row.max())] for row, truth in zip(data["validation"], data["truth"], strict=True)]
    assert q8.right() == pytest.approx(np.mean(gaps))
    assert q8.right() > 0.04
    assert abs((data["validation"] - data["truth"]).mean()) < 0.005
    assert training.q8 is q8


def test_a_step_is_compared_with_autograd_whatever_the_optimizer_is_called() -> None:
    import torch

    def by_hand(model: Any, images: Any, labels: Any, learning_rate: float) -> None:
        weight, bias = model[1].parameters()
        flat = images.flatten(1)
        error = (torch.sigmoid(flat @ weight[0] + bias) - labels) / len(labels)
        with torch.no_grad():
            weight -= learning_rate * (error @ flat)
            bias -= learning_rate * error.sum()

    assert q9.check(by_hand).right

    def forgetful(model: Any, images: Any, labels: Any, learning_rate: float) -> None:
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(images)[:, 0], labels)
        loss.backward()
        torch.optim.SGD(model.parameters(), lr=learning_rate).step()

    assert "zero_grad" in q9.check(forgetful).message
    assert "raised ValueError" in q9.check(lambda model, images, labels, rate: torch.nn.BCEWithLogitsLoss()(model(images), labels)).message
