"""Probabilities that mean something else than they say: of the other class, of the predicted class, of another row."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from radlearn.challenges.readings.probability_readings import oddities_of, reversed_notes, shifted_notes
from radlearn.challenges.readings.row_orders import orders_of
from radlearn.challenges.rsna.probability_scoring import ScoredProbabilities, score_probabilities
from radlearn.metrics.intervals import Interval


def made(count: int = 200, skill: float = 2.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    y = rng.random(count) < 0.3
    return 1 / (1 + np.exp(-(rng.normal(0, 1, count) + skill * y - 1.2))), y


def scored(folder: Path, p: np.ndarray, y: np.ndarray) -> ScoredProbabilities:
    rows = "".join(f"i{n},{'1,1,5,5' if one else ',,,'},{int(one)}\n" for n, one in enumerate(y))
    (folder / "labels.csv").write_text(f"patientId,x,y,width,height,Target\n{rows}")
    (folder / "p.csv").write_text("patientId,probability\n" + "".join(f"i{n},{one:.6f}\n" for n, one in enumerate(p)))
    return score_probabilities(folder / "labels.csv", folder / "p.csv", draws=20)


def about(found: ScoredProbabilities) -> list[str]:
    return [note for note in found.notes if "persons.csv" not in note and "views" not in note]


def test_probabilities_of_the_other_class_are_said_to_look_so(tmp_path: Path) -> None:
    p, y = made()
    right, wrong = scored(tmp_path, p, y), scored(tmp_path, 1 - p, y)
    assert about(right) == []
    value = roc_auc_score(y, p)
    assert wrong.scores["auroc_score"].value == pytest.approx(1 - value, abs=1e-5)
    (note,) = about(wrong)
    assert f"auroc_score is {1 - value:.2f}, below the 0.50 of chance" in note
    assert f"1 − p would score {value:.2f}" in note


def test_a_table_that_slipped_by_a_row_is_said_to_look_so(tmp_path: Path) -> None:
    p, y = made(skill=4)
    for rows, words in ((1, "the row before"), (-1, "the row after")):
        (note,) = about(scored(tmp_path, np.roll(p, rows), y))
        assert words in note
        assert f"{roc_auc_score(np.roll(y, rows), np.roll(p, rows)):.2f} in another order" in note


def test_the_confidence_of_the_predicted_class_and_a_double_sigmoid_are_said_to_look_so(tmp_path: Path) -> None:
    p, y = made()
    assert any("confidence in whichever class was predicted" in note for note in about(scored(tmp_path, np.maximum(p, 1 - p), y)))
    assert any("Was it applied twice?" in note for note in about(scored(tmp_path, 1 / (1 + np.exp(-p)), y)))
    assert oddities_of(p.tolist()) == ""
    assert oddities_of([0.9, 0.8]) == ""


def test_chance_and_few_cases_get_no_note() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(100) % 3 == 0
    for _ in range(20):
        value = roc_auc_score(y, rng.random(100))
        assert reversed_notes(Interval(value), y, "x") == []
        assert shifted_notes(rng.random(100), orders_of(list(map(str, range(100))), {str(n): bool(one) for n, one in enumerate(y)})) == []
    assert reversed_notes(Interval(0.0), y[:4], "x") == []
    assert reversed_notes(Interval(float("nan")), y, "x") == []
    assert reversed_notes(Interval(0.0), y[:10], "x") != []


@pytest.mark.parametrize("words", ["the row 2 rows before", "the row 3 rows after", "the rows in reverse order", "the ids sorted by name"])
def test_probabilities_joined_in_another_order_are_told(tmp_path: Path, words: str) -> None:
    p, y = made(skill=4)
    places = np.random.default_rng(1).permutation(len(p))
    ids = [f"i{place:03d}" for place in places]
    target = {one: bool(label) for one, label in zip(ids, y, strict=True)}
    probability = dict(zip(ids, p, strict=True))
    meant = {
        "the row 2 rows before": ids[-2:] + ids[:-2], "the row 3 rows after": ids[3:] + ids[:3],
        "the rows in reverse order": ids[::-1], "the ids sorted by name": sorted(ids),
    }[words]  # fmt: skip
    rows = "".join(f"{one},{'1,1,5,5' if label else ',,,'},{int(label)}\n" for one, label in target.items())
    (tmp_path / "labels.csv").write_text(f"patientId,x,y,width,height,Target\n{rows}")
    wrong = "".join(f"{one},{probability[other]:.6f}\n" for one, other in zip(ids, meant, strict=True))
    (tmp_path / "p.csv").write_text(f"patientId,probability\n{wrong}")
    (note,) = about(score_probabilities(tmp_path / "labels.csv", tmp_path / "p.csv", draws=20))
    assert f"but {roc_auc_score(y, p):.2f} in another order: the probabilities look like those of {words}" in note


@pytest.mark.parametrize(("count", "rows"), [(60, 1), (70, -1), (80, 2)])
def test_few_rows_that_slipped_are_told_too(tmp_path: Path, count: int, rows: int) -> None:
    p, y = made(count, skill=3)
    (note,) = about(scored(tmp_path, np.roll(p, rows), y))
    assert f"{roc_auc_score(y, p):.2f} in another order" in note


def test_weak_classifiers_are_in_no_other_order() -> None:
    rng = np.random.default_rng(4)
    for number in range(200):
        count = int(rng.integers(20, 200))
        y = rng.random(count) < 0.35
        p = rng.normal(0, 1, count) + rng.uniform(-0.3, 0.8) * y
        assert shifted_notes(p, orders_of(list(map(str, range(count))), {str(n): bool(one) for n, one in enumerate(y)})) == [], number
