"""The challenge's score of a submission."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.challenges.run_lengths import encoded
from radlearn.challenges.ultrasound.scoring import SCORES, image_dice, score_submission
from radlearn.challenges.ultrasound.submission import write_submission
from radlearn.errors import BadLayout, BadSetting

SIZE = (12, 20)


def square(row: int, column: int, side: int = 4) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[row : row + side, column : column + side] = True
    return mask


EMPTY = np.zeros(SIZE, bool)
# Hit half, both empty, missed, made up.
TRUTH = {"1_1": square(2, 2), "1_2": EMPTY, "2_1": square(0, 0), "2_2": EMPTY}
FOUND = {"1_1": square(2, 4), "1_2": EMPTY, "2_1": EMPTY, "2_2": square(5, 5, 1)}


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    (tmp_path / "data" / "train").mkdir(parents=True)
    for name, mask in TRUTH.items():
        Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / "data" / "train" / f"{name}_mask.tif")
    return tmp_path / "data"


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    write_submission(tmp_path / "s.csv", FOUND)
    return tmp_path / "s.csv"


def test_the_score_is_the_mean_dice_where_two_empty_masks_count_one(truth: Path, submission: Path) -> None:
    scored = score_submission(truth, submission, workers=1)
    assert scored.dice.tolist() == [0.5, 1, 0, 0]
    assert {name: scored.scores[name].value for name in SCORES} == {
        "mean_dice_score": 1.5 / 4, "dice_score_where_nerve": 0.25, "sensitivity": 0.5, "specificity": 0.5,
    }  # fmt: skip
    assert scored.persons == ("1", "1", "2", "2")
    assert any("would score 0.500" in line for line in scored.summary())
    assert scored.details() == {"images_with_nerve": 2, "images_with_claimed_nerve": 2}


def test_it_is_what_monai_says(truth: Path, submission: Path) -> None:
    torch = pytest.importorskip("torch")
    from monai.metrics.meandice import compute_dice

    tensors = [torch.tensor(np.stack(list(masks.values())))[:, None].float() for masks in (FOUND, TRUTH)]
    theirs = compute_dice(*tensors, include_background=True, ignore_empty=False)
    assert theirs[:, 0].tolist() == score_submission(truth, submission, workers=1).dice.tolist()


def test_a_table_of_run_lengths_is_a_truth_too(tmp_path: Path, truth: Path, submission: Path) -> None:
    rows = [f"{name},{encoded(mask)},{name[0]}" for name, mask in TRUTH.items()]
    (tmp_path / "truth.csv").write_text("\n".join(["img,pixels,person", *rows]) + "\n")
    by_table, by_folder = score_submission(tmp_path / "truth.csv", submission, SIZE), score_submission(truth, submission, workers=1)
    # As text, because a score of two persons has no interval, and NaN is not equal to itself.
    assert repr(by_table.as_dict()) == repr(by_folder.as_dict())
    (tmp_path / "alone.csv").write_text("\n".join(["img,pixels", *(row.rpartition(",")[0] for row in rows)]) + "\n")
    alone = score_submission(tmp_path / "alone.csv", submission, SIZE)
    assert alone.persons == tuple(TRUTH)
    assert "no column person" in alone.notes[0]


def by_subject(path: Path, masks: dict[str, np.ndarray], header: str = "subject,img,pixels") -> Path:
    """Write masks as the challenge's own train_masks.csv has them: 1_2 as subject 1, image 2."""
    rows = ([*name.split("_"), encoded(mask)] for name, mask in masks.items())
    wanted = header.replace('"', "").split(",")
    cells = ([dict(zip(("subject", "img", "pixels"), row, strict=True))[column] for column in wanted] for row in rows)
    path.write_text("\n".join([header, *map(",".join, cells)]) + "\n")
    return path


@pytest.mark.parametrize("header", ["subject,img,pixels", '"subject","img","pixels"', "img,pixels,subject"])
def test_the_challenges_own_table_names_an_image_by_subject_and_img(tmp_path: Path, truth: Path, submission: Path, header: str) -> None:
    # As text, because a score of two persons has no interval, and NaN is not equal to itself.
    expected = repr({**score_submission(truth, submission, workers=1).as_dict(), "notes": []})
    true_table, found_table = by_subject(tmp_path / "train_masks.csv", TRUTH, header), by_subject(tmp_path / "found.csv", FOUND, header)
    for one, other, noted in (
        (true_table, submission, ["train_masks.csv"]),
        (truth, found_table, ["found.csv"]),
        (true_table, found_table, ["train_masks.csv", "found.csv"]),
    ):
        scored = score_submission(one, other, SIZE, workers=1)
        assert [note.partition(":")[0] for note in scored.notes] == noted
        assert all("subject 1, img 1 is read as 1_1" in note for note in scored.notes)
        assert repr({**scored.as_dict(), "notes": []}) == expected


def test_a_column_subject_beside_names_that_need_none_changes_no_name(tmp_path: Path) -> None:
    write_submission(tmp_path / "plain.csv", {"a1": square(2, 2), "a2": EMPTY, "b1": square(0, 0)})
    rows = [f"{name[0]},{name},{encoded(mask)}" for name, mask in (("a1", square(2, 4)), ("a2", EMPTY), ("b1", EMPTY))]
    (tmp_path / "own.csv").write_text("\n".join(["subject,img,pixels", *rows]) + "\n")
    for one, other in ((tmp_path / "plain.csv", tmp_path / "own.csv"), (tmp_path / "own.csv", tmp_path / "plain.csv")):
        scored = score_submission(one, other, SIZE)
        assert scored.image_ids == ("a1", "a2", "b1")
        assert not any("subject" in note for note in scored.notes)
        assert scored.dice.tolist() == [0.5, 1, 0]
    # Whose an image is it tells all the same.
    assert score_submission(tmp_path / "own.csv", tmp_path / "plain.csv", SIZE).persons == ("a", "a", "b")


def test_the_subjects_of_one_person_alone_are_told_by_the_other_table(tmp_path: Path) -> None:
    one = {name: mask for name, mask in TRUTH.items() if name.startswith("1_")}
    write_submission(tmp_path / "s.csv", one)
    assert score_submission(by_subject(tmp_path / "t.csv", one), tmp_path / "s.csv", SIZE).image_ids == ("1_1", "1_2")
    write_submission(tmp_path / "k.csv", {name[2:]: mask for name, mask in one.items()})
    assert score_submission(by_subject(tmp_path / "t.csv", one), tmp_path / "k.csv", SIZE).image_ids == ("1", "2")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["1,1,1 2", "1,2,", "2,1,", ",2,"], "line 5: subject is empty"),
        (["1,1,1 2", "1,2,", "2,1,", "2,1,"], "line 5: 2_1 has a row already, line 4"),
        (["1,1,1 2", "1,2,", "2,1,", "3,1,"], "img is '3_1', which is none of the 4 images"),
    ],
)
def test_a_bad_row_of_such_a_table_is_named(tmp_path: Path, truth: Path, rows: list[str], words: str) -> None:
    (tmp_path / "s.csv").write_text("\n".join(["subject,img,pixels", *rows]) + "\n")
    with pytest.raises(BadLayout, match=words):
        score_submission(truth, tmp_path / "s.csv", workers=1)


def test_intervals_are_by_person(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    masks = {f"{person}_{image}": square(2, 2 + image) for person in range(12) for image in range(4)}
    found = {name: mask if int(name.split("_")[0]) % 2 else EMPTY for name, mask in masks.items()}
    write_submission(tmp_path / "s.csv", found)
    for column, people in (("one", masks), ("several", (name.split("_")[0] for name in masks))):
        rows = [f"{name},{encoded(masks[name])},{person}" for name, person in zip(masks, people, strict=True)]
        rng.shuffle(rows)
        (tmp_path / f"{column}.csv").write_text("\n".join(["img,pixels,person", *rows]) + "\n")
    scored = [score_submission(tmp_path / f"{name}.csv", tmp_path / "s.csv", SIZE) for name in ("one", "several")]
    one, several = (each.scores["mean_dice_score"] for each in scored)
    assert one.value == several.value == 0.5
    # The four images of a person are alike, so the information is that of 12.
    assert several.high - several.low == pytest.approx(2 * (one.high - one.low), rel=0.25)


def test_masks_encoded_row_by_row_are_noticed(tmp_path: Path, truth: Path) -> None:
    wrong = {name: encoded(mask.T) for name, mask in TRUTH.items()}
    (tmp_path / "w.csv").write_text("img,pixels\n" + "".join(f"{name},{runs}\n" for name, runs in wrong.items()))
    assert any("encoded row by row" in note for note in score_submission(truth, tmp_path / "w.csv", workers=1).notes)
    write_submission(tmp_path / "s.csv", FOUND)
    assert score_submission(truth, tmp_path / "s.csv", workers=1).notes == ()


def test_the_table_has_the_worst_first(tmp_path: Path, truth: Path, submission: Path) -> None:
    score_submission(truth, submission, workers=1).write_table(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().splitlines()[:3] == [
        "img,person,dice_score,true_px,found_px", "2_1,2,0.000000,16,0", "2_2,2,0.000000,0,1",
    ]  # fmt: skip


def test_a_truth_that_cannot_be_read_is_named(tmp_path: Path, truth: Path, submission: Path) -> None:
    Image.fromarray(np.full(SIZE, 100, np.uint8)).save(truth / "train" / "1_1_mask.tif")
    with pytest.raises(BadLayout, match=r"1_1_mask\.tif: holds the values 100"):
        score_submission(truth, submission, workers=1)
    (tmp_path / "t.csv").write_text("img,pixels\n1_1,1 2\n1_1,\n1_2,5\n")
    with pytest.raises(BadLayout, match=r"line 3: an image has a row already(.|\n)*line 4: has 1 number;"):
        score_submission(tmp_path / "t.csv", submission, SIZE)
    with pytest.raises(BadSetting, match="--size-px"):
        score_submission(truth, submission, (0, 580))


def test_one_pixel_where_there_is_no_nerve_costs_the_whole_image() -> None:
    assert image_dice(EMPTY, EMPTY) == 1
    assert image_dice(square(0, 0, 1), EMPTY) == 0
