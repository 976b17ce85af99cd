"""The columns of a table that was saved so that it cannot be read, in every way in which spreadsheets save."""

import io
import zipfile
from pathlib import Path

import pytest

from radlearn.challenges.tables.meant_columns import meant_columns
from tests.challenges.tables.test_table_rows import parquet_of

COLUMNS = ("path", "label_mass", "Follow-up #")
TEXT = "path,label_mass,Follow-up #\nä.png,1,0\nb.png,0,2\n"


def workbook_of(columns: tuple[str, ...]) -> bytes:
    """A workbook with these texts, as spreadsheets pack it: ECMA-376, part 1, 18.4."""
    texts = "".join(f'<si><t xml:space="preserve">{name.replace("&", "&amp;")}</t></si>' for name in columns)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("[Content_Types].xml", "<Types/>")
        opened.writestr("xl/worksheets/sheet1.xml", '<worksheet><sheetData><row><c t="s"><v>0</v></c></row></sheetData></worksheet>')
        opened.writestr("xl/sharedStrings.xml", f"<sst>{texts}</sst>")
    return packed.getvalue()


SAVED = {
    "semicolons": (TEXT.replace(",", ";").encode(), "It is separated by semicolons; save it with commas"),
    "semicolons and quotes": (b'"path";"label_mass";"Follow-up #"\r\n"a.png";1;0\r\n', "It is separated by semicolons"),
    "tabs": (TEXT.replace(",", "\t").encode(), "It is separated by tabs"),
    "bars": (TEXT.replace(",", "|").encode(), "It is separated by vertical bars"),
    "Excel's word": (b"sep=;\n" + TEXT.replace(",", ";").encode(), "Remove this line, and save the table with commas"),
    "UTF-16": (TEXT.encode("utf-16"), "is UTF-16 text, as Excel's"),
    "UTF-16 with tabs": (TEXT.replace(",", "\t").encode("utf-16"), "is UTF-16 text, as Excel's"),
    "UTF-16, big-endian": (b"\xfe\xff" + TEXT.encode("utf-16-be"), "is UTF-16 text, as Excel's"),
    "UTF-16 without mark": (TEXT.replace("ä", "a").encode("utf-16-le"), "is UTF-16 text without its mark"),
    "UTF-16 without mark, big-endian": (TEXT.replace("ä", "a").encode("utf-16-be"), "is UTF-16 text without its mark"),
    "UTF-32": (TEXT.encode("utf-32"), "is UTF-32 text"),
    "Latin-1": (TEXT.encode("latin-1"), "is not UTF-8 text"),
    "Latin-1 and semicolons": (TEXT.replace(",", ";").encode("latin-1"), "is not UTF-8 text"),
    "a workbook": (workbook_of(COLUMNS), "is an Excel workbook"),
}


@pytest.mark.parametrize("how", SAVED)
def test_the_columns_of_a_table_that_cannot_be_read_are_known(tmp_path: Path, how: str) -> None:
    content, said = SAVED[how]
    (tmp_path / "a.csv").write_bytes(content)
    columns, trouble = meant_columns(tmp_path / "a.csv")
    assert columns == COLUMNS
    assert trouble.startswith("a.csv, line ")
    assert said in trouble


@pytest.mark.parametrize("text", [TEXT, "path\na.png\n", "path,label\na.png\n", 'path,label\na.png,"1\n', "path,label\n"])
def test_a_table_of_which_rows_alone_are_wrong_has_the_columns_that_are_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    assert meant_columns(tmp_path / "a.csv") == (tuple(text.partition("\n")[0].split(",")), "")


def test_a_table_of_another_kind_has_the_columns_that_are_read(tmp_path: Path) -> None:
    assert meant_columns(parquet_of(tmp_path / "a.parquet", [("path", ["a"]), ("label", [1])])) == (("path", "label"), "")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), workbook_of(COLUMNS)[:99], b"\0" * 999])
def test_of_what_is_no_text_nothing_is_known(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    columns, trouble = meant_columns(tmp_path / "a.csv")
    assert trouble
    assert not any(name.strip("\0") for name in columns)


def test_a_workbook_is_not_unpacked_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(workbook_of((*COLUMNS, *["x" * 1000] * 50_000)))
    assert meant_columns(tmp_path / "a.csv")[0][:3] == COLUMNS
