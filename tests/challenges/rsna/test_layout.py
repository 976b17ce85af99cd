"""The RSNA layout as a folder: found, read, audited, written, at its true size too."""

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radlearn.challenges.folders import describe_folder
from radlearn.challenges.rsna import layout as rsna
from radlearn.challenges.rsna.layout import Case, audit, find_cases, find_images, layout_folder, missing_layout, write_tables
from radlearn.challenges.xray_case import CATEGORIES, OPACITY
from radlearn.errors import BadLayout
from tests.challenges.test_folders import with_files

LABELS = "patientId,x,y,width,height,Target\na,,,,,0\nb,10,20,30,40,1\nb,50,60,70,80,1\nc,,,,,0\n"
CLASSES = "patientId,class\na,Normal\nb,Lung Opacity\nb,Lung Opacity\nc,No Lung Opacity / Not Normal\n"
PERSONS = "patientId,person\na,7\nb,7\nc,8\n"


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """Three images of two people; the X-rays are empty files, which nobody may open."""
    folder = tmp_path / "data"
    (folder / rsna.IMAGE_FOLDER).mkdir(parents=True)
    for image_id in "abc":
        (folder / rsna.IMAGE_FOLDER / f"{image_id}.dcm").touch()
    (folder / rsna.LABELS_TABLE).write_text(LABELS)
    (folder / rsna.CLASS_TABLE).write_text(CLASSES)
    (folder / rsna.PERSONS_TABLE).write_text(PERSONS)
    return folder


def test_a_folder_becomes_cases_in_the_order_of_its_labels(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = layout / rsna.IMAGE_FOLDER
    assert find_cases(layout) == [
        Case("a", images / "a.dcm", False, (), "Normal", "7"),
        Case("b", images / "b.dcm", True, ((10, 20, 40, 60), (50, 60, 120, 140)), "Lung Opacity", "7"),
        Case("c", images / "c.dcm", False, (), "No Lung Opacity / Not Normal", "8"),
    ]
    assert capsys.readouterr().err == ""


def test_the_folder_that_an_archive_unpacks_into_is_found(layout: Path) -> None:
    outer = layout.parent / "outer"
    outer.mkdir()
    layout.rename(outer / "rsna-pneumonia-detection-challenge")
    assert layout_folder(outer) is not None
    assert [case.path.parent.parent.name for case in find_cases(outer)] == ["rsna-pneumonia-detection-challenge"] * 3
    shutil.copytree(outer / "rsna-pneumonia-detection-challenge", outer / "copy")
    with pytest.raises(BadLayout, match=r"2 folders in it hold .*copy, rsna-pneumonia"):
        find_cases(outer)


def test_what_is_not_the_layout_is_not_recognised(tmp_path: Path) -> None:
    assert layout_folder(tmp_path) is None
    assert layout_folder(tmp_path / "none") is None
    (tmp_path / "rsna.zip").touch()
    with pytest.raises(BadLayout, match=r"holds 1 \.zip file \(rsna\.zip\)\. Expected .*Unpack rsna\.zip"):
        find_cases(tmp_path)


def test_labels_without_xrays_are_told_apart_from_nothing(layout: Path) -> None:
    shutil.rmtree(layout / rsna.IMAGE_FOLDER)
    assert layout_folder(layout) is not None
    with pytest.raises(BadLayout, match="The table is there, its X-rays are not"):
        find_cases(layout)


def test_all_that_is_wrong_is_said_at_once_and_counted(layout: Path) -> None:
    with (layout / rsna.LABELS_TABLE).open("a") as table:
        table.writelines(f"d{number},,,,,5\n" for number in range(12))
    (layout / rsna.PERSONS_TABLE).write_text(PERSONS + "a,9\n")
    with pytest.raises(BadLayout) as raised:
        find_cases(layout)
    words = str(raised.value)
    # 12 Targets, 12 images without a class, a person, and one line for the 12 missing X-rays.
    assert "26 things in the tables would train wrongly" in words
    assert "stage_2_train_labels.csv, line 6: Target is '5'" in words
    assert words.count("\n  stage") == 10
    assert "… and 16 more." in words


def test_missing_xrays_are_one_line_that_counts_them(layout: Path) -> None:
    (layout / rsna.IMAGE_FOLDER / "b.dcm").unlink()
    (layout / rsna.IMAGE_FOLDER / "c.dcm").unlink()
    with pytest.raises(BadLayout, match=r"one thing.*\n.*2 of the 3 images of .* have no file here, the first being b \(.*line 3\)"):
        find_cases(layout)


def test_xrays_without_a_row_are_said_once_and_left_out(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("x.dcm", "y.dcm", ".hidden.dcm", "notes.txt"):
        (layout / rsna.IMAGE_FOLDER / name).touch()
    assert len(find_cases(layout)) == 3
    assert capsys.readouterr().err.count("2 X-rays without a row") == 1


def test_two_xrays_of_one_name_are_refused(layout: Path) -> None:
    (layout / rsna.IMAGE_FOLDER / "a.DCM").touch()
    with pytest.raises(BadLayout, match=r"a\.DCM and a\.dcm are both called a"):
        find_cases(layout)


def test_an_id_that_leaves_the_folder_is_refused(layout: Path) -> None:
    (layout / "secret.dcm").touch()
    (layout / rsna.LABELS_TABLE).write_text(LABELS + "../secret,,,,,0\n")
    with pytest.raises(BadLayout, match=r"line 6: patientId is '\.\./secret'"):
        find_cases(layout)


@pytest.mark.parametrize("content", [b"", b"\n", LABELS[:34].encode(), b"patientId\xff\n", b"PK\x03\x04\x00\xff"])
def test_a_labels_table_that_says_nothing_is_the_only_trouble(layout: Path, content: bytes) -> None:
    (layout / rsna.LABELS_TABLE).write_bytes(content)
    cases, troubles, _ = audit(layout)
    assert cases == []
    assert len(troubles) == 1
    assert troubles[0].startswith(rsna.LABELS_TABLE)


def test_tables_from_a_spreadsheet_are_read(layout: Path) -> None:
    plain = find_cases(layout)
    for name, text in ((rsna.LABELS_TABLE, LABELS), (rsna.CLASS_TABLE, CLASSES), (rsna.PERSONS_TABLE, PERSONS)):
        (layout / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert find_cases(layout) == plain


def test_the_class_table_may_be_missing(layout: Path) -> None:
    (layout / rsna.CLASS_TABLE).unlink()
    assert [case.category for case in find_cases(layout)] == [None] * 3


def test_without_a_person_table_every_image_is_a_person_and_that_is_said_aloud(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (layout / rsna.PERSONS_TABLE).unlink()
    assert [case.person for case in find_cases(layout)] == ["a", "b", "c"]
    said = capsys.readouterr().err
    assert "there is no persons.csv" in said
    assert "pneumonia-challenge-dataset-mappings_2018.json" in said


def test_images_that_the_person_table_lacks_are_counted_aloud(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (layout / rsna.PERSONS_TABLE).write_text("patientId,person\na,7\nelsewhere,9\n")
    assert [case.person for case in find_cases(layout)] == ["7", "b", "c"]
    assert "persons.csv: does not list 2 of the 3 images" in capsys.readouterr().err


@pytest.mark.parametrize("nested", [False, True])
def test_the_public_mapping_needs_only_to_lie_in_the_folder(layout: Path, nested: bool) -> None:
    (layout / rsna.PERSONS_TABLE).unlink()
    folder = layout.parent if nested else layout
    records = [{"subset_img_id": image_id, "img_id": f"0000001{n}_000.png"} for n, image_id in enumerate("abc")]
    (folder / "pneumonia-challenge-dataset-mappings_2018.json").write_text(json.dumps(records))
    assert [case.person for case in find_cases(folder)] == ["10", "11", "12"]


def test_persons_csv_is_believed_before_the_mapping(layout: Path) -> None:
    (layout / "pneumonia-challenge-dataset-mappings_2018.json").write_text("not even JSON")
    assert [case.person for case in find_cases(layout)] == ["7", "7", "8"]


def xray(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(128) + b"DICM")
    return path


def test_unlabelled_xrays_are_found_by_suffix_or_by_mark(tmp_path: Path) -> None:
    xray(tmp_path / "1.2.840.113")
    (tmp_path / "b.dcm").touch()
    (tmp_path / "notes.txt").write_text("no X-ray")
    xray(tmp_path / "DICOMDIR")
    cases = find_images(tmp_path)
    assert [(case.image_id, case.label, case.person) for case in cases] == [("1.2.840.113", None, "1.2.840.113"), ("b", None, "b")]
    assert find_images(tmp_path / "b.dcm") == cases[1:]


def test_the_test_images_of_the_challenge_are_found_beside_its_labels(layout: Path) -> None:
    xray(layout / rsna.UNLABELLED_FOLDER / "t.dcm")
    assert [case.image_id for case in find_images(layout)] == ["t"]
    assert [case.image_id for case in find_images(layout.parent)] == ["t"]
    assert [case.image_id for case in find_images(layout / rsna.IMAGE_FOLDER)] == ["a", "b", "c"]


def test_xrays_of_one_name_in_several_studies_keep_their_studies_names(tmp_path: Path) -> None:
    for name in ("one/IM1", "two/IM1", "two/IM2"):
        xray(tmp_path / name)
    assert [case.image_id for case in find_images(tmp_path)] == ["one_IM1", "two_IM1", "IM2"]
    xray(tmp_path / "two/IM2.dcm")
    assert [case.image_id for case in find_images(tmp_path)] == ["one_IM1", "two_IM1", "two_IM2", "two_IM2-2"]


def test_a_folder_without_xrays_is_described(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(BadLayout, match=r"holds 1 \.txt file \(a\.txt\)\. Expected DICOM X-rays \("):
        find_images(tmp_path)
    (tmp_path / "a.jpg").touch()
    assert [case.image_id for case in find_images(tmp_path)] == ["a"]
    with pytest.raises(BadLayout, match="there is no such folder"):
        find_images(tmp_path / "none")


ids = st.text("abcdefXYZ0123456789-._ é,\"'", min_size=1, max_size=12).map(lambda text: text.strip(" .")).filter(bool)
corners = st.tuples(st.floats(0, 500), st.floats(0, 500), st.floats(0.5, 500), st.floats(0.5, 500))
boxes = st.lists(corners.map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])), unique=True, max_size=4)


@settings(max_examples=50)
@given(
    images=st.dictionaries(ids, st.tuples(boxes, st.sampled_from(CATEGORIES[:2]), ids), min_size=1, max_size=12), with_classes=st.booleans()
)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, images, with_classes: bool) -> None:
    folder = tmp_path_factory.mktemp("layout")
    xrays = folder / rsna.IMAGE_FOLDER
    xrays.mkdir()
    cases = []
    for image_id, (found, healthy, person) in images.items():
        xray(xrays / f"{image_id}.dcm")
        category = (OPACITY if found else healthy) if with_classes else None
        cases.append(Case(image_id, xrays / f"{image_id}.dcm", bool(found), tuple(found), category, person))
    write_tables(folder, cases)
    assert find_cases(folder) == cases
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [rsna.IMAGE_FOLDER, rsna.LABELS_TABLE, rsna.PERSONS_TABLE] + [rsna.CLASS_TABLE] * with_classes
    )


def test_what_could_not_be_read_back_is_not_written(layout: Path, tmp_path: Path) -> None:
    good = find_cases(layout)
    wrong = {
        "has no label": replace(good[0], label=None),
        "is not stage_2_train_images/ID": replace(good[0], path=tmp_path / "elsewhere.dcm"),
        "some have none": replace(good[0], category=None),
        "Target is 1, but the box is empty": replace(good[0], label=True),
        "Target is 0, but there is a box": replace(good[1], label=False),
        "is not inside an image": replace(good[1], boxes_xyxy_px=((5, 5, 5, 9),)),
        "says the same as line 2": good[1],
        "no dot before it": replace(good[0], image_id=".a", path=layout / rsna.IMAGE_FOLDER / ".a.dcm"),
    }
    empty = tmp_path / "empty"
    for words, case in wrong.items():
        cases = [
            replace(each, path=empty / each.path.relative_to(layout)) if each.path.is_relative_to(layout) else each
            for each in [case, *good[1:]]
        ]
        with pytest.raises(BadLayout, match=words):
            write_tables(empty, cases)
    assert not empty.exists()


def test_the_true_size_is_read_from_the_real_tables(shared_data: Path, tmp_path: Path) -> None:
    tables = shared_data / "rsna_tables"
    xrays = tmp_path / rsna.IMAGE_FOLDER
    xrays.mkdir()
    for name in (rsna.LABELS_TABLE, rsna.CLASS_TABLE):
        (tmp_path / name).write_bytes((tables / name).read_bytes())
    (tmp_path / rsna.PERSONS_TABLE).write_bytes(gzip.decompress((tables / "persons.csv.gz").read_bytes()))
    for line in (tables / rsna.CLASS_TABLE).read_text().splitlines()[1:]:
        (xrays / f"{line.split(',')[0]}.dcm").touch()
    cases = find_cases(tmp_path)
    assert len(cases) == 26_684
    assert sum(bool(case.label) for case in cases) == 6_012
    assert sum(len(case.boxes_xyxy_px) for case in cases) == 9_555
    assert sum(case.category == "Normal" for case in cases) == 8_851
    assert len({case.person for case in cases}) == 11_410 + 98
    assert all(0 <= x0 < x1 <= 1024 and 0 <= y0 < y1 <= 1024 for case in cases for x0, y0, x1, y1 in case.boxes_xyxy_px)


def test_the_real_sample_is_read_whole(shared_data: Path) -> None:
    cases = find_cases(shared_data / "rsna_real_sample")
    assert (len(cases), sum(bool(case.label) for case in cases), len({case.person for case in cases})) == (110, 48, 84)


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        ((), "Put the challenge's files there"),
        (("rsna.zip",), "Unpack rsna.zip in that folder first"),
        (("stage_2_train_labels.csv",), "The table is there, its X-rays are not. Put them into stage_2_train_images/"),
        (("stage_2_train_images/a.dcm",), "The X-rays are there, but not stage_2_train_labels.csv"),
        (("a.dcm",), "The X-rays are there, but not stage_2_train_labels.csv"),
        (("holiday.jpg",), "Put the challenge's files there"),
    ],
)
def test_the_advice_fits_what_is_there(tmp_path: Path, names: tuple[str, ...], advice: str) -> None:
    words = str(missing_layout(with_files(tmp_path, *names)))
    assert words.startswith(f"{tmp_path}: {describe_folder(tmp_path)}. Expected stage_2_train_labels.csv and stage_2_train_images/")
    assert advice in words
