"""Labels to score probabilities against: the challenge's table, the same without boxes, a table of one's own."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from radlearn.challenges.rsna.label_truth import label_truth
from radlearn.challenges.rsna.probability_scoring import score_probabilities
from radlearn.errors import BadLayout

RNG = np.random.default_rng(2)
LABELS = [int(one) for one in RNG.random(60) < 0.4]
PROBABILITIES = np.clip(RNG.normal(0.3 + 0.4 * np.array(LABELS), 0.2), 0, 1).round(4)


def written(folder: Path, header: str, row: str) -> Path:
    rows = "".join(row.format(n=number, y=label, p=number // 2) + "\n" for number, label in enumerate(LABELS))
    (folder / "truth.csv").write_text(f"{header}\n{rows}")
    (folder / "s.csv").write_text("patientId,probability\n" + "".join(f"i{n},{one}\n" for n, one in enumerate(PROBABILITIES)))
    return folder / "truth.csv"


@pytest.mark.parametrize(
    ("header", "row", "persons"),
    [
        ("patientId,Target", "i{n},{y}", 60),
        ("patientId,x,y,width,height,Target", "i{n},,,,,{y}", 60),
        ("path,person,label", "images/i{n}.dcm,p{p},{y}", 30),
        ("path,person,label", "C:\\images\\i{n}.png,p{p},{y}", 30),
        ("path,id,person,label,site", "images/x{n}.nii.gz,i{n},p{p},{y},north", 30),
        ("id,label", "i{n},{y}", 60),
    ],
)
def test_a_table_without_boxes_is_truth_enough(tmp_path: Path, header: str, row: str, persons: int) -> None:
    truth = written(tmp_path, header, row)
    found = score_probabilities(truth, tmp_path / "s.csv", draws=20)
    assert found.scores["auroc_score"].value == pytest.approx(roc_auc_score(LABELS, PROBABILITIES))
    assert len(set(found.persons)) == persons
    assert any("every image counts as a person of its own" in note for note in found.notes) is (persons == 60)


def test_the_views_of_ones_own_table_are_taken(tmp_path: Path) -> None:
    truth = written(tmp_path, "path,person,label,view", "i{n}.dcm,p{p},{y},AP")
    found = score_probabilities(truth, tmp_path / "s.csv", draws=20)
    assert found.scores["within_view_auroc_score"].value == pytest.approx(roc_auc_score(LABELS, PROBABILITIES))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("patientId,Target\ni0,2\n", "line 2, column Target: is '2'; expected 0 or 1."),
        ("patientId,Target\ni0,1\ni0,0\n", "line 3: Target of i0 is 0 here and 1 in line 2."),
        ("path,label\na/i0.png,1\nb/i0.png,1\n", "line 3: i0 is the name of another image too, line 2. Add a column id"),
        ("path,label\n,1\n", "line 2, column path: is empty"),
        ("patientId,x,y\ni0,1,1\n", "Target"),
    ],
)
def test_what_cannot_be_scored_against_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(BadLayout) as error:
        label_truth(tmp_path / "t.csv")
    assert said in str(error.value)


def test_the_challenges_own_table_is_read_as_before(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("patientId,x,y,width,height,Target\ni0,1,2,30,40,1\ni1,,,,,0\n")
    truth = label_truth(tmp_path / "t.csv")
    assert {name: (image.target, len(image.boxes_xyxy_px)) for name, image in truth.images.items()} == {"i0": (True, 1), "i1": (False, 0)}
    (tmp_path / "persons.csv").write_text("patientId,person\ni0,p\ni1,p\n")
    (tmp_path / "t.csv").write_text("patientId,Target\ni0,1\ni1,0\n")
    assert label_truth(tmp_path / "t.csv").persons == {"i0": "p", "i1": "p"}


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match="expected a CSV file"):
        label_truth(tmp_path / "none.csv")
