"""What is fuzzed: for each kind of file, sound examples, and what reads them for radlearn."""

import csv
import gzip
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import SimpleITK
import yaml
from PIL import Image
from pydicom import uid
from pydicom.dataset import FileMetaDataset

from radlearn.scans.radiograph_writer import write_radiograph

SIZE_PX = 40
GRID = (14, 12, 8)
AFFINE = np.diag([-0.8, -0.8, 4.0, 1.0])


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Args:
        name: for messages and the command line.
        make: writes sound files into an empty folder and returns what `read` is called with, by the file that is damaged for it.
        read: what radlearn does with them. Any error but a RadlearnError is a finding, as is an AssertionError of its own.
    """

    name: str
    make: Callable[[Path], Mapping[Path, Path]]
    read: Callable[[Path], Any]


def _finite(values: Any) -> None:
    assert np.isfinite(np.asarray(values)).all(), "values that are not finite were returned as an image"


def _pixels(seed: int = 0) -> np.ndarray:
    rows, columns = np.mgrid[:SIZE_PX, : SIZE_PX + 8]
    noise = np.random.default_rng(seed).normal(0, 9, rows.shape)
    return np.clip(3 * rows + 2 * columns + noise, 0, 255).astype(np.uint8)


def _each_its_own(paths: Sequence[Path]) -> dict[Path, Path]:
    return {path: path for path in paths}


# --- X-rays, ultrasound images and label maps


def _dataset(stored: np.ndarray, syntax: str, **elements: Any) -> pydicom.Dataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = uid.DigitalXRayImageStorageForPresentation, uid.UID("1.2.3.4")
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset = pydicom.Dataset()
    dataset.file_meta = meta
    bits = 8 * stored.dtype.itemsize
    header = {
        "SOPClassUID": meta.MediaStorageSOPClassUID, "SOPInstanceUID": "1.2.3.4", "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.5",
        "Modality": "DX", "PatientID": "somebody", "PatientSex": "F", "PatientAge": "045Y", "ViewPosition": "PA",
        "BodyPartExamined": "CHEST",
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "Rows": stored.shape[0], "Columns": stored.shape[1],
        "BitsAllocated": bits, "BitsStored": bits, "HighBit": bits - 1, "PixelRepresentation": int(stored.dtype.kind == "i"),
        "PixelSpacing": [0.4, 0.4], "WindowCenter": "128", "WindowWidth": "256",
    }  # fmt: skip
    for keyword, value in (header | elements).items():
        setattr(dataset, keyword, value)
    dataset.set_pixel_data(stored, dataset.PhotometricInterpretation, dataset.BitsStored, generate_instance_uid=False)
    if syntax in (uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian):
        meta.TransferSyntaxUID = uid.UID(syntax)
    elif syntax != uid.ExplicitVRLittleEndian:
        dataset.compress(syntax, generate_instance_uid=False)
    return dataset


def _xrays(folder: Path) -> Mapping[Path, Path]:
    sixteen = _pixels().astype(np.uint16) * 13
    lut = pydicom.Dataset()
    lut.LUTDescriptor, lut.LUTData = [256, 0, 16], (np.arange(256, dtype="<u2") * 200).tobytes()
    lut["LUTDescriptor"].VR, lut["LUTData"].VR = "US", "OW"
    made = {
        "explicit": _dataset(_pixels(), uid.ExplicitVRLittleEndian),
        "implicit": _dataset(sixteen, uid.ImplicitVRLittleEndian, BitsStored=12, HighBit=11, RescaleSlope=1, RescaleIntercept=-10),
        "deflated": _dataset(_pixels(1), uid.DeflatedExplicitVRLittleEndian, PhotometricInterpretation="MONOCHROME1"),
        "rle": _dataset(sixteen, uid.RLELossless, WindowCenter=["900", "1000"], WindowWidth=["2000", "3000"]),
        "jpeg-2000": _dataset(_pixels(2), uid.JPEG2000Lossless),
        "table": _dataset(_pixels(3), uid.ExplicitVRLittleEndian, VOILUTSequence=[lut], WindowCenter=None, WindowWidth=None),
    }
    paths = []
    for name, dataset in made.items():
        paths.append(folder / f"{name}.dcm")
        dataset.save_as(paths[-1], enforce_file_format=True)
    paths.append(folder / "jpeg.dcm")
    write_radiograph(paths[-1], _pixels(4), patient_id="x", view="AP", sex="M", age="61", spacing_mm=(0.2, 0.2))
    return _each_its_own(paths)


def _read_xray(path: Path) -> None:
    from radlearn.scans.dicom import read_header, read_radiograph

    read_header(path)
    _finite(read_radiograph(path, 32).pixels)


def _ultrasound_dicom(folder: Path) -> Mapping[Path, Path]:
    region = pydicom.Dataset()
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = SIZE_PX, SIZE_PX
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = 0.02
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    of_ultrasound = {"Modality": "US", "SOPClassUID": uid.UltrasoundImageStorage, "SequenceOfUltrasoundRegions": [region]}
    colours = np.stack([_pixels()] * 3, axis=-1)
    made = {
        "grey": _dataset(_pixels(), uid.ExplicitVRLittleEndian, **of_ultrasound),
        "rgb": _dataset(
            colours, uid.ExplicitVRLittleEndian, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0, **of_ultrasound
        ),
    }
    for name, dataset in made.items():
        dataset.save_as(folder / f"{name}.dcm", enforce_file_format=True)
    return _each_its_own([folder / f"{name}.dcm" for name in made])


def _read_ultrasound(path: Path) -> None:
    from radlearn.scans.ultrasound_images import read_ultrasound

    _finite(read_ultrasound(path).pixels)


def _pictures(folder: Path) -> Mapping[Path, Path]:
    grey = Image.fromarray(_pixels())
    exif = Image.Exif()
    exif[0x0112] = 6
    grey.save(folder / "grey.png")
    Image.fromarray(_pixels().astype(np.uint16) * 200).save(folder / "deep.png")
    grey.quantize(8).save(folder / "palette.png")
    grey.convert("LA").save(folder / "opacity.png")
    grey.save(folder / "grey.jpg", exif=exif)
    grey.save(folder / "packed.tif", compression="tiff_lzw")
    grey.save(folder / "plain.tif")
    grey.save(folder / "grey.bmp")
    return _each_its_own(sorted(folder.iterdir()))


def _read_picture(path: Path) -> None:
    from radlearn.scans.picture_files import read_picture

    _finite(read_picture(path).pixels)


def _label_maps(folder: Path) -> Mapping[Path, Path]:
    labels = (_pixels() // 90).astype(np.uint8)
    image = Image.fromarray(labels)
    image.save(folder / "numbers.png")
    Image.fromarray(np.where(labels > 1, 255, 0).astype(np.uint8)).save(folder / "mask.tif", compression="tiff_adobe_deflate")
    palette = Image.fromarray(labels, mode="P")
    palette.putpalette([0, 0, 0, 200, 30, 30, 30, 200, 30])
    palette.save(folder / "palette.png")
    Image.fromarray(labels > 1).save(folder / "bits.png")
    return _each_its_own(sorted(folder.iterdir()))


def _read_label_map(path: Path) -> None:
    from radlearn.scans.label_map_files import read_label_map

    _finite(read_label_map(path).labels)


def _pages(folder: Path) -> Mapping[Path, Path]:
    pages = [Image.fromarray(_pixels(number)) for number in range(3)]
    pages[0].save(folder / "pages.tif", save_all=True, append_images=pages[1:])
    pages[0].save(folder / "packed.tif", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    return _each_its_own(sorted(folder.iterdir()))


def _read_pages(path: Path) -> None:
    from radlearn.scans.picture_files import read_picture
    from radlearn.scans.tiff_pages import page_file, pages_in

    for page in range(1, min(pages_in(path), 4) + 1):
        _finite(read_picture(page_file(path, page)).pixels)


# --- CTs and their masks


def _hu() -> np.ndarray:
    return np.random.default_rng(0).integers(-1000, 400, GRID).astype(np.int16)


def _niftis(folder: Path) -> Mapping[Path, Path]:
    image = nib.Nifti1Image(_hu(), AFFINE)
    image.header.set_xyzt_units("mm")
    image.set_sform(AFFINE, 1)
    image.set_qform(AFFINE, 1)
    nib.save(image, folder / "scan.nii")
    nib.save(image, folder / "packed.nii.gz")
    scaled = nib.Nifti1Image(_hu().astype(np.float32), AFFINE)
    scaled.set_data_dtype(np.float32)
    nib.save(scaled, folder / "floats.nii")
    return _each_its_own(sorted(folder.iterdir()))


def _read_ct(path: Path) -> None:
    from radlearn.scans.ct_files import read_scan, read_scan_grid

    read_scan_grid(path)
    scan, _ = read_scan(path)
    _finite(scan.voxels)
    _finite(scan.affine)


def _itk_volumes(folder: Path) -> Mapping[Path, Path]:
    image = SimpleITK.GetImageFromArray(_hu().transpose(2, 1, 0))
    image.SetSpacing((0.8, 0.8, 4.0))
    for name in ("plain.mha", "plain.nrrd"):
        SimpleITK.WriteImage(image, str(folder / name))
    for name in ("packed.mha", "packed.nrrd"):
        SimpleITK.WriteImage(image, str(folder / name), useCompression=True)
    return _each_its_own(sorted(folder.iterdir()))


def _masks(folder: Path) -> Mapping[Path, Path]:
    nib.save(nib.Nifti1Image((_hu() > 0).astype(np.uint8), AFFINE), folder / "mask.nii")
    nib.save(nib.Nifti1Image((_hu() > 0).astype(np.uint8), AFFINE), folder / "packed.nii.gz")
    return _each_its_own(sorted(folder.iterdir()))


def _read_mask(path: Path) -> None:
    from radlearn.scans.mask_files import read_mask

    assert set(np.unique(read_mask(path).voxels).tolist()) <= {0, 1}, "a mask was returned that is not 0 and 1"


def _series(folder: Path) -> Mapping[Path, Path]:
    place = folder / "series"
    place.mkdir()
    voxels = _hu()
    for number in range(5):
        dataset = _dataset(
            voxels[:, :, number], uid.ExplicitVRLittleEndian, Modality="CT", SOPClassUID=uid.CTImageStorage,
            SOPInstanceUID=f"1.2.3.4.{number}",
            InstanceNumber=number + 1, ImagePositionPatient=[0, 0, 4.0 * number], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            FrameOfReferenceUID="1.2.9", RescaleSlope="1", RescaleIntercept="0", SliceThickness="4",
        )  # fmt: skip
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(place / f"{number}.dcm", enforce_file_format=True)
    return dict.fromkeys(sorted(place.iterdir()), place)


# --- tables, layouts and the boxes of other tools


def _written(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as opened:
        csv.writer(opened, lineterminator="\n").writerows(rows)
    return path


def _xray_tables(folder: Path) -> Mapping[Path, Path]:
    for number in range(4):
        Image.fromarray(_pixels(number)).save(folder / f"{number}.png")
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
    boxes = _written(folder / "boxes.csv", [columns, *cells])
    labels = _written(
        folder / "labels.csv", [["path", "person", "label_mass", "label_nodule"], *([f"{n}.png", n, n % 2, ""] for n in range(4))]
    )
    nih = _written(
        folder / "Data_Entry_2017.csv",
        [
            ["Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age", "Patient Gender", "View Position"],
            *([f"{n}.png", "Mass|Nodule" if n % 2 else "No Finding", 0, n, 50, "M", "PA"] for n in range(4)),
        ],
    )
    return _each_its_own([boxes, labels, nih])


def _read_xray_table(path: Path) -> None:
    from radlearn.challenges.rsna_audit import audit_folder
    from radlearn.challenges.rsna_layout import find_cases

    try:
        find_cases(path)
    finally:
        audit_folder(path)


def _rsna_layout(folder: Path) -> Mapping[Path, Path]:
    from radlearn.challenges.rsna_layout import IMAGE_FOLDER

    images = folder / IMAGE_FOLDER
    images.mkdir()
    for number in range(4):
        write_radiograph(images / f"i{number}.dcm", _pixels(number), patient_id=f"i{number}", view="PA", sex="F", age="50", spacing_mm=None)
    rows = [[f"i{n}", *((3, 4, 20, 25, 1) if n % 2 else ("", "", "", "", 0))] for n in range(4)]
    classes = [[f"i{n}", "Lung Opacity" if n % 2 else "Normal"] for n in range(4)]
    mapping = [{"subset_img_id": f"i{n}", "img_id": f"0000000{n}_000.png"} for n in range(4)]
    made = [
        _written(folder / "stage_2_train_labels.csv", [["patientId", "x", "y", "width", "height", "Target"], *rows]),
        _written(folder / "stage_2_detailed_class_info.csv", [["patientId", "class"], *classes]),
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
            Image.fromarray(_pixels(number)).save(place / "images" / f"{number}.png")
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
    from radlearn.challenges.first_table import xray_table

    xray_table(folder)


def _ct_tables(folder: Path) -> Mapping[Path, Path]:
    for number in range(3):
        nib.save(nib.Nifti1Image(_hu(), AFFINE), folder / f"{number}.nii.gz")
        nib.save(nib.Nifti1Image((_hu() > 0).astype(np.uint8), AFFINE), folder / f"{number}_mask.nii.gz")
    rows = [[f"{n}.nii.gz", f"{n}_mask.nii.gz", f"p{n}", "train"] for n in range(3)]
    return _each_its_own([_written(folder / "cases.csv", [["path", "mask", "person", "subset"], *rows])])


def _read_ct_table(path: Path) -> None:
    from radlearn.challenges.covid19_audit import audit_folder
    from radlearn.challenges.covid19_layout import find_cases

    try:
        find_cases(path)
    finally:
        audit_folder(path)


def _label_map_tables(folder: Path) -> Mapping[Path, Path]:
    for number in range(3):
        Image.fromarray(_pixels(number)).save(folder / f"{number}.png")
        Image.fromarray((_pixels(number) > 90).astype(np.uint8) * 255).save(folder / f"{number}_mask.png")
    rows = [[f"{n}.png", f"{n}_mask.png", f"p{n}", "nerve"] for n in range(3)]
    return _each_its_own([_written(folder / "cases.csv", [["path", "mask", "person", "class_1"], *rows])])


def _read_label_map_table(path: Path) -> None:
    from radlearn.challenges.ultrasound_layout import find_cases

    find_cases(path)


# --- submissions


def _box_submissions(folder: Path) -> Mapping[Path, Path]:
    _rsna_layout(folder)
    rows = [[f"i{n}", "0.9 3 4 18 22 0.5 1 1 9 9" if n % 2 else ""] for n in range(4)]
    return _each_its_own([_written(folder / "submission.csv", [["patientId", "PredictionString"], *rows])])


def _score_boxes(path: Path) -> None:
    from radlearn.challenges.rsna_scoring import score_submission

    score_submission(path.parent / "stage_2_train_labels.csv", path, draws=2)


def _probabilities(folder: Path) -> Mapping[Path, Path]:
    _rsna_layout(folder)
    rows = [[f"i{n}", 0.2 + 0.2 * n] for n in range(4)]
    return _each_its_own([_written(folder / "probabilities.csv", [["patientId", "probability"], *rows])])


def _score_probabilities(path: Path) -> None:
    from radlearn.challenges.probability_scoring import score_probabilities

    score_probabilities(path.parent / "stage_2_train_labels.csv", path, draws=2)


def _run_lengths(folder: Path) -> Mapping[Path, Path]:
    truth = [[f"{n}", "5 10 50 3" if n else "", f"{n}"] for n in range(3)]
    _written(folder / "truth.csv", [["img", "pixels", "person"], *truth])
    rows = [[f"{n}", "6 9 48 6" if n else ""] for n in range(3)]
    return _each_its_own([_written(folder / "submission.csv", [["img", "pixels"], *rows])])


def _score_run_lengths(path: Path) -> None:
    from radlearn.challenges.ultrasound_scoring import score_submission

    score_submission(path.parent / "truth.csv", path, (40, 48), draws=2, workers=1)


def _mask_archives(folder: Path) -> Mapping[Path, Path]:
    truth = folder / "truth" / "Train"
    truth.mkdir(parents=True)
    mask = gzip.compress(nib.Nifti1Image((_hu() > 300).astype(np.uint8), AFFINE).to_bytes())
    for number in (3, 4):
        (truth / f"volume-covid19-A-000{number}_seg.nii.gz").write_bytes(mask)
    for name, packing in (("stored.zip", zipfile.ZIP_STORED), ("deflated.zip", zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(folder / name, "w", packing) as archive:
            for number in (3, 4):
                archive.writestr(f"00{number}.nii.gz", mask)
    return _each_its_own([folder / "stored.zip", folder / "deflated.zip"])


def _score_masks(path: Path) -> None:
    from radlearn.challenges.covid19_scoring import score_submission

    score_submission(path.parent / "truth", path, draws=2, workers=1)


# --- the files of a run


def _run(folder: Path) -> Any:
    from radlearn.training.run_folder import new_run

    return new_run(folder / "run", "classification", _Settings(), {"data": str(folder), "synthetic": False})


def _run_files(folder: Path) -> Mapping[Path, Path]:
    from radlearn.json_files import write_json
    from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing
    from radlearn.training.splits import write_split
    from radlearn.workflow.cases_file import write_cases
    from radlearn.workflow.postprocessing_file import write_postprocessing
    from radlearn.workflow.scores_file import write_scores

    run = _run(folder)
    ids, persons = [f"i{n}" for n in range(6)], [f"p{n // 2}" for n in range(6)]
    write_split(run.folder / "split.csv", ids, persons, ["train", "train", "validation", "validation", "test", "test"])
    kept = _kept()
    cases = [_Case(image_id, person) for image_id, person in zip(ids, persons, strict=True)]
    columns = {name: np.array(_values_of(kind)) for name, kind in kept.columns.items()}
    write_cases(run, "test", kept, cases, columns)
    write_scores(run, "test", cases, {"scores": {"auroc_score": {"value": 0.9, "low": 0.8, "high": 0.95}}})
    write_postprocessing(run, ProbabilityPostprocessing(threshold=0.4, intercept=0.1, slope=1.1), {"views": {"all": 0.3}})
    run.history_file.write_text('{"epoch": 1, "loss": 0.7}\n{"epoch": 2, "loss": 0.5, "auroc_score": null}\n')
    write_json(run.folder / "repeats.json", {"format": 1, "task": "classification", "seeds": [0, 1]})
    return {path: run.folder for path in sorted(run.folder.rglob("*")) if path.suffix in (".csv", ".json", ".jsonl")}


@dataclass(frozen=True)
class _Settings:
    """As few as a run folder needs."""

    seed: int = 0
    epochs: int = 2


@dataclass(frozen=True)
class _Case:
    """A case without an image."""

    image_id: str
    person: str
    folder: Path = Path("nowhere")
    path: Path = Path("nowhere/images/x.dcm")


def _kept() -> Any:
    from radlearn.use_cases import USE_CASES

    return USE_CASES["classification"].load_case_format()


def _values_of(kind: type) -> list[Any]:
    values: dict[type, list[Any]] = {bool: [True, False], float: [0.1, 0.9], int: [0, 1], str: ["PA", "AP"]}
    return values[kind] * 3


def _read_run_files(folder: Path) -> None:
    from radlearn.errors import RadlearnError
    from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing
    from radlearn.training.run_folder import open_run
    from radlearn.training.splits import read_split, split_of
    from radlearn.workflow.cases_file import read_cases
    from radlearn.workflow.postprocessing_file import chosen_values, read_postprocessing
    from radlearn.workflow.repeats import open_repeats
    from radlearn.workflow.scores_file import read_scores

    run = open_run(folder)
    for read in (
        lambda: run.about, lambda: run.history, lambda: read_split(run.folder / "split.csv"), lambda: split_of(run),
        lambda: read_cases(run, "test", _kept()), lambda: read_scores(run, "test"), lambda: chosen_values(run),
        lambda: read_postprocessing(run, ProbabilityPostprocessing), lambda: open_repeats(run.folder),
    ):  # fmt: skip
        try:
            read()
        except RadlearnError:
            continue


def _checkpoints(folder: Path) -> Mapping[Path, Path]:
    import torch

    from radlearn.training.checkpoint import save_tensors

    tensors = {"layer.weight": torch.arange(24.0).reshape(4, 6), "layer.bias": torch.zeros(4)}
    save_tensors(folder / "model.safetensors", tensors, {"step": 3, "history": [], "config": {"seed": 0}})
    return _each_its_own([folder / "model.safetensors"])


def _read_checkpoint(path: Path) -> None:
    from radlearn.training.checkpoint import load_tensors
    from radlearn.training.checkpoint_header import digest_in, header_of

    header_of(path)
    digest_in(path)
    tensors, _ = load_tensors(path)
    for one in tensors.values():
        _finite(one.numpy())


TARGETS = {
    one.name: one
    for one in (
        Target("xray", _xrays, _read_xray),
        Target("ultrasound", _ultrasound_dicom, _read_ultrasound),
        Target("picture", _pictures, _read_picture),
        Target("label-map", _label_maps, _read_label_map),
        Target("pages", _pages, _read_pages),
        Target("nifti", _niftis, _read_ct),
        Target("itk", _itk_volumes, _read_ct),
        Target("series", _series, _read_ct),
        Target("mask", _masks, _read_mask),
        Target("xray-table", _xray_tables, _read_xray_table),
        Target("rsna", _rsna_layout, _read_xray_table),
        Target("boxes", _boxes_of_other_tools, _read_boxes),
        Target("ct-table", _ct_tables, _read_ct_table),
        Target("label-map-table", _label_map_tables, _read_label_map_table),
        Target("box-submission", _box_submissions, _score_boxes),
        Target("probabilities", _probabilities, _score_probabilities),
        Target("run-lengths", _run_lengths, _score_run_lengths),
        Target("mask-archive", _mask_archives, _score_masks),
        Target("run", _run_files, _read_run_files),
        Target("checkpoint", _checkpoints, _read_checkpoint),
    )
}
