"""What is kept of each scan: written, read back, and worth the same scores."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges import covid19
from radlearn.covid19_ct_segmentation import segment_lesions as lesson
from radlearn.json_files import json_ready, read_json
from radlearn.metrics.mask_table import mask_columns
from radlearn.tasks.segmentation.case_scores import case_format, overlap
from radlearn.tasks.segmentation.evaluation import evaluate_masks
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing
from radlearn.training.run_folder import new_run
from radlearn.workflow.cases_file import read_cases
from radlearn.workflow.postprocessing_file import write_postprocessing
from tests.tasks.conftest import Settings
from tests.tasks.segmentation.conftest import perfect, prepared_scans


def test_the_table_is_read_back_as_it_was_and_gives_the_scores_bit_for_bit(small_covid19: Path, tmp_path: Path) -> None:
    scans = prepared_scans(covid19.find_cases(small_covid19))
    run = new_run(tmp_path / "run", "segmentation", Settings(), {"data": "somewhere", "synthetic": False})
    write_postprocessing(run, MaskPostprocessing(), {"baseline_threshold_hu": -500.0})
    # Of the two scans without a lesion, a false one is found on one.
    found = evaluate_masks(run, scans, lambda item: np.roll(perfect(item), 2, axis=0) if item["id"] != scans[-1].case.image_id else 0.9 * (
        np.indices(perfect(item).shape).sum(axis=0) < 9), "test", 1.0)  # fmt: skip
    kept = case_format(covid19.CHALLENGE)
    table = read_cases(run, "test", kept)
    assert table.image_ids.tolist() == [scan.case.image_id for scan in scans]
    assert table.persons.tolist() == [scan.case.person for scan in scans]
    for name, column in mask_columns(found.rows).items():
        np.testing.assert_array_equal(table.columns[name], column)
        assert table.columns[name].dtype == column.dtype
    # Undefined, infinite and known distances.
    distances = table.columns["hausdorff95_mm"]
    assert [int(np.isnan(distances).sum()), int(np.isinf(distances).sum())] == [1, 1]
    written = read_json(run.folder / "scores.json")
    again = {name: json_ready(score.value(table.columns)) for name, score in kept.scores.items()}
    assert again == {name: one["value"] for name, one in written["scores"].items()}
    assert list(kept.scores) == list(written["scores"])
    assert set(kept.conditions) <= written.keys()


def test_the_headline_scores_are_those_of_the_lesson() -> None:
    kept = case_format(lesson.TASK.challenge)
    assert {name for name, score in kept.scores.items() if score.headline} == set(lesson.TASK.headline_scores)


def test_a_scan_rightly_left_empty_is_as_good_as_it_gets() -> None:
    assert overlap([0.3, np.nan, 0.0]) == pytest.approx([0.3, 1.0, 0.0])
