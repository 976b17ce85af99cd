"""A table of one's own images: read as it stands, and what is wrong is named by row, column, value and rule."""

import os
import sys
from pathlib import Path

import pytest

from radlearn.challenges.tables.own_table import images_in, is_synthetic_table, read_table
from radlearn.challenges.tables.table_files import OwnTable
from radlearn.challenges.tables.table_rows import columns_of, is_table
from radlearn.csv_cells import defused
from radlearn.errors import BadLayout


def table_of(folder: Path, text: str, name: str = "cases.csv") -> Path:
    for image in ("a.dcm", "b.dcm", "c.dcm", "deep/a.dcm", "deep/d.dcm"):
        (folder / image).parent.mkdir(exist_ok=True)
        (folder / image).touch()
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def read(path: Path) -> OwnTable:
    return read_table(path, ("label",), ("label", "x0"))


def test_images_have_their_paths_ids_persons_subsets_and_groups(tmp_path: Path) -> None:
    rows = ["path,person,label,split,site,note", "a.dcm,p1,0,train,North,", "deep/d.dcm,p2,1,validation,South,", "c.dcm,p3,0,test,North,x"]
    table = read(table_of(tmp_path, "\n".join(rows)))
    assert table.troubles == table.notes == []
    assert [(image.image_id, image.person, image.split) for image in table.images] == [
        ("a", "p1", "train"),
        ("d", "p2", "validation"),
        ("c", "p3", "test"),
    ]
    assert [image.path for image in table.images] == [tmp_path / "a.dcm", tmp_path / "deep" / "d.dcm", tmp_path / "c.dcm"]
    assert [image.groups for image in table.images] == [(("site", "North"),), (("site", "South"),), (("site", "North"), ("note", "x"))]
    assert [image.line for image in table.images] == [2, 3, 4]


def test_without_a_column_person_that_is_said_and_every_image_is_a_person(tmp_path: Path) -> None:
    table = read(table_of(tmp_path, "path,label\na.dcm,0\ndeep/a.dcm,1\n"))
    assert table.troubles == []
    assert "has no column person" in table.notes[0]
    # Files of one name are told apart by their folders.
    assert [image.image_id for image in table.images] == [image.person for image in table.images] == ["a", "deep_a"]


def test_ids_may_be_given_and_absolute_paths_too(tmp_path: Path) -> None:
    table = read(table_of(tmp_path, f"id,path,label\none,{tmp_path / 'a.dcm'},0\ntwo,./deep/../a.dcm,0\n"))
    assert len(table.images) == 1
    assert [line for line, _ in table.images[0].rows] == [2, 3]
    assert table.troubles == ["cases.csv, line 3, column id: is 'two' here and 'one' in line 2, which is of the same image."]


def test_names_that_a_spreadsheet_would_compute_are_restored(tmp_path: Path) -> None:
    (tmp_path / "-1.dcm").touch()
    table = read(table_of(tmp_path, f"path,person,label\n{defused('-1.dcm')},{defused('=x')},0\n"))
    assert [(image.path.name, image.person) for image in table.images] == [("-1.dcm", "=x")]


def test_tabs_a_mark_of_excel_and_quotes(tmp_path: Path) -> None:
    table = read(table_of(tmp_path, '\ufeffpath\tlabel\tperson\n"a.dcm"\t1\tp, 1\n', "cases.TSV"))
    assert table.troubles == []
    assert table.images[0].person == "p, 1"


def test_a_column_of_many_values_makes_no_groups(tmp_path: Path) -> None:
    images = [f"{number}.dcm" for number in range(13)]
    for image in images:
        (tmp_path / image).touch()
    rows = [f"{image},1,{number},{number % 2}" for number, image in enumerate(images)]
    table = read(table_of(tmp_path, "path,label,day,half\n" + "\n".join(rows)))
    assert table.notes[1] == "cases.csv: column day has 13 different values, too many for subgroups."
    assert table.images[3].groups == (("half", "1"),)


BAD = {
    "path,label\na.dcm,0\nz.dcm,1\n": "line 3, column path: is 'z.dcm', and there is no such file; paths are relative",
    "path,label\na.dcm,0\n,1\n": "line 3, column path: is empty; expected a file.",
    "path,label\ndeep\\d.dcm,0\n": "Write / between folders.",
    "file,label\na.dcm,0\n": "line 1: the columns are file, label; expected also path. Is file the path? Then call it so.",
    "path,target\na.dcm,0\n": "expected also label. Is target the label? Then call it so.",
    "path;label\na.dcm;0\n": "line 1: has one column, 'path;label'. It is separated by semicolons",
    "path,label,label\na.dcm,0,1\n": "line 1: the column label is there twice",
    "path,label\na.dcm,0,1\n": "line 2: has 3 fields where the header has 2.",
    "path,label,person\na.dcm,0,\n": "line 2, column person: is empty; expected whose image it is.",
    "path,label,split\na.dcm,0,val\n": "line 2, column split: is 'val'; expected train, validation or test. Write validation.",
    "path,label,split\na.dcm,0,train\nb.dcm,0,test\n": "line 1, column split: no image is in validation. Training needs all three",
    "path,label,split,person\na.dcm,0,train,p\nb.dcm,0,test,p\n": "line 3, column split: person p is in test here and in train in line 2",
    "path,label,id\na.dcm,0,x\nb.dcm,0,x\n": "line 3, column id: 'x' is the id of another image too, line 2",
    "path,label,id\na.dcm,0,../x\n": "line 2, column id: is '../x'; files are named by it",
    "path,label,person\na.dcm,0,p\na.dcm,0,q\n": "line 3, column person: is 'q' here and 'p' in line 2, which is of the same image.",
    "path,label\n": "has a header and no rows",
    "": "is empty",
    'path,label\n"a.dcm,0\n': "is not CSV",
}  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_bad_table_names_row_column_value_and_rule(tmp_path: Path, text: str) -> None:
    troubles = read(table_of(tmp_path, text)).troubles
    assert any(BAD[text] in trouble for trouble in troubles), troubles
    assert all(trouble.startswith("cases.csv") for trouble in troubles)


def test_bytes_that_are_no_text_and_a_table_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_bytes("path,label\nMüller.dcm,0\n".encode("latin-1"))
    assert "is not UTF-8 text" in read(tmp_path / "cases.csv").troubles[0]
    assert "cannot be read" in read(tmp_path / "none.csv").troubles[0]
    assert columns_of(tmp_path / "none.csv") == ()


def test_what_is_a_table_is_told_by_its_name_and_no_folder_is_one(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    assert [is_table(tmp_path / name) for name in ("a.csv", "a.TSV", "a.parquet", "a.dcm", "folder.csv")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_table_of_synthetic_images_is_synthetic_wherever_it_lies(tmp_path: Path) -> None:
    images = tmp_path / "thorax" / "images"
    images.mkdir(parents=True)
    (tmp_path / "thorax" / "truth.csv").touch()
    (images / "s.dcm").touch()
    assert is_synthetic_table(table_of(tmp_path, "path,label\nthorax/images/s.dcm,0\n"))
    assert not is_synthetic_table(table_of(tmp_path, "path,label\nthorax/images/s.dcm,0\na.dcm,0\n"))


def test_parquet_is_read_like_csv(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    csv_path = table_of(tmp_path, "path,label,person,site\na.dcm,1,7,\nb.dcm,0,8,N\n")
    columns = {"path": ["a.dcm", "b.dcm"], "label": [True, False], "person": [7, 8], "site": [None, "N"]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "cases.parquet")
    one, other = read(csv_path), read(tmp_path / "cases.parquet")
    assert one.troubles == other.troubles == []
    assert one.images == other.images
    (tmp_path / "bad.parquet").write_bytes(b"no parquet at all")
    assert "is not a Parquet file that can be read" in read(tmp_path / "bad.parquet").troubles[0]


def test_without_pyarrow_parquet_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert 'pip install "radlearn[parquet]"' in read(tmp_path / "cases.parquet").troubles[0]


def test_a_table_of_the_home_folder_may_name_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table_of(tmp_path, "path,label\n~/b.dcm,1\n")
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    assert read(path).troubles == []


@pytest.mark.parametrize(
    ("name", "separator", "words"),
    [
        ("a.tsv", ",", "It is separated by commas; save it with tabs or call it .csv"),
        ("a.tsv", ";", "It is separated by semicolons; save it with tabs"),
        ("a.csv", "\t", "It is separated by tabs; save it with commas"),
        ("a.csv", ";", "It is separated by semicolons; save it with commas"),
        ("a.csv", "|", "It is separated by vertical bars; save it with commas"),
    ],
)
def test_the_separator_of_a_table_is_named(tmp_path: Path, name: str, separator: str, words: str) -> None:
    text = "path,person,label\na.dcm,p,0\n".replace(",", separator)
    (trouble,) = read(table_of(tmp_path, text, name)).troubles
    assert trouble.startswith(f"{name}, line 1: has one column, ")
    assert words in trouble


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("Train", "Validation", "Test"), ("train", "validation", "test")),
        (("TRAIN", "valid", "testing"), ("train", "validation", "test")),
        (("training", "val", "test"), ("train", "validation")),
        (("fold1", "fold2", "fold3"), ()),
    ],
)
def test_other_names_of_subsets_are_told_once_each_and_nothing_is_missing(
    tmp_path: Path, words: tuple[str, ...], meant: tuple[str, ...]
) -> None:
    images = [f"{number}.dcm" for number in range(6)]
    for image in images:
        (tmp_path / image).touch()
    rows = [f"{image},{number % 2},{words[number // 2]}" for number, image in enumerate(images)]
    troubles = read(table_of(tmp_path, "path,label,split\n" + "\n".join(rows) + "\n")).troubles
    wrong = [(number, word) for number, word in enumerate(words) if word not in ("train", "validation", "test")]
    assert [trouble.split(";")[0] for trouble in troubles] == [
        f"cases.csv, line {2 + 2 * number}, column split: is {word!r} in 2 rows, of which this is the first" for number, word in wrong
    ]
    assert [trouble.split(" Write ")[1] for trouble in troubles if " Write " in trouble] == [f"{one} in each of these." for one in meant]


@pytest.mark.parametrize("word", ["nan", "None", "Unknown", "NA", "N/A", "null", "anonymous", "not_available", "NOT AVAILABLE", "?", "-"])
def test_a_word_for_nobody_on_several_images_is_doubted(tmp_path: Path, word: str) -> None:
    table = read(table_of(tmp_path, f"path,label,person\na.dcm,0,{word}\nb.dcm,1,{word}\nc.dcm,1,p\n"))
    assert table.troubles == []
    (note,) = table.notes
    assert note.startswith(f"cases.csv: 2 images are of person {word!r}, which looks like a word for nobody")
    assert "give each a person of its own" in note
    # One such image is a person of its own anyway, and other names say who it is.
    for persons in (f"a.dcm,0,{word}\nb.dcm,1,q\n", "a.dcm,0,Noname-7\nb.dcm,1,Noname-7\n"):
        assert read(table_of(tmp_path, f"path,label,person\n{persons}")).notes == []


def test_the_images_of_a_table_alone_whatever_else_it_says(tmp_path: Path) -> None:
    table = table_of(tmp_path, "person,path,split,label\n,b.dcm,nonsense,7\n,deep/a.dcm,,\n,b.dcm,,\n")
    assert images_in(table) == [tmp_path / "b.dcm", tmp_path / "deep/a.dcm"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image_id,label\na.dcm,1\n", ["line 1", "image_id, label", "path"]),
        ("path\na.dcm\nnone.dcm\n", ["line 3", "column path", "none.dcm", "no such file"]),
        ("path,label\na.dcm,1\n,0\n", ["line 3", "column path", "is empty"]),
        ("path\n", ["no rows"]),
    ],
)
def test_a_table_without_images_says_where(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(BadLayout) as refused:
        images_in(table_of(tmp_path, text))
    assert all(word in str(refused.value) for word in words), refused.value


def test_a_table_of_images_that_is_not_there_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match=r"none\.csv: there is no such file\. Name images, folders"):
        images_in(tmp_path / "none.csv")


@pytest.mark.parametrize("written", ["~nobody-has-this-name/a.dcm", "~", "~~/a.dcm", "~a.dcm"])
def test_a_tilde_of_nobody_is_a_name_as_any(tmp_path: Path, written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    (trouble,) = read(table_of(tmp_path, f"path,label\n{written},0\na.dcm,1\n")).troubles
    assert trouble.startswith(f"cases.csv, line 2, column path: is '{written}', and there is no such file")
    (tmp_path / "~a.dcm").touch()
    assert read(table_of(tmp_path, "path,label\n~a.dcm,0\n")).troubles == []


@pytest.mark.parametrize("written", ["9" * 300, "9" * 300 + ".dcm", "deep/" + "x" * 5000 + "/a.dcm", "é" * 140 + ".png"])
def test_a_name_that_no_disk_takes_is_named_by_its_line_beside_what_else_is_wrong(tmp_path: Path, written: str) -> None:
    table = read(table_of(tmp_path, f"path,label\n{written},0\nz.dcm,1\n"))
    first, second = table.troubles
    assert first.startswith("cases.csv, line 2, column path: is '")
    assert "cannot be looked for (File name too long)" in first
    assert len(first) < 300
    assert "line 3" in second
