"""What all readers share: files are opened where their errors are not swallowed, and meta data that a loader can collate."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from monai.data import DataLoader, Dataset, decollate_batch
from monai.transforms import LoadImage, LoadImaged

from radlearn.errors import BadSetting, UnreadableScan
from radlearn.monai_parts.path_reader import PathReader, Paths, meta_of


class Lines(PathReader):
    """Reads a text file of numbers; its words become notes."""

    def verify_suffix(self, filename: Paths) -> bool:
        return True

    def data_of(self, path: Path) -> tuple[np.ndarray, dict[str, Any]]:
        words = path.read_text().split()
        if "two" in words:
            raise UnreadableScan(f"{path}: says two things.")
        numbers = np.array([[float(word)] for word in words if word.isdigit()], np.float32)
        return numbers, meta_of(numbers.shape, np.diag([2.0, 2, 2, 1]), tuple(word for word in words if not word.isdigit()))


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_what_a_reader_refuses_no_other_reader_is_asked_for(tmp_path: Path) -> None:
    # MONAI's NumpyReader reads this file, and LoadImage would go on to it had `read` failed.
    np.save(tmp_path / "numbers.npy", np.ones(3))

    class Refusing(Lines):
        def data_of(self, path: Path) -> tuple[np.ndarray, dict[str, Any]]:
            raise UnreadableScan(f"{path}: is refused.")

    assert LoadImage()(tmp_path / "numbers.npy").shape == (3,)
    with pytest.raises(UnreadableScan, match=r"numbers\.npy: is refused"):
        LoadImage(reader=Refusing())(tmp_path / "numbers.npy")


def test_reading_opens_nothing(tmp_path: Path) -> None:
    assert Lines().read(str(tmp_path / "missing")) == (tmp_path / "missing",)


def test_several_paths_for_one_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"Lines got 4 paths \(a, b, c, …\); expected one"):
        LoadImage(reader=Lines())(["a", "b", "c", "d"])


def test_the_meta_data_say_no_channel_and_where_it_comes_from(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", "1 2 3")
    image = LoadImage(reader=Lines(), ensure_channel_first=True)(path)
    assert image.shape == (1, 3, 1)
    assert image.meta["filename_or_obj"] == str(path)
    np.testing.assert_array_equal(image.affine, np.diag([2.0, 2, 2, 1]))
    np.testing.assert_array_equal(image.meta["original_affine"], np.diag([2.0, 2, 2, 1]))
    assert image.meta["spatial_shape"].tolist() == [3, 1]
    assert Lines().get_data(Lines().read(path))[1]["filename_or_obj"] == str(path)


@pytest.mark.parametrize("notes", [("", ""), ("a b", ""), ("a b c", "d")])
def test_images_with_different_numbers_of_notes_make_one_batch(tmp_path: Path, notes: tuple[str, str]) -> None:
    cases = [{"image": written(tmp_path / f"{number}.txt", f"1 2 {words}")} for number, words in enumerate(notes)]
    batch = next(iter(DataLoader(Dataset(cases, LoadImaged("image", reader=Lines())), batch_size=2)))
    assert [image.meta["notes"].split("\n") for image in decollate_batch(batch["image"])] == [words.split() or [""] for words in notes]


def test_the_notes_are_a_string_of_lines() -> None:
    assert json.dumps(meta_of((1,), np.eye(4), ("a", "b"))["notes"]) == '"a\\nb"'
    assert meta_of((1,), np.eye(4), ())["notes"] == ""
