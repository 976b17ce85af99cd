"""A prepared CT on the disk: the same voxels, the same place, no memory held."""

import json
import mmap
import pickle
from pathlib import Path

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.scans.geometry import Grid
from radlearn.scans.preparation import Preparation, Prepared
from radlearn.scans.prepared_volume import ENTRY, PreparedVolume, opened_entry, write_entry
from radlearn.scans.resampled_grid import ResampledGrid

AFFINE = np.array([[0.1, -2.0, 0, 158.123456789], [1.7, 0, 0.3, 118], [0, 0, 3.1, -120], [0, 0, 0, 1]])
SCAN, MASK = Path("scan.nii.gz"), Path("mask.nii.gz")
SETTINGS = Preparation((3.0, 2.5, 4.0), (-1000, 500))


def in_memory(has_mask: bool = True) -> Prepared:
    resampled = ResampledGrid(Grid((20, 24, 16), AFFINE), (slice(2, 18), slice(3, 23), slice(1, 15)), SETTINGS.spacing_mm)
    rng = np.random.default_rng(0)
    image = rng.integers(-1000, 501, resampled.grid.shape).astype(np.int16)
    mask = rng.random(resampled.grid.shape) > 0.9
    foreground = np.argwhere(mask).astype(np.int16)
    return Prepared(
        resampled, image, mask if has_mask else None, foreground, np.argwhere(~mask).astype(np.int16), ~mask, 4321.5, ("a note",)
    )


def written(folder: Path, volume: Prepared) -> PreparedVolume:
    folder.mkdir()
    write_entry(folder, volume, SETTINGS)
    opened = opened_entry(folder, SCAN, MASK if volume.mask is not None else None)
    assert opened is not None
    return opened


def test_what_was_written_is_what_is_looked_up(tmp_path: Path) -> None:
    expected = in_memory()
    found = written(tmp_path / "a", expected)
    np.testing.assert_array_equal(found.image, expected.image)
    np.testing.assert_array_equal(found.mask, expected.mask)
    np.testing.assert_array_equal(found.foreground, expected.foreground)
    np.testing.assert_array_equal(found.background, expected.background)
    np.testing.assert_array_equal(found.source.affine, AFFINE)
    assert found.source.shape == (20, 24, 16)
    assert (found.path, found.mask_path, found.lung_ml, found.notes, found.window_hu) == (SCAN, MASK, 4321.5, ("a note",), (-1000, 500))
    np.testing.assert_array_equal(found.grid.affine, expected.resampled.grid.affine)
    values = np.random.default_rng(1).random(found.shape).astype(np.float32)
    np.testing.assert_array_equal(found.back_to_source(values), expected.resampled.back_to_source(values))


def test_arrays_are_maps_that_cannot_be_written(tmp_path: Path) -> None:
    found = written(tmp_path / "a", in_memory())
    for array in (found.image, found.mask, found.foreground, found.background):
        assert isinstance(array.base, mmap.mmap)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_patch_is_the_part_it_says_in_a_range_of_0_to_1_with_air_beyond_the_scan(tmp_path: Path) -> None:
    expected = in_memory()
    found = written(tmp_path / "a", expected)
    assert expected.mask is not None
    image, mask = found.patch((-2, 4, 1), (6, 5, 4))
    assert mask is not None
    assert image.dtype == np.float32
    assert image.shape == mask.shape == (6, 5, 4)
    assert image.flags.writeable
    np.testing.assert_allclose(image[2:], (expected.image[:4, 4:9, 1:5] + 1000) / 1500, atol=1e-6)
    np.testing.assert_array_equal(mask[2:], expected.mask[:4, 4:9, 1:5])
    assert (image[:2] == 0).all()
    assert not mask[:2].any()


def test_a_patch_inside_the_scan_is_in_memory_of_its_own(tmp_path: Path) -> None:
    found = written(tmp_path / "a", in_memory())
    for array in found.patch((1, 2, 3), (4, 4, 4)):
        assert array is not None
        assert type(array) is np.ndarray
        assert array.flags.writeable
        assert array.flags.c_contiguous


def test_a_patch_around_a_voxel_holds_it(tmp_path: Path) -> None:
    found = written(tmp_path / "a", in_memory())
    for voxel in found.foreground[::37]:
        start = found.start_around(tuple(voxel), (4, 6, 3))
        _, mask = found.patch(start, (4, 6, 3))
        assert mask is not None
        assert mask[tuple(voxel - start)]


def test_without_a_mask_there_is_none(tmp_path: Path) -> None:
    found = written(tmp_path / "a", in_memory(has_mask=False))
    assert found.mask is None
    assert found.patch((0, 0, 0), (2, 2, 2))[1] is None
    assert opened_entry(found.folder, SCAN, MASK) is None


def test_sent_to_another_process_it_is_opened_there_and_not_copied(tmp_path: Path) -> None:
    found = written(tmp_path / "a", in_memory())
    sent = pickle.dumps(found)
    assert len(sent) < 3000
    np.testing.assert_array_equal(pickle.loads(sent).image, found.image)


def test_an_prediction_of_another_shape_is_refused(tmp_path: Path) -> None:
    found = written(tmp_path / "a", in_memory())
    with pytest.raises(BadSetting, match="expected that of the prepared scan"):
        found.back_to_source(np.zeros(found.source.shape))


def cut(folder: Path) -> None:
    path = folder / "image.npy"
    path.write_bytes(path.read_bytes()[:-1])


def missing(folder: Path) -> None:
    (folder / "background.npy").unlink()


def another_shape(folder: Path) -> None:
    image = np.load(folder / "image.npy")
    np.save(folder / "image.npy", image.transpose(1, 0, 2))


def torn(folder: Path) -> None:
    (folder / ENTRY).write_text((folder / ENTRY).read_text()[:-20])


def said(**changes: object) -> object:
    def change(folder: Path) -> None:
        (folder / ENTRY).write_text(json.dumps(json.loads((folder / ENTRY).read_text()) | changes))

    return change


@pytest.mark.parametrize(
    "damage",
    [cut, missing, another_shape, torn, said(format=0), said(box=[[0, 1]]), said(source_affine=[1, 2]), said(files=None), said(notes=3)],
)
def test_what_is_damaged_counts_as_nothing(tmp_path: Path, damage) -> None:
    found = written(tmp_path / "a", in_memory())
    damage(found.folder)
    assert opened_entry(found.folder, SCAN, MASK) is None
    assert opened_entry(tmp_path / "nowhere", SCAN, MASK) is None
