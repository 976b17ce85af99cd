"""A submission needs a prediction for every image, which is seen before the first is made."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from radlearn.challenges import covid19
from radlearn.challenges.ultrasound import CHALLENGE
from radlearn.errors import BadLayout, BadSetting, UnreadableScan
from radlearn.tasks.segmentation.prediction import submit_masks
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


@pytest.mark.parametrize("is_listed", [True, False])
def test_an_image_that_was_refused_on_the_way_is_named_and_not_the_mask_that_the_upload_lacks(
    images: Path, tmp_path: Path, is_listed: bool
) -> None:
    def predict(folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        if is_listed:
            (folder / "unreadable.txt").write_text("in/2_1.png: ends before its pixels do.\n")
        names = [path.stem for path in images.iterdir() if path.stem != "2_1"]
        with open(folder / "predictions.csv", "w", newline="", encoding="utf-8") as opened:
            csv.writer(opened).writerows([("case", "mask"), *((name, f"masks/{name}.png") for name in names)])
        return folder / "predictions.csv"

    challenge = replace(CHALLENGE, write_submission=lambda out, masks, cases: pytest.fail("written without one"))
    with pytest.raises(BadLayout) as caught:
        submit_predicted(challenge, predict, images, tmp_path / "out.csv", lambda path: None, "mask", "images")
    first, second, *_ = str(caught.value).splitlines()
    assert first == "1 of the 4 images cannot be read, and a submission needs a mask for each:"
    assert "2_1" in second
    assert ("ends before its pixels do" in second) == is_listed
    assert "the same command again" in str(caught.value)


@pytest.mark.parametrize("left", [0.5, 0.9, 0.999])
def test_a_ct_that_was_cut_short_is_named_before_anything_is_predicted(small_covid19: Path, tmp_path: Path, left: float) -> None:
    (tmp_path / "in").mkdir()
    paths = sorted(small_covid19.rglob("*_ct.nii.gz"))[:3]
    cut = paths[1].name
    for path in paths:
        content = path.read_bytes()
        (tmp_path / "in" / path.name).write_bytes(content[: int(left * len(content))] if path.name == cut else content)

    def predict(folder: Path) -> Path:
        pytest.fail("predicted for the others")

    with pytest.raises(BadLayout, match=f"(?s)1 of the 3 CTs cannot be read.*{cut}: .*truncated.*the same command again"):
        submit_masks(covid19.CHALLENGE, predict, tmp_path / "in", tmp_path / "out.zip")
