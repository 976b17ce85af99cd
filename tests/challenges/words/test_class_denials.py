"""Names of classes that say by their words that a finding is not there, and names that only look so."""

import json
from pathlib import Path

import pytest

from radlearn.challenges import rsna
from radlearn.challenges.first_tables.class_folders import read_class_folders
from radlearn.challenges.words.class_denials import denies, denies_all, denying
from radlearn.challenges.xray_case import CATEGORIES
from radlearn.errors import BadSetting
from tests.challenges.first_tables.test_table import picture, written

DENIALS = (
    "no pneumonia", "No_Pneumonia", "NoFinding", "NOFINDING", "notumor", "no tumor", "non-covid", "noncovid", "NonCOVID", "nonCOVID-19",
    "non COVID 19", "without pneumonia", "w/o effusion", "healthy lung", "Normal_Lungs", "normal chest x-ray", "healthy volunteers",
    "not sick", "not infected", "uninfected", "No Lung Opacity-Not Normal", "negative for pneumonia", "COVID-negative", "TB neg",
    "no acute cardiopulmonary abnormality", "No evidence of disease", "non-nodule", "disease free", "no nodules seen",
    "No pneumothorax or effusion", "No Sarcoidosis", CATEGORIES[1],
)  # fmt: skip
OTHERS = (
    "nodule", "node", "lymph node", "non-small-cell carcinoma", "non small cell lung cancer", "normal pressure hydrocephalus", "no. 4",
    "No.4", "no 4", "no4", "no. IV", "non-calcified nodule", "noncalcified", "non-covid pneumonia", "nonspecific opacity", "non-contrast",
    "no contrast", "without_marker", "not normal", "abnormal", "not healthy", "gram-negative pneumonia", "smear negative tuberculosis",
    "non-Hodgkin lymphoma", "nonunion", "norovirus", "notch", "nocardiosis", "normal variant", "pneumonia / no effusion",
    "pneumonia without effusion", "control device", "unstable fracture", "no change", "non-mass", "not sure", "1", "2", "",
)  # fmt: skip


@pytest.mark.parametrize("name", DENIALS)
def test_a_name_that_denies_a_finding_is_known(name: str) -> None:
    assert denies(name)
    assert denies(name.upper())


@pytest.mark.parametrize("name", OTHERS)
def test_a_name_that_only_looks_like_a_denial_is_none(name: str) -> None:
    assert not denies(name)


def test_what_is_denied_may_be_another_class_but_no_kind_of_finding() -> None:
    assert denying(["no wire", "wire", "non-drain", "drain"]) == {"no wire", "non-drain"}
    assert denying(["no wire", "non-drain"]) == set()
    assert denying(["non-solid", "solid", "noncalcified", "calcified", "non-displaced", "displaced"]) == set()


def test_the_absence_of_one_finding_is_not_the_absence_of_all() -> None:
    assert [denies_all(name) for name in ("Normal lungs", "no findings", "not sick", "no pneumonia", "non-covid")] == [True] * 3 + [
        False
    ] * 2


FOLDERS: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "one denies": (("covid", "non-covid"), {"covid"}),
    "one denies among three": (("no pneumonia", "bacterial", "viral"), {"bacterial", "viral"}),
    "healthy by a longer name": (("healthy lung", "tb", "covid"), {"tb", "covid"}),
    "all but one": (("Normal", "NonCOVID", "COVID"), {"COVID"}),
    "the challenge's classes": (("Normal", "No Lung Opacity_Not Normal", "Lung Opacity"), {"Lung Opacity"}),
    "what no list knows": (("drain", "no_drain"), {"drain"}),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_that_denies_is_the_class_without_the_finding_which_is_said(tmp_path: Path, case: str) -> None:
    names, positive = FOLDERS[case]
    table = read_class_folders(tmp_path, [tmp_path / name / "visit" / "1.png" for name in names], ())
    assert table is not None
    assert {Path(str(row["path"])).parent.parent.name for row in table.rows if row["label"]} == positive
    assert all(name in table.assumed[0].partition(" and 0 in ")[2] for name in set(names) - positive)


@pytest.mark.parametrize(
    "names",
    [
        ("normal", "no pneumonia", "pneumonia", "covid"),
        ("no covid", "no tb", "covid", "tb"),
        ("solid", "non-solid"),
        ("with_marker", "without_marker"),
    ],
)
def test_where_several_folders_may_be_the_finding_it_is_asked(tmp_path: Path, names: tuple[str, ...]) -> None:
    images = [tmp_path / name / f"{number}.png" for name in names for number in range(2)]
    with pytest.raises(BadSetting, match="Which of them show the finding"):
        read_class_folders(tmp_path, images, ())
    table = read_class_folders(tmp_path, images, names[-1:])
    assert table is not None
    assert sum(int(str(row["label"])) for row in table.rows) == 2


def test_folders_of_how_images_were_taken_are_no_classes(tmp_path: Path) -> None:
    names = ("normal/no contrast", "normal/contrast", "covid/no contrast", "covid/contrast")
    table = read_class_folders(tmp_path, [tmp_path / name / "1.png" for name in names], ())
    assert table is not None
    assert [row["label"] for row in table.rows] == [1, 1, 0, 0]


def boxes_written(folder: Path, names: tuple[str, ...], kind: str) -> None:
    """Write an image with a box of each class, one beside the other, as COCO, YOLO or Pascal VOC has them."""
    picture(folder / "images" / "a.png")
    boxes = [(4 + 10 * number, 5, 12 + 10 * number, 25) for number in range(len(names))]
    if kind == "COCO":
        marks = [
            {"id": one, "image_id": 1, "category_id": one, "bbox": [x0, y0, x1 - x0, y1 - y0]} for one, (x0, y0, x1, y1) in enumerate(boxes)
        ]
        categories = [{"id": one, "name": name} for one, name in enumerate(names)]
        images = [{"id": 1, "file_name": "a.png"}]
        (folder / "a.json").write_text(json.dumps({"images": images, "annotations": marks, "categories": categories}))
    elif kind == "YOLO":
        height, width = 40, 80
        (folder / "labels").mkdir()
        shares = [((x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height) for x0, y0, x1, y1 in boxes]
        (folder / "labels" / "a.txt").write_text("".join(f"{one} {x} {y} {w} {h}\n" for one, (x, y, w, h) in enumerate(shares)))
        (folder / "data.yaml").write_text(f"names: {json.dumps(list(names))}\n")
    else:
        objects = "".join(
            f"<object><name>{name}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
            for name, (x0, y0, x1, y1) in zip(names, boxes, strict=True)
        )
        (folder / "images" / "a.xml").write_text(f"<annotation><filename>a.png</filename>{objects}</annotation>")


@pytest.mark.parametrize("kind", ["COCO", "YOLO", "Pascal VOC"])
@pytest.mark.parametrize("denial", [CATEGORIES[1], "no pneumonia", "NonCOVID", "normal lung", "no wire"])
def test_a_box_of_a_class_that_denies_is_no_box_of_a_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, denial: str
) -> None:
    boxes_written(tmp_path, ("wire", denial, "nodule"), kind)
    (case,) = rsna.find_cases(written(tmp_path))
    assert [round(box[0]) for box in case.boxes_xyxy_px] == [4, 24]
    assert f"the class {denial} are left out, because its name says that there is no finding" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("kind", ["COCO", "YOLO", "Pascal VOC"])
def test_boxes_of_nothing_but_a_denial_are_asked_about(tmp_path: Path, kind: str) -> None:
    boxes_written(tmp_path, ("no pneumonia",), kind)
    with pytest.raises(
        BadSetting, match=r"of the class no pneumonia, whose name says that there is no finding\. Which boxes .* --positive"
    ):
        written(tmp_path)
    (case,) = rsna.find_cases(written(tmp_path, rsna.CHALLENGE, "no pneumonia"))
    assert len(case.boxes_xyxy_px) == 1
