"""The entries of a score file about its cases, and the subgroups of X-rays."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from radlearn.json_files import read_json
from radlearn.tasks.xray.baselines import view_baseline
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.tasks.xray.subgroups import subgroups_of
from radlearn.training.run_folder import Run
from radlearn.workflow.scores_file import interval_of, write_scores


def test_a_score_file_counts_its_cases_and_other_data_have_their_own_file(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    cases = [xray.case for xray in evaluated_xrays]
    kept = write_scores(finished, "test", cases, {"scores": {}})
    write_scores(finished, "external", cases[:10], {"scores": {}})
    assert read_json(finished.folder / "scores.json") == kept
    assert (kept["task"], kept["split"], kept["cases"], kept["persons"]) == ("classification", "test", 60, 40)
    assert read_json(finished.folder / "scores-external.json")["cases"] == 10


def test_synthetic_refers_to_the_evaluated_xrays(finished: Run, evaluated_xrays: list[PreparedRadiograph], synthetic_folder: Path) -> None:
    cases = [xray.case for xray in evaluated_xrays]
    assert write_scores(finished, "test", cases, {})["synthetic"] is True
    (synthetic_folder / "truth.csv").unlink()
    assert write_scores(finished, "test", cases, {})["synthetic"] is False


def test_none_in_a_score_file_becomes_nan() -> None:
    assert interval_of({"value": 0.5, "low": 0.25, "high": 1}) == interval_of({"value": 0.5, "low": 0.25, "high": 1.0})
    unknown = interval_of({"value": 0.5, "low": None, "high": None})
    assert unknown.value == 0.5
    assert not unknown.is_known
    assert math.isnan(interval_of({"value": None, "low": None, "high": None}).value)


def test_an_unknown_view_is_predicted_with_the_share_of_all() -> None:
    shares = view_baseline(["AP", "", "PA"], {"AP": 0.4, "PA": 0.1, "all": 0.2})
    assert shares == pytest.approx([0.4, 0.2, 0.1])


def test_groups_hold_their_cases_and_the_unknown_have_their_own(evaluated_xrays: list[PreparedRadiograph]) -> None:
    cases = [xray.case for xray in evaluated_xrays]
    cases[0] = replace(cases[0], view=None, age_years=None)
    groups = subgroups_of(cases)
    assert [groups[name].sum() for name in ("AP (lying or sitting)", "PA (standing)", "view unknown")] == [30, 29, 1]
    ages = np.sum([chosen for name, chosen in groups.items() if "years" in name or name == "age unknown"], axis=0)
    assert np.all(ages == 1)
    assert groups["under 18 years"].sum() == 17


def test_both_views_are_listed_even_without_cases(evaluated_xrays: list[PreparedRadiograph]) -> None:
    groups = subgroups_of([xray.case for xray in evaluated_xrays if xray.case.view == "AP"])
    assert groups["PA (standing)"].sum() == 0
    assert "women" in groups or "men" in groups
    assert "view unknown" not in groups
