"""What gives the label away without looking at the lungs: header fields and simple statistics of the picture, each scored by AUROC.

On the challenge's X-rays the view alone scores 0.71: who is too ill to stand is imaged lying down, and is more often ill with pneumonia.
A model learns such things first. Brightness may also be the illness itself, which is white on an X-ray; that is why this is a warning.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radlearn.challenges.xray_case import XrayCase
from radlearn.check.findings import Finding
from radlearn.check.radiographs import XrayFacts
from radlearn.metrics.ranking import auroc_score
from radlearn.scans.header_texts import age_in_years

WARNED_ABOVE = 0.65
SURE_ERRORS = 2.5
"So many standard errors above chance: dozens of fields are tried, and one of them is always lucky."
LEAST_OF_EACH = 10
"X-rays with and without the label."
MOST_VALUES = 12
LEAST_OF_A_VALUE = 8
"Rarer values count as one, `other`: a value of one X-ray would give its label away by itself."


@dataclass(frozen=True)
class Clue:
    """How well one field alone tells the label; `said` shows it in numbers."""

    name: str
    auroc_score: float
    xrays: int
    is_sure: bool
    said: str

    @property
    def is_shortcut(self) -> bool:
        """Whether it deserves a warning."""
        return self.is_sure and self.auroc_score > WARNED_ABOVE


def clues(facts: Sequence[XrayFacts], labels: Sequence[bool]) -> list[Clue]:
    """Return how well every header field and statistic of readable X-rays tells their labels, the best first."""
    y = np.asarray(labels, bool)
    if min(y.sum(), (~y).sum()) < LEAST_OF_EACH:
        return []
    found = [_of_words(name, words, y) for name, words in _fields(facts).items()]
    found += [_of_numbers(name, np.array([xray.looks.get(name, math.nan) for xray in facts]), y) for name in (facts[0].looks or {})]
    ages = np.array([_age(xray) for xray in facts])
    if np.isfinite(ages).any():
        found.append(_of_numbers("PatientAge", ages, y))
    return sorted((clue for clue in found if clue is not None), key=lambda clue: -clue.auroc_score)


def shortcut_findings(facts: Sequence[XrayFacts], cases: Mapping[Path, XrayCase], synthetic: bool) -> tuple[list[Clue], list[Finding]]:
    """Return all clues, and a finding for each shortcut: a warning; on built-in patients, who have one on purpose, a note."""
    known = [xray for xray in facts if xray.path in cases and not xray.trouble and cases[xray.path].label is not None]
    scored = clues(known, [bool(cases[xray.path].label) for xray in known]) if facts else _of_tables(list(cases.values()))
    on_purpose = " Built-in patients have this shortcut on purpose." if synthetic else ""
    findings = []
    for clue in scored:
        if clue.is_shortcut:
            found = f"{clue.name} alone scores AUROC {clue.auroc_score:.3f} for the label ({clue.said}).{on_purpose}"
            findings.append(Finding("shortcut", "", found, weight="note" if synthetic else None))
    return scored, findings


def _of_tables(cases: Sequence[XrayCase]) -> list[Clue]:
    """Return the one clue that tables without X-rays may hold: the view."""
    labels, views = np.array([bool(case.label) for case in cases]), [case.view or "" for case in cases]
    if not any(views) or min(labels.sum(), (~labels).sum()) < LEAST_OF_EACH:
        return []
    clue = _of_words("view", views, labels)
    return [] if clue is None else [clue]


def _fields(facts: Sequence[XrayFacts]) -> dict[str, list[str]]:
    """Return the values of every header field that has several, X-ray by X-ray; of fields that always go together, one is kept."""
    keywords = sorted({keyword for xray in facts for keyword in xray.told} - {"PatientAge"})
    fields: dict[str, list[str]] = {"view": [(xray.header.view or "") if xray.header else "" for xray in facts]}
    fields |= {keyword: [xray.told.get(keyword, "") for xray in facts] for keyword in keywords}
    told: dict[tuple[int, ...], str] = {}
    for name, words in fields.items():
        numbers: dict[str, int] = {}
        pattern = tuple(numbers.setdefault(word, len(numbers)) for word in words)
        if len(numbers) > 1:
            told.setdefault(pattern, name)
    return {name: fields[name] for name in told.values()}


def _of_words(name: str, words: Sequence[str], y: np.ndarray) -> Clue | None:
    """Score a field of words: X-rays ranked by the share of positives among those with the same value."""
    counts = Counter(words)
    grouped = [word if counts[word] >= LEAST_OF_A_VALUE else "other" for word in words]
    values = Counter(grouped)
    if not 1 < len(values) <= MOST_VALUES:
        return None
    shares = {value: float(y[[word == value for word in grouped]].mean()) for value in values}
    ranked = sorted(values, key=lambda value: -shares[value])
    said = ", ".join(f"{value or 'none'} {shares[value]:.0%} of {values[value]:,}" for value in ranked[:4])
    return _clue(name, np.array([shares[word] for word in grouped]), y, f"share of positives: {said}{', …' if len(ranked) > 4 else ''}")


def _of_numbers(name: str, values: np.ndarray, y: np.ndarray) -> Clue | None:
    known = np.isfinite(values)
    values, y = values[known], y[known]
    if min(y.sum(), (~y).sum()) < LEAST_OF_EACH or np.ptp(values) == 0:
        return None
    positive, negative = np.median(values[y]), np.median(values[~y])
    return _clue(name, values, y, f"median {positive:.3g} in positives, {negative:.3g} in the others")


def _clue(name: str, values: np.ndarray, y: np.ndarray, said: str) -> Clue:
    score = float(auroc_score(values, y))
    score = max(score, 1 - score)
    return Clue(name, score, len(y), score - 0.5 > SURE_ERRORS * _standard_error(int(y.sum()), int((~y).sum())), said)


def _standard_error(positives: int, negatives: int) -> float:
    """Return the standard error of an AUROC of 0.5: what luck alone does.

    Source: Mann & Whitney 1947, doi:10.1214/aoms/1177730491.
    """
    return math.sqrt((positives + negatives + 1) / (12 * positives * negatives))


def _age(xray: XrayFacts) -> float:
    age = age_in_years(xray.told.get("PatientAge", ""))
    return math.nan if age is None else age
