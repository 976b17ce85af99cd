"""An evaluation says of each class what is right and wrong, on the pixels of the files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radlearn.metrics.masks import dice_score
from radlearn.scans.label_map_files import read_label_map
from radlearn.tasks.segmentation.label_maps.case_scores import case_format_of
from radlearn.tasks.segmentation.label_maps.evaluation import evaluate_label_maps
from radlearn.tasks.segmentation.label_maps.frames import image_and_truth
from radlearn.tasks.segmentation.label_maps.postprocessing import LabelMapPostprocessing
from radlearn.tasks.segmentation.label_maps.report import worst_first, write_label_map_report
from radlearn.tasks.segmentation.label_maps.threshold_baseline import smoothed, threshold_baseline_mask
from radlearn.tasks.segmentation.label_maps.tuning import tune_label_maps
from radlearn.workflow.cases_file import read_cases
from radlearn.workflow.postprocessing_file import read_postprocessing
from tests.tasks.segmentation.label_maps.conftest import NAMES, Trained, known_probability


def test_the_scores_are_those_of_the_label_maps_counted_by_hand(trained: Trained) -> None:
    test = trained.split["test"]
    found = evaluate_label_maps(trained.run, test, trained.infer, "test").scores
    truths = [read_label_map(frame.case.mask_path).labels for frame in test]
    for number, name in enumerate(NAMES, start=1):
        dice = [dice_score(np.roll(truth, 1, axis=0) == number, truth == number) for truth in truths]
        own = found["classes"][name]
        assert own["scores"]["dice_score"]["value"] == pytest.approx(np.nanmean(dice))
        assert own["scores"]["dice_score_with_empty"]["value"] == pytest.approx(np.nan_to_num(dice, nan=1.0).mean())
        assert own["scores"]["image_specificity"]["value"] == 1.0
        # A disc that is moved by a pixel is wrong by a pixel.
        assert own["scores"]["hausdorff95_px"]["value"] == pytest.approx(1.0, abs=0.2)
        assert own["left_out"]["dice_score"] == sum(not truth.any() for truth in truths)
    mean = np.mean([found["classes"][name]["scores"]["dice_score"]["value"] for name in NAMES])
    assert found["scores"]["dice_score"]["value"] == pytest.approx(mean)
    assert (found["length_unit"], found["positives"]) == ("px", sum(truth.any() for truth in truths))


def test_the_baseline_is_that_of_its_rules(trained: Trained) -> None:
    test = trained.split["test"]
    found = evaluate_label_maps(trained.run, test, trained.infer, "test").scores
    pairs = [image_and_truth(frame.case) for frame in test]
    each = []
    for number, (name, rule) in enumerate(zip(NAMES, found["threshold_baseline"], strict=True), start=1):
        dice = [dice_score(threshold_baseline_mask(smoothed(image.pixels), rule), truth == number) for image, truth in pairs]
        each.append(np.nanmean(dice))
        assert found["classes"][name]["threshold_baseline_dice_score"]["value"] == pytest.approx(each[-1])
    assert found["baselines"]["threshold_baseline_dice_score"]["value"] == pytest.approx(np.mean(each))
    # Nerves are bright in these images and vessels dark.
    assert [rule["brighter"] for rule in found["threshold_baseline"]] == [True, False]


def test_the_table_of_cases_gives_the_same_scores_again(trained: Trained) -> None:
    found = evaluate_label_maps(trained.run, trained.split["test"], trained.infer, "test").scores
    kept = case_format_of(None, trained.run)  # type: ignore[arg-type]
    table = read_cases(trained.run, "test", kept)
    for name, score in kept.scores.items():
        assert score.value(table.columns) == pytest.approx(found["scores"][name]["value"])


def test_a_false_class_costs_an_empty_image_all_and_a_missed_one_too(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    def nothing(item: Mapping[str, Any]) -> np.ndarray:
        probability = known_probability(item) * 0
        probability[0] = 1
        return probability

    test = trained.split["test"]
    found = evaluate_label_maps(trained.run, test, nothing, "test").scores
    assert found["scores"]["dice_score"]["value"] == 0.0
    assert found["scores"]["image_sensitivity"]["value"] == 0.0
    assert found["scores"]["dice_score_with_empty"]["value"] == pytest.approx(np.mean([not frame.label for frame in test]))

    empty = [frame for frame in test if not frame.label]
    found = evaluate_label_maps(trained.run, empty, nothing, "external").scores
    assert np.isnan(found["scores"]["dice_score"]["value"] or np.nan)
    assert "nerve: has no Dice and no part in the mean: no evaluated image shows it." in capsys.readouterr().err


def test_tuning_again_changes_nothing_and_the_report_shows_the_worst_first(trained: Trained) -> None:
    before, beside = read_postprocessing(trained.run, LabelMapPostprocessing)
    assert before.names == NAMES
    assert beside["chosen"]["nerve"]["training_images"] == sum(frame.pixels_of_class[1] > 0 for frame in trained.split["train"])
    evaluation = evaluate_label_maps(trained.run, trained.split["test"], trained.infer, "test")
    order = [evaluation.frames[number] for number in worst_first(evaluation)]
    shown = [one.mean_dice for one in order if one.shows_something]
    assert shown == sorted(shown)
    assert not order[-1].shows_something
    tuned = tune_label_maps(trained.run, trained.split["validation"], trained.infer)
    assert (tuned["changed"], tuned["cases"]) == (False, len(trained.split["validation"]))
    assert {path.name for path in (trained.run.folder / "tuning").iterdir()} >= {"tuning.html", "tuning-1.png", "tuning-2.png"}


def test_the_report_has_every_class_and_its_pictures(trained: Trained, tmp_path: Path) -> None:
    evaluation = evaluate_label_maps(trained.run, trained.split["test"], trained.infer, "test")
    line = '{"epoch": 1, "loss": 1.0, "dice_score": 0.5, "dice_score_with_empty": 0.6, "learning_rate": 0.1, "seconds": 1.0}\n'
    trained.run.history_file.write_text(line, encoding="utf-8")
    page = write_label_map_report(trained.run, evaluation, "Where is the nerve?").read_text(encoding="utf-8")
    for words in ("nerve", "vessel", "threshold baseline", "pixels: not all training files have a spacing in mm"):
        assert words in page
    assert {"images-worst.png", "images-best.png", "images-random.png"} <= {path.name for path in trained.run.pictures.iterdir()}
