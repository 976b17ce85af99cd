"""What is at fault inside the errors that MONAI wraps around it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from monai.data import ImageReader
from monai.transforms import Compose, Lambdad, LoadImaged, MapTransform, ResizeWithPadOrCropd

from radlearn.errors import BadLayout, RadlearnError, UnreadableScan
from radlearn.monai_parts.error_chain import fault_in, radlearn_error_in


class Refusing(ImageReader):
    """A reader that refuses every file by name, when its pixels are asked for."""

    def verify_suffix(self, filename: Any) -> bool:
        return True

    def read(self, data: Any, **kwargs: Any) -> Any:
        return data

    def get_data(self, img: Any) -> Any:
        raise UnreadableScan(f"{img[0]}: is truncated.")


class Faulty(MapTransform):
    def __call__(self, data: Any) -> Any:
        raise IndexError("list index out of range")


def error_of(work: Callable[[], Any]) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        work()
    return caught.value


def test_the_error_of_a_reader_is_found_below_those_of_monai() -> None:
    error = error_of(lambda: Compose([Compose([LoadImaged("image", reader=Refusing())])])({"image": "a.nii"}))
    assert type(error) is RuntimeError
    found = radlearn_error_in(error)
    assert type(found) is UnreadableScan
    assert str(found) == "a.nii: is truncated."


def test_an_error_of_radlearn_itself_is_found() -> None:
    error = BadLayout("a table")
    assert radlearn_error_in(error) is error


def chained(inner: Exception, explicitly: bool) -> Exception:
    try:
        try:
            raise inner
        except Exception as error:
            if explicitly:
                raise ValueError("outer") from error
            raise ValueError("a fault of its own")  # noqa: B904
    except ValueError as outer:
        return outer


def test_an_error_that_was_being_handled_is_not_the_cause() -> None:
    assert radlearn_error_in(chained(UnreadableScan("a"), explicitly=True)) is not None
    assert radlearn_error_in(chained(UnreadableScan("a"), explicitly=False)) is None


@pytest.mark.parametrize("error", [None, ValueError("x"), KeyError(1)])
def test_without_one_there_is_none(error: Exception | None) -> None:
    assert radlearn_error_in(error) is None


def test_a_fault_names_the_transform_the_error_and_the_line() -> None:
    error = error_of(lambda: Compose([Lambdad("x", lambda x: x), Compose([Faulty("x")])])({"x": 1}))
    line = Faulty.__call__.__code__.co_firstlineno + 1
    assert fault_in(error) == f"Faulty: IndexError: list index out of range ({__file__}, line {line})"


def test_a_fault_within_monai_names_the_innermost_transform() -> None:
    error = error_of(lambda: Compose([ResizeWithPadOrCropd("x", (4, 4))])({"x": np.zeros(3)}))
    assert fault_in(error).startswith("ResizeWithPadOrCropd: ")
    assert "\n" not in fault_in(error)


def test_a_reader_that_cannot_open_a_file_is_told_in_one_line() -> None:
    error = error_of(lambda: Compose([LoadImaged("image", reader="NibabelReader")])({"image": "/nowhere/a.nii"}))
    said = fault_in(error)
    assert said.startswith("LoadImaged: RuntimeError: LoadImage cannot find a suitable reader for file: /nowhere/a.nii.")
    assert "FileNotFoundError" in said
    assert "\n" not in said


def test_a_key_that_an_item_lacks_is_said() -> None:
    assert fault_in(error_of(lambda: Compose([Lambdad("mask", abs)])({"image": 1}))).startswith("Lambdad: KeyError: ")


def test_an_error_without_words_or_transform_is_named() -> None:
    assert fault_in(error_of(lambda: (_ for _ in ()).throw(RadlearnError()))) == "RadlearnError: no message"
