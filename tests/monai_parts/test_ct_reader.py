"""CTs and masks in a plain MONAI program, with nibabel and MONAI's own readers as witnesses."""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from monai.data import DataLoader, Dataset, NibabelReader, PydicomReader, ThreadDataLoader, decollate_batch
from monai.transforms import Compose, EnsureChannelFirstd, Invertd, LoadImage, LoadImaged, Orientationd, SaveImage, Spacingd
from scipy.spatial.transform import Rotation

from radlearn.errors import UnreadableScan
from radlearn.monai_parts.ct_reader import CTReader, MaskReader
from radlearn.monai_parts.error_chain import radlearn_error_in

nibabel = pytest.importorskip("nibabel", reason="nibabel, the independent reader, is not installed")

STRAIGHT = np.array([[-0.7, 0, 0, 100], [0, -0.8, 0, 50], [0, 0, 5, -200], [0, 0, 0, 1.0]])
OBLIQUE = STRAIGHT.copy()
OBLIQUE[:3, :3] = Rotation.from_euler("xyz", (20, -15, 30), degrees=True).as_matrix() * (0.7, -0.8, 5)
LPI = STRAIGHT @ np.diag([1, 1, -1, 1])
HU = np.random.default_rng(0).integers(-1000, 1500, (7, 6, 5)).astype(np.int16)
MASK = np.zeros((7, 6, 5), np.uint8)
MASK[1:4, 2:4, 3] = 1


def saved(path: Path, voxels: np.ndarray, affine: np.ndarray, slope: float | None = None) -> Path:
    image = nibabel.Nifti1Image(voxels, affine)
    if slope is not None:
        image.header.set_slope_inter(slope, 7)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("affine", [STRAIGHT, OBLIQUE, LPI], ids=["straight", "oblique", "LPI"])
@pytest.mark.parametrize("voxels", [HU, HU.astype(np.float32) / 3, HU.astype(np.int32)], ids=["int16", "float32", "int32"])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_nifti_is_loaded_as_by_monais_own_reader(tmp_path: Path, voxels: np.ndarray, affine: np.ndarray, name: str) -> None:
    path = saved(tmp_path / name, voxels, affine)
    ours, theirs = (LoadImage(reader=reader, ensure_channel_first=True)(path) for reader in (CTReader(), NibabelReader()))
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    np.testing.assert_array_equal(ours.affine, theirs.affine)
    assert ours.dtype == theirs.dtype
    for key in ("original_affine", "spatial_shape", "space", "filename_or_obj"):
        np.testing.assert_array_equal(ours.meta[key], theirs.meta[key])
    assert ours.meta["notes"] == ""


def test_stored_numbers_are_scaled_as_by_monais_own_reader(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.nii", HU, STRAIGHT, slope=2)
    ours, theirs = (LoadImage(reader=reader)(path) for reader in (CTReader(), NibabelReader()))
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_without_a_dtype_whole_hounsfield_units_stay_whole(tmp_path: Path) -> None:
    image = LoadImage(reader=CTReader(), dtype=None)(saved(tmp_path / "a.nii", HU, STRAIGHT))
    assert str(image.dtype) == "torch.int16"
    np.testing.assert_array_equal(image.numpy(), HU)


def test_a_series_is_loaded_as_by_monais_own_reader(ct_series: Callable[..., Path]) -> None:
    folder = ct_series()
    ours = LoadImage(reader=CTReader())(folder)
    assert ours.shape == (128, 128, 6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = LoadImage(reader=PydicomReader())(folder)
    body = ours.numpy() > -1024
    assert body.mean() > 0.5
    np.testing.assert_array_equal(ours.numpy()[body], theirs.numpy()[body])
    np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-6)
    # Padding of -2000, which MONAI's reader leaves as it is.
    assert theirs.min() < -1500
    assert "are padding outside the field of view" in ours.meta["notes"]


def test_orientation_and_spacing_follow_and_invertd_leads_back(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.nii.gz", HU, OBLIQUE)
    read = Compose([
        LoadImaged("image", reader=CTReader()),
        EnsureChannelFirstd("image"),
        Orientationd("image", "LPS", labels=None),
        Spacingd("image", (0.5, 0.5, 2.5)),
    ])  # fmt: skip
    data = read({"image": path})
    np.testing.assert_allclose(data["image"].pixdim, (0.5, 0.5, 2.5))
    back = Invertd("image", transform=read, orig_keys="image")(data)["image"]
    assert back.shape == (1, *HU.shape)
    np.testing.assert_allclose(back.affine, OBLIQUE, atol=1e-6)


def test_what_monai_saves_lies_where_the_file_lay(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.nii.gz", HU, OBLIQUE)
    image = LoadImage(reader=CTReader(), ensure_channel_first=True)(path)
    SaveImage(tmp_path / "out", separate_folder=False, print_log=False)(image)
    again = nibabel.load(tmp_path / "out/a_trans.nii.gz")
    np.testing.assert_allclose(again.affine, OBLIQUE, atol=1e-5)
    np.testing.assert_array_equal(again.get_fdata(), HU)


@pytest.mark.parametrize("threads", [False, True])
def test_a_scan_with_a_note_and_one_without_make_one_batch(ct_series: Callable[..., Path], tmp_path: Path, threads: bool) -> None:
    cases = [{"image": ct_series()}, {"image": saved(tmp_path / "a.nii", np.zeros((128, 128, 6), np.int16), STRAIGHT)}]
    read = Compose([LoadImaged("image", reader=CTReader()), EnsureChannelFirstd("image")])
    kind, workers = (ThreadDataLoader, {"num_workers": 2, "use_thread_workers": True}) if threads else (DataLoader, {})
    (batch,) = list(kind(Dataset(cases, read), batch_size=2, **workers))
    padded, clean = decollate_batch(batch["image"])
    assert "padding" in padded.meta["notes"]
    assert clean.meta["notes"] == ""
    np.testing.assert_allclose(clean.affine, STRAIGHT, atol=1e-6)


def two_affines(path: Path) -> Path:
    image = nibabel.Nifti1Image(HU, STRAIGHT)
    image.set_sform(STRAIGHT, 1)
    image.set_qform(np.diag([0.7, 0.8, 5, 1]), 1)
    nibabel.save(image, path)
    return path


def not_finite(path: Path) -> Path:
    return saved(path, np.full((4, 4, 4), np.nan, np.float32), STRAIGHT)


@pytest.mark.parametrize(
    ("make", "words"), [(two_affines, "by the sform, but"), (not_finite, "are not finite"), (lambda path: path, "there is no such file")]
)
def test_what_is_ambiguous_or_damaged_is_refused_by_name_and_not_read_by_another_reader(
    tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    path = make(tmp_path / "a.nii")
    with pytest.raises(RuntimeError, match="applying transform") as caught:
        Compose([LoadImaged("image", reader=CTReader())])({"image": path})
    assert isinstance(found := radlearn_error_in(caught.value), UnreadableScan)
    assert words in str(found)
    assert str(path) in str(found)


def test_a_series_with_a_missing_slice_is_refused(ct_series: Callable[..., Path]) -> None:
    with pytest.raises(UnreadableScan, match="one or more slices are missing"):
        LoadImage(reader=CTReader())(ct_series(without=3))


def test_a_folder_without_ct_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableScan, match="no CT slice was found"):
        LoadImage(reader=CTReader())(tmp_path)


@pytest.mark.parametrize(("top", "dtype"), [(1, np.uint8), (1, np.float32), (255, np.uint8), (255, np.float64)])
def test_a_mask_is_zero_and_one_whatever_it_was(tmp_path: Path, top: int, dtype: type) -> None:
    mask = LoadImage(reader=MaskReader(), dtype=np.uint8)(saved(tmp_path / "mask.nii", MASK.astype(dtype) * dtype(top), OBLIQUE))
    assert str(mask.dtype) == "torch.uint8"
    np.testing.assert_array_equal(mask.numpy(), MASK)
    np.testing.assert_allclose(mask.affine, OBLIQUE, atol=1e-6)
    assert ("count as inside" in mask.meta["notes"]) == (top == 255)


def test_the_volume_of_a_mask_is_that_of_its_voxels_in_its_file(tmp_path: Path) -> None:
    # Six voxels of 0.7 × 0.8 × 5 mm.
    read = Compose([
        LoadImaged("label", reader=MaskReader()),
        EnsureChannelFirstd("label"),
        Spacingd("label", (2, 2, 2), mode="nearest"),
    ])  # fmt: skip
    mask = read({"label": saved(tmp_path / "mask.nii", MASK, OBLIQUE)})["label"]
    assert mask.meta["volume_ml"] == pytest.approx(6 * 0.7 * 0.8 * 5 / 1000, rel=1e-6)
    assert str(mask.dtype) == "torch.float32"


def test_an_empty_mask_is_a_mask(tmp_path: Path) -> None:
    mask = LoadImage(reader=MaskReader())(saved(tmp_path / "mask.nii", MASK * 0, STRAIGHT))
    assert not mask.any()
    assert mask.meta["volume_ml"] == 0


@pytest.mark.parametrize(("voxels", "words"), [(MASK + 2 * (HU > 0), "has the labels"), (HU, "are not close to 0 and 1")])
def test_labels_and_scans_are_no_masks(tmp_path: Path, voxels: np.ndarray, words: str) -> None:
    with pytest.raises(UnreadableScan, match=words):
        LoadImage(reader=MaskReader())(saved(tmp_path / "mask.nii", voxels.astype(np.int16), STRAIGHT))


def test_among_monais_readers_each_takes_its_own_files(tmp_path: Path) -> None:
    assert CTReader().verify_suffix([tmp_path / "a.nii.gz", tmp_path])
    assert not CTReader().verify_suffix(tmp_path / "a.dcm")
    assert MaskReader().verify_suffix(tmp_path / "a.nii")
    assert not MaskReader().verify_suffix(tmp_path)
    load = LoadImage()
    load.register(MaskReader())
    assert load(saved(tmp_path / "mask.nii", MASK * np.uint8(255), STRAIGHT)).max() == 1


def test_real_scans_and_masks_lie_as_nibabel_reads_them(shared_data: Path, tmp_path: Path) -> None:
    for name, reader in (("id001-128x128x64", CTReader()), ("id001-128x128x64-msk", MaskReader())):
        path = Path(shutil.copy(shared_data / f"ct_real_sample/{name}.nii.gz", tmp_path))
        ours, theirs = (LoadImage(reader=one)(path) for one in (reader, NibabelReader()))
        np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-6)
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy() if reader.__class__ is CTReader else theirs.numpy() > 127)


def test_a_real_series_is_read_whole(shared_data: Path) -> None:
    image = LoadImage(reader=CTReader())(shared_data / "ct_dicom_real_sample/Lung_Dx-A0002_B40f")
    assert image.shape == (512, 512, 30)
    assert float(image.pixdim[2]) == pytest.approx(8)


def test_of_several_series_the_chosen_one_is_read(ct_series: Callable[..., Path]) -> None:
    folder = ct_series()
    with pytest.raises(UnreadableScan, match=r"holds no series 1\.7"):
        LoadImage(reader=CTReader("1.7"))(folder)


def test_what_is_surely_no_chest_ct_is_refused_where_that_is_asked_for(tmp_path: Path) -> None:
    from tests.check.phantom import AFFINE, chest_hu, lesion

    read = LoadImage(reader=CTReader(chest=True), dtype=None)
    assert read(saved(tmp_path / "chest.nii", chest_hu(0), AFFINE)).meta["notes"] == ""
    assert "has 10 slices" in read(saved(tmp_path / "part.nii", chest_hu(0)[:, :, :10], AFFINE)).meta["notes"]
    for name, voxels in (("mask", lesion()), ("offset", chest_hu(0) + np.int16(1024)), ("slice", chest_hu(0)[:, :, :1])):
        path = saved(tmp_path / f"{name}.nii", voxels, AFFINE)
        with pytest.raises(UnreadableScan, match=rf"{name}\.nii: "):
            read(path)
        LoadImage(reader=CTReader(), dtype=None)(path)
