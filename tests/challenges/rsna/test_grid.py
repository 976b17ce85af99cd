"""Boxes reach the challenge's grid from files of any size, by arithmetic."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.challenges.rsna import CHALLENGE
from radlearn.challenges.rsna.grid import on_the_challenges_grid
from radlearn.challenges.rsna.submission import read_submission
from radlearn.challenges.xray_case import XrayCase
from radlearn.metrics.boxes import FoundBoxes, no_boxes
from radlearn.scans.dicom import write_radiograph


def case(folder: Path, name: str, height: int, width: int) -> XrayCase:
    pixels = np.tile(np.arange(width, dtype=np.uint8), (height, 1))
    path = folder / name
    if path.suffix == ".png":
        Image.fromarray(pixels).save(path)
    else:
        write_radiograph(path, pixels, patient_id="1", view="PA", sex="F", age="40", spacing_mm=None)
    return XrayCase(path.stem, path, None, (), None, path.stem)


@pytest.mark.parametrize(
    ("name", "height", "width", "box", "expected"),
    [
        ("half.dcm", 512, 512, (10, 20, 110, 220), (20, 40, 220, 440)),
        ("small.png", 256, 256, (0, 0, 256, 256), (0, 0, 1024, 1024)),
        ("twice.dcm", 2048, 2048, (1000, 500, 2000, 1500), (500, 250, 1000, 750)),
        ("wide.png", 1024, 2048, (1800, 100, 2048, 1024), (900, 100, 1024, 1024)),
        ("as it is.dcm", 1024, 1024, (1, 2, 3, 4), (1, 2, 3, 4)),
    ],
)
def test_a_box_lies_where_it_lay_on_the_xray(
    name: str,
    height: int,
    width: int,
    box: tuple[int, ...],
    expected: tuple[int, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = case(tmp_path, name, height, width)
    found = {one.image_id: FoundBoxes(np.array([box], float), np.array([0.5]))}
    assert CHALLENGE.write_submission is not None
    CHALLENGE.write_submission(tmp_path / "out.csv", found, [one])
    np.testing.assert_allclose(read_submission(tmp_path / "out.csv")[one.image_id].boxes_xyxy_px, [expected], atol=0.01)
    said = " ".join(capsys.readouterr().err.split())
    assert (f"such as {name}: {width} × {height}, width × height): their boxes are scaled to it" in said) == (
        (height, width) != (1024, 1024)
    )


def test_files_of_another_size_are_counted_and_those_without_boxes_stay_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = [case(tmp_path, f"{side}.dcm", side, side) for side in (512, 600, 1024)]
    boxes = FoundBoxes(np.array([[0.0, 0, 512, 512]]), np.array([0.5]))
    scaled = on_the_challenges_grid({"512": boxes, "600": no_boxes(), "1024": boxes}, cases)
    assert len(scaled["600"].confidences) == 0
    np.testing.assert_allclose(scaled["512"].boxes_xyxy_px, [[0, 0, 1024, 1024]])
    np.testing.assert_allclose(scaled["1024"].boxes_xyxy_px, [[0, 0, 512, 512]])
    assert "2 of the 3 X-rays do not have the challenge's 1024 × 1024 px (such as 512.dcm" in " ".join(capsys.readouterr().err.split())
