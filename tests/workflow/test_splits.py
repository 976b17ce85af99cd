"""No person is in two subsets, and a run keeps its split."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from radlearn.challenges.rsna import find_cases
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.tasks.xray.radiographs import PreparedRadiograph, prepared_radiographs
from radlearn.training.run_folder import Run, new_run
from radlearn.workflow.splits import cases_by_subset, split_cases


@dataclass(frozen=True)
class Settings:
    epochs: int = 1


@pytest.fixture
def xrays(small_rsna: Path) -> list[PreparedRadiograph]:
    return prepared_radiographs(find_cases(small_rsna), 16)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return new_run(tmp_path / "run", "classification", Settings())


def test_every_xray_and_every_person_is_in_one_subset(xrays: list[PreparedRadiograph], run: Run) -> None:
    split = split_cases(xrays, 0, None, run)
    assert sorted(xray.case.image_id for here in split.values() for xray in here) == sorted(xray.case.image_id for xray in xrays)
    persons = [{xray.case.person for xray in here} for here in split.values()]
    assert sum(map(len, persons)) == len(set.union(*persons)) == 32


def test_a_run_keeps_its_split_with_another_seed(xrays: list[PreparedRadiograph], run: Run) -> None:
    first = split_cases(xrays, 0, None, run)
    again = split_cases(list(reversed(xrays)), 99, 3, run)
    assert {subset: [xray.case.image_id for xray in here] for subset, here in first.items()} == {
        subset: [xray.case.image_id for xray in here] for subset, here in again.items()
    }


def test_data_without_an_xray_of_the_run_are_refused(xrays: list[PreparedRadiograph], run: Run) -> None:
    split_cases(xrays, 0, None, run)
    cases = [xray.case for xray in xrays]
    with pytest.raises(BadRunFolder, match=r"1 of the 48 cases .* not in the data, the first is xray-000"):
        cases_by_subset(cases[1:], run)


@pytest.mark.parametrize(("label", "words"), [(False, "All 48 X-rays are without an opacity"), (True, "All 48 X-rays are with an opacity")])
def test_labels_that_are_all_the_same_are_called_so(xrays: list[PreparedRadiograph], run: Run, label: bool, words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        split_cases(xrays, 0, None, run, [label] * 48)
    assert not (run.folder / "split.csv").exists()
