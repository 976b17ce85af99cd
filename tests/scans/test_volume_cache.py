"""The CT cache: the same voxels as by preparing each scan, whatever happens while it is made."""

import errno
import mmap
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from pydicom import uid

from radlearn.errors import BadSetting, CacheTrouble, UnreadableScan
from radlearn.scans import prepared_volume, volume_cache
from radlearn.scans.geometry import lps_affine
from radlearn.scans.lungs import lung_mask
from radlearn.scans.mask_files import read_mask, write_mask_like
from radlearn.scans.nifti import read_volume, write_volume
from radlearn.scans.preparation import Preparation, prepared
from radlearn.scans.volume_cache import PreparedVolume, cached_volumes, prepared_apart

SETTINGS = Preparation((6.0, 6.0, 8.0), (-1000, 500), indices_at_most=300)
AFFINE = np.array([[-8.0, 0, 0, 156], [0, 8, 0, -116], [0, 0, 8, -120], [0, 0, 0, 1]])


def chest(number: int) -> tuple[np.ndarray, np.ndarray]:
    """HU and a lesion (i, j, k), other ones for each number."""
    x, y, z = np.meshgrid(np.arange(40) * 8.0 - 156, np.arange(30) * 8.0 - 116, np.arange(31) * 8.0 - 120, indexing="ij")
    lungs = (((abs(x) - 70) / 50) ** 2 + (y / 75) ** 2 + (z / 100) ** 2) < 1
    hu = np.where(lungs, -850, np.where((x / 150) ** 2 + (y / 105) ** 2 < 1, 40, -1000))
    lesion = (x - 70 + 2 * number) ** 2 + (y + 3 * number) ** 2 + z**2 < 25**2
    hu[lesion] = -100 - number
    return (hu + np.random.default_rng(number).integers(-20, 20, hu.shape)).astype(np.int16), lesion


@pytest.fixture(scope="module")
def written_cts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cts")
    for number in range(6):
        hu, lesion = chest(number)
        write_volume(folder / f"{number}_ct.nii.gz", hu, AFFINE)
        write_volume(folder / f"{number}_seg.nii.gz", lesion, AFFINE)
    return folder


@pytest.fixture
def cts(tmp_path: Path, written_cts: Path) -> list[Path]:
    """Six CTs with their masks beside them, to be changed at will."""
    shutil.copytree(written_cts, tmp_path / "cts")
    return sorted((tmp_path / "cts").glob("*_ct.nii.gz"))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the CTs that were prepared, as long as one process does it."""
    names: list[str] = []

    def preparing(scan, *rest):
        names.append(scan.path.name)
        return prepared(scan, *rest)

    monkeypatch.setattr(volume_cache, "prepared", preparing)
    return names


def masks_of(paths: list[Path]) -> list[Path]:
    return [path.with_name(path.name.replace("_ct", "_seg")) for path in paths]


def cached(paths: list[Path], workers: int | None = 1) -> list[PreparedVolume]:
    return cached_volumes(paths, masks_of(paths), SETTINGS, workers=workers)


def expect_the_cts(volumes: list[PreparedVolume], paths: list[Path]) -> None:
    assert len(volumes) == len(paths)
    for volume, path, mask_path in zip(volumes, paths, masks_of(paths), strict=True):
        scan = read_volume(path)
        expected = prepared(scan, read_mask(mask_path, scan), SETTINGS)
        assert (volume.path, volume.mask_path) == (path, mask_path)
        np.testing.assert_array_equal(volume.image, expected.image)
        np.testing.assert_array_equal(volume.mask, expected.mask)
        np.testing.assert_array_equal(volume.foreground, expected.foreground)
        assert volume.source.shape == scan.voxels.shape
        np.testing.assert_array_equal(volume.source.affine, scan.affine)


def touch(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


@pytest.mark.parametrize("workers", [1, 2])
def test_every_ct_is_prepared_in_the_order_asked_for(cts: list[Path], workers: int) -> None:
    paths = cts[::-1] + cts[2:3]
    expect_the_cts(cached(paths, workers), paths)


def test_one_line_says_what_was_made_and_where_and_none_that_it_is_there(cts: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    volumes = cached(cts)
    assert f"CT cache: 6 CTs, images 1 MB, in {volumes[0].folder.parent}" in capsys.readouterr().err
    cached(cts)
    assert capsys.readouterr().err == ""


def test_what_is_ready_is_not_made_again_and_a_longer_list_makes_only_what_is_new(cts: list[Path], made: list[str]) -> None:
    cached(cts[:4])
    cached(cts[:2])
    assert len(made) == 4
    expect_the_cts(cached(cts), cts)
    assert made == [path.name for path in cts]


def test_a_ct_that_is_named_twice_is_made_once(cts: list[Path], made: list[str]) -> None:
    cached([cts[0], cts[0]])
    assert made == ["0_ct.nii.gz"]


def test_touched_copied_or_moved_it_is_recognised_by_its_content(cts: list[Path], made: list[str]) -> None:
    first = cached(cts[:1])[0]
    touch(cts[0])
    for name in ("ct", "seg"):
        shutil.copy(cts[0].with_name(f"0_{name}.nii.gz"), cts[0].with_name(f"9_{name}.nii.gz"))
    again, copy = cached([cts[0], cts[0].with_name("9_ct.nii.gz")])
    assert made == ["0_ct.nii.gz"]
    assert again.folder == copy.folder == first.folder
    assert copy.path.name == "9_ct.nii.gz"


def test_one_content_under_two_names_may_be_made_by_two_processes_at_once(cts: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    writing = volume_cache.write_entry

    def overtaken(folder, *rest):
        writing(folder, *rest)
        content = volume_cache._content(cts[0], masks_of(cts)[0])
        shutil.copytree(folder, folder.parent / content)

    monkeypatch.setattr(volume_cache, "write_entry", overtaken)
    volumes = cached(cts[:1])
    expect_the_cts(volumes, cts[:1])
    assert not list(volumes[0].folder.parent.glob(f"{volume_cache.MAKING}*"))


def test_another_mask_is_another_entry_and_so_is_none(cts: list[Path], made: list[str]) -> None:
    cached(cts[:1])
    write_volume(masks_of(cts)[0], chest(3)[1], AFFINE)
    expect_the_cts(cached(cts[:1]), cts[:1])
    bare = cached_volumes(cts[:1], None, SETTINGS, workers=1)[0]
    assert bare.mask is None
    assert len(made) == 3


def test_settings_and_reading_code_have_caches_of_their_own(cts: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folders = {cached(cts[:1])[0].folder.parent}
    for other in (Preparation((6.0, 6.0, 9.0)), Preparation((6.0, 6.0, 8.0), (-900, 500)), Preparation((6.0, 6.0, 8.0), crop="nothing")):
        folders.add(cached_volumes(cts[:1], None, other, workers=1)[0].folder.parent)
    monkeypatch.setattr(volume_cache, "reading_version", lambda: "another")
    folders.add(cached(cts[:1])[0].folder.parent)
    assert len(folders) == 5


def test_the_version_covers_every_file_that_preparing_a_ct_imports() -> None:
    code = "import sys, radlearn.scans.volume_cache, radlearn.scans.dicom_series; "
    code += "print(*(m.split('.')[-1] for m in sys.modules if m.startswith('radlearn.scans.')))"
    imported = set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())
    # What keeps, locks and writes has no say in the numbers.
    assert imported - {"radiograph_writer", "cache_store", "volume_cache", "alone"} == set(volume_cache.READING_CODE)


def test_neither_torch_nor_pydicom_is_imported_for_nifti() -> None:
    code = "import sys, radlearn.scans.volume_cache; print([m for m in ('torch', 'monai') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == "[]"


@pytest.mark.parametrize("file", ["image.npy", "mask.npy", "entry.json", "foreground.npy"])
def test_a_damaged_entry_is_made_again_and_only_that_one(cts: list[Path], made: list[str], file: str) -> None:
    damaged = cached(cts[:3])[1].folder / file
    made.clear()
    damaged.write_bytes(damaged.read_bytes()[:-7])
    expect_the_cts(cached(cts[:3]), cts[:3])
    assert made == ["1_ct.nii.gz"]


def test_an_entry_that_somebody_deleted_is_made_again(cts: list[Path]) -> None:
    shutil.rmtree(cached(cts[:2])[0].folder)
    expect_the_cts(cached(cts[:2]), cts[:2])


def in_a_fork(work: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_pass_killed_in_the_middle_goes_on_where_it_was(
    cts: list[Path], made: list[str], monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    writing = volume_cache.write_entry

    def killed(folder, *rest):
        if len(made) > after:
            os.kill(os.getpid(), signal.SIGKILL)
        writing(folder, *rest)

    monkeypatch.setattr(volume_cache, "write_entry", killed)
    assert os.WTERMSIG(os.waitpid(in_a_fork(lambda: cached(cts)), 0)[1]) == signal.SIGKILL
    monkeypatch.setattr(volume_cache, "write_entry", writing)
    volumes = cached(cts)
    assert len(made) == len(cts) - after
    expect_the_cts(volumes, cts)
    assert not list(volumes[0].folder.parent.glob(f"{volume_cache.MAKING}*"))


def test_a_second_process_waits_and_then_opens_what_the_first_made(cts: list[Path], monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    folder = cached(cts[:1])[0].folder.parent
    lock = FileLock(folder / volume_cache.LOCK)
    lock.acquire()
    found: list[list[PreparedVolume]] = []
    waiting = threading.Thread(target=lambda: found.append(cached(cts[:2])))
    waiting.start()
    while "waiting for another process that is making the CT cache" not in capfd.readouterr().err:
        time.sleep(0.01)
    assert not found
    lock.release()
    waiting.join()
    expect_the_cts(found[0], cts[:2])


def test_what_cannot_be_read_is_listed_and_the_others_are_kept(cts: list[Path], made: list[str]) -> None:
    cts[1].write_bytes(cts[1].read_bytes()[:5000])
    write_volume(masks_of(cts)[3], chest(3)[1], AFFINE + np.eye(4)[:, [0, 1, 3, 2]] * 9)
    masks_of(cts)[4].unlink()
    with pytest.raises(UnreadableScan) as caught:
        cached(cts)
    message = str(caught.value)
    assert message.startswith("3 of 6 CTs cannot be prepared:")
    assert "1_ct.nii.gz: ends within its gzip data" in message
    assert "3_seg.nii.gz: the mask lies on another grid than its scan" in message
    assert "4_seg.nii.gz: cannot be opened (No such file or directory)" in message
    assert "The other 3 are in the cache" in message
    made.clear()
    good = [cts[0], cts[2], cts[5]]
    expect_the_cts(cached(good), good)
    assert made == []


def test_a_file_that_changes_while_it_is_read_is_refused(cts: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(scan, *rest):
        touch(cts[0])
        return prepared(scan, *rest)

    monkeypatch.setattr(volume_cache, "prepared", slowly)
    with pytest.raises(UnreadableScan, match="changed while it was read"):
        cached(cts[:1])


def test_remarks_are_said_with_the_name_of_the_scan(cts: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    hu, _ = chest(0)
    write_volume(cts[0], np.where(hu < -500, hu, 40).astype(np.int16)[:, :, :4], AFFINE)
    hu[hu > -1000] = np.maximum(hu, 0)[hu > -1000]
    hu[abs(hu) < 900] = 40
    write_volume(cts[0], hu, AFFINE)
    volume = cached(cts[:1])[0]
    said = capsys.readouterr().err
    assert volume.notes
    assert all(f"0_ct.nii.gz: {note}" in said for note in volume.notes)


def test_a_full_disk_is_said_with_what_to_do(cts: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(volume_cache, "write_entry", full)
    with pytest.raises(CacheTrouble, match=r"not enough disk space for the cache: .* Free some space, or set RADLEARN_CACHE"):
        cached(cts)


def test_a_process_that_was_ended_from_outside_is_said_so(cts: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*_: object, **__: object) -> object:
        raise BrokenProcessPool

    monkeypatch.setattr(volume_cache, "in_parallel", ended)
    with pytest.raises(CacheTrouble, match="was killed"):
        cached(cts)


@pytest.mark.parametrize(("paths", "masks"), [([], []), (["a"], []), (["a"], ["b", "c"])])
def test_what_makes_no_sense_is_refused_before_a_folder_is_made(paths: list[str], masks: list[str], own_cache_folder: Path) -> None:
    with pytest.raises(BadSetting, match="The CT cache got"):
        cached_volumes(paths, masks, SETTINGS)
    assert not (own_cache_folder / "volumes").exists()


def test_a_folder_of_dicom_slices_is_a_ct_too(tmp_path: Path, dicom_file: Callable[..., Path]) -> None:
    hu, _ = chest(2)
    folder = tmp_path / "series"
    folder.mkdir()
    # The file's axes are index along a row, down a column, slice: AFFINE goes left, front, head, so columns go to the front.
    lps = lps_affine(AFFINE)
    for k in range(hu.shape[2]):
        place = {
            "ImagePositionPatient": [*(lps[:3, 3] + k * lps[:3, 2])],
            "ImageOrientationPatient": [*(lps[:3, 0] / 8), *(lps[:3, 1] / 8)],
            "PixelSpacing": [8, 8],
        }
        said = {"SOPClassUID": uid.CTImageStorage, "SOPInstanceUID": f"1.2.{k + 1}", "SeriesInstanceUID": "1.2.9", "Modality": "CT"}
        place |= {"RescaleSlope": 1, "RescaleIntercept": -1024, **said}
        dicom_file((hu[:, :, k].T + 1024).astype(np.uint16), **place).rename(folder / f"{k:03d}.dcm")
    nifti = tmp_path / "same.nii.gz"
    write_volume(nifti, hu, AFFINE)
    series, file = cached_volumes([folder, nifti], None, SETTINGS, workers=1)
    np.testing.assert_array_equal(series.image, file.image)
    np.testing.assert_allclose(series.grid.affine, file.grid.affine, atol=1e-4)
    touch(folder / "003.dcm")
    assert cached_volumes([folder], None, SETTINGS, workers=1)[0].folder == series.folder
    (folder / "000.dcm").unlink()
    assert cached_volumes([folder], None, SETTINGS, workers=1)[0].source.shape == (40, 30, 30)


def test_a_map_is_let_go_when_the_patch_is_there(cts: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    volumes = cached(cts[:2])
    maps: list[weakref.ref] = []
    mapping = mmap.mmap

    def noted(*args, **options):
        mapped = mapping(*args, **options)
        maps.append(weakref.ref(mapped))
        return mapped

    monkeypatch.setattr(prepared_volume.mmap, "mmap", noted)
    for volume in volumes:
        volume.patch((0, 0, 0), (9, 9, 9))
    maps.clear()
    patches = [volume.patch((0, 0, 0), (9, 9, 9)) for volume in volumes for _ in range(5)]
    assert len(patches) == 10
    assert len(maps) == 20
    assert all(one() is None for one in maps)


def test_an_prediction_written_home_lies_on_the_source(cts: list[Path], tmp_path: Path) -> None:
    volume = cached(cts[:1])[0]
    assert volume.mask is not None
    source = read_volume(cts[0])
    home = volume.back_to_source(volume.mask.astype(np.float32)) > 0.5
    write_mask_like(tmp_path / "out.nii.gz", home, source)
    again = read_mask(tmp_path / "out.nii.gz", source)
    truth = chest(0)[1]
    assert 2 * (again.voxels & truth).sum() / (again.voxels.sum() + truth.sum()) > 0.98
    np.testing.assert_allclose(again.affine, source.affine, atol=1e-5)


def test_a_scan_that_is_used_once_is_prepared_alike_and_leaves_no_cache(
    cts: list[Path], tmp_path: Path, own_cache_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "apart").mkdir()
    source, apart, lungs = prepared_apart(cts[0], SETTINGS, tmp_path / "apart")
    assert not any(own_cache_folder.iterdir())
    assert capsys.readouterr().err == ""
    (cached,) = cached_volumes([cts[0]], None, SETTINGS, workers=1)
    np.testing.assert_array_equal(apart.image, cached.image)
    np.testing.assert_array_equal(apart.resampled.grid.affine, cached.resampled.grid.affine)
    assert source.grid.shape == apart.source.shape
    np.testing.assert_array_equal(lungs, lung_mask(source.voxels, source.affine))
    with pytest.raises(UnreadableScan, match="nowhere"):
        prepared_apart(tmp_path / "nowhere.nii.gz", SETTINGS, tmp_path / "apart")
