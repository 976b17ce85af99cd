"""Which of its columns name the images of a table of run lengths is told by the names of the same images elsewhere."""

import pytest

from radlearn.challenges.ultrasound.rows import joined_note, run_table

TWO_PEOPLE = "subject,img,pixels\n1,1,1 2\n1,2,\n2,1,\n"


@pytest.mark.parametrize(
    ("text", "known", "names"),
    [
        (TWO_PEOPLE, {"1_1", "1_2", "2_1"}, ["1_1", "1_2", "2_1"]),
        (TWO_PEOPLE, set(), ["1_1", "1_2", "2_1"]),
        ("img,pixels\n1,\n2,\n", {"1_1"}, ["1", "2"]),
        ("subject,img,pixels\n1,1,\n1,2,\n", {"1", "2"}, ["1", "2"]),
        ("subject,img,pixels\n1,1,\n1,2,\n", {"1_1", "1_2"}, ["1_1", "1_2"]),
        ("subject,img,pixels\n1,1_1,\n1,1_2,\n", {"1_1", "1_2"}, ["1_1", "1_2"]),
    ],
)
def test_subject_and_img_are_joined_where_only_that_names_an_image(text: str, known: set[str], names: list[str]) -> None:
    troubles: list[str] = []
    table = run_table("t.csv", text, troubles)
    assert troubles == []
    assert [name for _, name, _, _ in table.named(known)] == names
    assert bool(joined_note("t.csv", table, known)) is any(row.image != name for row, name in zip(table.rows, names, strict=True))


def test_a_person_of_its_own_goes_before_the_subject() -> None:
    table = run_table("t.csv", "person,subject,img,pixels\nA,1,1,\nB,2,1,\n", [])
    assert [(name, person) for _, name, _, person in table.named({"1_1", "2_1"})] == [("1_1", "A"), ("2_1", "B")]
