"""X-rays in a plain MONAI program: upright, in [0, 1], refused by name, with what the header says."""

import json
import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from monai.data import DataLoader, Dataset, MetaTensor, PydicomReader, ThreadDataLoader, decollate_batch
from monai.transforms import Compose, EnsureChannelFirstd, Invertd, LoadImage, LoadImaged, Resized
from pydicom.data import get_testdata_file

from radlearn.errors import BadSetting, UnreadableScan
from radlearn.monai_parts.error_chain import radlearn_error_in
from radlearn.monai_parts.radiograph_reader import RadiographReader
from radlearn.scans.dicom import ForProcessingWarning, PolarityWarning, read_header, read_radiograph
from radlearn.scans.resize import resized

Write = Callable[..., Path]
SMOOTH = np.rint(resized(np.random.default_rng(0).random((5, 7)).astype(np.float32), 400, 256) * 255).astype(np.uint8)
COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"


def program(size_px: int, at_least_px: int | None) -> Compose:
    return Compose([
        LoadImaged("image", reader=RadiographReader(at_least_px)),
        EnsureChannelFirstd("image"),
        Resized("image", (size_px, size_px), mode="area"),
    ])  # fmt: skip


def loaded(path: Path | str, at_least_px: int | None = None) -> MetaTensor:
    return LoadImage(reader=RadiographReader(at_least_px))(path)


def test_at_its_own_size_it_is_what_radlearn_reads(xray_file: Write) -> None:
    path = xray_file(SMOOTH)
    image = loaded(path)
    assert str(image.dtype) == "torch.float32"
    np.testing.assert_array_equal(image.numpy(), read_radiograph(path).pixels)
    assert np.abs(image.numpy() - SMOOTH / 255).mean() < 1 / 255


def test_rows_come_first_which_monais_reader_swaps(xray_file: Write) -> None:
    path = xray_file(SMOOTH)
    ours = loaded(path).numpy()
    assert ours.shape == (400, 256)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = LoadImage(reader=PydicomReader())(path).numpy() / 255
    # Another JPEG decoder rounds otherwise.
    np.testing.assert_allclose(ours.T, theirs, atol=2.5 / 255)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("at_least_px", "size_px"), [(40, 40), (64, 60), (100, 96), (300, 128), (None, 50)])
def test_loaded_and_resized_it_is_what_radlearn_reads(xray_file: Write, photometric: str, at_least_px: int | None, size_px: int) -> None:
    path = xray_file(SMOOTH, photometric=photometric, quality=95)
    image = program(size_px, at_least_px)({"image": path})["image"]
    expected = read_radiograph(path, size_px).pixels
    assert image.shape == (1, size_px, size_px)
    assert np.abs(image[0].numpy() - expected).mean() < 2 / 255
    assert np.abs(image[0].numpy() - expected).max() < 0.06
    assert np.abs(image[0].numpy() - expected[:, ::-1]).mean() > 0.05


@pytest.mark.parametrize(
    ("at_least_px", "expected"), [(None, (400, 256)), (32, (50, 32)), (33, (100, 64)), (129, (250, 160)), (257, (400, 256))]
)
def test_the_smallest_eighth_of_the_size_that_suffices_is_read(
    xray_file: Write, at_least_px: int | None, expected: tuple[int, int]
) -> None:
    assert loaded(xray_file(SMOOTH), at_least_px).shape == expected


def test_only_whole_numbers_of_pixels_are_read(xray_file: Write) -> None:
    # 399 / 8, 399 / 4 … are not whole; an image that ends within its last row would be stretched by Resized.
    assert loaded(xray_file(SMOOTH[:399]), 32).shape == (399, 256)


def test_what_is_no_jpeg_is_read_at_its_own_size() -> None:
    assert loaded(get_testdata_file("CT_small.dcm"), 16).shape == (128, 128)


def test_a_jpeg_whose_window_clips_is_read_at_its_own_size(xray_file: Write, changed_dicom: Write) -> None:
    path = changed_dicom(xray_file(SMOOTH), WindowCenter=128, WindowWidth=50)
    image = loaded(path, 32)
    np.testing.assert_array_equal(image.numpy(), read_radiograph(path).pixels)


@pytest.mark.parametrize("at_least_px", [None, 64, 128])
def test_the_affine_says_where_a_pixel_lies_among_those_of_the_file(xray_file: Write, at_least_px: int | None) -> None:
    # Stretched as in the challenge, a secondary capture: its spacing is not to be trusted.
    image = program(64, at_least_px)({"image": xray_file(SMOOTH)})["image"]
    assert image.meta["affine_unit"] == "source pixel"
    first, last = (image.affine.numpy() @ (corner, corner, 0, 1) for corner in (-0.5, 63.5))
    np.testing.assert_allclose(first[:2], (-0.5, -0.5), atol=1e-9)
    np.testing.assert_allclose(last[:2], (399.5, 255.5), atol=1e-9)


def test_at_full_size_the_affine_of_a_secondary_capture_is_the_identity(xray_file: Write) -> None:
    np.testing.assert_array_equal(loaded(xray_file(SMOOTH)).affine, np.eye(4))


@pytest.mark.parametrize(("at_least_px", "factor"), [(None, 1), (64, 4)])
def test_where_lengths_may_be_measured_the_affine_is_in_mm(
    xray_file: Write, changed_dicom: Write, at_least_px: int | None, factor: int
) -> None:
    path = changed_dicom(xray_file(SMOOTH), SOPClassUID=COMPUTED_RADIOGRAPHY, PatientAge="002Y")
    image = loaded(path, at_least_px)
    assert image.meta["affine_unit"] == "mm"
    assert image.shape == (400 // factor, 256 // factor)
    np.testing.assert_allclose(image.affine.diagonal()[:2], (0.14 * factor, 0.15 * factor))
    assert image.meta["spacing_mm"] == [0.14, 0.15]


def test_the_meta_data_hold_the_header_in_plain_types(xray_file: Write) -> None:
    path = xray_file(SMOOTH)
    meta, header = loaded(path, 64).meta, read_header(path)
    said = {name: meta[name] for name in vars(header)}
    assert json.loads(json.dumps(said)) == said
    assert said == {**vars(header), "spacing_mm": [0.14, 0.15], "spacing_in_patient_mm": [0.14, 0.15], "size_px": [400, 256]}
    assert (said["view"], said["sex"], said["age_years"], said["stored_bits"]) == ("PA", "F", 62.0, 8)
    assert meta["notes"] == ""


def test_what_is_missing_has_the_type_of_what_is_there(xray_file: Write) -> None:
    meta = loaded(xray_file(SMOOTH, view="", sex="", age="155", spacing_mm=None)).meta
    assert (meta["view"], meta["sex"]) == ("", "")
    assert math.isnan(meta["age_years"])
    assert all(map(math.isnan, meta["spacing_mm"]))


@pytest.mark.parametrize("threads", [False, True])
def test_xrays_with_and_without_a_field_make_one_batch_and_come_apart_again(xray_file: Write, threads: bool) -> None:
    cases = [{"image": xray_file(SMOOTH, "a")}, {"image": xray_file(SMOOTH[::-1], "b", age="", view="AP", spacing_mm=None)}]
    dataset = Dataset(cases, program(64, 64))
    loader = (
        ThreadDataLoader(dataset, batch_size=2, num_workers=2, use_thread_workers=True) if threads else DataLoader(dataset, batch_size=2)
    )
    (batch,) = list(loader)
    assert batch["image"].shape == (2, 1, 64, 64)
    first, second = decollate_batch(batch["image"])
    assert (first.meta["view"], second.meta["view"]) == ("PA", "AP")
    assert first.meta["age_years"] == 62
    assert math.isnan(second.meta["age_years"])
    assert [float(side) for side in second.meta["size_px"]] == [400, 256]
    np.testing.assert_allclose(first.numpy()[:, ::-1], second.numpy(), atol=0.02)


def test_invertd_leads_back_to_the_size_that_was_read(xray_file: Write) -> None:
    read = program(96, 100)
    data = read({"image": xray_file(SMOOTH)})
    back = Invertd("image", transform=read, orig_keys="image", nearest_interp=False)(data)["image"]
    assert back.shape == (1, 200, 128)
    np.testing.assert_allclose(back.affine, loaded(data["image"].meta["filename_or_obj"], 100).affine, atol=1e-9)


def test_a_doubtful_xray_warns_and_its_meta_data_say_so(xray_file: Write, changed_dicom: Write) -> None:
    path = changed_dicom(xray_file(SMOOTH), PresentationIntentType="FOR PROCESSING", PresentationLUTShape="INVERSE")
    with (
        pytest.warns(ForProcessingWarning, match=r"changed\.dcm: is marked FOR PROCESSING"),
        pytest.warns(PolarityWarning, match="contradict"),
    ):
        image = loaded(path, 64)
    raw, polarity = image.meta["notes"].splitlines()
    assert raw.startswith("is marked FOR PROCESSING: raw detector data")
    assert "PresentationLUTShape is INVERSE" in polarity


@pytest.mark.parametrize(
    ("name", "words"),
    [("examples_rgb_color.dcm", "is in colour"), ("rtplan.dcm", "holds no image"), ("SC_rgb_rle_2frame.dcm", "has 2 frames")],
)
def test_what_is_no_xray_is_refused_by_name_and_not_read_by_another_reader(name: str, words: str) -> None:
    with pytest.raises(RuntimeError, match="applying transform") as caught:
        program(64, 64)({"image": get_testdata_file(name)})
    assert isinstance(found := radlearn_error_in(caught.value), UnreadableScan)
    assert words in str(found)
    assert name in str(found)


def test_a_truncated_xray_is_refused(xray_file: Write) -> None:
    path = xray_file(SMOOTH)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UnreadableScan, match="truncated"):
        loaded(path, 64)


def test_the_reader_can_be_registered_by_its_class_or_its_name(xray_file: Write) -> None:
    path = xray_file(SMOOTH)
    for reader in (RadiographReader, "radlearn.monai_parts.radiograph_reader.RadiographReader"):
        image = LoadImaged("image", reader=reader, at_least_px=64)({"image": path})["image"]
        assert image.shape == (100, 64)


def test_among_monais_readers_it_takes_dicom_files_alone(xray_file: Write, tmp_path: Path) -> None:
    reader = RadiographReader()
    bare = tmp_path / "without_suffix"
    bare.write_bytes(xray_file(SMOOTH).read_bytes())
    (tmp_path / "text.png").write_text("no")
    assert reader.verify_suffix(bare)
    assert reader.verify_suffix([str(bare), "anything.DCM"])
    assert not reader.verify_suffix(tmp_path / "text.png")
    load = LoadImage()
    load.register(reader)
    assert load(bare).meta["view"] == "PA"


@pytest.mark.parametrize("at_least_px", [0, -3])
def test_a_size_below_one_is_refused(at_least_px: int) -> None:
    with pytest.raises(BadSetting, match=f"at_least_px is {at_least_px}; expected at least 1"):
        RadiographReader(at_least_px)


def test_real_xrays_are_read_as_by_radlearn(shared_data: Path) -> None:
    paths = sorted((shared_data / "rsna_real_sample/stage_2_train_images").glob("*.dcm"))[:4]
    for path in paths:
        image = program(256, 256)({"image": path})["image"]
        np.testing.assert_array_equal(image[0].numpy(), read_radiograph(path, 256).pixels)
        assert image.meta["view"] in str(pydicom.dcmread(path).SeriesDescription)


def test_what_is_surely_no_chest_xray_is_refused_where_that_is_asked_for(xray_file: Write) -> None:
    path = xray_file(np.full((400, 256), 90, np.uint8))
    assert LoadImage(reader=RadiographReader())(path).shape == (400, 256)
    with pytest.raises(UnreadableScan, match="shows nothing"):
        LoadImage(reader=RadiographReader(chest=True))(path)
    assert LoadImage(reader=RadiographReader(chest=True))(xray_file(SMOOTH)).meta["notes"] == ""
