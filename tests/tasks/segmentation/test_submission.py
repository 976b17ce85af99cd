"""A submission needs a prediction for every image, which is seen before the first is made."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from radlearn.challenges.ultrasound import CHALLENGE
from radlearn.errors import BadLayout, BadSetting, UnreadableScan
from radlearn.tasks.segmentation.submission import submit_predicted
from tests.tasks.segmentation.label_maps.frames_on_disk import write_images


@pytest.fixture
def images(tmp_path: Path) -> Path:
    table = write_images(tmp_path / "images", persons=2)
    for mask in table.parent.glob("*_mask.png"):
        mask.unlink()
    table.unlink()
    return table.parent


def test_the_writer_gets_the_mask_of_each_image_under_its_own_name(images: Path, tmp_path: Path) -> None:
    written: dict[str, Any] = {}
    challenge = replace(CHALLENGE, write_submission=lambda out, masks, cases: written.update(masks))

    def predict(folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        with open(folder / "predictions.csv", "w", newline="", encoding="utf-8") as opened:
            csv.writer(opened).writerows([("case", "mask"), *((path.stem, f"masks/{path.stem}.png") for path in images.iterdir())])
        return folder / "predictions.csv"

    cases = submit_predicted(challenge, predict, images, tmp_path / "out.csv", lambda path: None, "mask", "images")
    assert sorted(written) == sorted(case.image_id for case in cases) == ["1_1", "1_2", "2_1", "2_2"]
    assert all(place.name == f"{name}.png" for name, place in written.items())


def test_images_that_cannot_be_read_are_named_before_anything_is_predicted(images: Path, tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        if path.stem in ("1_2", "2_2"):
            raise UnreadableScan(f"{path.name}: is damaged.")

    def predict(folder: Path) -> Path:
        pytest.fail("predicted for the others")

    with pytest.raises(BadLayout, match=r"(?s)2 of the 4 images cannot be read, and a submission needs a mask for each:.*1_2.*2_2"):
        submit_predicted(CHALLENGE, predict, images, tmp_path / "out.csv", refuse, "mask", "images")
    none = replace(CHALLENGE, write_submission=None)
    with pytest.raises(BadSetting, match=r"has no submission file\. 'predict' writes a label map for each"):
        submit_predicted(none, predict, images, tmp_path / "out.csv", refuse, "label map", "images")
