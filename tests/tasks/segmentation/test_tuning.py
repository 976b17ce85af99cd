"""Tuning a segmenter says whether the postprocessing changed, and which scores belong to the one before."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges import covid19
from radlearn.json_files import read_json, write_json
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing
from radlearn.tasks.segmentation.tuning import tune_masks
from radlearn.training.run_folder import new_run
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from tests.tasks.conftest import Settings
from tests.tasks.segmentation.conftest import perfect, prepared_scans


def test_a_postprocessing_is_chosen_again_and_the_scores_of_the_old_one_are_named(
    small_covid19: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scans = prepared_scans(covid19.find_cases(small_covid19))
    run = new_run(tmp_path / "run", "segmentation", Settings(), {"data": "somewhere", "synthetic": False})
    write_postprocessing(run, MaskPostprocessing(0.75, 1.0), {})
    write_json(run.folder / "scores.json", {})
    # Probabilities of at most 0.35: only a lower threshold finds anything.
    found = tune_masks(run, scans, lambda item: np.float32(0.35 / 0.9) * perfect(item))
    assert found["changed"]
    assert found["scores_of_before"] == ["scores.json"]
    assert found["postprocessing"]["threshold"] <= 0.35
    assert read_postprocessing(run, MaskPostprocessing)[0] == MaskPostprocessing(**found["postprocessing"])
    assert read_json(run.folder / "tuning" / "tuning.json") == found
    said = " ".join(capsys.readouterr().err.split())
    assert "radlearn segmentation evaluate" in said
    again = tune_masks(run, scans, lambda item: np.float32(0.35 / 0.9) * perfect(item))
    assert not again["changed"]
    assert "14 scans of 13 persons" in (run.folder / "tuning" / "tuning.html").read_text()
