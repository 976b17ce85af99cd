"""Spellings of one person are joined where they are certainly one, and only asked about where they look alike."""

import unicodedata
from pathlib import Path

import pytest

from radlearn.challenges import covid19, rsna
from radlearn.challenges.table_audit import audit_xray_table
from radlearn.challenges.tables.own_table import read_table
from radlearn.challenges.words.person_spellings import alike_together, outline, spelt
from radlearn.errors import BadLayout
from tests.challenges.tables.test_own_table import table_of

ONE = {
    "whole numbers": ["7", "7.0", "7.", "７"],
    "parts of a DICOM name": ["p00003^JANE", "p00003^JANE^^^", "p00003^JANE ^", "p00003^JANE=="],
    "characters that nobody sees": ["P3", "P3\u200b", "\ufeffP3", "P\u00ad3", "P3\u2060", "P3\x00"],
    "spaces": ["P 3", "P\u00a03", " P  3", "P\u30003"],
    "wide characters": ["P3", "Ｐ３", "P３"],
    "umlauts": ["Jürgen", unicodedata.normalize("NFD", "Jürgen")],
}
ALIKE = {
    "case": ["P00003", "p00003"],
    "leading zeros": ["7", "007", "A"],
    "spaces within": ["p00003", "p 00003"],
    "dashes": ["P-00003", "P‑00003", "P–00003", "P—00003", "P_00003", "P−00003"],
    "accents": ["José", "Jose"],
    "quotes": ["O'Brien", "O’Brien"],
    "figures of another script": ["P7", "P٧"],
    "letters of another alphabet": ["PA1", "РА1", "ΡΑ1"],
    "a number that was computed with, among other names": ["7", "7.0", "A"],
    "names with commas and with carets": ["DOE^JANE", "Doe, Jane"],
}
OTHERS = [
    ["1-12", "11-2", "112"],
    ["1.2.3", "1.2.30", "1.20.3"],
    ["1.05", "1.5"],
    ["P1", "P10", "P100"],
    ["S1_P12", "S11_P2"],
    ["10", "100", "1"],
    ["a1", "b1"],
    ["---", "--"],
]


@pytest.mark.parametrize("names", ONE.values(), ids=ONE)
def test_spellings_that_are_certainly_one_are_one_person(names: list[str]) -> None:
    found = spelt(names)
    assert set(found.persons) == {names[0]}
    assert found.joined == [(name, names[0]) for name in names[1:]]
    assert not found.alike


@pytest.mark.parametrize("names", ALIKE.values(), ids=ALIKE)
def test_names_that_look_alike_stay_apart_and_are_asked_about(names: list[str]) -> None:
    found = spelt(names)
    assert found.persons == names
    assert not found.joined
    alike = [name for name in names if name != "A"]
    assert found.alike == [alike]
    assert len(set(alike_together(names, names))) == len(set(names)) - len(alike) + 1


@pytest.mark.parametrize("names", OTHERS, ids=range(len(OTHERS)))
def test_other_names_are_other_people(names: list[str]) -> None:
    assert spelt(names).persons == names == alike_together(names, names)
    assert not spelt(names).alike


def test_the_first_spelling_of_any_person_is_kept_whatever_else_is_there() -> None:
    names = [f"person {number}" for number in range(50)] + ["Person 7", "PERSON\u200b 7"]
    assert spelt(names).persons[:50] == names[:50]
    assert alike_together(names, names)[:50] == [*names[:7], min("person 7", "Person 7", "PERSON\u200b 7"), *names[8:50]]
    assert spelt(["\u200b", "^^", "x"]).persons == ["", "", "x"]


def test_people_who_share_an_image_stay_together_and_so_do_those_who_look_like_one_of_them() -> None:
    # b shares an image with a, and is spelt B elsewhere; c has nothing to do with them.
    assert alike_together(["a", "b", "B", "c"], ["a", "a", "B", "c"]) == ["B", "B", "B", "c"]
    assert outline("b") == outline("B")


def test_a_table_counts_one_person_once_and_says_so(tmp_path: Path) -> None:
    table = read_table(table_of(tmp_path, "path,person,label\na.dcm,7,0\nb.dcm,7.0,1\nc.dcm,007,1\n"), ("label",), ("label",))
    assert [image.person for image in table.images] == ["7", "7", "007"]
    assert table.notes == [
        "cases.csv: 1 spelling of a person, such as '7.0' of '7', counts as that person.",
        "cases.csv: 1 person differs from another only in case, leading zeros or marks, such as '007' from '7': are they the same people? "
        "They are kept in one subset; if they are the same, write them alike.",
    ]
    found = audit_xray_table(table.path).findings
    assert [one.rule for one in found] == ["about", "persons-alike"]


def test_a_split_of_the_table_is_refused_for_one_person_and_asked_about_for_two_who_look_alike(tmp_path: Path) -> None:
    rows = "path,person,label,split\na.dcm,{},0,train\nb.dcm,q,1,validation\nc.dcm,{},1,test\n"
    one = read_table(table_of(tmp_path, rows.format("p\u200b", "p")), ("label",), ("label",))
    assert any("is in test here and in train in line 2" in trouble for trouble in one.troubles)
    two = read_table(table_of(tmp_path, rows.format("p1", "P-1")), ("label",), ("label",))
    assert not two.troubles
    assert "are they the same people? The column split has 1 such group in several subsets; if they are the same" in two.notes[0]


def test_a_name_of_nothing_that_is_seen_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match="line 3, column person: is '\\^\\^', which names nobody; expected whose image it is"):
        rsna.find_cases(table_of(tmp_path, "path,person,label\na.dcm,x,0\nb.dcm,^^,1\n"))


def test_the_challenges_tables_of_persons_are_read_in_the_same_way(
    small_rsna: Path, small_covid19: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for challenge, source in ((rsna.CHALLENGE, small_rsna), (covid19.CHALLENGE, small_covid19)):
        folder = tmp_path / challenge.name
        folder.mkdir()
        for path in source.iterdir():
            if path.name != "persons.csv":
                (folder / path.name).symlink_to(path)
        first, second, third, *_ = [getattr(case, "case_id", None) or case.image_id for case in challenge.find_cases(source)]
        column = "patientId" if challenge is rsna.CHALLENGE else "case"
        (folder / "persons.csv").write_text(f"{column},person\n{first},p1\n{second},p1\u200b\n{third},P-1\n", encoding="utf-8")
        capsys.readouterr()
        assert [case.person for case in challenge.find_cases(folder)][:3] == ["p1", "p1", "P-1"]
        said = " ".join(capsys.readouterr().err.split())
        assert "1 spelling of a person, such as 'p1\\u200b' of 'p1', counts as that person." in said
        assert "1 person differs from another only in case" in said
