"""The table of run lengths, written and read."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.ultrasound import submission as ultrasound_submission
from radlearn.challenges.ultrasound.submission import read_submission, write_submission
from radlearn.challenges.ultrasound_case import UltrasoundCase
from radlearn.errors import BadLayout, BadSetting
from radlearn.scans.label_map_files import write_label_map

SIZE = (6, 5)


def mask_at(*pixels: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    for pixel in pixels:
        mask[pixel] = True
    return mask


def test_a_written_table_is_as_the_challenge_wants_it(tmp_path: Path) -> None:
    write_submission(tmp_path / "s.csv", {"1": mask_at((1, 0), (2, 0), (0, 4)), "2": mask_at()})
    assert (tmp_path / "s.csv").read_bytes() == b"img,pixels\n1,2 2 25 1\n2,\n"
    read = read_submission(tmp_path / "s.csv", {"2": SIZE, "1": SIZE})
    assert list(read) == ["1", "2"]
    assert np.array_equal(read["1"], mask_at((1, 0), (2, 0), (0, 4)))
    assert not read["2"].any()


def test_masks_may_be_files_and_only_class_one_counts(tmp_path: Path) -> None:
    labels = np.zeros(SIZE, np.uint8)
    labels[0, 0], labels[5, 4] = 1, 2
    write_submission(tmp_path / "s.csv", {"1": write_label_map(tmp_path / "1.png", labels)})
    assert (tmp_path / "s.csv").read_text() == "img,pixels\n1,1 1\n"


def cases_of(*names: str) -> list[UltrasoundCase]:
    return [UltrasoundCase(name, Path(f"{name}.tif"), None, name, Path()) for name in names]


def test_rows_are_in_the_order_of_the_cases_and_each_has_one(tmp_path: Path) -> None:
    write_submission(tmp_path / "s.csv", {"2": mask_at(), "10": mask_at((0, 0))}, cases_of("10", "2"))
    assert (tmp_path / "s.csv").read_text() == "img,pixels\n10,1 1\n2,\n"
    with pytest.raises(BadLayout, match="3 has no mask"):
        write_submission(tmp_path / "t.csv", {"2": mask_at()}, cases_of("2", "3"))
    with pytest.raises(BadLayout, match="4 is no image of this submission"):
        write_submission(tmp_path / "t.csv", {"2": mask_at(), "4": mask_at()}, cases_of("2"))
    with pytest.raises(BadLayout, match="two images are called 2"):
        write_submission(tmp_path / "t.csv", {"2": mask_at()}, cases_of("2", "2"))
    assert not (tmp_path / "t.csv").exists()


def test_what_is_no_mask_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="the mask of 1 is uint8 of shape"):
        write_submission(tmp_path / "s.csv", {"1": np.zeros(SIZE, np.uint8)})


def test_run_lengths_that_read_back_differently_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ultrasound_submission, "encoded", lambda mask: "1 1")
    with pytest.raises(BadLayout, match="read back as another mask"):
        write_submission(tmp_path / "s.csv", {"1": mask_at((3, 3))})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("img,pixels\n1,1 2\n1,3 1\n2,\n", "line 3: 1 has a row already, line 2"),
        ("img,pixels\n1,1 2\n", "has no row, the first being 2"),
        ("img,pixels\n1,\n2,\n3,\n", "img is '3', which is neither of the images to predict"),
        ("img,pixels\n1,1 2 3\n2,\n", "image 1: has 3 numbers"),
        ("img,pixels\n1,31 1\n2,\n", "image 1: the run '31 1' reaches beyond the image of 6 × 5 pixels"),
        ("id,rle\n1,\n2,\n", "the columns are id, rle; expected img, pixels"),
        ("", "is empty"),
    ],
)
def test_a_bad_table_names_line_or_image_and_rule(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(BadLayout, match=words):
        read_submission(tmp_path / "s.csv", {"1": SIZE, "2": SIZE})


def test_the_table_is_read_as_spreadsheets_leave_it(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes('\ufeffimg,pixels\r\n"2",""\r\n1,"2 2"\r\n'.encode())
    assert np.array_equal(read_submission(tmp_path / "s.csv", {"1": SIZE, "2": SIZE})["1"], mask_at((1, 0), (2, 0)))
