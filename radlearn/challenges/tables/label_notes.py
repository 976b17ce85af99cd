"""What a person should know of the labels in a table of several."""

import re
from collections.abc import Sequence

from radlearn.amounts import counted
from radlearn.challenges.tables.table_files import OwnTable
from radlearn.challenges.xray_case import XrayCase

NOTHING = {
    "normal", "healthy", "no finding", "no findings", "nofinding", "nofindings", "no abnormality", "no abnormalities", "unremarkable",
}  # fmt: skip
"What labels are called that say that there is no finding. A negative test, or a control, may have one."
READER = re.compile(r"(?:readers?|rad|radiologists?|raters?|annotators?|experts?|observers?|doctors?|reading|r|dr)(?: ?[0-9]{1,2}| ?[a-f])")
"What a label is called that is one reader's, without its signs: reader1, rad_2, Expert B."
SHOWN = 4
NO_FINDINGS = re.compile(
    r"\b(devices?|pacemakers?|catheters?|tubes?|lines?|wires?|ports?|implants?|portable|rotated|rotation|view|quality|supine|artefacts?|artifacts?)\b"
)
"""CheXpert's No Finding allows for Support Devices, which are no illness; nor is how an X-ray was taken.

Source: Irvin et al. 2019, AAAI, arXiv:1901.07031."""


def says_nothing_is_there(name: str) -> bool:
    """Whether a label of this name says that there is no finding, as CheXpert's No Finding does.

    >>> says_nothing_is_there("No_Finding"), says_nothing_is_there("no-findings"), says_nothing_is_there("abnormal")
    (True, True, False)
    """
    return _plain(name) in NOTHING


def is_any_there(labels: Sequence[tuple[str, bool | None]]) -> bool:
    """Whether any of several labels is there; one that says that there is nothing counts only by itself.

    >>> is_any_there([("normal", True), ("mass", False)]), is_any_there([("normal", True)])
    (False, True)
    """
    findings = [value for name, value in labels if not says_nothing_is_there(name)]
    return any(findings or [value for _, value in labels])


def note_contradictions(table: OwnTable, cases: Sequence[XrayCase], prefix: str) -> None:
    """Note among the troubles X-rays without finding by one label and with one by another; once for each label that says so.

    Args:
        table, cases: one case for each image of the table.
        prefix: of the columns.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    for image, case in zip(table.images, cases, strict=True):
        there = [name for name, value in case.labels if value]
        for name in filter(says_nothing_is_there, there):
            if other := next((one for one in there if not says_nothing_is_there(one) and not NO_FINDINGS.search(_plain(one))), None):
                found.setdefault(name, []).append((image.line, other))
    for name, places in found.items():
        (line, other), *more = places
        amount = f", as in {counted(len(more), 'more rows')} (line {', '.join(str(one) for one, _ in more[:SHOWN])}" if more else ""
        amount += (", …)" if len(more) > SHOWN else ")") if more else ""
        table.troubles.append(
            f"{table.at(line, prefix + name)}: is 1, and {prefix}{other} is 1 too{amount}; expected a finding or none, not both. Set the "
            "one that is wrong to 0, or leave both empty where it is not known."
        )


def note_readers(table: OwnTable, names: Sequence[str], prefix: str) -> None:
    """Note labels that are called as the readers of one finding are: each would be learnt as a finding of its own.

    Args:
        names: of the labels, without the prefix of their columns.
    """
    readers = [name for name in names if READER.fullmatch(_plain(name))]
    if len(readers) > 1:
        columns = ", ".join(f"{prefix}{name}" for name in readers[:SHOWN]) + ", …" * (len(readers) > SHOWN)
        table.notes.append(
            f"{table.path.name}: {columns} are learnt as {counted(len(readers), 'findings')}. If they are what several readers say of one, "
            "write one column label instead, with what most of them say."
        )


def _plain(name: str) -> str:
    return re.sub(r"[\s_.-]+", " ", name).strip().casefold()


def with_some_label(table: OwnTable, cases: Sequence[XrayCase]) -> list[XrayCase]:
    """Return the X-rays of which at least one label is known; how many are left out is noted."""
    kept = [case for case in cases if any(value is not None for _, value in case.labels)]
    if left := len(cases) - len(kept):
        table.notes.append(
            f"{table.path.name}: of {counted(left, 'X-rays')} no label is known, so {'they are' if left > 1 else 'it is'} left out."
        )
    return kept
