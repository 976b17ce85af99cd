"""Boxes written down by X-ray and by box."""

import csv
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid

from radlearn.challenges.rsna import CHALLENGE
from radlearn.challenges.rsna.submission import read_submission
from radlearn.challenges.xray_case import XrayCase
from radlearn.errors import BadLayout, BadSetting, Interrupted
from radlearn.metrics.boxes import FoundBoxes, no_boxes
from radlearn.scans.radiograph_writer import write_radiograph
from radlearn.tasks.detection.postprocessing import BoxPostprocessing
from radlearn.tasks.detection.prediction import BoxPredictions, submit_boxes
from radlearn.tasks.xray.radiographs import PreparedRadiograph, read_unlabelled
from radlearn.training.run_folder import Run, new_run
from radlearn.workflow.ensembles import CHOSEN
from radlearn.workflow.ood import OOD_COLUMNS
from radlearn.workflow.partial_answers import answers_beside
from radlearn.workflow.postprocessing_file import write_postprocessing


@dataclass(frozen=True)
class Settings:
    size_px: int = 32
    shape: str = "stretch"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run whose postprocessing is its own."""
    made = new_run(tmp_path / "run", "detection", Settings())
    write_postprocessing(made, BoxPostprocessing(threshold=0.4, scale=0.5), {"source": "the image alone", "gated_by_table": False})
    return made


def xray(number: int, spacing_mm: tuple[float, float] | None = None, source_px: tuple[int, int] | None = None) -> PreparedRadiograph:
    frame = (max(source_px),) * 2 if source_px else (1024, 1024)
    return PreparedRadiograph(
        XrayCase(f"xray-{number}", Path(f"{number}.dcm"), None, (), None, "p"), np.zeros((32, 32), np.uint8), frame, source_px, spacing_mm
    )


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as opened:
        return list(csv.DictReader(opened))


ONE = FoundBoxes(np.array([[100.0, 200, 300, 600], [700, 700, 800, 800]]), np.array([0.8, 0.3]))


def test_what_stands_by_the_postprocessing_is_written_in_source_pixels(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    predictions = BoxPredictions([run], [small_rsna], tmp_path / "out")
    predictions.keep([xray(0), xray(1)], [ONE, no_boxes()], overlays=True)
    predictions.finish()
    xrays, boxes = rows_of(tmp_path / "out" / "predictions.csv"), rows_of(tmp_path / "out" / "boxes.csv")
    assert [(row["patientId"], row["boxes"], float(row["probability"])) for row in xrays] == [("xray-0", "1", 0.8), ("xray-1", "0", 0.0)]
    # Half as large around (200, 400).
    assert [tuple(float(boxes[0][name]) for name in ("x_px", "y_px", "width_px", "height_px"))] == [(150, 300, 100, 200)]
    assert boxes[0]["width_mm"] == boxes[0]["height_mm"] == ""
    assert sorted(path.name for path in (tmp_path / "out" / "overlays").iterdir()) == ["xray-0.png", "xray-1.png"]


def test_lengths_are_given_where_the_spacing_can_be_trusted(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    predictions = BoxPredictions([run], [small_rsna], tmp_path / "out")
    predictions.keep([xray(0, spacing_mm=(0.2, 0.1))], [ONE], overlays=False)
    predictions.finish()
    box = rows_of(tmp_path / "out" / "boxes.csv")[0]
    # Rows are 0.2 mm high, columns 0.1 mm wide.
    assert (box["width_mm"], box["height_mm"]) == ("10.0", "40.0")


def test_a_padded_xray_gets_its_boxes_back_without_the_margin(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    predictions = BoxPredictions([run], [small_rsna], tmp_path / "out")
    predictions.keep([xray(0, source_px=(1000, 600))], [FoundBoxes(np.array([[200.0, 100, 400, 300]]), np.array([0.9]))], overlays=False)
    predictions.finish()
    box = rows_of(tmp_path / "out" / "boxes.csv")[0]
    # Half as large around (300, 200) in a frame whose first 200 columns are margin.
    assert [float(box[name]) for name in ("x_px", "y_px", "width_px", "height_px")] == [50, 150, 100, 100]


def test_runs_that_see_xrays_differently_cannot_predict_together(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    other = new_run(tmp_path / "other", "detection", Settings(size_px=64))
    with pytest.raises(BadSetting, match="see X-rays differently"):
        BoxPredictions([run, other], [small_rsna], tmp_path / "out")


def test_of_several_runs_boxes_are_fused_and_the_table_says_how_far_they_differ(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    other = new_run(tmp_path / "other", "detection", Settings())
    write_postprocessing(other, BoxPostprocessing(threshold=0.2, scale=0.5), {"source": "the image alone", "gated_by_table": False})
    predictions = BoxPredictions([run, other], [small_rsna], tmp_path / "out")
    assert (predictions.postprocessing.threshold, predictions.postprocessing.scale) == (pytest.approx(0.3), 0.5)
    half = FoundBoxes(ONE.boxes_xyxy_px[:1], np.array([0.4]))
    predictions.keep_fused([xray(0), xray(1)], [[ONE, no_boxes()], [half, ONE]])
    predictions.finish()
    rows = rows_of(tmp_path / "out" / "predictions.csv")
    assert list(rows[0]) == ["path", "patientId", "probability", "boxes", "notes", *OOD_COLUMNS, "disagreement"]
    # The fused box has the mean confidence of 0.8 and 0.4, and of 0 and 0.8.
    assert [float(row["probability"]) for row in rows] == pytest.approx([0.6, 0.4])
    assert [float(row["disagreement"]) for row in rows] == pytest.approx([0.2, 0.4])
    alone = BoxPredictions([run], [small_rsna], tmp_path / "alone")
    alone.keep_fused([xray(0)], [[ONE]])
    alone.finish()
    assert list(rows_of(tmp_path / "alone" / "predictions.csv")[0]) == ["path", "patientId", "probability", "boxes", "notes", *OOD_COLUMNS]


def test_a_postprocessing_chosen_for_the_ensemble_is_used_where_it_was_for_the_fused_boxes(
    run: Run, small_rsna: Path, tmp_path: Path
) -> None:
    other = new_run(tmp_path / "other", "detection", Settings())
    write_postprocessing(other, BoxPostprocessing(threshold=0.2), {"source": "the image alone", "gated_by_table": False})
    ensemble = new_run(run.folder / "ensemble", "detection", Settings(), {"runs": [str(run.folder.resolve()), str(other.folder.resolve())]})
    used = {}
    for source, gated in (("all runs fused", False), ("the first run alone", False), ("all runs fused", True)):
        about = {"source": source, "gated_by_table": gated, "origin": CHOSEN}
        write_postprocessing(ensemble, BoxPostprocessing(threshold=0.9), about)
        used[source, gated] = BoxPredictions([run, other], [small_rsna]).postprocessing.threshold
    assert list(used.values()) == pytest.approx([0.9, 0.3, 0.3])


def test_a_postprocessing_chosen_with_a_gate_asks_for_one(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    write_postprocessing(run, BoxPostprocessing(), {"source": "the image alone", "gated_by_table": True})
    with pytest.raises(BadSetting, match=r"--gate DIR/predictions\.csv"):
        BoxPredictions([run], [small_rsna], tmp_path / "out")


@pytest.mark.parametrize("own_gate", [0.0, 0.5])
def test_a_gate_is_refused_where_no_threshold_was_chosen_for_a_table(run: Run, small_rsna: Path, tmp_path: Path, own_gate: float) -> None:
    (tmp_path / "gate.csv").write_text("patientId,probability\na,0.5\n")
    other = new_run(tmp_path / "other", "detection", Settings())
    for folder in (run, other):
        write_postprocessing(folder, BoxPostprocessing(gate=own_gate), {"source": "the image alone", "gated_by_table": False})
    for together in ([run], [run, other]):
        with pytest.raises(BadSetting, match="was chosen without a gate"):
            BoxPredictions(together, [small_rsna], tmp_path / "out", tmp_path / "gate.csv")
        assert not (tmp_path / "out").exists()
    # Of several runs, one that was chosen for them together counts.
    ensemble = new_run(run.folder / "ensemble", "detection", Settings(), {"runs": [str(run.folder.resolve()), str(other.folder.resolve())]})
    write_postprocessing(ensemble, BoxPostprocessing(gate=0.7), {"source": "all runs fused", "gated_by_table": True, "origin": CHOSEN})
    assert BoxPredictions([run, other], [small_rsna], None, tmp_path / "gate.csv").postprocessing.gate == 0.7


def finished(run: Run, small_rsna: Path, xrays: list[PreparedRadiograph], candidates: list[FoundBoxes]) -> BoxPredictions:
    predictions = BoxPredictions([run], [small_rsna])
    predictions.keep(xrays, candidates)
    return predictions


@pytest.fixture
def of_the_challenges_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of `xray(0)` and `xray(1)`, as large as the challenge's."""
    monkeypatch.chdir(tmp_path)
    for number in (0, 1):
        pixels = np.zeros((1024, 1024), np.uint8)
        write_radiograph(Path(f"{number}.dcm"), pixels, patient_id="1", view="PA", sex="F", age="40", spacing_mm=None)


@pytest.mark.usefixtures("of_the_challenges_size")
def test_a_submission_holds_every_xray_with_the_boxes_as_they_are(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    third = FoundBoxes(np.array([[100.0, 200, 300, 600]]) + 1 / 3, np.array([2 / 3]))
    out = submit_boxes(finished(run, small_rsna, [xray(0), xray(1)], [third, no_boxes()]), CHALLENGE, tmp_path / "submission.csv")
    read = read_submission(out, ["xray-0", "xray-1"])
    # Half as large around (200, 400), and not rounded to the two digits of boxes.csv.
    np.testing.assert_allclose(read["xray-0"].boxes_xyxy_px, np.array([[150, 300, 250, 500]]) + 1 / 3, rtol=1e-14)
    assert read["xray-0"].confidences.tolist() == [2 / 3]
    assert len(read["xray-1"].confidences) == 0
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".csv"] == ["submission.csv"]


def test_two_xrays_of_one_name_make_no_submission(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    predictions = finished(run, small_rsna, [xray(0), xray(0)], [ONE, no_boxes()])
    with pytest.raises(BadLayout, match="2 files are called xray-0"):
        submit_boxes(predictions, CHALLENGE, tmp_path / "submission.csv")
    assert not (tmp_path / "submission.csv").exists()


@pytest.mark.usefixtures("of_the_challenges_size")
def test_a_box_in_the_margin_of_a_padded_xray_is_no_box(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    margin = FoundBoxes(np.array([[20.0, 100, 120, 300]]), np.array([0.9]))
    predictions = finished(run, small_rsna, [xray(0, source_px=(1000, 600))], [margin])
    assert [row[3] for row in predictions.rows] == ["0"]
    assert read_submission(submit_boxes(predictions, CHALLENGE, tmp_path / "out.csv"))["xray-0"].confidences.size == 0


def test_a_challenge_without_submissions_is_named(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    predictions = finished(run, small_rsna, [xray(0)], [ONE])
    with pytest.raises(BadSetting, match="RSNA Pneumonia Detection Challenge 2018 has no submission file"):
        submit_boxes(predictions, replace(CHALLENGE, write_submission=None), tmp_path / "out.csv")


def test_boxes_of_a_submission_that_was_stopped_go_on_to_the_last_digit(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    paths = sorted((small_rsna / "stage_2_train_images").iterdir())[:6]
    thirds = [FoundBoxes(np.array([[10.0, 20, 60 + number, 80]]) + 1 / 3, np.array([0.5 + number / 17])) for number in range(len(paths))]

    def ask(out: Path, stop_at: int | None) -> Path:
        with answers_beside(out) as folder:
            predictions = BoxPredictions([run], paths, folder)
            for xrays in predictions.batches(partial(read_unlabelled, size_px=32, shape="stretch"), 1):
                number = paths.index(xrays[0].case.path)
                if number == stop_at:
                    raise KeyboardInterrupt
                predictions.keep(xrays, [thirds[number]])
            return submit_boxes(predictions, CHALLENGE, out)

    at_once = ask(tmp_path / "once.csv", None)
    with pytest.raises(Interrupted, match=r"4 answers are kept in .*submission\.csv\.unfinished.*the same command goes on"):
        ask(tmp_path / "submission.csv", 4)
    assert not (tmp_path / "submission.csv").exists()
    assert ask(tmp_path / "submission.csv", None).read_bytes() == at_once.read_bytes()
    assert not (tmp_path / "submission.csv.unfinished").exists()


def test_both_tables_of_a_pass_that_was_stopped_are_as_if_it_had_not_been(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    paths = sorted((small_rsna / "stage_2_train_images").iterdir())[:4]

    def ask(out: Path, stop_at: int | None) -> None:
        predictions = BoxPredictions([run], paths, out)
        for xrays in predictions.batches(partial(read_unlabelled, size_px=32, shape="stretch"), 1):
            if paths.index(xrays[0].case.path) == stop_at:
                raise KeyboardInterrupt
            predictions.keep(xrays, [FoundBoxes(np.array([[10.0, 20, 60, 80], [90, 90, 120, 130]]), np.array([0.8, 0.7]))])
        predictions.finish()

    ask(tmp_path / "once", None)
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path / "out", 2)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["predictions.partial.jsonl"]
    ask(tmp_path / "out", None)
    for name in ("predictions.csv", "boxes.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "once" / name).read_bytes()
    assert len(rows_of(tmp_path / "out" / "boxes.csv")) == 8


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-32", "cp437"])
def test_a_gate_in_another_encoding_is_refused_before_anything_is_predicted(
    encoding: str, run: Run, small_rsna: Path, tmp_path: Path
) -> None:
    (tmp_path / "gate.csv").write_bytes("patientId,probability\nMüller,0.5\n".encode(encoding))
    found = {"utf-16": "UTF-16 text.*CSV UTF-8", "utf-32": "UTF-32 text.*CSV UTF-8"}.get(encoding, "not UTF-8 text.*UTF-8 CSV")
    with pytest.raises(BadLayout, match=rf"gate\.csv.*is {found}"):
        BoxPredictions([run], [small_rsna], tmp_path / "out", tmp_path / "gate.csv")
    assert not (tmp_path / "out").exists()


def test_what_is_doubtful_about_an_xray_stands_in_its_row(run: Run, small_rsna: Path, tmp_path: Path) -> None:
    predictions = BoxPredictions([run], [small_rsna], tmp_path / "out")
    doubtful = xray(1)._replace(notes=("the view is LL", "BodyPartExamined is HAND"))
    predictions.keep([xray(0), doubtful], [ONE, ONE], overlays=False)
    predictions.finish()
    assert [row["notes"] for row in rows_of(tmp_path / "out" / "predictions.csv")] == ["", "the view is LL; BodyPartExamined is HAND"]


def test_millimetres_that_make_no_chest_xray_are_not_written(run: Run, tmp_path: Path) -> None:
    stored = np.random.default_rng(0).integers(0, 255, (2500, 2400)).astype(np.uint8)
    write_radiograph(tmp_path / "a.dcm", stored, patient_id="a", view="PA", sex="", age="", spacing_mm=(0.14, 0.14))
    for spacing, mm_from in ((0.14, "PixelSpacing"), (1.0, ""), (0.0014, "")):
        dataset = pydicom.dcmread(tmp_path / "a.dcm")
        dataset.SOPClassUID, dataset.PixelSpacing = uid.DigitalXRayImageStorageForPresentation, [spacing, spacing]
        dataset.save_as(tmp_path / "b.dcm")
        predictions = BoxPredictions([run], [tmp_path / "b.dcm"], tmp_path / f"out {spacing}")
        for seen in predictions.batches(partial(read_unlabelled, size_px=32, shape="stretch"), 1):
            predictions.keep(seen, [ONE], overlays=False)
        predictions.finish()
        (box,), (row,) = (rows_of(tmp_path / f"out {spacing}" / name) for name in ("boxes.csv", "predictions.csv"))
        assert (box["mm_from"], box["width_mm"] != "") == (mm_from, bool(mm_from))
        assert ("no millimetres are taken" in row["notes"]) == (not mm_from)


def test_boxes_on_pages_of_tiffs_name_the_tiffs_in_the_order_of_their_names(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    # Copies of pages lie in a cache under names that do not sort as those of their files do.
    for name in "cab":
        first, *others = (
            Image.fromarray(np.random.default_rng([ord(name), page]).integers(0, 255, (40, 48), np.uint8)) for page in range(3)
        )
        first.save(tmp_path / "in" / f"{name}.tif", save_all=True, append_images=others)
    first.save(tmp_path / "in" / "bb.png")
    predictions = BoxPredictions([run], [tmp_path / "in"], tmp_path / "out")
    for batch in predictions.batches(partial(read_unlabelled, size_px=32, shape="stretch"), 4):
        predictions.keep(batch, [FoundBoxes(np.array([[5.0, 5, 20, 20]]), np.array([0.8]))] * len(batch), overlays=False)
    predictions.finish()
    expected = [(f"{name}.tif", f"{name}-page-{page:03}") for name in "ab" for page in (1, 2, 3)] + [("bb.png", "bb")]
    expected += [("c.tif", f"c-page-{page:03}") for page in (1, 2, 3)]
    for table in ("predictions.csv", "boxes.csv"):
        rows = [(row["path"], row["patientId"]) for row in rows_of(tmp_path / "out" / table)]
        assert list(dict.fromkeys(rows)) == [(str(tmp_path / "in" / name), image_id) for name, image_id in expected]
