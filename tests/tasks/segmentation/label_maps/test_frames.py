"""Images as they are prepared: what their label maps hold, how they are named and divided."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from radlearn.challenges.ultrasound import CHALLENGE
from radlearn.errors import BadLayout, UnreadableScan
from radlearn.scans.label_map_files import SHOWN_NOTE, read_label_map
from radlearn.tasks.segmentation.label_maps.frames import image_and_truth, length_unit_of, say_doubtful_masks, with_classes
from tests.tasks.segmentation.label_maps.conftest import Trained, as_they_are


def test_classes_are_counted_on_the_pixels_of_the_file(table: Path) -> None:
    frames = as_they_are(CHALLENGE.find_cases(table))
    for frame in frames[:6]:
        labels = read_label_map(frame.case.mask_path).labels
        assert frame.pixels_of_class[:3].tolist() == np.bincount(labels.ravel(), minlength=3).tolist()
        assert frame.label == bool(labels.any())
        assert frame.spacing_mm is None
    there = with_classes(frames, 3)
    assert there[:, 2].sum() == 0
    assert there[:, 0].sum() == 32


def test_values_of_other_numbers_become_the_classes_of_the_run(table: Path) -> None:
    frame = as_they_are(CHALLENGE.find_cases(table))[0]
    image, truth = image_and_truth(frame.case)
    other = replace(frame, numbers=(0, 2, 1))
    seen, exchanged = other.image_and_truth()
    assert np.array_equal(exchanged, np.array([0, 2, 1])[truth])
    assert np.array_equal(seen.pixels, image.pixels)
    assert other.pixels_of_class[:3].tolist() == np.bincount(exchanged.ravel(), minlength=3).tolist()
    assert replace(frame, numbers=(0, 2, 0)).highest_class == 2
    assert [replace(frame, looked_for=(False, True)).is_looked_for(number) for number in (1, 2)] == [False, True]


def test_a_split_keeps_persons_apart_and_divides_empty_images(trained: Trained) -> None:
    persons = [{frame.case.person for frame in held} for held in trained.split.values()]
    assert sum(map(len, persons)) == len(set.union(*persons)) == 24
    assert all(sum(frame.label for frame in held) > 0 for held in trained.split.values())


def test_an_image_without_a_label_map_or_with_one_of_another_size_is_refused(table: Path, tmp_path: Path) -> None:
    case = CHALLENGE.find_cases(table)[0]
    with pytest.raises(BadLayout, match="has no label map, which evaluation needs"):
        image_and_truth(replace(case, mask_path=None))
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "small.png")
    with pytest.raises(UnreadableScan, match=r"small\.png: the label map has 9 × 9"):
        image_and_truth(replace(case, mask_path=tmp_path / "small.png"))


def test_lengths_are_in_mm_only_where_all_images_have_a_spacing() -> None:
    assert length_unit_of([(0.1, 0.2), (0.1, 0.1)]) == "mm"
    assert length_unit_of([(0.1, 0.2), None]) == length_unit_of([]) == "px"


def frame_of(name: str, inside: int, highest: int = 1, as_white: bool = False, notes: tuple[str, ...] = ()) -> Any:
    counts = np.zeros(32, int)
    counts[0], counts[highest] = 100 - inside, inside
    said = {"highest_class": highest, "as_white": as_white, "notes": list(notes), "pixels_of_class": counts}
    return SimpleNamespace(case=SimpleNamespace(image_id=name), **said)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([frame_of("a", 10), frame_of("b", 93), frame_of("c", 60)], "2 of the 3 images lie mostly inside their masks, such as b with 93%"),
        ([frame_of("a", 10, as_white=True, notes=(SHOWN_NOTE,)), frame_of("b", 9)], "such as that of a, is stored with 0 for white"),
        (
            [frame_of("a", 10, as_white=True), frame_of("b", 9, 3)],
            "such as that of a, which is read as class 1; others hold classes up to 3",
        ),
    ],
    ids=["inverted", "shown", "two kinds"],
)
def test_masks_that_look_wrong_are_said_before_training(frames: list[Any], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    say_doubtful_masks(frames)
    assert words in " ".join(capsys.readouterr().err.split())


def test_nothing_is_said_of_masks_of_one_kind(capsys: pytest.CaptureFixture[str]) -> None:
    say_doubtful_masks([frame_of("a", 10, as_white=True), frame_of("b", 50, as_white=True), frame_of("c", 0, 0)])
    say_doubtful_masks([frame_of("a", 10, 1), frame_of("b", 9, 3)])
    assert capsys.readouterr().err == ""


def test_how_a_label_map_was_read_outlives_the_cache(table: Path) -> None:
    case = CHALLENGE.find_cases(table)[0]
    with Image.open(case.mask_path) as image:  # type: ignore[arg-type]
        inside = (np.asarray(image) == 1).astype(np.uint8)
    Image.fromarray(inside * 255).save(table.parent / "white.png")
    frames = as_they_are([case, replace(case, mask_path=table.parent / "white.png")])
    for _ in range(2):
        assert [frame.as_white for frame in frames] == [False, True]
        frames = as_they_are([frame.case for frame in frames])
