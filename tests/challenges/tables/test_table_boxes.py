"""Which columns of a table are boxes; what their rows say is in `test_xray_table`."""

import pytest

from radlearn.challenges.tables.table_boxes import BOX, corners_in, size_hint


@pytest.mark.parametrize(
    ("columns", "corners"),
    [
        ("x0 y0 x1 y1 x2 y2", BOX),
        ("x1 y1 x2 y2", ("x1", "y1", "x2", "y2")),
        ("xmin ymin xmax ymax x0 y0 x1 y1", BOX),
        ("x0", BOX),
        ("x y width height", ()),
        ("xmin ymin", ()),
    ],
)
def test_the_corners_are_four_columns_of_one_naming(columns: str, corners: tuple[str, ...]) -> None:
    assert corners_in(columns.split()) == corners


@pytest.mark.parametrize("columns", ["x y", "width height", "x width height", "x0 y0 x1 y1", "label site"])
def test_less_than_a_corner_and_a_size_is_no_box(columns: str) -> None:
    assert size_hint(columns.split()) == ""


def test_numbers_that_are_put_in_as_the_hint_says_give_the_box() -> None:
    said = size_hint(["w", "h", "x_center", "y_center"])
    ends = dict(one.split(" = ") for one in said.partition(": ")[2].rstrip(".").split(", "))
    assert {name: eval(end, {"w": 20, "h": 10, "x_center": 40, "y_center": 30}) for name, end in ends.items()} == {
        "x0": 30,
        "y0": 25,
        "x1": 50,
        "y1": 35,
    }
