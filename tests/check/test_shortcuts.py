"""What gives the label away: found where it is, not where luck is."""

import math
from pathlib import Path

import numpy as np

from radlearn.challenges.rsna import Case
from radlearn.check.radiographs import FilmFacts
from radlearn.check.shortcuts import clues, shortcut_findings


def facts(number: int, **told: str) -> FilmFacts:
    return FilmFacts(Path(f"{number}.dcm"), told=told, looks={"mean brightness": 0.5})


def test_a_field_that_goes_with_the_label_scores_what_its_pairs_say() -> None:
    # 30 positives, 24 of them AP; 60 others, 20 of them AP: (24·40 + ½(24·20 + 6·40)) / (30·60)
    films = [facts(number, ViewPosition="AP" if number < 24 or 30 <= number < 50 else "PA") for number in range(90)]
    (clue,) = clues(films, [number < 30 for number in range(90)])
    assert clue.name == "ViewPosition"
    assert math.isclose(clue.auroc_score, (24 * 40 + 0.5 * (24 * 20 + 6 * 40)) / (30 * 60))
    assert clue.is_shortcut


def test_noise_in_many_fields_is_no_shortcut() -> None:
    rng = np.random.default_rng(3)
    films = [facts(number, **{f"Field{field}": "AB"[rng.integers(2)] for field in range(30)}) for number in range(120)]
    assert not any(clue.is_shortcut for clue in clues(films, (rng.random(120) < 0.4).tolist()))


def test_values_of_one_film_each_give_nothing_away() -> None:
    films = [facts(number, StationName=f"station {number}") for number in range(60)]
    assert clues(films, [number < 30 for number in range(60)]) == []


def test_too_few_of_a_kind_are_not_judged() -> None:
    films = [facts(number, ViewPosition="AP" if number < 5 else "PA") for number in range(60)]
    assert clues(films, [number < 5 for number in range(60)]) == []


def test_ages_count_as_numbers_and_impossible_ones_not_at_all() -> None:
    films = [facts(number, PatientAge=f"{20 + number}" if number else "155") for number in range(60)]
    (clue,) = clues(films, [number >= 30 for number in range(60)])
    assert (clue.name, clue.films, clue.auroc_score) == ("PatientAge", 59, 1.0)


def test_built_in_patients_have_their_shortcut_as_a_note() -> None:
    films = [facts(number, ViewPosition="AP" if number < 30 else "PA") for number in range(60)]
    cases = {film.path: Case(str(number), film.path, number < 30, (), None, str(number)) for number, film in enumerate(films)}
    for synthetic, severity in ((False, "warning"), (True, "note")):
        _, findings = shortcut_findings(films, cases, synthetic)
        assert [one.severity for one in findings] == [severity]
        assert "AUROC 1.000" in findings[0].found
