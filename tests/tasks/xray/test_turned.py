"""X-rays that all lie turned are named wherever a data set of them is read; an upright one never is."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.challenges.xray_case import XrayCase
from radlearn.scans.dicom import find_xrays, read_radiograph
from radlearn.scans.way_up import say_turned
from radlearn.tasks.xray.prediction import XrayPredictions
from radlearn.tasks.xray.radiographs import prepared_radiographs, read_unlabelled, say_where_turned

Turn = Callable[[np.ndarray], np.ndarray]


def pictures(source: Path, folder: Path, turn: Turn, count: int = 10, upright: int = 0) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{number:02}.png" for number in range(count)]
    for number, (path, xray) in enumerate(zip(paths, find_xrays(source), strict=False)):
        grey = np.rint(255 * read_radiograph(xray, 128).pixels).astype(np.uint8)
        Image.fromarray(np.ascontiguousarray(grey if number < upright else turn(grey))).save(path)
    return paths


def said_where_read(paths: list[Path], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    prepared_radiographs([XrayCase(path.stem, path, None, (), None, path.stem) for path in paths], 64)
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (lambda grey: grey[::-1], "look upside down"),
        (lambda grey: grey[::-1, ::-1], "look upside down"),
        (np.rot90, "look turned by 90°, with the head on the left"),
        (lambda grey: grey.T[:, ::-1], "look turned by 90°, with the head on the right"),
    ],
)
def test_turned_xrays_are_named_with_their_number_in_training_and_in_predictions(
    built_in_xrays: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], turn: Turn, words: str
) -> None:
    paths = pictures(built_in_xrays, tmp_path / "in", turn)
    said = said_where_read(paths, capsys)
    assert words in said
    assert "10 X-rays" in said
    predictions = XrayPredictions([tmp_path / "in"], None)
    assert sum(map(len, predictions.batches(partial(read_unlabelled, size_px=64, shape="pad"), 4))) == 10
    assert words in capsys.readouterr().err


def test_upright_mirrored_and_partly_turned_xrays_are_passed_over(
    built_in_xrays: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "look" not in said_where_read(pictures(built_in_xrays, tmp_path / "upright", lambda grey: grey), capsys)
    assert "look" not in said_where_read(pictures(built_in_xrays, tmp_path / "mirrored", lambda grey: grey[:, ::-1]), capsys)
    assert "look" not in said_where_read(pictures(built_in_xrays, tmp_path / "some", np.rot90, upright=5), capsys)
    say_where_turned([])
    say_turned({})
    assert not capsys.readouterr().err


def test_black_bars_of_padding_hide_no_turn(built_in_xrays: Path, tmp_path: Path) -> None:
    def wide(grey: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(grey).resize((200, 100)))[::-1]

    for path in pictures(built_in_xrays, tmp_path / "in", wide, 6):
        padded, stretched = (read_unlabelled(path, size_px=64, shape=shape) for shape in ("pad", "stretch"))
        assert padded.way == stretched.way == "upside down"
