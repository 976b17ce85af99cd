"""Further columns of a table make subgroups."""

from dataclasses import dataclass

import numpy as np

from radlearn.workflow.table_groups import groups_of_table


@dataclass(frozen=True)
class Case:
    """A case with what a table says of it."""

    groups: tuple[tuple[str, str], ...] = ()


def test_each_value_of_each_column_is_a_group_and_an_empty_cell_is_in_none() -> None:
    cases = [Case((("site", "S"), ("bed", "1"))), Case((("site", "N"),)), Case((("site", "S"),)), Case()]
    found = groups_of_table(cases)
    assert list(found) == ["site: N", "site: S", "bed: 1"]
    np.testing.assert_array_equal(found["site: S"], [True, False, True, False])
    np.testing.assert_array_equal(found["bed: 1"], [True, False, False, False])


def test_cases_of_a_layout_have_none() -> None:
    assert groups_of_table([object(), Case()]) == {}
