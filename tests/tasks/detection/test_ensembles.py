"""Several runs evaluated as one."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import radlearn
from radlearn.challenges.rsna.score import BOX_SCORE
from radlearn.errors import BadSetting
from radlearn.json_files import read_json
from radlearn.metrics.boxes import FoundBoxes, no_boxes
from radlearn.tasks.detection.case_scores import box_cases
from radlearn.tasks.detection.ensembles import disagreement_on_boxes, evaluate_together
from radlearn.tasks.detection.postprocessing import BoxPostprocessing
from radlearn.training.run_folder import Run, new_run
from radlearn.training.splits import write_split
from radlearn.workflow.cases_file import read_cases
from radlearn.workflow.ensembles import CHOSEN, MEAN
from radlearn.workflow.postprocessing_file import write_postprocessing


@dataclass(frozen=True)
class Seen:
    """What decides whether runs can predict together."""

    size_px: int = 64
    shape: str = "stretch"


SMALL = {"size_px": 64, "epochs": 1, "batch_size": 8}


@pytest.fixture(scope="module")
def runs(small_rsna: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Two runs on the same persons, of different augmentation; a fold that shares their test persons; a run of another seed."""
    folder = tmp_path_factory.mktemp("runs")
    changes = ({}, {"mirror_chance": 0.0}, {"fold": 1}, {"seed": 1})
    return [
        radlearn.detection.train(data=small_rsna, run=folder / f"run-{number}", **SMALL, **change) for number, change in enumerate(changes)
    ]


def test_runs_on_the_same_persons_get_a_postprocessing_of_their_own_with_its_ablation(runs: list[Run]) -> None:
    before = (runs[0].folder / "postprocessing.json").read_bytes()
    scores = radlearn.detection.evaluate([runs[0].folder, runs[1].folder])
    folder = runs[0].folder / "ensemble"
    kept = read_json(folder / "postprocessing.json")
    assert "all runs fused" in [step["step"] for step in kept["ablation"]]
    assert scores["scores"]["rsna_score"]["value"] == read_json(folder / "scores.json")["scores"]["rsna_score"]["value"]
    assert (folder / "report.html").stat().st_size > 10_000
    assert read_json(folder / "settings.json")["runs"] == [str(run.folder.resolve()) for run in runs[:2]]
    assert kept["origin"] == CHOSEN
    table = read_cases(Run(folder, "detection"), "test", box_cases(BOX_SCORE))
    assert table.columns["disagreement"].max() <= 0.5
    assert (table.columns["disagreement"] > 0).any()
    # The run itself is as it was.
    assert (runs[0].folder / "postprocessing.json").read_bytes() == before


def test_folds_predict_with_the_mean_of_their_postprocessings(runs: list[Run], capsys: pytest.CaptureFixture[str]) -> None:
    radlearn.detection.evaluate([runs[0].folder, runs[2].folder])
    assert "validated on different persons" in capsys.readouterr().err
    settings_tried = [read_json(run.folder / "postprocessing.json")["postprocessing"] for run in (runs[0], runs[2])]
    kept = read_json(runs[0].folder / "ensemble" / "postprocessing.json")
    assert (kept["origin"], kept["source"]) == (MEAN, "all runs fused")
    assert not {"ablation", "curve"} & kept.keys()
    made = kept["postprocessing"]
    assert "this is the mean of their own" in (runs[0].folder / "ensemble" / "report.html").read_text()
    assert made["threshold"] == pytest.approx((settings_tried[0]["threshold"] + settings_tried[1]["threshold"]) / 2)


def test_folds_refuse_a_gate_that_the_mean_of_their_postprocessings_was_not_chosen_for(runs: list[Run], tmp_path: Path) -> None:
    (tmp_path / "gate.csv").write_text("patientId,probability\na,0.5\n")
    with pytest.raises(BadSetting, match="was chosen without a gate"):
        radlearn.detection.evaluate([runs[0].folder, runs[2].folder], gate=tmp_path / "gate.csv")


def test_a_run_that_has_learnt_from_the_others_test_persons_is_refused(runs: list[Run]) -> None:
    with pytest.raises(BadSetting, match="has other test persons than"):
        radlearn.detection.evaluate([runs[0].folder, runs[3].folder])


def test_runs_that_see_xrays_differently_are_refused(runs: list[Run], tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(runs[1].folder, other)
    text = (other / "settings.json").read_text()
    (other / "settings.json").write_text(text.replace('"size_px": 64', '"size_px": 96'))
    with pytest.raises(BadSetting, match="see X-rays differently"):
        radlearn.detection.evaluate([runs[0].folder, other])
    with pytest.raises(BadSetting, match="see X-rays differently"):
        radlearn.detection.predict([runs[0].folder, other], [next(iter(tmp_path.parent.rglob("*.dcm")), tmp_path)], tmp_path / "out")


def test_the_disagreement_is_that_of_the_highest_confidences_and_none_counts_as_0() -> None:
    sure, faint, one = (FoundBoxes(np.tile([0.0, 0, 9, 9], (len(found), 1)), np.array(found)) for found in ([0.9, 0.2], [0.3], [0.5]))
    each = [[sure, no_boxes(), one], [faint, no_boxes(), no_boxes()]]
    assert disagreement_on_boxes(each).tolist() == pytest.approx([0.3, 0.0, 0.25])


@pytest.mark.parametrize(
    ("size_px", "subsets", "message"),
    [
        (96, ("test", "train"), "see X-rays differently"),
        (64, ("train", "test"), "has other test persons than .*one"),
    ],
)
def test_runs_that_do_not_fit_are_refused_before_a_model_is_loaded(
    tmp_path: Path, size_px: int, subsets: tuple[str, str], message: str
) -> None:
    def load(run: Run) -> Any:
        pytest.fail(f"{run.folder} was loaded")

    runs = [new_run(tmp_path / name, "detection", Seen(size), {"data": ""}) for name, size in (("one", 64), ("two", size_px))]
    for run, of in zip(runs, (("test", "train"), subsets), strict=True):
        write_split(run.folder / "split.csv", ["a", "b"], ["anna", "bert"], of)
        write_postprocessing(run, BoxPostprocessing(), {})
    with pytest.raises(BadSetting, match=message):
        evaluate_together(runs, [], load, lambda *_: [], BOX_SCORE)
    assert not (runs[0].folder / "ensemble").exists()
