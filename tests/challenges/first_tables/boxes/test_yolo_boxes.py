"""YOLO: a line that is no box is named by file, line, value and rule, and a text file belongs to the image that YOLO reads it for."""

from pathlib import Path

import pytest

from radlearn.challenges.first_tables.boxes.yolo_boxes import _looks_like_yolo, read_yolo
from radlearn.challenges.first_tables.table import xray_table
from radlearn.errors import BadLayout
from tests.challenges.first_tables.test_table import boxes_of, picture

SOUND = "0 0.25 0.375 0.25 0.5"
"On 40 × 80 pixels: x 10 to 30, y 5 to 25."


def yolo(folder: Path, text: str, others: int = 2) -> Path:
    for number in range(others):
        picture(folder / "images" / f"o{number}.png", (40, 80))
        (folder / "labels").mkdir(exist_ok=True)
        (folder / "labels" / f"o{number}.txt").write_text(SOUND)
    picture(folder / "images" / "a.png", (40, 80))
    (folder / "labels" / "a.txt").write_text(text, encoding="utf-8")
    return folder


REFUSED = {
    "pixels": ("0 20 15 20 20", "line 1: has 20; expected shares of the image, 0 to 1. Are these pixels? Divide"),
    "a decimal comma": ("0 0,25 0,375 0,25 0,5", "which are shares of the image, 0 to 1. It has a decimal comma; write 0.25."),
    "NaN": (f"{SOUND}\n0 0.5 nan 0.2 0.2", "line 2: has 'nan'; expected numbers"),
    "infinite": ("0 0.5 inf 0.2 0.2", "line 1: has 'inf'; expected numbers"),
    "a word": (f"\n{SOUND}\n0 0.5 middle 0.2 0.2", "line 3: has 'middle'; expected numbers"),
    "a confidence": (f"{SOUND} 0.93", "line 1: has six columns, the last of which, 0.93, looks like a confidence, so it is"),
    "a number of a track": (f"{SOUND} 17", "line 1: has six columns; expected class, centre x, centre y, width, height"),
    "a field too few": ("0 0.5 0.5 0.2", "line 1: is '0 0.5 0.5 0.2'; expected class, centre x, centre y, width, height, sep"),
    "commas": ("0,0.5,0.5,0.2,0.2", "spaces. Write spaces for the marks between."),
    "half a point": ("0 0.1 0.1 0.4 0.1 0.4 0.4 0.2", "line 1: has 8 columns; expected class"),
    "beyond": ("0 0.9 0.5 0.4 0.2", "line 1: the box reaches from x 56 to 88 px, and the image is 80 px wide."),
    "no height": ("0 0.5 0.5 0.4 0", "line 1: the box from y 20 to 20 is 0 px high; expected more than 0."),
    "negative": ("0 0.5 -0.5 0.4 0.1", "line 1: has -0.5; expected shares of the image, 0 to 1."),
}  # fmt: skip


@pytest.mark.parametrize("others", [0, 2])
@pytest.mark.parametrize("case", REFUSED, ids=REFUSED)
def test_one_bad_line_is_named_and_the_rest_stays_yolo(tmp_path: Path, case: str, others: int) -> None:
    text, words = REFUSED[case]
    if others == 0:
        (tmp_path / "labels").mkdir()
        # Alone, four numbers in a line say nothing.
        text = f"{text}\n{SOUND}" if case == "a field too few" else text
    with pytest.raises(BadLayout) as refused:
        xray_table(yolo(tmp_path, text, others))
    assert "labels/a.txt, line " in str(refused.value)
    assert words in str(refused.value)
    assert "one thing in the boxes would train wrongly" in str(refused.value)


def test_polygons_become_the_boxes_around_them(tmp_path: Path) -> None:
    # A triangle, and a turned box: x 0.25 to 0.5 of 80 px, y 0.125 to 0.75 of 40 px.
    yolo(tmp_path, "0 0.25 0.125 0.5 0.5 0.375 0.75\n0 0.5 0.25 0.625 0.125 0.75 0.25 0.625 0.375")
    assert "2 polygons are read as the boxes around them." in xray_table(tmp_path).assumed
    assert boxes_of(tmp_path)["a"] == [(20, 5, 40, 30), (40, 5, 60, 15)]


def test_shares_of_few_decimals_reach_a_little_beyond_and_are_cut_off(tmp_path: Path) -> None:
    yolo(tmp_path, "0 0.98 0.5 0.05 0.2\n0 0.0249999 0.5 0.05 0.2")
    assert "1 box extends beyond the image by rounding, and is cut off at its edge." in xray_table(tmp_path).assumed
    right, left = boxes_of(tmp_path)["a"]
    assert right == pytest.approx((76.4, 16, 80, 24))
    assert left == pytest.approx((0, 16, 4, 24), abs=1e-4)


@pytest.mark.parametrize("layout", ["{}/images/1.png {}/labels/1.txt", "images/{}/1.png labels/{}/1.txt", "{}/1.png {}/1.txt"])
def test_images_of_one_name_in_several_folders_have_their_own_boxes(tmp_path: Path, layout: str) -> None:
    for subset, x in (("train", 0.25), ("val", 0.5), ("test", 0.75)):
        image, text = (tmp_path / place.format(subset) for place in layout.split())
        picture(image, (40, 80))
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text(f"0 {x} 0.5 0.25 0.5")
    table = xray_table(tmp_path)
    assert [(row["split"], row["x0"]) for row in table.rows] == [("test", "50"), ("train", "10"), ("validation", "30")]


def test_a_text_that_fits_several_images_is_refused(tmp_path: Path) -> None:
    yolo(tmp_path, SOUND)
    picture(tmp_path / "more" / "a.png")
    (tmp_path / "labels" / "a.txt").rename(tmp_path / "a.txt")
    with pytest.raises(BadLayout, match=r"a\.txt: may be of images/a\.png and more/a\.png\. Put images and labels side by side"):
        xray_table(tmp_path)
    (tmp_path / "more" / "a.png").unlink()
    (tmp_path / "a.txt").rename(tmp_path / "images" / "a.txt")
    (tmp_path / "labels" / "lost.txt").write_text(SOUND)
    (tmp_path / "images" / "o1.png").rename(tmp_path / "images" / "bare.png")
    said = xray_table(tmp_path).assumed
    assert "2 .txt files without an image are left out, such as labels/lost.txt." in said
    assert "1 image has no .txt file, and so no box." in said


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_that_windows_writes_are_no_class(tmp_path: Path, encoding: str) -> None:
    yolo(tmp_path, "")
    (tmp_path / "labels" / "a.txt").write_text(SOUND, encoding=encoding)
    assert boxes_of(tmp_path, "0")["a"] == [(10, 5, 30, 25)]


def test_reports_and_numbers_beside_class_folders_are_no_yolo(tmp_path: Path) -> None:
    for name in ("NORMAL/a", "PNEUMONIA/b"):
        image = picture(tmp_path / f"{name}.png")
        image.with_suffix(".txt").write_text("Heart of normal size. Lungs clear.\n")
    assert read_yolo(tmp_path, [image]) is None
    image.with_suffix(".txt").write_text("12 100 200 300 400")
    (tmp_path / "NORMAL" / "a.txt").write_text("")
    assert [row["label"] for row in xray_table(tmp_path).rows] == [0, 1]


def test_two_text_files_of_one_image_are_told_apart_by_their_place_or_refused(tmp_path: Path) -> None:
    yolo(tmp_path, SOUND)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a.txt").write_text("0 0.5 0.5 0.1 0.1")
    found = "1 .txt file of images that have another one where YOLO looks for it is left out, such as old/a.txt."
    assert found in xray_table(tmp_path).assumed
    # A copy, however it ends, says nothing else.
    (tmp_path / "old" / "a.txt").unlink()
    (tmp_path / "images" / "a.txt").write_text(f"{SOUND}\n\n")
    assert boxes_of(tmp_path, "0")["a"] == [(10, 5, 30, 25)]
    (tmp_path / "cases.csv").unlink()
    # Programs look for it in either place.
    (tmp_path / "images" / "a.txt").write_text("0 0.5 0.5 0.1 0.1")
    with pytest.raises(BadLayout, match=r"images/a\.txt and labels/a\.txt are where the boxes of images/a\.png belong, and they differ"):
        xray_table(tmp_path)


def test_a_second_file_is_that_of_an_image_that_has_none_even_if_both_say_the_same(tmp_path: Path) -> None:
    yolo(tmp_path, SOUND)
    picture(tmp_path / "more" / "a.png", (40, 80))
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text(SOUND)
    table = xray_table(tmp_path)
    assert [row["x0"] for row in table.rows if row["path"] == tmp_path / "more" / "a.png"] == ["10"]


def test_a_file_of_several_images_is_counted_once_and_said(tmp_path: Path) -> None:
    images = [picture(tmp_path / name) for name in ("q0.jpg", "q0.png", "q1.png")]
    (tmp_path / "q0.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    marked = read_yolo(tmp_path, images)
    assert marked is not None
    said = " ".join(marked.assumed)
    assert "1 .txt file is read as YOLO" in said
    assert "1 .txt file is read for several images of one name, such as q0.jpg and q0.png. Remove the rows" in said


def test_folders_in_capitals_are_yolos_too(tmp_path: Path) -> None:
    folder = yolo(tmp_path, "")
    (folder / "images").rename(folder / "Images")
    (folder / "labels").rename(folder / "Labels")
    table = xray_table(folder, ())
    rows = [(row["path"].name, row["x0"]) for row in table.rows]
    assert rows == [("a.png", ""), ("o0.png", "10"), ("o1.png", "10")]
    # An empty file is one: nothing is missing.
    assert not any("no .txt file" in sentence for sentence in table.assumed)


@pytest.mark.parametrize(
    ("line", "looks"),
    [
        ("0 0.5 0.5 0.2 0.2", True),
        ("0 0.5 0.5 0.2 wide", True),
        ("0 0.5 0.5 so wide", False),
        ("0 0.5 0.5 0.2", False),
        ("0 nan -inf ,5 1e-3", True),
    ],
)
def test_a_line_looks_like_yolo_where_three_quarters_of_it_are_numbers(line: str, looks: bool) -> None:
    assert _looks_like_yolo(line.split()) == looks
