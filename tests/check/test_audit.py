"""A folder is recognised, looked through, and never stops at the first trouble."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from radlearn.challenges import covid19
from radlearn.check.audit import audit_folder
from radlearn.digital_thorax.ct_cohort import write_covid19
from radlearn.errors import BadLayout, UnreadableScan
from radlearn.scans.cache import cached_xrays
from radlearn.scans.dicom import write_radiograph
from radlearn.scans.nifti import read_volume, write_volume


def test_clean_built_in_xrays_are_passed_over_in_silence(built_in_xrays: Path) -> None:
    audit = audit_folder(built_in_xrays)
    assert [one for one in audit.findings if one.severity != "note"] == []
    assert not audit.must_be_mended
    assert audit.kinds == ["the RSNA challenge's layout: 48 labelled X-rays"]
    assert sum(audit.counts()["view"].values()) == 48


def test_a_folder_that_is_not_there_or_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match="there is no such folder"):
        audit_folder(tmp_path / "none")
    (tmp_path / "readme.txt").write_text("x")
    with pytest.raises(BadLayout, match=r"readme\.txt"):
        audit_folder(tmp_path)


def test_a_table_of_x_rays_is_looked_through_with_its_files(small_rsna: Path, tmp_path: Path) -> None:
    images = sorted((small_rsna / "stage_2_train_images").iterdir())[:12]
    rows = [f"{image},{number % 2},p{number}" for number, image in enumerate(images)]
    (tmp_path / "cases.csv").write_text("\n".join(["path,label,person", *rows]))
    # What else lies beside the table is not what it names.
    (tmp_path / "other.dcm").write_bytes(b"no DICOM")
    audit = audit_folder(tmp_path / "cases.csv", workers=1)
    assert audit.kinds == ["a table of 12 X-rays"]
    assert len(audit.xrays) == len(audit.cases) == 12
    assert audit.labelled == {"rsna": 12}
    assert not audit.must_be_mended
    (tmp_path / "cases.csv").write_text("\n".join(["path,label", *rows[:3], "none.dcm,1,p", "other.dcm,x"]).replace(",p", ""))
    found = {(one.rule, one.file) for one in audit_folder(tmp_path / "cases.csv", workers=1).findings}
    assert {("persons-column", "cases.csv"), ("table", "cases.csv, line 6, column label")} <= found
    assert any(rule == "table" and "column path" in file for rule, file in found)


def test_a_table_of_cts_is_looked_through_with_its_masks(small_covid19: Path, tmp_path: Path) -> None:
    cases = covid19.find_cases(small_covid19)[:2]
    rows = [f"{case.path},{case.mask_path},{case.person}" for case in cases]
    (tmp_path / "cases.csv").write_text("\n".join(["path,mask,person", *rows]))
    audit = audit_folder(tmp_path / "cases.csv", workers=1)
    assert audit.kinds == ["a table of 2 CTs"]
    assert [volume.job.mask for volume in audit.volumes] == [case.mask_path for case in cases]
    assert audit.labelled == {"covid19": 2}


@pytest.mark.parametrize("files", [("settings.json", "environment.json", "roc.png"), ("repeats.json",)])
def test_the_folder_of_a_run_is_called_that_and_not_looked_through(tmp_path: Path, files: tuple[str, ...]) -> None:
    for name in files:
        (tmp_path / name).write_text("{}")
    with pytest.raises(BadLayout, match="is the folder of a training run"):
        audit_folder(tmp_path)


def test_a_table_of_nothing_that_is_known_and_one_that_is_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("path,site\na.dcm,N\n")
    with pytest.raises(
        BadLayout, match="the columns are path, site; expected path, and label or x0, y0, x1, y1 for X-rays, or mask for CTs"
    ):
        audit_folder(tmp_path / "cases.csv")
    (tmp_path / "cases.csv").write_text("path,Label\na.dcm,1\n")
    with pytest.raises(BadLayout, match=r"Is Label the label\? Then call it so\."):
        audit_folder(tmp_path / "cases.csv")
    (tmp_path / "cases.csv").write_text("path;label\na.dcm;1\n")
    with pytest.raises(BadLayout, match="It is separated by semicolons; save it with commas"):
        audit_folder(tmp_path / "cases.csv")
    with pytest.raises(BadLayout, match="there is no such table"):
        audit_folder(tmp_path / "none.csv")


def test_loose_dicom_is_looked_at_without_labels(small_rsna: Path) -> None:
    audit = audit_folder(small_rsna / "stage_2_train_images", workers=1)
    assert audit.kinds == ["loose DICOM: 48 files"]
    assert not audit.cases


def test_loose_pictures_are_called_so_and_have_no_header_to_be_counted(tmp_path: Path) -> None:
    for number in range(2):
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (140, 160), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    audit = audit_folder(tmp_path, workers=1)
    assert audit.kinds == ["loose pictures: 2 files"]
    assert audit.counts() == {"kind of picture": {".png": 2}, "bits": {"8": 2}, "size (width × height)": {"160 × 140 px": 2}}


def test_slices_are_looked_at_as_xrays_alone_and_as_pictures_beside_dicom(small_rsna: Path, tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 4000, (300, 240)).astype(np.uint16)
    write_volume(tmp_path / "a.nii.gz", grey.T[..., None], np.diag([-1, -1, 1, 1.0]))
    write_volume(tmp_path / "b.nii", grey.T[..., None], np.eye(4))
    write_volume(tmp_path / "ct.nii.gz", np.zeros((20, 20, 20), np.int16), np.diag([-1, -1, 1, 1.0]))
    result = audit_folder(tmp_path, workers=1)
    assert result.kinds == ["a mixture: loose pictures: 2 files", "loose NIfTI: 1 volume"]
    assert result.counts()["kind of picture"] == {".nii.gz": 1, ".nii": 1}
    assert [one.file for one in result.findings if one.rule == "image-axes"] == ["b.nii"]
    (tmp_path / "x.dcm").write_bytes(next((small_rsna / "stage_2_train_images").iterdir()).read_bytes())
    beside = [one for one in audit_folder(tmp_path, workers=1).findings if one.rule == "picture-beside"]
    assert sorted(one.found for one in beside) == ["1 file (a.nii.gz): images of one slice", "1 file (b.nii): images of one slice"]


def test_the_real_sample_is_told_as_it_is(shared_data: Path) -> None:
    audit = audit_folder(shared_data / "rsna_real_sample")
    assert {one.rule for one in audit.findings if one.severity == "error"} == set()
    (view,) = [one for one in audit.findings if one.rule == "shortcut" and "view" in one.found]
    assert view.severity == "warning"
    assert "0.664" in view.found
    assert any("110 X-rays of 84 persons" in one.found for one in audit.findings)
    assert any("all 110 files write PatientAge like" in one.found for one in audit.findings if one.rule == "age-form")


def test_tables_without_xrays_are_looked_through_all_the_same(small_rsna: Path, tmp_path: Path) -> None:
    for table in small_rsna.glob("*.csv"):
        (tmp_path / table.name).write_text(table.read_text())
    (tmp_path / "headers.csv").write_text("patientId,view\n" + "".join(f"xray-{n:03d},{'AP' if n % 3 == 0 else 'PA'}\n" for n in range(48)))
    audit = audit_folder(tmp_path)
    assert audit.kinds == ["the RSNA challenge's layout: 48 labelled X-rays, none of them there"]
    assert [one.rule for one in audit.findings if one.severity != "note"] == ["image-missing", "shortcut"]
    assert audit.counts()["boxes on an X-ray with an opacity"] == {"1": 16}
    assert audit.counts()["X-rays of a person"] == {"1": 16, "2": 16}
    assert audit.counts()["view in the tables"] == {"PA": 32, "AP": 16}
    # Here AP is positive and PA is not.
    (view,) = audit.clues
    assert (view.name, view.auroc_score) == ("column view", 1.0)
    assert any(one.found == "16 boxes; quartiles of their width 60/60/60 px, of their height 60/60/60 px" for one in audit.findings)
    with (tmp_path / "stage_2_train_labels.csv").open("a") as labels:
        labels.write("xray-000,1,1,5,5,0\n")
    assert {"image-missing", "label-contradiction"} <= {one.rule for one in audit_folder(tmp_path).findings}


@pytest.mark.slow
def test_the_whole_challenges_tables_say_what_is_known_of_them(shared_data: Path) -> None:
    audit = audit_folder(shared_data / "rsna_tables")
    counts, said = audit.counts(), [one.found for one in audit.findings]
    assert counts["class"] == {"No Lung Opacity / Not Normal": 11_821, "Normal": 8_851, "Lung Opacity": 6_012}
    assert counts["boxes on an X-ray with an opacity"] == {"1": 2_614, "2": 3_266, "3": 119, "4": 13}
    assert counts["view in the tables"] == {"PA": 14_511, "AP": 12_173}
    assert any("9,555 boxes; quartiles of their width 177/217/259 px, of their height 203/298/438 px" in one for one in said)
    assert any("view alone scores AUROC 0.706" in one for one in said)
    assert [one.rule for one in audit.findings if one.severity == "error"] == ["image-missing"]


@pytest.mark.slow
def test_built_in_cts_are_passed_over_in_silence(tmp_path: Path) -> None:
    folder = tmp_path / "covid19"
    write_covid19(folder, 2, 31, 1)
    audit = audit_folder(folder, workers=1)
    assert [one for one in audit.findings if one.severity != "note"] == []
    # The second has no lesion, and its truth says so; of the first that is not true.
    assert [one.file for one in audit.findings if one.rule == "mask-empty"] == ["Train/volume-covid19-A-0002_seg.nii.gz"]
    mask = folder / "Train" / "volume-covid19-A-0001_seg.nii.gz"
    volume = read_volume(mask)
    write_volume(mask, np.zeros(volume.voxels.shape, np.uint8), volume.affine)
    none, empty = [one for one in audit_folder(folder, workers=1).findings if one.severity != "note"]
    assert (empty.rule, empty.file) == ("mask-empty", "Train/volume-covid19-A-0001_seg.nii.gz")
    # Nothing can be learnt from these two any more.
    assert none.rule == "mask-none"


def ellipse(size_px: int = 256) -> np.ndarray:
    y, x = np.mgrid[:size_px, :size_px] / size_px
    return ((x - 0.4) / 0.2) ** 2 + ((y - 0.5) / 0.37) ** 2 < 1


def not_xrays(folder: Path) -> dict[str, str]:
    """Write images that no X-ray is, and return the rule of each."""
    noise = np.random.default_rng(0).integers(0, 255, (256, 256)).astype(np.uint8)
    Image.fromarray(np.uint8(ellipse() * 255)).save(folder / "mask.png")
    Image.fromarray(np.uint8(ellipse() * 1)).save(folder / "mask01.png")
    Image.fromarray(ellipse()).save(folder / "bits.tif")
    Image.fromarray(np.uint8(40 + ellipse() * 180)).save(folder / "greys.bmp")
    Image.fromarray(np.full((256, 256), 90, np.uint8)).save(folder / "even.png")
    Image.fromarray(noise[:20]).save(folder / "strip.png")
    Image.fromarray(noise).save(folder / "fine.png")
    said = {"patient_id": "1", "view": "AP", "sex": "F", "age": "40", "spacing_mm": None}
    for name, pixels, modality in (("mask.dcm", np.uint8(ellipse() * 255), "DX"), ("us.dcm", noise, "US"), ("ct.dcm", noise, "CT")):
        write_radiograph(folder / name, pixels, **said)
        dataset = pydicom.dcmread(folder / name)
        dataset.decompress()
        dataset.PixelData = pixels.tobytes()
        dataset.Modality = modality
        dataset.save_as(folder / name)
    constant = dict.fromkeys(["mask.png", "mask01.png", "bits.tif", "greys.bmp", "even.png", "mask.dcm"], "image-constant")
    return constant | {"strip.png": "image-small", "us.dcm": "image-not-xray", "ct.dcm": "image-not-xray", "fine.png": ""}


def test_what_training_refuses_among_labelled_x_rays_is_an_error_of_check_and_nothing_else_is(tmp_path: Path) -> None:
    wanted = not_xrays(tmp_path)
    table = tmp_path / "cases.csv"
    table.write_text("path,id,label,person\n" + "".join(f"{name},i{number},{number % 2},p{number}\n" for number, name in enumerate(wanted)))
    audit = audit_folder(table, workers=1)
    rules = {"image-constant", "image-small", "image-not-xray"}
    errors = {one.file: one.rule for one in audit.findings if one.severity == "error" and one.rule in rules}
    assert errors == {name: rule for name, rule in wanted.items() if rule}
    for size_px in (64, 256):
        refused = set()
        for name in wanted:
            try:
                cached_xrays([tmp_path / name], size_px, workers=1, chest=True)
            except UnreadableScan:
                refused.add(name)
        assert refused == set(errors)


def test_a_modality_is_an_error_only_where_the_image_is_labelled(tmp_path: Path) -> None:
    not_xrays(tmp_path)
    (found,) = (one for one in audit_folder(tmp_path, workers=1).findings if one.rule == "image-not-xray")
    assert (found.severity, found.file) == ("warning", "us.dcm")
