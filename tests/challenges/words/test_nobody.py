"""A word for nobody in a table of persons is doubted wherever a table of persons is read: in `check` and before training."""

from pathlib import Path

import pytest

from radlearn.challenges.covid19.folder import read_persons
from radlearn.challenges.rsna.audit import audit_folder
from radlearn.challenges.table_audit import audit_xray_table
from radlearn.challenges.words.nobody import WORDS, nobody_notes, rounded_trouble


def test_every_word_is_known_in_any_case() -> None:
    for word in WORDS:
        for written in (word, word.upper(), word.title(), word.replace(" ", "_"), WORDS[word]):
            assert len(nobody_notes("t.csv", [written, "p", written], "images")) == 1


@pytest.mark.parametrize("persons", [["nan", "None", "p", "p"], ["nano", "nano"], ["1", "1"], ["0", "0"], []])
def test_other_persons_are_believed(persons: list[str]) -> None:
    assert nobody_notes("t.csv", persons, "images") == []


def test_check_warns_of_it(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.dcm").touch()
    (tmp_path / "cases.csv").write_text("path,person,label\na.dcm,Unknown,0\nb.dcm,Unknown,1\n")
    found = [one for one in audit_xray_table(tmp_path / "cases.csv").findings if one.rule == "persons-nobody"]
    assert [one.file for one in found] == ["cases.csv"]
    assert "2 images are of person 'Unknown'" in found[0].found


def test_the_tables_of_the_challenges_are_read_so_too(tmp_path: Path, small_rsna: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(small_rsna, tmp_path / "rsna"))
    rows = (folder / "persons.csv").read_text().splitlines()
    (folder / "persons.csv").write_text("\n".join([rows[0], *(f"{row.split(',')[0]},nan" for row in rows[1:4]), *rows[4:]]) + "\n")
    found = [one for one in audit_folder(folder).findings if one.rule == "persons-nobody"]
    assert ["3 images are of person 'nan'" in one.found for one in found] == [True]
    (tmp_path / "persons.csv").write_text("case,person\na,None\nb,None\n")
    assert "2 cases are of person 'None'" in read_persons(tmp_path / "persons.csv", {"a", "b"})[2][0]


ROUNDED = ["1.23457E+11", "1.23450E+11", "9.9e+15", "1,2346E+12"]


@pytest.mark.parametrize("person", ROUNDED)
def test_a_long_number_that_a_spreadsheet_rounded_is_named(person: str) -> None:
    assert rounded_trouble(["P1", person]).startswith(f"{person!r} is a rounded number")
    assert "and so are 3 more" in rounded_trouble(ROUNDED)


@pytest.mark.parametrize("person", ["1e+05", "12E4", "5E10", "1.5E+01", "1.23E-05", "1.2.840.10008", "123456789012", "E+11"])
def test_other_names_are_not_rounded_numbers(person: str) -> None:
    assert rounded_trouble([person]) == ""


OTHERS = ["1836", "436", "P7"]


@pytest.mark.parametrize(
    "person",
    ["#N/A", "#NV", "#REF!", "#BEZUG!", "#NAME?", "#VALEUR!", "#¡REF!", "#¿NOMBRE?", "#DIV/0!", "#ПУСТО!", "#ÜBERLAUF!", "####", "Err:502",
     "k.A.", "N. N.", "n.v.t.", "Keine Angabe", "Non renseigné", "DESCONOCIDA", "anônimo", "неизвестно", "不明", "없음", "XXXX", "ZZZ", "…",
     "-1", "0", "000", "0.0", "1899-12-30", "1900-01-00", "12. Mrz", "12-Mar", "Mar-12", "12-déc", "3.12.2024", "2024-03-12"],
)  # fmt: skip
def test_what_a_spreadsheet_or_a_person_writes_for_nobody_is_doubted_on_several_images(person: str) -> None:
    (note,) = nobody_notes("t.csv", [person, person, *OTHERS, *OTHERS], "images")
    assert f"2 images are of person {person!r}" in note
    assert nobody_notes("t.csv", [person, *OTHERS, *OTHERS], "images") == []


@pytest.mark.parametrize(
    "person", ["P12", "JS", "#12", "#A7", "Anna", "Otto", "1-12", "12.5", "Maria 12", "1.2.840.10008", "A-1", "M", "mar", "10"]
)
def test_names_are_believed(person: str) -> None:
    assert nobody_notes("t.csv", [person, person, *OTHERS], "images") == []


@pytest.mark.parametrize(
    "persons",
    [["0", "1", "2"], ["00", "01"], ["AAA", "ABC"], ["K.A.", "J.S."], ["2024-03-12", "2024-03-13"], ["#NV", "#AB"], ["3. Mai", "4. Mai"]],
)
def test_what_others_are_called_like_is_believed(persons: list[str]) -> None:
    assert nobody_notes("t.csv", [*persons, *persons], "images") == []
