"""Folders that are called like people give persons, and are no classes."""

from pathlib import Path

import pytest

from radlearn.challenges import rsna
from radlearn.challenges.first_tables.person_folders import people_words, person_in
from radlearn.challenges.first_tables.table import xray_table
from radlearn.errors import BadSetting
from tests.challenges.first_tables.test_table import picture, written


@pytest.mark.parametrize(
    "name", ["patient00001/study1/view1_frontal", "p10/p1000{}/s5041426{}/a{}", "subject-{}/visit-1/a{}", "sub_{}/a{}"]
)
def test_people_are_no_classes_and_the_table_beside_them_is_named(tmp_path: Path, name: str) -> None:
    for number in range(4):
        picture(tmp_path / f"{name.replace('00001', f'0000{number}').replace('{}', str(number))}.png")
    (tmp_path / "train.csv").write_text("Path,Pneumonia\n")
    with pytest.raises(BadSetting, match=r"are called like people or their studies \(.*Perhaps it stands in train\.csv\. Write a table"):
        xray_table(tmp_path)


@pytest.mark.parametrize("name", ["train/{}/patient{}/view{}.png", "{}/p100{}/s5000{}/a.png", "sub-0{1}/{0}/a{2}.png"])
def test_people_below_or_above_classes_are_persons(tmp_path: Path, name: str) -> None:
    for number in range(8):
        label, person = ("positive", "negative")[number % 2], number // 2 % 3
        text = name if "{0}" in name else name.replace("{}", "{0}", 1).replace("{}", "{1}", 1).replace("{}", "{2}", 1)
        picture(tmp_path / text.format(label, person, number))
    cases = rsna.find_cases(written(tmp_path))
    assert {case.person for case in cases} == {person_in(case.path, tmp_path) for case in cases}
    assert len({case.person for case in cases}) == 3
    assert all(case.label == ("positive" in case.path.parts) for case in cases)


@pytest.mark.parametrize("names", [["grade1", "grade2"], ["class0", "class1"], ["0", "1"], ["P1", "P2"], ["pneumonia1", "p1000"], []])
def test_classes_with_numbers_are_classes(tmp_path: Path, names: list[str]) -> None:
    assert people_words(names, tmp_path) == ""


def test_where_only_some_lie_in_such_a_folder_nothing_says_who_the_people_are(tmp_path: Path) -> None:
    for name in ("normal/patient1/a.png", "normal/b.png", "covid/patient2/c.png"):
        picture(tmp_path / name)
    table = xray_table(tmp_path)
    assert "person" not in table.columns
    assert any("Nothing says who the people are" in line for line in table.assumed)
