"""Items as arrays and JSON, and back: equal in value and type."""

import enum
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays_of
from monai.data import MetaTensor
from monai.transforms import Compose, CropForegroundd, EnsureChannelFirstd, Flipd, LoadImaged, Spacingd
from monai.utils import TraceKeys

from radlearn.entry_files import STORABLE
from radlearn.errors import BadSetting
from radlearn.monai_parts.stored_values import Stored, decoded, encoded, restored, stored


class Colour(enum.Enum):
    RED = "red"
    DEEP = (1, 2)


SHAPES = arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
KINDS = some.sampled_from(
    ["?", "u1", "i1", "<u2", ">i2", "<f2", "<u4", "<i4", "<f4", ">f4", "<u8", "<i8", "<f8", "<c8", "<c16", "<U3", "S2"]
)
ARRAYS = KINDS.flatmap(lambda kind: arrays_of.arrays(kind, SHAPES))
NUMBERS = KINDS.flatmap(lambda kind: arrays_of.arrays(kind, 1)).map(lambda array: array[0])
TENSORS = some.sampled_from(["?", "u1", "i1", "i2", "f2", "i4", "f4", "i8", "f8", "c8", "c16"]).flatmap(
    lambda kind: arrays_of.arrays(kind, SHAPES).map(torch.from_numpy)
)
HALVES = arrays_of.arrays("f4", SHAPES).map(lambda array: torch.from_numpy(array).bfloat16())
DTYPES = some.sampled_from([torch.float16, torch.bool, torch.bfloat16, torch.int64])
LEAVES = some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=6)
LEAVES |= ARRAYS | NUMBERS | TENSORS | HALVES | DTYPES
# Also those that look like the marks of this module.
WORDS = some.text(max_size=4) | some.sampled_from(["$tuple", "$array", "$pairs", "$", "$float"])
KEYS = WORDS | some.integers() | some.booleans() | some.none() | some.tuples(some.integers(), some.text(max_size=2))
VALUES = some.recursive(
    LEAVES,
    lambda inner: some.lists(inner, max_size=3) | some.lists(inner, max_size=3).map(tuple) | some.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def expect_equal(found: Any, expected: Any) -> None:
    """Equal in type, shape and bits; NaN is equal to NaN."""
    assert type(found) is type(expected)
    if isinstance(expected, torch.Tensor):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert bits_of(found) == bits_of(expected)
    elif isinstance(expected, np.ndarray | np.generic):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert found.tobytes() == expected.tobytes()
    elif isinstance(expected, dict):
        assert [(type(key), key) for key in found] == [(type(key), key) for key in expected]
        for key, one in expected.items():
            expect_equal(found[key], one)
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            expect_equal(one, other)
    elif isinstance(expected, float) and math.isnan(expected):
        assert math.isnan(found)
    else:
        assert found == expected
        assert str(found) == str(expected)  # -0.0 is not 0.0


def bits_of(tensor: torch.Tensor) -> bytes:
    return (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy().tobytes()


@given(VALUES)
def test_a_nested_value_comes_back_as_it_was_through_json(value: Any) -> None:
    text = json.dumps(encoded(value), allow_nan=False)
    expect_equal(decoded(json.loads(text)), value)


def through_a_file(item: dict[str, Any]) -> dict[str, Any]:
    arrays, about, details = stored(item)
    about, details = json.loads(json.dumps([about, details], allow_nan=False))
    arrays = {key: np.array(array) for key, array in arrays.items()}
    return {key: restored(said, arrays.get(key), details.get(key)) for key, said in about.items()}


@given(some.dictionaries(some.text(max_size=4), VALUES, max_size=4))
def test_an_item_comes_back_as_it_was(item: dict[str, Any]) -> None:
    expect_equal(through_a_file(item), item)


@given(TENSORS | HALVES, VALUES)
def test_a_meta_tensor_comes_back_with_its_meta_data_and_operations(tensor: torch.Tensor, value: Any) -> None:
    operations = [{TraceKeys.CLASS_NAME: "Flip", TraceKeys.ID: 140_000, TraceKeys.EXTRA_INFO: {"axes": (0, 1), "more": value}}]
    image = MetaTensor(tensor, affine=torch.eye(4), meta={"said": value, Colour.RED: "a key"}, applied_operations=operations)
    found = through_a_file({"image": image})["image"]
    assert isinstance(found, MetaTensor)
    expect_equal(found.as_tensor(), tensor)
    expect_equal(found.affine, image.affine)
    expect_equal(found.meta["said"], value)
    assert found.meta["red"] == "a key"
    # Not its id: it was that of an object of the process that made it.
    expect_equal(found.applied_operations, [{"class": "Flip", "id": "none", "extra_info": {"axes": (0, 1), "more": value}}])


def test_arrays_are_not_written_as_text(tmp_path: Path) -> None:
    image = np.zeros((50, 50), np.int16)
    parts = stored({"array": image, "tensor": torch.zeros(50, 50), "image": MetaTensor(torch.zeros(50, 50)), "label": 1})
    assert sorted(parts.arrays) == ["array", "image", "tensor"]
    assert parts.arrays["array"] is image
    assert len(json.dumps([parts.about, parts.details])) < 2000
    assert parts.about["label"] == {"kind": "value", "value": 1}
    assert list(parts.details) == ["image"]


def test_what_is_kept_as_an_array_can_be_kept_in_a_file() -> None:
    parts = stored({"half": torch.ones(3).bfloat16(), "words": np.array(["a"]), "wide": np.ones(2, complex), "flag": torch.tensor(True)})
    assert all(array.dtype in STORABLE for array in parts.arrays.values())
    assert sorted(parts.arrays) == ["flag", "half"]


def test_without_details_a_meta_tensor_is_a_tensor_that_shares_memory() -> None:
    parts = stored({"image": MetaTensor(torch.arange(4))})
    found = restored(parts.about["image"], parts.arrays["image"])
    assert type(found) is torch.Tensor
    found[0] = 9
    assert parts.arrays["image"][0] == 9


def test_enumerations_are_their_values_and_paths_are_words() -> None:
    assert decoded(encoded([Colour.RED, Colour.DEEP, {Colour.RED: 1}, Path("/a/b")])) == ["red", (1, 2), {"red": 1}, "/a/b"]


def test_what_is_decoded_can_be_changed_alone() -> None:
    said = encoded({"list": [1], "array": np.zeros(2), "tensor": torch.zeros(2)})
    first, second = decoded(said), decoded(said)
    first["list"].append(2)
    first["array"][0] = 1
    first["tensor"][0] = 1
    expect_equal(second, {"list": [1], "array": np.zeros(2), "tensor": torch.zeros(2)})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({1, 2}, r"^info\.deep: a set cannot be kept in a cache; expected arrays, .* Remove the key with DeleteItemsd"),
        (object(), r"^info\.deep: a object cannot be kept"),
        (b"bytes", r"^info\.deep: a bytes cannot be kept"),
        (np.array([None]), r"^info\.deep: a ndarray of object cannot be kept"),
        (np.datetime64("2020-01-01"), r"^info\.deep: a datetime64 of datetime64\[D\] cannot be kept"),
        (torch.eye(2).to_sparse(), r"^info\.deep: a tensor of torch\.float32, torch\.sparse_coo, cannot be kept"),
    ],
)
def test_a_value_that_cannot_be_kept_is_refused_with_its_key(value: Any, words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        stored({"info": {"deep": value}})
    with pytest.raises(BadSetting, match=words.replace(r"info\.deep", r"image\.deep")):
        stored({"image": MetaTensor(torch.zeros(1), meta={"deep": value})})


class Boxes(torch.Tensor):
    """As torchvision has them."""


LOSING = [np.ma.masked_array([1, 2], [True, False]), torch.zeros(2).as_subclass(Boxes)]


@pytest.mark.parametrize("value", [{1}, np.array([None]), torch.eye(2).to_sparse(), *LOSING])
def test_one_of_the_item_itself_is_refused_too(value: Any) -> None:
    with pytest.raises(BadSetting, match=r"^image: .* cannot be kept"):
        stored({"image": value})


def test_a_key_that_is_no_word_is_refused() -> None:
    with pytest.raises(BadSetting, match=r"^3: a key of an item must be a word"):
        stored({3: 1})  # type: ignore[dict-item]


def test_a_tensor_without_its_array_is_refused() -> None:
    with pytest.raises(ValueError, match="a tensor needs an array"):
        restored({"kind": "tensor"}, None)


def test_what_monai_made_of_a_file_comes_back_and_can_be_inverted(tmp_path: Path) -> None:
    """nibabel's header has numbers of every type in it."""
    import nibabel

    affine = np.array([[0, -1.5, 0, 10], [2, 0, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1]])
    nibabel.save(nibabel.Nifti1Image(np.random.default_rng(0).integers(1, 9, (9, 8, 7)).astype(np.int16), affine), tmp_path / "a.nii")
    transform = Compose(
        [
            LoadImaged("image"),
            EnsureChannelFirstd("image"),
            Spacingd("image", (1, 2, 3)),
            Flipd("image", 1),
            CropForegroundd("image", "image"),
        ]
    )
    item = transform({"image": tmp_path / "a.nii"})
    found = through_a_file(item)
    assert set(found) == set(item)
    assert torch.equal(found["image"].as_tensor(), item["image"].as_tensor())
    assert set(found["image"].meta) == {str(key) for key in item["image"].meta}
    assert len(found["image"].applied_operations) == len(item["image"].applied_operations) == 3
    back, expected = transform.inverse(found)["image"], transform.inverse(item)["image"]
    assert torch.equal(back.as_tensor(), expected.as_tensor())
    assert torch.equal(back.affine, expected.affine)
    assert back.shape == (1, 9, 8, 7)


@pytest.mark.parametrize("said", [{"$dtype": "load"}, {"$tensor": ["load", "<f4", [1], "AAAAAA=="]}])
def test_a_changed_file_cannot_name_a_function(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="load is no type of torch's tensors"):
        decoded(said)
    with pytest.raises(ValueError, match="OBJECT array"):
        decoded({"$array": ["O", [1], "AAAAAAAAAAA="]})


def test_an_item_is_three_parts() -> None:
    assert stored({}) == Stored({}, {}, {})
