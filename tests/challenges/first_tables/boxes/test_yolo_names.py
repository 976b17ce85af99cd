"""What YOLO's classes are called: read where it is said, and named where it cannot be read or does not fit the labels."""

from pathlib import Path

import pytest
import yaml

from radlearn.challenges.first_tables.boxes.yolo_names import class_names
from radlearn.challenges.first_tables.table import xray_table
from radlearn.errors import BadLayout
from tests.challenges.first_tables.boxes.test_yolo_boxes import SOUND, yolo

NAMED = {
    "data.yaml": "nc: 2\nnames: ['normal', 'pneumonia']\n",
    "set/data.yml": "names:\n  0: normal\n  1: pneumonia\n",
    "classes.txt": "normal\npneumonia\n",
    "labels/classes.txt": "\ufeffnormal\r\npneumonia",
    "obj.names": "normal\npneumonia\n",
    "tagged.yaml": "names: !!python/tuple [normal, pneumonia]\n",
}


@pytest.mark.parametrize("name", NAMED)
def test_classes_have_the_names_that_a_file_beside_gives_them(tmp_path: Path, name: str) -> None:
    folder = yolo(tmp_path, f"{SOUND}\n1 0.5 0.5 0.2 0.25")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(NAMED[name], encoding="utf-8", newline="")
    table = xray_table(folder, ())
    assert class_names(folder, [folder / name]).names == {"0": "normal", "1": "pneumonia"}
    rows = [(row["path"].name, row["x0"], row["y0"], row["x1"], row["y1"]) for row in table.rows]
    # A box of the class `normal` is no finding, as in other formats.
    assert rows == [("a.png", "32", "15", "48", "25"), ("o0.png", "", "", "", ""), ("o1.png", "", "", "", "")]
    assert f"Classes are called as {name} says." in table.assumed
    assert any("one of: pneumonia." in sentence for sentence in table.assumed)
    assert xray_table(folder, ("pneumonia",)).rows == table.rows


@pytest.mark.parametrize("text", ["names: [opacity, no]", "names:\n  - \"opacity\"\n  - 'no'", "names: {0: opacity, 1: no} # all"])
def test_a_class_called_no_is_no_truth_value(tmp_path: Path, text: str) -> None:
    # PyYAML reads this word as False.
    assert False in yaml.safe_load("[no]")
    (tmp_path / "data.yaml").write_text(text)
    assert class_names(tmp_path, [tmp_path / "data.yaml"]).names == {"0": "opacity", "1": "no"}


def test_names_that_differ_are_refused_and_what_is_about_other_things_is_passed_over(tmp_path: Path) -> None:
    folder = yolo(tmp_path, SOUND)
    (folder / "docker.yaml").write_text("services: {web: {image: a}}")
    (folder / "site.yml").write_text("name: [a, b]")
    (folder / "broken.yaml").write_text("a: [1, 2")
    (folder / "empty.yaml").write_text("")
    assert not any("Classes are called" in sentence for sentence in xray_table(folder, ()).assumed)
    (folder / "data.yaml").write_text("names: [opacity]")
    (folder / "classes.txt").write_text("normal\n")
    with pytest.raises(BadLayout, match=r"classes\.txt and data\.yaml call the classes of YOLO's boxes differently"):
        xray_table(folder, ())


UNREAD = {
    "a tab": ("data.yaml", b"names:\n\t0: normal\n", r"data\.yaml, line 2: is not YAML \(found character '\\t' that cannot start"),
    "a bracket": ("set.yml", b"nc: 2\nnames: [normal, opacity\nval: x\n", r"set\.yml, line 3: is not YAML \(.*\), so that nothing tells"),
    "a text": ("data.yaml", b"names: classes.names", r"data\.yaml: names is 'classes\.names'; expected a list"),
    "nothing": ("data.yaml", b"names:\nnc: 2", r"data\.yaml: names is empty; expected a list"),
    "lists": ("data.yaml", b"names: [[normal], opacity]", r"data\.yaml: names is a list with other things than names"),
    "lists by reference": ("b.yaml", b"a: &a [x, x]\nb: &b [*a, *a]\nnames: {0: {1: *b}}", r"b\.yaml: names is a list with other things"),
    "capitals": ("data.yaml", b"NAMES: [normal, opacity]", r"data\.yaml: has NAMES, and not names, which YOLO reads\. Call it names\."),
    "another word": ("set.yaml", b"nc: 2\nname: [normal, opacity]", r"set\.yaml: has name, and not names"),
    "another encoding": ("data.yaml", "names: [normal, tumör]".encode("latin-1"), r"data\.yaml: is not YAML in UTF-8"),
}


@pytest.mark.parametrize("case", UNREAD)
def test_names_that_cannot_be_read_are_named_by_file_and_line(tmp_path: Path, case: str) -> None:
    name, content, words = UNREAD[case]
    folder = yolo(tmp_path, SOUND)
    (folder / name).write_bytes(content)
    with pytest.raises(BadLayout, match=words):
        xray_table(folder, ())
    # What another file says is taken, and this one is still named.
    (folder / "classes.txt").write_text("opacity\nother\n")
    assert any(name in sentence and "classes.txt" not in sentence for sentence in xray_table(folder, ()).assumed)


BEYOND = {
    "a comma is missing": (
        "data.yaml",
        "names: [normal opacity]",
        "1 0.5 0.5 0.2 0.2",
        r"class 1, and .* 1 class \(0 normal opacity\)",
    ),
    "far beyond": ("data.yaml", "names: [a, b]", "5 0.5 0.5 0.2 0.2", r"class 5, and data\.yaml names 2 classes \(0 a, 1 b\)"),
    "in a gap": ("data.yaml", "names: {0: a, 2: c}", "1 0.5 0.5 0.2 0.2", r"class 1, and data\.yaml names 2 classes \(0 a, 2 c\)"),
    "in a list of lines": ("classes.txt", "opacity\n", "1 0.5 0.5 0.2 0.2", r"class 1, and classes\.txt names 1 class"),
    "below 0": ("classes.txt", "opacity\n", "-1 0.5 0.5 0.2 0.2", r"class -1, and classes\.txt names 1 class"),
}


@pytest.mark.parametrize("case", BEYOND)
def test_a_number_without_a_name_beside_others_is_named_with_its_line(tmp_path: Path, case: str) -> None:
    name, text, line, words = BEYOND[case]
    folder = yolo(tmp_path, f"{SOUND}\n{line}")
    (folder / name).write_text(text)
    with pytest.raises(BadLayout, match=r"labels/a\.txt, line 2: is of " + words):
        xray_table(folder, ())


def test_a_number_with_a_point_is_the_class_of_the_whole_number(tmp_path: Path) -> None:
    folder = yolo(tmp_path, "1.0 0.5 0.5 0.2 0.2")
    (folder / "data.yaml").write_text("names: [normal, opacity]")
    assert any("one of: opacity." in sentence for sentence in xray_table(folder, ()).assumed)
