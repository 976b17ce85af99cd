"""The page shows what can be seen, and not who somebody is."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image

from radlearn.check.audit import audit_folder
from radlearn.check.forecast import ImagePreset, forecast
from radlearn.check.page import write_page
from radlearn.scans.geometry import to_orientation
from radlearn.scans.nifti import write_volume
from tests.check.phantom import AFFINE, chest_hu, lesion, write_case


def test_a_fault_is_on_the_page_with_its_picture_and_a_clean_folder_has_none(spoilt: Path, tmp_path: Path) -> None:
    preset = ImagePreset(size_px=128, batch_size=16, epochs=52, gflop=0.1, reached=0.8, activations_mb=2, weights_million=0.3)
    costs = [forecast("classification", "quick", preset, 40, 100.0, "a test")]
    clean = write_page(tmp_path / "clean.html", audit_folder(spoilt, 1), costs).read_text()
    assert "Nothing must be mended." in clean
    assert "data:image/png" not in clean
    path = min((spoilt / "stage_2_train_images").glob("*.dcm"))
    dataset = pydicom.dcmread(path)
    dataset.ViewPosition, dataset.PatientName = "LL", "Muster^Erika"
    dataset.save_as(path)
    page = write_page(tmp_path / "page.html", audit_folder(spoilt, 1), costs).read_text()
    assert page.count("data:image/png") == 1
    assert path.name in page
    assert "PatientName" in page
    assert "Muster" not in page
    assert "classification quick" in page


def test_of_a_table_no_page_and_no_advice_speaks_of_a_folder(small_rsna: Path, tmp_path: Path) -> None:
    images = sorted((small_rsna / "stage_2_train_images").iterdir())[:6]
    (tmp_path / "cases.csv").write_text("\n".join(["path,label", *(f"{image},1" for image in images)]))
    page = write_page(tmp_path / "page.html", audit_folder(tmp_path / "cases.csv", 1), []).read_text()
    assert "What is in this table" in page
    assert "the whole table" in page
    text = re.sub(r"<style.*?</style>|<script.*?</script>", "", page, flags=re.DOTALL)
    assert re.search("folder", text, re.IGNORECASE) is None


def test_a_turned_volume_is_drawn_as_it_hangs(tmp_path: Path) -> None:
    drawn = {}
    for code in ("LPS", "SAR"):
        for name, hu, mask in (("a", chest_hu(1), None), ("b", chest_hu(1), lesion())):
            folder = tmp_path / code / "Train"
            write_volume(folder / f"{name}_ct.nii.gz", *to_orientation(hu, AFFINE, code))
            write_volume(folder / f"{name}_seg.nii.gz", *to_orientation(np.zeros_like(lesion()) if mask is None else mask, AFFINE, code))
        page = write_page(tmp_path / f"{code}.html", audit_folder(tmp_path / code, 1), []).read_text()
        drawn[code] = re.findall(r"data:image/png;base64,([^\"]+)", page)
    assert drawn["LPS"]
    assert drawn["SAR"] == drawn["LPS"]
    # The spine, whiter than all else between the lungs, is below.
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(drawn["LPS"][0]))).convert("L"))
    middle = pixels[:, pixels.shape[1] // 5 : pixels.shape[1] // 3]
    empty = (middle == 255).all(axis=1)
    top = int(np.argmin(empty))
    middle = middle[top : top + int(np.argmax(empty[top:]))]
    assert np.flatnonzero((middle == 255).any(axis=1)).min() > 0.6 * len(middle)


def test_volumes_and_masks_are_drawn(tmp_path: Path) -> None:
    write_case(tmp_path / "Train", "a", 1, mask=None)
    write_case(tmp_path / "Train", "b", 1)
    page = write_page(tmp_path / "page.html", audit_folder(tmp_path, 1), []).read_text()
    assert "hold the same voxels" in page
    assert "data:image/png" in page
