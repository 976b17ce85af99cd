"""One slice in a volume file is read as SimpleITK reads it, with the values of a picture; volumes and damage are refused by name."""

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from PIL import Image

from radlearn.errors import UnreadableScan
from radlearn.scans.dicom import find_xrays, read_header, read_radiograph
from radlearn.scans.hounsfield import refuse_no_chest_ct
from radlearn.scans.label_map_files import read_label_map
from radlearn.scans.nifti_header import COLOURS
from radlearn.scans.one_slice import SeveralSlices, columns_and_rows
from radlearn.scans.picture_files import read_picture
from radlearn.scans.plain_images import (
    AS_ITK,
    BY_AFFINE,
    holds_one_slice,
    is_plain_image,
    notes_on_axes,
    read_plain_image,
    read_plain_values,
    refuse_other_axes,
)
from radlearn.scans.ultrasound_images import read_ultrasound
from radlearn.scans.value_digests import may_be_of_size, size_in, value_digest
from radlearn.scans.volume_files import read_slice_grid, read_volume

pytestmark = pytest.mark.filterwarnings("ignore::radlearn.scans.dicom.PixelWarning")
DEEP = np.random.default_rng(0).integers(0, 4000, (40, 56)).astype(np.uint16)
GREY = np.random.default_rng(1).integers(0, 256, (40, 56), dtype=np.uint8)
COLOURED = np.random.default_rng(2).integers(0, 256, (40, 56, 3), dtype=np.uint8)
NAMES = ("a.nii", "a.nii.gz", "a.mha", "a.nrrd", "packed.mha", "packed.nrrd", "LARGE.NRRD")


def written(path: Path, values: np.ndarray, spacing: tuple[float, ...] | None = (0.2, 0.3), colour: bool = False) -> Path:
    """Write an array (rows, columns) or (1, rows, columns) with SimpleITK; the spacing is (across, down)."""
    image = SimpleITK.GetImageFromArray(values, isVector=colour)
    if spacing:
        image.SetSpacing((*spacing, 1.0)[: image.GetDimension()])
    SimpleITK.WriteImage(image, str(path), "packed" in path.name)
    return path


def by_nibabel(path: Path, array: np.ndarray, affine: np.ndarray | None) -> Path:
    nibabel.save(nibabel.Nifti1Image(array, affine), path)
    return path


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("values", [DEEP, GREY, DEEP.astype(np.int16) - 1000, DEEP.astype(np.float32) / 7], ids=["u2", "u1", "i2", "f4"])
def test_rows_and_columns_are_those_of_simpleitk(tmp_path: Path, name: str, axes: int, values: np.ndarray) -> None:
    path = written(tmp_path / name, values if axes == 2 else values[None])
    witness = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))).reshape(values.shape)
    found = read_plain_values(path)
    assert np.array_equal(found.values, witness)
    assert found.values.shape == (40, 56)
    assert (found.of_255, found.bits) == (values.dtype == np.uint8, 8 * values.dtype.itemsize)
    pixels = read_radiograph(path).pixels
    low, high = (0, 255) if values.dtype == np.uint8 else (values.min(), values.max())
    assert np.allclose(pixels, (witness.astype(float) - low) / (float(high) - low), atol=1e-6)


def test_an_array_that_nibabel_wrote_has_its_first_axis_across_whatever_its_affine_says(tmp_path: Path) -> None:
    for shape in ((56, 40), (56, 40, 1), (56, 40, 1, 1)):
        for affine in (np.eye(4), np.diag([-0.2, -0.3, 1, 1.0]), np.diag([0.2, -0.3, 1, 1.0])):
            path = by_nibabel(tmp_path / "a.nii.gz", DEEP.T.reshape(shape), affine)
            assert np.array_equal(np.asarray(nibabel.load(path).dataobj).reshape(56, 40).T, read_plain_values(path).values)
            assert np.array_equal(read_plain_values(path).values, DEEP)


@pytest.mark.parametrize(
    ("affine", "axes"),
    [(np.diag([-1, -1, 1, 1.0]), ""), (np.eye(4), "R and A"), (np.diag([-1, 1, 1, 1.0]), "L and A"), (None, "")],
)
def test_an_affine_that_says_otherwise_is_told_and_turns_nothing(affine: np.ndarray | None, axes: str) -> None:
    notes = notes_on_axes(affine)
    assert notes[0] == AS_ITK
    assert [note.partition(f"{BY_AFFINE} ")[2].partition(",")[0] for note in notes[1:]] == ([axes] if axes else [])


def test_a_frontal_image_whose_rows_run_to_the_feet_is_upright(tmp_path: Path) -> None:
    image = SimpleITK.GetImageFromArray(DEEP[None])
    image.SetDirection((1, 0, 0, 0, 0, 1, 0, -1, 0))
    SimpleITK.WriteImage(image, str(tmp_path / "coronal.nrrd"))
    assert read_plain_image(tmp_path / "coronal.nrrd").picture.notes[1:] == (AS_ITK,)
    image.SetDirection((0, 1, 0, 1, 0, 0, 0, 0, 1))
    SimpleITK.WriteImage(image, str(tmp_path / "turned.nrrd"))
    assert "lead P and L" in read_plain_image(tmp_path / "turned.nrrd").picture.notes[2]


def test_a_rescale_is_applied_and_a_file_without_any_place_is_read(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(DEEP.T.astype(np.int16), None)
    image.header.set_slope_inter(2, -5)
    image.to_filename(tmp_path / "a.nii")
    header = bytearray((tmp_path / "a.nii").read_bytes())
    header[252:256] = bytes(4)  # qform_code and sform_code
    (tmp_path / "a.nii").write_bytes(header)
    assert np.array_equal(read_plain_values(tmp_path / "a.nii").values, nibabel.load(tmp_path / "a.nii").get_fdata().T)
    assert read_slice_grid(tmp_path / "a.nii").affine is None
    assert read_plain_image(tmp_path / "a.nii").spacing.mm is None


def test_nrrd_and_metaimage_without_spacing_are_images_and_no_volumes(tmp_path: Path) -> None:
    start = b"NRRD0004\ntype: uint8\ndimension: 2\nsizes: 56 40\nencoding: raw\n\n"
    (tmp_path / "a.nrrd").write_bytes(start + GREY.tobytes())
    start = b"ObjectType = Image\nNDims = 2\nDimSize = 56 40\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    (tmp_path / "a.mha").write_bytes(start + GREY.tobytes())
    for name in ("a.nrrd", "a.mha"):
        assert np.array_equal(read_plain_values(tmp_path / name).values, GREY)
        assert read_ultrasound(tmp_path / name).spacing_mm is None


@pytest.mark.parametrize("name", NAMES[:6])
@pytest.mark.parametrize("axes", [2, 3])
def test_colour_is_treated_as_in_a_picture(tmp_path: Path, name: str, axes: int) -> None:
    Image.fromarray(COLOURED).save(tmp_path / "same.png")
    path = written(tmp_path / name, COLOURED if axes == 2 else COLOURED[None], colour=True)
    with pytest.raises(UnreadableScan, match="is coloured; expected grey values"):
        read_radiograph(path)
    assert np.allclose(read_ultrasound(path).pixels, read_ultrasound(tmp_path / "same.png").pixels, atol=1e-6)
    assert value_digest(path) == value_digest(tmp_path / "same.png")
    grey = written(tmp_path / name, np.repeat(GREY[..., None], 3, axis=-1), colour=True)
    Image.fromarray(np.repeat(GREY[..., None], 3, axis=-1)).save(tmp_path / "grey.png")
    assert np.array_equal(read_radiograph(grey).pixels, read_radiograph(tmp_path / "grey.png").pixels)
    assert "stored in colour, though it is grey" in read_radiograph(grey).notes


def test_colours_in_one_number_of_nifti_are_read_too(tmp_path: Path) -> None:
    kind = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    array = np.ascontiguousarray(COLOURED.swapaxes(0, 1)).view(kind)[..., 0]
    path = by_nibabel(tmp_path / "rgb.nii", array, np.diag([-1, -1, 1, 1.0]))
    assert int(nibabel.load(path).header["datatype"]) in COLOURS
    assert np.array_equal(read_plain_values(path, "kept").values, COLOURED)
    transparent = np.dstack([COLOURED, np.full((40, 56), 200, np.uint8)])
    with pytest.raises(UnreadableScan, match="transparent"):
        read_plain_values(written(tmp_path / "rgba.mha", transparent, colour=True), "luminance")
    with pytest.raises(UnreadableScan, match="2 numbers of type uint8 a pixel"):
        read_plain_values(written(tmp_path / "two.mha", COLOURED[..., :2], colour=True))


@pytest.mark.parametrize("name", NAMES)
def test_several_slices_are_refused_in_one_sentence_before_they_are_read(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, np.stack([DEEP] * 3))
    for read in (read_radiograph, read_header, read_ultrasound, read_label_map):
        with pytest.raises(SeveralSlices, match=r"holds 3 slices of 56 × 40 px \(columns × rows\), as a CT .*; expected one image"):
            read(path)
    assert holds_one_slice(path) is False
    assert read_volume(path).voxels.shape == (56, 40, 3)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mha", "a.nrrd", "packed.mha", "packed.nrrd"])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, DEEP)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UnreadableScan, match=r"truncated|damaged"):
        read_radiograph(path)


def test_a_header_that_declares_what_no_file_holds_is_refused(tmp_path: Path) -> None:
    content = bytearray(written(tmp_path / "a.nii", GREY).read_bytes())
    content[40:48] = np.array([2, 30000, 30000, 1], "<i2").tobytes()
    (tmp_path / "a.nii").write_bytes(content)
    with pytest.raises(UnreadableScan, match="more than such a file can hold"):
        read_radiograph(tmp_path / "a.nii")
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(UnreadableScan):
        read_radiograph(tmp_path / "b.nii.gz")
    assert holds_one_slice(tmp_path / "b.nii.gz") is None
    with pytest.raises(UnreadableScan, match=r"has 1 axis; expected an image \(columns, rows\)"):
        columns_and_rows(tmp_path / "c.nii", [7])


def test_what_is_not_finite_is_refused_as_in_a_picture(tmp_path: Path) -> None:
    values = DEEP.astype(np.float32)
    values[3, 4:6] = np.nan
    Image.fromarray(values).save(tmp_path / "same.tif")
    said = []
    for path in (written(tmp_path / "a.nii.gz", values), tmp_path / "same.tif"):
        with pytest.raises(UnreadableScan, match="2 of 2,240 pixels are NaN or infinite") as raised:
            read_radiograph(path)
        said.append(str(raised.value).replace(str(path), ""))
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("spacing", "expected", "word"),
    [((0.2, 0.3), (0.3, 0.2), ""), ((1.0, 1.0), None, "as programs write that know no size"), ((25.0, 25.0), None, "which no image has")],
)
def test_a_size_is_taken_for_ultrasound_where_it_is_no_stopgap_and_never_for_an_xray(
    tmp_path: Path, spacing: tuple[float, float], expected: tuple[float, float] | None, word: str
) -> None:
    for name in ("a.nii.gz", "a.mha", "a.nrrd"):
        found = read_ultrasound(written(tmp_path / name, GREY, spacing))
        assert found.spacing_mm == (None if expected is None else pytest.approx(expected))
        assert any(word in note for note in found.notes)
        header = read_header(tmp_path / name)
        assert (header.spacing_mm, header.spacing_in_patient_mm, header.measurable_spacing_mm) == (None, None, None)


@pytest.mark.parametrize("values", [DEEP, GREY])
def test_an_image_is_the_same_as_a_picture_and_as_a_slice(tmp_path: Path, values: np.ndarray) -> None:
    Image.fromarray(values).save(tmp_path / "same.png")
    digests = {value_digest(tmp_path / "same.png")}
    for name in ("a.nii.gz", "a.mha", "packed.nrrd"):
        for array in (values, values[None]):
            path = written(tmp_path / name, array)
            digests.add(value_digest(path))
            assert may_be_of_size(path, {size_in(value_digest(tmp_path / "same.png"))})
            assert not may_be_of_size(path, {(40, 57)})
    assert len(digests) == 1
    assert value_digest(written(tmp_path / "turned.mha", np.flipud(values))) not in digests


def test_label_maps_are_read_and_axes_that_lead_elsewhere_are_refused(tmp_path: Path) -> None:
    labels = np.zeros((40, 56), np.uint8)
    labels[4:9, 5:12], labels[10:15, 20:50] = 1, 2
    for name in NAMES:
        for array in (labels, labels[None], labels.astype(np.float64)):
            found = read_label_map(written(tmp_path / name, array))
            assert np.array_equal(found.labels, labels)
            assert found.notes == (AS_ITK,)
    white = read_label_map(written(tmp_path / "white.mha", (labels == 2).astype(np.uint8) * 255))
    assert np.array_equal(white.labels, labels == 2)
    assert "255 counts as class 1" in white.notes[0]
    with pytest.raises(UnreadableScan, match=r"holds 0\.5; expected the whole numbers"):
        read_label_map(written(tmp_path / "grey.nii", labels / 2))
    with pytest.raises(UnreadableScan, match="no palette that numbers them"):
        read_label_map(written(tmp_path / "colour.mha", COLOURED, colour=True))
    assert np.array_equal(read_label_map(written(tmp_path / "c.mha", np.repeat(labels[..., None], 3, 2), colour=True)).labels, labels)
    image, turned = written(tmp_path / "image.nii.gz", GREY), by_nibabel(tmp_path / "map.nii.gz", labels.T, np.eye(4))
    refuse_other_axes(tmp_path / "a.mha", image)
    refuse_other_axes(turned, tmp_path / "image.png")
    with pytest.raises(UnreadableScan, match=r"its axes lead R and A by its affine, and those of its image image\.nii\.gz L and P"):
        refuse_other_axes(turned, image)


def test_a_folder_gives_its_slices_and_never_its_cts(tmp_path: Path) -> None:
    images, cts, mixed = (tmp_path / name for name in ("images", "cts", "mixed"))
    for folder in (images, cts, mixed):
        folder.mkdir()
    slices = [written(images / name, DEEP) for name in ("a.nii.gz", "b.mha", "c.nrrd")]
    Image.fromarray(DEEP).save(images / "d.png")
    damaged = images / "e.nii.gz"
    damaged.write_bytes(b"")
    written(cts / "ct.nii.gz", np.stack([DEEP] * 3))
    (cts / "damaged.nii.gz").write_bytes(b"")
    assert find_xrays(images, pictures=True) == [*slices, images / "d.png", damaged]
    assert find_xrays(images) == []
    assert find_xrays(cts, pictures=True) == []
    assert find_xrays([images, cts], pictures=True) == [*slices, images / "d.png", damaged]
    assert not any(is_plain_image(name) for name in ("a.dcm", "a", "a.mhd"))
    assert read_picture(images / "d.png").pixels.shape == (40, 56)


@pytest.mark.parametrize("name", NAMES[:6])
@pytest.mark.parametrize("axes", [2, 3])
def test_an_image_where_a_ct_is_expected_is_refused_as_one(tmp_path: Path, name: str, axes: int) -> None:
    path = written(tmp_path / name, DEEP if axes == 2 else DEEP[None])
    with pytest.raises(UnreadableScan, match=r"an image, as an X-ray is, and no scan|is one slice; .* belongs to a task on images"):
        refuse_no_chest_ct(read_volume(path))
