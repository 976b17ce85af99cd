"""Probabilities held against the labels, by hand, beside scikit-learn, and on the challenge's own tables."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import sklearn.linear_model
import sklearn.metrics

from radlearn.challenges.rsna import CHALLENGE, ProbabilityOptions
from radlearn.challenges.rsna.probability_scoring import score_probabilities
from radlearn.errors import BadLayout, BadSetting
from radlearn.json_files import json_ready
from radlearn.metrics.calibration import Recalibration

# Two boxes on a, one on c; b and d healthy.
LABELS = "patientId,x,y,width,height,Target\na,1,1,5,5,1\na,9,9,5,5,1\nb,,,,,0\nc,1,1,5,5,1\nd,,,,,0\n"
PREDICTIONS = "patientId,probability\nd,0.1\nc,0.4\nb,0.6\na,0.9\n"


def folder_with(folder: Path, labels: str = LABELS, predictions: str = PREDICTIONS, **tables: str) -> tuple[Path, Path]:
    for name, text in {"labels": labels, "predictions": predictions, **tables}.items():
        (folder / f"{name}.csv").write_text(text)
    return folder / "labels.csv", folder / "predictions.csv"


def test_by_hand(tmp_path: Path) -> None:
    persons = "patientId,person\na,1\nb,1\nc,2\nd,3\n"
    headers = "patientId,view\na,AP\nb,AP\nc,PA\nd,PA\n"
    scored = score_probabilities(*folder_with(tmp_path, persons=persons, headers=headers))
    values = {name: interval.value for name, interval in scored.scores.items()}
    assert scored.image_ids == tuple("abcd")
    assert scored.persons == tuple("1123")
    # Of four pairs only c against b is lost; within a view none is.
    assert values["auroc_score"] == 0.75
    assert values["within_view_auroc_score"] == 1.0
    assert values["average_precision_score"] == pytest.approx((1 + 2 / 3) / 2)
    assert (values["sensitivity"], values["specificity"]) == (0.5, 0.5)
    assert values["brier_error"] == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4)
    assert scored.notes == ()
    told = json.loads(json.dumps(json_ready(scored.as_dict()), allow_nan=False))
    assert (told["cases"], told["persons"], told["positives"], told["threshold"]) == (4, 3, 2, 0.5)
    assert told["counts"] == {"true_positives": 1, "false_negatives": 1, "false_positives": 1, "true_negatives": 1}
    # Fewer than ten people: no interval.
    assert told["scores"]["auroc_score"] == {"value": 0.75, "low": None, "high": None}


def test_another_threshold_changes_both_kinds_of_mistake_and_nothing_else(tmp_path: Path) -> None:
    files = folder_with(tmp_path)
    half, low = score_probabilities(*files), score_probabilities(*files, threshold=0.4)
    assert (low.scores["sensitivity"].value, low.scores["specificity"].value) == (1.0, 0.5)
    assert low.scores["auroc_score"].value == half.scores["auroc_score"].value
    with pytest.raises(BadSetting, match=r"threshold is 1\.5; expected 0 to 1"):
        score_probabilities(*files, threshold=1.5)


def test_without_tables_of_persons_and_views_it_is_said_what_that_costs(tmp_path: Path) -> None:
    scored = score_probabilities(*folder_with(tmp_path))
    assert "within_view_auroc_score" not in scored.scores
    assert "there is no persons.csv, so every image counts as a person of its own" in scored.notes[0]
    assert "the AUROC within a view is left out" in scored.notes[1]


def test_a_row_of_the_table_tells_what_an_image_gave(tmp_path: Path) -> None:
    score_probabilities(*folder_with(tmp_path)).write_table(tmp_path / "out" / "table.csv")
    rows = list(csv.DictReader((tmp_path / "out" / "table.csv").open()))
    assert [row["patientId"] for row in rows] == list("abcd")
    assert rows[1] == {
        "patientId": "b", "person": "b", "view": "", "Target": "0", "probability": "0.6", "called": "1", "squared_error": "0.360000",
    }  # fmt: skip


def test_scores_equal_scikit_learns(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    y = rng.random(400) < 0.3
    p = (1 / (1 + np.exp(-(rng.normal(0, 1.2, 400) + 1.5 * y - 1)))).round(4)
    labels = "patientId,x,y,width,height,Target\n" + "".join(
        f"i{n},{'1,1,5,5' if label else ',,,'},{int(label)}\n" for n, label in enumerate(y)
    )
    predictions = "patientId,probability\n" + "".join(f"i{n},{value}\n" for n, value in enumerate(p))
    scores = score_probabilities(*folder_with(tmp_path, labels, predictions)).scores
    assert scores["auroc_score"].value == pytest.approx(sklearn.metrics.roc_auc_score(y, p))
    assert scores["average_precision_score"].value == pytest.approx(sklearn.metrics.average_precision_score(y, p))
    assert scores["brier_error"].value == pytest.approx(sklearn.metrics.brier_score_loss(y, p))
    assert scores["sensitivity"].value == pytest.approx(sklearn.metrics.recall_score(y, p >= 0.5))
    plain = sklearn.linear_model.LogisticRegression(C=1e9).fit(np.log(p / (1 - p))[:, None], y)
    assert scores["calibration_slope"].value == pytest.approx(plain.coef_[0, 0], rel=0.01)
    assert scores["calibration_intercept"].value == pytest.approx(plain.intercept_[0], abs=0.02)
    for interval in scores.values():
        assert interval.low < interval.value < interval.high


def test_tables_that_cannot_be_understood_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match=r"predictions\.csv, line 2: the probability is 5"):
        score_probabilities(*folder_with(tmp_path, predictions=PREDICTIONS.replace("0.1", "5")))
    with pytest.raises(BadLayout, match=r"labels\.csv, line 4: Target is 'yes'; expected 0 or 1"):
        score_probabilities(*folder_with(tmp_path, labels=LABELS.replace("b,,,,,0", "b,,,,,yes")))
    with pytest.raises(BadLayout, match=r"labels\.csv: has a header and no rows"):
        score_probabilities(*folder_with(tmp_path, labels=LABELS.splitlines()[0] + "\n"))


@pytest.mark.slow
def test_the_view_alone_scores_what_is_known_of_it_on_the_whole_challenge(shared_data: Path, tmp_path: Path) -> None:
    from radlearn.challenges.rsna.view_table import views_of

    labels = shared_data / "rsna_tables" / "stage_2_train_labels.csv"
    with labels.open() as opened:
        ids = {row["patientId"]: row["Target"] for row in csv.DictReader(opened)}
    views, _ = views_of(labels, ids)
    rows = [f"{image_id},{0.383 if views[image_id] == 'AP' else 0.093}" for image_id in ids]
    (tmp_path / "view.csv").write_text("\n".join(["patientId,probability", *rows]) + "\n")
    scored = score_probabilities(labels, tmp_path / "view.csv", threshold=0.2)
    values = {name: interval.value for name, interval in scored.scores.items()}
    assert len(scored.image_ids) == 26_684
    # As counted on the real labels: 0.706 by the view alone, nothing within one, and what a share says of its own X-rays is right.
    assert values["auroc_score"] == pytest.approx(0.706, abs=0.001)
    assert values["within_view_auroc_score"] == 0.5
    assert values["calibration_slope"] == pytest.approx(1, abs=0.01)
    assert isinstance(scored.scores["calibration_slope"].low, float)
    assert Recalibration(values["calibration_intercept"], values["calibration_slope"]).apply([0.383])[0] == pytest.approx(0.383, abs=0.002)
    # Every image has its persons from the packed table beside the labels, but for 98.
    assert "lists no person for 98 of the 26,684 images" in scored.notes[0]


def test_the_challenges_scorer_passes_on_what_it_is_given(tmp_path: Path) -> None:
    (scorer,) = (one for one in CHALLENGE.scorers if one.name == "classification")
    labels, predictions = folder_with(tmp_path)
    views = tmp_path / "views.csv"
    views.write_text("patientId,view\na,AP\nb,AP\nc,PA\nd,PA\n")
    scored = scorer.score(labels, predictions, ProbabilityOptions(threshold=0.5, views=views))
    assert scored.scores["auroc_score"].value == 0.75
    assert scored.scores["within_view_auroc_score"].value == 1.0
    assert (scored.scores["sensitivity"].value, scored.scores["specificity"].value) == (0.5, 0.5)
    lower = scorer.score(labels, predictions, ProbabilityOptions(threshold=0.3))
    assert lower.scores["sensitivity"].value == 1
