"""The crop to the lungs in a plain MONAI program: found once, the same block for all, and exactly back."""

import itertools
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, ThreadDataLoader, decollate_batch, set_track_meta
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    Invertd,
    LoadImaged,
    MaskIntensityd,
    Orientationd,
    RandFlipd,
    ScaleIntensityRanged,
    Spacingd,
)
from monai.transforms.utils import reset_ops_id
from scipy.spatial.transform import Rotation

from radlearn.errors import BadSetting, UnreadableScan
from radlearn.monai_parts import crop_to_lungs
from radlearn.monai_parts.crop_to_lungs import NO_HULL, CropToLungsd
from radlearn.monai_parts.error_chain import radlearn_error_in
from radlearn.scans import lungs
from radlearn.scans.geometry import to_orientation
from radlearn.scans.lungs import find_lungs, lung_hull
from tests.check.phantom import AFFINE, SHAPE, chest_hu, ellipsoid, ill_chest_hu, lesion

nibabel = pytest.importorskip("nibabel", reason="nibabel, which writes the files, is not installed")

HU = chest_hu(0)
LUNGS, FOUND = find_lungs(HU, AFFINE)
EIGHT = ["".join(letters) for letters in itertools.product("RL", "AP", "SI")]
KEYS = ["image", "label"]


def image_of(voxels: np.ndarray, affine: np.ndarray = AFFINE, **meta: Any) -> MetaTensor:
    return MetaTensor(torch.from_numpy(np.ascontiguousarray(voxels)[None].astype(np.float32)), affine=torch.from_numpy(affine), meta=meta)


def chest() -> dict[str, MetaTensor]:
    return {"image": image_of(HU, filename_or_obj="ct.nii.gz"), "label": image_of(lesion(), filename_or_obj="mask.nii.gz")}


def saved(folder: Path, affine: np.ndarray = AFFINE, code: str = "LPS") -> dict[str, Path]:
    for name, voxels in (("image", HU), ("label", lesion())):
        turned, turned_affine = to_orientation(voxels, affine, code)
        nibabel.save(nibabel.Nifti1Image(turned, turned_affine), folder / f"{name}.nii.gz")
    return {name: folder / f"{name}.nii.gz" for name in KEYS}


def program(crop: CropToLungsd) -> Compose:
    """MONAI's own transforms around the crop, as in a segmentation tutorial."""
    return Compose([
        LoadImaged(KEYS),
        EnsureChannelFirstd(KEYS),
        Orientationd([*KEYS, "lungs"], "LPS", labels=None, allow_missing_keys=True),
        crop,
        Spacingd([*KEYS, "lungs"], (2, 2, 3), mode=("bilinear", "nearest", "nearest")),
        ScaleIntensityRanged("image", -1000, 500, 0, 1, clip=True),
    ])  # fmt: skip


CROP = CropToLungsd(KEYS, source_key="image", lungs_key="lungs")


def test_the_phantom_has_lungs_that_are_cropped_to() -> None:
    assert not FOUND.is_body
    assert LUNGS.sum() > 10_000
    assert any(part != slice(0, count) for part, count in zip(FOUND.box, SHAPE, strict=True))


@pytest.mark.parametrize("code", [*EIGHT, "SAL"])
def test_every_key_is_the_block_of_the_lungs_in_any_orientation(code: str) -> None:
    hu, affine = to_orientation(HU, AFFINE, code)
    mask, _ = to_orientation(lesion(), AFFINE, code)
    air, found = find_lungs(hu, affine)
    cropped = CROP({"image": image_of(hu, affine), "label": image_of(mask, affine)})
    np.testing.assert_array_equal(cropped["image"][0].numpy(), hu[found.box])
    np.testing.assert_array_equal(cropped["label"][0].numpy(), mask[found.box])
    np.testing.assert_array_equal(cropped["lungs"][0].numpy(), air[found.box])
    assert cropped["lungs"].dtype == torch.uint8
    # The first voxel of the block lies where it lay.
    first = affine @ [*(part.start for part in found.box), 1]
    for key in (*KEYS, "lungs"):
        np.testing.assert_allclose(cropped[key].affine[:, 3], first)


def test_the_lungs_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(crop_to_lungs, "find_lungs", lambda *given: calls.append(given) or find_lungs(*given))
    CROP(chest())
    assert len(calls) == 1


def test_the_volume_of_the_lungs_is_that_of_their_voxels_before_resampling(tmp_path: Path) -> None:
    data = program(CROP)(saved(tmp_path))
    assert data["image"].meta["lung_ml"] == pytest.approx(LUNGS.sum() * 4 * 4 * 6 / 1000)
    assert data["image"].meta["notes"] == ""


def test_what_goes_in_is_left_as_it_was() -> None:
    data = chest()
    before = {key: (image.clone(), deepcopy(image.meta), list(image.applied_operations)) for key, image in data.items()}
    CROP(data)
    CropToLungsd("label", source_key="image", lungs_key="lungs")(data)
    assert set(data) == set(KEYS)
    for key, (voxels, meta, operations) in before.items():
        assert torch.equal(data[key], voxels)
        assert {name: str(value) for name, value in data[key].meta.items()} == {name: str(value) for name, value in meta.items()}
        assert data[key].applied_operations == operations


def test_the_inverse_pads_with_zeros_back_to_the_same_grid_exactly() -> None:
    oblique = AFFINE.copy()
    oblique[:3, :3] = Rotation.from_euler("xyz", (9, -6, 11), degrees=True).as_matrix() @ AFFINE[:3, :3]
    data = {"image": image_of(HU, oblique), "label": image_of(lesion(), oblique)}
    cropped = CROP(data)
    whole = CROP.inverse(cropped)
    inside = np.zeros(SHAPE, bool)
    inside[find_lungs(HU, oblique)[1].box] = True
    assert not inside.all()
    np.testing.assert_array_equal(whole["image"][0].numpy(), np.where(inside, HU, 0))
    np.testing.assert_array_equal(whole["lungs"][0].numpy(), find_lungs(HU, oblique)[0] & inside)
    for key in (*KEYS, "lungs"):
        np.testing.assert_array_equal(whole[key].affine.numpy(), oblique)
        assert whole[key].applied_operations == []


@pytest.mark.parametrize("orig_key", ["lungs", "image"])
@pytest.mark.parametrize("code", ["LPS", "SAR"])
@pytest.mark.parametrize("degrees", [(0, 0, 0), (9, -6, 11)])
def test_invertd_puts_the_lungs_back_onto_the_grid_of_the_file(
    tmp_path: Path, orig_key: str, code: str, degrees: tuple[int, int, int]
) -> None:
    affine = AFFINE.copy()
    affine[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() @ AFFINE[:3, :3]
    files = saved(tmp_path, affine, code)
    read = program(CROP)
    back = Invertd("lungs", transform=read, orig_keys=orig_key)(read(files))["lungs"]
    turned, turned_affine = to_orientation(HU, affine, code)
    expected = find_lungs(turned, nibabel.load(files["image"]).affine)[0]
    assert back.shape == (1, *turned.shape)
    np.testing.assert_allclose(back.affine, turned_affine, atol=1e-4)
    # There and back through 2 × 2 × 3 mm, to the nearest voxel.
    assert 2 * (back[0].numpy() * expected).sum() / (back[0].numpy().sum() + expected.sum()) > 0.98


def test_a_prediction_of_the_block_lands_on_the_file_by_the_history_of_the_image(tmp_path: Path) -> None:
    read = program(CROP)
    data = read(saved(tmp_path, AFFINE, "RAI"))
    data["prediction"] = MetaTensor(data["label"].as_tensor().clone())
    back = Invertd("prediction", transform=read, orig_keys="image")(data)["prediction"]
    expected, affine = to_orientation(lesion(), AFFINE, "RAI")
    assert back.shape == (1, *expected.shape)
    np.testing.assert_allclose(back.affine, affine, atol=1e-4)
    assert 2 * (back[0].numpy() * expected).sum() / (back[0].numpy().sum() + expected.sum()) > 0.95


@pytest.mark.parametrize("other_program", [False, True])
def test_a_history_that_was_json_meanwhile_leads_back_too(tmp_path: Path, other_program: bool) -> None:
    read = program(CROP)
    data = read(saved(tmp_path))
    for key in KEYS:
        # As MONAI's PersistentDataset does, so that the history belongs to no program in particular.
        kept = reset_ops_id(data[key]).applied_operations if other_program else data[key].applied_operations
        orientation, cropping, spacing = kept
        assert cropping["class"] == "CropToLungsd"
        # MONAI's own entries hold arrays, and their inverses want arrays.
        data[key].applied_operations = [orientation, json.loads(json.dumps(cropping)), spacing]
    reader = program(CropToLungsd(KEYS, source_key="image", lungs_key="lungs")) if other_program else read
    back = Invertd(KEYS, transform=reader, orig_keys=KEYS)(data)
    for key in KEYS:
        assert back[key].shape == (1, *SHAPE)
        np.testing.assert_allclose(back[key].affine, AFFINE, atol=1e-5)
    np.testing.assert_array_equal(back["label"][0].numpy() > 0.5, lesion() > 0)


def test_random_transforms_after_it_are_inverted_too(tmp_path: Path) -> None:
    read = Compose([program(CROP), RandFlipd(KEYS, prob=1, spatial_axis=0)]).set_random_state(0)
    back = Invertd("label", transform=read, orig_keys="label")(read(saved(tmp_path)))["label"]
    np.testing.assert_array_equal(back[0].numpy() > 0.5, lesion() > 0)


def test_nothing_is_cropped_where_that_is_wanted() -> None:
    keep = CropToLungsd(KEYS, source_key="image", lungs_key="lungs", crop="nothing")
    kept = keep(chest())
    np.testing.assert_array_equal(kept["image"][0].numpy(), HU)
    np.testing.assert_array_equal(kept["lungs"][0].numpy(), LUNGS)
    assert kept["image"].meta["lung_ml"] > 0
    whole = keep.inverse(kept)
    np.testing.assert_array_equal(whole["image"][0].numpy(), HU)
    assert whole["image"].applied_operations == []


def test_without_a_key_for_them_neither_lungs_nor_hull_are_kept() -> None:
    assert set(CropToLungsd(KEYS, source_key="image")(chest())) == set(KEYS)


def test_the_hull_is_that_of_the_whole_scan_found_with_the_lungs_and_comes_home(monkeypatch: pytest.MonkeyPatch) -> None:
    hull, searches, search = lung_hull(HU, AFFINE), [], lungs._coarse
    assert LUNGS.sum() < hull.sum() < hull.size / 2
    monkeypatch.setattr(lungs, "_coarse", lambda *given: searches.append(given) or search(*given))
    crop = CropToLungsd(KEYS, source_key="image", lungs_key="lungs", hull_key="hull")
    cropped = crop(chest())
    assert len(searches) == 1
    np.testing.assert_array_equal(cropped["hull"][0].numpy(), hull[FOUND.box])
    np.testing.assert_array_equal(cropped["lungs"][0].numpy(), LUNGS[FOUND.box])
    assert cropped["image"].meta["lungs_found"] is True
    whole = crop.inverse(cropped)
    inside = np.zeros(SHAPE, bool)
    inside[FOUND.box] = True
    np.testing.assert_array_equal(whole["hull"][0].numpy(), hull & inside)
    np.testing.assert_array_equal(whole["hull"].affine.numpy(), AFFINE)


def test_monais_own_transform_confines_a_prediction_to_the_hull() -> None:
    data = CropToLungsd(KEYS, source_key="image", hull_key="hull")(chest())
    data["prediction"] = torch.full_like(data["label"], 1, dtype=torch.float32)
    confined = MaskIntensityd("prediction", mask_key="hull")(data)["prediction"]
    np.testing.assert_array_equal(confined.numpy(), data["hull"].numpy())


def test_without_lungs_the_hull_is_everywhere_and_it_is_said_however_it_is_cropped() -> None:
    white = HU.copy()
    white[ellipsoid((28, 36, 20), (15, 21, 18)) | ellipsoid((68, 36, 20), (15, 21, 18))] = 30
    for crop in ("lungs", "nothing"):
        cropped = CropToLungsd("image", "image", "lungs", crop, hull_key="hull")({"image": image_of(white)})
        assert cropped["hull"].all()
        assert not cropped["lungs"].any()
        assert cropped["image"].meta["lungs_found"] is False
        assert cropped["image"].meta["notes"].splitlines()[-1] == NO_HULL


def test_the_source_need_not_be_cropped() -> None:
    crop = CropToLungsd("label", source_key="image")
    cropped = crop(chest())
    assert cropped["image"].shape == (1, *SHAPE)
    assert cropped["image"].meta["lung_ml"] > 0
    assert cropped["image"].applied_operations == []
    np.testing.assert_array_equal(cropped["label"][0].numpy(), lesion()[FOUND.box])
    assert crop.inverse(cropped)["label"].shape == (1, *SHAPE)


def test_missing_keys_are_skipped_where_that_is_allowed_and_never_the_source() -> None:
    data = chest()
    del data["label"]
    with pytest.raises(KeyError, match="label"):
        CROP(data)
    lenient = CropToLungsd(KEYS, source_key="image", allow_missing_keys=True)
    assert set(lenient.inverse(lenient(data))) == {"image"}
    with pytest.raises(KeyError, match="`image`, on which CropToLungsd finds the lungs, is missing"):
        lenient({"label": chest()["label"]})


def test_a_scan_without_lungs_keeps_the_body_and_says_so() -> None:
    white = HU.copy()
    white[ellipsoid((28, 36, 20), (15, 21, 18)) | ellipsoid((68, 36, 20), (15, 21, 18))] = 30
    data = {"image": image_of(white, notes="the first note"), "label": image_of(lesion())}
    cropped = CROP(data)
    first, second = cropped["image"].meta["notes"].splitlines()
    assert first == "the first note"
    assert second.endswith("the block of the whole body is used")
    assert cropped["image"].meta["lung_ml"] == 0
    # Nothing was cropped, so there is nothing to say.
    kept = CropToLungsd(KEYS, source_key="image", crop="nothing")(data)
    assert kept["image"].meta["notes"] == "the first note"


def test_a_white_lung_is_in_the_block() -> None:
    right = ellipsoid((28, 36, 20), (14, 20, 17))
    hu = HU.copy()
    hu[right] = 30
    cropped = CropToLungsd(KEYS, source_key="image")({"image": image_of(hu), "label": image_of(right)})
    assert cropped["label"].sum() == right.sum()


def test_what_of_a_mask_is_lost_is_said() -> None:
    low, high = FOUND.box[0].start, FOUND.box[0].stop
    mask = np.zeros(SHAPE, np.uint8)
    mask[low : low + 3, 36, 20] = 1
    mask[high : high + 1, 36, 20] = 2
    mask[max(0, low - 1), 36, 20] = 1 if low else 0
    total, kept = np.count_nonzero(mask), np.count_nonzero(mask[FOUND.box])
    assert kept < total
    for dtype in (np.uint8, np.float32):
        image = MetaTensor(torch.from_numpy(mask[None].astype(dtype)), affine=torch.from_numpy(AFFINE))
        notes = CROP({"image": image_of(HU), "label": image})["image"].meta["notes"]
        assert notes == f"label: {(total - kept) / total:.1%} of the mask lies outside the block of the lungs and is lost"
    # A second scan, or a map of fractions, is no mask.
    for other in (HU, np.full(SHAPE, 0.5)):
        assert CROP({"image": image_of(HU), "label": image_of(other)})["image"].meta["notes"] == ""


def shifted(image: MetaTensor, mm: float) -> MetaTensor:
    moved = image.clone()
    moved.affine[0, 3] += mm
    return moved


def test_images_on_another_grid_are_refused_in_words() -> None:
    for other in (shifted(chest()["label"], 1.0), chest()["label"][:, :-1]):
        data = {**chest(), "label": other}
        with pytest.raises(RuntimeError, match="applying transform") as caught:
            Compose([CROP])(data)
        assert isinstance(found := radlearn_error_in(caught.value), UnreadableScan)
        assert str(found).startswith("mask.nii.gz: the mask lies on another grid than its scan ct.nii.gz.\n  mask: 9")
        assert str(found).endswith("Save it again on the grid of the scan.")


def test_the_rounding_of_headers_is_allowed_and_the_mask_gets_the_affine_of_its_scan() -> None:
    cropped = CROP({**chest(), "label": shifted(chest()["label"], 0.3)})
    np.testing.assert_array_equal(cropped["label"].affine, cropped["image"].affine)


def test_images_of_several_channels_are_cropped_but_show_no_lungs() -> None:
    both = MetaTensor(torch.cat([chest()["label"], chest()["label"]]), affine=torch.from_numpy(AFFINE))
    assert CROP({**chest(), "label": both})["label"].shape[0] == 2
    with pytest.raises(BadSetting, match="'label' has 2 channels; expected one, of Hounsfield units"):
        CropToLungsd("image", source_key="label")({**chest(), "label": both})


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (HU, "'image' is a ndarray; expected a MetaTensor"),
        (torch.from_numpy(HU)[None], "'image' is a Tensor; expected a MetaTensor"),
        (MetaTensor(torch.from_numpy(HU)), "EnsureChannelFirstd adds the axis of channels"),
    ],
)
def test_what_has_no_place_in_the_patient_is_refused(image: Any, words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        CropToLungsd("image", source_key="image")({"image": image})


def test_where_meta_data_are_not_tracked_it_is_refused(tmp_path: Path) -> None:
    files = saved(tmp_path)
    set_track_meta(False)
    try:
        with pytest.raises(RuntimeError) as caught:
            Compose([LoadImaged(KEYS, ensure_channel_first=True), CROP])(files)
    finally:
        set_track_meta(True)
    assert "do not turn the tracking of meta data off" in str(radlearn_error_in(caught.value))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"crop": "heart"}, "crop is 'heart'"),
        ({"lungs_key": "label"}, "lungs_key is 'label'"),
        ({"hull_key": "image"}, "hull_key is 'image'"),
        ({"lungs_key": "a", "hull_key": "a"}, "hull_key is 'a'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, str], words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        CropToLungsd(KEYS, source_key="image", **settings)


def test_in_a_lazy_program_it_sees_what_came_before(tmp_path: Path) -> None:
    lazy = Compose([
        LoadImaged(KEYS), EnsureChannelFirstd(KEYS), Orientationd(KEYS, "RAS", labels=None), CropToLungsd("label", source_key="image"),
    ], lazy=True)  # fmt: skip
    data = lazy(saved(tmp_path))
    expected, affine = to_orientation(lesion(), AFFINE, "RAS")
    box = find_lungs(to_orientation(HU, AFFINE, "RAS")[0], affine)[1].box
    np.testing.assert_array_equal(data["label"][0].numpy() > 0.5, expected[box] > 0)


@pytest.mark.parametrize(
    "loader",
    [
        lambda dataset: DataLoader(dataset, batch_size=2, num_workers=2),
        lambda dataset: ThreadDataLoader(dataset, batch_size=2, num_workers=2, use_thread_workers=True),
    ],
    ids=["processes", "threads"],
)
def test_in_workers_it_crops_as_here_and_what_they_send_can_be_inverted(tmp_path: Path, loader: Callable[[Dataset], DataLoader]) -> None:
    files = saved(tmp_path)
    read = program(CROP)
    here = read(files)
    (batch,) = list(loader(Dataset([files, files], read)))
    for data in decollate_batch(batch):
        for key in (*KEYS, "lungs"):
            assert torch.equal(data[key].as_tensor(), here[key].as_tensor())
        assert data["image"].meta["lung_ml"] == pytest.approx(here["image"].meta["lung_ml"])
        back = Invertd("label", transform=read, orig_keys="label")(data)["label"]
        np.testing.assert_array_equal(back[0].numpy() > 0.5, lesion() > 0)


@pytest.mark.parametrize(
    ("turn", "words"),
    [(np.s_[::-1], "mirrored from left to right"), (np.s_[:, :, ::-1], "upside down"), (np.s_[:, ::-1], "turned front to back")],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_a_mask_that_is_turned_over_on_its_ct_is_noted_as_the_audit_says_it(turn: Any, words: str, dtype: torch.dtype) -> None:
    hu = ill_chest_hu(0)
    mask = np.zeros(SHAPE, np.uint8)
    mask[14:30, 40:50, 10:18] = 1
    hu[mask > 0] = -300
    crop = CropToLungsd(KEYS, "image", hull_key="hull")
    right = crop({"image": image_of(hu), "label": MetaTensor(image_of(mask).to(dtype))})["image"].meta["notes"]
    wrong = crop({"image": image_of(hu), "label": MetaTensor(image_of(mask[turn]).to(dtype))})["image"].meta["notes"]
    assert "it looks" not in right
    assert f"label: it looks {words}: so turned," in wrong
