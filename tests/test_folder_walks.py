"""Folders are walked by their own paths, links followed and each folder once."""

import os
from pathlib import Path

import pytest

from radlearn.challenges.folders import files_below
from radlearn.folder_walks import left_aside, real_path, walked
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


@pytest.mark.parametrize(
    "name", ["@eaDir", "#recycle", "@Recycle", "$RECYCLE.BIN", "lost+found", "__MACOSX", "System Volume Information", "#snapshot"]
)
def test_what_storage_systems_keep_is_no_image_and_is_said(tmp_path: Path, name: str) -> None:
    root = folder_of(tmp_path, "normal/1.dcm", f"normal/{name}/1.dcm/THUMB_XL.dcm", f"{name}/2.dcm")
    assert find_xrays(root) == files_below(root) == [root / "normal" / "1.dcm"]
    assert left_aside(root) == [f"2 files in {name} are left out: what a storage system keeps, and no images."]
    # Whoever names such a folder means it.
    assert find_xrays(root / name) == [root / name / "2.dcm"]
    assert left_aside(root / name) == []


@pytest.mark.parametrize("name", [".@__thumb", ".thumbnails", ".Trash-1000", ".ipynb_checkpoints", ".snapshot"])
def test_hidden_folders_and_halves_of_files_are_left_out_in_silence(tmp_path: Path, name: str) -> None:
    root = folder_of(tmp_path, "a.dcm", "._a.dcm", f"{name}/a.dcm")
    assert find_xrays(root) == files_below(root) == [root / "a.dcm"]
    assert left_aside(root) == []


RUN = ("settings.json", "environment.json", "pictures/roc.png", "best/model.safetensors")


def test_runs_and_pictures_of_earlier_predictions_are_left_out_and_said(tmp_path: Path) -> None:
    answers = ("covid/answers/predictions.csv", "covid/answers/overlays/1.png", "covid/answers/overlays/2.png")
    root = folder_of(tmp_path / "a", "normal/1.png", "covid/2.png", *answers, *(f"runs/x/{file}" for file in RUN))
    assert [path for path in files_below(root) if path.suffix == ".png"] == [root / "covid" / "2.png", root / "normal" / "1.png"]
    assert left_aside(root) == [
        "2 files in overlays are left out: pictures of earlier predictions, and no images.",
        "4 files in x are left out: folders of training runs, and no images.",
    ]
    # Of the answers that are being written nothing is said.
    assert len(left_aside(root, root / "covid" / "answers")) == 1
    assert files_below(root / "covid" / "answers" / "overlays")


def test_overlays_and_settings_that_others_made_are_theirs(tmp_path: Path) -> None:
    root = folder_of(tmp_path, "overlays/1.png", "b/settings.json", "b/2.png", "c/predictions.csv", "c/3.png")
    assert [path.name for path in files_below(root) if path.suffix == ".png"] == ["2.png", "3.png", "1.png"]
    assert left_aside(root) == []


def test_no_files_are_nothing_to_tell(tmp_path: Path) -> None:
    (tmp_path / "@eaDir").mkdir()
    assert left_aside(tmp_path) == []


def test_links_in_a_circle_lead_to_themselves_and_others_to_their_file(tmp_path: Path) -> None:
    for one, other in (("a.dcm", "b.dcm"), ("b.dcm", "a.dcm"), ("self.dcm", "self.dcm"), ("sound.dcm", "file.dcm")):
        (tmp_path / one).symlink_to(tmp_path / other)
    (tmp_path / "file.dcm").touch()
    assert real_path(tmp_path / "sound.dcm") == (tmp_path / "file.dcm").resolve()
    for name in ("a.dcm", "b.dcm", "self.dcm"):
        assert not real_path(tmp_path / name).exists()
    # pathlib raises for these.
    with pytest.raises((RuntimeError, OSError)):
        (tmp_path / "a.dcm").resolve(strict=True)
    assert len(files_below(tmp_path)) == 5
