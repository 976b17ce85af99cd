"""The sheet shows what the files hold, and shows it where it is."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.challenges.covid19 import layout as covid19
from radlearn.challenges.rsna import layout as rsna
from radlearn.digital_thorax.contact_sheet import Tile, chosen_xrays, ct_tiles, rows_of_tiles, write_contact_sheet, xray_tile
from radlearn.pictures.outlines import BOX
from radlearn.scans.dicom import write_radiograph
from radlearn.scans.nifti import write_volume

CYAN = [int(BOX[start : start + 2], 16) for start in (1, 3, 5)]
RED = (255, 70, 50)


def _case(name: str, category: str, person: str, boxes: tuple[tuple[float, float, float, float], ...] = ()) -> rsna.Case:
    return rsna.Case(name, Path(name), bool(boxes), boxes, category, person)


def _near(picture: np.ndarray, colour: object, within: int = 60) -> np.ndarray:
    return np.abs(np.asarray(picture, int)[..., :3] - colour).sum(-1) < within


def _drawn(rows: list[tuple[str, list[Tile]]], path: Path) -> np.ndarray:
    from radlearn.pictures.style import save_png

    return np.asarray(Image.open(save_png(rows_of_tiles(rows), path)).convert("RGB"))


def _xray(
    folder: Path, name: str, boxes: tuple[tuple[float, float, float, float], ...] = (), photometric: str = "MONOCHROME2"
) -> rsna.Case:
    pixels = np.full((256, 256), 200, np.uint8)
    pixels[:, :128] = 40
    path = folder / rsna.IMAGE_FOLDER / f"{name}.dcm"
    write_radiograph(path, pixels, patient_id=name, view="PA", sex="F", age="62", spacing_mm=None, photometric=photometric)
    return rsna.Case(name, path, bool(boxes), boxes, "Lung Opacity" if boxes else "Normal", name)


def _ct(folder: Path, case: str, upside_down: bool) -> None:
    """A box of air in water with a bright lesion on the patient's left, at the front, near the head."""
    hu, mask = np.full((40, 30, 20), 40, np.int16), np.zeros((40, 30, 20), np.uint8)
    hu[4:36, 4:26, 3:18] = -850
    hu[28:33, 6:10, 12:16], mask[28:33, 6:10, 12:16] = 20, 1
    affine = np.diag([-4.0, -4.0, 5.0, 1.0])
    if upside_down:
        hu, mask, affine = hu[:, :, ::-1], mask[:, :, ::-1], affine @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 19], [0, 0, 0, 1.0]])
    image, seg = covid19.case_paths(folder, case)
    write_volume(image, hu, affine)
    write_volume(seg, mask, affine)


def test_half_the_xrays_have_boxes_and_no_person_comes_twice_while_there_are_others() -> None:
    box = ((0.0, 0.0, 5.0, 5.0),)
    cases = [_case(f"a{number}", "Lung Opacity", "a", box) for number in range(3)]
    cases += [_case("b", "Lung Opacity", "b", box), _case("c", "Normal", "c"), _case("d", "No Lung Opacity / Not Normal", "d")]
    assert [case.image_id for case in chosen_xrays(cases, 4)] == ["a0", "b", "d", "c"]
    assert [case.image_id for case in chosen_xrays(cases, 6)] == ["a0", "b", "a1", "a2", "d", "c"]
    assert [case.image_id for case in chosen_xrays(cases[4:], 6)] == ["d", "c"]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_an_xray_is_bright_where_it_is_dense_however_it_is_stored(tmp_path: Path, photometric: str) -> None:
    tile = xray_tile(_xray(tmp_path, "one", photometric=photometric), size_px=64)
    assert tile.picture.shape == (64, 64)
    assert abs(tile.picture[30, 10] - 40.0) <= 2
    assert abs(tile.picture[30, 50] - 200.0) <= 2
    assert (tile.title, tile.note, tile.canvas_px) == ("Normal", "PA, F, 62 years", (256, 256))


def test_a_box_lies_on_the_picture_where_it_lies_on_the_xray(tmp_path: Path) -> None:
    tile = Tile(np.zeros((64, 64), np.uint8), boxes_xyxy_px=((512.0, 256.0, 768.0, 512.0),), canvas_px=(1024, 1024))
    picture = _drawn([("", [tile])], tmp_path / "sheet.png")
    xray = picture[(picture.sum(-1) < 700).any(1)][:, (picture.sum(-1) < 700).any(0)]
    rows, columns = np.nonzero(_near(xray, CYAN))
    shares = np.array([columns.min(), columns.max(), rows.min(), rows.max()]) / len(xray)
    assert shares == pytest.approx([0.5, 0.75, 0.25, 0.5], abs=0.02)


def test_a_ct_hangs_alike_however_its_file_counts_slices(tmp_path: Path) -> None:
    for case, upside_down in (("volume-covid19-A-0001", False), ("volume-covid19-A-0002", True)):
        _ct(tmp_path, case, upside_down)
    upright, turned = (ct_tiles(case, 100) for case in covid19.find_cases(tmp_path))
    assert [tile.title for tile in upright] == ["axial", "coronal", "sagittal", "lungs and lesions in space"]
    for one, other in zip(upright, turned, strict=True):
        np.testing.assert_array_equal(one.picture, other.picture)
    rows, columns = np.nonzero(_near(upright[1].picture, RED, 10))
    # On the patient's left, which is the picture's right; and in its upper half, near the head.
    assert columns.min() > upright[1].picture.shape[1] / 2
    assert rows.max() < 50
    assert upright[3].note == f"lesions {5 * 4 * 4 * 0.08:,.0f} ml"


def test_a_sheet_of_xrays_and_cts_is_written_whole_from_their_files(tmp_path: Path) -> None:
    cases = [_xray(tmp_path / "rsna", "ill", ((50.0, 50.0, 150.0, 150.0),)), _xray(tmp_path / "rsna", "well")]
    rsna.write_tables(tmp_path / "rsna", cases)
    _ct(tmp_path / "covid19", "volume-covid19-A-0001", False)
    covid19.write_persons(tmp_path / "covid19", {"volume-covid19-A-0001": "c1"})
    sheet = write_contact_sheet(tmp_path / "contact_sheet.png", tmp_path / "rsna", tmp_path / "covid19")
    picture = np.asarray(Image.open(sheet).convert("RGB"))
    assert _near(picture, CYAN).sum() > 200
    assert _near(picture, RED).sum() > 50
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contact_sheet.png", "covid19", "rsna"]
    alone = np.asarray(Image.open(write_contact_sheet(tmp_path / "xrays.png", xrays=tmp_path / "rsna")).convert("RGB"))
    assert len(alone) < len(picture)
    assert not _near(alone, RED).any()
