"""What gives the label away: found where it is, not where luck is."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radlearn.challenges.xray_case import XrayCase as Case
from radlearn.check.radiographs import XrayFacts
from radlearn.check.shortcuts import clues, shortcut_findings
from radlearn.scans.dicom import RadiographHeader


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


def test_free_text_that_tells_the_label_is_scored_and_not_repeated() -> None:
    xrays = [facts(number, StationName=f"St. Mary {number // 30}") for number in range(60)]
    (clue,) = clues(xrays, [number < 30 for number in range(60)])
    assert (clue.name, clue.auroc_score) == ("StationName", 1.0)
    assert clue.said == "share of positives: text 1 100% of 30, text 2 0% of 30"


def picture(number: int, size_px: tuple[int, int]) -> XrayFacts:
    header = RadiographHeader(None, None, None, None, "", "", "", "", "", "MONOCHROME2", size_px, 8)
    return XrayFacts(Path(f"{number}.png"), header=header, looks={"mean brightness": 0.5})


@pytest.mark.parametrize("turned", [False, True])
def test_the_size_of_pictures_is_a_clue_where_it_goes_with_the_label(turned: bool) -> None:
    # 30 positives, 27 of them larger; 30 others, 3 of them: (27·27 + ½(27·3 + 3·27)) / 900
    sizes = [(256, 320) if number < 27 or 30 <= number < 33 else (256, 256) for number in range(60)]
    xrays = [picture(number, size[::-1] if turned else size) for number, size in enumerate(sizes)]
    (clue,) = clues(xrays, [number < 30 for number in range(60)])
    assert clue.name == "size"
    assert math.isclose(clue.auroc_score, (27 * 27 + 0.5 * (27 * 3 + 3 * 27)) / 900)
    assert ("256 × 320 px" if turned else "320 × 256 px") in clue.said
    assert clue.is_shortcut


def test_of_many_sizes_width_and_height_count_as_numbers() -> None:
    rng = np.random.default_rng(1)
    heights = rng.integers(500, 900, 60)
    found = {
        clue.name: clue for clue in clues([picture(n, (int(heights[n]), 400 + 5 * n)) for n in range(60)], [n < 30 for n in range(60)])
    }
    assert set(found) == {"width", "height"}
    assert found["width"].auroc_score == 1.0
    assert found["width"].is_shortcut
    assert not found["height"].is_shortcut


def test_sizes_that_go_with_nothing_and_a_single_one_are_no_shortcut() -> None:
    assert clues([picture(number, (256, 256)) for number in range(60)], [number < 30 for number in range(60)]) == []
    mixed = clues([picture(number, (256, 256 + 64 * (number % 2))) for number in range(60)], [number < 30 for number in range(60)])
    assert [clue.is_shortcut for clue in mixed] == [False]


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


def table_cases(labels: Sequence[bool], persons: Sequence[str] = (), **columns: Sequence[Any]) -> list[Case]:
    own = {name: values for name, values in columns.items() if name in ("view", "sex", "age_years")}
    groups = {name: values for name, values in columns.items() if name not in own}
    return [
        Case(
            str(number), Path(f"{number}.dcm"), label, (), None, persons[number] if persons else str(number),
            **{name: values[number] for name, values in own.items()},
            groups=tuple((name, values[number]) for name, values in groups.items()),
        )
        for number, label in enumerate(labels)
    ]  # fmt: skip


HALF = [number < 40 for number in range(80)]


@pytest.mark.parametrize("read", [True, False])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("view", ["AP" if label else "PA" for label in HALF]),
        ("sex", ["F" if label else "M" for label in HALF]),
        ("age_years", [70.0 if label else 30.0 for label in HALF]),
        ("site", [("a", "b", "c")[number % 3] if label else "d" for number, label in enumerate(HALF)]),
        ("scanner", ["x" if label else "" for label in HALF]),
        ("label_source", ["report" if label else "reader" for label in HALF]),
    ],
)
def test_a_column_of_the_table_that_tells_the_label_is_named(name: str, values: list[Any], read: bool) -> None:
    cases = table_cases(HALF, **{name: values})
    xrays = [facts(number) for number in range(80)] if read else []
    scored, (found,) = shortcut_findings(xrays, {case.path: case for case in cases}, synthetic=False)
    assert found.severity == "warning"
    assert f"column {name} alone scores AUROC 1.000" in found.found
    assert [clue.name for clue in scored] == [f"column {name}"]


def test_the_score_of_a_column_is_that_of_its_pairs() -> None:
    # Positives at a, b, c: 30, 8, 2; others: 4, 16, 20.
    sites = ["a"] * 30 + ["b"] * 8 + ["c"] * 2 + ["a"] * 4 + ["b"] * 16 + ["c"] * 20
    (clue,) = clues([], HALF, table_cases(HALF, site=sites))
    assert math.isclose(clue.auroc_score, (30 * (16 + 20) + 8 * 20 + 0.5 * (30 * 4 + 8 * 16 + 2 * 20)) / 1600)
    assert clue.is_shortcut


def test_columns_of_many_values_are_no_shortcut_by_chance() -> None:
    rng = np.random.default_rng(11)
    told = 0
    for _ in range(60):
        labels = (rng.permutation(96) < 48).tolist()
        sites = [f"site {number % 12}" for number in range(96)]
        (clue,) = clues([], labels, table_cases(labels, site=sites))
        told += clue.is_shortcut
    assert told <= 1


def test_xrays_of_few_people_prove_little() -> None:
    # Twelve people of eight X-rays each, six ill: who was where is told by luck.
    persons = [str(number // 8) for number in range(96)]
    labels = [int(person) % 2 == 0 for person in persons]
    sites = [f"site {int(person) // 2}" if int(person) < 8 else "site 9" for person in persons]
    scanners = ["x" if int(person) in (0, 2, 4, 1) else "y" for person in persons]
    assert not any(clue.is_shortcut for clue in clues([], labels, table_cases(labels, persons, site=sites, scanner=scanners)))
    # As many people as X-rays prove it.
    (clue,) = clues([], labels, table_cases(labels, scanner=scanners))
    assert clue.is_shortcut


def test_other_findings_and_what_the_header_says_too_are_not_named_twice() -> None:
    cases = table_cases(HALF, label_mass=["1" if label else "0" for label in HALF], view=["AP" if label else "PA" for label in HALF])
    xrays = [facts(number, ViewPosition="AP" if number < 40 else "PA") for number in range(80)]
    assert [clue.name for clue in clues(xrays, HALF, cases)] == ["ViewPosition"]


@pytest.mark.parametrize(("column", "words"), [("class", ("pneumonia", "normal")), ("type", ("viral", "none")), ("scanner", ("A", "B"))])
def test_the_label_in_other_words_is_no_shortcut_and_hides_none(column: str, words: tuple[str, str]) -> None:
    groups = [((column, words[number >= 30]), ("site", "SN"[number >= 30])) for number in range(60)]
    cases = {Path(f"{n}"): Case(str(n), Path(f"{n}"), n < 30, (), None, str(n), groups=groups[n]) for n in range(60)}
    _, findings = shortcut_findings([], cases, synthetic=False)
    said = [(one.rule, one.found.split()[1]) for one in findings]
    assert said == ([("shortcut", "scanner")] if column == "scanner" else [("shortcut", "site"), ("about", column)])
