"""Copies of one image by their names are of one person where nothing else says whose they are."""

from pathlib import Path

import pytest

from radlearn.challenges.table_audit import audit_xray_table
from radlearn.challenges.tables.xray_table import audit
from radlearn.challenges.words.copy_names import source_of, sources_of

HASH = "0123456789abcdef0123456789abcde"
UUID = "1b4e28ba-2fa1-11d2-883f-0016d3cca42"


def table_in(folder: Path, names: list[str], person: bool = False) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    rows = [f"{name},{place % 2}{f',p{place}' * person}" for place, name in enumerate(names)]
    path = folder / "cases.csv"
    path.write_text("\n".join([f"path,label{',person' * person}", *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("first", "second", "source"),
    [
        (f"00000061_015_png.rf.{HASH}1.jpg", f"valid/00000061_015_png.rf.{HASH}2.jpg", "00000061_015"),
        (f"a_jpeg.rf.{HASH}1.jpg", "a.jpeg", "a"),
        (f"x_original_b.png_{UUID}1.png", f"x_original_b.png_{UUID}2.png", "b"),
        ("c_aug_1.png", "c_aug_12.png", "c"),
    ],
)
def test_copies_are_of_one_person(tmp_path: Path, first: str, second: str, source: str) -> None:
    table, cases = audit(table_in(tmp_path, [first, second, "other.png"]))
    assert [case.person for case in cases] == [source, source, "other"]
    (note,) = [note for note in table.notes if "has no column person" in note]
    said = f"2 images that are copies of others by their names count as images of one person each, such as those of {source}."
    assert said in note
    (finding,) = [found for found in audit_xray_table(tmp_path / "cases.csv").findings if found.rule == "persons-column"]
    assert finding.found.endswith(f"counts as a person of its own. {said}")


def test_with_persons_the_table_says_whose_they_are(tmp_path: Path) -> None:
    table, cases = audit(table_in(tmp_path, ["c_aug_1.png", "c_aug_2.png"], person=True))
    assert [case.person for case in cases] == ["p0", "p1"]
    assert not any("copies" in note for note in table.notes)


@pytest.mark.parametrize(
    "name", ["august_3.png", "aug_3.png", "a.rf.png", "IM-0001-0001.dcm", "00000061_015.png", "original_scan.png", "x"]
)
def test_other_names_say_nothing(name: str) -> None:
    assert source_of(name) == ""
    assert sources_of([name, f"b{name}"]) == ["", ""]
