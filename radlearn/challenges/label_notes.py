"""What a person should know of the labels in a table of several."""

from collections.abc import Sequence

from radlearn.amounts import counted
from radlearn.challenges.own_table import OwnTable
from radlearn.challenges.xray_case import XrayCase


def with_some_label(table: OwnTable, cases: Sequence[XrayCase]) -> list[XrayCase]:
    """Return the X-rays of which at least one label is known; how many are left out is noted."""
    kept = [case for case in cases if any(value is not None for _, value in case.labels)]
    if left := len(cases) - len(kept):
        table.notes.append(
            f"{table.path.name}: of {counted(left, 'X-rays')} no label is known, so {'they are' if left > 1 else 'it is'} left out."
        )
    return kept
