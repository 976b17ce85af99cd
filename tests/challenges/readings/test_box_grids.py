"""Boxes that were drawn on smaller copies are told, and those of one side, of one field, or of few X-rays are not called so."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.readings.box_grids import grid_words
from radlearn.challenges.xray_case import XrayCase, with_headers
from tests.check.test_boxes import HEADER

SIDE = 1024


def drawn(
    factor: float = 1, count: int = 30, lungs: tuple[int, ...] = (160, 600), top: tuple[int, int] = (150, 600)
) -> list[tuple[list[tuple[float, float, float, float]], tuple[int, int]]]:
    """Boxes of lungs that begin there across, between `top` down, times a factor."""
    rng = np.random.default_rng(3)
    found = []
    for number in range(count):
        x, y = lungs[number % len(lungs)] + rng.uniform(0, 100), rng.uniform(*top)
        found.append(([(x * factor, y * factor, (x + 200) * factor, (y + 260) * factor)], (SIDE, SIDE)))
    return found


@pytest.mark.parametrize("factor", [256 / SIDE, 512 / SIDE, 640 / SIDE, 0.75])
def test_boxes_of_copies_are_told(factor: float) -> None:
    said = grid_words(drawn(factor))
    farthest = max(max(box) for boxes, _ in drawn(factor) for box in boxes)
    assert said.startswith("all 30 boxes lie within ")
    within, side = int(said.split("within ")[1].split()[0]), int(said.split("about ")[1].split()[0])
    assert within - 1 < farthest <= within
    assert side == pytest.approx(factor * SIDE, rel=0.1)
    assert "on X-rays whose sides are 1,024 px and more: were they drawn on " in said


def test_percent_are_told() -> None:
    assert grid_words(drawn(100 / SIDE)).endswith("or are they percent?")


def test_sound_boxes_are_left_alone_wherever_the_findings_are() -> None:
    assert grid_words(drawn()) == ""
    assert grid_words(drawn(0.9)) == ""
    # One lung, its upper half, both upper fields, and the lower ones.
    assert grid_words(drawn(lungs=(160,))) == ""
    assert grid_words(drawn(lungs=(600,))) == ""
    assert grid_words(drawn(top=(100, 200))) == ""
    assert grid_words(drawn(top=(500, 600))) == ""
    assert grid_words(drawn(0.5, count=19)) == ""
    assert grid_words([]) == ""


def test_one_box_beyond_is_proof(capsys: pytest.CaptureFixture[str]) -> None:
    told, header = drawn(0.5), replace(HEADER, size_px=(SIDE, SIDE), patient_id="")
    cases = [XrayCase(str(number), Path(f"{number}.dcm"), True, tuple(boxes), None, str(number)) for number, (boxes, _) in enumerate(told)]
    with_headers(cases, [header] * len(cases))
    said = " ".join(capsys.readouterr().err.split())
    assert said.startswith("All 30 boxes lie within")
    assert "multiply x by its width and y by its height" in said
    cases[3] = replace(cases[3], boxes_xyxy_px=((700, 700, 900, 900),))
    with_headers(cases, [header] * len(cases))
    assert capsys.readouterr().err == ""
