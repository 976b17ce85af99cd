"""The right answers of the classification exercises, by other libraries and by hand, and what a learner would hand over."""

from typing import Any

import numpy as np
import pydicom
import pytest
from scipy.stats import bootstrap
from sklearn.metrics import average_precision_score, roc_auc_score

from radlearn.exercises.classification import (
    decisions,
    header,
    people,
    q1,
    q2,
    q3,
    q4,
    q5,
    q6,
    q7,
    q8,
    q9,
    q10,
    q11,
    ranking,
    training,
    uncertainty,
)


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


def test_the_interval_is_that_of_scipy_over_people() -> None:
    data = q10.data()
    persons = sorted(set(data["person"]))
    xrays, right = (
        np.array([columns[data["person"] == person].sum() for person in persons]) for columns in (data["correct"] >= 0, data["correct"])
    )
    share = bootstrap(
        (xrays, right),
        lambda x, r, axis: r.sum(axis=axis) / x.sum(axis=axis),
        paired=True,
        method="percentile",
        rng=np.random.default_rng(5),
    ).confidence_interval
    assert (len(persons), data["correct"].sum()) == (12, 20)
    assert q10.check({"low": share.low, "high": share.high}).right
    each = bootstrap((data["correct"].astype(float),), np.mean, method="percentile", rng=np.random.default_rng(5)).confidence_interval
    assert "thirty independent" in q10.check({"low": each.low, "high": each.high}).message


def test_the_macro_auroc_is_that_of_scikit_learn_where_labels_are_known() -> None:
    data = q11.data()
    each = [
        roc_auc_score(label[~np.isnan(label)], p[~np.isnan(label)]) for label, p in zip(data["label"].T, data["probability"].T, strict=True)
    ]
    assert q11.right() == pytest.approx(np.mean(each))
    assert "taken for negative" in q11.check(roc_auc_score(data["label"] == 1, data["probability"], average="macro")).message
    both = ~np.isnan(data["label"]).any(1)
    assert "left out of all three" in q11.check(roc_auc_score(data["label"][both], data["probability"][both], average="macro")).message
    known = ~np.isnan(data["label"])
    assert uncertainty.q11 is q11
    assert "micro" in q11.check(roc_auc_score(data["label"][known], data["probability"][known])).message


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


def test_every_person_and_every_name_of_an_image_gets_what_is_true_of_it() -> None:
    data = q1.data()
    subsets: dict[str, list[str]] = {}
    for person, subset in zip(data["person"], data["subset"], strict=True):
        subsets.setdefault(person, []).append(subset)
    for person, where in subsets.items():
        message = q1.check(person).message
        if person == q1.right():
            assert message.startswith("Right.")
        elif len(where) == 1:
            assert f"one X-ray only, in {where[0]}" in message
        else:
            assert f"{len(where)} X-rays, all of them in {where[0]}" in message or "has the most X-rays" in message
    for image, person in zip(data["patientId"], data["person"], strict=True):
        message = q1.check(image).message
        assert ("in one subset only" in message) == (person != q1.right())
        assert "patientId" in message
    assert "This is a subset" in q1.check("train").message
    assert "No X-ray of the table" in q1.check("p12345").message


def test_what_is_told_of_a_run_and_its_auroc() -> None:
    data = q2.data()
    pa = data["view"] == "PA"
    right = roc_auc_score(data["label"][pa], data["B"][pa])
    assert "in percent" in q2.check({"run": "B", "auroc_pa": 100 * right}).message
    assert "run A over all" in q2.check({"run": "B", "auroc_pa": roc_auc_score(data["label"], data["A"])}).message
    assert "average precision" in q2.check({"run": "B", "auroc_pa": average_precision_score(data["label"][pa], data["B"][pa])}).message
    assert "called 'A' and 'B'. Right so far: auroc_pa" in q2.check({"run": "b", "auroc_pa": right}).message
    assert "'auroc_pa': The number is too high. Right so far: run." in q2.check({"run": "B", "auroc_pa": 0.99}).message


def test_each_wrong_reading_of_a_header_is_told() -> None:
    dataset = pydicom.dcmread(q3.data()["path"])
    stored, slope, intercept = dataset.pixel_array.astype(float), float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
    values, at = stored * slope + intercept, (header.ROW, header.COLUMN)
    right = {"view": "AP", "value": values[at], "grey": (values.max() - values[at]) / np.ptp(values)}
    assert q3.check(right).right
    wrong: list[tuple[str, Any, str]] = [
        ("view", "PA", "somebody typed"),
        ("view", "Thorax p.a.", "description of the series"),
        ("view", "p.a.", "description of the series"),
        ("view", "from the back", "a code in capital letters"),
        ("view", "ap", "a code in capital letters"),
        ("view", "LL", "The file does not say this"),
        ("value", stored[at], "the stored number"),
        ("value", stored[at] * slope, "the intercept is not"),
        ("value", stored[at] + intercept, "the slope is not applied"),
        ("value", (stored[at] + intercept) * slope, "The intercept was multiplied"),
        ("value", values[at[::-1]], "the other order"),
        ("value", values[at[0] - 1, at[1] - 1], "counted from 0"),
        ("value", values.max() + values.min() - values[at], "The value is inverted"),
        ("value", 3.0, "'value': The number is too low"),
        ("grey", 1 - right["grey"], "the other way round"),
        ("grey", round(255 * right["grey"]), "a grey level of 0 to 255; 0 to 1"),
        ("grey", round(255 * (1 - right["grey"])), "not yet inverted"),
        ("grey", 100 * right["grey"], "in percent"),
        ("grey", stored[at] / 4095, "12 bits, and does not mind"),
        ("grey", 1 - stored[at] / 4095, "12 bits. Black and white"),
        ("grey", stored[at] / 255, "as if the pixels had 8 bits"),
        ("grey", stored[at] / 65535, "16 bits"),
        ("grey", values[at] / values.max(), "neither is the lowest value taken off"),
        ("grey", 1 - values[at] / values.max(), "The lowest value is not taken off"),
    ]
    for name, answer, says in wrong:
        message = q3.check(right | {name: answer}).message
        assert says in message
        assert "Right so far: " in message
        assert "Expected" not in message


def test_each_wrong_auroc_is_told() -> None:
    def pairs(labels: list[int], scores: list[float]) -> tuple[list[float], list[float]]:
        return [s for s, y in zip(scores, labels, strict=True) if y], [s for s, y in zip(scores, labels, strict=True) if not y]

    def auroc(labels: list[int], scores: list[float]) -> float:
        return float(roc_auc_score(labels, scores)) if len(set(labels)) == 2 else float("nan")

    def none_for_no_pair(labels: list[int], scores: list[float]) -> float:
        return auroc(labels, scores) if len(set(labels)) == 2 else 0.0

    def without_ties(labels: list[int], scores: list[float]) -> float:
        ill, well = pairs(labels, scores)
        return sum(a > b for a in ill for b in well) / (len(ill) * len(well))

    def in_step(labels: list[int], scores: list[float]) -> float:
        met = list(zip(*pairs(labels, scores), strict=False))
        return sum((a > b) + 0.5 * (a == b) for a, b in met) / len(met) if met else float("nan")

    def counted(labels: list[int], scores: list[float]) -> float:
        ill, well = pairs(labels, scores)
        return sum((a > b) + 0.5 * (a == b) for a in ill for b in well)

    assert q4.check(auroc).right
    assert "Ties count nothing" in q4.check(without_ties).message
    assert "it would say that every pair is lost" in q4.check(none_for_no_pair).message
    assert "in step" in q4.check(in_step).message
    assert "in percent" in q4.check(lambda labels, scores: 100 * auroc(labels, scores)).message
    assert "number of pairs that are won" in q4.check(counted).message
    assert "the other way round" in q4.check(lambda labels, scores: roc_auc_score(scores, labels)).message
    by_precision = lambda labels, scores: average_precision_score(labels, scores) if len(set(labels)) == 2 else np.nan  # noqa: E731
    assert "average precision" in q4.check(by_precision).message


def test_every_wrong_threshold_is_told_its_sensitivity_and_on_which_side_the_right_one_lies() -> None:
    data = q5.data()
    ill, well = data["probability"][data["label"]], data["probability"][~data["label"]]
    quoted = 0
    for threshold in [*np.unique(data["probability"]), 0.05, 0.0, 1.0, 0.5, 0.95]:
        result = q5.check(threshold)
        sensitivity, specificity = (ill >= threshold).mean(), (well < threshold).mean()
        if result.right:
            assert threshold == q5.right()
            continue
        assert q5.answer not in result.message
        if "At this threshold" in result.message:
            quoted += 1
            assert f"the sensitivity is {100 * sensitivity:.1f} %" in result.message
            assert f"the specificity {100 * specificity:.1f} %" in result.message
            assert ("A higher one" in result.message) == (sensitivity >= 0.95) == (threshold < q5.right())
            assert ("A lower one" in result.message) == (threshold > q5.right())
            assert ("none of the given" in result.message) == (threshold not in data["probability"])
        if "This gives a specificity of about 95 %" in result.message:
            assert specificity == pytest.approx(0.95, abs=0.004)
    assert quoted > 170
    found = np.sort(ill)[::-1]
    assert "one opacity short" in q5.check(found[int(0.95 * len(found)) - 1]).message
    assert "0.95 is the sensitivity" in q5.check(0.95).message
    assert "lies between 0 and 1" in q5.check(95).message


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (8.4, "in percent"),
        (81.8, "between 0 and 1"),
        (0.08, "give more digits"),
        (1 - 18 / 214, "share of the false alarms"),
        (0.8, "specificity"),
        (0.02, "prevalence"),
        (0.018, "Divide by the share that is called positive"),
        (214 / 1000, "How many of these"),
        (18 / 196, "odds"),
        (0.802, "accuracy at your hospital"),
        (0.018 / (0.018 + 0.784), "was taken for the false alarms"),
        (0.018 / (0.018 + 0.2), "Only those without an opacity"),
        (0.3, "too high"),
    ],
)
def test_each_wrong_predictive_value_is_told(answer: float, says: str) -> None:
    message = q6.check(answer).message
    assert says in message
    assert "Expected" not in message


def test_each_wrong_shift_is_told_and_any_other_what_it_would_do() -> None:
    data = q7.data()
    p, share = data["probability"], data["label"].mean()
    logits = np.log(p / (1 - p))
    assert "mean of the logits" in q7.check(np.log(share / (1 - share)) - logits.mean()).message
    assert "difference of the probabilities, and positive" in q7.check(p.mean() - share).message
    assert "factor on the odds" in q7.check(np.exp(q7.right())).message
    assert "factor between the means" in q7.check(share / p.mean()).message
    assert "ratio of two probabilities" in q7.check(np.log(share / p.mean())).message
    assert "log10" in q7.check(q7.right() / np.log(10)).message
    for shift in (-5.0, -1.4, -0.3, 0.0, 2.0, 1e9):
        message = q7.check(shift).message
        mean = (1 / (1 + np.exp(-(logits + min(shift, 50))))).mean()
        assert f"the mean probability is {mean:.3f}; the share of X-rays with an opacity is {share:.3f}" in message
        assert ("smaller" in message) == (mean > share) == (shift > q7.right())


def test_each_wrong_way_to_choose_an_epoch_is_told() -> None:
    data = q8.data()
    measured, true = data["validation"], data["truth"]
    run, best = np.arange(40), measured.argmax(1)
    gap = measured[run, best] - true[run, best]
    assert q8.check(gap.mean()).right
    for answer, says in (
        ((measured - true).mean(), "mean over all epochs"),
        ((measured.max(1) - true.max(1)).mean(), "best true epoch"),
        (-gap.mean(), "Subtract the truth"),
        ((measured.max(1) - measured.mean(1)).mean(), "with the mean of all"),
        ((measured.max(1) - true.mean(1)).mean(), "mean truth of all epochs"),
        (measured.max() - true.mean(), "with the mean truth"),
        (measured.max() - true.max(), "the highest number of each table"),
        ((measured.max(1) - true[:, -1]).mean(), "the truth of the last epoch"),
        ((measured[run, true.argmax(1)] - true.max(1)).mean(), "chosen by the truth"),
        ((measured.max(0) - true[measured.argmax(0), np.arange(52)]).mean(), "runs are rows"),
        (np.median(gap), "median"),
        (gap[0], "the first run alone"),
        (100 * gap.mean(), "in percent"),
        (measured.max(1).mean(), "Subtract the true AUROC"),
        (0.5, "too high"),
    ):
        message = q8.check(answer).message
        assert says in message
        assert "Expected" not in message
    assert "--epochs 52" in q8.text


def test_each_wrong_training_step_is_told() -> None:
    import torch
    from torch.nn import functional

    def step(loss_of: Any, optimizer: Any = torch.optim.SGD, **settings: float) -> Any:
        def taken(model: Any, images: Any, labels: Any, learning_rate: float) -> None:
            changing = optimizer(model.parameters(), **({"lr": learning_rate} | settings))
            changing.zero_grad()
            loss_of(model(images), labels).backward()
            changing.step()

        return taken

    def right(logits: Any, labels: Any) -> Any:
        return functional.binary_cross_entropy_with_logits(logits[:, 0], labels)

    def by_formula(logits: Any, labels: Any) -> Any:
        found = logits.sigmoid()
        return -(labels * torch.log(found) + (1 - labels) * torch.log(1 - found)).mean()

    def out_of_place(model: Any, images: Any, labels: Any, learning_rate: float) -> None:
        model.zero_grad()
        right(model(images), labels).backward()
        for weights in model.parameters():
            weights = weights - learning_rate * weights.grad

    def cleared_too_late(model: Any, images: Any, labels: Any, learning_rate: float) -> None:
        optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
        right(model(images), labels).backward()
        optimizer.zero_grad()
        optimizer.step()

    def with_gradient(model: Any, images: Any, labels: Any, learning_rate: float) -> None:
        model.zero_grad()
        right(model(images), labels).backward()
        for weights in model.parameters():
            weights -= learning_rate * weights.grad

    assert q9.check(step(right)).right
    assert q9.check(step(lambda logits, labels: functional.binary_cross_entropy_with_logits(logits, labels[:, None]))).right
    assert q9.check(step(right, momentum=0.9)).right
    # Of the solution's lines one names the optimizer, and it is not the last.
    assert "only the line that makes the optimizer" in q9.check(step(right)).message
    for answer, says in (
        (step(functional.binary_cross_entropy_with_logits), "Logits of shape (batch, 1) meet labels of shape (batch,)"),
        (step(lambda logits, labels: functional.binary_cross_entropy(logits.sigmoid(), labels)), "Logits of shape (batch, 1) meet"),
        (step(lambda logits, labels: functional.binary_cross_entropy_with_logits(logits.squeeze(), labels)), "Name the axis"),
        (step(by_formula), "broadcast to (batch, batch)"),
        (step(right, torch.optim.AdamW), "a step of AdamW"),
        (step(right, torch.optim.Adam), "a step of Adam,"),
        (step(right, lr=0.001), "default learning rate"),
        (step(right, lr=1.0), "as long as the gradient"),
        (step(lambda logits, labels: functional.mse_loss(logits[:, 0].sigmoid(), labels)), "mean squared error"),
        (step(lambda logits, labels: functional.binary_cross_entropy(logits[:, 0], labels)), "binary_cross_entropy takes probabilities"),
        (out_of_place, "makes a new tensor"),
        (cleared_too_late, "after zero_grad there is no gradient left"),
        (with_gradient, "torch.no_grad()"),
    ):
        assert says in q9.check(answer).message
