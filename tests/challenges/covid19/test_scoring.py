"""The challenge's three scores for a submission: counted by hand, the same from zip and folder, and refused by name."""

import csv
import json
import math
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.covid19 import case_paths, find_cases, write_persons
from radlearn.challenges.covid19.scoring import OFFICIAL_SCORES, score_submission
from radlearn.challenges.covid19.submission import submission_name, write_submission
from radlearn.errors import BadLayout
from radlearn.json_files import json_ready
from radlearn.metrics.mask_table import mask_scores, mask_summary
from radlearn.scans.nifti import write_volume

SHAPE, SPACING = (16, 16, 8), (1.0, 1.0, 5.0)
AFFINE = np.diag([-1.0, -1.0, 5.0, 1.0])
IDS = [f"volume-covid19-A-{number:04d}" for number in range(1, 13)]


def lesion(start: int, length: int = 6) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[start : start + length, 4:10, 2:6] = 1
    return mask


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Twelve scans of eleven people, one box each."""
    folder = tmp_path / "truth"
    for case_id in IDS:
        ct, mask = case_paths(folder, case_id)
        write_volume(ct, np.zeros(SHAPE, np.int16), AFFINE)
        write_volume(mask, lesion(4), AFFINE)
    write_persons(folder, {case_id: f"person {min(number, 10)}" for number, case_id in enumerate(IDS)})
    return folder


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """The box moved by 0 to 3 voxels, and in the fourth scan of four a layer larger too."""
    for number, case_id in enumerate(IDS):
        write_volume(tmp_path / "predictions" / submission_name(case_id), lesion(4 + number % 4, 6 + (number % 4 == 3)), AFFINE)
    return tmp_path / "predictions"


def test_the_three_scores_are_those_counted_by_hand(truth: Path, predictions: Path) -> None:
    scored = score_submission(truth, predictions, draws=100, workers=1)
    assert scored.image_ids == tuple(IDS)
    # Boxes of 6 layers moved by 0, 1, 2: 2·6/12, 2·5/12, 2·4/12; the fourth has 7 layers, 3 of them in common.
    assert [row.dice_score for row in scored.rows[:4]] == pytest.approx([1, 10 / 12, 8 / 12, 2 * 3 / 13])
    assert [row.volume_error_percent for row in scored.rows[:4]] == pytest.approx([0, 0, 0, 100 / 6])
    assert [row.surface_dice_score for row in scored.rows[:2]] == [1, 1]  # moved by 1 mm, and 1 mm is forgiven
    assert scored.scores["dice_score"].value == pytest.approx((1 + 10 / 12 + 8 / 12 + 6 / 13) / 4)
    assert scored.scores["volume_error_percent"].value == pytest.approx(100 / 24)
    assert scored.rows[0].truth_ml == pytest.approx(6 * 6 * 4 * 5 / 1000)


def test_the_tolerance_is_a_setting(truth: Path, predictions: Path) -> None:
    scores = [
        score_submission(truth, predictions, tolerance_mm=mm, draws=10, workers=1).scores["surface_dice_score"].value for mm in (0, 1, 2, 5)
    ]
    assert scores == sorted(scores)
    assert scores[0] < scores[1] < scores[3] == 1


def test_a_zip_scores_like_its_folder_and_on_several_processes(truth: Path, predictions: Path, tmp_path: Path) -> None:
    write_submission(tmp_path / "sub.zip", {case.case_id: predictions / submission_name(case.case_id) for case in find_cases(truth)})
    from_zip = score_submission(truth, tmp_path / "sub.zip", draws=50, workers=2)
    assert from_zip == score_submission(truth, predictions, draws=50, workers=1)


def test_scores_and_intervals_are_the_tables_of_the_metrics(truth: Path, predictions: Path) -> None:
    scored = score_submission(truth, predictions, draws=50, workers=1)
    rows = [mask_scores(lesion(4 + n % 4, 6 + (n % 4 == 3)), lesion(4), SPACING) for n in range(12)]
    assert list(scored.rows) == rows
    summary = mask_summary(rows, [f"person {min(n, 10)}" for n in range(12)], draws=50)
    assert scored.scores == summary.scores
    assert len(set(scored.persons)) == 11
    assert set(OFFICIAL_SCORES) <= set(scored.scores)
    assert scored.scores["dice_score"].is_known


def test_a_truth_without_cts_is_enough(truth: Path, predictions: Path) -> None:
    whole = score_submission(truth, predictions, draws=10, workers=1)
    for case_id in IDS:
        case_paths(truth, case_id)[0].unlink()
    assert score_submission(truth, predictions, draws=10, workers=1) == whole


def test_the_table_has_a_row_a_scan_the_worst_first(truth: Path, predictions: Path, tmp_path: Path) -> None:
    write_volume(predictions / submission_name(IDS[5]), np.zeros(SHAPE, np.uint8), AFFINE)
    scored = score_submission(truth, predictions, draws=10, workers=1)
    scored.write_table(tmp_path / "scans.csv")
    with open(tmp_path / "scans.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 12
    assert rows[0]["case"] == IDS[5]
    assert (rows[0]["dice_score"], rows[0]["hausdorff95_mm"], rows[0]["volume_error_percent"]) == ("0", "inf", "100")
    dice = [float(row["dice_score"]) for row in rows]
    assert dice == sorted(dice)


def test_the_json_holds_numbers_and_says_how_many_scans_a_mean_leaves_out(truth: Path, predictions: Path) -> None:
    write_volume(predictions / submission_name(IDS[5]), np.zeros(SHAPE, np.uint8), AFFINE)
    found = score_submission(truth, predictions, draws=10, workers=1).as_dict()
    back = json.loads(json.dumps(json_ready(found), allow_nan=False))
    assert (back["cases"], back["persons"], back["tolerance_mm"]) == (12, 11, 1.0)
    assert back["left_out"] == {"hausdorff95_mm": 1}
    assert all(math.isfinite(back["scores"][name]["value"]) for name in OFFICIAL_SCORES)


def test_everything_that_cannot_be_scored_is_named_at_once(truth: Path, predictions: Path) -> None:
    write_volume(predictions / submission_name(IDS[1]), lesion(4) * np.uint8(2), AFFINE)
    write_volume(predictions / submission_name(IDS[2]), lesion(4)[:, :, :7], AFFINE)
    (predictions / submission_name(IDS[3])).write_bytes(b"")
    with pytest.raises(BadLayout, match="3 things in the files cannot be scored") as raised:
        score_submission(truth, predictions, workers=1)
    words = str(raised.value)
    assert "002.nii.gz: has the labels 0, 2; expected a mask of 0 and 1" in words
    assert "003.nii.gz: has 16 × 16 × 7 voxels" in words
    assert "004.nii.gz: is empty (0 bytes)" in words


def test_names_are_refused_before_any_mask_is_read(truth: Path, predictions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (predictions / submission_name(IDS[0])).unlink()
    (predictions / "notes.txt").write_text("x")
    for name, ending in ((IDS[0], "_ct"), (IDS[1], "_seg"), (IDS[2], "_0000")):
        (predictions / f"{name}{ending}.nii.gz").write_bytes(b"no NIfTI")

    def read(*rest: object) -> None:
        raise AssertionError("a mask was read")

    monkeypatch.setattr("radlearn.challenges.covid19.scoring._scored", read)
    with pytest.raises(BadLayout, match="5 things in the files cannot be scored") as raised:
        score_submission(truth, predictions, workers=1)
    words = str(raised.value)
    assert "  001.nii.gz: is missing" in words
    assert "notes.txt: is no mask" in words
    assert f"{IDS[0]}_ct.nii.gz: is a CT by its name, and no mask; expected its mask, 001.nii.gz." in words
    assert f"{IDS[2]}_0000.nii.gz: is a CT by its name, and no mask; expected its mask, 003.nii.gz." in words
    assert f"{IDS[1]}_seg.nii.gz: is not a name of the challenge; expected 002.nii.gz." in words


@pytest.mark.parametrize(
    "left", ["Thumbs.db", "thumbs.db", "desktop.ini", "Desktop.ini", ".DS_Store", "Icon\r", "__MACOSX/._001.nii.gz", "._001.nii.gz"]
)
@pytest.mark.parametrize("as_zip", [False, True])
def test_what_systems_leave_in_a_folder_is_no_part_of_a_submission(
    truth: Path, predictions: Path, tmp_path: Path, left: str, as_zip: bool
) -> None:
    expected = score_submission(truth, predictions, draws=10, workers=1).rows
    (predictions / left).parent.mkdir(exist_ok=True)
    (predictions / left).write_bytes(b"x")
    if as_zip:
        with zipfile.ZipFile(tmp_path / "s.zip", "w") as packed:
            for path in sorted(predictions.rglob("*")):
                packed.write(path, path.relative_to(predictions).as_posix())
    found = score_submission(truth, tmp_path / "s.zip" if as_zip else predictions, draws=10, workers=1).rows
    assert repr(found) == repr(expected)


def test_a_truth_that_is_none_is_refused_by_its_own_name(truth: Path, predictions: Path, tmp_path: Path) -> None:
    write_volume(case_paths(truth, IDS[7])[1], lesion(4) * np.uint8(3), AFFINE)
    with pytest.raises(BadLayout, match=rf"{IDS[7]}_seg\.nii\.gz: has the labels 0, 3; expected a mask of 0 and 1"):
        score_submission(truth, predictions, workers=1)
    with pytest.raises(BadLayout, match="Expected Train/"):
        score_submission(tmp_path / "none", predictions)


def test_a_submission_that_is_none_is_refused(truth: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()
    with pytest.raises(BadLayout, match="12 things in the files cannot be scored"):
        score_submission(truth, tmp_path / "empty.zip")
    with pytest.raises(BadLayout, match="there is no such file or folder"):
        score_submission(truth, tmp_path / "none.zip")


@pytest.mark.parametrize(
    "written",
    [
        lambda mask: (mask * 255).astype(np.uint8),
        lambda mask: mask * np.float32(0.9999999),
        lambda mask: np.where(mask, np.float32(1.0000001), np.float32(0.0000001)),
        lambda mask: mask * np.float32(254.9),
    ],
)
def test_masks_that_training_accepts_are_scored_alike_and_a_note_says_so(truth: Path, predictions: Path, written: Callable) -> None:
    plain = score_submission(truth, predictions, draws=10, workers=1)
    for number, case_id in enumerate(IDS[:3]):
        write_volume(predictions / submission_name(case_id), written(lesion(4 + number % 4)), AFFINE)
    write_volume(case_paths(truth, IDS[5])[1], written(lesion(4)), AFFINE)
    scored = score_submission(truth, predictions, draws=10, workers=1)
    assert scored.rows == plain.rows
    (note,) = [note for note in scored.notes if "exactly 0 and 1" in note]
    assert "and 3 more like it" in note
    assert plain.notes == ()


@pytest.mark.parametrize(
    ("turned", "words"),
    [
        (lambda mask: mask[::-1], "mirrored along the first axis"),
        (lambda mask: mask[:, :, ::-1], "with its slices in reverse order"),
        (lambda mask: np.swapaxes(mask, 0, 1), "with its first two axes exchanged"),
        (lambda mask: mask[::-1, ::-1], "turned by 180° in its slices"),
        (lambda mask: 1 - mask, "with inside and outside swapped"),
    ],
)
def test_masks_that_are_another_way_round_are_scored_as_they_are_and_said_to_look_so(
    truth: Path, predictions: Path, turned: Callable, words: str
) -> None:
    # Near a corner, so that no two of its mirror images overlap.
    corner = np.zeros(SHAPE, np.uint8)
    corner[1:4, 5:12, 0:3] = 1
    for case_id in IDS:
        write_volume(case_paths(truth, case_id)[1], corner, AFFINE)
        write_volume(predictions / submission_name(case_id), corner, AFFINE)
    assert score_submission(truth, predictions, draws=10, workers=1).notes == ()
    for case_id in IDS[:2]:
        write_volume(predictions / submission_name(case_id), np.ascontiguousarray(turned(corner)), AFFINE)
    scored = score_submission(truth, predictions, draws=10, workers=1)
    # None of its 63 voxels lies in a mirror image of it, nor outside it.
    assert (corner & turned(corner)).sum() == 0
    assert [row.dice_score for row in scored.rows] == [0, 0, *[1] * 10]
    (note,) = scored.notes
    assert note == f"2 of 12 scans ({IDS[0]}, {IDS[1]}): the mask looks {words}; so read, the mean Dice is 1.00."


def test_scores_on_sheared_grids_are_counted_through_the_whole_affine(tmp_path: Path) -> None:
    # Slices 5 mm apart that are moved by 1.82 mm each, a gantry tilted by 20°: a voxel still has 5 mm³.
    affine = AFFINE.copy()
    affine[1, 2] = 5 * math.tan(math.radians(20))
    ct, mask = case_paths(tmp_path / "truth", IDS[0])
    write_volume(ct, np.zeros(SHAPE, np.int16), affine)
    write_volume(mask, lesion(4), affine)
    higher = np.roll(lesion(4), 1, axis=2)
    write_volume(tmp_path / "masks" / submission_name(IDS[0]), higher, affine)
    (row,) = score_submission(tmp_path / "truth", tmp_path / "masks", draws=10, workers=1).rows
    assert row.truth_ml == pytest.approx(6 * 6 * 4 * 5 / 1000)
    assert row.hausdorff95_mm <= 5 / math.cos(math.radians(20))
    points = np.argwhere(lesion(4))[:, None] - np.argwhere(higher)[None]
    assert row.hausdorff95_mm <= np.linalg.norm(points @ affine[:3, :3].T, axis=-1).min(axis=1).max() + 1e-6


@pytest.mark.parametrize("inside", [0.9999999, 1.0000001])
def test_masks_that_a_mean_rounded_are_scored(truth: Path, predictions: Path, inside: float) -> None:
    before = score_submission(truth, predictions, draws=10, workers=1).rows
    for number, case_id in enumerate(IDS):
        voxels = lesion(4 + number % 4, 6 + (number % 4 == 3)) * np.float32(inside)
        write_volume(predictions / submission_name(case_id), voxels, AFFINE)
    assert score_submission(truth, predictions, draws=10, workers=1).rows == before


def test_a_mask_of_more_voxels_than_its_ct_is_refused_before_they_are_unpacked(truth: Path, predictions: Path) -> None:
    import tracemalloc

    write_volume(predictions / submission_name(IDS[0]), np.zeros((512, 512, 300), np.uint8), AFFINE)
    tracemalloc.start()
    with pytest.raises(BadLayout, match=r"has 512 × 512 × 300 voxels"):
        score_submission(truth, predictions, draws=10, workers=1)
    assert tracemalloc.get_traced_memory()[1] < 40 << 20
    tracemalloc.stop()
