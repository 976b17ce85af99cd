"""Folders are walked by their own paths, links followed and each folder once."""

import os
from pathlib import Path

import pytest

from radlearn.challenges.folders import files_below
from radlearn.folder_walks import walked
from radlearn.scans.dicom import find_xrays


def folder_of(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


@pytest.mark.parametrize("link", ["A0", "linkA", "zz"])
def test_a_file_is_called_by_its_own_path_whatever_its_link_is_called(tmp_path: Path, link: str) -> None:
    root = folder_of(tmp_path / "data", "A1/IM1.dcm", "B/deep/IM2.dcm")
    (root / link).symlink_to("A1")
    (root / "B" / f"{link}2").symlink_to(root / "A1")
    expected = [root / "A1" / "IM1.dcm", root / "B" / "deep" / "IM2.dcm"]
    assert find_xrays(root) == files_below(root) == expected


def test_a_link_to_elsewhere_is_followed_and_one_back_is_not_for_ever(tmp_path: Path) -> None:
    root, other = folder_of(tmp_path / "data", "a.dcm"), folder_of(tmp_path / "other", "b.dcm", "inner/c.dcm")
    (root / "link").symlink_to(other)
    (other / "back").symlink_to(root)
    (root / "lost").symlink_to(tmp_path / "nowhere")
    expected = [root / "a.dcm", root / "link" / "b.dcm", root / "link" / "inner" / "c.dcm"]
    assert find_xrays(root) == expected
    assert [path for path in files_below(root) if path.suffix] == expected
    # What is named twice is there once, and a folder that is named through a link keeps that name.
    assert find_xrays([root, other]) == expected
    assert find_xrays(root / "link")[0] == root / "link" / "b.dcm"


def test_hidden_folders_and_folders_that_were_seen_are_passed_over(tmp_path: Path) -> None:
    root = folder_of(tmp_path, ".git/a", "one/b", "two/.c", "two/d")
    seen = {os.path.realpath(root / "one")}
    assert {place.name: names for place, names in walked(root, seen)} == {root.name: [], "two": ["d"]}
    assert os.path.realpath(root / "two") in seen
