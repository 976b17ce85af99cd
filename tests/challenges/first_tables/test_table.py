"""A folder as people have it becomes a table that is read as what the folder says."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from radlearn.challenges import covid19, rsna
from radlearn.challenges.challenge import AnyChallenge
from radlearn.challenges.first_tables.table import ct_table, relative, xray_table
from radlearn.errors import BadLayout, BadSetting
from radlearn.scans.dicom import write_radiograph
from radlearn.workflow.table_command import write_first_table


def picture(path: Path, size_px: tuple[int, int] = (40, 80)) -> Path:
    """A picture of that height and width."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size_px, 90, np.uint8)).save(path)
    return path


def volume(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(np.full((4, 4, 3), value, np.int16), np.eye(4)), path)
    return path


def written(folder: Path, challenge: AnyChallenge = rsna.CHALLENGE, *positive: str) -> Path:
    return write_first_table("classification", challenge, folder, None, positive)


def test_folders_named_by_their_class_give_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("NORMAL/a.png", "NORMAL/b.png", "PNEUMONIA/c.jpeg", "PNEUMONIA/deep.png"):
        picture(tmp_path / name)
    picture(tmp_path / "thumbnail.png")
    cases = rsna.find_cases(written(tmp_path))
    assert {case.image_id: case.label for case in cases} == {"a": False, "b": False, "c": True, "deep": True}
    assert cases[0].path == tmp_path / "NORMAL" / "a.png"
    said = " ".join(capsys.readouterr().err.split())
    because = "because images without a finding are usually called NORMAL"
    assert f"label is 1 in PNEUMONIA (2 images) and 0 in NORMAL (2 images), {because}." in said
    assert "Is another class the finding? Name the folders or classes of the finding with --positive NAME" in said
    assert "1 image outside of the classes' folders is left out." in said
    assert "category" not in said
    assert "Nothing says who the people are. Add a column person" in said


def test_volume_files_of_one_slice_are_images_and_those_of_several_are_not(tmp_path: Path) -> None:
    for name in ("normal/a.nii.gz", "covid/b.nii", "covid/c.nii.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(np.full((40, 80, 1), 90, np.int16), np.eye(4)), tmp_path / name)
    volume(tmp_path / "covid/ct.nii.gz")
    cases = rsna.find_cases(written(tmp_path))
    assert {case.image_id: case.label for case in cases} == {"a": False, "b": True, "c": True}


def test_which_class_is_the_finding_is_asked_where_it_is_not_clear(tmp_path: Path) -> None:
    for name in ("covid/a.png", "viral/b.png", "bacterial/c.png"):
        picture(tmp_path / name)
    with pytest.raises(BadSetting, match=r"are bacterial \(1 image\), covid \(1 image\), viral .*\. Which of them show the finding"):
        written(tmp_path)
    with pytest.raises(BadSetting, match=r"--positive flu: there is no such class\. There are: bacterial, covid, viral"):
        written(tmp_path, rsna.CHALLENGE, "flu")
    with pytest.raises(BadSetting, match=r"all folders \(bacterial .*\) are with the finding\. Name those that show it, and not all"):
        written(tmp_path, rsna.CHALLENGE, "covid", "viral", "bacterial")
    assert not (tmp_path / "cases.csv").exists()
    assert [case.label for case in rsna.find_cases(written(tmp_path, rsna.CHALLENGE, "covid", "viral"))] == [False, True, True]


@pytest.mark.parametrize(("positive", "labels"), [((), [1, 1, 0]), (("bacterial",), [1, 0, 0])])
def test_what_becomes_of_a_third_class_is_said_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], positive: tuple[str, ...], labels: list[int]
) -> None:
    for name in ("bacterial/a.png", "covid/b.png", "normal/c.png"):
        picture(tmp_path / name)
    cases = rsna.find_cases(written(tmp_path, rsna.CHALLENGE, *positive))
    assert [(case.label, case.category) for case in cases] == list(zip(labels, ["bacterial", "covid", "normal"], strict=True))
    said = " ".join(capsys.readouterr().err.split())
    zeros = "covid (1 image), normal (1 image), as --positive says" if positive else "normal (1 image), because"
    assert f"and 0 in {zeros}" in said
    assert "The 3 folders become two labels" in said
    assert "the column category keeps which of them it was" in said


def test_folders_of_a_split_are_no_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("train/a.png", "test/b.png"):
        picture(tmp_path / "bare" / name)
    with pytest.raises(
        BadSetting, match="the folders test, train are called like the subsets of a split; expected a folder for each class"
    ):
        written(tmp_path / "bare")
    for name in ("train/NORMAL/a.png", "train/PNEUMONIA/b.png", "test/NORMAL/c.png", "test/PNEUMONIA/d.png"):
        picture(tmp_path / "with classes" / name)
    assert [case.label for case in rsna.find_cases(written(tmp_path / "with classes"))] == [False, True, False, True]
    assert "The folders test, train are not used as a split, because no folder is called like validation" in " ".join(
        capsys.readouterr().err.split()
    )


def test_people_come_from_dicom_headers_as_pseudonyms(tmp_path: Path) -> None:
    for number, name in enumerate(("no/a.dcm", "no/b.dcm", "yes/c.dcm")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pixels = np.full((140, 140), number, np.uint8)
        write_radiograph(tmp_path / name, pixels, patient_id=f"P{number // 2}", view="AP", sex="F", age="40", spacing_mm=None)
    cases = rsna.find_cases(written(tmp_path))
    persons = [case.person for case in cases]
    assert persons[0] == persons[1] != persons[2]
    assert "P0" not in (tmp_path / "cases.csv").read_text()


BOXES = {"a": [(10, 5, 30, 25), (40, 10, 60, 30)], "b": []}


def boxes_of(folder: Path, *positive: str) -> dict[str, list[tuple[float, ...]]]:
    cases = rsna.find_cases(written(folder, rsna.CHALLENGE, *positive))
    return {case.image_id: [tuple(box) for box in case.boxes_xyxy_px] for case in cases}


def test_coco(tmp_path: Path) -> None:
    for name in BOXES:
        picture(tmp_path / "images" / f"{name}.png")
    marks = [{"image_id": 7, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0]} for x0, y0, x1, y1 in BOXES["a"]]
    images = [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "b.png"}, {"id": 9, "file_name": "lost.png"}]
    content = {"images": images, "annotations": marks, "categories": [{"id": 1, "name": "opacity"}]}
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    (tmp_path / "other.json").write_text('{"images": 3}')
    assert boxes_of(tmp_path) == BOXES
    assert any("1 image that annotations.json names is not in the folder" in line for line in xray_table(tmp_path).assumed)


def test_of_several_classes_those_that_are_asked_for_are_the_finding(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    marks = [{"image_id": 1, "category_id": number, "bbox": [number, 0, 10, 10]} for number in (1, 2)]
    categories = [{"id": 1, "name": "opacity"}, {"id": 2, "name": "pacemaker"}]
    content = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": marks, "categories": categories}
    (tmp_path / "coco.json").write_text(json.dumps(content))
    assert boxes_of(tmp_path, "opacity") == {"a": [(1, 0, 11, 10)]}
    (tmp_path / "cases.csv").unlink()
    assert boxes_of(tmp_path) == {"a": [(1, 0, 11, 10), (2, 0, 12, 10)]}
    with pytest.raises(BadSetting, match="There are: opacity, pacemaker"):
        xray_table(tmp_path, ["wire"])


def test_yolo_boxes_are_shares_of_width_and_height(tmp_path: Path) -> None:
    for name, boxes in BOXES.items():
        picture(tmp_path / "images" / f"{name}.png", (40, 80))
        lines = [f"0 {(x0 + x1) / 2 / 80} {(y0 + y1) / 2 / 40} {(x1 - x0) / 80} {(y1 - y0) / 40}" for x0, y0, x1, y1 in boxes]
        (tmp_path / "labels").mkdir(exist_ok=True)
        (tmp_path / "labels" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    assert boxes_of(tmp_path) == BOXES


def test_pascal_voc(tmp_path: Path) -> None:
    for name, boxes in BOXES.items():
        picture(tmp_path / f"{name}.png")
        things = "".join(
            f"<object><name>opacity</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
            for x0, y0, x1, y1 in boxes
        )
        (tmp_path / f"{name}.xml").write_text(f"<annotation><filename>{name}.png</filename>{things}</annotation>")
    (tmp_path / "damaged.xml").write_text("<annotation><object>")
    assert boxes_of(tmp_path) == BOXES


def test_masks_beside_their_cts_in_folders_and_as_nnunet_has_them(tmp_path: Path) -> None:
    layouts = {
        "beside": (("a_ct.nii.gz", "a_seg.nii.gz"), ("b.nii.gz", "b-mask.nii.gz")),
        "folders": (("images/a.nii.gz", "masks/a.nii.gz"), ("images/b.nii", "masks/b_mask.nii.gz")),
        "nnunet": (("imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz"), ("imagesTr/b_0000.nii.gz", "labelsTr/b.nii.gz")),
    }
    for name, pairs in layouts.items():
        for ct, mask in pairs:
            volume(tmp_path / name / ct, -500)
            volume(tmp_path / name / mask)
        volume(tmp_path / name / "alone.nii.gz")
        table = ct_table(tmp_path / name)
        found = {(relative(row["path"], tmp_path / name), relative(row["mask"], tmp_path / name)) for row in table.rows}  # type: ignore[arg-type]
        assert found == set(pairs)
        assert any("alone.nii.gz" in line for line in table.assumed)
    cases = covid19.find_cases(written(tmp_path / "nnunet", covid19.CHALLENGE))
    assert [(case.path.name, case.mask_path and case.mask_path.name) for case in cases] == [
        ("a_0000.nii.gz", "a.nii.gz"),
        ("b_0000.nii.gz", "b.nii.gz"),
    ]


def test_a_challenges_layout_gives_its_own_cases(small_rsna: Path, small_covid19: Path, tmp_path: Path) -> None:
    xrays = write_first_table("detection", rsna.CHALLENGE, small_rsna, tmp_path / "xrays.csv")
    known = {case.image_id: case for case in rsna.find_cases(small_rsna)}
    for case in rsna.find_cases(xrays):
        other = known.pop(case.image_id)
        assert (case.path, case.person, case.label, case.boxes_xyxy_px) == (other.path, other.person, other.label, other.boxes_xyxy_px)
    assert not known
    cts = write_first_table("segmentation", covid19.CHALLENGE, small_covid19, tmp_path / "cts.csv")
    assert [(case.case_id, case.path, case.mask_path, case.person) for case in covid19.find_cases(cts)] == [
        (case.case_id, case.path, case.mask_path, case.person) for case in covid19.find_cases(small_covid19)
    ]


def test_what_is_none_of_these_is_refused_and_nothing_is_overwritten(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    with pytest.raises(BadLayout, match="files of one slice in folders named by their class, or boxes as COCO"):
        written(tmp_path)
    with pytest.raises(BadLayout, match="Expected a CT and its mask side by side"):
        written(tmp_path, covid19.CHALLENGE)
    with pytest.raises(BadLayout, match="there is no such folder"):
        written(tmp_path / "none")
    with pytest.raises(BadSetting, match="a mask has 1 where there is a lesion"):
        written(tmp_path, covid19.CHALLENGE, "covid")
    (tmp_path / "cases.csv").write_text("mine")
    with pytest.raises(BadSetting, match="already exists"):
        written(tmp_path)
    assert (tmp_path / "cases.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("ct", "mask"),
    [
        ("imagesTr/lung_0.nii.gz", "labelsTr/lung_0.nii.gz"),
        ("Task06/imagesTs/lung_0.nii", "Task06/labelsTs/lung_0.nii.gz"),
        ("imagesTr/a_0000.nii.gz/a_0000.nii", "labelsTr/a.nii.gz/a.nii"),
        ("a_ct.nii/a_ct.nii", "a_seg.nii/a_seg.nii"),
        ("images/a.nii/a.nii", "masks/a.nii"),
    ],
)
def test_volumes_pair_by_name_without_a_channel_and_in_folders_called_like_them(tmp_path: Path, ct: str, mask: str) -> None:
    volume(tmp_path / ct), volume(tmp_path / mask)
    assert [(row["path"], row["mask"]) for row in ct_table(tmp_path).rows] == [(tmp_path / ct, tmp_path / mask)]


def test_a_channel_goes_before_a_file_without_one(tmp_path: Path) -> None:
    for name in ("imagesTr/x_0000.nii.gz", "imagesTr/x_0001.nii.gz", "imagesTr/x.nii.gz", "labelsTr/x.nii.gz"):
        volume(tmp_path / name)
    assert [row["path"] for row in ct_table(tmp_path).rows] == [tmp_path / "imagesTr" / "x_0000.nii.gz"]
