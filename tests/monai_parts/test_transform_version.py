"""The version of a transform: the same in every process, another for another class, setting or code."""

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import NibabelReader, PydicomReader
from monai.transforms import (
    AsDiscreted,
    CastToTyped,
    Compose,
    ConcatItemsd,
    CopyItemsd,
    CropForegroundd,
    DeleteItemsd,
    EnsureChannelFirstd,
    EnsureTyped,
    FgBgToIndicesd,
    GaussianSmoothd,
    HistogramNormalized,
    KeepLargestConnectedComponentd,
    Lambda,
    Lambdad,
    LoadImaged,
    MapTransform,
    MaskIntensityd,
    NormalizeIntensityd,
    Orientationd,
    RepeatChanneld,
    ResampleToMatchd,
    Resized,
    ScaleIntensityd,
    ScaleIntensityRanged,
    ScaleIntensityRangePercentilesd,
    Spacingd,
    SpatialPadd,
    TorchVisiond,
    ToTensord,
    Transposed,
)

from radlearn.errors import BadSetting
from radlearn.monai_parts import transform_version as module
from radlearn.monai_parts.transform_version import transform_version

PROJECT = Path(__file__).resolve().parents[2]


def window(image: Any) -> Any:
    """A function of a module, as a user writes it for Lambdad."""
    return (image + 1000) / 1500


class Inverted(MapTransform):
    """A transform of the user's own."""

    def __init__(self, keys: Any, top: float = 255) -> None:
        super().__init__(keys)
        self.top = top

    def __call__(self, data: Any) -> Any:
        return dict(data) | {key: self.top - data[key] for key in self.key_iterator(data)}


BOTH = ("image", "mask")
# What programs for CTs and X-rays use before their first random transform.
TRANSFORMS: dict[str, Callable[[], Any]] = {
    "LoadImaged": lambda: LoadImaged("image"),
    "LoadImaged both": lambda: LoadImaged(BOTH),
    "LoadImaged by name": lambda: LoadImaged("image", reader="NibabelReader"),
    "LoadImaged nibabel, squeezed": lambda: LoadImaged("image", reader=NibabelReader(squeeze_non_spatial_dims=True)),
    "LoadImaged pydicom": lambda: LoadImaged("image", reader=PydicomReader()),
    "LoadImaged pydicom, not swapped": lambda: LoadImaged("image", reader=PydicomReader(swap_ij=False)),
    "LoadImaged float64": lambda: LoadImaged("image", dtype=np.float64),
    "EnsureChannelFirstd": lambda: EnsureChannelFirstd("image"),
    "Orientationd RAS": lambda: Orientationd("image", axcodes="RAS", labels=None),
    "Orientationd LPS": lambda: Orientationd("image", axcodes="LPS", labels=None),
    "Spacingd": lambda: Spacingd(BOTH, pixdim=(1, 1, 2), mode=("bilinear", "nearest")),
    "Spacingd coarser": lambda: Spacingd(BOTH, pixdim=(1, 1, 3), mode=("bilinear", "nearest")),
    "Spacingd bilinear": lambda: Spacingd(BOTH, pixdim=(1, 1, 2), mode="bilinear"),
    "CropForegroundd": lambda: CropForegroundd(BOTH, source_key="image"),
    "CropForegroundd of the mask": lambda: CropForegroundd(BOTH, source_key="mask"),
    "CropForegroundd by a function": lambda: CropForegroundd(BOTH, source_key="image", select_fn=window),
    "CropForegroundd by another": lambda: CropForegroundd(BOTH, source_key="image", select_fn=lambda x: x > 1),
    "ScaleIntensityRanged": lambda: ScaleIntensityRanged("image", -1000, 500, 0, 1, clip=True),
    "ScaleIntensityRanged wider": lambda: ScaleIntensityRanged("image", -1000, 600, 0, 1, clip=True),
    "ScaleIntensityd": lambda: ScaleIntensityd("image"),
    "percentiles": lambda: ScaleIntensityRangePercentilesd("image", 1, 99, 0, 1),
    "NormalizeIntensityd": lambda: NormalizeIntensityd("image", subtrahend=np.array([1.0]), divisor=np.array([2.0])),
    "NormalizeIntensityd by 3": lambda: NormalizeIntensityd("image", subtrahend=np.array([1.0]), divisor=np.array([3.0])),
    "Resized": lambda: Resized("image", (128, 128), mode="area"),
    "Resized larger": lambda: Resized("image", (128, 129), mode="area"),
    "SpatialPadd": lambda: SpatialPadd("image", (128, 128)),
    "GaussianSmoothd": lambda: GaussianSmoothd("image", 1.0),
    "HistogramNormalized": lambda: HistogramNormalized("image"),
    "MaskIntensityd": lambda: MaskIntensityd("image", mask_data=torch.ones(2, 2)),
    "MaskIntensityd by another": lambda: MaskIntensityd("image", mask_data=torch.zeros(2, 2)),
    "FgBgToIndicesd": lambda: FgBgToIndicesd("mask", image_key="image"),
    "EnsureTyped": lambda: EnsureTyped("image", dtype=torch.float32),
    "CastToTyped": lambda: CastToTyped(BOTH, dtype=(torch.float16, torch.uint8)),
    "AsDiscreted": lambda: AsDiscreted("mask", threshold=0.5),
    "ResampleToMatchd": lambda: ResampleToMatchd("mask", key_dst="image", mode="nearest"),
    "KeepLargest": lambda: KeepLargestConnectedComponentd("mask"),
    "Lambdad of a function": lambda: Lambdad("image", func=window),
    "Lambdad of a lambda": lambda: Lambdad("image", func=lambda x: x * 2),
    "Lambdad of another": lambda: Lambdad("image", func=lambda x: x * 3),
    "Lambda": lambda: Lambda(func=window),
    "TorchVisiond": lambda: TorchVisiond("image", "CenterCrop", size=3),
    "CopyItemsd": lambda: CopyItemsd("image", names="source"),
    "ConcatItemsd": lambda: ConcatItemsd(BOTH, "both"),
    "DeleteItemsd": lambda: DeleteItemsd("mask"),
    "RepeatChanneld": lambda: RepeatChanneld("image", 3),
    "Transposed": lambda: Transposed("image", (0, 2, 1)),
    "ToTensord": lambda: ToTensord("image"),
    "Inverted": lambda: Inverted("image"),
    "Inverted below 1": lambda: Inverted("image", 1),
    "Compose": lambda: Compose([ScaleIntensityd("image"), ToTensord("image")], map_items=False),
}


def test_each_transform_has_a_version_of_its_own_which_does_not_change() -> None:
    versions = {name: transform_version([make()]) for name, make in TRANSFORMS.items()}
    assert len(set(versions.values())) == len(versions)
    assert all(len(version) == 16 and int(version, 16) >= 0 for version in versions.values())
    assert {name: transform_version([make()]) for name, make in TRANSFORMS.items()} == versions


def test_a_reader_by_its_name_is_the_same_as_the_reader() -> None:
    by_name, by_class, itself = (LoadImaged("image", reader=reader) for reader in ("NibabelReader", NibabelReader, NibabelReader()))
    assert transform_version([by_name]) == transform_version([by_class]) == transform_version([itself])


@pytest.mark.slow
def test_it_is_the_same_in_another_process() -> None:
    code = "from tests.monai_parts.test_transform_version import TRANSFORMS, transform_version\n"
    code += "print(*(transform_version([make()]) for make in TRANSFORMS.values()))"
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(PROJECT)}
    run = subprocess.run([sys.executable, "-c", code], cwd="/", env=environment, check=True, capture_output=True, text=True)
    assert run.stdout.split()[-len(TRANSFORMS) :] == [transform_version([make()]) for make in TRANSFORMS.values()]


def test_order_and_number_of_transforms_count() -> None:
    first, second = ScaleIntensityd("image"), ToTensord("image")
    versions = {transform_version(these) for these in ([], [first], [second], [first, second], [second, first], [first, first])}
    assert len(versions) == 6


@pytest.mark.parametrize("name", ["Spacingd", "CropForegroundd", "Resized", "Orientationd LPS", "Lambdad of a function", "ScaleIntensityd"])
def test_a_transform_that_was_used_has_the_version_that_it_had(name: str) -> None:
    transform = TRANSFORMS[name]()
    before = transform_version([transform])
    size = (8, 8) if name == "Resized" else (6, 6, 6)
    image = torch.arange(float(np.prod(size))).reshape(1, *size)
    transform({"image": image.clone(), "mask": image.clone()})
    assert transform_version([transform]) == before


@pytest.fixture
def user_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Writes a module of the user's and returns it, imported anew."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def written(code: str, name: str = "my_transforms") -> ModuleType:
        (tmp_path / f"{name}.py").write_text(code)
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    return written


CODE = """
import numpy as np
from monai.transforms import MapTransform

LEVEL = 40
TABLE = np.arange(3)

def window(image):
    return (image - LEVEL) / 400

def made_for(width):
    def narrowed(image):
        return image / width
    return narrowed

class Window(MapTransform):
    def __init__(self, keys, width=400):
        super().__init__(keys)
        self.width = width
    def __call__(self, data):
        return {key: window(data[key]) + TABLE[0] for key in self.key_iterator(data)}
"""


@pytest.mark.parametrize(
    "change",
    [
        ("/ 400", "/ 500"),
        ("LEVEL = 40", "LEVEL = 50"),
        ("+ TABLE[0]", "- TABLE[0]"),
        ("arange(3)", "arange(1, 4)"),
        ("width=400", "width=500"),
    ],
)
def test_changed_code_is_another_version_and_the_same_code_is_not(user_code: Callable[[str], ModuleType], change: tuple[str, str]) -> None:
    def version(code: str) -> str:
        mine = user_code(code)
        return transform_version([mine.Window("image"), Lambdad("image", mine.window)])

    first = version(CODE)
    assert version(CODE) == first
    assert version(CODE.replace(*change)) != first


def test_what_a_function_holds_from_around_it_counts(user_code: Callable[[str], ModuleType]) -> None:
    mine = user_code(CODE)
    versions = {transform_version([Lambdad("image", mine.made_for(width))]) for width in (1, 2, 1, np.ones(2), np.zeros(2), np.ones(2))}
    assert len(versions) == 4


def test_the_place_of_the_users_code_does_not_count(tmp_path: Path, user_code: Callable[[str], ModuleType]) -> None:
    first = transform_version([user_code(CODE).Window("image")])
    # As the same module, imported from another folder.
    (tmp_path / "moved").mkdir()
    (tmp_path / "my_transforms.py").rename(tmp_path / "moved" / "my_transforms.py")
    sys.path.insert(0, str(tmp_path / "moved"))
    try:
        sys.modules.pop("my_transforms")
        importlib.invalidate_caches()
        moved = importlib.import_module("my_transforms")
    finally:
        sys.path.remove(str(tmp_path / "moved"))
    assert str(tmp_path / "moved") in str(moved.__file__)
    assert transform_version([moved.Window("image")]) == first


def test_code_that_another_file_of_the_user_holds_counts(user_code: Callable[..., ModuleType]) -> None:
    def version(factor: int) -> str:
        user_code(f"def scaled(image):\n    return image * {factor}", "my_scaling")
        mine = user_code("import my_scaling\ndef window(image):\n    return my_scaling.scaled(image)")
        return transform_version([Lambdad("image", mine.window)])

    assert version(2) != version(3)
    assert version(2) == version(2)


def test_the_version_of_a_package_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    first = transform_version([ScaleIntensityd("image")])
    versions = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.0" if name == "nibabel" else versions(name))
    module._code_version.cache_clear()
    try:
        assert transform_version([ScaleIntensityd("image")]) != first
    finally:
        monkeypatch.undo()
        module._code_version.cache_clear()
    assert transform_version([ScaleIntensityd("image")]) == first


def test_it_covers_every_file_of_radlearn_that_reads_and_transforms() -> None:
    """What the covered files import is covered too, or has no say in the numbers."""
    without_a_say = {
        "radlearn.alone", "radlearn.amounts", "radlearn.array_store", "radlearn.csv_files", "radlearn.disk_trouble",
        "radlearn.entry_sources", "radlearn.errors", "radlearn.file_contents", "radlearn.file_kinds", "radlearn.file_names",
        "radlearn.files", "radlearn.folder_walks", "radlearn.json_files", "radlearn.known_entries", "radlearn.progress",
        "radlearn.pseudonyms", "radlearn.remarks", "radlearn.sample_key",
    }  # fmt: skip
    covered = {".".join(path.relative_to(PROJECT).with_suffix("").parts): path for path in module._own_code()}
    assert "radlearn.scans.nifti" in covered
    assert "radlearn.monai_parts.stored_values" in covered
    for path in covered.values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("radlearn."):
                whole = f"{node.module}.{node.names[0].name}"
                assert {node.module, whole} & (covered.keys() | without_a_say), f"{path.name} imports {node.module}"


def test_what_cannot_be_compared_is_refused_with_its_place(tmp_path: Path) -> None:
    with open(tmp_path / "notes", "w") as opened, pytest.raises(BadSetting, match=r"holds a TextIOWrapper in Lambdad\.func"):
        transform_version([Lambdad("image", func=lambda x: opened.write(str(x)))])
