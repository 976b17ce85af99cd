"""What gives the label away: found where it is, not where luck is."""

import math
from pathlib import Path

import numpy as np

from radlearn.challenges.xray_case import XrayCase as Case
from radlearn.check.radiographs import XrayFacts
from radlearn.check.shortcuts import clues, shortcut_findings


def facts(number: int, **told: str) -> XrayFacts:
    return XrayFacts(Path(f"{number}.dcm"), told=told, looks={"mean brightness": 0.5})


def test_a_field_that_goes_with_the_label_scores_what_its_pairs_say() -> None:
    # 30 positives, 24 of them AP; 60 others, 20 of them AP: (24·40 + ½(24·20 + 6·40)) / (30·60)
    xrays = [facts(number, ViewPosition="AP" if number < 24 or 30 <= number < 50 else "PA") for number in range(90)]
    (clue,) = clues(xrays, [number < 30 for number in range(90)])
    assert clue.name == "ViewPosition"
    assert math.isclose(clue.auroc_score, (24 * 40 + 0.5 * (24 * 20 + 6 * 40)) / (30 * 60))
    assert clue.is_shortcut


def test_noise_in_many_fields_is_no_shortcut() -> None:
    rng = np.random.default_rng(3)
    xrays = [facts(number, **{f"Field{field}": "AB"[rng.integers(2)] for field in range(30)}) for number in range(120)]
    assert not any(clue.is_shortcut for clue in clues(xrays, (rng.random(120) < 0.4).tolist()))


def test_values_of_one_xray_each_give_nothing_away() -> None:
    xrays = [facts(number, StationName=f"station {number}") for number in range(60)]
    assert clues(xrays, [number < 30 for number in range(60)]) == []


def test_too_few_of_a_kind_are_not_evaluated() -> None:
    xrays = [facts(number, ViewPosition="AP" if number < 5 else "PA") for number in range(60)]
    assert clues(xrays, [number < 5 for number in range(60)]) == []


def test_ages_count_as_numbers_and_impossible_ones_not_at_all() -> None:
    xrays = [facts(number, PatientAge=f"{20 + number}" if number else "155") for number in range(60)]
    (clue,) = clues(xrays, [number >= 30 for number in range(60)])
    assert (clue.name, clue.xrays, clue.auroc_score) == ("PatientAge", 59, 1.0)


def test_built_in_patients_have_their_shortcut_as_a_note() -> None:
    xrays = [facts(number, ViewPosition="AP" if number < 30 else "PA") for number in range(60)]
    cases = {xray.path: Case(str(number), xray.path, number < 30, (), None, str(number)) for number, xray in enumerate(xrays)}
    for synthetic, severity in ((False, "warning"), (True, "note")):
        _, findings = shortcut_findings(xrays, cases, synthetic)
        assert [one.severity for one in findings] == [severity]
        assert "AUROC 1.000" in findings[0].found
