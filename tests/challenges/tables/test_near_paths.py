"""Files that a table nearly names are said in one line for each way in which the names differ."""

from collections.abc import Callable
from pathlib import Path

import pytest

from radlearn.challenges import rsna
from radlearn.challenges.tables import nih_table, xray_table
from radlearn.challenges.tables.near_paths import ADVICE, NearPaths
from radlearn.check.audit import audit_folder
from radlearn.errors import BadLayout
from tests.challenges.first_tables.test_table import picture

WAYS: dict[str, tuple[str, Callable[[int], str], str]] = {
    "no suffix": ("f{:03d}.png", "f{:03d}".format, "suffix"),
    "another suffix": ("f{:03d}.png", "f{:03d}.jpg".format, "suffix"),
    "DICOM without a suffix": ("IM{:04d}", "IM{:04d}.dcm".format, "suffix"),
    "another suffix and case": ("f{:03d}.png", "F{:03d}.JPG".format, "suffix"),
    "lost zeros": ("f{:03d}.png", "f{}.png".format, "zeros"),
    "numbers alone": ("{:06d}.png", "{}.png".format, "zeros"),
    "case": ("f{:03d}.png", "F{:03d}.PNG".format, "case"),
    "in a folder": ("images/f{:03d}.png", "f{:03d}.png".format, "folder"),
    "below a folder": ("images/f{:03d}.png", "f{:03d}".format, "folder"),
    "back-slashes": ("sub/f{:03d}.png", "sub\\f{:03d}.png".format, "slash"),
}


@pytest.mark.parametrize("way", WAYS)
def test_names_that_differ_in_one_way_are_said_once_with_their_number(tmp_path: Path, way: str) -> None:
    on_disk, in_table, kind = WAYS[way]
    for number in range(12):
        place = tmp_path / on_disk.format(number + 1)
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"x")
    lines = [f"{in_table(number + 1)},p{number},{number % 2}" for number in range(12)]
    (tmp_path / "cases.csv").write_text("\n".join(["path,person,label", *lines]))
    table, _ = xray_table.audit(tmp_path / "cases.csv")
    (trouble,) = (one for one in table.troubles if "no such file" in one)
    assert trouble.startswith(f"cases.csv, line 2, column path: is {in_table(1)!r}, and there is no such file, but {on_disk.format(1)}; ")
    assert trouble.endswith(f"11 further rows are like it. {ADVICE[kind]}")


def test_what_comes_near_no_file_or_several_is_named_line_by_line(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "f01.png", "f001.png"):
        picture(tmp_path / name)
    near = NearPaths(tmp_path)
    assert [near.near(name) for name in ("a", "f1.png", "other.png", "", "none/a.bmp")] == [None] * 5
    assert near.near("A.png") == ("case", Path("a.png"))
    (tmp_path / "cases.csv").write_text("path,label\na.bmp,1\nx.png,0\ny.png,1\nF01.PNG,1\n")
    with pytest.raises(BadLayout, match="4 things in the tables") as caught:
        rsna.find_cases(tmp_path / "cases.csv")
    assert str(caught.value).count("paths are relative to the folder") == 3


@pytest.mark.parametrize(("on_disk", "written"), [("0001_{}.jpg", "0001_{}.png"), ("0001_{}.png", "0001_{}"), ("0001_{}.png", "1_{}.png")])
def test_the_images_of_chestxray14_under_another_name_are_said_once(tmp_path: Path, on_disk: str, written: str) -> None:
    header = "Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position"
    for number in range(5):
        picture(tmp_path / "images" / on_disk.format(number))
    lines = [f"{written.format(number)},No Finding,{number},58,M,PA" for number in range(5)]
    (tmp_path / "Data_Entry_2017.csv").write_text("\n".join([header, *lines]))
    table, cases = nih_table.audit(tmp_path / "Data_Entry_2017.csv")
    (trouble,) = table.troubles
    assert not cases
    assert f"but images/{on_disk.format(0)}; 4 further rows are like it." in trouble


def test_the_table_of_chestxray14_under_another_name_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "1_0.png")
    (tmp_path / "sample_labels.csv").write_text("Image Index,Finding Labels,Patient ID\n1_0.png,Mass,1\n")
    with pytest.raises(BadLayout, match=r"ChestX-ray14 lies there under another name: name it itself, --data .*sample_labels\.csv"):
        rsna.find_cases(tmp_path)
    assert "sample_labels.csv" in next(one.found for one in audit_folder(tmp_path, workers=1).findings if one.rule == "layout-near")
    (case,) = rsna.find_cases(tmp_path / "sample_labels.csv")
    assert dict(case.labels)["Mass"]


ONE, TWO = "M\xfcller", "Mu\u0308ller"
"The same letters, one of them in one character and in two: Unicode NFC and NFD."


@pytest.mark.parametrize(("on_disk", "written"), [(TWO, ONE), (ONE, TWO)])
def test_letters_that_are_stored_otherwise_are_found_and_said_once(tmp_path: Path, on_disk: str, written: str) -> None:
    for place in (f"{on_disk}1.png", f"{on_disk}/b.png", f"{on_disk}/{on_disk}.png", "plain.png"):
        picture(tmp_path / place)
    names = (f"{written}1.png", f"{written}/b.png", f"{written}/{written}.png", "plain.png")
    (tmp_path / "cases.csv").write_text("\n".join(["path,label", *(f"{name},{number % 2}" for number, name in enumerate(names))]))
    table, cases = xray_table.audit(tmp_path / "cases.csv")
    assert not table.troubles
    assert [case.path.exists() for case in cases] == [True] * 4
    (note,) = (note for note in table.notes if "NFC" in note)
    assert note.startswith(f"cases.csv: 3 names of files, such as {written}1.png, were found with accented letters stored in another way")


def test_two_files_of_the_same_letters_are_named_and_other_letters_are_other_names(tmp_path: Path) -> None:
    for name in (f"{ONE}\xe9.png", f"{TWO}e\u0301.png", "Muller.png"):
        picture(tmp_path / name)
    (tmp_path / "cases.csv").write_text(f"path,label\n{ONE}e\u0301.png,1\n{ONE}.png,0\n")
    table, cases = xray_table.audit(tmp_path / "cases.csv")
    assert not cases
    first, second = table.troubles
    assert "look the same. Rename one of them" in first
    assert "there is no such file" in second


@pytest.mark.parametrize(("on_disk", "written"), [(TWO, ONE), (ONE, TWO)])
def test_the_images_of_chestxray14_are_found_so_too(tmp_path: Path, on_disk: str, written: str) -> None:
    picture(tmp_path / "images" / f"{on_disk}.png")
    header = "Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position"
    (tmp_path / "Data_Entry_2017.csv").write_text(f"{header}\n{written}.png,No Finding,1,58,M,PA\n")
    table, cases = nih_table.audit(tmp_path / "Data_Entry_2017.csv")
    assert (table.troubles, [case.path.name for case in cases]) == ([], [f"{on_disk}.png"])
