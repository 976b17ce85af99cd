"""The subgroups that a mean would hide."""

from collections.abc import Sequence

import numpy as np

from radlearn.challenges.xray_case import XrayCase
from radlearn.workflow.table_groups import groups_of_table

AGE_BANDS = ((0, 18, "under 18 years"), (18, 40, "18–39 years"), (40, 60, "40–59 years"), (60, 111, "60 years and over"))


def subgroups_of(cases: Sequence[XrayCase]) -> dict[str, np.ndarray]:
    """Return who belongs to which subgroup, bool (cases,) each; groups without anybody are left out, except the two views."""
    view = np.array([case.view or "" for case in cases])
    sex = np.array([case.sex or "" for case in cases])
    age = np.array([np.nan if case.age_years is None else case.age_years for case in cases], dtype=float)
    groups = {"AP (lying or sitting)": view == "AP", "PA (standing)": view == "PA", "women": sex == "F", "men": sex == "M"}
    groups |= {name: (age >= low) & (age < high) for low, high, name in AGE_BANDS}
    groups |= groups_of_table(cases)
    groups |= {"view unknown": ~np.isin(view, ["AP", "PA"]), "age unknown": np.isnan(age)}
    always = ("AP (lying or sitting)", "PA (standing)")
    return {name: chosen for name, chosen in groups.items() if chosen.any() or name in always}
