"""A row of a table names a page of a TIFF; what it cannot mean is told with row, column and value."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.challenges import rsna, ultrasound
from radlearn.challenges.first_tables.pages import add_pages
from radlearn.challenges.first_tables.rows import FirstTable
from radlearn.challenges.tables import xray_table
from radlearn.challenges.tables.table_pages import page_of
from radlearn.errors import BadLayout
from radlearn.scans.dicom import find_xrays
from radlearn.scans.label_map_files import read_label_map
from radlearn.scans.picture_files import read_stored
from radlearn.scans.value_digests import value_digest
from radlearn.workflow.case_contents import contents_of
from radlearn.workflow.table_command import write_first_table

PAGES = [np.random.default_rng(page).integers(0, 60000, (40, 56)).astype(np.uint16) for page in range(4)]
LABELS = [np.eye(40, 56, page, dtype=np.uint8) for page in range(4)]


def stack(path: Path, pages: list[np.ndarray]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = map(Image.fromarray, pages)
    first.save(path, save_all=True, append_images=others)
    return path


def table_of(folder: Path, text: str) -> Path:
    stack(folder / "stack.tif", PAGES[:3])
    stack(folder / "maps.tif", LABELS[:3])
    stack(folder / "two.tiff", LABELS[:2])
    Image.fromarray(PAGES[3]).save(folder / "one.tif")
    Image.fromarray(PAGES[3]).save(folder / "one.png")
    (folder / "cases.csv").write_text(text)
    return folder / "cases.csv"


def test_pages_are_images_of_their_own_and_of_one_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = rsna.find_cases(table_of(tmp_path, "path,page,label\nstack.tif,3,1\nstack.tif,1,0\none.png,,0\n"))
    assert [(case.image_id, case.person) for case in cases] == [
        ("stack-page-003", "stack.tif"), ("stack-page-001", "stack.tif"), ("one", "one"),
    ]  # fmt: skip
    for case, expected in zip(cases, (PAGES[2], PAGES[0], PAGES[3]), strict=True):
        assert np.array_equal(read_stored(case.path).values, expected)
    assert [case.label for case in cases] == [True, False, False]
    assert all(case.folder == tmp_path and case.groups == () for case in cases)
    assert "The pages of one TIFF count as images of one person." in " ".join(capsys.readouterr().err.split())
    contents = contents_of(cases)
    assert len({content.pixels for content in contents}) == 3
    Image.fromarray(PAGES[2]).save(tmp_path / "alone.png")
    assert contents[0].pixels == value_digest(tmp_path / "alone.png")


def test_a_table_that_says_who_is_believed(tmp_path: Path) -> None:
    path = table_of(tmp_path, "path,page,label,person,id\nstack.tif,1,1,ann,x\nstack.tif,2,0,ben,y\n")
    assert [(case.image_id, case.person) for case in rsna.find_cases(path)] == [("x", "ann"), ("y", "ben")]


def test_boxes_belong_to_a_page(tmp_path: Path) -> None:
    path = table_of(tmp_path, "path,page,x0,y0,x1,y1\nstack.tif,1,1,2,30,31\nstack.tif,1,5,6,30,31\nstack.tif,2,,,,\n")
    assert [len(case.boxes_xyxy_px) for case in rsna.find_cases(path)] == [2, 0]


BAD = {
    "path,label\nstack.tif,1\n": "line 2, column path: stack.tif has 3 pages; say which in a column page, counted from 1",
    "path,page,label\nstack.tif,,1\n": "line 2, column page: is empty, and stack.tif has 3 pages; expected a whole number from 1 to 3.",
    "path,page,label\nstack.tif,4,1\n": "line 2, column page: is '4', and stack.tif has 3 pages; expected a whole number from 1 to 3.",
    "path,page,label\nstack.tif,0,1\n": "line 2, column page: is '0', and",
    "path,page,label\nstack.tif,1.5,1\n": "line 2, column page: is '1.5', and",
    "path,page,label\nstack.tif,first,1\n": "line 2, column page: is 'first', and",
    "path,page,label\none.tif,2,1\n": "line 2, column page: is '2', and one.tif has 1 page; expected 1, or an empty field.",
    "path,page,label\none.png,7,1\n": "line 2, column page: is '7', and one.png has 1 page; expected 1, or an empty field.",
    "path,page,label\nstack.tif,2,1\nstack.tif,2,0\n": "line 3, column label: is '0' here and '1' in line 2",
}  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_what_is_wrong_is_told_with_row_column_and_value(tmp_path: Path, text: str) -> None:
    table, _ = xray_table.audit(table_of(tmp_path, text))
    assert any(BAD[text] in trouble for trouble in table.troubles), table.troubles
    with pytest.raises(BadLayout):
        rsna.find_cases(tmp_path / "cases.csv")


def test_a_mask_is_read_at_the_page_of_its_image_unless_it_has_its_own(tmp_path: Path) -> None:
    text = "path,page,mask,mask_page\nstack.tif,1,maps.tif,\nstack.tif,2,maps.tif,3\nstack.tif,3,two.tiff,2\none.png,,two.tiff,1\n"
    cases = ultrasound.find_cases(table_of(tmp_path, text))
    masks = [LABELS[0], LABELS[2], LABELS[1], LABELS[0]]
    for case, expected in zip(cases, masks, strict=True):
        assert case.mask_path is not None
        assert np.array_equal(read_label_map(case.mask_path).labels, expected)
    assert [case.person for case in cases] == ["stack.tif"] * 3 + ["one"]
    bad = "path,page,mask\nstack.tif,3,two.tiff\none.png,,maps.tif\none.tif,,maps.tif\n"
    with pytest.raises(BadLayout) as raised:
        ultrasound.find_cases(table_of(tmp_path, bad))
    assert "line 2, column page: is '3', and two.tiff has 2 pages" in str(raised.value)
    assert "line 3, column path: maps.tif has 3 pages; say which in a column mask_page" in str(raised.value)
    twice = "path,page,mask,mask_page\nstack.tif,1,maps.tif,2\nstack.tif,2,maps.tif,\n"
    with pytest.raises(BadLayout, match="line 3, column mask: is the label map of line 2 too"):
        ultrasound.find_cases(table_of(tmp_path, twice))


def test_two_stacks_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    stack(tmp_path / "ann" / "s.tif", PAGES[:2])
    stack(tmp_path / "ben" / "s.tif", PAGES[2:])
    (tmp_path / "cases.csv").write_text("path,page,label\nann/s.tif,1,1\nben/s.tif,1,0\n")
    cases = rsna.find_cases(tmp_path / "cases.csv")
    assert [(case.image_id, case.person, case.label) for case in cases] == [
        ("ann_s-page-001", "ann/s.tif", True), ("ben_s-page-001", "ben/s.tif", False),
    ]  # fmt: skip
    assert [case.image_id for case in ultrasound.CHALLENGE.find_images(tmp_path)] == [
        "ann_s-page-001", "ann_s-page-002", "ben_s-page-001", "ben_s-page-002",
    ]  # fmt: skip
    assert {case.person for case in rsna.CHALLENGE.find_images(tmp_path)} == {"ann_s", "ben_s"}
    assert page_of(tmp_path / "ann" / "s.tif", "page", None)[0] is None


def test_a_first_table_has_a_row_for_each_page(tmp_path: Path) -> None:
    stack(tmp_path / "normal" / "a.tif", PAGES[:2])
    stack(tmp_path / "opacity" / "b.tif", PAGES[2:3])
    table = write_first_table("classification", rsna.CHALLENGE, tmp_path, None, ())
    assert table.read_text().splitlines() == ["path,page,label", "normal/a.tif,1,0", "normal/a.tif,2,0", "opacity/b.tif,,1"]
    assert [(case.image_id, case.label) for case in rsna.find_cases(table)] == [("a-page-001", False), ("a-page-002", False), ("b", True)]


def test_masks_of_as_many_pages_go_with_their_images_and_others_are_left_out(tmp_path: Path) -> None:
    for name, pages in (("a.tif", PAGES[:2]), ("a_mask.tif", LABELS[:2]), ("b.tif", PAGES[2:]), ("b_mask.tif", LABELS[:1])):
        stack(tmp_path / name, pages)
    table = write_first_table("ultrasound", ultrasound.CHALLENGE, tmp_path, tmp_path / "t.csv", ())
    assert table.read_text().splitlines() == ["path,page,mask", "a.tif,1,a_mask.tif", "a.tif,2,a_mask.tif"]
    found = [read_label_map(case.truth[0]).labels for case in ultrasound.find_cases(table)]
    assert np.array_equal(found, LABELS[:2])
    boxed = FirstTable(("path", "x0"), [{"path": tmp_path / "a.tif", "x0": 3}])
    add_pages(boxed, ("x0",))
    assert boxed.rows == []
    assert boxed.assumed == [
        "1 TIFF of several pages, such as a.tif, is left out: nothing says on which page their boxes lie."
    ]  # fmt: skip
    assert find_xrays(tmp_path, pictures=True)[0] == tmp_path / "a.tif"
