"""What is said of a file or a folder that was named where a table was meant."""

import gzip
from pathlib import Path

import pytest

from radlearn.challenges import covid19, rsna
from radlearn.challenges.table_rows import file_words
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
