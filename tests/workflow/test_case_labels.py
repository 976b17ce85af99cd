"""Several labels of cases as a table."""

from types import SimpleNamespace

import numpy as np

from radlearn.workflow.case_labels import label_names, label_values, labels_in_words

CASES = [
    SimpleNamespace(labels=(("mass", True), ("effusion", None))),
    SimpleNamespace(labels=(("effusion", True), ("mass", False))),
    SimpleNamespace(image_id="of another challenge"),
]


def test_labels_are_found_by_name_and_what_is_not_known_is_nan() -> None:
    assert label_names(CASES) == ("mass", "effusion")
    np.testing.assert_array_equal(label_values(CASES, ["effusion", "mass"]), [[np.nan, 1], [1, 0], [np.nan, np.nan]])
    assert label_values([], ["mass"]).shape == (0, 1)
    assert label_values(CASES, []).shape == (3, 0)
    assert labels_in_words(CASES[0]) == "mass (not known: effusion)"
