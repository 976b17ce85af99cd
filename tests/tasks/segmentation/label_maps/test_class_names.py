"""Classes are known by their names: in other numbers, under other names, and where only some of them were looked for."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from radlearn.challenges.ultrasound import CHALLENGE
from radlearn.errors import BadLayout, BadSetting
from radlearn.metrics.masks import dice_score
from radlearn.scans.label_map_files import read_label_map, write_label_map
from radlearn.tasks.segmentation.label_maps.class_names import IN_DATA, class_names_of, in_numbers_of, names_to_train, outputs_by_name
from radlearn.tasks.segmentation.label_maps.evaluation import evaluate_label_maps
from radlearn.tasks.segmentation.label_maps.frames import Frame
from radlearn.tasks.segmentation.label_maps.report import worst_first, write_label_map_report
from radlearn.tasks.segmentation.label_maps.tuning import tune_label_maps
from radlearn.training.run_folder import Run, new_run, open_run
from radlearn.training.settings import TrainingSettings
from tests.tasks.segmentation.label_maps.conftest import NAMES, Trained, as_they_are
from tests.tasks.segmentation.label_maps.frames_on_disk import write_images


def holding(highest: int, *names: str) -> Any:
    return SimpleNamespace(highest_class=highest, case=SimpleNamespace(image_id=f"i{highest}", class_names=names))


def other_data(folder: Path, names: str, values: dict[int, int] | None = None) -> list[Frame]:
    """Return images of other people whose label maps have other values, and whose table calls the classes `names`."""
    table = write_images(folder, persons=6, seed=7)
    for path in folder.glob("*_mask.png") if values else ():
        labels = read_label_map(path).labels
        write_label_map(path, np.vectorize({0: 0, **values}.get)(labels).astype(np.uint8))  # type: ignore[dict-item]
    rows = list(csv.reader(table.read_text().splitlines()))
    with open(table, "w", newline="") as opened:
        csv.writer(opened).writerows([[*row, "classes" if number == 0 else names][: 3 + bool(names)] for number, row in enumerate(rows)])
    return as_they_are(CHALLENGE.find_cases(table))


def in_run_numbers(item: Any, frame_values: dict[int, int]) -> np.ndarray:
    """Return what a network would give that finds each class of a file, in the run's numbers, moved by a row."""
    labels = np.roll(np.vectorize({0: 0, **frame_values}.get)(np.asarray(item["mask"][0])), 1, axis=0)
    return np.where(np.stack([labels == number for number in range(3)]), 0.8, 0.1).astype(np.float32)


def test_classes_are_named_by_the_settings_else_by_the_data_else_by_number() -> None:
    assert class_names_of([holding(1), holding(2)]) == ("class_1", "class_2")
    assert class_names_of([holding(1, "nerve")]) == ("nerve",)
    assert class_names_of([holding(1, "nerve")], ("plexus", "artery")) == ("plexus", "artery")
    with pytest.raises(BadSetting, match=r"holds class 2, and --class-names names 1 class \(nerve\)\. Name all of them\."):
        class_names_of([holding(1), holding(2)], ("nerve",))
    with pytest.raises(
        BadSetting, match=r"holds class 2, and the data name 1 class \(nerve\)\. .* the column classes of the table, joined by \|"
    ):
        class_names_of([holding(1, "nerve"), holding(2, "nerve")])
    with pytest.raises(BadSetting, match="different names"):
        class_names_of([holding(2)], ("a", "a"))
    with pytest.raises(BadSetting, match="are empty; there is nothing to learn"):
        class_names_of([holding(0)])


@pytest.mark.parametrize("given", [("vessel", "nerve"), ("artery", "Nerve"), ("vessel", "artery")])
def test_a_given_name_that_the_data_give_to_another_class_is_refused(given: tuple[str, ...]) -> None:
    with pytest.raises(BadSetting, match=r"--class-names are .*, and the data call the same classes nerve, vessel, in this order\."):
        class_names_of([holding(2, "nerve", "vessel")], given)


def test_a_run_keeps_what_its_data_call_the_classes_and_goes_on_with_these_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for given, said in (((), ("nerve", "vessel")), (("Nervus", "Vas"), ("Nervus", "Vas"))):
        run = new_run(tmp_path / f"run{len(given)}", "ultrasound", TrainingSettings())
        assert names_to_train(run, [holding(2, *NAMES)], given) == said
        assert json.loads((run.folder / "settings.json").read_text())[IN_DATA] == list(NAMES)
        again = open_run(run.folder)
        assert names_to_train(again, [holding(2, *NAMES)], given) == said
        # A table whose column was removed says nothing else.
        assert names_to_train(again, [holding(2)], given) == said
        for other in (NAMES[::-1], ("artery", "vein"), ("nerve",), (*NAMES, "artery")):
            with pytest.raises((BadLayout, BadSetting), match=r"data now call them|the data call the same|the data name 1 class"):
                names_to_train(again, [holding(2, *other)], given)
    assert "The classes that the data call nerve, vessel are called Nervus, Vas in this run" in capsys.readouterr().err


@pytest.mark.parametrize("names", ["vessel|nerve", "artery|vein", "nerve"])
def test_a_finished_run_is_not_touched_by_data_of_its_own_with_other_names(trained: Trained, names: str) -> None:
    renamed = [replace(one, case=replace(one.case, class_names=tuple(names.split("|")))) for one in trained.split["validation"]]  # type: ignore[type-var]
    before = {path: path.read_bytes() for path in trained.run.folder.rglob("*") if path.is_file()}
    for kept in (None, list(NAMES)):
        run = Run(trained.run.folder, "ultrasound")
        if kept is not None:
            run.about[IN_DATA] = kept
        with pytest.raises(BadLayout, match=r"with the classes 1 nerve, 2 vessel, and the data now call them 1 "):
            names_to_train(run, renamed)
        with pytest.raises(BadLayout, match=r"Call them as before, in the column classes"):
            tune_label_maps(run, renamed, trained.infer)
        with pytest.raises(BadLayout, match=r"or train a new run"):
            evaluate_label_maps(run, renamed, trained.infer, "test")
    assert before == {path: path.read_bytes() for path in trained.run.folder.rglob("*") if path.is_file()}
    assert names_to_train(trained.run, trained.split["validation"]) == NAMES


def test_other_data_that_number_the_classes_otherwise_have_the_same_scores(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same, swapped = other_data(tmp_path / "a", "nerve|vessel"), other_data(tmp_path / "b", "Vessel|nerve", {1: 2, 2: 1})
    found = evaluate_label_maps(trained.run, same, trained.infer, "external").scores
    assert "matched by name" not in capsys.readouterr().err
    again = evaluate_label_maps(trained.run, swapped, lambda item: in_run_numbers(item, {1: 2, 2: 1}), "external").scores
    assert "Classes of another number, matched by name: the data have 1 Vessel, 2 nerve, the run has 1 nerve, 2 vessel." in " ".join(
        capsys.readouterr().err.split()
    )
    # As text, in which undefined scores are equal too.
    assert [str(again[name]) for name in ("scores", "classes")] == [str(found[name]) for name in ("scores", "classes")]
    assert found["classes"]["nerve"]["scores"]["dice_score"]["value"] > 0.7


def test_other_data_with_no_name_of_the_run_are_refused_with_both_lists(trained: Trained, tmp_path: Path) -> None:
    for number, names in enumerate(("artery|vein", "class_1|class_2")):
        frames = other_data(tmp_path / str(number), names)
        with pytest.raises(BadLayout, match=r"predicts nerve, vessel, and the data have label maps of (artery, vein|class_1, class_2)"):
            evaluate_label_maps(trained.run, frames, trained.infer, "external")
    with pytest.raises(BadLayout, match=r"holds class 2, and the data name 1 class \(nerve\)"):
        evaluate_label_maps(trained.run, other_data(tmp_path / "few", "nerve"), trained.infer, "external")


@pytest.mark.parametrize(("names", "values", "known"), [("nerve", {1: 1, 2: 0}, 1), ("vessel", {1: 0, 2: 1}, 2)])
def test_a_class_that_nobody_looked_for_has_no_part_in_any_score(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], names: str, values: dict[int, int], known: int
) -> None:
    whole, part = other_data(tmp_path / "whole", "nerve|vessel"), other_data(tmp_path / "part", names, values)
    predicted = {one.case.image_id: trained.infer(one.item) for one in whole}
    evaluation = evaluate_label_maps(trained.run, part, lambda item: predicted[item["id"]], "external")
    found, unknown = evaluation.scores, NAMES[2 - known]
    assert f"{unknown}: not named by the data, so whether it is there is not known" in " ".join(capsys.readouterr().err.split())
    of_whole = evaluate_label_maps(trained.run, whole, trained.infer, "external").scores
    # What was looked for has the scores that it has in whole label maps, and the means are its scores.
    assert str(found["classes"][names]["scores"]) == str(of_whole["classes"][names]["scores"])
    assert str(found["scores"]) == str(found["classes"][names]["scores"])
    truths = [read_label_map(one.case.mask_path).labels for one in part]
    by_hand = [dice_score(np.roll(truth, 1, axis=0) > 0, truth > 0) for truth in truths]
    assert found["scores"]["dice_score"]["value"] == pytest.approx(np.nanmean(by_hand), abs=0.02)
    assert found["classes"][unknown]["not_judged"] == "the data do not name it, so nobody looked for it"
    assert all(one["value"] is None or np.isnan(one["value"]) for one in found["classes"][unknown]["scores"].values())
    assert sorted(worst_first(evaluation)) == list(range(len(part)))
    line = '{"epoch": 1, "loss": 1.0, "dice_score": 0.5, "dice_score_with_empty": 0.6, "learning_rate": 0.1, "seconds": 1.0}\n'
    trained.run.history_file.write_text(line, encoding="utf-8")
    assert names in write_label_map_report(trained.run, evaluation, "Where?").read_text(encoding="utf-8")


def test_a_class_that_the_run_does_not_know_counts_as_background(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = in_numbers_of(trained.run, NAMES, other_data(tmp_path, "nerve|artery"), own=False)
    assert "artery: not known to this run; counted as background." in capsys.readouterr().err
    assert all(set(np.unique(one.image_and_truth()[1])) <= {0, 1} for one in frames)
    assert all(one.highest_class <= 1 for one in frames)


def test_data_or_runs_without_names_go_by_number_which_is_said(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unnamed = other_data(tmp_path, "")
    assert in_numbers_of(trained.run, NAMES, unnamed, own=False) == unnamed
    assert "taken by their numbers, as 1 nerve, 2 vessel" in " ".join(capsys.readouterr().err.split())
    assert in_numbers_of(trained.run, ("class_1", "class_2"), unnamed, own=False) == unnamed
    assert capsys.readouterr().err == ""
    with pytest.raises(BadLayout, match=r"predicts 1 class \(class_1\), and .* label maps hold a class beyond, such as .* \(class 2\)"):
        in_numbers_of(trained.run, ("class_1",), unnamed, own=False)
    # An older run whose names were given does not know those of its data.
    given = new_run(tmp_path / "given", "ultrasound", replace(TrainingSettings()), None)
    given.about["settings"]["class_names"] = ["nervus", "vas"]
    named = [holding(2, *NAMES)]
    assert in_numbers_of(given, ("nervus", "vas"), named, own=False) == named
    assert in_numbers_of(given, ("nervus", "vas"), named, own=True) == named
    assert "does not know what its data called them" in " ".join(capsys.readouterr().err.split())


def test_outputs_of_an_earlier_run_go_by_name(trained: Trained) -> None:
    outputs = outputs_by_name(("Vessel", "artery", "nerve"))(trained.run)
    assert outputs is not None
    assert outputs.rows == [0, 2, None, 1]
    same = outputs_by_name(NAMES)(trained.run)
    assert same is not None
    assert same.same
