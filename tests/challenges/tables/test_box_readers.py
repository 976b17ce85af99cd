"""Boxes of several readers around one finding are named, and two findings on an X-ray are not."""

from pathlib import Path

import pytest

from radlearn.challenges.table_audit import audit_xray_table
from radlearn.challenges.tables.box_readers import reader_note
from radlearn.challenges.tables.xray_table import audit


def table_in(folder: Path, boxes: list[str], further: str = "", cells: tuple[str, ...] = ()) -> Path:
    """Write five X-rays, each with these boxes, and one without."""
    lines = [f"path,person,x0,y0,x1,y1{further and f',{further}'}", f"none.png,none,,,,{',' * bool(further)}"]
    (folder / "none.png").touch()
    for number in range(5):
        (folder / f"{number}.png").touch()
        lines += [f"{number}.png,p{number},{box}{f',{cells[place]}' if further else ''}" for place, box in enumerate(boxes)]
    path = folder / "cases.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


SAME, APART = ["10,10,110,110", "20,10,120,110", "10,15,110,100"], ["10,10,110,110", "200,10,300,110", "10,200,110,300"]


def test_boxes_on_one_place_are_several_readers(tmp_path: Path) -> None:
    # Shifted by a tenth of the side: 90 / 110 of the union.
    path = table_in(tmp_path, SAME)
    (note,) = audit(path)[0].notes
    assert "of 5 X-rays with several boxes, 5 have two that overlap by half and more (IoU)." in note
    assert note.endswith("Keep one box for each finding, such as their mean.")
    assert [one.rule for one in audit_xray_table(path).findings] == ["box-readers"]
    table, cases = audit(path)
    # Of two X-rays with several boxes it may be by chance.
    assert reader_note(table, [case for case in cases if case.label][:2]) == ""


@pytest.mark.parametrize("column", ["reader", "rad_id", "Radiologist", "annotator"])
def test_the_column_of_readers_is_named(tmp_path: Path, column: str) -> None:
    (note,) = audit(table_in(tmp_path, SAME, column, ("A", "B", "C")))[0].notes
    assert f"; the column {column} names several readers of 5 X-rays." in note
    assert f"Keep the rows of one {column}, or one box" in note


@pytest.mark.parametrize(
    ("boxes", "cells"),
    [
        (APART, ("A", "B", "C")),  # Each reader found something else.
        (APART, ("A", "A", "A")),
        # A third of the union: 50 / 150.
        (["10,10,110,110", "60,10,160,110"], ("A", "A")),
    ],
)
def test_findings_on_several_places_are_several_findings(tmp_path: Path, boxes: list[str], cells: tuple[str, ...]) -> None:
    assert audit(table_in(tmp_path, boxes, "reader", cells))[0].notes == []
    assert audit(table_in(tmp_path, boxes))[0].notes == []


def test_a_reader_who_is_the_only_one_is_not_named(tmp_path: Path) -> None:
    (note,) = audit(table_in(tmp_path, SAME, "reader", ("A", "A", "A")))[0].notes
    assert "reader names" not in note
    assert note.endswith("Keep one box for each finding, such as their mean.")
