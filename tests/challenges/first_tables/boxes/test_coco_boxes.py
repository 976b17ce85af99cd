"""COCO: no box is lost, given to another image or moved without a word, and what is wrong is named by file, annotation and value."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radlearn.challenges.first_tables.boxes.coco_boxes import read_coco
from radlearn.challenges.first_tables.boxes.coco_outlines import box_around
from radlearn.challenges.first_tables.table import xray_table
from radlearn.errors import BadLayout
from tests.challenges.first_tables.test_table import BOXES, boxes_of, picture

IMAGES = [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "b.png"}]
MARKS = [
    {"id": 3, "image_id": 7, "category_id": 1, "bbox": [10, 5, 20, 20]},
    {"id": 4, "image_id": 7, "category_id": 1, "bbox": [40, 10, 20, 20]},
]


def coco(folder: Path, name: str = "coco.json", images: Any = IMAGES, annotations: Any = MARKS, **further: Any) -> Path:
    for image in ("a.png", "b.png"):
        picture(folder / "images" / image, (40, 80))
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "opacity"}], **further}
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


def changed(rows: list[dict[str, Any]], **cells: Any) -> list[dict[str, Any]]:
    return [{**row, **{key: value(row[key]) if callable(value) else value for key, value in cells.items()}} for row in rows]


@pytest.mark.parametrize("written", [str, float, lambda one: f" {one} "])
@pytest.mark.parametrize("where", ["images", "annotations", "categories"])
def test_an_id_is_the_same_as_a_number_and_as_text(tmp_path: Path, written: Any, where: str) -> None:
    change = {
        "images": {"images": changed(IMAGES, id=written)},
        "annotations": {"annotations": changed(MARKS, image_id=written)},
        "categories": {"annotations": changed(MARKS, category_id=written)},
    }
    coco(tmp_path, **change[where])
    assert boxes_of(tmp_path, "opacity") == BOXES


REFUSED = {
    "one id, two images": (
        {"images": [*IMAGES, {"id": 7, "file_name": "c.png"}]},
        "coco.json: the id 7 is that of a.png and of c.png: nothing says whose boxes are whose",
    ),
    "one id as number and as text": ({"images": [*IMAGES, {"id": "7", "file_name": "c.png"}]}, "is that of a.png and of c.png"),
    "annotations of nobody": (
        {"annotations": changed(MARKS, image_id="IM9")},
        'no annotation belongs to an image: their image_id is such as "IM9", the ids of images such as \'7\'',
    ),
    "an object of annotations": ({"annotations": {}}, "coco.json: annotations is {}; expected a list."),
    "an object of images": ({"images": {"7": "a.png"}}, 'coco.json: images is {"7": "a.png"}; expected a list.'),
    "three numbers": ({"annotations": changed(MARKS, bbox=[1, 2, 3])}, "annotation 3: bbox is [1, 2, 3]; expected four numbers"),
    "no box": ({"annotations": [*MARKS, {"id": 5, "image_id": 8}]}, "annotation 5: bbox is null; expected four numbers"),
    "a category that is not declared": (
        {"annotations": changed(MARKS, category_id=7)},
        "coco.json, annotation 3: category_id is 7, as in 1 more annotation, and categories has 1 (opacity): nothing says whether",
    ),
    "none of two categories": (
        {
            "annotations": [MARKS[0], {key: value for key, value in MARKS[1].items() if key != "category_id"}],
            "categories": [{"id": 1, "name": "opacity"}, {"id": 2, "name": "nodule"}],
        },
        "coco.json, annotation 4: category_id is null, and categories has 1 (opacity), 2 (nodule): nothing says whether",
    ),
    "one id, two categories": (
        {"categories": [{"id": 1, "name": "opacity"}, {"id": "1", "name": "nodule"}]},
        'coco.json: the category "1" is "opacity" and "nodule": nothing says which boxes are which',
    ),
    "a polygon of two corners": (
        {"annotations": [{"id": 3, "image_id": 7, "category_id": 1, "segmentation": [[1, 2, 3, 4]]}]},
        "annotation 3: has no bbox, and segmentation is [[1, 2, 3, 4]]; expected polygons of x and y by turns",
    ),
    "a mask of another size than it says": (
        {"annotations": [{"id": 3, "image_id": 7, "category_id": 1, "segmentation": {"size": [40, 80], "counts": [5, 5]}}]},
        "annotation 3: has no bbox, and segmentation is",
    ),
    "NaN": ({"annotations": changed(MARKS, bbox=[1, 2, float("nan"), 4])}, "annotation 3: width of bbox is NaN; expected a number"),
    "a word": ({"annotations": changed(MARKS, bbox=[1, "left", 3, 4])}, 'y of bbox is "left"; expected a number in pixels.'),
    "a decimal comma": ({"annotations": changed(MARKS, bbox=["1,5", 2, 3, 4])}, "It has a decimal comma; write 1.5."),
    "no width": ({"annotations": changed(MARKS, bbox=[1, 2, 0, 4])}, "annotation 3: the box from x 1 to 1 is 0 px wide"),
    "beyond": ({"annotations": changed(MARKS, bbox=[70, 2, 20, 4])}, "3: the box reaches from x 70 to 90 px, and the image is 80 px wide"),
    "before": ({"annotations": changed(MARKS, bbox=[1, -9, 20, 14])}, "the box reaches from y -9 to 5 px, and the image is 40 px high"),
    "another shape": (
        {"images": changed(IMAGES, width=640, height=640)},
        "annotation 3: says that images/a.png is 640 × 640 px (width × height), and it is 80 × 40",
    ),
    "width and height exchanged": ({"images": changed(IMAGES, width=40, height=80)}, "is 40 × 80 px (width × height), and it is 80 × 40"),
    "nothing in the folder": ({"images": changed(IMAGES, file_name=lambda name: f"x{name}")}, "coco.json: names no image that is"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=REFUSED)
def test_what_is_wrong_is_refused_by_file_annotation_and_value(tmp_path: Path, case: str) -> None:
    change, words = REFUSED[case]
    coco(tmp_path, **change)
    with pytest.raises(BadLayout) as refused:
        xray_table(tmp_path)
    assert words in str(refused.value)


def test_bytes_that_are_not_utf8_and_a_file_that_was_cut_short(tmp_path: Path) -> None:
    text = (coco(tmp_path) / "coco.json").read_text()
    (tmp_path / "coco.json").write_bytes(text.replace("opacity", "Verschattung über").encode("latin-1"))
    with pytest.raises(BadLayout, match=r"coco\.json, line 1: is not UTF-8 text \(byte 0xfc\)\. Save the file as UTF-8"):
        xray_table(tmp_path)
    (tmp_path / "coco.json").write_text(text[:-40])
    with pytest.raises(BadLayout, match=r"coco\.json: names boxes as COCO does, and is not JSON"):
        xray_table(tmp_path)
    # As a person saves text on Windows.
    for encoding in ("utf-16", "utf-8-sig"):
        (tmp_path / "coco.json").write_text(text, encoding=encoding)
        assert len(xray_table(tmp_path).rows) == 3


def test_annotations_of_no_image_are_counted(tmp_path: Path) -> None:
    coco(tmp_path, annotations=[*MARKS, {**MARKS[0], "image_id": 99}])
    lost = "1 annotation of coco.json belongs to no image in it, and is left out, such as that with image_id 99."
    assert lost in xray_table(tmp_path).assumed
    assert boxes_of(tmp_path) == BOXES


@pytest.mark.parametrize(("size", "factor"), [((800, 400), 0.1), ((40, 20), 2.0), ((160.0, 80.0), 0.5), ((241, 120), 80 / 241)])
def test_boxes_that_were_drawn_on_another_size_are_scaled_and_it_is_said(tmp_path: Path, size: tuple[float, float], factor: float) -> None:
    drawn = [[x / factor, y / factor, width / factor, height / factor] for x, y, width, height in (mark["bbox"] for mark in MARKS)]
    marks = [{**mark, "bbox": bbox} for mark, bbox in zip(MARKS, drawn, strict=True)]
    coco(tmp_path, images=changed(IMAGES, width=size[0], height=size[1]), annotations=marks)
    said = f"The boxes of 1 image were scaled to its size: a.png is 80 × 40 px, and its boxes were drawn at {size[0]:g} × {size[1]:g}."
    assert said in xray_table(tmp_path).assumed
    np.testing.assert_allclose(boxes_of(tmp_path)["a"], BOXES["a"], atol=0.15)


def test_files_for_each_subset_are_read_together_and_images_beside_each_are_its_own(tmp_path: Path) -> None:
    for subset, x in (("train", 1), ("valid", 2), ("test", 3)):
        # One name in three folders, as exports number images.
        picture(tmp_path / subset / "1.png", (40, 80))
        content = {"images": [{"id": 1, "file_name": "1.png"}], "annotations": [{"image_id": 1, "bbox": [x, 2, 30, 30]}], "categories": []}
        (tmp_path / subset / "_annotations.coco.json").write_text(json.dumps(content))
    table = xray_table(tmp_path)
    assert {(row["path"], row["x0"], row["split"]) for row in table.rows} == {
        (tmp_path / "train" / "1.png", "1", "train"),
        (tmp_path / "valid" / "1.png", "2", "validation"),
        (tmp_path / "test" / "1.png", "3", "test"),
    }
    assert "test/_annotations.coco.json and 2 more files are read as COCO" in table.assumed[0]


def test_one_image_in_two_files_must_have_the_same_boxes(tmp_path: Path) -> None:
    coco(coco(tmp_path), "again.json")
    assert len(xray_table(tmp_path).rows) == 3
    coco(tmp_path, "again.json", annotations=MARKS[:1])
    with pytest.raises(BadLayout, match=r"coco\.json: images/a\.png has other boxes here than in again\.json"):
        xray_table(tmp_path)


def test_images_that_no_file_names_captions_and_names_that_fit_several(tmp_path: Path) -> None:
    coco(tmp_path, images=IMAGES[:1])
    (tmp_path / "captions.json").write_text(json.dumps({"images": IMAGES, "annotations": [{"image_id": 8, "caption": "clear lungs"}]}))
    marked = read_coco(tmp_path, sorted(tmp_path.glob("images/*.png")))
    assert marked is not None
    assert "1 image that no such file names is left out, such as b.png." in marked.assumed
    assert "captions.json has annotations with neither bbox nor segmentation, and is not used." in marked.assumed
    picture(tmp_path / "other" / "a.png")
    with pytest.raises(
        BadLayout, match=r"coco\.json: a\.png may be .*/images/a\.png and .*/other/a\.png\. Write the folder before its name"
    ):
        xray_table(tmp_path)


def restarting(folder: Path, folders: tuple[str, ...], files: tuple[str, ...]) -> dict[str, list[float]]:
    """COCO files of images whose numbers restart in each folder; returns the left side of the box of each image."""
    lefts = {}
    for number, (place, name) in enumerate(zip(folders, files, strict=True)):
        images = [{"id": one, "file_name": f"{one:04}.png"} for one in range(3)]
        marks = [{"id": one, "image_id": one, "category_id": 1, "bbox": [10 + 20 * number + one, 5, 12, 12]} for one in range(3)]
        for one in range(3):
            picture(folder / place / f"{one:04}.png", (40, 80))
            lefts[f"{place}/{one:04}.png"] = [10 + 20 * number + one]
        content = {"images": images, "annotations": marks, "categories": [{"id": 1, "name": "opacity"}]}
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return lefts


@pytest.mark.parametrize(
    ("folders", "files"),
    [
        (("train", "val"), ("annotations/instances_train.json", "annotations/instances_val.json")),
        (("train2017", "val2017"), ("instances_train2017.json", "instances_val2017.json")),
        (("images/training", "images/validation"), ("train.json", "valid.json")),
        (("hospital", "clinic"), ("boxes-hospital.json", "boxes-clinic.json")),
    ],
)
def test_numbers_that_restart_in_folders_are_told_apart_by_the_names_of_their_files(
    tmp_path: Path, folders: tuple[str, ...], files: tuple[str, ...]
) -> None:
    lefts = restarting(tmp_path, folders, files)
    table = xray_table(tmp_path)
    found: dict[str, list[float]] = {}
    for row in table.rows:
        found.setdefault(Path(str(row["path"])).relative_to(tmp_path).as_posix(), []).append(float(str(row["x0"])))
    assert found == lefts
    said = f"3 images whose name several have are taken from the folder that is in the name of {files[0]}, such as {folders[0]}/0000.png."
    assert said in table.assumed


@pytest.mark.parametrize("files", [("one.json", "two.json"), ("train_val.json", "other.json")])
def test_where_the_names_of_files_decide_nothing_it_is_refused(tmp_path: Path, files: tuple[str, ...]) -> None:
    restarting(tmp_path, ("train", "val"), files)
    with pytest.raises(BadLayout, match="Write the folder before its name"):
        xray_table(tmp_path)


def test_of_two_entries_that_lead_to_one_image_that_of_another_folder_is_lost(tmp_path: Path) -> None:
    images = [{"id": 7, "file_name": "images/a.png"}, {"id": 8, "file_name": "lost/a.png"}, {"id": 9, "file_name": "images/b.png"}]
    coco(tmp_path, images=images, annotations=[*MARKS, {"image_id": 8, "bbox": [1, 1, 30, 30]}])
    assert boxes_of(tmp_path) == BOXES


def test_json_of_other_kinds_is_no_coco(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    for number, content in enumerate(
        ({"images": "images/", "annotations": "a.csv"}, {"images": ["a.png"], "annotations": []}, [1], {"images": []})
    ):
        (tmp_path / f"{number}.json").write_text(json.dumps(content))
    (tmp_path / "damaged.json").write_text('{"images": ')
    assert read_coco(tmp_path, [tmp_path / "a.png"]) is None


# The mask of a box and of nothing, as run lengths that pycocotools packed: `encode(np.asfortranarray(mask))`.
PACKED = {"e<d0d00000000000000000000000000000000000000[n1": (10, 5, 30, 25), "P4": None}


@pytest.mark.parametrize("text", PACKED)
def test_a_packed_mask_has_the_box_that_pycocotools_gives(text: str) -> None:
    size = [40, 80] if PACKED[text] else [16, 8]
    assert box_around({"size": size, "counts": text}) == PACKED[text]
    # A letter that is none, and one that says that another follows.
    assert box_around({"size": size, "counts": f"{text}\u00e9"}) is None
    assert box_around({"size": size, "counts": f"{text}R"}) is None


def run_lengths(mask: np.ndarray) -> list[int]:
    columns = mask.flatten(order="F")
    edges = np.flatnonzero(np.diff(np.concatenate([[False], columns]))).tolist()
    lengths: list[int] = np.diff([0, *edges, columns.size]).tolist()
    return lengths


@pytest.mark.parametrize("seed", range(20))
def test_the_box_around_run_lengths_is_that_of_the_pixels(seed: int) -> None:
    draw = np.random.default_rng(seed)
    mask = draw.random((13, 9)) < draw.choice([0.02, 0.3, 1.0])
    rows, columns = np.nonzero(mask)
    expected = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) if mask.any() else None
    assert box_around({"size": list(mask.shape), "counts": run_lengths(mask)}) == expected


def test_outlines_without_boxes_are_read_as_the_boxes_around_them_and_it_is_said(tmp_path: Path) -> None:
    polygon = [[10, 5, 30, 5, 30, 20], [12, 25, 10.5, 6, 15, 7]]
    packed = {"size": [40, 80], "counts": run_lengths(np.pad(np.ones((20, 20), bool), ((10, 10), (40, 20))))}
    outlined = [
        {"id": 3, "image_id": 7, "category_id": 1, "segmentation": polygon},
        {"id": 4, "image_id": 7, "category_id": 1, "segmentation": packed, "bbox": []},
    ]
    coco(tmp_path, annotations=outlined)
    assert boxes_of(tmp_path) == BOXES
    said = "2 annotations without bbox are read as the box around the segmentation, such as coco.json, annotation 3."
    assert said in xray_table(tmp_path).assumed


def test_crowds_ids_that_repeat_and_other_folders_are_said(tmp_path: Path) -> None:
    images = [{"id": 7, "file_name": "train/a.png"}, {"id": 8, "file_name": "images/b.png"}]
    coco(tmp_path, images=images, annotations=[MARKS[0], {**MARKS[1], "id": 3, "iscrowd": 1}])
    assert boxes_of(tmp_path) == BOXES
    said = xray_table(tmp_path).assumed
    assert "1 annotation with iscrowd is read as one box each, such as coco.json, annotation 3: it may hold several findings." in said
    assert "1 id is of several annotations of coco.json, such as 3: all of them are read." in said
    assert "1 image lies in another folder than coco.json says, such as train/a.png at images/a.png." in said


def test_a_file_of_captions_alone_is_named_with_what_it_lacks(tmp_path: Path) -> None:
    coco(tmp_path, annotations=[{"image_id": 8, "caption": "clear lungs"}])
    with pytest.raises(BadLayout, match=r"coco\.json has annotations with neither bbox nor segmentation; export it with boxes"):
        xray_table(tmp_path)


def test_of_one_category_it_need_not_be_said_which(tmp_path: Path) -> None:
    coco(tmp_path, annotations=[{key: value for key, value in mark.items() if key != "category_id"} for mark in MARKS])
    assert boxes_of(tmp_path, "opacity") == BOXES


@pytest.mark.parametrize(("key", "value"), [("score", 0.93), ("Confidence", "0.5"), ("score", 0), ("probability", 0.999)])
def test_boxes_with_confidences_are_no_truth(tmp_path: Path, key: str, value: object) -> None:
    coco(tmp_path, annotations=[MARKS[0], {**MARKS[1], key: value}])
    words = rf"coco\.json, annotation 4: {key}, {value}, looks like a confidence, so it is what a network found and no truth"
    with pytest.raises(BadLayout, match=words):
        xray_table(tmp_path, ())
    coco(tmp_path, annotations=[{**mark, key: value} for mark in MARKS])
    with pytest.raises(BadLayout, match=rf"annotation 3: {key}, {value}, in 2 annotations looks like a confidence"):
        xray_table(tmp_path, ())


@pytest.mark.parametrize("further", [{"score": 1.0}, {"score": 1}, {"score": None}, {"score": 17}, {"attributes": {"score": 0.5}}])
def test_what_people_wrote_beside_boxes_is_no_confidence(tmp_path: Path, further: dict[str, object]) -> None:
    coco(tmp_path, annotations=[{**mark, **further} for mark in MARKS])
    assert boxes_of(tmp_path, "opacity") == BOXES


def test_an_image_under_two_ids_of_which_one_has_no_box_is_refused(tmp_path: Path) -> None:
    coco(tmp_path, images=[*IMAGES, {"id": 9, "file_name": "a.png"}])
    with pytest.raises(BadLayout, match=r"coco\.json: images/a\.png has 2 boxes under the id 7 and none under 9\. Nothing says which"):
        xray_table(tmp_path)


@pytest.mark.parametrize("split", [True, False])
def test_an_id_for_each_box_is_read_and_said_where_the_boxes_differ(tmp_path: Path, split: bool) -> None:
    again = [MARKS[0], {**MARKS[1], "image_id": 9}] if split else [*MARKS, *({**one, "image_id": 9, "id": one["id"] + 9} for one in MARKS)]
    coco(tmp_path, images=[*IMAGES, {"id": 9, "file_name": "a.png"}], annotations=again)
    said = [line for line in xray_table(tmp_path).assumed if "listed under several ids" in line]
    assert (
        said == ["1 image is listed under several ids of coco.json with other boxes, such as images/a.png: all of them are read."] * split
    )
    assert boxes_of(tmp_path) == BOXES
