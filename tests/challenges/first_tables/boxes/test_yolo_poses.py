"""YOLO's pose labels: key points are no corners of a polygon, and polygons are no key points."""

from pathlib import Path

import pytest

from radlearn.challenges.first_tables.boxes.yolo_boxes import read_yolo
from radlearn.challenges.first_tables.boxes.yolo_poses import key_points_in, undeclared_pose
from radlearn.challenges.first_tables.table import xray_table
from radlearn.errors import BadLayout
from tests.challenges.first_tables.test_table import picture

BOX = "0 0.5 0.5 0.25 0.5"
"On 40 × 80 pixels: x 30 to 50, y 10 to 30."


def folder_of(folder: Path, lines: list[str], yaml: str = "") -> Path:
    (folder / "labels").mkdir()
    for number, line in enumerate(lines):
        picture(folder / "images" / f"{number}.png", (40, 80))
        (folder / "labels" / f"{number}.txt").write_text(line)
    if yaml:
        (folder / "data.yaml").write_text(f"nc: 1\nnames: [opacity]\n{yaml}")
    return folder


@pytest.mark.parametrize(
    ("points", "shape"),
    [
        (" 0.4 0.4 0.6 0.6", "[2, 2]"),
        (" 0.9 0.9 0.1 0.1", "[2, 2]"),
        (" 0.4 0.4 2 0.6 0.6 1", "[2, 3]"),
        (" 0.4 0.4 2 0 0 0 0.5 0.5 1", "[3, 3]"),
    ],
)
def test_of_declared_key_points_the_box_is_read(tmp_path: Path, points: str, shape: str) -> None:
    folder = folder_of(tmp_path, [BOX + points, BOX], f"kpt_shape: {shape}\n")
    table = xray_table(folder)
    assert [[row[name] for name in ("x0", "y0", "x1", "y1")] for row in table.rows] == [["30", "10", "50", "30"]] * 2
    assert "The key points of 1 box are left out" in " ".join(table.assumed)


def test_a_line_of_another_length_than_declared_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, [f"{BOX} 0.4 0.4 0.6 0.6 0.5 0.5", BOX], "kpt_shape: [2, 2]\n")
    with pytest.raises(BadLayout, match=r"labels/0.txt, line 1: has 11 columns; expected 5 of a box, and 4 more"):
        xray_table(folder)


POSES = {
    "two numbers": (["0 0.5 0.5 0.2 0.2 0.45 0.45 0.55 0.55", "0 0.7 0.3 0.1 0.2 0.68 0.25 0.72 0.38"], "kpt_shape: [2, 2]"),
    "three, of two points": (["0 0.5 0.5 0.25 0.5 0.4 0.4 1 0.6 0.6 1"], "kpt_shape: [2, 3]"),
    "three, of one point": (["0 0.5 0.5 0.25 0.5 0.4 0.4 2"], "kpt_shape: [1, 3]"),
    "three, one not labelled": (["0 0.5 0.5 0.25 0.5 0.4 0.4 2 0 0 0 0.5 0.6 1"], "kpt_shape: [3, 3]"),
}


@pytest.mark.parametrize("case", POSES, ids=POSES)
def test_key_points_that_nothing_declares_are_refused(tmp_path: Path, case: str) -> None:
    lines, shape = POSES[case]
    with pytest.raises(BadLayout) as refused:
        xray_table(folder_of(tmp_path, lines))
    assert "labels/0.txt, line 1: looks like a box with key points" in str(refused.value)
    assert f"Write {shape} into data.yaml" in str(refused.value)
    assert "one thing in the boxes" in str(refused.value)


POLYGONS = {
    # Turned boxes, also small ones far from the origin, which lie in the box of their first four numbers.
    "corners": ["0 0.6 0.6 0.7 0.62 0.68 0.7 0.58 0.68", "0 0.8 0.8 0.9 0.8 0.9 0.9 0.8 0.9"],
    "of one length": ["0 0.2 0.2 0.5 0.2 0.5 0.4", "0 0.1 0.3 0.3 0.3 0.2 0.6"],
    "at the border": ["0 0.4 0 0.8 0 1 0.3 1 0.9 0.5 1"],
    "around the middle": ["0 0.45 0.3 0.5 0.3 0.6 0.4 0.5 0.44 0.42 0.4", "0 0.4 0.4 0.5 0.4 0.55 0.5 0.5 0.55 0.4 0.5"],
}


@pytest.mark.parametrize("case", POLYGONS, ids=POLYGONS)
def test_polygons_stay_polygons(tmp_path: Path, case: str) -> None:
    folder = folder_of(tmp_path, POLYGONS[case])
    marked = read_yolo(folder, sorted((folder / "images").iterdir()))
    assert marked is not None
    assert not marked.troubles
    for path, line in zip(sorted((folder / "images").iterdir()), POLYGONS[case], strict=True):
        values = list(map(float, line.split()[1:]))
        assert marked.images[path][0].box == (min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2]))


@pytest.mark.parametrize("said", ["kpt_shape: 5", "kpt_shape: [a, 2]", "kpt_shape: [0, 3]", "kpt_shape: [4, 5]", "[", "- 3"])
def test_what_declares_no_key_points_is_passed_over(tmp_path: Path, said: str) -> None:
    (tmp_path / "data.yaml").write_text(said)
    assert key_points_in([tmp_path / "data.yaml", tmp_path / "gone.yaml"]) is None


@pytest.mark.parametrize(("beyond", "refused"), [(0.009, True), (0.011, False)])
def test_key_points_may_lie_a_hundredth_beyond_their_box_by_rounding(tmp_path: Path, beyond: float, refused: bool) -> None:
    folder = folder_of(tmp_path, [f"0 0.5 0.5 0.2 0.2 {0.4 - beyond:.3f} 0.5 2"])
    said = undeclared_pose({"a": (folder / "labels" / "0.txt").read_text().split()})
    assert bool(said) == refused
