"""Boxes are held against the image as a person sees it, whatever kind of file it is."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.challenges.first_tables.boxes.marked_images import Mark, Marked, orientation_of, size_of
from radlearn.errors import BadLayout, BadSetting
from radlearn.scans.dicom import write_radiograph
from radlearn.scans.picture_files import read_picture
from tests.challenges.first_tables.test_table import picture


def marked(path: Path, *boxes: tuple[float, float, float, float], name: str = "opacity") -> Marked:
    return Marked(
        path.parent, {path: [Mark(name, box, f"a.txt, line {number}") for number, box in enumerate(boxes, start=1)]}, assumed=["Read."]
    )


def test_the_size_is_that_of_the_image_as_it_is_shown(tmp_path: Path) -> None:
    turned, colour = tmp_path / "turned.jpg", tmp_path / "colour.png"
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(np.zeros((40, 80), np.uint8)).save(turned, exif=exif)
    Image.fromarray(np.zeros((40, 80, 3), np.uint8)).save(colour)
    write_radiograph(tmp_path / "a.dcm", np.zeros((40, 80), np.uint8), patient_id="P", view="AP", sex="F", age="40", spacing_mm=None)
    (tmp_path / "damaged.png").write_bytes(b"\x89PNG")
    names = ("turned.jpg", "colour.png", "a.dcm", "damaged.png", "none.dcm")
    assert [size_of(tmp_path / name) for name in names] == [(40, 80), (80, 40), (80, 40), None, None]


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        ((-0.4, 5, 30, 25), ("0", "5", "30", "25")),
        ((10, 5, 80.9, 40.9), ("10", "5", "80", "40")),
        ((10, 5, 80.000001, 25), ("10", "5", "80", "25")),
        ((0, 0, 80, 40), ("0", "0", "80", "40")),
    ],
)
def test_what_is_off_by_rounding_is_cut_off(tmp_path: Path, box: tuple[float, float, float, float], inside: tuple[str, ...]) -> None:
    (row,) = marked(picture(tmp_path / "a.png"), box).table(()).rows
    assert tuple(row[column] for column in ("x0", "y0", "x1", "y1")) == inside


@pytest.mark.parametrize(
    "box", [(-3, 5, 30, 25), (10, 5, 85, 25), (10, 5, 30, 43), (float("nan"), 5, 30, 25), (10, 25, 30, 25), (80.5, 5, 80.9, 25)]
)
def test_what_is_off_by_more_is_refused(tmp_path: Path, box: tuple[float, float, float, float]) -> None:
    with pytest.raises(BadLayout, match=r"a\.txt, line 1: the box"):
        marked(picture(tmp_path / "a.png"), box).table(())


def test_one_box_of_two_readers_is_written_once(tmp_path: Path) -> None:
    both = marked(picture(tmp_path / "a.png"), (10, 5, 30, 25))
    both.images[tmp_path / "a.png"].append(Mark("consolidation", (10, 5, 30, 25), "a.txt, line 2"))
    table = both.table(())
    assert len(table.rows) == 1
    assert "1 box repeats another of the same image, and is left out." in table.assumed
    assert table.assumed[0] == "Read."


def test_an_image_that_cannot_be_read_is_left_out_and_said_where_it_has_boxes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG")
    table = marked(path, (10, 5, 30, 25)).table(())
    assert table.rows == []
    assert "1 image that cannot be read is left out, such as a.png." in table.assumed


def test_a_class_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"--positive wire: there is no such class\. There are: opacity"):
        marked(picture(tmp_path / "a.png"), (10, 5, 30, 25)).table(("wire",))


def test_boxes_in_shares_are_no_boxes_in_pixels(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match=r"smaller than a pixel\. It looks like shares of the image"):
        marked(picture(tmp_path / "a.png"), (0.1, 0.1, 0.3, 0.3)).table(())


@pytest.mark.parametrize("name", ["No finding", "normal", "Healthy"])
def test_a_box_around_no_finding_is_none(tmp_path: Path, name: str) -> None:
    one = marked(picture(tmp_path / "a.png"), (10, 5, 30, 25), name=name)
    one.images[picture(tmp_path / "b.png")] = [Mark("opacity", (1, 2, 30, 25), "b.txt, line 1")]
    table = one.table(())
    assert [row["x0"] for row in table.rows] == ["", "1"]
    assert any(f"the class {name} are left out" in words for words in table.assumed)
    assert [row["x0"] for row in one.table((name,)).rows] == ["10", ""]


def test_boxes_of_one_class_are_taken_whatever_it_is_called(tmp_path: Path) -> None:
    assert marked(picture(tmp_path / "a.png"), (10, 5, 30, 25), name="0").table(()).rows[0]["x0"] == "10"


def test_the_first_class_of_yolo_is_a_finding_beside_others(tmp_path: Path) -> None:
    one = marked(picture(tmp_path / "a.png"), (10, 5, 30, 25), name="0")
    one.images[picture(tmp_path / "b.png")] = [Mark("1", (1, 2, 30, 25), "b.txt, line 1")]
    assert [row["x0"] for row in one.table(()).rows] == ["10", "1"]


def turned_picture(path: Path, orientation: int, size_px: tuple[int, int] = (40, 80)) -> Path:
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(np.full(size_px, 90, np.uint8)).save(path, exif=exif)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_from_an_orientation_of_5_on_width_and_height_are_exchanged(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = turned_picture(tmp_path / f"a.{suffix}", orientation)
    # TIFF 6.0: from 5 on the first row is a side. Pillow turns a TIFF as it loads it, and then not always.
    assert size_of(path) == ((40, 80) if orientation > 4 else (80, 40))
    assert read_picture(path).pixels.shape == (size_of(path) or ())[::-1]
    assert orientation_of(path) == orientation


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_that_boxes_may_be_of_the_stored_or_of_the_turned_picture_is_said_once(tmp_path: Path, suffix: str, orientation: int) -> None:
    first, second = (turned_picture(tmp_path / f"{name}.{suffix}", orientation) for name in "ab")
    both = marked(first, (0.1, 0.1, 0.5, 0.5))
    both.in_shares, both.images[second] = True, both.images[first]
    both.images[turned_picture(tmp_path / f"c.{suffix}", orientation)] = []
    said = [one for one in both.table(()).assumed if "EXIF" in one]
    if orientation == 1:
        assert not said
    else:
        (words,) = said
        assert words.startswith(f"2 images with boxes are turned by their EXIF orientation, such as a.{suffix}, and nothing says whether")


def test_a_size_that_only_the_turned_picture_has_says_what_the_boxes_are_of(tmp_path: Path) -> None:
    for orientation, size_px, told in ((6, (40, 80), True), (3, (40, 80), False), (6, (60, 60), False)):
        path = turned_picture(tmp_path / f"a{orientation}{size_px[0]}.jpg", orientation, size_px)
        boxes = marked(path, (2, 2, 20, 20))
        boxes.stated_px[path] = tuple(map(float, size_of(path) or ()))  # type: ignore[assignment]
        assert told is not any("EXIF" in one for one in boxes.table(()).assumed)


def test_a_single_pixel_is_no_finding_and_of_a_class_without_one_it_may_be_any(tmp_path: Path) -> None:
    one = marked(picture(tmp_path / "a.png"), (0, 0, 1, 1))
    with pytest.raises(BadLayout, match=r"a\.txt, line 1: the box is a single pixel"):
        one.table(())
    both = marked(tmp_path / "a.png", (10, 5, 30, 25))
    both.images[picture(tmp_path / "b.png")] = [Mark("No finding", (0, 0, 1, 1), "b.txt, line 1")]
    assert [row["x0"] for row in both.table(()).rows] == ["10", ""]
