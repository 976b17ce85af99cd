"""An overlay file of found boxes holds the film twice, once untouched."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.metrics.boxes import FoundBoxes, no_boxes
from radlearn.pictures.boxes import write_box_overlay


@pytest.mark.parametrize("shape", [(64, 48), (48, 64), (256, 256)])
def test_beside_the_plain_film_stands_the_one_with_boxes(tmp_path: Path, shape: tuple[int, int]) -> None:
    found = FoundBoxes(np.array([[0.25 * shape[1], 0.25 * shape[0], 0.75 * shape[1], 0.75 * shape[0]]]), np.array([0.9]))
    path = write_box_overlay(tmp_path / "new" / "a.png", np.full(shape, 0.5), found, shape, "id", "1 box")
    sheet = np.asarray(Image.open(path))
    scale = 560 / max(shape)
    width, height = round(shape[1] * scale), round(shape[0] * scale)
    assert np.all(sheet[:height, :width] == 128)
    boxed = sheet[:height, width + 6 : 2 * width + 6]
    rows, columns = np.nonzero((boxed != 128).any(axis=2))
    assert rows.max() == pytest.approx(0.75 * height, abs=3)
    assert (columns.min(), columns.max()) == (pytest.approx(0.25 * width, abs=3), pytest.approx(0.75 * width, abs=3))


def test_a_film_on_which_nothing_was_found_is_shown_twice_and_unchanged(tmp_path: Path) -> None:
    sheet = np.asarray(Image.open(write_box_overlay(tmp_path / "a.png", np.full((60, 60), 0.5), no_boxes(), (60, 60), "id")))
    assert np.all(sheet[:560, :560] == 128)
    assert np.all(sheet[:560, 566:1126] == 128)
