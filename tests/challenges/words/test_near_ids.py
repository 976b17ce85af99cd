"""An id that was changed on its way is recognised, and the message says what to write."""

import csv
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.covid19.folder import read_persons as read_covid_persons
from radlearn.challenges.rsna import tables
from radlearn.challenges.rsna.audit import audit_folder
from radlearn.challenges.rsna.layout import find_cases
from radlearn.challenges.rsna.probabilities import read_probabilities
from radlearn.challenges.rsna.submission import read_submission
from radlearn.challenges.rsna.view_table import views_of
from radlearn.challenges.tables.csv_hints import decoded
from radlearn.challenges.words.near_ids import NearIds, near_strangers, only_strangers
from radlearn.errors import BadLayout
from radlearn.tasks.detection.gate import Gate
from radlearn.training.splits import read_split, write_split

KNOWN = ("0007", "abc", "Xyz", "1.2.840", "12")


@pytest.mark.parametrize(
    ("written", "meant", "words"),
    [
        ("abc.dcm", "abc", "Write abc, without .dcm."),
        ("abc.png", "abc", "Write abc, without .png."),
        ("stage_2_train_images/abc.dcm", "abc", "Write abc, without stage_2_train_images/ before and .dcm after it."),
        ("/data/test/0007.png", "0007", "Write 0007, without /data/test/ before and .png after it."),
        ("abc/abc.nii.gz", "abc", "Write abc, without abc/ before and .nii.gz after it."),
        ("images/abc", "abc", "Write abc, without images/."),
        ("C:\\scans\\12_seg.nii.gz", "12", "Write 12, without C:\\scans\\ before and _seg.nii.gz after it."),
        ("ABC", "abc", "upper and lower case count"),
        ("xyz.DCM", "Xyz", "upper and lower case count"),
        ("7", "0007", "with its zeros in front"),
        ("7.0", "0007", "with its zeros in front"),
        ("007", "0007", "with its zeros in front"),
        ("12.0", "12", "Write 12, without .0."),
        (" abc", "abc", "without spaces"),
    ],
)
def test_a_changed_id_is_known_again(written: str, meant: str, words: str) -> None:
    near = NearIds(KNOWN)
    assert near.known_as(written) == meant
    assert words in near.hint(written)


@pytest.mark.parametrize("written", ["abc", "abd", "8", "", "1.2.841"])
def test_a_known_and_a_strange_id_get_no_hint(written: str) -> None:
    assert NearIds(KNOWN).hint(written) == ""


def test_an_id_that_two_others_come_near_is_not_guessed() -> None:
    assert NearIds(["abc", "ABC"]).known_as("Abc") is None
    assert NearIds(["07", "007"]).known_as("7") is None
    assert near_strangers("t.csv", ["7", "07"], ["07"]) == []


@pytest.mark.parametrize(("written", "words"), [("0007.dcm", "without .dcm"), ("7", "zeros in front"), ("ABC", "case count")])
def test_every_table_says_what_to_write(tmp_path: Path, written: str, words: str) -> None:
    meant = "abc" if written == "ABC" else "0007"
    ids = [meant, "other"]

    def table(name: str, header: str, cell: str) -> Path:
        path = tmp_path / name
        path.write_text(f"{header}\n{written},{cell}\nother,{cell}\n")
        return path

    with pytest.raises(BadLayout, match=words):
        read_probabilities(table("p.csv", "patientId,probability", "0.5"), ids)
    with pytest.raises(BadLayout, match=words):
        read_submission(table("s.csv", "patientId,PredictionString", ""), ids)
    with pytest.raises(BadLayout, match=words):
        Gate(table("g.csv", "patientId,probability", "0.5")).scores(ids)
    with pytest.raises(BadLayout, match=words):
        views_of(tmp_path / "labels.csv", ids, table("v.csv", "patientId,view", "AP"))
    troubles = read_covid_persons(table("persons.csv", "case,person", "p"), ids)[1]
    assert len(troubles) == 1
    assert words in troubles[0]
    images = {one: tables.LabelledImage(2, False) for one in ids}
    text = f"patientId,class\n{written},Normal\nother,Normal\n"
    assert any(words in trouble for trouble in tables.classes_in("c.csv", text, images, "l.csv")[1])


def layout(folder: Path, files: list[str], labels: list[str], persons: str = "") -> Path:
    (folder / "stage_2_train_images").mkdir(parents=True)
    for name in files:
        (folder / "stage_2_train_images" / f"{name}.dcm").write_bytes(b"x")
    rows = "".join(f"{one},,,,,0\n" for one in labels)
    (folder / "stage_2_train_labels.csv").write_text(f"patientId,x,y,width,height,Target\n{rows}")
    if persons:
        (folder / "persons.csv").write_text(f"patientId,person\n{persons}")
    return folder


def test_labels_that_miss_their_files_by_a_suffix_zeros_or_case_say_so(tmp_path: Path) -> None:
    for number, (label, words) in enumerate((("a.dcm", "without .dcm. Write a."), ("7", "zeros in front"), ("B", "case count"))):
        folder = layout(tmp_path / str(number), ["a", "007", "b"], [label])
        with pytest.raises(BadLayout) as refused:
            find_cases(folder)
        assert words in str(refused.value)
        assert "unpacked" not in str(refused.value) or label == "a.dcm"
        assert any(words in one.found for one in audit_folder(folder).findings)


def test_persons_and_splits_that_miss_their_images_are_no_longer_passed_over(tmp_path: Path) -> None:
    folder = layout(tmp_path / "x", ["007", "b"], ["007", "b"], "7,p\nb,p\n")
    with pytest.raises(BadLayout, match=r"patientId is '7', which is neither of the known ones\. Write 007"):
        find_cases(folder)
    (folder / "persons.csv").write_text("patientId,person\n007,p\nb,p\n")
    (folder / "split.csv").write_text("image_id,subset\n7,train\nb,test\n")
    (found,) = [one for one in audit_folder(folder).findings if one.rule == "split-table"]
    assert "1 of its 2 images" in found.found
    assert "Write 007" in found.found


def test_ids_that_are_formulas_go_through_every_table_of_a_run(tmp_path: Path) -> None:
    ids = ["=1+1", "-a", "plain"]
    write_split(tmp_path / "split.csv", ids, ["@p", "q", "r"], ["train", "validation", "test"])
    with open(tmp_path / "split.csv", newline="") as opened:
        assert [row[:2] for row in csv.reader(opened)][1:] == [["'=1+1", "'@p"], ["'-a", "q"], ["plain", "r"]]
    assert read_split(tmp_path / "split.csv") == {"=1+1": ("@p", "train"), "-a": ("q", "validation"), "plain": ("r", "test")}
    (tmp_path / "p.csv").write_text("patientId,probability\n'=1+1,0.25\n'-a,0.5\nplain,1\n")
    assert Gate(tmp_path / "p.csv").scores(ids).tolist() == [0.25, 0.5, 1]
    assert read_probabilities(tmp_path / "p.csv", ids).of_image == dict(zip(ids, np.array([0.25, 0.5, 1.0]), strict=True))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("patientId\tprobability\na\t0.5\n", "separated by tabs"),
        ("patientId;probability\na;0,5\n", "separated by semicolons"),
        ("patientId|probability\na|0.5\n", "separated by vertical bars"),
        ("patientId probability\na 0.5\n", "separated by spaces"),
        ('patientId,probability\na,"0,87"\n', "decimal comma; write 0.87"),
        ("patientId,probability\na,0,87\n", "Do its numbers have a decimal comma"),
    ],
)
def test_other_separators_and_decimal_commas_are_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    for read in (lambda: read_probabilities(tmp_path / "p.csv"), lambda: Gate(tmp_path / "p.csv")):
        if "numbers have" in words and read.__code__.co_names[0] == "Gate":
            continue
        with pytest.raises(BadLayout, match=words):
            read()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('a,"1,5",2,3,4,1\n', "x is '1,5'; expected a number. It has a decimal comma; write 1.5."),
        ("a,1,5,2,3,4,1\n", "has 7 fields where the header has 6. Do its numbers have a decimal comma?"),
        ('a,1,2,3,4,"1,0"\n', "Target is '1,0'; expected 0 or 1. It has a decimal comma"),
    ],
)
def test_decimal_commas_in_labels_and_submissions_are_named(tmp_path: Path, text: str, words: str) -> None:
    assert words in tables.labels_in("l.csv", f"patientId,x,y,width,height,Target\n{text}")[1][0]
    (tmp_path / "s.csv").write_text('patientId,PredictionString\na,"0,9 1 2 3 4"\n')
    with pytest.raises(BadLayout, match=r"write 0\.9"):
        read_submission(tmp_path / "s.csv")


def test_a_table_in_utf_16_is_called_so() -> None:
    assert "is UTF-16 text" in decoded("t.csv", "patientId\tx".encode("utf-16"))[1][0]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("ab\u20131", " Write ab-1, with plain dashes and nothing else in it."),
        ("\u200bab-1", " Write ab-1, without the marks beside it that are not seen."),
        ("ab\u00ad-1", " Write ab-1, with plain dashes and nothing else in it."),
        ("'ab-1'", " Write ab-1, without ' before and after it."),
    ],
)
def test_marks_of_word_processors_are_recognised(written: str, hint: str) -> None:
    near = NearIds(["ab-1", "ab-2"])
    assert near.known_as(written) == "ab-1"
    assert near.hint(written) == hint


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        (["0001", "0002"], "none of its 2 ids is known, the first being '0001'; it says nothing here. Write volume-A-0001 for it"),
        (["A-0002"], "its only id is not known; it says nothing here. Write volume-A-0002 for it"),
        (
            ["x", "y", "z"],
            "none of its 3 ids is known, the first being 'x'; it says nothing here. Write case as here, such as volume-A-0001.",
        ),
        # The end of several.
        (["1"], "Write case as here, such as volume-A-0001."),
    ],
)
def test_a_table_that_speaks_of_others_alone_says_nothing(listed: list[str], words: str) -> None:
    (line,) = only_strangers("persons.csv", listed, ["volume-A-0001", "volume-A-0002"], "case")
    assert words in line


def test_a_table_that_speaks_of_some_is_sound() -> None:
    assert only_strangers("persons.csv", ["a", "new"], ["a", "b"]) == []
    assert only_strangers("persons.csv", [], ["a", "b"]) == only_strangers("persons.csv", ["a"], []) == []


def test_an_id_whose_letters_are_stored_otherwise_is_known_and_told() -> None:
    one, two = "M\xfcller", "Mu\u0308ller"
    for known, other in ((one, two), (two, one)):
        near = NearIds([known, "x"])
        assert near.composed_otherwise(other) == near.known_as(other) == known
        assert "stored in another way (Unicode NFC and NFD)" in near.hint(other)
    # What two ids may be is neither.
    assert NearIds([one, two]).composed_otherwise("Mu\u0308ller ") == "Mu\u0308ller "
    assert NearIds([f"{one}\xe9", f"{two}e\u0301"]).composed_otherwise(f"{one}e\u0301") == f"{one}e\u0301"
