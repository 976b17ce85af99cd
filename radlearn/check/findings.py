"""A thing that an audit found, by one of its rules (`check.rules`), in one file: a list of them is a list of things to do."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from radlearn.check.rules import RULES, SEVERITIES, Severity


@dataclass(frozen=True)
class Finding:
    """One thing that was found: by which rule, where, and what it is, in words.

    `file` is a path within the folder, with the line where it is a table, and "" for the folder as a whole. `also` are other files that
    belong to it. `boxes_xyxy_px` are to be drawn on the picture of it.
    """

    rule: str
    file: str
    found: str
    also: tuple[str, ...] = ()
    weight: Severity | None = None
    boxes_xyxy_px: tuple[tuple[float, float, float, float], ...] = ()

    @property
    def severity(self) -> Severity:
        """How much it matters: the rule's, unless this one matters less or more."""
        return self.weight or RULES[self.rule].severity

    def as_dict(self) -> dict[str, object]:
        """Return what `--json` says of it."""
        said: dict[str, object] = {"severity": self.severity, "rule": self.rule, "file": self.file, "found": self.found}
        return said | ({"also": list(self.also)} if self.also else {}) | {"advice": RULES[self.rule].advice}


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings with the gravest first, then rule by rule, then by file."""
    rules = list(RULES)
    return sorted(findings, key=lambda one: (SEVERITIES.index(one.severity), rules.index(one.rule), one.file, one.found))


def counted(findings: Iterable[Finding]) -> dict[Severity, int]:
    """Return how many there are of each severity.

    >>> counted([Finding("age", "a.dcm", "155"), Finding("about", "", "110 xrays")])
    {'error': 0, 'warning': 1, 'note': 1}
    """
    counts = Counter(one.severity for one in findings)
    return {severity: counts[severity] for severity in SEVERITIES}


def grouped(findings: list[Finding]) -> list[list[Finding]]:
    """Return findings that are in order as lists of the same rule and severity."""
    return [list(same) for _, same in groupby(findings, key=lambda one: (one.severity, one.rule))]
