"""A submission file held against the labels table, by hand and on the challenge's own tables."""

import csv
import gzip
import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.rsna.score import BOX_SCORE
from radlearn.challenges.rsna.scoring import SCORES, score_submission
from radlearn.challenges.rsna.submission import write_submission
from radlearn.challenges.rsna.tables import labels_in
from radlearn.errors import BadLayout
from radlearn.json_files import json_ready
from radlearn.metrics.boxes import FoundBoxes, mean_over_images, no_boxes

# Twelve X-rays of six people: a and g with one true box, b with two, the rest healthy.
LABELS = "patientId,x,y,width,height,Target\na,100,100,200,300,1\nb,100,100,200,300,1\nb,600,100,200,300,1\ng,0,0,1024,10,1\n" + "".join(
    f"{name},,,,,0\n" for name in "cdefhijkl"
)
PERSONS = "patientId,person\n" + "".join(f"{name},{number // 2}\n" for number, name in enumerate("abcdefghijkl"))
ANSWERS = {
    "a": "0.9 100 100 200 300",  # right
    "b": "0.8 100 100 200 156 0.3 300 600 50 50",  # one overlaps by 0.52, a hit at 0.40, 0.45 and 0.50; one missed; one false
    "c": "0.2 1 1 5 5",  # false, on a healthy X-ray
    "g": "",  # missed
}
SUBMISSION = "patientId,PredictionString\n" + "".join(f"{name},{ANSWERS.get(name, '')}\n" for name in "lkjihgfedcba")


def folder_with(folder: Path, labels: str = LABELS, submission: str = SUBMISSION, persons: str | None = PERSONS) -> tuple[Path, Path]:
    (folder / "labels.csv").write_text(labels)
    (folder / "submission.csv").write_text(submission)
    if persons is not None:
        (folder / "persons.csv").write_text(persons)
    return folder / "labels.csv", folder / "submission.csv"


def test_by_hand(tmp_path: Path) -> None:
    scored = score_submission(*folder_with(tmp_path))
    assert scored.image_ids == tuple("abgcdefhijkl")
    assert dict(zip(scored.image_ids, scored.persons, strict=True)) == {name: str(n // 2) for n, name in enumerate("abcdefghijkl")}
    np.testing.assert_allclose(scored.image_scores, [1, 3 / 8 * 1 / 3, 0, 0, *[np.nan] * 8])
    assert scored.hits.tolist() == [[1, 1, *[0] * 10]] * 3 + [[1, 0, *[0] * 10]] * 5
    assert scored.found_boxes.tolist() == [1, 2, 0, 1, *[0] * 8]
    assert scored.true_boxes.tolist() == [1, 2, 1, *[0] * 9]
    values = {name: interval.value for name, interval in scored.scores.items()}
    assert tuple(values) == SCORES
    assert values["rsna_score"] == pytest.approx((1 + 1 / 8) / 4)
    assert values["box_sensitivity"] == 2 / 4
    assert values["false_boxes_per_healthy_image"] == 1 / 9
    # Of 27 pairs of an ill and a healthy X-ray, a and b win 18; g, where nothing was found, loses one and ties eight.
    assert values["auroc_score"] == pytest.approx((18 + 4) / 27)
    assert scored.notes == ()


def test_what_json_shows_is_what_was_scored(tmp_path: Path) -> None:
    shown = json.loads(json.dumps(json_ready(score_submission(*folder_with(tmp_path)).as_dict()), allow_nan=False))
    assert {key: shown[key] for key in ("challenge", "cases", "cases_in_the_mean", "persons", "true_boxes", "found_boxes", "notes")} == {
        "challenge": "rsna", "cases": 12, "cases_in_the_mean": 4, "persons": 6, "true_boxes": 4, "found_boxes": 4, "notes": [],
    }  # fmt: skip
    assert list(shown["scores"]) == list(SCORES)
    assert set(shown["scores"]["rsna_score"]) == {"value", "low", "high"}


def test_a_row_of_the_table_tells_what_an_image_gave(tmp_path: Path) -> None:
    score_submission(*folder_with(tmp_path)).write_table(tmp_path / "out" / "table.csv")
    rows = list(csv.DictReader((tmp_path / "out" / "table.csv").open()))
    assert [row["patientId"] for row in rows] == list("abgcdefhijkl")
    assert (rows[1]["person"], rows[1]["score"], rows[1]["true_boxes"], rows[1]["found_boxes"]) == ("0", "0.125000", "2", "2")
    assert [rows[1][f"hits_0.{percent}"] for percent in (40, 45, 50, 55, 60, 65, 70, 75)] == list("11100000")
    assert (rows[2]["score"], rows[4]["score"]) == ("0.000000", "")


def test_with_no_table_of_persons_every_image_is_its_own_and_that_is_said(tmp_path: Path) -> None:
    scored = score_submission(*folder_with(tmp_path, persons=None))
    assert scored.persons == scored.image_ids
    assert len(scored.notes) == 1
    assert "there is no persons.csv, so every image counts as a person of its own" in scored.notes[0]
    scored = score_submission(*folder_with(tmp_path, persons=PERSONS.replace("c,1\n", "").replace("d,1\n", "")))
    assert scored.notes == ("persons.csv: lists no person for 2 of the 12 images; each counts as its own.",)
    assert dict(zip(scored.image_ids, scored.persons, strict=True))["c"] == "c"


def test_rsnas_own_mapping_beside_the_labels_tells_the_persons(tmp_path: Path) -> None:
    records = [{"subset_img_id": name, "img_id": f"{number // 3:08d}_000.png"} for number, name in enumerate("abcdefghijkl")]
    (tmp_path / "pneumonia-challenge-dataset-mappings_2018.json").write_text(json.dumps(records))
    scored = score_submission(*folder_with(tmp_path, persons=None))
    assert (scored.notes, len(set(scored.persons))) == ((), 4)


def test_an_interval_needs_ten_people_and_holds_the_score(tmp_path: Path) -> None:
    assert not score_submission(*folder_with(tmp_path)).scores["rsna_score"].is_known
    names = [f"X-ray{number}" for number in range(60)]
    labels = LABELS.split("\n")[0] + "\n" + "".join(f"{name},0,0,100,100,1\n" for name in names)
    rows = "".join(f"{name},0.5 0 0 100 {100 if number % 3 else 60}\n" for number, name in enumerate(names))
    (tmp_path / "more").mkdir()
    scored = score_submission(*folder_with(tmp_path / "more", labels, "patientId,PredictionString\n" + rows, None))
    interval = scored.scores["rsna_score"]
    assert interval.low < interval.value < interval.high
    assert interval.value == pytest.approx(2 / 3 + 1 / 3 * 4 / 8)
    # All X-rays are ill: there is no healthy one to count false boxes on, and no pair to rank.
    assert math.isnan(scored.scores["false_boxes_per_healthy_image"].value)
    assert math.isnan(scored.scores["auroc_score"].value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"submission": SUBMISSION.replace("l,\n", "")}, "1 of the 12 images has no row, the first being l"),
        ({"submission": SUBMISSION.replace("l,\n", "z,\n")}, "line 2: patientId is 'z', which is none of the 12 images to predict"),
        (
            {"labels": LABELS.replace("100,100,200,300,1\nb", "100,100,0,300,1\nb", 1)},
            "one thing in it cannot be scored against:\n  labels.csv",
        ),
        ({"labels": LABELS.split("\n")[0] + "\n"}, "labels.csv: has a header and no rows"),
        ({"labels": ""}, "labels.csv: is empty"),
        (
            {"persons": "patientId,person\na,\n"},
            "persons.csv: one thing in it cannot be understood:\n  persons.csv, line 2: person is empty",
        ),
    ],
)
def test_what_cannot_be_scored_is_refused(tmp_path: Path, change: dict[str, str], words: str) -> None:
    with pytest.raises(BadLayout) as refused:
        score_submission(*folder_with(tmp_path, **change))
    assert words in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    labels, submission = folder_with(tmp_path)
    with pytest.raises(BadLayout, match=r"none\.csv: there is no such file"):
        score_submission(labels, tmp_path / "none.csv")
    with pytest.raises(BadLayout, match=r"none\.csv: there is no such file"):
        score_submission(tmp_path / "none.csv", submission)


def test_xrays_of_another_size_are_named_by_their_size(tmp_path: Path) -> None:
    labels = "patientId,x,y,width,height,Target\na,0,0,1500,100,1\nb,,,,,0\n"
    files = folder_with(tmp_path, labels, "patientId,PredictionString\na,0.5 0 0 1500 100\nb,\n")
    with pytest.raises(BadLayout, match=r"labels.csv, line 2: a box of a reaches beyond an X-ray of 1024 × 1024 px.*say their size"):
        score_submission(*files)
    assert score_submission(*files, size_px=(1000, 1500)).scores["rsna_score"].value == 1
    with pytest.raises(BadLayout, match=r"labels.csv, line 2: a box of a reaches beyond an X-ray of 1000 × 1500 px"):
        score_submission(*files, size_px=(1500, 1000))
    with pytest.raises(BadLayout, match=r"labels.csv, line 2: a box of a reaches beyond an X-ray of 1500 × 99 px"):
        score_submission(*files, size_px=(99, 1500))


def slowly_scored(labels: str, submission: str) -> dict[str, Fraction | None]:
    """The definition once more, from the files' own text: whole numbers, one X-ray, one threshold, one box at a time."""
    truth: dict[str, list[list[int]]] = {}
    for line in labels.splitlines()[1:]:
        name, *box, target = line.split(",")
        truth.setdefault(name, []).extend([[int(number) for number in box]] if target == "1" else [])
    scores: dict[str, Fraction | None] = {}
    for line in submission.splitlines()[1:]:
        name, string = line.split(",")
        words = string.split()
        found = sorted((-Fraction(words[n]), n, [int(word) for word in words[n + 1 : n + 5]]) for n in range(0, len(words), 5))
        total, counts = Fraction(0), bool(found or truth[name])
        for k in range(8, 16):
            taken: set[int] = set()
            for _, _, (x, y, w, h) in found:
                overlaps = []
                for number, (x2, y2, w2, h2) in enumerate(truth[name]):
                    both = max(0, min(x + w, x2 + w2) - max(x, x2)) * max(0, min(y + h, y2 + h2) - max(y, y2))
                    overlaps.append((Fraction(both, w * h + w2 * h2 - both), -number))
                free = [overlap for overlap in overlaps if -overlap[1] not in taken]
                if free and 20 * max(free)[0] > k:
                    taken.add(-max(free)[1])
            total += Fraction(len(taken), max(len(found) + len(truth[name]) - len(taken), 1)) / 8
        scores[name] = total if counts else None
    return scores


def test_ten_thousand_xrays_from_files_score_as_the_definition_says(tmp_path: Path) -> None:
    random = np.random.default_rng(26684)
    # Sides of few different lengths, so that equal overlaps and overlaps exactly at a threshold are common.
    boxes = iter(np.hstack([random.integers(0, 5, (60_000, 2)), random.integers(1, 7, (60_000, 2))]).tolist())
    labels, submission = ["patientId,x,y,width,height,Target"], ["patientId,PredictionString"]
    for number in range(10_000):
        true = [next(boxes) for _ in range(random.choice([0, 0, 1, 2, 3]))]
        found = [*(next(boxes) for _ in range(random.choice([0, 0, 1, 2, 3]))), *(box for box in true if random.random() < 0.2)]
        labels += [f"{number},{x},{y},{w},{h},1" for x, y, w, h in true] or [f"{number},,,,,0"]
        submission.append(f"{number}," + " ".join(f"0.{random.integers(1, 6)} {x} {y} {w} {h}" for x, y, w, h in found))
    # The same true box twice is refused as a slip of the table; here it is one.
    files = folder_with(tmp_path, "\n".join(dict.fromkeys(labels)) + "\n", "\n".join(submission) + "\n", None)
    scored = score_submission(*files, draws=10)
    slow = slowly_scored(*(file.read_text() for file in files))
    expected = [slow[name] for name in scored.image_ids]
    np.testing.assert_allclose(scored.image_scores, [np.nan if score is None else float(score) for score in expected], rtol=0, atol=1e-12)
    counted = [score for score in expected if score is not None]
    assert scored.scores["rsna_score"].value == pytest.approx(float(sum(counted) / len(counted)), abs=1e-12)
    assert len(expected) == 10_000
    assert 500 < len(expected) - len(counted) < 5000
    assert sum(0 < score < 1 for score in counted) > 1000


@pytest.fixture(scope="module")
def whole_challenge(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The challenge's real labels with the persons beside them."""
    folder = tmp_path_factory.mktemp("challenge")
    (folder / "labels.csv").write_bytes((shared_data / "rsna_tables" / "stage_2_train_labels.csv").read_bytes())
    (folder / "persons.csv").write_bytes(gzip.decompress((shared_data / "rsna_tables" / "persons.csv.gz").read_bytes()))
    return folder


def test_on_all_26684_images_the_truth_scores_one_and_the_sample_submission_almost_nothing(whole_challenge: Path) -> None:
    images, _ = labels_in("labels.csv", (whole_challenge / "labels.csv").read_text())
    truth = [np.array(image.boxes_xyxy_px).reshape(-1, 4) for image in images.values()]
    perfect = {name: FoundBoxes(true, np.full(len(true), 0.9)) for name, true in zip(images, truth, strict=True)}
    write_submission(whole_challenge / "perfect.csv", perfect)
    scored = score_submission(whole_challenge / "labels.csv", whole_challenge / "perfect.csv", draws=20)
    assert [scored.scores[name].value for name in SCORES] == [1, 1, 0, 1]
    assert (scored.as_dict()["cases_in_the_mean"], scored.true_boxes.sum()) == (6012, 9555)
    assert scored.notes == ("persons.csv: lists no person for 98 of the 26,684 images; each counts as its own.",)

    (whole_challenge / "sample.csv").write_text(
        "patientId,PredictionString\n" + "".join(f"{name},0.5 0 0 100 100\n" for name in images), newline="\r\n"
    )
    sample = score_submission(whole_challenge / "labels.csv", whole_challenge / "sample.csv", draws=20)
    found = [FoundBoxes(np.array([[0, 0, 100, 100]]), np.array([0.5]))] * len(truth)
    assert sample.scores["rsna_score"].value == float(mean_over_images(BOX_SCORE.image_scores(found, truth))) < 0.001
    assert sample.as_dict()["cases_in_the_mean"] == 26684
    assert sample.scores["false_boxes_per_healthy_image"].value == 1

    write_submission(whole_challenge / "nothing.csv", dict.fromkeys(images, no_boxes()))
    nothing = score_submission(whole_challenge / "labels.csv", whole_challenge / "nothing.csv", draws=20)
    assert [nothing.scores[name].value for name in SCORES] == [0, 0, 0, 0.5]
    assert nothing.as_dict()["cases_in_the_mean"] == 6012
