"""Which way up an X-ray lies, without any other to compare it with."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from radlearn.scans.dicom import find_xrays, read_radiograph
from radlearn.scans.look_alikes import thumbnail_of
from radlearn.scans.way_up import MOST, WAYS, most_lie, usual_chest, way_up

ON_THE_LEFT, ON_THE_RIGHT, UPSIDE_DOWN = WAYS[3], WAYS[1], WAYS[2]
TURNED: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "as it is": (lambda xray: xray, ""),
    "mirrored": (lambda xray: xray[:, ::-1], ""),
    "read from the bottom": (lambda xray: xray[::-1], UPSIDE_DOWN),
    "read backwards": (lambda xray: xray[::-1, ::-1], UPSIDE_DOWN),
    "transposed": (lambda xray: xray.T, ON_THE_LEFT),
    "its first row becomes the last column": (lambda xray: xray.T[:, ::-1], ON_THE_RIGHT),
}


@pytest.fixture(scope="module")
def xrays(built_in_xrays: Path) -> list[np.ndarray]:
    return [read_radiograph(path, 128).pixels for path in find_xrays(built_in_xrays)[:20]]


@pytest.mark.parametrize("name", TURNED)
def test_most_xrays_that_are_turned_alike_are_told_and_upright_ones_never(xrays: list[np.ndarray], name: str) -> None:
    turn, expected = TURNED[name]
    ways = [way_up(thumbnail_of(turn(xray))) for xray in xrays]
    assert set(ways) <= {expected, ""}
    assert most_lie(ways) == ((expected, ways.count(expected)) if expected else ("", 0))
    assert not expected or ways.count(expected) > MOST * len(xrays)


def test_a_negative_and_what_is_no_chest_are_not_called_turned(xrays: list[np.ndarray]) -> None:
    noise = np.random.default_rng(0).random((128, 128))
    slope = np.tile(np.linspace(0, 1, 128), (128, 1))
    others = [*(1 - xray for xray in xrays), noise, slope, np.zeros((128, 128))]
    assert {way_up(thumbnail_of(other)) for other in others} == {""}


def test_the_usual_chest_is_symmetrical_and_has_the_head_on_top(xrays: list[np.ndarray]) -> None:
    chest = usual_chest()
    assert np.array_equal(chest, chest[:, ::-1])
    # Beside the neck there is air, and beside the belly there is not.
    assert chest[0, 0] < 32 < 128 < chest[-1, 4]
    small = np.median([thumbnail_of(xray).reshape(16, 2, 16, 2).mean((1, 3)) for xray in xrays], axis=0)
    assert np.corrcoef(small.ravel(), chest.ravel())[0, 1] > 0.9


@pytest.mark.parametrize(
    ("ways", "expected"),
    [
        ([], ("", 0)),
        (["", "", ""], ("", 0)),
        ([UPSIDE_DOWN], (UPSIDE_DOWN, 1)),
        ([UPSIDE_DOWN, UPSIDE_DOWN, ""], (UPSIDE_DOWN, 2)),
        ([UPSIDE_DOWN, UPSIDE_DOWN, "", ""], ("", 0)),
        ([UPSIDE_DOWN, ON_THE_LEFT, ON_THE_RIGHT], ("", 0)),
    ],
)
def test_most_are_two_of_three(ways: list[str], expected: tuple[str, int]) -> None:
    assert most_lie(ways) == expected
