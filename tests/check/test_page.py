"""The page shows what can be seen, and not who somebody is."""

from pathlib import Path

import pydicom

from radlearn.check.audit import audit_folder
from radlearn.check.forecast import PRESETS, forecast
from radlearn.check.page import write_page
from tests.check.phantom import write_case


def test_a_fault_is_on_the_page_with_its_picture_and_a_clean_folder_has_none(spoilt: Path, tmp_path: Path) -> None:
    costs = [forecast(PRESETS[0], 40, 8, 100.0, "a test")]
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


def test_volumes_and_masks_are_drawn(tmp_path: Path) -> None:
    write_case(tmp_path / "Train", "a", 1, mask=None)
    write_case(tmp_path / "Train", "b", 1)
    page = write_page(tmp_path / "page.html", audit_folder(tmp_path, 1), []).read_text()
    assert "hold the same voxels" in page
    assert "data:image/png" in page
