"""Which view an X-ray was taken in: said by a table, or by the X-rays; else said to be unknown."""

import gzip
from pathlib import Path

import pytest

from radlearn.challenges.rsna.view_table import views_of
from radlearn.errors import BadLayout

IDS = ("a", "b", "c")


@pytest.mark.parametrize("header", ["patientId,view", "PatientID,ViewPosition", "PatientID,PatientAge,ViewPosition"])
def test_a_table_is_read_with_radlearns_names_or_with_dicoms(tmp_path: Path, header: str) -> None:
    age = ",44" if "Age" in header else ""
    (tmp_path / "v.csv").write_text(f"{header}\na{age},AP\nb{age}, pa \nelse{age},AP\n")
    views, notes = views_of(tmp_path / "labels.csv", IDS, tmp_path / "v.csv")
    assert views == {"a": "AP", "b": "PA"}
    assert notes == ["v.csv: says no view for 1 of the 3 images."]


def test_a_table_beside_the_labels_is_found_packed_or_not(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "stage_2_train_headers.csv.gz", "wt") as opened:
        opened.write("PatientID,ViewPosition\na,AP\nb,PA\nc,PA\n")
    assert views_of(tmp_path / "labels.csv", IDS) == ({"a": "AP", "b": "PA", "c": "PA"}, [])
    (tmp_path / "headers.csv").write_text("patientId,view\na,PA\nb,PA\nc,PA\n")
    assert views_of(tmp_path / "labels.csv", IDS)[0]["a"] == "PA"


def test_without_a_table_it_is_said_what_is_left_out(tmp_path: Path) -> None:
    views, notes = views_of(tmp_path / "labels.csv", IDS)
    assert views == {}
    assert "the AUROC within a view is left out. Say with --views" in notes[0]


def test_a_table_may_spell_views_as_headers_do(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("PatientID,ViewPosition\na,AP_PORTABLE\na,ap\nb,p.a. erect\nc,AP SUPINE\n")
    assert views_of(tmp_path / "labels.csv", IDS, tmp_path / "v.csv") == ({"a": "AP", "b": "PA", "c": "AP"}, [])


def test_xrays_say_their_own_view(small_rsna: Path) -> None:
    ids = [f"xray-{number:03d}" for number in range(4)]
    assert views_of(small_rsna / "x.csv", ids, small_rsna) == (dict(zip(ids, ("AP", "AP", "PA", "PA"), strict=True)), [])


def test_what_was_given_and_says_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match="there is no such file or folder"):
        views_of(tmp_path / "labels.csv", IDS, tmp_path / "none")
    table = tmp_path / "v.csv"
    table.write_text("patientId,view\nx,AP\n")
    with pytest.raises(BadLayout, match="says the view of none of the 3 images"):
        views_of(tmp_path / "labels.csv", IDS, table)
    table.write_text("patientId,position\na,AP\n")
    with pytest.raises(BadLayout, match="line 1: the columns are patientId, position; expected patientId, view"):
        views_of(tmp_path / "labels.csv", IDS, table)
    table.write_text("patientId,view\na,AP\na,PA\n")
    with pytest.raises(BadLayout, match="line 3: the view of a is 'PA' here and 'AP' before"):
        views_of(tmp_path / "labels.csv", IDS, table)
    (tmp_path / "v.csv.gz").write_bytes(gzip.compress(b"patientId,view\na,AP\n")[:-6])
    with pytest.raises(BadLayout, match=r"v\.csv\.gz: is not gzip, or is cut short"):
        views_of(tmp_path / "labels.csv", IDS, tmp_path / "v.csv.gz")


LONG = {"header": "x" * 300_000, "quoted": '"patientId,view\n' + "a,b\n" * 60_000, "cell": 'patientId,view\n"' + "x" * 200_000}


@pytest.mark.parametrize("place", LONG)
def test_a_table_with_a_field_of_any_length_is_a_message(tmp_path: Path, place: str) -> None:
    (tmp_path / "headers.csv").write_text(LONG[place])
    with pytest.raises(BadLayout, match=r"headers\.csv, line \d+: is not CSV(: | \()field larger than field limit"):
        views_of(tmp_path / "labels.csv", ["a"])


@pytest.mark.parametrize("word", ["LL", "LATERAL", "frontal", "0"])
def test_a_word_that_is_neither_view_is_left_out_and_said(tmp_path: Path, word: str) -> None:
    (tmp_path / "v.csv").write_text(f"patientId,view\na,{word}\nb,{word}\nc,PA\nelse,{word}\n")
    views, (said,) = views_of(tmp_path / "labels.csv", IDS, tmp_path / "v.csv")
    assert views == {"c": "PA"}
    assert "of 2 images, neither AP nor PA; the AUROC within a view is without them" in said
