"""Several labels of cases as a table."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from radlearn.challenges.xray_case import XrayCase
from radlearn.training.run_folder import new_run
from radlearn.workflow.case_contents import compared, contents_of, digest_of
from radlearn.workflow.case_labels import label_names, label_values, labels_in_words, names_of_labels, of_labels
from radlearn.workflow.scores_file import content_for
from tests.made_runs import Settings

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


def xray(*labels: tuple[str, bool | None]) -> XrayCase:
    return XrayCase("a", Path(__file__), None, (), None, "p", labels=labels)


def test_another_order_of_columns_or_a_further_label_is_the_same_truth_and_another_value_is_not(tmp_path: Path) -> None:
    then, names = xray(("mass", True), ("edema", None)), ("mass", "edema")
    expected = {"a": contents_of([then])[0]._replace(pixels="v2:x")}
    for now, same in (
        (xray(("edema", None), ("mass", True)), True),
        (xray(("mass", True), ("edema", None), ("scar", True)), True),
        (xray(("scar", None), ("edema", None), ("mass", True)), True),
        (xray(("edema", None), ("mass", False)), False),
        (xray(("edema", False), ("mass", True)), False),
    ):
        known = contents_of(of_labels([now], names))[0]
        assert (known.truth == expected["a"].truth) is same
    # Of cases that lack a label nothing is made up.
    assert of_labels([xray(("mass", True))], names)[0].labels == (("mass", True),)
    assert compared([then], {}).other_truth == []


def test_a_run_knows_its_labels_and_scores_have_one_digest_whatever_their_order(tmp_path: Path) -> None:
    runs = [new_run(tmp_path / str(number), "classification", Settings(), {"label_names": names}) for number, names in
            enumerate((["mass", "edema"], ["edema", "mass"]))]  # fmt: skip
    assert [names_of_labels(run) for run in runs] == [("mass", "edema"), ("edema", "mass")]
    one, other = xray(("mass", True), ("edema", False)), xray(("scar", True), ("edema", False), ("mass", True))
    assert len({content_for(run, [case]) for run in runs for case in (one, other)}) == 1
    assert digest_of([one]) != digest_of([other])
    assert names_of_labels(new_run(tmp_path / "plain", "classification", Settings(), {})) == ()
