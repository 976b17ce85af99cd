"""A clean folder with forty faults planted into it: each is named with its file, and nothing else is."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian

from radlearn import cli
from radlearn.challenges.rsna import find_cases
from radlearn.scans.dicom import read_radiograph, write_radiograph
from radlearn.scans.nifti import write_volume
from tests.check.phantom import AFFINE, chest_hu, ellipsoid, ill_chest_hu, lesion, write_case

XRAYS = "rsna/stage_2_train_images"
Found = set[tuple[str, str]]


@pytest.fixture(scope="module")
def clean(built_in_xrays: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built-in X-rays and small CTs, side by side."""
    folder = tmp_path_factory.mktemp("planted") / "data"
    shutil.copytree(built_in_xrays, folder / "rsna")
    for number in range(12):
        write_case(folder / "covid19" / "Train", f"case-{number:02d}", number)
    return folder


def told(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, Found]:
    """Return the exit code of `check`, and rule and file of every error and warning."""
    code = cli.main(["check", str(folder), "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    return code, {(one["rule"], one["file"]) for one in findings if one["severity"] != "note"}


def resaved(path: Path, change: Callable[[pydicom.Dataset], object]) -> None:
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


def redrawn(path: Path, pixels: np.ndarray) -> None:
    header = pydicom.dcmread(path, stop_before_pixels=True)
    grey = np.rint(255 * np.clip(pixels, 0, 1)).astype(np.uint8)
    # Of the same person, who has other X-rays.
    patient, sex, age = str(header.PatientID), str(header.PatientSex), str(header.PatientAge)
    path.unlink()
    write_radiograph(path, grey, patient_id=patient, view="AP", sex=sex, age=age, spacing_mm=None, quality=70)


def uncompressed(path: Path, **fields: object) -> None:
    """Write the X-ray again as raw pixels, with other fields."""

    def change(dataset: pydicom.Dataset) -> None:
        dataset.PixelData = dataset.pixel_array.tobytes()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset["PixelData"].is_undefined_length = False
        dataset["PixelData"].VR = "OW"
        for keyword, value in fields.items():
            setattr(dataset, keyword, value)

    resaved(path, change)


def plant_in_xrays(folder: Path) -> Found:
    """Spoil one X-ray after another; each fault is the only one of its X-ray."""
    cases = iter([case for case in find_cases(folder / "rsna") if not case.label])
    planted: Found = set()

    def next_xray(rule: str) -> Path:
        path = next(cases).path
        planted.add((rule, f"{XRAYS}/{path.name}"))
        return path

    next_xray("file-empty").write_bytes(b"")
    next_xray("not-dicom").write_bytes(b"no X-ray at all" * 30)
    path = next_xray("image-truncated")
    uncompressed(path)
    path.write_bytes(path.read_bytes()[:-300_000])
    path = next_xray("image-truncated")
    path.write_bytes(path.read_bytes()[:-20_000])
    uncompressed(next_xray("image-frames"), NumberOfFrames=2)
    uncompressed(next_xray("image-colour"), PhotometricInterpretation="RGB")
    resaved(next_xray("file-no-image"), lambda dataset: [dataset.pop(keyword) for keyword in ("Rows", "PixelData")])
    redrawn(next_xray("image-constant"), np.full((1024, 1024), 0.5))
    path = next_xray("image-inverted")
    redrawn(path, 1 - read_radiograph(path).pixels)
    path = next_xray("image-turned")
    redrawn(path, np.rot90(read_radiograph(path).pixels))
    path = next_xray("image-clipped")
    redrawn(path, np.where(np.arange(1024)[:, None] < 300, 1, read_radiograph(path).pixels))
    resaved(next_xray("privacy"), lambda dataset: setattr(dataset, "PatientName", "Muster^Erika"))
    resaved(next_xray("image-lateral"), lambda dataset: setattr(dataset, "ViewPosition", "LL"))
    resaved(next_xray("image-not-chest"), lambda dataset: setattr(dataset, "BodyPartExamined", "KNEE"))
    resaved(next_xray("image-not-xray"), lambda dataset: setattr(dataset, "Modality", "MG"))
    resaved(next_xray("age"), lambda dataset: setattr(dataset, "PatientAge", "155Y"))
    resaved(next_xray("burnt-in"), lambda dataset: setattr(dataset, "BurnedInAnnotation", "YES"))
    resaved(next_xray("image-raw"), lambda dataset: setattr(dataset, "PresentationIntentType", "FOR PROCESSING"))
    resaved(next_xray("image-polarity"), lambda dataset: setattr(dataset, "PresentationLUTShape", "INVERSE"))
    one, other = next(cases), next(cases)
    redrawn(other.path, 0.95 * read_radiograph(one.path).pixels)
    planted.add(("image-other-person", f"{XRAYS}/{min(one.path.name, other.path.name)}"))
    return planted


def plant_in_tables(folder: Path) -> Found:
    """Spoil rows, one X-ray each."""
    root = folder / "rsna"
    labels, classes = root / "stage_2_train_labels.csv", root / "stage_2_detailed_class_info.csv"
    positives = [case for case in find_cases(root) if case.label]
    negatives = [case for case in find_cases(root) if not case.label][-4:]
    rows, planted = labels.read_text().splitlines(), set[tuple[str, str]]()

    def added(row: str, rule: str) -> None:
        rows.append(row)
        planted.add((rule, f"{labels.name}, line {len(rows)}"))

    added(f"{positives[0].image_id},-20,30,200,200,1", "box-outside")
    added(f"{positives[1].image_id},30,30,0,200,1", "box-outside")
    added(rows[[row.startswith(positives[2].image_id) for row in rows].index(True)], "row-repeated")
    added(f"{negatives[0].image_id},30,30,200,200,0", "label-contradiction")
    added(f"{positives[3].image_id},30,30,two hundred,200,1", "table")
    added("no-such-X-ray,,,,,0", "image-missing")
    for case, box, rule in (
        (positives[4], "900,500,200,200", "box-outside"),
        (positives[5], "500,500,3,200", "box-tiny"),
        (positives[6], "10,10,1000,1000", "box-huge"),
    ):
        rows.append(f"{case.image_id},{box},1")
        planted.add((rule, f"{XRAYS}/{case.path.name}"))
    x0, y0, x1, y1 = positives[7].boxes_xyxy_px[0]
    rows.append(f"{positives[7].image_id},{x0 + 2:g},{y0},{x1 - x0:g},{y1 - y0},1")
    planted.add(("box-doubled", f"{XRAYS}/{positives[7].path.name}"))
    kinds = classes.read_text().splitlines()
    kinds.append("no-such-X-ray,Normal")
    line = [row.startswith(negatives[1].image_id) for row in kinds].index(True)
    kinds[line] = f"{negatives[1].image_id},Lung Opacity"
    planted.add(("class-contradiction", f"{classes.name}, line {line + 1}"))
    gone = negatives[2].image_id
    rows, kinds = ([row for row in table if not row.startswith(gone)] for table in (rows, kinds))
    planted = {(rule, _moved(where, labels.read_text().splitlines(), gone)) for rule, where in planted}
    planted.add(("image-unlabelled", f"{XRAYS}/{gone}.dcm"))
    labels.write_text("\n".join(rows) + "\n")
    classes.write_text("\n".join(kinds) + "\n")
    with (root / "persons.csv").open("a") as persons:
        persons.write("no-such-X-ray,somebody\n")
    many = next(case for case in positives if sum(other.person == case.person for other in positives) > 1)
    subsets = [f"{case.image_id},{case.person},{('training', 'test')[case is many]}" for case in positives if case.person == many.person]
    (root / "split.csv").write_text("\n".join(["image_id,person,subset", *subsets]) + "\n")
    return planted | {("persons-split", "split.csv")}


def _moved(where: str, before: list[str], gone: str) -> str:
    """Return where a row stands after the one of `gone` before it was taken out."""
    table, _, line = where.partition(", line ")
    if not line:
        return where
    first = [row.startswith(gone) for row in before].index(True) + 1
    return f"{table}, line {int(line) - (first < int(line) and table.endswith('.csv'))}"


def plant_in_volumes(folder: Path) -> Found:
    train = folder / "covid19" / "Train"

    def write(number: int, mask: np.ndarray) -> None:
        write_volume(train / f"case-{number:02d}_seg.nii.gz", mask, AFFINE)

    write(0, np.zeros_like(lesion()))
    write(1, lesion() * 255)
    write(2, lesion() * 2 + ellipsoid((66, 40, 16), (4, 4, 4)).astype(np.uint8))
    write(3, ellipsoid((10, 6, 1), (6, 6, 3)).astype(np.uint8))
    write_volume(train / "case-04_seg.nii.gz", lesion(), AFFINE * [1, -1, 1, 1])
    write_volume(train / "case-05_ct.nii.gz", chest_hu(5) + np.int16(1024), AFFINE)
    hu = ill_chest_hu(6)
    hu[:, :, 9] = hu[:, :, 8]
    write_volume(train / "case-06_ct.nii.gz", hu, AFFINE)
    (train / "case-07_seg.nii.gz").unlink()
    path = train / "case-08_ct.nii.gz"
    path.write_bytes(path.read_bytes()[:-50_000])
    shutil.copy(train / "case-09_ct.nii.gz", train / "case-10_ct.nii.gz")
    named = ("mask-empty 0 seg", "mask-grey 1 seg", "mask-labels 2 seg", "mask-outside-lung 3 seg", "mask-grid 4 seg", "ct-not-hu 5 ct")
    named += ("ct-gap 6 ct", "ct-missing 7 ct", "ct-unreadable 8 ct", "ct-twice 9 ct")
    return {(rule, f"covid19/Train/case-{int(number):02d}_{kind}.nii.gz") for rule, number, kind in map(str.split, named)}


@pytest.mark.slow
def test_every_planted_fault_is_named_with_its_file_and_nothing_else(
    clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(clean, tmp_path / "data"))
    volumes, xrays = plant_in_volumes(folder), plant_in_xrays(folder)
    planted = xrays | plant_in_tables(folder) | volumes
    assert len(planted) > 40
    code, found = told(folder, capsys)
    assert found == planted
    assert code == 1


@pytest.mark.slow
def test_clean_xrays_and_volumes_are_passed_over(clean: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(clean, capsys) == (0, set())


@pytest.mark.slow
def test_clean_built_in_cts_are_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from radlearn.digital_thorax.ct_cohort import write_covid19

    write_covid19(tmp_path / "covid19", 3, seed=1)
    assert told(tmp_path / "covid19", capsys) == (0, set())


def test_the_real_cts_have_padding_and_grey_masks_of_their_lungs(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(shared_data / "ct_real_sample"), "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {(one["rule"], one["file"][:5]) for one in findings} == {
        (rule, case) for rule in ("mask-grey", "mask-of-lung", "ct-padding") for case in ("id001", "id002")
    }
