"""A confidence beside a box is told by its name and its value."""

import pytest

from radlearn.challenges.first_tables.boxes.found_marks import confidence_of


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"score": 0.25}, "score, 0.25,"),
        ({"CONF": "0.5"}, "CONF, 0.5,"),
        ({"score": 1}, ""),
        ({"score": "high"}, ""),
        ({"score": float("nan")}, ""),
        ({"score": -0.5}, ""),
        ({"score": False}, ""),
        ({"area": 0.5}, ""),
    ],
)
def test_a_confidence_is_a_number_from_0_to_below_1_under_its_name(said: dict[str, object], words: str) -> None:
    assert confidence_of(said) == words
