"""Label maps for new images have the size of their images, and one that cannot be read costs no other."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from radlearn.challenges.ultrasound import CHALLENGE
from radlearn.errors import BadLayout, BadSetting
from radlearn.metrics.masks import dice_score
from radlearn.scans.label_map_files import read_label_map
from radlearn.scans.ultrasound_images import UltrasoundImage, read_ultrasound
from radlearn.tasks.segmentation.file_predictions import cases_in
from radlearn.tasks.segmentation.label_maps.ensembles import predicted_together
from radlearn.tasks.segmentation.label_maps.postprocessing import LabelMapPostprocessing
from radlearn.tasks.segmentation.label_maps.prediction import (
    EXPECTED,
    LabelMapPredictions,
    PredictedFrame,
    areas_of,
    columns_of,
    submit_label_maps,
)
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from tests.tasks.segmentation.label_maps.conftest import NAMES, Trained


def known(path: Path) -> PredictedFrame:
    """Return the label map that lies beside an image as what is predicted for it."""
    labels = read_label_map(path.with_name(f"{path.stem}_mask.png")).labels
    sure = np.stack([labels == number for number in range(3)]).astype(np.float32)
    return PredictedFrame(read_ultrasound(path), sure, features=[np.zeros(4, np.float32)])


def rows_in(table: Path) -> list[dict[str, str]]:
    with open(table, newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def test_a_label_map_is_written_for_each_image_and_one_that_cannot_be_read_is_listed(
    trained: Trained, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.tif").write_bytes(b"II*\0")
    paths = [table.parent / "1_1.tif", table.parent / "3_1.tif", tmp_path / "bad.tif"]
    predictions = LabelMapPredictions(trained.run, CHALLENGE, paths, tmp_path / "out")
    predictions.predict_all(known)
    rows = rows_in(predictions.table)
    assert tuple(rows[0]) == columns_of(("nerve", "vessel"))
    assert [row["case"] for row in rows] == ["1_1", "3_1"]
    truth = read_label_map(table.parent / "1_1_mask.png").labels
    assert np.array_equal(read_label_map(predictions.out / rows[0]["mask"]).labels, truth)
    assert float(rows[0]["nerve_percent"]) == pytest.approx(100 * (truth == 1).mean(), abs=1e-3)
    assert (rows[1]["nerve_percent"], rows[0]["nerve_mm2"]) == ("0.0000", "")
    with Image.open(predictions.out / "overlays" / "1_1.png") as overlay:
        assert overlay.width == 480
    assert "bad.tif" in (predictions.out / "unreadable.txt").read_text(encoding="utf-8")
    assert "2 images predicted" in capsys.readouterr().err


def test_a_finished_table_is_not_replaced_and_an_image_is_not_overwritten(trained: Trained, table: Path, tmp_path: Path) -> None:
    paths = [table.parent / "1_1.tif"]
    LabelMapPredictions(trained.run, CHALLENGE, paths, tmp_path / "out").predict_all(known, overlays=False)
    assert not (tmp_path / "out" / "overlays").exists()
    with pytest.raises(BadSetting, match="already exists"):
        LabelMapPredictions(trained.run, CHALLENGE, paths, tmp_path / "out")


def test_several_runs_add_how_far_they_differ_and_the_mean_probability_of_each_class(trained: Trained, table: Path, tmp_path: Path) -> None:
    other = Run(tmp_path / "other", "ultrasound")
    shutil.copytree(trained.run.folder, other.folder)
    runs, image = [trained.run, other], table.parent / "1_1.tif"
    predictions = LabelMapPredictions(runs, CHALLENGE, [image], tmp_path / "out", probabilities=True)
    assert predictions.of_each_run == [predictions.postprocessing] * 2

    def moved(path: Path) -> PredictedFrame:
        found = known(path)
        return replace(found, probability=np.roll(found.probability, 5, axis=2))

    predictions.predict_all(lambda path: predicted_together([known(path), moved(path)], predictions.of_each_run), overlays=False)
    (row,) = rows_in(predictions.table)
    assert tuple(row) == columns_of(NAMES, several=True)
    truth = read_label_map(table.parent / "1_1_mask.png").labels
    for number, name in enumerate(NAMES, start=1):
        overlap = dice_score(truth == number, np.roll(truth, 5, axis=1) == number)
        assert float(row[f"{name}_disagreement"]) == pytest.approx(1 - float(overlap), abs=1e-6)
        assert float(row[f"{name}_percent_sd"]) == 0.0
    with Image.open(predictions.out / "probabilities" / "1_1.tif") as opened:
        for page, number in zip(ImageSequence.Iterator(opened), (1, 2), strict=True):
            mean = ((truth == number).astype(float) + (np.roll(truth, 5, axis=1) == number)) / 2
            np.testing.assert_array_equal(np.asarray(page), mean)
    with pytest.raises(BadSetting, match="are the same run"):
        LabelMapPredictions([other, other], CHALLENGE, [image], tmp_path / "twice")
    chosen, about = read_postprocessing(other, LabelMapPostprocessing)
    write_postprocessing(other, LabelMapPostprocessing(chosen.classes[::-1]), about)
    with pytest.raises(BadSetting, match="other predicts vessel, nerve, "):
        LabelMapPredictions(runs, CHALLENGE, [image], tmp_path / "turned")


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match="there is no such file or folder"):
        cases_in(CHALLENGE, [tmp_path / "nowhere"], EXPECTED)


def test_two_images_of_one_name_have_two_ids(table: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1_1.tif").write_bytes((table.parent / "1_1.tif").read_bytes())
    assert sorted(cases_in(CHALLENGE, [tmp_path / "a", tmp_path / "b"], EXPECTED)) == ["a_1_1", "b_1_1"]


def test_pages_are_predicted_for_as_images_of_their_own(trained: Trained, table: Path, tmp_path: Path) -> None:
    with Image.open(table.parent / "1_1.tif") as first, Image.open(table.parent / "3_1.tif") as second:
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
            first.save(tmp_path / folder / "s.tif", save_all=True, append_images=[second])
    predictions = LabelMapPredictions(trained.run, CHALLENGE, [tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    # Two images of one size; the second of each stack has nothing on it.
    shape = np.asarray(Image.open(table.parent / "1_1.tif")).shape
    there = np.stack([np.zeros(shape), np.ones(shape), np.zeros(shape)]).astype(np.float32)
    answers = {1: there, 2: np.roll(there, -1, axis=0)}
    features = [np.zeros(4, np.float32)]
    predictions.predict_all(
        lambda path: PredictedFrame(read_ultrasound(path), answers[int(path.stem[-3:])], features=features), overlays=False
    )
    rows = rows_in(predictions.table)
    assert [row["case"] for row in rows] == ["a_s-page-001", "a_s-page-002", "b_s-page-001", "b_s-page-002"]
    assert [row["path"] for row in rows] == [str(tmp_path / name / "s.tif") for name in "aabb"]
    assert [float(row["nerve_percent"]) for row in rows] == [100, 0, 100, 0]
    assert (predictions.out / "masks" / "b_s-page-002.png").is_file()


def test_a_challenge_without_a_submission_file_says_so(trained: Trained, table: Path, tmp_path: Path) -> None:
    none = replace(CHALLENGE, write_submission=None)
    with pytest.raises(BadSetting, match=r"has no submission file\. 'predict' writes a label map"):
        submit_label_maps(none, trained.run, ["nerve"], lambda folder: folder, table.parent, tmp_path / "out.csv")


def test_a_submission_gets_the_label_map_of_each_image(trained: Trained, table: Path, tmp_path: Path) -> None:
    written = {}
    challenge = replace(
        CHALLENGE, write_submission=lambda out, masks, cases: written.update({one.image_id: masks[one.image_id].is_file() for one in cases})
    )
    images = tmp_path / "images"
    images.mkdir()
    for name in ("1_1", "2_1"):
        (images / f"{name}.tif").write_bytes((table.parent / f"{name}.tif").read_bytes())

    def predict(folder: Path) -> Path:
        predictions = LabelMapPredictions(trained.run, challenge, [images], folder)
        predictions.predict_all(lambda path: known(table.parent / path.name), overlays=False)
        return predictions.table

    submit_label_maps(challenge, trained.run, ["nerve"], predict, images, tmp_path / "out.csv")
    assert written == {"1_1": True, "2_1": True}


def renamed(run: Run, *names: str) -> None:
    """Call the classes of a run otherwise."""
    chosen, about = read_postprocessing(run, LabelMapPostprocessing)
    classes = tuple(replace(one, name=name) for one, name in zip(chosen.classes, names, strict=True))
    about["chosen"] = dict(zip(names, about["chosen"].values(), strict=True))
    write_postprocessing(run, LabelMapPostprocessing(classes), about)


@pytest.mark.parametrize(("names", "number"), [(("nerve", "vessel"), 1), (("vessel", "Nerve"), 2), (("artery", "BP"), 2)])
def test_a_submission_holds_the_class_that_is_asked_for_and_says_what_is_left_out(
    trained: Trained, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], names: tuple[str, str], number: int
) -> None:
    renamed(trained.run, *names)
    images = tmp_path / "images"
    images.mkdir()
    for name in ("1_1", "2_1", "3_1"):
        (images / f"{name}.tif").write_bytes((table.parent / f"{name}.tif").read_bytes())

    def predict(folder: Path) -> Path:
        predictions = LabelMapPredictions(trained.run, CHALLENGE, [images], folder)
        predictions.predict_all(lambda path: known(table.parent / path.name), overlays=False)
        return predictions.table

    submit_label_maps(CHALLENGE, trained.run, ["nerve", "bp"], predict, images, tmp_path / "out.csv")
    assert f"The submission is of {names[number - 1]} (class {number}) alone; {names[2 - number]} left out." in capsys.readouterr().err
    for row in rows_in(tmp_path / "out.csv"):
        with Image.open(table.parent / f"{row['img']}_mask.png") as opened:
            # Run lengths go down the columns and count from 1.
            there = np.flatnonzero((np.array(opened) == number).ravel(order="F")) + 1
        begins, lengths = np.array(row["pixels"].split(), int).reshape(-1, 2).T if row["pixels"] else ((), ())
        assert [pixel for begin, length in zip(begins, lengths, strict=True) for pixel in range(begin, begin + length)] == there.tolist()


@pytest.mark.parametrize("names", [("artery", "vein"), ("nerve", "BP"), ("class_1", "class_2")])
def test_a_submission_is_refused_where_no_class_or_several_are_the_one_that_is_asked_for(
    trained: Trained, table: Path, tmp_path: Path, names: tuple[str, str]
) -> None:
    renamed(trained.run, *names)
    with pytest.raises(BadSetting, match=r"the submission is of one class, nerve; (none of them is|2 of them are) called so\."):
        submit_label_maps(CHALLENGE, trained.run, ["nerve", "bp"], lambda folder: folder, table.parent, tmp_path / "out.csv")


def test_a_class_has_an_area_in_mm_only_where_the_size_of_pixels_is_known() -> None:
    labels = np.zeros((48, 64), np.uint8)
    labels[:10, :10], labels[20:30, 20:40] = 1, 2
    image = UltrasoundImage(np.zeros((48, 64), np.float32), (0.2, 0.1), (), "SequenceOfUltrasoundRegions", ((0, 0, 15, 64),))
    # 100 pixels of 0.02 mm², and 200 below the region.
    cells, notes = areas_of(labels, NAMES, image)
    assert cells == ["2.000", ""]
    assert notes == ["100% of vessel lies outside of its ultrasound regions, so that its area in mm² is not known"]
    assert areas_of(labels, NAMES, image._replace(calibrated=())) == (["2.000", "4.000"], [])
    assert areas_of(labels, NAMES, image._replace(calibrated=((0, 0, 24, 64), (24, 0, 48, 64)))) == (["2.000", "4.000"], [])
    assert areas_of(labels, NAMES, image._replace(spacing_mm=None)) == (["", ""], [])
    # What is not there has no area, wherever the region lies; a few pixels over its edge change none.
    assert areas_of(labels * 0, NAMES, image) == (["0.000", "0.000"], [])
    labels[:15, :13], labels[15, 0] = 1, 1
    assert areas_of(labels, NAMES, image)[0][0] == f"{0.02 * 196:.3f}"


def test_what_is_noted_about_images_is_said_once_for_all_that_share_it(
    trained: Trained, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def noted(path: Path) -> PredictedFrame:
        found = known(path)
        return replace(found, source=found.source._replace(notes=("is odd",) if path.stem in ("1_1", "3_1") else ("is alone",)))

    paths = [table.parent / name for name in ("1_1.tif", "3_1.tif", "2_1.tif")]
    LabelMapPredictions(trained.run, CHALLENGE, paths, tmp_path / "out").predict_all(noted, overlays=False)
    said = capsys.readouterr().err
    assert "is odd (2 images)" in said
    assert f"{paths[2]}: is alone" in " ".join(said.split())
