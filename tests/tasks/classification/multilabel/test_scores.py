"""Scores of several labels: against hand counts and scikit-learn, with labels that are not known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from radlearn.metrics import ranking
from radlearn.metrics.case_scores import score_intervals
from radlearn.tasks.classification.multilabel.scores import (
    KINDS,
    column,
    labels_case_format,
    macro,
    macro_scores,
    mean_scores,
    of_known,
    probability_of_the_truth,
    scores_of_label,
)
from radlearn.training.run_folder import Run, new_run
from radlearn.workflow.cases_file import read_cases, write_cases
from tests.made_runs import MadeCase, Settings

RNG = np.random.default_rng(5)
LABELS = (RNG.random((80, 3)) < (0.5, 0.2, 0.1)).astype(float)
LABELS[RNG.random(LABELS.shape) < 0.2] = np.nan
P = np.clip(np.nan_to_num(LABELS) * 0.3 + RNG.random(LABELS.shape) * 0.6, 0, 1)
NAMES = ("a", "b", "c")


def columns_of(labels: np.ndarray = LABELS, p: np.ndarray = P) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {"view": np.where(np.arange(len(labels)) % 2, "AP", "PA")}
    for number, name in enumerate(NAMES):
        for kind, part in zip(KINDS, (labels, p, p, (p > 0.5).astype(float)), strict=True):
            found[column(kind, name)] = part[:, number]
    return found


def test_each_label_and_the_mean_are_scikit_learns_where_a_label_is_known() -> None:
    columns, known = columns_of(), ~np.isnan(LABELS)
    each = {"auroc_score": [], "average_precision_score": []}  # type: dict[str, list[float]]
    for number, name in enumerate(NAMES):
        y, p = LABELS[known[:, number], number], P[known[:, number], number]
        scores = scores_of_label(name)
        for score, witness in (("auroc_score", roc_auc_score), ("average_precision_score", average_precision_score)):
            each[score].append(witness(y, p))
            assert scores[score].value(columns) == pytest.approx(witness(y, p))
        assert scores["sensitivity"].value(columns) == pytest.approx((p > 0.5)[y == 1].mean())
        assert scores["specificity"].value(columns) == pytest.approx((p <= 0.5)[y == 0].mean())
        assert scores["brier_error"].value(columns) == pytest.approx(((p - y) ** 2).mean())
    means = macro_scores(NAMES)
    for score, values in each.items():
        assert means[f"macro_{score}"].value(columns) == pytest.approx(np.mean(values))
        assert mean_scores(P, LABELS)[f"macro_{score}"] == pytest.approx(np.mean(values))


def test_a_hand_count_of_two_labels() -> None:
    # The first: of two pairs one is right. The second: its only known pair is right, and the third X-ray says nothing of it.
    labels = np.array([[1, 1], [0, 0], [0, np.nan]])
    p = np.array([[0.5, 0.9], [0.1, 0.2], [0.8, 1.0]])
    assert mean_scores(p, labels)["macro_auroc_score"] == (0.5 + 1.0) / 2
    assert probability_of_the_truth(p[:, 0], labels[:, 0], p[:, 1], labels[:, 1]) == pytest.approx([0.7, 0.85, 0.2])


def test_what_a_label_is_not_known_of_changes_nothing() -> None:
    other = np.where(np.isnan(LABELS), RNG.random(P.shape), P)
    for name, score in macro_scores(NAMES).items():
        if "within_view" not in name:
            assert score.value(columns_of()) == score.value(columns_of(p=other)), name


def test_a_label_without_both_kinds_has_no_score_and_no_part_in_the_mean() -> None:
    labels = LABELS.copy()
    labels[:, 2] = np.where(np.isnan(labels[:, 2]), np.nan, 0)
    assert np.isnan(scores_of_label("c")["auroc_score"].value(columns_of(labels)))
    assert np.isnan(scores_of_label("c")["specificity"].value(columns_of(labels)))
    first_two = mean_scores(P[:, :2], LABELS[:, :2])["macro_auroc_score"]
    assert macro_scores(NAMES)["macro_auroc_score"].value(columns_of(labels)) == pytest.approx(first_two)
    assert np.isnan(mean_scores(P[:, :1], np.zeros((80, 1)))["macro_auroc_score"])
    assert np.isnan(of_known(ranking.auroc_score, np.full(3, np.nan), [1, 0, 1], weights=np.ones((4, 3)))).all()


def test_a_draw_is_the_score_of_the_drawn_cases() -> None:
    rng = np.random.default_rng(1)
    weights = rng.multinomial(80, np.full(80, 1 / 80), size=5).astype(float)
    pairs = [part[:, number] for number in range(3) for part in (P, LABELS)]
    drawn = macro(ranking.auroc_score, False, *pairs, weights=weights)
    for row, found in zip(weights.astype(int), np.asarray(drawn), strict=True):
        again = np.repeat(np.arange(80), row)
        assert found == pytest.approx(mean_scores(P[again], LABELS[again])["macro_auroc_score"])
    intervals = score_intervals(macro_scores(NAMES), columns_of(), [f"p{number // 2}" for number in range(80)], draws=100)
    assert all(one.low <= one.value <= one.high for one in intervals.values())


def test_the_table_of_cases_gives_the_same_scores_again(tmp_path: Path) -> None:
    run: Run = new_run(tmp_path / "run", "classification", Settings())
    kept, columns = labels_case_format(NAMES), columns_of()
    write_cases(run, "test", kept, [MadeCase(f"x{number}", f"p{number}") for number in range(80)], columns)
    again = read_cases(run, "test", kept)
    assert {name: score.value(again.columns) for name, score in kept.scores.items()} == {
        name: score.value(columns) for name, score in kept.scores.items()
    }
    assert replace(kept, columns={}).truth == ("view", "label_a", "label_b", "label_c")
