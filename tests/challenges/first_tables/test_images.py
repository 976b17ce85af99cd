"""What a first table takes for images: names, DICOM's preamble, and no masks that lie beside them."""

from pathlib import Path

import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from radlearn.challenges import rsna
from radlearn.challenges.first_tables.images import image_files, is_nameless_dicom, masks_of
from tests.challenges.first_tables.test_table import picture, written


@pytest.mark.parametrize("mark", ["_mask", "_seg", "-mask", "_label", ".roi", "_GT"])
def test_masks_beside_their_images_are_left_out_of_class_folders_and_said(
    tmp_path: Path, mark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("normal/n1", "normal/n2", "sick/s1", "sick/s2"):
        picture(tmp_path / f"{name}.png")
        picture(tmp_path / f"{name}{mark}.png")
    cases = rsna.find_cases(written(tmp_path))
    assert {case.image_id: case.label for case in cases} == {"n1": False, "n2": False, "s1": True, "s2": True}
    assert f"4 files are left out as masks by their names, such as normal/n1{mark}.png." in " ".join(capsys.readouterr().err.split())


def test_what_is_called_like_a_mask_and_has_no_image_beside_it_stays(tmp_path: Path) -> None:
    paths = [tmp_path / "a" / "1_mask.png", tmp_path / "b" / "1.png", tmp_path / "b" / "2_img.png", tmp_path / "b" / "2_mask.tif"]
    assert masks_of(paths) == {tmp_path / "b" / "2_mask.tif"}


def test_dicom_files_without_a_suffix_are_images_as_on_a_cd(tmp_path: Path) -> None:
    source = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    for name in ("normal/IM0001", "normal/1.2.840.1", "sick/IM0003"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        source.PatientID = name
        source.save_as(tmp_path / name)
    (tmp_path / "DICOMDIR").write_bytes((tmp_path / "sick" / "IM0003").read_bytes())
    (tmp_path / "sick" / "README").write_text("not DICOM")
    assert not is_nameless_dicom(tmp_path / "DICOMDIR")
    assert [path.name for path in image_files(tmp_path)] == ["1.2.840.1", "IM0001", "IM0003"]
    cases = rsna.find_cases(written(tmp_path))
    assert {case.image_id: case.label for case in cases} == {"1.2.840.1": False, "IM0001": False, "IM0003": True}
    assert len({case.person for case in cases}) == 3


def test_a_picture_is_not_opened_to_be_one(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    assert image_files(tmp_path) == [tmp_path / "a.png"]
    assert not is_nameless_dicom(tmp_path / "a.png")


def test_one_image_without_a_patient_id_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    for number in range(6):
        place = tmp_path / ("normal" if number % 2 else "sick") / f"IM{number}.dcm"
        place.parent.mkdir(exist_ok=True)
        source.PatientID = "" if number == 3 else f"P{number}"
        source.save_as(place)
    table = written(tmp_path)
    assert "person" not in table.read_text().splitlines()[0]
    said = " ".join(capsys.readouterr().err.split())
    assert "1 of the 6 images has no PatientID (normal/IM3.dcm), so none is used." in said
    assert "Nothing says who the people are" not in said
