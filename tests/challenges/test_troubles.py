"""Many things that are wrong make one message."""

from pathlib import Path

from radlearn.challenges.troubles import listed


def test_ten_are_named_and_the_others_counted() -> None:
    lines = listed(Path("data"), [f"thing {number}" for number in range(1_200)], "in it cannot be used", "Mend them.").splitlines()
    assert lines[0] == "data: 1,200 things in it cannot be used:"
    assert lines[1:11] == [f"  thing {number}" for number in range(10)]
    assert lines[11:] == ["  … and 1,190 more.", "Mend them."]


def test_one_thing_is_one_thing() -> None:
    assert listed(Path("a.csv"), ["is empty."]) == "a.csv: one thing in it cannot be scored:\n  is empty.\nMend this, then try again."
