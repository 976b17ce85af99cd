"""Folders named by their class; how they become labels is in `test_first_table`."""

from pathlib import Path

from radlearn.challenges.class_folders import has_usual_names, read_class_folders
from tests.challenges.test_first_table import picture


def test_a_usual_name_for_images_without_a_finding_is_known_in_any_case(tmp_path: Path) -> None:
    assert has_usual_names([tmp_path / "Healthy" / "a.png"])
    assert not has_usual_names([tmp_path / "images" / "a.png"])


def test_one_folder_alone_is_no_class(tmp_path: Path) -> None:
    images = [picture(tmp_path / "images" / f"{number}.png") for number in range(2)]
    assert read_class_folders(tmp_path, images, ()) is None
