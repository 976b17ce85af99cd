"""The clear message, found again under what MONAI and torch wrap around it."""

import pytest
from monai.data import DataLoader, Dataset
from monai.transforms import Compose, LoadImaged, Transform

from radlearn.errors import NotEnoughMemory, RadlearnError, UnreadableScan
from radlearn.monai_parts.ct_reader import CTReader
from radlearn.monai_parts.error_chain import radlearn_error_in

MISSING = Compose([LoadImaged("image", reader=CTReader())])


class Refusing(Transform):
    """Raises a message of several lines, as that of two grids."""

    def __call__(self, data: object) -> object:
        try:
            raise ValueError("deep down")
        except ValueError as error:
            raise UnreadableScan("a.nii: is refused.\n  one: 1\n  two: 2\nDo this next.") from error


def test_under_compose() -> None:
    with pytest.raises(RuntimeError, match="applying transform") as caught:
        MISSING({"image": "nowhere.nii"})
    found = radlearn_error_in(caught.value)
    assert type(found) is UnreadableScan
    assert str(found) == "nowhere.nii: there is no such file."
    assert found.exit_code == 2


@pytest.mark.parametrize("transform", [Compose([Compose([Refusing()])]), Refusing()])
def test_from_a_worker_process_class_and_message_come_back(transform: Transform) -> None:
    # torch sends the text of the traceback alone, whether the error is wrapped or not.
    with pytest.raises((RuntimeError, UnreadableScan), match="Original Traceback") as caught:
        list(DataLoader(Dataset([{"image": 1}], transform), num_workers=1))
    found = radlearn_error_in(caught.value)
    assert type(found) is UnreadableScan
    assert str(found) == "a.nii: is refused.\n  one: 1\n  two: 2\nDo this next."


def test_the_outermost_of_two_is_meant() -> None:
    error = NotEnoughMemory("too large")
    error.__cause__ = UnreadableScan("within")
    assert radlearn_error_in(error) is error


def test_other_errors_are_none() -> None:
    assert radlearn_error_in(None) is None
    assert radlearn_error_in(RuntimeError("applying transform")) is None
    with pytest.raises(RuntimeError) as caught:
        list(DataLoader(Dataset([{"image": 1}], Compose([lambda data: data["missing"]])), num_workers=1))
    assert radlearn_error_in(caught.value) is None


def test_an_error_while_another_was_handled_is_not_caused_by_it() -> None:
    def mistaken() -> None:
        try:
            raise RadlearnError("handled")
        except RadlearnError:
            raise ValueError("a mistake in the handler")  # noqa: B904

    with pytest.raises(ValueError, match="a mistake") as caught:
        mistaken()
    assert isinstance(caught.value.__context__, RadlearnError)
    assert radlearn_error_in(caught.value) is None
