"""Tables, layouts, and the boxes of other tools."""

import json
from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np
import yaml
from PIL import Image

from radlearn.scans.radiograph_writer import write_radiograph
from tools.fuzz_targets.target import AFFINE, SIZE_PX, Target, each_its_own, made_hu, made_pixels, written_table


def _xray_tables(folder: Path) -> Mapping[Path, Path]:
    for number in range(4):
        Image.fromarray(made_pixels(number)).save(folder / f"{number}.png")
    cells = [
        [
            f"{number}.png",
            f"p{number // 2}",
            number % 2,
            "PA",
            40 + number,
            "F",
            *(("3", "4", "20", "25") if number % 2 else ("",) * 4),
            "train",
        ]
        for number in range(4)
    ]
    columns = ["path", "person", "label", "view", "age_years", "sex", "x_min", "y_min", "x_max", "y_max", "subset"]
    boxes = written_table(folder / "boxes.csv", [columns, *cells])
    labels = written_table(
        folder / "labels.csv", [["path", "person", "label_mass", "label_nodule"], *([f"{n}.png", n, n % 2, ""] for n in range(4))]
    )
    nih = written_table(
        folder / "Data_Entry_2017.csv",
        [
            ["Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age", "Patient Gender", "View Position"],
            *([f"{n}.png", "Mass|Nodule" if n % 2 else "No Finding", 0, n, 50, "M", "PA"] for n in range(4)),
        ],
    )
    return each_its_own([boxes, labels, nih])


def _read_xray_table(path: Path) -> None:
    from radlearn.challenges.rsna.audit import audit_folder
    from radlearn.challenges.rsna.layout import find_cases

    try:
        find_cases(path)
    finally:
        audit_folder(path)


def rsna_layout(folder: Path) -> Mapping[Path, Path]:
    from radlearn.challenges.rsna.layout import IMAGE_FOLDER

    images = folder / IMAGE_FOLDER
    images.mkdir()
    for number in range(4):
        write_radiograph(
            images / f"i{number}.dcm", made_pixels(number), patient_id=f"i{number}", view="PA", sex="F", age="50", spacing_mm=None
        )
    rows = [[f"i{n}", *((3, 4, 20, 25, 1) if n % 2 else ("", "", "", "", 0))] for n in range(4)]
    classes = [[f"i{n}", "Lung Opacity" if n % 2 else "Normal"] for n in range(4)]
    mapping = [{"subset_img_id": f"i{n}", "img_id": f"0000000{n}_000.png"} for n in range(4)]
    made = [
        written_table(folder / "stage_2_train_labels.csv", [["patientId", "x", "y", "width", "height", "Target"], *rows]),
        written_table(folder / "stage_2_detailed_class_info.csv", [["patientId", "class"], *classes]),
        folder / "pneumonia-challenge-dataset-mappings_2018.json",
    ]
    made[-1].write_text(json.dumps(mapping))
    return dict.fromkeys(made, folder)


def _boxes_of_other_tools(folder: Path) -> Mapping[Path, Path]:
    made: dict[Path, Path] = {}
    for kind in ("coco", "voc", "yolo"):
        place = folder / kind
        (place / "images").mkdir(parents=True)
        (place / "labels").mkdir()
        for number in range(3):
            Image.fromarray(made_pixels(number)).save(place / "images" / f"{number}.png")
    images = [{"id": n, "file_name": f"{n}.png", "width": SIZE_PX + 8, "height": SIZE_PX} for n in range(3)]
    marked = [{"id": n, "image_id": n, "category_id": 1, "bbox": [2, 3, 10, 11], "area": 110, "iscrowd": 0} for n in range(2)]
    coco = folder / "coco" / "annotations.json"
    coco.write_text(json.dumps({"images": images, "annotations": marked, "categories": [{"id": 1, "name": "opacity"}]}))
    made[coco] = folder / "coco"
    box = "<object><name>opacity</name><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>20</xmax><ymax>25</ymax></bndbox></object>"
    for number in range(3):
        xml = folder / "voc" / "labels" / f"{number}.xml"
        size = f"<size><width>{SIZE_PX + 8}</width><height>{SIZE_PX}</height><depth>1</depth></size>"
        xml.write_text(f"<annotation><filename>{number}.png</filename>{size}{box if number else ''}</annotation>")
        made[xml] = folder / "voc"
        line = folder / "yolo" / "labels" / f"{number}.txt"
        line.write_text("0 0.5 0.4 0.2 0.25\n1 0.3 0.3 0.1 0.1\n" if number else "")
        made[line] = folder / "yolo"
    names = folder / "yolo" / "data.yaml"
    names.write_text(yaml.safe_dump({"names": {0: "opacity", 1: "effusion"}, "train": "images"}))
    made[names] = folder / "yolo"
    return made


def _read_boxes(folder: Path) -> None:
    from radlearn.challenges.first_tables.table import xray_table

    xray_table(folder)


def _ct_tables(folder: Path) -> Mapping[Path, Path]:
    for number in range(3):
        nib.save(nib.Nifti1Image(made_hu(), AFFINE), folder / f"{number}.nii.gz")
        nib.save(nib.Nifti1Image((made_hu() > 0).astype(np.uint8), AFFINE), folder / f"{number}_mask.nii.gz")
    rows = [[f"{n}.nii.gz", f"{n}_mask.nii.gz", f"p{n}", "train"] for n in range(3)]
    return each_its_own([written_table(folder / "cases.csv", [["path", "mask", "person", "subset"], *rows])])


def _read_ct_table(path: Path) -> None:
    from radlearn.challenges.covid19.audit import audit_folder
    from radlearn.challenges.covid19.layout import find_cases

    try:
        find_cases(path)
    finally:
        audit_folder(path)


def _label_map_tables(folder: Path) -> Mapping[Path, Path]:
    for number in range(3):
        Image.fromarray(made_pixels(number)).save(folder / f"{number}.png")
        Image.fromarray((made_pixels(number) > 90).astype(np.uint8) * 255).save(folder / f"{number}_mask.png")
    rows = [[f"{n}.png", f"{n}_mask.png", f"p{n}", "nerve"] for n in range(3)]
    return each_its_own([written_table(folder / "cases.csv", [["path", "mask", "person", "class_1"], *rows])])


def _read_label_map_table(path: Path) -> None:
    from radlearn.challenges.ultrasound.layout import find_cases

    find_cases(path)


TARGETS = (
    Target("xray-table", _xray_tables, _read_xray_table),
    Target("rsna", rsna_layout, _read_xray_table),
    Target("boxes", _boxes_of_other_tools, _read_boxes),
    Target("ct-table", _ct_tables, _read_ct_table),
    Target("label-map-table", _label_map_tables, _read_label_map_table),
)
