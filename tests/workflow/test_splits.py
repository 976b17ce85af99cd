"""Nobody is on two sides, and a run keeps its division."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from radlearn.challenges.rsna import find_cases
from radlearn.errors import BadRunFolder
from radlearn.tasks.xray.radiographs import Film, prepared_films
from radlearn.training.run_folder import Run, new_run
from radlearn.workflow.splits import cases_by_side, divided


@dataclass(frozen=True)
class Settings:
    epochs: int = 1


@pytest.fixture
def films(small_rsna: Path) -> list[Film]:
    return prepared_films(find_cases(small_rsna), 16)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return new_run(tmp_path / "run", "classification", Settings())


def test_every_film_is_on_one_side_and_every_person_too(films: list[Film], run: Run) -> None:
    split = divided(films, 0, None, run)
    assert sorted(film.case.image_id for here in split.values() for film in here) == sorted(film.case.image_id for film in films)
    people = [{film.case.person for film in here} for here in split.values()]
    assert sum(map(len, people)) == len(set.union(*people)) == 32


def test_a_run_keeps_its_division_whatever_the_seed_is_later(films: list[Film], run: Run) -> None:
    first = divided(films, 0, None, run)
    again = divided(list(reversed(films)), 99, 3, run)
    assert {side: [film.case.image_id for film in here] for side, here in first.items()} == {
        side: [film.case.image_id for film in here] for side, here in again.items()
    }


def test_data_that_lost_a_film_of_the_run_are_refused(films: list[Film], run: Run) -> None:
    divided(films, 0, None, run)
    cases = [film.case for film in films]
    with pytest.raises(BadRunFolder, match=r"1 of the 48 cases .* not in the data, the first is film-000"):
        cases_by_side(cases[1:], run)
