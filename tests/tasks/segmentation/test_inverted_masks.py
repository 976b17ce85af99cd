"""Masks that hold most of an image, by count and with the first of them."""

import pytest

from radlearn.tasks.segmentation.inverted_masks import say_inverted


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ([("a", 0.2), ("b", 0.9), ("c", 0.5)], "1 of the 3 scans lies mostly inside its mask, such as b with 90%: are inside and outside"),
        ([("a", 0.97), ("b", 0.6)], "Both scans lie mostly inside their masks, such as a with 97%"),
    ],
)
def test_the_worst_is_named(shares: list[tuple[str, float]], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    say_inverted(shares, "scans")
    assert words in " ".join(capsys.readouterr().err.split())


def test_half_of_an_image_may_be_inside(capsys: pytest.CaptureFixture[str]) -> None:
    say_inverted([("a", 0.5), ("b", 0.0)], "scans")
    say_inverted([], "scans")
    assert capsys.readouterr().err == ""
