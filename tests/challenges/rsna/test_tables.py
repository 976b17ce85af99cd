"""The tables of the RSNA layout: what is right is read, and what is wrong is named with its line."""

import gzip
import json
from pathlib import Path

import pytest

from radlearn.challenges.rsna.tables import classes_in, labels_in, persons_in, persons_in_mapping
from radlearn.challenges.tables.csv_hints import decoded
from radlearn.challenges.tables.csv_rows import path_text, table_text

HEADER = "patientId,x,y,width,height,Target\n"
GOOD = HEADER + "a,,,,,0\nb,10,20,30.5,40,1\nb,50.0,60,1,2,1\nc,,,,,0\n"


def test_boxes_are_corners_in_source_pixels() -> None:
    images, troubles = labels_in("labels.csv", GOOD)
    assert troubles == []
    assert list(images) == ["a", "b", "c"]
    assert images["b"].boxes_xyxy_px == [(10, 20, 40.5, 60), (50, 60, 51, 62)]
    assert (images["a"].target, images["a"].boxes_xyxy_px, images["b"].target, images["b"].line) == (False, [], True, 3)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\n\n"),
        GOOD.rstrip("\n"),
        GOOD.replace(",", " , "),
        GOOD.replace("b,", '"b",'),
        GOOD.replace(",1\n", ",1.0\n"),
    ],
    ids=["CRLF", "blank lines", "no last line end", "spaces", "quotes", "Target as a float"],
)
def test_the_same_table_in_other_clothes_is_the_same(text: str) -> None:
    images, troubles = labels_in("labels.csv", text)
    plain = labels_in("labels.csv", GOOD)[0]
    assert troubles == []
    assert {i: (image.target, image.boxes_xyxy_px) for i, image in images.items()} == {
        i: (m.target, m.boxes_xyxy_px) for i, m in plain.items()
    }


def test_columns_may_stand_in_another_order_and_have_company() -> None:
    images, troubles = labels_in("labels.csv", "Target,reader,patientId,height,width,y,x\n1,ann,a,4,3,2,1\n")
    assert (troubles, images["a"].boxes_xyxy_px) == ([], [(1, 2, 4, 6)])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("a,,,,,2", "line 2: Target is '2'; expected 0 or 1"),
        ("a,,,,,", "line 2: Target is ''"),
        ("a,,,,,nan", "line 2: Target is 'nan'"),
        ("a,,,,,1", "line 2: Target is 1, but the box is empty"),
        ("a,1,2,3,4,0", r"line 2: Target is 0, but there is a box \(1, 2, 3, 4\)"),
        ("a,nan,2,3,4,1", "line 2: x is 'nan'; expected a number"),
        ("a,1,2,inf,4,1", "line 2: width is 'inf'"),
        ("a,1,2,3,1_0,1", "line 2: height is '1_0'"),
        ("a,1,,3,4,1", "line 2: y is ''"),
        ("a,NaN,NaN,NaN,NaN,0", "line 2: x is 'NaN'.* or an empty field where Target is 0"),
        ("a,-1,2,3,4,1", r"line 2: the box \(x -1, y 2, width 3, height 4\) is not inside"),
        ("a,1,2,0,4,1", "line 2: .*width 0"),
        ("a,1,2,3,-4,1", "line 2: .*height -4"),
        ("../a,,,,,0", r"line 2: patientId is '../a'"),
        ("a\\b,,,,,0", "line 2: patientId is"),
        ("C:a,,,,,0", "line 2: patientId is"),
        ("a\x00,,,,,0", "line 2: patientId is"),
        ("..,,,,,0", "line 2: patientId is '..'"),
        (",,,,,0", "line 2: patientId is empty"),
        ("a,,,,,0\na,,,,,0", "line 3: says the same as line 2"),
        ("a,1,2,3,4,1\na,1.0,2,3,4,1", "line 3: says the same as line 2"),
        ("a,,,,,0\na,1,2,3,4,1", "line 3: Target of a is 1 here and 0 in line 2"),
        ("a,1,2,3,4,1\na,,,,,0", "line 3: Target of a is 0 here and 1 in line 2"),
        ("a,,,,0", "line 2: has 5 fields where the header has 6"),
        ("a,,,,,0,", "line 2: has 7 fields"),
        ('a,,,,,0\n"b\n\nc",,,,,0\nd,,,,,9', "line 6: Target is '9'"),
        ('a,,,,,0\n"b"x,,,,,0', "line 3: is not CSV"),
    ],
)
def test_a_row_that_would_train_wrongly_is_named_with_its_line(rows: str, words: str) -> None:
    _, troubles = labels_in("labels.csv", HEADER + rows + "\n")
    assert troubles, "nothing was found"
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(troubles[-1])
    assert troubles[-1].startswith("labels.csv, line ")


def test_every_wrong_row_is_collected_and_the_others_are_read() -> None:
    images, troubles = labels_in("labels.csv", HEADER + "a,,,,,0\nb,,,,,7\nc,,,,,1\nd,1,2,3,4,1\n")
    assert [trouble.split(":")[0] for trouble in troubles] == ["labels.csv, line 3", "labels.csv, line 4"]
    assert images["d"].boxes_xyxy_px == [(1, 2, 4, 6)]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("patientId,Target", "missing or repeated: x, y, width, height"),
        ("patientId;x;y;width;height;Target", "separated by semicolons"),
        ("patientId,x,x,y,width,height,Target", "missing or repeated: x."),
    ],
)
def test_missing_columns_are_named(header: str, words: str) -> None:
    images, troubles = labels_in("labels.csv", header + "\n1,2\n")
    assert images == {}
    assert len(troubles) == 1
    assert words in troubles[0]


def test_text_that_is_not_utf8_is_refused_with_its_line_and_a_byte_order_mark_is_not() -> None:
    assert decoded("labels.csv", b"\xef\xbb\xbfpatientId\n") == ("patientId\n", [])
    text, troubles = decoded("labels.csv", "patientId\na\nMüller\n".encode("latin-1"))
    assert text == ""
    assert troubles == ["labels.csv, line 3: is not UTF-8 text (byte 0xfc). Save the table as UTF-8 CSV."]
    assert "line 1" in decoded("labels.csv", "patientId".encode("utf-16"))[1][0]


CLASS_HEADER = "patientId,class\n"


def test_classes_repeat_per_box() -> None:
    images, _ = labels_in("labels.csv", GOOD)
    text = CLASS_HEADER + "a,Normal\nb,Lung Opacity\nb,Lung Opacity\nc,No Lung Opacity / Not Normal\n"
    assert classes_in("class.csv", text, images, "labels.csv") == (
        {"a": "Normal", "b": "Lung Opacity", "c": "No Lung Opacity / Not Normal"},
        [],
    )


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            "a,Normal\na,No Lung Opacity / Not Normal\n",
            "class.csv, line 5: a is 'No Lung Opacity / Not Normal' here and 'Normal' in line 4",
        ),
        ("a,Lung Opacity\n", "class.csv, line 4: class is 'Lung Opacity' but Target is 0 in labels.csv, line 2"),
        ("a,lung opacity\n", "class.csv, line 4: class is 'lung opacity'; expected one of 'Normal',"),
        ("a,Normal\nz,Normal\n", "class.csv, line 5: z has no row in labels.csv"),
        ("", "labels.csv, line 2: a has no row in class.csv"),
        ("a,Normal\n,Normal\n", "class.csv, line 5: patientId is empty"),
        ("a,Normal,x\n", "class.csv, line 4: has 3 fields"),
    ],
)
def test_classes_that_contradict_are_named(rows: str, words: str) -> None:
    images, _ = labels_in("labels.csv", GOOD)
    text = CLASS_HEADER + "b,Lung Opacity\nc,Normal\n" + rows
    _, troubles = classes_in("class.csv", text, images, "labels.csv")
    assert words in troubles[0]


def test_a_positive_called_normal_is_a_contradiction() -> None:
    images, _ = labels_in("labels.csv", GOOD)
    _, troubles = classes_in("class.csv", CLASS_HEADER + "a,Normal\nb,Normal\nc,Normal\n", images, "labels.csv")
    assert len(troubles) == 1
    assert "class is 'Normal' but Target is 1 in labels.csv, line 3" in troubles[0]


def test_a_class_table_without_its_columns_is_one_trouble_not_one_per_image() -> None:
    images, _ = labels_in("labels.csv", GOOD)
    _, troubles = classes_in("class.csv", "patientId,label\na,Normal\n", images, "labels.csv")
    assert len(troubles) == 1
    assert "missing or repeated: class" in troubles[0]


def test_persons_may_be_said_twice_but_not_differently() -> None:
    assert persons_in("persons.csv", "patientId,person\na,1\nb,1\na,1\n") == ({"a": "1", "b": "1"}, [])
    _, troubles = persons_in("persons.csv", "patientId,person\na,1\nb,\na,2\n")
    assert "line 3: person is empty" in troubles[0]
    assert "line 4: a belongs to person '2' here and to '1' in line 2" in troubles[1]


def mapping(**other: str) -> list[dict[str, object]]:
    return [
        {"subset_img_id": "a", "img_id": "00000013_005.png", "orig_labels": ["No Finding"], "SOPInstanceUID": "1.2.3"} | other,
        {"subset_img_id": "b", "img_id": "00000013_026.png", "orig_labels": ["Mass", "00000099_000.png"]},
        {"subset_img_id": "c", "img_id": "00030805_000.png", "subset_group": 1},
        {"subset_img_id": "not in this folder", "img_id": "00000001_000.png"},
    ]


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_public_mapping_gives_the_person_behind_an_image(wrapped: bool) -> None:
    content = {"images": mapping()} if wrapped else mapping()
    assert persons_in_mapping("m.json", json.dumps(content), ["a", "b", "c", "d"]) == ({"a": "13", "b": "13", "c": "30805"}, [])


def test_a_mapping_of_other_images_or_no_mapping_is_said() -> None:
    assert "maps none of the images" in persons_in_mapping("m.json", json.dumps(mapping()), ["z"])[1][0]
    assert "m.json, line 1: is not JSON" in persons_in_mapping("m.json", "[{", ["a"])[1][0]
    twice = [*mapping(), {"subset_img_id": "a", "img_id": "00000014_000.png"}]
    assert "a belongs to person 14 in one record and to 13 in another" in persons_in_mapping("m.json", json.dumps(twice), ["a"])[1][0]


def test_a_written_table_reads_back_with_commas_and_quotes_in_it() -> None:
    text = table_text(("patientId", "person"), [("a", 'Smith, "J"'), ("b", "é")])
    assert persons_in("persons.csv", text) == ({"a": 'Smith, "J"', "b": "é"}, [])


@pytest.mark.parametrize(("mark", "words"), [("\t", "tabs"), (";", "semicolons"), ("|", "vertical bars")])
def test_other_separators_are_named_with_what_to_do(mark: str, words: str) -> None:
    _, troubles = labels_in("labels.csv", mark.join(["patientId", "x", "y", "width", "height", "Target"]) + f"\na{mark * 4}0\n")
    assert f"It is separated by {words}; save it with commas, and numbers with points." in troubles[0]


def test_a_packed_table_that_unpacks_to_gigabytes_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radlearn.challenges.tables.csv_rows.MOST_TABLE_BYTES", 1 << 20)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(bytes(30 << 20)))
    (tmp_path / "b.csv").write_bytes(b"x" * (2 << 20))
    for name in ("a.csv.gz", "b.csv"):
        assert path_text(tmp_path / name) == (
            "",
            [f"{name}: holds more than 1,048,576 bytes; expected a table of a few megabytes. It was not read."],
        )
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(b"patientId,person\na,b\n"))
    assert path_text(tmp_path / "c.csv.gz") == ("patientId,person\na,b\n", [])


def test_boxes_in_shares_of_the_xray_are_no_labels() -> None:
    header = "patientId,x,y,width,height,Target\n"
    _, troubles = labels_in("l.csv", header + "a,0.2,0.3,0.1,0.2,1\nb,,,,,0\nc,0.6,0.3,0.3,0.5,1\n")
    (trouble,) = troubles
    assert trouble.startswith(
        "l.csv: neither of its boxes reaches beyond 2 px, so they look like shares of the X-ray, 0 to 1; expected pixels."
    )
    assert labels_in("l.csv", header + "a,0,0,1,2,1\n")[1] == []
    assert labels_in("l.csv", header + "a,0.2,0.3,0.1,0.2,1\nb,100,100,50,50,1\n")[1] == []


JSON = {
    "deep": "[" * 100_000 + "]" * 100_000, "many digits": '[{"a": ' + "9" * 6000 + "}]", "number": "7", "surrogate": '[{"a": "\\ud800"}]',
    "lists": "[[[]]]",
}  # fmt: skip


@pytest.mark.parametrize("kind", JSON)
def test_a_mapping_of_any_json_is_a_message(kind: str) -> None:
    persons, troubles = persons_in_mapping("m.json", JSON[kind], ["a"])
    assert persons == {}
    assert len(troubles) == 1
    assert troubles[0].startswith("m.json: ")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_table_of_a_million_columns_is_refused_and_a_wide_one_is_read(separator: str, packed: bool, tmp_path: Path) -> None:
    for columns, refused in ((1_000_000, True), (10_001, True), (10_000, False)):
        text = separator.join(["patientId", *["x"] * (columns - 1)]) + "\nrow\n"
        path = tmp_path / f"{columns}.csv{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
        found, troubles = path_text(path)
        assert (found == "") == refused
        assert troubles == ([f"{path.name}: has {columns:,} columns; expected 10,000 at most. It was not read."] if refused else [])
