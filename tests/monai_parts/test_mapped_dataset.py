"""The mapped data set in a plain MONAI program: the same items as MONAI's own data sets give, from memory maps, whatever loads them."""

import ast
import copy
import gc
import mmap
import os
import pickle
import shutil
import signal
import threading
import traceback
import uuid
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, PersistentDataset, ThreadDataLoader, list_data_collate
from monai.transforms import (
    Compose,
    CopyItemsd,
    CropForegroundd,
    DeleteItemsd,
    EnsureChannelFirstd,
    EnsureTyped,
    FgBgToIndicesd,
    Flipd,
    Invertd,
    Lambdad,
    LoadImaged,
    MapTransform,
    OneOf,
    Orientationd,
    RandAffined,
    RandCropByPosNegLabeld,
    RandFlipd,
    RandGaussianNoised,
    Randomizable,
    RandomOrder,
    RandRotate90d,
    RandScaleIntensityd,
    RandSpatialCropd,
    RandZoomd,
    Resized,
    SaveImaged,
    ScaleIntensityRanged,
    SomeOf,
    Spacingd,
    SpatialPadd,
    SplitDimd,
    ToTensord,
    Transform,
)
from pydicom.data import get_testdata_file

from radlearn.errors import BadLayout, BadSetting, CacheTrouble, UnreadableScan
from radlearn.monai_parts import mapped_dataset
from radlearn.monai_parts.mapped_dataset import MappedDataset, Words
from radlearn.monai_parts.radiograph_reader import RadiographReader
from radlearn.sample_key import SampleKey, case_seed
from radlearn.training.loading import EpochLoader

BOTH = ("image", "mask")
Items = list[dict[str, Any]]
# Index to mm: axes in another order than x, y, z, two of them backwards, voxels of three lengths.
AFFINE = np.array([[0, -1.5, 0, 20], [1.2, 0, 0, -30], [0, 0, -2.5, 40], [0, 0, 0, 1]])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    for number in range(5):
        rng = np.random.default_rng(number)
        hu = rng.integers(-1000, -800, (20, 18, 12))
        hu[3:17, 2 : 15 + number % 3, 1:11] = rng.integers(-200, 300, (14, 13 + number % 3, 10))
        mask = np.zeros(hu.shape, np.uint8)
        mask[6 + number : 10 + number, 5:9, 4:8] = 1
        nibabel.save(nibabel.Nifti1Image(hu.astype(np.int16), AFFINE), folder / f"{number}_ct.nii.gz")
        nibabel.save(nibabel.Nifti1Image(mask, AFFINE), folder / f"{number}_seg.nii.gz")
    return folder


@pytest.fixture
def items(tmp_path: Path, written: Path) -> Items:
    """Five scans with their masks, to be changed at will."""
    shutil.copytree(written, tmp_path / "scans")
    scans = sorted((tmp_path / "scans").glob("*_ct.nii.gz"))
    return [
        {"id": f"ann-{number}", "image": path, "mask": str(path).replace("_ct", "_seg"), "label": number % 2}
        for number, path in enumerate(scans)
    ]


def prepared(keys: Any = BOTH, source: str = "image") -> list[Any]:
    return [
        LoadImaged(keys, allow_missing_keys=True),
        EnsureChannelFirstd(keys, allow_missing_keys=True),
        Orientationd(keys, axcodes="RAS", labels=None, allow_missing_keys=True),
        Spacingd(keys, pixdim=(2, 2, 2), mode="nearest", allow_missing_keys=True),
        ScaleIntensityRanged("image", -1000, 500, 0, 1, clip=True),
        CropForegroundd(keys, source_key=source, select_fn=in_body, allow_missing_keys=True),
    ]


def in_body(image: Any) -> Any:
    return image > 0.4


def augmented(keys: Any = BOTH) -> list[Any]:
    return [
        RandFlipd(keys, prob=0.5, spatial_axis=0),
        RandAffined(keys, prob=0.7, rotate_range=(0.2, 0, 0), mode="nearest", padding_mode="border"),
        RandGaussianNoised("image", prob=0.7, std=0.1),
        RandScaleIntensityd("image", factors=0.3, prob=0.7),
        RandSpatialCropd(keys, (6, 6, 6), random_size=False),
    ]


def expect_equal(found: Any, expected: Any, with_meta: bool = True) -> None:
    """Equal in type and value, with meta data and applied operations; ids of transform objects apart."""
    if isinstance(expected, dict):
        # Keys may be enumerations, which have become their values.
        assert {str(key) for key in found} == {str(key) for key in expected}
        for key, value in expected.items():
            expect_equal(found[str(key)] if str(key) in found else found[key], value, with_meta)
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            expect_equal(one, other, with_meta)
    elif isinstance(expected, torch.Tensor | np.ndarray):
        assert (found.dtype, tuple(found.shape)) == (expected.dtype, tuple(expected.shape))
        np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))
        if isinstance(expected, MetaTensor) and with_meta:
            assert isinstance(found, MetaTensor)
            expect_equal(dict(found.meta), dict(expected.meta))
            expect_equal([without_id(one) for one in found.applied_operations], [without_id(one) for one in expected.applied_operations])
    elif isinstance(expected, float) and np.isnan(expected):
        assert np.isnan(found)
    else:
        assert str(found) == str(expected)


def without_id(operation: Any) -> Any:
    if isinstance(operation, dict):
        return {str(key): without_id(value) for key, value in operation.items() if str(key) != "id"}
    return [without_id(one) for one in operation] if isinstance(operation, list | tuple) else operation


def as_monai_gives(items: Items, transform: Any, index: int, seed: int = 0, epoch: int = 0) -> Any:
    """The item of MONAI's own data set, after its random state was set as the mapped data set sets it."""
    dataset = Dataset([{key: value for key, value in item.items() if key != "id"} for item in items], transform)
    dataset.transform.set_random_state(seed=case_seed(seed, *SampleKey(epoch, index)))
    return dataset[index]


def bits(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return bytes(np.asarray(value).tobytes()), tuple(value.shape)
    if isinstance(value, dict):
        return {key: bits(one) for key, one in value.items() if isinstance(one, torch.Tensor | str)}
    return [bits(one) for one in value] if isinstance(value, list | tuple) else value


class Counted(Transform):
    """Notes each call in a folder, in whichever process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def __call__(self, data: Any) -> Any:
        (self.folder / uuid.uuid4().hex).touch()
        return data

    @property
    def count(self) -> int:
        return len(list(self.folder.iterdir()))


# What is made, and what is drawn


@pytest.mark.parametrize("workers", [1, 2])
def test_cached_items_are_those_of_monai_with_all_they_know(items: Items, workers: int) -> None:
    transform = Compose(prepared())
    dataset = MappedDataset(items, transform, workers=workers)
    assert len(dataset) == 5
    for index, item in enumerate(items):
        expected = as_monai_gives(items, transform, index)
        for found in (dataset[index], dataset.cached(index)):
            assert found.pop("id") == item["id"]
            expect_equal(found, expected)
        expect_equal(dataset.meta(index, "image"), dict(expected["image"].meta))
    assert dataset.meta(0, "label") == dataset.meta(0, "nothing") == {}


COMPOSED: dict[str, Callable[[], Any]] = {
    "in one list": lambda: Compose([*prepared(), *augmented()]),
    "no Compose": lambda: [*prepared(), *augmented()],
    "nested": lambda: Compose([Compose(prepared()), Compose([Compose(augmented()[:3]), *augmented()[3:]])]),
    "one of": lambda: Compose([*prepared(), OneOf([RandFlipd("image", 1.0), Flipd("image", 1), RandGaussianNoised("image", 1.0)])]),
    "in any order": lambda: Compose([*prepared(), RandomOrder(augmented())]),
    "some of": lambda: Compose([*prepared(), SomeOf(augmented()[:4], num_transforms=2)]),
    "one of whole ones": lambda: OneOf([Compose([*prepared(), *augmented()]), Compose(prepared())]),
    "a function in between": lambda: Compose([*prepared(), lambda item: item | {"more": 1}, *augmented()]),
    "random and then not": lambda: Compose([*prepared(), *augmented(), Flipd(BOTH, 0), ToTensord(BOTH)]),
    "not mapped over lists": lambda: Compose([*prepared(), Compose(augmented(), map_items=False)]),
    "random from the start": lambda: Compose([RandomlyLoaded("image"), RandomlyLoaded("mask")]),
    "nothing random": lambda: Compose(prepared()),
    "nothing at all": lambda: Compose([]),
    "several patches": lambda: Compose([*prepared(), RandCropByPosNegLabeld(BOTH, "mask", (4, 4, 4), 1, 1, 3), *augmented()[:3]]),
}


class RandomlyLoaded(Randomizable, MapTransform):
    """Reads a file and adds a random number, so that nothing of it is deterministic."""

    def __call__(self, data: Any) -> Any:
        load = LoadImaged(self.keys)
        return {key: value + self.R.random() if key in self.keys else value for key, value in load(data).items()}


@pytest.mark.parametrize("name", COMPOSED)
def test_draws_are_those_of_monai_after_the_same_seed(items: Items, name: str) -> None:
    dataset = MappedDataset(items[:2], COMPOSED[name](), seed=5)
    for epoch in range(3):
        for index in range(2):
            expected = as_monai_gives(items, COMPOSED[name](), index, seed=5, epoch=epoch)
            found = dataset[index]
            for one in found if isinstance(found, list) else [found]:
                assert one.pop("id") == items[index]["id"]
            expect_equal(found, expected)


def test_indices_of_the_foreground_are_kept_beside_for_the_crop(items: Items) -> None:
    crop = RandCropByPosNegLabeld(BOTH, "mask", (4, 4, 4), 1, 1, 2, fg_indices_key="mask_fg_indices", bg_indices_key="mask_bg_indices")
    transform = Compose([*prepared(), FgBgToIndicesd("mask", image_key="image"), crop])
    dataset = MappedDataset(items, transform)
    assert len(dataset.cached(0)["mask_fg_indices"]) == int(dataset.cached(0)["mask"].sum())
    expect_equal([drop_id(one) for one in dataset[1]], as_monai_gives(items, transform, 1))


def drop_id(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "id"}


def test_nested_deterministic_transforms_are_cached(items: Items, tmp_path: Path) -> None:
    counted = Counted(tmp_path / "calls")
    dataset = MappedDataset(items, Compose([Compose([*prepared(), Compose([counted])]), Compose([*augmented(), counted])]))
    assert counted.count == 5
    _ = dataset[0]
    assert counted.count == 6
    # One that works on lists in another way stays as it is, and is cached if nothing in it is random.
    dataset = MappedDataset(items, Compose([*prepared(), Compose([counted, Flipd("image", 0)], map_items=False), *augmented()]))
    _ = dataset[0], dataset[0]
    assert counted.count == 11


def test_the_users_random_state_of_the_process_is_left_alone(items: Items) -> None:
    dataset = MappedDataset(items, Compose([*prepared(), *augmented()]))
    before = np.random.get_state()[1].copy(), torch.random.get_rng_state()
    _ = dataset[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])
    assert torch.equal(torch.random.get_rng_state(), before[1])


def test_a_lazy_compose_gives_what_persistent_dataset_gives(items: Items, tmp_path: Path) -> None:
    def transform() -> Compose:
        return Compose([*prepared(), RandZoomd(BOTH, prob=1, min_zoom=0.8, max_zoom=1.2, mode="nearest"), *augmented()], lazy=True)

    persistent = PersistentDataset([drop_id(item) for item in items], transform(), tmp_path / "pt", track_meta=True)
    dataset = MappedDataset(items, transform())
    for index in (0, 3):
        for _ in range(2):  # made, and then from its cache
            persistent.transform.set_random_state(seed=case_seed(0, *SampleKey(0, index)))
            expected = persistent[index]
        expect_equal(drop_id(dataset[index]), expected)
    # Lazy resampling interpolates once where the usual one does it twice, so it is another cache.
    assert dataset.entries[0] != MappedDataset(items, Compose([*prepared(), *augmented()])).entries[0]


# The way back


def test_a_prediction_lies_on_the_grid_of_its_scan_exactly(items: Items, tmp_path: Path) -> None:
    """Transforms that lose nothing: what comes back is the file, voxel by voxel."""
    keys = ("image",)
    transform = Compose(
        [
            LoadImaged(keys),
            EnsureChannelFirstd(keys),
            Orientationd(keys, axcodes="LPS", labels=None),
            SpatialPadd(keys, (25, 26, 27)),
            *augmented(keys)[:1],
        ]
    )
    dataset = MappedDataset(items, transform)
    back = Compose(
        [
            Invertd("predicted", transform=transform, orig_keys="image"),
            SaveImaged(
                "predicted", output_dir=tmp_path / "out", output_postfix="p", separate_folder=False, print_log=False, output_dtype=np.int16
            ),
        ]
    )
    for _, item in enumerate(items):
        given = dataset[items.index(item)]
        # A network would look at given["image"].
        given["predicted"] = MetaTensor(given["image"].as_tensor() * 2, meta=given["image"].meta)
        back(given)
        source = nibabel.load(item["image"])
        saved = nibabel.load(tmp_path / "out" / item["image"].name.replace(".nii", "_p.nii"))
        np.testing.assert_array_equal(saved.affine, source.affine)
        np.testing.assert_array_equal(saved.get_fdata(), 2 * source.get_fdata())


def test_a_mask_that_was_resampled_and_cropped_comes_back_as_without_a_cache(items: Items) -> None:
    transform = Compose(prepared())
    dataset = MappedDataset(items, transform)
    invert = Invertd("predicted", transform=transform, orig_keys="image", nearest_interp=True, to_tensor=True)
    for index, item in enumerate(items):
        found, expected = dataset[index], as_monai_gives(items, transform, index)
        for one in (found, expected):
            one["predicted"] = MetaTensor((one["image"].as_tensor() > 0.6).float(), meta=one["image"].meta)
        expect_equal(invert(found)["predicted"], invert(expected)["predicted"])
        assert invert(found)["predicted"].shape[1:] == nibabel.load(item["image"]).shape


def test_the_inverse_of_the_transform_itself_goes_back_too(items: Items) -> None:
    transform = Compose([*prepared(), *augmented()])
    dataset = MappedDataset(items, transform)
    back = transform.inverse(dataset[2])
    assert back["image"].shape == back["mask"].shape == (1, 20, 18, 12)
    np.testing.assert_allclose(back["image"].affine, AFFINE, atol=1e-6)


# Loaders


LOADERS: dict[str, Callable[[Any], Any]] = {
    "no workers": lambda dataset: DataLoader(dataset, batch_size=2),
    "two workers": lambda dataset: DataLoader(dataset, batch_size=2, num_workers=2),
    "two that stay": lambda dataset: DataLoader(dataset, batch_size=2, num_workers=2, persistent_workers=True),
    "of torch": lambda dataset: torch.utils.data.DataLoader(dataset, batch_size=2, num_workers=1, collate_fn=list_data_collate),
    "a thread": lambda dataset: ThreadDataLoader(dataset, batch_size=2),
    "three threads": lambda dataset: ThreadDataLoader(dataset, batch_size=2, num_workers=3, use_thread_workers=True),
}


def epochs(loader: Any, number: int) -> list[Any]:
    found = [[bits(batch) for batch in loader] for _ in range(number)]
    # Workers that stay are ended when their loader is cleared away: here, and not while another test forks.
    del loader
    gc.collect()
    return found


@pytest.mark.parametrize("track_meta", [True, False])
def test_every_loader_gives_the_same_epochs_and_each_is_another(items: Items, track_meta: bool) -> None:
    def dataset() -> MappedDataset:
        return MappedDataset(items, Compose([*prepared(), *augmented()]), track_meta=track_meta)

    expected = epochs(LOADERS["no workers"](dataset()), 3)
    assert expected[0] != expected[1] != expected[2] != expected[0]
    for name in list(LOADERS)[1:]:
        assert epochs(LOADERS[name](dataset()), 2) == expected[:2], name
    # Resumed at the third epoch, in another process or here.
    for name in ("no workers", "two workers"):
        resumed = dataset()
        resumed.set_epoch(2)
        assert epochs(LOADERS[name](resumed), 1) == expected[2:]
    another = MappedDataset(items, Compose([*prepared(), *augmented()]), track_meta=track_meta, seed=1)
    assert epochs(LOADERS["no workers"](another), 1) != expected[:1]


def test_a_sample_key_gives_what_the_count_gives_and_does_not_count(items: Items) -> None:
    transform = Compose([*prepared(), *augmented()])
    counting, keyed = MappedDataset(items, transform), MappedDataset(items, transform)
    for epoch in (0, 1):
        for case in (3, 0):
            assert bits(keyed[SampleKey(epoch, case)]) == bits(counting[case])
    assert bits(keyed[SampleKey(0, 3, 1)]) != bits(keyed[SampleKey(0, 3, 0)])
    assert bits(keyed[SampleKey(1, 3)]) == bits(keyed[SampleKey(1, 3)])
    assert bits(keyed[0]) == bits(keyed[SampleKey(0, 0)])


def test_radlearns_own_loader_names_each_draw(items: Items) -> None:
    dataset = MappedDataset(items, Compose([*prepared(), *augmented(), ToTensord(BOTH, track_meta=False)]))
    loader = EpochLoader(dataset, 2, seed=3, workers=1, collate=list_data_collate)
    (batch, *_), ((first, second), *_) = list(loader.epoch(4)), loader.keys(4)
    assert bits(batch["image"][0]) == bits(dataset[first]["image"])
    assert bits(batch["image"][1]) == bits(dataset[second]["image"])
    assert loader.names([first]) == [f"ann-{first.case}"]


def test_slices_lists_and_negative_indices_are_those_of_a_list(items: Items) -> None:
    dataset = MappedDataset(items, Compose([*prepared(), *augmented()]))
    assert [item["id"] for item in dataset[1:4:2]] == ["ann-1", "ann-3"]
    assert [item["id"] for item in dataset[[4, 0]]] == ["ann-4", "ann-0"]
    assert [item["id"] for item in torch.utils.data.Subset(dataset, [2])] == ["ann-2"]
    again = MappedDataset(items, Compose([*prepared(), *augmented()]))
    assert bits(again[-1]) == bits(again[SampleKey(0, 4)])
    with pytest.raises(IndexError):
        _ = again[5]
    with pytest.raises(IndexError):
        again.cached(5)


def test_threads_of_the_user_draw_what_one_thread_draws(items: Items) -> None:
    dataset = MappedDataset(items, Compose([*prepared(), *augmented()]))
    keys = [SampleKey(epoch, case) for epoch in range(4) for case in range(5)]
    expected = {key: bits(dataset[key]) for key in keys}
    found: dict[SampleKey, Any] = {}

    def work(first: int) -> None:
        found.update({key: bits(dataset[key]) for key in keys[first::4]})

    threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_sent_to_another_process_it_gives_the_same_and_takes_no_pixels_along(items: Items) -> None:
    dataset = MappedDataset(items, Compose([*prepared(), *augmented()]))
    _ = dataset[0]
    sent = pickle.dumps(dataset)
    assert dataset.entries[0].array("image").tobytes()[-200:] not in sent
    again = pickle.loads(sent)
    assert bits(again[0]) == bits(dataset[SampleKey(1, 0)])
    assert bits(copy.deepcopy(dataset)[1]) == bits(dataset[1])


# Maps


def test_arrays_are_maps_and_what_a_transform_writes_stays_with_the_caller(items: Items) -> None:
    class Darkened(MapTransform):
        def __call__(self, data: Any) -> Any:
            for key in self.keys:
                data[key] *= 0
            return data

    class Randomly(Randomizable, Darkened): ...

    dataset = MappedDataset(items, Compose([*prepared(), Randomly("image")]))
    assert isinstance(dataset.entries[0].array("image").base, mmap.mmap)
    before = bits(dataset.cached(0))
    assert not dataset[0]["image"].any()
    dataset.cached(0)["image"][:] = 5
    assert bits(dataset.cached(0)) == before


def test_a_crop_is_a_view_of_the_map_and_the_map_is_let_go_with_it(items: Items, monkeypatch: pytest.MonkeyPatch) -> None:
    maps: list[weakref.ref] = []
    mapping = mmap.mmap

    def noted(*args: Any, **options: Any) -> Any:
        mapped = mapping(*args, **options)
        maps.append(weakref.ref(mapped))
        return mapped

    dataset = MappedDataset(items, Compose([*prepared(), RandSpatialCropd(BOTH, (3, 3, 3), random_size=False)]))
    whole = dataset.entries[0].array("image").nbytes
    monkeypatch.setattr("radlearn.entry_files.mmap.mmap", noted)
    item = dataset[0]
    assert item["image"].shape == (1, 3, 3, 3)
    assert item["image"].untyped_storage().nbytes() == whole
    assert len(maps) == 1
    del item
    batches = list(DataLoader(dataset, batch_size=2))
    assert len(maps) == 6
    assert all(one() is None for one in maps)
    assert len(batches) == 3


def test_without_meta_data_items_are_tensors_of_the_same_numbers(items: Items) -> None:
    transform = Compose([*prepared(), *augmented()])
    with_meta, without = MappedDataset(items, transform), MappedDataset(items, transform, track_meta=False)
    assert with_meta.entries == without.entries
    item = without.cached(0)
    assert type(item["image"]) is torch.Tensor
    assert item["label"] == 0
    expect_equal(item, with_meta.cached(0), with_meta=False)
    expect_equal(without[1], with_meta[1], with_meta=False)
    expect_equal(without.meta(0, "image"), with_meta.meta(0, "image"))


# What an item is


def test_its_id_is_a_name_and_nothing_else(items: Items, tmp_path: Path) -> None:
    counted = Counted(tmp_path / "calls")
    seen = Lambdad("id", lambda x: "changed", allow_missing_keys=True)
    first = MappedDataset(items[:1], Compose([counted, *prepared(), seen]))
    second = MappedDataset([items[0] | {"id": "bob"}, drop_id(items[0])], Compose([counted, *prepared(), seen]))
    assert counted.count == 1
    assert [first[0]["id"], second[0]["id"]] == ["ann-0", "bob"]
    assert "id" not in second[1]
    assert second.ids == ["bob", str(items[0]["image"])]


def test_another_value_is_another_item_and_the_same_one_is_not(items: Items, tmp_path: Path) -> None:
    counted = Counted(tmp_path / "calls")

    def dataset(data: Items) -> MappedDataset:
        return MappedDataset(data, Compose([counted, *prepared(), Lambdad("label", lambda label: label * 10)]))

    assert [item["label"] for item in dataset(items)] == [0, 10, 0, 10, 0]
    changed = [item | {"label": 7} if number == 3 else item for number, item in enumerate(items)]
    assert [item["label"] for item in dataset(changed)] == [0, 10, 0, 70, 0]
    assert counted.count == 6
    dataset([dict(reversed(item.items())) for item in items])
    assert counted.count == 6


def test_values_of_all_kinds_come_back_as_monai_gives_them(items: Items) -> None:
    values = {
        "number": np.float32(1.5),
        "boxes": np.arange(8.0).reshape(2, 4),
        "tensor": torch.tensor(3),
        "words": ["a", ("b", 2.5)],
        "nested": {"a": {1: 2}},
    }
    data = [item | values for item in items]
    transform = Compose([*prepared(), *augmented()])
    found, expected = drop_id(MappedDataset(data, transform)[0]), as_monai_gives(data, transform, 0)
    expect_equal(found, expected)
    for key in values:
        assert type(found[key]) is type(expected[key]), key
    batch = next(iter(DataLoader(MappedDataset(data, transform), batch_size=2)))
    assert batch["number"].dtype == torch.float32


def test_moved_touched_and_copied_files_are_recognised_and_named_as_they_are_now(items: Items, tmp_path: Path) -> None:
    counted = Counted(tmp_path / "calls")
    transform = Compose([counted, *prepared(), CopyItemsd("image", names="source")])
    MappedDataset(items[:2], transform)
    os.utime(items[0]["image"])
    moved = tmp_path / "moved.nii.gz"
    shutil.move(items[1]["image"], moved)
    data = [items[0], items[1] | {"image": moved}]
    dataset = MappedDataset(data, transform)
    assert counted.count == 2
    for index, item in enumerate(data):
        for key, path in (("image", item["image"]), ("source", item["image"]), ("mask", item["mask"])):
            assert dataset[index][key].meta["filename_or_obj"] == str(path)
            assert dataset.meta(index, key)["filename_or_obj"] == str(path)
    # A path that no transform loads is given back as it is written now.
    paths = MappedDataset(data, Compose([LoadImaged("mask")]))
    assert [paths[index]["image"] for index in range(2)] == [items[0]["image"], moved]


def test_a_changed_file_is_another_item(items: Items) -> None:
    first = MappedDataset(items, Compose(prepared())).cached(0)
    mask = nibabel.load(items[0]["mask"])
    nibabel.save(nibabel.Nifti1Image(1 - np.asarray(mask.dataobj), mask.affine), items[0]["mask"])
    second = MappedDataset(items, Compose(prepared()))
    assert not torch.equal(second.cached(0)["mask"].as_tensor(), first["mask"].as_tensor())
    expect_equal(drop_id(second.cached(0)), as_monai_gives(items, Compose(prepared()), 0))


def test_an_item_may_lack_its_mask(items: Items) -> None:
    data = [items[0], {key: value for key, value in items[0].items() if key != "mask"}]
    dataset = MappedDataset(data, Compose([*prepared(), RandFlipd(BOTH, prob=1.0, allow_missing_keys=True)]))
    assert "mask" in dataset[0]
    assert "mask" not in dataset[1]
    assert bits(dataset[SampleKey(0, 1)]["image"]) == bits(dataset[SampleKey(0, 0)]["image"])


def test_several_files_of_one_key_are_its_channels(items: Items) -> None:
    pair = [items[0]["image"], str(items[1]["image"])]
    nested = {"image": pair, "label": 1}
    transform = Compose([LoadImaged("image"), RandFlipd("image", prob=0.5)])
    dataset = MappedDataset([nested], transform)
    assert dataset.cached(0)["image"].shape == (2, 20, 18, 12)
    expect_equal(dataset[0], as_monai_gives([nested], transform, 0))
    assert MappedDataset([nested | {"image": pair[::-1]}], transform).entries != dataset.entries


def test_keys_that_are_deleted_are_not_there(items: Items) -> None:
    dataset = MappedDataset(items, Compose([*prepared(), DeleteItemsd("mask")]))
    assert {"id", "image", "label"} <= dataset[0].keys()
    assert "mask" not in dataset[0]


def test_the_users_data_are_not_changed(items: Items) -> None:
    class Appending(Transform):
        def __call__(self, data: Any) -> Any:
            data["list"].append(1)
            data["more"] = 1
            return data

    data = [item | {"list": []} for item in items]
    dataset = MappedDataset(data, Compose([Appending(), *prepared()]), workers=1)
    assert all(item["list"] == [] and "more" not in item for item in data)
    assert dataset[0]["list"] == [1]

    class Randomly(Randomizable, Appending): ...

    dataset = MappedDataset([item | {"paths": [item["mask"]]} for item in data], Compose([*prepared("image"), Randomly()]))
    assert dataset[0]["list"] == dataset[0]["list"] == [1]
    dataset[0]["paths"].clear()
    assert dataset[0]["paths"] == [items[0]["mask"]]


def test_a_folder_of_dicom_slices_is_a_file_like_others(tmp_path: Path) -> None:
    series = tmp_path / "series"
    series.mkdir()
    slices = []
    for number in range(3):
        dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
        dataset.ImagePositionPatient = [-158.1, -179.0, -75.7 + 5 * number]
        dataset.SOPInstanceUID, dataset.InstanceNumber = f"1.2.3.{number}", number + 1
        dataset.PixelData = (dataset.pixel_array + number).astype(np.int16).tobytes()
        dataset.save_as(series / f"{number}.dcm")
        slices.append(dataset.pixel_array)
    transform = Compose([LoadImaged("image", reader="PydicomReader"), EnsureChannelFirstd("image")])
    first = MappedDataset([{"image": series}], transform)
    image = first[0]["image"]
    assert image.shape == (1, 128, 128, 3)
    np.testing.assert_array_equal(image[0, :, :, 2].T - image[0, :, :, 0].T, 2)
    os.utime(series / "1.dcm")
    assert MappedDataset([{"image": series}], transform).entries == first.entries
    (series / "2.dcm").unlink()
    assert MappedDataset([{"image": series}], transform)[0]["image"].shape == (1, 128, 128, 2)


def test_paths_relative_to_the_current_directory_are_files_too(items: Items, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path / "scans")
    dataset = MappedDataset([{"image": "0_ct.nii.gz"}], Compose(prepared("image")))
    assert dataset.meta(0, "image")["filename_or_obj"] == "0_ct.nii.gz"
    before = bits(dataset[0])
    shutil.copy("1_ct.nii.gz", "0_ct.nii.gz")
    assert bits(MappedDataset([{"image": "0_ct.nii.gz"}], Compose(prepared("image")))[0]) != before


# The cache


def test_changed_settings_and_compose_have_caches_of_their_own(items: Items, own_cache_folder: Path) -> None:
    composed = [
        Compose(prepared()),
        Compose(prepared()[:-1]),
        Compose([*prepared()[:3], Spacingd(BOTH, pixdim=(2, 2, 3), mode="nearest")]),
        Compose(prepared(), lazy=True),
    ]
    folders = [{entry.path.parent for entry in MappedDataset(items[:2], transform).entries} for transform in composed]
    assert len(set.union(*folders)) == 4
    assert all(folder.parent == own_cache_folder / "mapped" for folder in set.union(*folders))
    # What follows the first random transform does not.
    assert {entry.path.parent for entry in MappedDataset(items[:2], Compose([*prepared(), *augmented()])).entries} == folders[0]


def test_the_folder_can_be_chosen_and_words_are_said(items: Items, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = Words("CT cache", "CTs", "prepared", "Repair them")
    dataset = MappedDataset(items, Compose(prepared()), cache_dir=tmp_path / "here", words=words)
    assert dataset.entries[0].path.is_relative_to(tmp_path / "here")
    assert f"CT cache: 5 CTs, 0 MB, in {dataset.entries[0].path.parent}" in capsys.readouterr().err


def test_set_data_makes_what_is_new_and_counts_from_the_start(items: Items, tmp_path: Path) -> None:
    counted = Counted(tmp_path / "calls")
    transform = Compose([counted, *prepared(), *augmented()])
    dataset = MappedDataset(items[:2], transform)
    _ = dataset[0]
    dataset.set_data(items[1:4])
    assert counted.count == 4
    assert dataset.ids == ["ann-1", "ann-2", "ann-3"]
    assert bits(dataset[2]) == bits(MappedDataset(items[1:4], transform)[2])


class Killing(Transform):
    """Kills its process at an item, as long as a file is there."""

    def __init__(self, key: str, marker: Path) -> None:
        self.key, self.marker = key, marker

    def __call__(self, data: Any) -> Any:
        if self.marker.exists() and str(data[self.key]).endswith("3_ct.nii.gz"):
            os.kill(os.getpid(), signal.SIGKILL)
        return data


@pytest.mark.parametrize("workers", [1, 2])
def test_a_pass_killed_in_the_middle_goes_on_where_it_was(
    items: Items, tmp_path: Path, own_cache_folder: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radlearn.known_entries.SYNC_EVERY_SECONDS", 0.0)
    counted, marker = Counted(tmp_path / "calls"), tmp_path / "kill"
    transform = Compose([Killing("image", marker), counted, *prepared()])
    marker.touch()
    child = os.fork()
    if child == 0:
        # The threads of the test's own process are not copied.
        torch.set_num_threads(1)
        try:
            MappedDataset(items, transform, workers=workers)
        except CacheTrouble:
            os._exit(7)
        os._exit(0)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    # With processes of its own it is told that one of them was killed, and says so.
    assert ended == (-signal.SIGKILL if workers == 1 else 7)
    done = counted.count
    (table,) = own_cache_folder.glob("mapped/*/known.jsonl")
    listed = len(table.read_text().splitlines())
    assert listed == 3 if workers == 1 else listed <= 4
    marker.unlink()
    dataset = MappedDataset(items, transform, workers=workers)
    assert counted.count == done + 5 - listed
    for index in range(5):
        expect_equal(drop_id(dataset[index]), as_monai_gives(items, Compose(prepared()), index))


def test_two_threads_make_one_cache(items: Items, tmp_path: Path) -> None:
    counted = Counted(tmp_path / "calls")
    found: list[MappedDataset] = []
    threads = [
        threading.Thread(target=lambda: found.append(MappedDataset(items, Compose([counted, *prepared()]), workers=2))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted.count == 5
    assert found[0].entries == found[1].entries


def test_a_full_disk_is_said(items: Items) -> None:
    with pytest.raises(CacheTrouble, match="not enough disk space for the cache"):
        MappedDataset(items, Compose(prepared()), needed_bytes=10**18)


def test_notes_of_a_reader_are_said_with_the_file(items: Items, capsys: pytest.CaptureFixture[str]) -> None:
    class Noted(MapTransform):
        def __init__(self, keys: Any, notes: Any) -> None:
            super().__init__(keys)
            self.notes = notes

        def __call__(self, data: Any) -> Any:
            for key in self.keys:
                data[key].meta["notes"] = self.notes
            return data

    MappedDataset(items[:1], Compose([*prepared(), Noted(BOTH, "two affines\nodd spacing")]))
    lines = capsys.readouterr().err.splitlines()
    assert "0_ct.nii.gz: two affines" in lines
    assert "0_ct.nii.gz: odd spacing" in lines
    MappedDataset(items[:2], Compose([*prepared(), Noted(BOTH, ("in a tuple",))]))
    assert "in a tuple (2 cases)" in capsys.readouterr().err


# What goes wrong


def test_files_that_cannot_be_read_are_listed_and_the_others_are_kept(items: Items, tmp_path: Path) -> None:
    counted = Counted(tmp_path / "calls")

    class Checked(MapTransform):
        def __call__(self, data: Any) -> Any:
            name = Path(data["image"]).name
            if name.startswith("1"):
                raise UnreadableScan(f"{name}: is truncated.")
            if name.startswith("2"):
                raise BadLayout(f"{name}: is in the wrong folder.")
            return data

    Path(items[4]["mask"]).unlink()
    data = [*items[:4], items[4] | {"mask": Path(items[4]["mask"])}]
    with pytest.raises(UnreadableScan) as caught:
        MappedDataset(data, Compose([Checked("image"), *prepared(), counted]))
    assert str(caught.value).splitlines() == [
        "3 of 5 cases cannot be prepared:",
        f"  {items[4]['mask']}: there is no such file.",
        "  1_ct.nii.gz: is truncated.",
        "  2_ct.nii.gz: is in the wrong folder.",
        "The other 2 are in the cache and will not be prepared again. Repair or remove these files, then try again.",
    ]
    MappedDataset([data[0], data[3]], Compose([Checked("image"), *prepared(), counted]))
    assert counted.count == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fault_in_a_transform_names_the_item_and_the_transform_and_keeps_the_others(items: Items, tmp_path: Path, workers: int) -> None:
    counted = Counted(tmp_path / "calls")

    class Faulty(MapTransform):
        def __call__(self, data: Any) -> Any:
            if data["label"]:
                raise ValueError("no such label")
            return data

    transform = Compose([*prepared(), Faulty("label"), counted])
    with pytest.raises(UnreadableScan) as caught:
        MappedDataset(items, transform, workers=workers)
    line = Faulty.__call__.__code__.co_firstlineno + 2
    fault = f"Faulty: ValueError: no such label ({__file__}, line {line})"
    assert str(caught.value).splitlines()[:3] == ["2 of 5 cases cannot be prepared:", f"  ann-1: {fault}", f"  ann-3: {fault}"]
    # The traceback is there for whoever wrote it.
    assert "in __call__" in caught.value.__notes__[0]
    assert len(caught.value.__notes__) == 1
    MappedDataset(items[::2], transform)
    assert counted.count == 3


def test_a_file_that_monai_cannot_read_is_named_in_one_line(items: Items) -> None:
    items[1]["image"].write_bytes(b"no image")
    with pytest.raises(UnreadableScan, match=r"\n  ann-1: LoadImaged: .*1_ct\.nii\.gz is not a gzip file\nThe other 4"):
        MappedDataset(items, Compose(prepared()))


def test_a_setting_that_is_wrong_for_all_ends_the_pass(items: Items) -> None:
    class Refusing(MapTransform):
        def __call__(self, data: Any) -> Any:
            raise BadSetting("spacing_mm is 0.")

    with pytest.raises(BadSetting, match=r"^spacing_mm is 0\.$"):
        MappedDataset(items, Compose([*prepared(), Refusing("image")]), workers=2)


def test_an_error_in_a_random_transform_names_the_item(items: Items) -> None:
    class Unlucky(Randomizable, MapTransform):
        def __call__(self, data: Any) -> Any:
            raise ValueError("bad luck")

    dataset = MappedDataset(items, Compose([*prepared(), Unlucky("image")]))
    with pytest.raises(RuntimeError, match="applying transform") as caught:
        _ = dataset[SampleKey(2, 3)]
    assert caught.value.__notes__ == ["The item was ann-3 (epoch 3)."]
    # As a worker of a loader sends it.
    assert "The item was ann-3 (epoch 3)." in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], r"^The cache got no cases; expected at least one\.$"),
        ([{"image": "nowhere.nii.gz"}], "an item names no file"),
        (["a.nii.gz"], r"an item is 'a\.nii\.gz'; expected a dictionary"),
        ([{"image": Path("a.nii.gz"), "info": {1}}], r"^info: a set cannot be kept"),
    ],
)
def test_data_that_make_no_sense_are_refused_before_a_folder_is_made(own_cache_folder: Path, data: Sequence[Any], words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        MappedDataset(data, Compose(prepared()))
    assert not list(own_cache_folder.iterdir())


@pytest.mark.parametrize("options", [{"workers": 0}, {"workers": -1}, {"per_job": 0}])
def test_numbers_that_make_no_sense_are_refused(items: Items, options: dict[str, int]) -> None:
    with pytest.raises(BadSetting, match="both must be at least 1"):
        MappedDataset(items, Compose(prepared()), **options)


def test_values_that_cannot_be_kept_are_refused_with_their_key(items: Items) -> None:
    class Adding(Transform):
        def __call__(self, data: Any) -> Any:
            return data | {"found": {"deep": [object()]}}

    with pytest.raises(BadSetting, match=r"found\.deep: a object cannot be kept in a cache; .* Remove the key with DeleteItemsd"):
        MappedDataset(items, Compose([*prepared(), Adding()]), workers=2)
    assert len(MappedDataset(items, Compose([*prepared(), Adding(), DeleteItemsd("found")]))) == 5


def test_several_items_of_one_before_the_random_transforms_are_refused(items: Items) -> None:
    with pytest.raises(BadSetting, match=r"ann-\d: the transforms before the first random one made a list; expected a dictionary"):
        MappedDataset(items, Compose([*prepared(), SplitDimd("image", dim=1, list_output=True)]))


def test_a_transform_that_cannot_be_compared_is_refused(items: Items, tmp_path: Path) -> None:
    with open(tmp_path / "notes", "w") as opened, pytest.raises(BadSetting, match=r"a transform holds a TextIOWrapper in Lambdad\.func"):
        MappedDataset(items, Compose([*prepared(), Lambdad("image", func=lambda x: opened.write("x"))]))


def test_an_entry_that_was_removed_while_in_use_is_said(items: Items) -> None:
    dataset = MappedDataset(items, Compose(prepared()))
    shutil.rmtree(dataset.entries[0].path.parent)
    with pytest.raises(CacheTrouble, match="was removed or changed while it was in use"):
        _ = dataset[0]


# X-rays


@pytest.fixture
def xrays(tmp_path: Path) -> Items:
    folder = tmp_path / "xrays"
    folder.mkdir()
    for number in range(6):
        np.save(folder / f"{number}.npy", np.random.default_rng(number).integers(0, 256, (70, 60)).astype(np.uint8))
    return [{"id": str(number), "image": folder / f"{number}.npy", "label": float(number)} for number in range(6)]


def test_flat_images_go_the_same_way(xrays: Items) -> None:
    def transform() -> Compose:
        return Compose(
            [
                LoadImaged("image", reader="NumpyReader"),
                EnsureChannelFirstd("image", channel_dim="no_channel"),
                Resized("image", (32, 32), mode="area"),
                EnsureTyped("image", dtype=torch.float16),
                RandRotate90d("image", prob=0.5),
                EnsureTyped("image", dtype=torch.float32, track_meta=False),
            ]
        )

    dataset = MappedDataset(xrays, transform(), track_meta=False, per_job=4)
    batches = [bits(batch) for batch in DataLoader(dataset, batch_size=3, num_workers=2)]
    assert len(batches) == 2
    for index in range(6):
        expected = as_monai_gives(xrays, transform(), index)
        expect_equal(drop_id(dataset[SampleKey(0, index)]), expected, with_meta=False)
        assert dataset.cached(index)["image"].dtype == torch.float16


def test_it_needs_no_other_room_of_radlearn() -> None:
    """A MONAI program takes it and nothing else along."""
    package = Path(mapped_dataset.__file__).parents[1]
    found, open_names = set(), ["radlearn.monai_parts.mapped_dataset"]
    while open_names:
        name = open_names.pop()
        path = package.joinpath(*name.split(".")[1:]).with_suffix(".py")
        if name in found or not path.exists():
            continue
        found.add(name)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("radlearn"):
                open_names += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    assert "radlearn.array_store" in found
    assert all(name.count(".") == 1 or name.startswith(("radlearn.monai_parts.", "radlearn.augmentation.")) for name in found), found


@pytest.mark.parametrize("reader", [RadiographReader(), "PydicomReader"])
def test_no_patient_is_named_in_the_cache(tmp_path: Path, reader: Any) -> None:
    """Neither by what a reader says of the header nor by the name of the file, which is given back all the same."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    dataset.PatientID, dataset.PatientName, dataset.PatientBirthDate = "Secret-4711", "Doe^Jane", "19700131"
    path = tmp_path / "Doe-Jane.dcm"
    dataset.save_as(path)
    items = MappedDataset([{"image": path}], Compose([LoadImaged("image", reader=reader)]), cache_dir=tmp_path / "cache", workers=1)
    meta = items[0]["image"].meta
    assert meta["filename_or_obj"] == str(path)
    files = [file for file in (tmp_path / "cache").rglob("*") if file.is_file() and file.name != "lock"]
    assert len(files) == 2
    uids = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
    for file in files:
        assert file.stat().st_mode & 0o077 == 0
        content = file.read_bytes()
        assert not any(secret.encode() in content for secret in ("Secret", "4711", "Doe", "19700131", *uids))
