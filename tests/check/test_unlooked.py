"""What `check` does not look at is named; links to folders are followed."""

import os
from pathlib import Path

import pydicom
import pytest

from radlearn.challenges.covid19 import find_images
from radlearn.challenges.folders import volume_files
from radlearn.challenges.unlooked import unlooked_files
from radlearn.check.audit import audit_folder
from radlearn.check.unlooked import unlooked_findings, unread_words
from radlearn.errors import BadLayout
from radlearn.scans.nifti import write_volume
from tests.check.phantom import AFFINE, chest_hu


def test_volumes_in_linked_folders_are_looked_at_each_once(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "study"
    real.mkdir(parents=True)
    write_volume(real / "a_ct.nii.gz", chest_hu(1), AFFINE)
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    (folder / "one").symlink_to(real)
    (folder / "deep" / "two").symlink_to(real.parent)
    (folder / "deep" / "back").symlink_to(folder)
    assert [path.name for path in volume_files(folder)] == ["a_ct.nii.gz"]
    audit = audit_folder(folder, workers=1)
    assert audit.kinds == ["loose NIfTI: 1 volume"]
    assert [case.path.name for case in find_images(folder)] == ["a_ct.nii.gz"]


@pytest.mark.parametrize(
    ("names", "rule", "words"),
    [
        (("a.hdr", "a.img"), "format-unread", "1 file (a.hdr): in a format of volumes"),
        (("a.mhd", "b.MHD"), "format-unread", "2 files (a.mhd, b.MHD): in a format of volumes that radlearn does not read"),
        (("x/a.nhdr",), "format-unread", "1 file (x/a.nhdr)"),
        (("a.nii.bz2",), "format-unread", "a.nii.bz2"),
        (("a.png", "b.png", "c.png", "d.png"), "picture-beside", "4 files (a.png, b.png, c.png, …): pictures"),
        (("a.webp",), "format-unread", "1 file (a.webp): pictures in a format that radlearn does not read"),
        (("scans.tar.gz",), "archive", "packed, and not looked into"),
        (("IM0001",), "unlooked", "neither DICOM nor NIfTI"),
    ],
)
def test_what_is_not_read_is_named_by_kind(tmp_path: Path, names: tuple[str, ...], rule: str, words: str) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "table.csv").write_text("a,b")
    found = list(unlooked_findings(unlooked_files(tmp_path, []), tmp_path))
    assert found[0].rule == rule
    assert words in found[0].found
    assert sum(1 + len(one.also) for one in found) == len(names)


@pytest.mark.parametrize(
    ("start", "rule", "words"),
    [
        (b"\x89PNG\r\n\x1a\n", "format-unread", "a PNG picture. Give it a name that ends with .png"),
        (b"GIF89a", "format-unread", "a GIF picture, which radlearn does not read"),
        (b"PK\x03\x04" + bytes(40), "archive", "a zip archive. Unpack it first"),
        (bytes(344) + b"n+1\0", "format-unread", "NIfTI. Name it .nii or .nii.gz"),
        (b"#!/bin/sh", "unlooked", "neither DICOM nor NIfTI"),
    ],
)
def test_a_file_without_a_suffix_is_known_by_its_first_bytes(tmp_path: Path, start: bytes, rule: str, words: str) -> None:
    (tmp_path / "IM0001").write_bytes(start)
    (one,) = unlooked_findings(unlooked_files(tmp_path, []), tmp_path)
    assert one.rule == rule
    assert one.found.startswith(f"1 file (IM0001): {words}")


def test_a_link_to_nowhere_is_named_and_what_was_looked_at_is_not(tmp_path: Path) -> None:
    (tmp_path / "study").symlink_to(tmp_path / "gone")
    (tmp_path / "a.mhd").write_bytes(b"x")
    (one,) = unlooked_findings(unlooked_files(tmp_path, [tmp_path / "a.mhd"]), tmp_path)
    assert (one.rule, one.file) == ("link-lost", "study")


def test_a_folder_of_nothing_else_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.mhd").write_bytes(b"x")
    with pytest.raises(BadLayout, match=r"radlearn does not read \.mhd: convert volumes to \.nii\.gz"):
        audit_folder(tmp_path)
    os.rename(tmp_path / "a.mhd", tmp_path / "a.zip")
    with pytest.raises(BadLayout, match=r"Unpack a\.zip first"):
        audit_folder(tmp_path)
    assert unread_words([tmp_path / "a.txt"]) == ""


def test_what_lies_beside_readable_scans_is_not_left_out_without_a_word(tmp_path: Path) -> None:
    write_volume(tmp_path / "a_ct.nii.gz", chest_hu(1), AFFINE)
    for name in ("b.hdr", "b.img", "c.mhd", "d.zip", "README.md", ".hidden.mhd"):
        (tmp_path / name).write_bytes(b"x")
    found = audit_folder(tmp_path, workers=1).findings
    assert {one.file for one in found if one.rule in ("format-unread", "archive", "unlooked")} == {"b.hdr", "b.img", "c.mhd", "d.zip"}


@pytest.mark.parametrize(("ages", "children"), [(["000Y", "003D"], 2), (["0", "000M", "017Y", "018Y"], 3), (["200M", "300M", "900W"], 2)])
def test_infants_are_children(small_rsna: Path, tmp_path: Path, ages: list[str], children: int) -> None:
    source = sorted((small_rsna / "stage_2_train_images").glob("*.dcm"))
    for number, age in enumerate(ages):
        dataset = pydicom.dcmread(source[number])
        dataset.PatientAge = age
        dataset.save_as(tmp_path / f"{number}.dcm")
    # 200 months are 16.7 years, 300 months 25, 900 weeks 17.2.
    (about,) = [one.found for one in audit_folder(tmp_path, workers=1).findings if "under 18 years" in one.found]
    some = "both" if children == len(ages) == 2 else f"{children} of {len(ages)}"
    assert about == f"{some} files are of people under 18 years"
