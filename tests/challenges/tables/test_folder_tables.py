"""A folder that was named in place of the table in it: a table that cannot be read is named with what is wrong with it."""

import shutil
from pathlib import Path

import pytest

from radlearn.challenges import covid19, rsna, ultrasound
from radlearn.challenges.rsna import layout as rsna_layout
from radlearn.challenges.tables.folder_tables import tables_hint, unread_table
from radlearn.check.audit import audit_folder
from radlearn.errors import BadLayout
from tests.challenges.first_tables.test_table import picture
from tests.challenges.tables.test_meant_columns import workbook_of

NIH = "Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position\n1.png,Mass,1,50,M,PA\n2.png,No Finding,2,50,M,PA\n"
OWN = {
    "X-rays": "path,label\n1.png,1\n2.png,0\n",
    "labels": "path,label_mass\n1.png,1\n2.png,0\n",
    "boxes": "path,xmin,ymin,xmax,ymax\n1.png,1,1,4,4\n2.png,,,,\n",
    "masks": "path,mask\n1.png,2.png\n",
}
AS_IT_IS = {
    "semicolons": lambda text: text.replace(",", ";").encode(),
    "tabs": lambda text: text.replace(",", "\t").encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "a workbook": lambda text: workbook_of(tuple(text.partition("\n")[0].split(","))),
}
SAID = {"semicolons": "separated by semicolons", "tabs": "separated by tabs", "UTF-16": "is UTF-16", "a workbook": "is an Excel workbook"}


def folder_with(folder: Path, name: str, content: bytes) -> Path:
    for image in ("1.png", "2.png"):
        picture(folder / "images" / image)
    (folder / name).write_bytes(content)
    return folder


def errors_of(folder: Path) -> list[tuple[str, str]]:
    looked = audit_folder(folder, workers=1)
    return [
        (one.file, one.found) for one in looked.findings if one.severity == "error" and one.rule in ("table", "table-unread", "layout-near")
    ]


@pytest.mark.parametrize("how", AS_IT_IS)
@pytest.mark.parametrize("kind", OWN)
def test_a_table_of_ones_own_is_named_by_every_task_with_what_is_wrong(tmp_path: Path, kind: str, how: str) -> None:
    folder = folder_with(tmp_path, "cases.csv", AS_IT_IS[how](OWN[kind]))
    for challenge in (rsna, covid19, ultrasound):
        with pytest.raises(BadLayout) as refused:
            challenge.CHALLENGE.find_cases(folder)
        assert SAID[how] in str(refused.value)
        assert str(refused.value).endswith(f"Then name it itself, --data {folder / 'cases.csv'}.")
    ((where, found),) = errors_of(folder)
    assert where == "cases.csv, line 1"
    assert SAID[how] in found


@pytest.mark.parametrize("how", AS_IT_IS)
def test_the_table_of_chestxray14_says_in_its_folder_what_it_says_by_itself(tmp_path: Path, how: str) -> None:
    folder = folder_with(tmp_path, "Data_Entry_2017_v2020.csv", AS_IT_IS[how](NIH))
    said = []
    for given in (folder, folder / "Data_Entry_2017_v2020.csv"):
        with pytest.raises(BadLayout) as refused:
            rsna.CHALLENGE.find_cases(given)
        said.append(str(refused.value))
    assert said[0] == said[1]
    assert SAID[how] in said[0]
    assert "stage_2" not in said[0]
    ((where, found),) = errors_of(folder)
    assert where.startswith("Data_Entry_2017_v2020.csv")
    assert SAID[how] in found


@pytest.mark.parametrize("name", ["Data_Entry_2017.csv", "nih.csv"])
@pytest.mark.parametrize(
    ("index", "labels"), [("image_index", "finding_labels"), ("Image_Index", "FindingLabels"), ("IMAGE INDEX", "Finding Labels")]
)
def test_other_spellings_of_the_columns_of_chestxray14_are_named(tmp_path: Path, name: str, index: str, labels: str) -> None:
    folder = folder_with(tmp_path, name, NIH.replace("Image Index", index).replace("Finding Labels", labels).encode())
    for given in (folder, folder / name):
        with pytest.raises(BadLayout, match=f"in another spelling. Write Image Index for {index}"):
            rsna.CHALLENGE.find_cases(given)
    ((_, found),) = errors_of(folder)
    assert "in another spelling" in found
    assert errors_of(folder / name)


def test_what_is_no_text_is_known_by_the_published_name(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "Data_Entry_2017_v2020.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(BadLayout, match="is an old Office document"):
        rsna.CHALLENGE.find_cases(folder)
    assert len(errors_of(folder)) == 1


def test_a_table_of_the_first_stage_says_also_why_it_is_not_read(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "stage_1_train_labels.csv", b"patientId;x;y;width;height;Target\na;;;;;0\n")
    with pytest.raises(BadLayout, match=r"Call it stage_2_train_labels\.csv\. It is not read as it is, either: .* separated by semicolons"):
        rsna.CHALLENGE.find_cases(folder)


def test_a_sound_table_beside_one_that_is_not_is_taken(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "Data_Entry_2017.csv", NIH.encode())
    (folder / "Data_Entry_2017_v2020.csv").write_bytes(AS_IT_IS["semicolons"](NIH))
    assert len(rsna.CHALLENGE.find_cases(folder)) == 2
    assert not errors_of(folder)


NOBODYS = (
    "epoch,loss\n1,2\n",
    "epoch;loss\n1;2\n",
    "path;probability\n1.png;0.5\n",
    "file,mean\n1.png,3\n",
    "image\tcomment\n1.png\tgood\n",
)


@pytest.mark.parametrize("text", NOBODYS)
def test_a_table_that_is_nobodys_is_not_complained_of(tmp_path: Path, text: str) -> None:
    folder = folder_with(tmp_path, "log.csv", text.encode())
    (folder / "results.csv").write_text("auroc,low,high\n0.9,0.8,1.0\n")
    assert unread_table(folder) == ("", "")
    assert not errors_of(folder)
    assert tables_hint(folder) == ""


@pytest.mark.parametrize("head", ["filename,label", "image,mask", "image_path,x0,y0,x1,y1"])
def test_images_under_a_usual_name_are_told_what_to_rename(tmp_path: Path, head: str) -> None:
    folder = folder_with(tmp_path, "cases.csv", f"{head}\n".encode() + b"1.png" + b",1" * head.count(",") + b"\n")
    assert f"Is {head.partition(',')[0]} the path? Then call it so." in tables_hint(folder)
    # What a table of other work is called is its own affair.
    assert not errors_of(folder)


def test_a_folder_with_nothing_but_a_table_is_told_of_it(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("path;label\n/elsewhere/1.png;1\n")
    with pytest.raises(BadLayout, match=r"separated by semicolons.*Then name it itself"):
        audit_folder(tmp_path)


LABEL_ROWS = "patientId,x,y,width,height,Target\nxray-000,,,,,0\n"
UNUSED = {"stage_2_train_labels (1).csv": LABEL_ROWS, "labels_reader2.csv": LABEL_ROWS, "cases.csv": "path,label\na.dcm,1\n",
          "boxes.csv": "path,x0,y0,x1,y1\na.dcm,,,,\n", "many.csv": "path,label_mass\na.dcm,1\n"}  # fmt: skip


@pytest.mark.parametrize("name", UNUSED)
def test_a_second_table_beside_the_challenges_layout_is_said_not_to_be_read(tmp_path: Path, small_rsna: Path, name: str) -> None:
    folder = Path(shutil.copytree(small_rsna, tmp_path / "rsna"))
    before = [note for note in rsna_layout.audit(folder)[2] if "not read" in note]
    (folder / name).write_text(UNUSED[name])
    (said,) = (note for note in rsna_layout.audit(folder)[2] if "not read" in note)
    assert before == []
    assert said.startswith(f"{folder}: {name} is not read, because the challenge's table lies there under its own name.")
    assert (f"To use {name}, name it itself: --data " in said) == ("path" in UNUSED[name])


@pytest.mark.parametrize("text", ["patientId,PatientSex\na,F\n", "site,number\nN,3\n", "path;label\na;1\n", ""])
def test_other_tables_beside_it_are_nobodys_business(tmp_path: Path, small_rsna: Path, text: str) -> None:
    folder = Path(shutil.copytree(small_rsna, tmp_path / "rsna"))
    (folder / "notes.csv").write_text(text)
    assert not any("not read" in note for note in rsna_layout.audit(folder)[2])
