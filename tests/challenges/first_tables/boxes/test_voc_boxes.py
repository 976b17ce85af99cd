"""Pascal VOC: what belongs to an image is read or refused by file, object and value; what belongs to none is counted."""

import re
from pathlib import Path

import pytest

from radlearn.challenges.first_tables.boxes.voc_boxes import read_voc
from radlearn.challenges.first_tables.table import xray_table
from radlearn.errors import BadLayout
from tests.challenges.first_tables.test_table import BOXES, boxes_of, picture


def xml_of(boxes: list[tuple[object, ...]], name: str = "a.png", size: str = "") -> str:
    things = ""
    for box in boxes:
        ends = "".join(f"<{end}>{value}</{end}>" for end, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
        things += f"<object><name>opacity</name><bndbox>{ends}</bndbox></object>"
    return f"<annotation><filename>{name}</filename>{size}{things}</annotation>"


def size_of(width: int, height: int) -> str:
    return f"<size><width>{width}</width><height>{height}</height><depth>1</depth></size>"


def voc(folder: Path, text: str) -> Path:
    for name, boxes in BOXES.items():
        picture(folder / f"{name}.png", (40, 80))
        (folder / f"{name}.xml").write_text(xml_of(list(boxes), f"{name}.png"))
    (folder / "a.xml").write_text(text, encoding="utf-8")
    return folder


WHOLE = xml_of(list(BOXES["a"]))
REFUSED = {
    "a word": (xml_of([(10, "top", 30, 25)]), "a.xml, object 1: ymin is 'top'; expected a number in pixels."),
    "a decimal comma": (xml_of([(10, 5, 30, 25), ("1,5", 2, 3, 4)]), "object 2: xmin is '1,5'; expected a number in pixels. It has"),
    "nothing": (xml_of([(10, 5, "", 25)]), "a.xml, object 1: xmax is ''; expected a number in pixels."),
    "NaN": (xml_of([(10, 5, "nan", 25)]), "a.xml, object 1: xmax is 'nan'; expected a number in pixels."),
    "no bndbox": (WHOLE.replace("bndbox", "polygon"), "a.xml, object 1: has no bndbox; expected one with xmin"),
    "cut short": (WHOLE[:-20], "a.xml: is not XML (unclosed token: line 1"),
    "a mark that XML keeps": (WHOLE.replace("opacity", "a & b"), "a.xml: is not XML"),
    "corners exchanged": (xml_of([(30, 5, 10, 25)]), "a.xml, object 1: the box from x 30 to 10 is -20 px wide"),
    "beyond": (xml_of([(10, 5, 30, 49)]), "a.xml, object 1: the box reaches from y 5 to 49 px, and the image is 40 px high"),
    "a confidence": (
        WHOLE.replace("</name>", "</name><confidence>0.87</confidence>", 1),
        "a.xml, object 1: confidence, 0.87, looks like a confidence, so it is what a network found and no truth",
    ),
    "another shape": (xml_of(list(BOXES["a"]), size=size_of(640, 640)), "a.png is 640 × 640 px (width × height), and it is 80 × 40"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=REFUSED)
def test_what_is_wrong_is_refused_by_file_object_and_value(tmp_path: Path, case: str) -> None:
    text, words = REFUSED[case]
    with pytest.raises(BadLayout) as refused:
        xray_table(voc(tmp_path, text))
    assert words in str(refused.value)


@pytest.mark.parametrize("size", [(0, 0), (80, 40), (800, 400)])
def test_a_size_is_followed_where_it_says_something(tmp_path: Path, size: tuple[int, int]) -> None:
    factor = 10 if size[0] == 800 else 1
    boxes = [tuple(end * factor for end in box) for box in BOXES["a"]]
    assert boxes_of(voc(tmp_path, xml_of(list(boxes), size=size_of(*size)))) == BOXES


NAMESPACES = {
    "of its own": WHOLE.replace("<annotation>", '<annotation xmlns="http://example.org/voc">'),
    "of the schema": WHOLE.replace("<annotation>", '<annotation xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'),
    "with a prefix": re.sub("<(/?)", r"<\1v:", WHOLE).replace("<v:annotation>", '<v:annotation xmlns:v="urn:voc">'),
}


@pytest.mark.parametrize("case", NAMESPACES, ids=NAMESPACES)
def test_a_namespace_changes_nothing(tmp_path: Path, case: str) -> None:
    assert boxes_of(voc(tmp_path, NAMESPACES[case])) == BOXES
    assert xray_table(tmp_path).assumed[1] == "A box is a finding if its class is one of: opacity. Are others? Name the folders " + (
        "or classes of the finding with --positive NAME (several: --positive A B), and another file with --out."
    )


ENCODINGS = {
    "gb2312": "肺炎",
    "gbk": "肺炎",
    "big5": "肺炎",
    "shift_jis": "肺炎",
    "euc-kr": "폐렴",
    "utf-16": "肺炎",
    "utf-8-sig": "肺炎",
    "cp1251": "пневмония",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_file_is_read_in_the_encoding_that_it_declares(tmp_path: Path, encoding: str) -> None:
    named = xml_of(list(BOXES["a"])).replace("opacity", ENCODINGS[encoding])
    voc(tmp_path, WHOLE)
    declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>\n{named}'
    (tmp_path / "a.xml").write_bytes(declared.encode(encoding))
    assert boxes_of(tmp_path) == BOXES
    assert f"one of: {ENCODINGS[encoding]}." in " ".join(xray_table(tmp_path).assumed)


@pytest.mark.parametrize("declared", ["gb2312", "no-such-code", "utf-8"])
def test_a_file_in_another_encoding_than_it_declares_is_to_be_saved_as_utf_8(tmp_path: Path, declared: str) -> None:
    voc(tmp_path, WHOLE)
    named = WHOLE.replace("opacity", "Trübung")
    (tmp_path / "a.xml").write_bytes(f'<?xml version="1.0" encoding="{declared}"?>{named}'.encode("latin-1"))
    with pytest.raises(BadLayout, match=rf"a\.xml: is not text in {declared.upper()}\. Save it again as UTF-8\."):
        xray_table(tmp_path)


def test_images_without_a_file_are_said_and_so_are_files_without_an_image(tmp_path: Path) -> None:
    voc(tmp_path, WHOLE)
    picture(tmp_path / "c.png")
    (tmp_path / "lost.xml").write_text(xml_of([], "lost.png"))
    (tmp_path / "damaged.xml").write_text("<annotation><object>")
    (tmp_path / "report.xml").write_text("<report/>")
    table = xray_table(tmp_path)
    assert {row["path"] for row in table.rows} == {tmp_path / "a.png", tmp_path / "b.png"}
    said = " ".join(table.assumed)
    assert "1 image without an .xml file is left out, such as c.png: an image without a finding has a file without an object." in said
    assert "1 .xml file whose image is not in the folder is left out, such as lost.xml." in said
    assert "1 .xml file without an image that cannot be read as XML is left out, such as damaged.xml." in said


def test_the_name_of_the_file_comes_before_the_name_in_it(tmp_path: Path) -> None:
    # As after images and their files were renamed together.
    voc(tmp_path, xml_of(list(BOXES["a"]), "b.png"))
    assert boxes_of(tmp_path) == BOXES
    own = "1 .xml file names an image that has an .xml file of its own, and is read for the image of its own name"
    assert f"{own}, such as a.xml, line 1: b.png in the place of a.png." in xray_table(tmp_path).assumed
    (tmp_path / "a.xml").write_text(xml_of(list(BOXES["a"]), r"C:\scans\old_17.jpg"))
    lost = "1 .xml file names an image that is not there, and is read for the image of its own name"
    assert f"{lost}, such as a.xml, line 1: C:\\scans\\old_17.jpg in the place of a.png." in xray_table(tmp_path).assumed


@pytest.mark.parametrize("written", ["a.png", "a", "a.bmp", "VOC/JPEGImages/a.jpg", "", r"D:\x\a.dcm"])
def test_of_a_file_that_calls_its_image_by_its_own_name_nothing_is_said(tmp_path: Path, written: str) -> None:
    table = xray_table(voc(tmp_path, xml_of(list(BOXES["a"]), written)))
    assert not [one for one in table.assumed if "in the place of" in one]


@pytest.mark.parametrize("other", ["without a file", "whose file names this one"])
def test_a_file_that_may_be_about_another_image_that_is_there_is_refused(tmp_path: Path, other: str) -> None:
    voc(tmp_path, "<annotation>\n" + xml_of(list(BOXES["a"]), "b.png").removeprefix("<annotation>"))
    if other == "without a file":
        (tmp_path / "b.xml").unlink()
    else:
        (tmp_path / "b.xml").write_text(xml_of([], "a.png"))
    with pytest.raises(BadLayout, match=r"a\.xml, line 2: filename is b\.png, and the file lies under the name of a\.png; both images are"):
        xray_table(tmp_path)


def test_objects_marked_difficult_are_counted_and_said(tmp_path: Path) -> None:
    text = xml_of([(1, 2, 11, 22), (3, 2, 13, 22), (4, 2, 14, 22)])
    plain = xray_table(voc(tmp_path / "plain", text))
    assert not any("difficult" in one for one in plain.assumed)
    hard, easy = "<difficult>1</difficult></object>", "<difficult>0</difficult></object>"
    first, second, third, end = text.split("</object>")
    marked = xray_table(voc(tmp_path / "marked", f"{first}{hard}{second}{easy}{third}{hard}{end}"))
    assert "2 objects marked difficult are read like any other, such as one of a.xml" in " ".join(marked.assumed)
    corners = ("x0", "y0", "x1", "y1")
    assert [[row[at] for at in corners] for row in marked.rows] == [[row[at] for at in corners] for row in plain.rows]


def test_two_files_of_one_image_are_refused(tmp_path: Path) -> None:
    voc(tmp_path, WHOLE)
    (tmp_path / "copy.xml").write_text(xml_of([], "a.png"))
    with pytest.raises(BadLayout, match=r"copy\.xml: is about a\.png, as a\.xml is\. Keep one of the two files"):
        xray_table(tmp_path)


def test_other_xml_is_no_voc(tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png")
    (tmp_path / "a.xml").write_text("<report><text>no annotation</text></report>")
    assert read_voc(tmp_path, [image]) is None


def entities(declared: str, used: str, encoding: str = "utf-8") -> bytes:
    """An annotation that is right but for what its DOCTYPE declares, as the name of its objects."""
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE annotation [{declared}]>{WHOLE.replace("opacity", used)}'
    return text.encode(encoding)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 9}">' for n in range(1, 11))
BOMBS = {
    "billion laughs": entities(f'<!ENTITY l0 "ha">{LAUGHS}', "&l10;"),
    "one long entity": entities(f'<!ENTITY l "{"ha" * 200_000}">', "&l;" * 20_000),
    "in UTF-16": entities(f'<!ENTITY l0 "ha">{LAUGHS}', "&l10;", "utf-16"),
    "of parameters": entities("<!ENTITY % p \"<!ENTITY q 'ha'>\">%p;", "&q;"),
}


@pytest.mark.parametrize("case", BOMBS)
def test_entities_that_multiply_are_refused_before_they_are_expanded(case: str, tmp_path: Path) -> None:
    folder = voc(tmp_path, "")
    (folder / "a.xml").write_bytes(BOMBS[case])
    with pytest.raises(BadLayout, match=r"a\.xml: declares entities of its own, which may stand for anything\. Remove its DOCTYPE\."):
        xray_table(folder)


@pytest.mark.parametrize("declared", ['<!ENTITY secret SYSTEM "{}">', '<!ENTITY % secret SYSTEM "{}">%secret;'])
def test_an_entity_that_names_a_file_brings_nothing_of_it(declared: str, tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere" / "secret.txt"
    secret.parent.mkdir()
    secret.write_text("a word that is nobody's business")
    folder = voc(tmp_path / "images", "")
    (folder / "a.xml").write_bytes(entities(declared.format(secret.as_uri()), "&secret;"))
    with pytest.raises(BadLayout) as refused:
        xray_table(folder)
    assert "business" not in str(refused.value)
    # A DOCTYPE that names a file from which it would take entities is read without it.
    text = f'<!DOCTYPE annotation SYSTEM "{secret.as_uri()}">{WHOLE}'
    assert "business" not in repr(xray_table(voc(tmp_path / "others", text)))
