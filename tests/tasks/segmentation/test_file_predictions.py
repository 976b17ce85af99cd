"""Predictions are written down one after another, and what was written is not predicted again."""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from radlearn.challenges.ultrasound import CHALLENGE
from radlearn.errors import BadLayout, Interrupted, UnreadableScan
from radlearn.tasks.segmentation.file_predictions import FilePredictions, FileWords, cases_in
from radlearn.tasks.segmentation.label_maps.look_alikes import frame_look_alikes
from radlearn.training.run_folder import Run, new_run
from radlearn.training.settings import TrainingSettings
from tests.tasks.segmentation.label_maps.frames_on_disk import write_images

WORDS = FileWords("images", "images", ".txt")


class Counted(NamedTuple):
    """What is predicted here: how large the file is."""

    size: int


class Sizes(FilePredictions[Counted]):
    """Writes the size of each file into a text."""

    def look(self, found: Counted) -> list[np.ndarray]:
        return [np.zeros((32, 32), np.uint8)]

    def write(self, case_id: str, file: Path, found: Counted, overlay: bool) -> tuple[tuple[str, ...], list[Path]]:
        written = self.out / "masks" / self.mask_names[case_id]
        written.parent.mkdir(exist_ok=True)
        written.write_text(str(found.size))
        return (str(file), case_id, str(found.size), "", "", "no"), [written]


def sizes(images: Path, out: Path, run: Run, by: str = "x", *more: Path) -> Sizes:
    columns = ("path", "case", "bytes", "ood_score", "ood_distance", "out_of_distribution")
    named = [images, *more]
    return Sizes([run], cases_in(CHALLENGE, named, "images"), named, out, columns, WORDS, {"by": by}, frame_look_alikes([run]))


def counted(path: Path) -> Counted:
    return Counted(path.stat().st_size)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    write_images(tmp_path / "all", persons=2, each=2)
    (tmp_path / "images").mkdir()
    for image in (tmp_path / "all").glob("*.tif"):
        shutil.copy(image, tmp_path / "images")
    return tmp_path / "images"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = new_run(tmp_path / "run", "ultrasound", TrainingSettings(), {"data": "somewhere", "synthetic": False})
    run.best_weights.parent.mkdir(parents=True, exist_ok=True)
    run.best_weights.write_bytes(b"weights")
    return run


def test_a_pass_that_was_stopped_goes_on_with_the_rest(images: Path, run: Run, tmp_path: Path) -> None:
    asked: list[str] = []

    def stopped_at_the_third(path: Path) -> Counted:
        asked.append(path.name)
        if len(asked) == 3:
            raise Interrupted("stopped")
        return counted(path)

    with pytest.raises(Interrupted):
        sizes(images, tmp_path / "out", run).predict_all(stopped_at_the_third)
    again = sizes(images, tmp_path / "out", run)
    rest: list[str] = []
    again.predict_all(lambda path: (rest.append(path.name), counted(path))[1])
    assert (asked[:2], rest) == (["1_1.tif", "1_2.tif"], ["2_1.tif", "2_2.tif"])
    lines = again.table.read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[1:3] for line in lines[1:]] == [[path.stem, str(path.stat().st_size)] for path in sorted(images.iterdir())]


def test_a_folder_of_which_nothing_could_be_read_is_named(images: Path, run: Run, tmp_path: Path, capsys: Any) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    shutil.copy(images / "1_1.tif", bad / "9_1.tif")

    def refusing(path: Path) -> Counted:
        if path.parent == bad:
            raise UnreadableScan(f"{path}: is damaged.")
        return counted(path)

    found = sizes(images, tmp_path / "out", run, "x", bad)
    found.predict_all(refusing)
    said = " ".join(capsys.readouterr().err.split())
    assert f"{bad}: holds no image that could be read, so nothing was predicted for it." in said
    assert f"{images}: holds no" not in said
    assert len(found.rows) == 4


def test_an_image_and_a_link_to_it_are_one(images: Path, capsys: Any) -> None:
    (images / "0_1.tif").symlink_to(images / "1_1.tif")
    assert list(cases_in(CHALLENGE, [images], "images")) == ["1_1", "1_2", "2_1", "2_2"]
    assert "0_1.tif: is the same file as" in " ".join(capsys.readouterr().err.split())
    with pytest.raises(BadLayout, match=r"there is no such file or folder\. Name cats\."):
        cases_in(CHALLENGE, [images / "none"], "cats")
