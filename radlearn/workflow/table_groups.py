"""The subgroups that further columns of a table of one's own make, such as the hospitals in its column `site`."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def groups_of_table(cases: Sequence[Any]) -> dict[str, np.ndarray]:
    """Return who belongs to which group, "site: A" -> bool (cases,), in the order of the columns and of the values' names."""
    said = [dict(getattr(case, "groups", ())) for case in cases]
    columns = dict.fromkeys(column for one in said for column in one)
    found: dict[str, np.ndarray] = {}
    for column in columns:
        values = np.array([one.get(column, "") for one in said])
        found |= {f"{column}: {value}": values == value for value in sorted(set(values.tolist()) - {""})}
    return found
