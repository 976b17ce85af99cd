"""The submission zip: packed, the same bytes each time, and refused for each thing that is wrong with it, by file, value and rule."""

import gzip
import os
import resource
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.covid19 import Case, find_images
from radlearn.challenges.covid19 import submission as covid19_submission
from radlearn.challenges.covid19.submission import (
    grid_troubles,
    read_member,
    submission_members,
    submission_name,
    validate_submission,
    write_submission,
)
from radlearn.errors import BadLayout, CannotWrite
from radlearn.scans.geometry import Volume
from radlearn.scans.mask_files import read_mask
from radlearn.scans.nifti import read_grid, read_volume, write_volume
from tests.scans.nifti_witness import read_by_sitk

AFFINE = np.array([[-0.7, 0, 0, 90], [0, -0.7, 0, 80], [0, 0, 5, -200], [0, 0, 0, 1]], float)
SHAPE = (8, 7, 5)
IDS = ("volume-covid19-A-0003", "volume-covid19-A-0012", "z-other-7")
NAMES = ("003.nii.gz", "012.nii.gz", "z-other-7.nii.gz")


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    rng = np.random.default_rng(0)
    for number, case_id in enumerate(IDS):
        hu = rng.integers(-1000, 400, SHAPE).astype(np.int16)
        suffix = ".nii" if number == 2 else ".nii.gz"
        write_volume(tmp_path / "data" / "Validation" / f"{case_id}_ct{suffix}", hu, AFFINE)
    return find_images(tmp_path / "data")


@pytest.fixture
def folder(tmp_path: Path, cases: list[Case]) -> Path:
    """A folder with what would be in the zip, all in order."""
    rng = np.random.default_rng(1)
    for case in cases:
        write_volume(tmp_path / "masks" / submission_name(case.case_id), rng.integers(0, 2, SHAPE).astype(np.uint8), AFFINE)
    return tmp_path / "masks"


def masks_in(folder: Path) -> dict[str, Path]:
    return dict(zip(IDS, (folder / name for name in NAMES), strict=True))


def packed(folder: Path, name: str = "sub.zip") -> Path:
    path = folder.parent / name
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return path


def test_names_are_the_number_without_its_first_nought() -> None:
    assert tuple(map(submission_name, IDS)) == NAMES
    assert submission_name("volume-covid19-A-0") == "volume-covid19-A-0.nii.gz"


def test_what_is_packed_is_read_again_voxel_for_voxel(folder: Path, cases: list[Case], tmp_path: Path) -> None:
    path = tmp_path / "out" / "sub.zip"
    write_submission(path, masks_in(folder), cases)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == sorted(NAMES)
        assert archive.testzip() is None
    for name in NAMES:
        back, source = read_member(path, name), read_volume(folder / name)
        np.testing.assert_array_equal(back.voxels, source.voxels)
        np.testing.assert_array_equal(back.affine, source.affine)
    assert validate_submission(path, cases) == validate_submission(folder, cases) == []


def test_an_independent_reader_finds_the_grid_of_the_ct_in_the_zip(folder: Path, cases: list[Case], tmp_path: Path) -> None:
    write_submission(tmp_path / "sub.zip", masks_in(folder), cases)
    with zipfile.ZipFile(tmp_path / "sub.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    for case in cases:
        (mask, mask_affine), (ct, affine) = read_by_sitk(tmp_path / "unpacked" / submission_name(case.case_id)), read_by_sitk(case.path)
        assert mask.shape == ct.shape
        np.testing.assert_allclose(mask_affine, affine, atol=1e-5)


def test_the_same_masks_make_the_same_bytes_in_any_order_and_at_any_time(folder: Path, tmp_path: Path) -> None:
    masks = masks_in(folder)
    write_submission(tmp_path / "a.zip", masks)
    for name in NAMES:
        (folder / name).touch()
    write_submission(tmp_path / "b.zip", dict(reversed(masks.items())))
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_an_unpacked_mask_is_packed_on_the_way(folder: Path, cases: list[Case], tmp_path: Path) -> None:
    masks = masks_in(folder)
    bare = tmp_path / "bare.nii"
    bare.write_bytes(gzip.decompress(masks[IDS[0]].read_bytes()))
    write_submission(tmp_path / "sub.zip", masks | {IDS[0]: bare}, cases)
    with zipfile.ZipFile(tmp_path / "sub.zip") as archive:
        assert gzip.decompress(archive.read(NAMES[0])) == bare.read_bytes()


def test_a_submission_that_would_be_refused_is_not_written_and_leaves_the_old_one(folder: Path, cases: list[Case], tmp_path: Path) -> None:
    path = tmp_path / "sub.zip"
    path.write_bytes(b"old")
    write_volume(folder / NAMES[1], np.full(SHAPE, 255, np.uint8), AFFINE)
    with pytest.raises(BadLayout, match=r"sub\.zip: one thing in the files would be refused:\n  012\.nii\.gz: does not hold exactly"):
        write_submission(path, masks_in(folder), cases)
    assert path.read_bytes() == b"old"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["data", "masks", "sub.zip"]


def test_two_cases_of_one_name_and_masks_that_are_not_there_are_refused(folder: Path, tmp_path: Path) -> None:
    masks = masks_in(folder)
    with pytest.raises(BadLayout, match=r"003 and volume-covid19-A-0003 would both be 003\.nii\.gz"):
        write_submission(tmp_path / "sub.zip", {**masks, "003": masks[IDS[0]]})
    with pytest.raises(BadLayout, match=r"the mask of z-other-7, .*none\.nii\.gz, is not there"):
        write_submission(tmp_path / "sub.zip", masks | {IDS[2]: folder / "none.nii.gz"})
    assert not (tmp_path / "sub.zip").exists()


def shifted(affine: np.ndarray) -> np.ndarray:
    moved = affine.copy()
    moved[2, 3] += 5
    return moved


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (
        lambda f: (f / NAMES[1]).unlink(),
        "012.nii.gz: is missing; expected one mask for each CT, and volume-covid19-A-0012 has none.",
    ),
    "extra": (
        lambda f: shutil.copy(f / NAMES[0], f / "099.nii.gz"),
        "099.nii.gz: belongs to none of the 3 CTs; expected names such as 003.nii.gz, 012.nii.gz.",
    ),
    "no mask": (lambda f: (f / "README.txt").write_text("hello"), "README.txt: is no mask; expected only files such as 003.nii.gz."),
    "nested": (
        lambda f: ((f / "to_submit").mkdir(), shutil.copy(f / NAMES[0], f / "to_submit" / NAMES[0])),
        "to_submit/003.nii.gz: lies in a folder; expected 003.nii.gz at the top.",
    ),
    "named otherwise": (
        lambda f: shutil.copy(f / NAMES[0], f / "volume-covid19-A-0003_seg.nii.gz"),
        "volume-covid19-A-0003_seg.nii.gz: is not a name of the challenge; expected 003.nii.gz.",
    ),
    "cut short": (lambda f: (f / NAMES[0]).write_bytes((f / NAMES[0]).read_bytes()[:-9]), "003.nii.gz: ends within its gzip data."),
    "empty": (lambda f: (f / NAMES[0]).write_bytes(b""), "003.nii.gz: is empty (0 bytes)."),
    "not NIfTI": (lambda f: (f / NAMES[0]).write_bytes(b"hello" * 200), "003.nii.gz: "),
    "other shape": (
        lambda f: write_volume(f / NAMES[0], np.zeros((8, 7, 6), np.uint8), AFFINE),
        "003.nii.gz: has 8 × 7 × 6 voxels of 0.7 × 0.7 × 5 mm",
    ),
    "moved a slice": (
        lambda f: write_volume(f / NAMES[0], np.zeros(SHAPE, np.uint8), shifted(AFFINE)),
        "the first at RAS (90.0, 80.0, -195.0) mm; volume-covid19-A-0003_ct.nii.gz has 8 × 7 × 5 voxels of 0.7 × 0.7 × 5 mm, axes LPS, "
        "the first at RAS (90.0, 80.0, -200.0) mm; a mask lies on the grid of its CT, voxel for voxel.",
    ),
    "mirrored": (lambda f: write_volume(f / NAMES[0], np.zeros(SHAPE, np.uint8), AFFINE * [[-1], [1], [1], [1]]), "axes RPS"),
    "0 and 255": (
        lambda f: write_volume(f / NAMES[0], np.full(SHAPE, 255, np.uint8), AFFINE),
        "003.nii.gz: does not hold exactly 0 and 1 (the mask holds values from 255 to 255; values above 127 count as inside). Save it as 0 "
        "(no lesion) and 1 (lesion): the challenge may read other numbers otherwise.",
    ),
    "probabilities": (
        lambda f: write_volume(f / NAMES[0], np.linspace(0, 1, 280, dtype=np.float32).reshape(SHAPE), AFFINE),
        "003.nii.gz: its values, from 0 to 1, are not close to 0 and 1 or to 0 and 255, so the mask is ambiguous",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("as_zip", [False, True])
def test_each_fault_is_named_once_and_nothing_else(folder: Path, cases: list[Case], fault: str, as_zip: bool) -> None:
    plant, words = FAULTS[fault]
    plant(folder)
    troubles = validate_submission(packed(folder) if as_zip else folder, cases, workers=1)
    assert len(troubles) == 1, troubles
    assert words in troubles[0]
    assert str(folder.parent) not in troubles[0]


def test_numbers_that_are_0_and_1_are_a_mask_whatever_their_type(folder: Path, cases: list[Case]) -> None:
    voxels = read_volume(folder / NAMES[0]).voxels
    for kind in (np.int16, np.float32):
        write_volume(folder / NAMES[0], voxels.astype(kind), AFFINE)
        assert validate_submission(folder, cases, workers=1) == []


def test_rounding_of_a_header_is_forgiven(folder: Path, cases: list[Case]) -> None:
    write_volume(folder / NAMES[0], np.zeros(SHAPE, np.uint8), AFFINE + 1e-6)
    assert validate_submission(folder, cases, workers=1) == []


def test_what_computers_leave_unasked_is_overlooked(folder: Path, cases: list[Case]) -> None:
    for junk in (".DS_Store", "__MACOSX/._003.nii.gz", "._012.nii.gz"):
        (folder / junk).parent.mkdir(exist_ok=True)
        (folder / junk).write_bytes(b"x")
    assert validate_submission(packed(folder), cases, workers=1) == validate_submission(folder, cases, workers=1) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_mask_that_is_in_the_zip_twice_is_named(folder: Path, cases: list[Case]) -> None:
    path = packed(folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.write(folder / NAMES[0], NAMES[0])
    assert validate_submission(path, cases, workers=1) == ["003.nii.gz: is in the zip twice; expected once."]


def test_a_member_that_is_damaged_is_named(folder: Path, cases: list[Case]) -> None:
    path = packed(folder)
    content = bytearray(path.read_bytes())
    content[content.index(b"003.nii.gz") + 60] ^= 0xFF
    path.write_bytes(bytes(content))
    troubles = validate_submission(path, cases, workers=1)
    assert len(troubles) == 1
    assert troubles[0].startswith("003.nii.gz: cannot be taken out of sub.zip (Bad CRC-32")


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "is empty"), (b"PK\x03\x04 and no more", "is not a whole zip"), (None, "there is no such")]
)
def test_what_is_no_zip_is_told_so(tmp_path: Path, cases: list[Case], content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "sub.zip").write_bytes(content)
    with pytest.raises(BadLayout, match=words):
        validate_submission(tmp_path / "sub.zip", cases)


@pytest.mark.parametrize("damage", range(40))
def test_a_zip_whose_table_of_contents_is_damaged_is_refused_in_words(folder: Path, cases: list[Case], damage: int) -> None:
    path = packed(folder)
    content = bytearray(path.read_bytes())
    start = content.index(b"PK\x01\x02")
    generator = np.random.default_rng(damage)
    for at in generator.integers(start, len(content), 3):
        content[at] = generator.choice([0, 255, 127, 128])
    path.write_bytes(content)
    try:
        troubles = validate_submission(path, cases, workers=1)
    except BadLayout as error:
        troubles = [str(error)]
    # A byte of the time of day may be the one that was changed.
    assert all(trouble.endswith(".") for trouble in troubles)


def test_where_a_member_lies_outside_of_the_zip_and_one_without_a_name_are_told(folder: Path, cases: list[Case]) -> None:
    path = packed(folder)
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 42 : entry + 46] = b"\xff\xff\xff\x7f"
    path.write_bytes(content)
    (trouble,) = validate_submission(path, cases, workers=1)
    assert trouble.startswith("003.nii.gz: cannot be taken out of sub.zip")
    with zipfile.ZipFile(packed(folder), "a") as archive:
        archive.writestr(zipfile.ZipInfo(""), b"x")
    (trouble,) = validate_submission(path, cases, workers=1)
    assert trouble.startswith("a file without a name: ")


def test_an_empty_zip_lacks_every_mask(tmp_path: Path, cases: list[Case]) -> None:
    zipfile.ZipFile(tmp_path / "sub.zip", "w").close()
    members, troubles = submission_members(tmp_path / "sub.zip", cases)
    assert members == {}
    assert [trouble.split(":")[0] for trouble in troubles] == list(NAMES)


def test_a_name_that_leads_out_of_the_zip_is_not_followed(folder: Path, cases: list[Case], tmp_path: Path) -> None:
    path = packed(folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../003.nii.gz", b"x")
    assert validate_submission(path, cases, workers=1) == ["../../003.nii.gz: lies in a folder; expected 003.nii.gz at the top."]


def test_a_ct_that_ends_after_its_header_still_has_a_grid_and_one_without_is_named(folder: Path, cases: list[Case]) -> None:
    unpacked = cases[2]
    unpacked.path.write_bytes(unpacked.path.read_bytes()[:400])
    assert validate_submission(folder, cases, workers=1) == []
    unpacked.path.write_bytes(b"hello")
    troubles = validate_submission(folder, cases, workers=1)
    assert len(troubles) == 1
    assert f"{unpacked.path.name}: has 5 bytes" in troubles[0]


def test_several_things_may_be_wrong_with_one_mask(folder: Path, cases: list[Case]) -> None:
    write_volume(folder / NAMES[0], np.full(SHAPE, 255, np.uint8), 2 * AFFINE)
    troubles = validate_submission(folder, cases, workers=1)
    assert len(troubles) == 2
    assert "does not hold exactly 0 and 1" in troubles[0]
    assert "a mask lies on the grid of its CT" in troubles[1]


def test_real_files_are_told_apart_by_what_they_hold(shared_data: Path) -> None:
    ct, mask = (shared_data / "ct_real_sample" / f"id001-128x128x64{end}.nii.gz" for end in ("", "-msk"))
    grid = read_grid(ct)
    assert grid.shape == (128, 128, 64)
    # A mask of lungs that was resampled: grey values at its border, which are cut in the middle as in training.
    found = read_member(mask.parent, mask.name)
    assert found.notes
    assert found.voxels.sum() == (read_volume(mask).voxels > 127).sum()
    assert grid_troubles("001.nii.gz", Volume(np.zeros(grid.shape), grid.affine), grid, ct.name) == []
    assert grid_troubles("001.nii.gz", Volume(np.zeros((2, 2, 2)), grid.affine), grid, ct.name) != []


def test_a_member_that_unpacks_to_gigabytes_is_refused_on_the_way(
    folder: Path, cases: list[Case], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("radlearn.challenges.covid19.submission.MOST_MEMBER_BYTES", 1 << 20)
    where = tmp_path / "bomb.zip"
    with zipfile.ZipFile(where, "w", zipfile.ZIP_DEFLATED) as bomb:
        for name in masks_in(folder):
            bomb.writestr(submission_name(name), bytes(20 << 20))
    assert where.stat().st_size < 200_000
    troubles = validate_submission(where, cases, workers=1)
    assert len(troubles) == len(cases)
    assert all("unpacks to more than 1,048,576 bytes" in trouble for trouble in troubles)


@pytest.mark.parametrize("trouble", ["no folder", "full"])
def test_a_zip_that_cannot_be_unpacked_for_want_of_a_place_says_where_and_leaves_nothing(
    folder: Path, cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    archive, place = packed(folder), tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    assert read_member(archive, NAMES[0]).voxels.shape == SHAPE
    if trouble == "no folder":
        place.rmdir()
    else:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(CannotWrite, match="the masks of a zip are unpacked there") as raised:
            read_member(archive, NAMES[0])
    finally:
        if trouble == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(raised.value).startswith(f"{place}: ")
    assert "set TMPDIR to another folder; or unpack the zip" in str(raised.value)
    assert not place.exists() or list(place.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a file has a name")
def test_a_mask_that_is_unpacked_has_no_name_that_a_kill_could_leave(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    seen: list[list[str]] = []

    def reading(path: Path) -> Volume:
        seen.append(os.listdir(tmp_path / "temporary"))
        return read_mask(path)

    monkeypatch.setattr(covid19_submission, "read_mask", reading)
    np.testing.assert_array_equal(read_member(packed(folder), NAMES[1]).voxels, read_mask(folder / NAMES[1]).voxels)
    assert seen == [[]]
