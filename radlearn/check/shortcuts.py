"""What gives the label away without looking at the lungs: header fields, columns of a table and simple statistics of the picture.

Each is scored by AUROC; one of many values by how far it is above what the same values would score on labels dealt out by chance.

On the challenge's X-rays the view alone scores 0.71: who is too ill to stand is imaged lying down, and is more often ill with pneumonia.
A model learns such things first. Brightness may also be the illness itself, which is white on an X-ray; that is why this is a warning.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from radlearn.challenges.tables.label_words import is_the_label
from radlearn.challenges.tables.xray_table import PREFIX
from radlearn.challenges.xray_case import XrayCase
from radlearn.check.findings import Finding
from radlearn.check.headers import shown
from radlearn.check.radiographs import XrayFacts
from radlearn.metrics.ranking import auroc_score
from radlearn.scans.header_texts import age_in_years
from radlearn.scans.plain_images import is_plain_image

WARNED_ABOVE = 0.65
SURE_ERRORS = 2.5
"So many standard errors above chance: dozens of fields are tried, and one of them is always lucky."
LEAST_OF_EACH = 10
"X-rays with and without the label."
MOST_VALUES = 12
LEAST_OF_A_VALUE = 8
"Rarer values count as one, `other`: a value of one X-ray would give its label away by itself."
CHANCE_DRAWS = 400


@dataclass(frozen=True)
class Clue:
    """How well one field alone tells the label; `said` shows it in numbers."""

    name: str
    auroc_score: float
    xrays: int
    is_sure: bool
    said: str
    by_chance: float = 0.5
    "The AUROC that its values have on average where labels are dealt out by chance: the more values, the higher."

    @property
    def is_shortcut(self) -> bool:
        """Whether it deserves a warning."""
        return self.is_sure and self.auroc_score - (self.by_chance - 0.5) > WARNED_ABOVE


def clues(facts: Sequence[XrayFacts], labels: Sequence[bool], cases: Sequence[XrayCase] = ()) -> list[Clue]:
    """Return how well every header field and statistic of readable X-rays tells their labels, the best first.

    Args:
        facts: of each X-ray; none where only tables are looked at.
        labels: of each.
        cases: of each, whose columns then count too, and whose persons; else everyone counts as a person.
    """
    y = np.asarray(labels, bool)
    if min(y.sum(), (~y).sum()) < LEAST_OF_EACH:
        return []
    people = np.unique([case.person for case in cases] or np.arange(len(y)), return_inverse=True)[1]
    columns = _columns(cases)
    for name in _labels_in_words(columns, labels):
        del columns[name]
    words = _distinct(_fields(facts) | columns)
    found = [_of_words(name, values, y, people) for name, values in words.items()]
    looks = facts[0].looks if facts else {}
    numbers = {name: [xray.looks.get(name, math.nan) for xray in facts] for name in looks}
    # Of few sizes each is a word.
    if len(set(sizes := _sizes(facts))) > MOST_VALUES:
        numbers |= {"width": [width for width, _ in sizes], "height": [height for _, height in sizes]}
    numbers["PatientAge"] = [_age(xray) for xray in facts]
    numbers["column age_years"] = [math.nan if case.age_years is None else case.age_years for case in cases]
    found += [_of_numbers(name, np.array(values), y, people) for name, values in numbers.items() if values]
    return sorted((clue for clue in found if clue is not None), key=lambda clue: -clue.auroc_score)


def shortcut_findings(facts: Sequence[XrayFacts], cases: Mapping[Path, XrayCase], synthetic: bool) -> tuple[list[Clue], list[Finding]]:
    """Return all clues, and a finding for each shortcut: a warning; on built-in patients, who have one on purpose, a note."""
    known = [xray for xray in facts if xray.path in cases and not xray.trouble]
    told = [cases[xray.path] for xray in known] if facts else list(cases.values())
    sure = [number for number, case in enumerate(told) if case.label is not None]
    labelled = [told[number] for number in sure]
    scored = clues([known[number] for number in sure] if facts else [], [bool(case.label) for case in labelled], labelled)
    on_purpose = " Built-in patients have this shortcut on purpose." if synthetic else ""
    findings = []
    for clue in scored:
        if clue.is_shortcut:
            found = f"{clue.name} alone scores AUROC {clue.auroc_score:.3f} for the label ({clue.said}).{on_purpose}"
            findings.append(Finding("shortcut", "", found, weight="note" if synthetic else None))
    for name in _labels_in_words(_columns(labelled), [bool(case.label) for case in labelled]):
        findings.append(Finding("about", "", f"{name} says the label in other words, so it is looked at as no shortcut"))
    return scored, findings


def _labels_in_words(columns: Mapping[str, Sequence[str]], labels: Sequence[bool]) -> list[str]:
    """Return the columns that name the class of X-rays, which is no way around looking at them."""
    return [name for name, values in columns.items() if is_the_label(name.removeprefix("column "), values, labels)]


def _fields(facts: Sequence[XrayFacts]) -> dict[str, list[str]]:
    """Return the values of every header field, X-ray by X-ray."""
    if not facts:
        return {}
    keywords = sorted({keyword for xray in facts for keyword in xray.told} - {"PatientAge"})
    fields: dict[str, list[str]] = {"view": [(xray.header.view or "") if xray.header else "" for xray in facts]}
    fields |= {keyword: shown(keyword, [xray.told.get(keyword, "") for xray in facts]) for keyword in keywords}
    sizes = _sizes(facts)
    return fields | ({"size": [f"{width:g} × {height:g} px" for width, height in sizes]} if sizes else {})


def _sizes(facts: Sequence[XrayFacts]) -> list[tuple[float, float]]:
    """Return width and height of each X-ray where some are pictures, which have no Rows and Columns that count as fields."""
    if not any(is_plain_image(xray.path) for xray in facts) or any(xray.header is None for xray in facts):
        return []
    return [(float(xray.header.size_px[1]), float(xray.header.size_px[0])) for xray in facts if xray.header is not None]


def _columns(cases: Sequence[XrayCase]) -> dict[str, list[str]]:
    """Return what the tables say of each X-ray beside its label, in words."""
    groups = [dict(case.groups) for case in cases]
    columns = {f"column {name}": [getattr(case, name) or "" for case in cases] for name in ("view", "sex")} if cases else {}
    for name in dict.fromkeys(name for one in groups for name in one):
        values = [one.get(name, "") for one in groups]
        # What another finding is is no property of the examination.
        if not (name.startswith(PREFIX) and _are_findings(values)):
            columns[f"column {name}"] = values
    return columns


def _are_findings(values: Sequence[str]) -> bool:
    return set(values) <= {"", "0", "1", "0.0", "1.0"}


def _distinct(fields: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Return the fields that have several values; of those that always go together, one is kept."""
    told: dict[tuple[int, ...], str] = {}
    for name, words in fields.items():
        numbers: dict[str, int] = {}
        pattern = tuple(numbers.setdefault(word, len(numbers)) for word in words)
        if len(numbers) > 1:
            told.setdefault(pattern, name)
    return {name: fields[name] for name in told.values()}


def _of_words(name: str, words: Sequence[str], y: np.ndarray, people: np.ndarray) -> Clue | None:
    """Score a field of words: X-rays ranked by the share of positives among those with the same value."""
    counts = Counter(words)
    grouped = [word if counts[word] >= LEAST_OF_A_VALUE else "other" for word in words]
    values = Counter(grouped)
    if not 1 < len(values) <= MOST_VALUES:
        return None
    shares = {value: float(y[[word == value for word in grouped]].mean()) for value in values}
    ranked = sorted(values, key=lambda value: -shares[value])
    said = ", ".join(f"{value or 'none'} {shares[value]:.0%} of {values[value]:,}" for value in ranked[:4])
    said = f"share of positives: {said}{', …' if len(ranked) > 4 else ''}"
    clue = _clue(name, np.array([shares[word] for word in grouped]), y, people, said)
    if len(values) == 2:
        # Two values have one order and its reverse, as numbers have.
        return clue
    chance = _chance(np.array([ranked.index(word) for word in grouped]), y, people)
    is_sure = clue.is_sure and clue.auroc_score > chance.mean() + SURE_ERRORS * chance.std()
    return replace(clue, is_sure=is_sure, by_chance=float(chance.mean()))


def _chance(values: np.ndarray, y: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Return AUROCs of a field of words on labels that were dealt out among persons by chance, (CHANCE_DRAWS,).

    All X-rays of a person mostly have one value and one label, so that a person counts as one.
    """
    _, first = np.unique(people, return_index=True)
    ill = np.zeros(len(first), bool)
    np.logical_or.at(ill, people, y)
    held = np.bincount(values[first])
    positives = np.random.default_rng(0).multivariate_hypergeometric(held, int(ill.sum()), CHANCE_DRAWS)
    others = held - positives
    order = np.argsort(-positives / np.maximum(held, 1), axis=1)
    positives, others = (np.take_along_axis(counts, order, axis=1) for counts in (positives, others))
    below = others.sum(axis=1, keepdims=True) - others.cumsum(axis=1)
    pairs = max(int(ill.sum()) * int((~ill).sum()), 1)
    return np.asarray((positives * (below + others / 2)).sum(axis=1) / pairs)


def _of_numbers(name: str, values: np.ndarray, y: np.ndarray, people: np.ndarray) -> Clue | None:
    known = np.isfinite(values)
    values, y, people = values[known], y[known], people[known]
    if min(y.sum(), (~y).sum()) < LEAST_OF_EACH or np.ptp(values) == 0:
        return None
    positive, negative = np.median(values[y]), np.median(values[~y])
    return _clue(name, values, y, people, f"median {positive:.3g} in positives, {negative:.3g} in the others")


def _clue(name: str, values: np.ndarray, y: np.ndarray, people: np.ndarray, said: str) -> Clue:
    score = float(auroc_score(values, y))
    score = max(score, 1 - score)
    error = _standard_error(len(np.unique(people[y])), len(np.unique(people[~y])))
    return Clue(name, score, len(y), score - 0.5 > SURE_ERRORS * error, said)


def _standard_error(positives: int, negatives: int) -> float:
    """Return the standard error of an AUROC of 0.5: what luck alone does.

    Source: Mann & Whitney 1947, doi:10.1214/aoms/1177730491.
    """
    return math.sqrt((positives + negatives + 1) / (12 * positives * negatives))


def _age(xray: XrayFacts) -> float:
    age = age_in_years(xray.told.get("PatientAge", ""))
    return math.nan if age is None else age
