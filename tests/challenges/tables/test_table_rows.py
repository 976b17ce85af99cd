"""What is said of a file or a folder that was named where a table was meant."""

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radlearn.challenges import covid19, rsna
from radlearn.challenges.tables.table_rows import MOST_ROWS, file_words, rows_of
from radlearn.check.audit import audit_folder
from radlearn.errors import BadLayout
from radlearn.workflow.data_source import found_source

TABLE = b"path,label\na.png,0\n"
FILES = {
    "cases.txt": (TABLE, "is a .txt file. If it is a table, save it as CSV UTF-8, with commas, under a name that ends with .csv"),
    "cases": (TABLE, "is a file without a suffix. If it is a table, save it as CSV UTF-8"),
    "cases.csv.gz": (gzip.compress(TABLE), "packed with gzip. Unpack it first"),
    "cases.json": (b'[{"path": "a.png"}]', "JSON. Save the table as CSV"),
    "cases.xlsx": (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "an Excel workbook (.xlsx). Save the table as CSV UTF-8"),
    "empty.dat": (b"", "is a .dat file"),
    "xray.dcm": (bytes(128) + b"DICM", "is one image (DICOM). Name the folder that it lies in, or a table that names it"),
    "xray.png": (b"\x89PNG\r\n\x1a\n", "is one image (a PNG picture). Name the folder that it lies in"),
    "ct.nii.gz": (gzip.compress(bytes(400)), "is one image (NIfTI). Name the folder that it lies in"),
    "ct.nii": (bytes(344) + b"n+1\0", "is one image (NIfTI). Name the folder that it lies in"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_table_by_its_name_is_called_what_it_is(tmp_path: Path, name: str) -> None:
    content, said = FILES[name]
    (tmp_path / name).write_bytes(content)
    assert said in file_words(tmp_path / name)
    for read in (lambda: audit_folder(tmp_path / name), lambda: found_source(rsna.CHALLENGE, tmp_path / name, ())):
        with pytest.raises(BadLayout) as refused:
            read()
        assert said in str(refused.value)
        assert "there is no such" not in str(refused.value)


@pytest.mark.parametrize("challenge", [rsna, covid19])
def test_a_table_in_a_folder_that_was_named_is_named(tmp_path: Path, challenge: object) -> None:
    folder = tmp_path / "my data"
    folder.mkdir()
    (folder / "cases.csv").write_bytes(TABLE)
    (folder / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadLayout, match=r"name it itself, --data '.*my data/cases\.csv'\."):
        challenge.CHALLENGE.find_cases(folder)  # type: ignore[attr-defined]


def parquet_of(path: Path, columns: list[tuple[str, Any]], **options: Any) -> Path:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    parquet.write_table(
        pyarrow.Table.from_arrays([pyarrow.array(values) for _, values in columns], [name for name, _ in columns]), path, **options
    )
    return path


def test_a_small_parquet_file_of_millions_of_rows_is_not_unpacked(tmp_path: Path) -> None:
    path = parquet_of(tmp_path / "a.parquet", [("label", np.zeros(MOST_ROWS + 1, np.int8))])
    assert path.stat().st_size < 100_000
    _, rows, (trouble,) = rows_of(path)
    assert rows == []
    assert trouble.startswith(f"a.parquet: holds {MOST_ROWS + 1:,} rows, ")
    assert trouble.endswith("expected a table of a few megabytes. It was not read.")
    # One long text that stands in each of many rows.
    path = parquet_of(tmp_path / "b.parquet", [("path", ["x" * 100_000] * 3000)])
    assert path.stat().st_size < 1_000_000
    assert "b.parquet: holds more than" in rows_of(path)[2][0]


def test_a_parquet_file_may_have_texts_of_bytes_and_no_column_twice(tmp_path: Path) -> None:
    columns, rows, troubles = rows_of(parquet_of(tmp_path / "a.parquet", [("path", [b"a.dcm", "ü.dcm".encode()]), ("label", [True, None])]))
    assert (columns, rows, troubles) == (("path", "label"), [(2, {"path": "a.dcm", "label": "1"}), (3, {"path": "ü.dcm", "label": ""})], [])
    twice = rows_of(parquet_of(tmp_path / "b.parquet", [("path", ["a"]), ("label", [1]), ("label ", [0])]))
    assert twice[2] == ["b.parquet: the column label is there twice; expected each once."]


def test_batches_of_a_parquet_file_are_read_in_their_order(tmp_path: Path) -> None:
    path = parquet_of(tmp_path / "a.parquet", [("path", [f"{number}.dcm" for number in range(3500)])], row_group_size=700)
    assert [(line, row["path"]) for line, row in rows_of(path)[1]] == [(number + 2, f"{number}.dcm") for number in range(3500)]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("path,label,,\na.png,1,,\nb.png,0,,\n", ("path", "label")),
        ("path,label,\na.png,1, \n", ("path", "label")),
        (",path,label,,\n0,a.png,1,,\n", ("", "path", "label")),
        ("path,label,\na.png,1,x\n", ("path", "label", "")),
    ],
)
def test_columns_at_the_end_without_name_and_content_are_left_out(tmp_path: Path, text: str, columns: tuple[str, ...]) -> None:
    (tmp_path / "a.csv").write_text(text)
    found, rows, troubles = rows_of(tmp_path / "a.csv")
    assert (found, troubles) == (columns, [])
    with open(tmp_path / "a.csv", newline="") as opened:
        wanted = [[cell.strip() for cell in row][: len(columns)] for row in csv.reader(opened)][1:]
    assert [list(cells.values()) for _, cells in rows] == wanted


def test_a_cell_without_a_column_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("path,label,,\na.png,1,,x\n")
    assert "the column without a name is there twice" in rows_of(tmp_path / "a.csv")[2][0]
    (tmp_path / "a.csv").write_text("path,label,,\na.png,1\n")
    assert "has 2 fields where the header has 4" in rows_of(tmp_path / "a.csv")[2][0]
