"""Several runs evaluated as one, each seeing images at its own size."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import zoom

from radlearn.challenges.ultrasound import CHALLENGE
from radlearn.challenges.ultrasound_case import UltrasoundCase
from radlearn.errors import BadSetting
from radlearn.files import write_text
from radlearn.metrics.masks import dice_score
from radlearn.scans.label_map_files import read_label_map
from radlearn.scans.ultrasound_images import read_ultrasound
from radlearn.tasks.segmentation.label_maps.case_scores import case_format_of
from radlearn.tasks.segmentation.label_maps.ensembles import evaluate_together, predicted_together
from radlearn.tasks.segmentation.label_maps.evaluation import TrainingFacts, choose_label_map_postprocessing, evaluate_label_maps
from radlearn.tasks.segmentation.label_maps.frames import Frame, LabelMapCase
from radlearn.tasks.segmentation.label_maps.postprocessing import ClassPostprocessing, LabelMapPostprocessing, plain
from radlearn.tasks.segmentation.label_maps.prediction import PredictedFrame
from radlearn.tasks.segmentation.label_maps.report import write_label_map_report
from radlearn.tasks.segmentation.together import Segmenter
from radlearn.training.run_folder import Run, new_run
from radlearn.training.settings import TrainingSettings
from radlearn.training.splits import write_split
from radlearn.workflow.cases_file import read_cases
from radlearn.workflow.ensembles import CHOSEN, MEAN
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from tests.tasks.segmentation.label_maps.conftest import NAMES, as_they_are, known_probability

LINE = '{"epoch": 1, "step": 1, "loss": 1.0, "learning_rate": 0.1, "seconds": 1, "dice_score": 0.5, "dice_score_with_empty": 0.5}\n'


def coarse(item: Mapping[str, Any]) -> np.ndarray:
    """Return what a run gives that sees half the pixels and is moved to the right, on the pixels of the file again."""
    seen = np.roll(known_probability(item), 3, axis=2)[:, ::2, ::2]
    return np.clip(zoom(seen, (1, 2, 2), order=1, grid_mode=True, mode="nearest"), 0, 1)


INFER: dict[str, Callable[[Mapping[str, Any]], np.ndarray]] = {"a": known_probability, "b": coarse, "c": coarse}


@pytest.fixture
def cases(table: Path) -> list[UltrasoundCase]:
    return CHALLENGE.find_cases(table)


@pytest.fixture
def runs(cases: list[UltrasoundCase], tmp_path: Path) -> list[Run]:
    """Two folds with the same test persons, and a run on the persons of the first."""
    made = []
    persons = [case.person for case in cases]
    order = sorted(set(persons))
    for name, fold, threshold in (("a", 0, 0.4), ("b", 1, 0.6), ("c", 0, 0.5)):
        run = new_run(tmp_path / name, "ultrasound", TrainingSettings(), {"data": "somewhere", "synthetic": False})
        # Of every four persons one is tested, and one of the next two validated: both subsets hold empty images.
        subsets = [
            ("test", "validation" if fold == 0 else "train", "validation" if fold == 1 else "train", "train")[order.index(one) % 4]
            for one in persons
        ]
        write_split(run.folder / "split.csv", [case.image_id for case in cases], persons, subsets)
        write_text(run.history_file, LINE)
        frames = as_they_are(cases)
        of = {subset: [frame for frame, own in zip(frames, subsets, strict=True) if own == subset] for subset in set(subsets)}
        choose_label_map_postprocessing(run, NAMES, of["validation"][:4], INFER[name], 0, TrainingFacts.of(of["train"], NAMES))
        # So that it is known what the run would mark alone.
        _, about = read_postprocessing(run, LabelMapPostprocessing)
        write_postprocessing(run, LabelMapPostprocessing(tuple(ClassPostprocessing(one, threshold) for one in NAMES)), about)
        made.append(run)
    return made


def segmenter(run: Run) -> Segmenter[LabelMapCase, Frame]:
    return Segmenter(as_they_are, INFER[run.folder.name])


def test_folds_are_averaged_on_the_pixels_of_the_file(runs: list[Run], cases: list[UltrasoundCase]) -> None:
    ensemble, evaluation = evaluate_together(runs[:2], cases, segmenter)
    chosen, about = read_postprocessing(ensemble, LabelMapPostprocessing)
    assert [one.threshold for one in chosen.classes] == [0.5, 0.5]
    # How the first run's own was chosen is not told of the mean.
    rule = read_postprocessing(runs[0], LabelMapPostprocessing)[1]["threshold_baseline"]
    assert about == {"origin": MEAN, "threshold_baseline": rule, "length_unit": "px"}
    kept = case_format_of(None, ensemble)  # type: ignore[arg-type]
    table = read_cases(ensemble, "test", kept)
    assert table.image_ids.tolist() == [one.frame.case.image_id for one in evaluation.frames]
    for row, one in enumerate(evaluation.frames):
        each = [INFER[name](one.frame.item) for name in "ab"]
        mean = (each[0].astype(np.float64) + each[1]) / 2
        hand = np.where(mean[1:].max(axis=0) >= 0.5, mean[1:].argmax(axis=0) + 1, 0)
        np.testing.assert_array_equal(one.found, hand)
        own = [np.where(found[1:].max(axis=0) >= cut, found[1:].argmax(axis=0) + 1, 0) for found, cut in zip(each, (0.4, 0.6), strict=True)]
        for number, name in enumerate(NAMES, start=1):
            masks = [labels == number for labels in own]
            percent = [100 * mask.mean() for mask in masks]
            assert table.columns[f"percent_sd_{name}"][row] == pytest.approx(abs(percent[0] - percent[1]) / 2, abs=1e-6)
            overlap = dice_score(*masks)
            assert table.columns[f"disagreement_{name}"][row] == pytest.approx(0 if np.isnan(overlap) else 1 - overlap, abs=1e-6)
            truth = read_label_map(one.frame.case.mask_path).labels == number  # type: ignore[arg-type]
            np.testing.assert_allclose(table.columns[f"dice_score_{name}"][row], dice_score(hand == number, truth), atol=1e-6)
    assert (table.columns["disagreement_nerve"] > 0).any()
    page = write_label_map_report(ensemble, evaluation, "Where is the nerve?").read_text(encoding="utf-8")
    assert "ensemble of 2: a, b" in page
    assert "this is the mean of their own" in page
    assert "threshold, vessel" in page


def test_on_shared_validation_persons_a_postprocessing_is_chosen(runs: list[Run], cases: list[UltrasoundCase]) -> None:
    ensemble, evaluation = evaluate_together([runs[0], runs[2]], cases, segmenter)
    chosen, about = read_postprocessing(ensemble, LabelMapPostprocessing)
    assert (about["origin"], about["length_unit"]) == (CHOSEN, "px")
    split = (ensemble.folder / "split.csv").read_text(encoding="utf-8").splitlines()
    assert about["validation_images"] == sum("validation" in line for line in split)
    first = read_postprocessing(runs[0], LabelMapPostprocessing)[1]
    assert about["chosen"]["nerve"]["training_images"] == first["chosen"]["nerve"]["training_images"]
    assert chosen.names == NAMES
    assert "the ablation of the steps" in write_label_map_report(ensemble, evaluation, "Where?").read_text(encoding="utf-8")


def test_a_run_and_its_copy_are_evaluated_as_the_run_alone(runs: list[Run], cases: list[UltrasoundCase], tmp_path: Path) -> None:
    copy = Run(tmp_path / "elsewhere" / "a", "ultrasound")
    shutil.copytree(runs[0].folder, copy.folder)
    ensemble, together = evaluate_together([runs[0], copy], cases, segmenter)
    shutil.copy(ensemble.folder / "postprocessing.json", runs[0].folder)
    alone = evaluate_label_maps(runs[0], [one.frame for one in together.frames], known_probability, "test")
    for one, other in zip(alone.frames, together.frames, strict=True):
        np.testing.assert_array_equal(one.found, other.found)
    columns = read_cases(ensemble, "test", case_format_of(None, ensemble)).columns  # type: ignore[arg-type]
    assert all((columns[f"{kind}_{name}"] == 0).all() for kind in ("percent_sd", "disagreement") for name in NAMES)
    assert (ensemble.folder / "scores.json").read_text() == (runs[0].folder / "scores.json").read_text()


def test_lengths_are_in_mm_only_where_all_runs_have_them(runs: list[Run], cases: list[UltrasoundCase]) -> None:
    chosen, about = read_postprocessing(runs[0], LabelMapPostprocessing)
    write_postprocessing(runs[0], chosen, {**about, "length_unit": "mm"})
    _, evaluation = evaluate_together(runs[:2], cases, segmenter)
    assert evaluation.scores["length_unit"] == "px"


def test_runs_that_do_not_fit_are_refused_before_one_is_opened(runs: list[Run]) -> None:
    def load(run: Run) -> Segmenter[LabelMapCase, Frame]:
        pytest.fail(f"{run.folder} was opened")

    refused = partial(evaluate_together, cases=[], load=load)
    with pytest.raises(BadSetting, match="are the same run"):
        refused([runs[0], runs[0]])
    _, about = read_postprocessing(runs[1], LabelMapPostprocessing)
    write_postprocessing(runs[1], plain(["vessel", "nerve"]), about)
    with pytest.raises(BadSetting, match=r"b predicts vessel, nerve, .*a predicts nerve, vessel\."):
        refused(runs[:2])
    write_postprocessing(runs[1], plain(NAMES), about)
    write_split(runs[1].folder / "split.csv", ["x", "y"], ["p", "q"], ["train", "test"])
    with pytest.raises(BadSetting, match="has other test persons than"):
        refused(runs)
    assert not (runs[0].folder / "ensemble").exists()


def test_an_image_is_predicted_together_on_its_own_pixels(cases: Sequence[UltrasoundCase]) -> None:
    source = read_ultrasound(cases[0].path)

    def each(*values: float) -> list[PredictedFrame]:
        made = [np.stack([np.full((4, 5), 1 - value), np.full((4, 5), value)]).astype(np.float32) for value in values]
        return [PredictedFrame(source, one, features=[np.full(3, value)]) for one, value in zip(made, values, strict=True)]

    own = [plain(["nerve"])] * 2
    found = predicted_together(iter(each(0.25, 0.75)), own)
    assert found.source is source
    assert (found.probability == 0.5).all()
    assert found.differ == ((50.0, 1.0),)
    assert found.features is not None
    np.testing.assert_array_equal(found.features, [[0.25] * 3, [0.75] * 3])
    one, other = each(0.25, 0.75)
    # Where a run does not tell its own, nothing is told.
    assert predicted_together([one, replace(other, features=None)], own).features is None
    assert predicted_together([one], own[:1]).probability is one.probability
    assert predicted_together([one], own[:1]).differ is None
