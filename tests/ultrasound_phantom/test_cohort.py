"""Built-in ultrasound images as files."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.challenges.run_lengths import decoded
from radlearn.errors import BadLayout, BadSetting, RadlearnError
from radlearn.ultrasound_phantom import cohort
from radlearn.ultrasound_phantom.cohort import write_ultrasound


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "data"
    write_ultrasound(folder, 12, 0, workers=1)
    return folder


def test_files_have_the_challenges_names_sizes_and_values(data: Path) -> None:
    names = sorted(path.name for path in (data / "train").iterdir())
    assert len(names) == 24
    for name in names:
        with Image.open(data / "train" / name) as image:
            assert (image.size, image.mode, image.format) == ((580, 420), "L", "TIFF")
            if name.endswith("_mask.tif"):
                assert set(np.unique(np.asarray(image)).tolist()) <= {0, 255}
    assert [path.name for path in (data / "test").iterdir()] == ["1.tif"]


def test_the_tables_say_what_the_files_hold(data: Path) -> None:
    with open(data / "train_masks.csv", newline="") as opened:
        rows = list(csv.DictReader(opened))
    with open(data / "truth.csv", newline="") as opened:
        truth = {row["image"]: row for row in csv.DictReader(opened)}
    assert len(rows) == len(truth) == 12
    for row in rows:
        name = f"{row['subject']}_{row['img']}"
        mask = np.asarray(Image.open(data / "train" / f"{name}_mask.tif")) > 0
        exact = np.asarray(Image.open(data / "exact" / f"{name}.png"))
        assert np.array_equal(decoded(row["pixels"], (420, 580)), mask)
        assert (int(truth[name]["nerve_px"]), int(truth[name]["vessel_px"])) == ((exact == 1).sum(), (exact == 2).sum())
        assert int(truth[name]["outlined_px"]) == mask.sum()
        assert truth[name]["person"] == row["subject"]


def test_an_image_is_the_same_bytes_in_a_larger_cohort_and_on_other_processes(data: Path, tmp_path: Path) -> None:
    write_ultrasound(tmp_path / "more", 14, 0, workers=2)
    for path in (data / "train").iterdir():
        assert path.read_bytes() == (tmp_path / "more" / "train" / path.name).read_bytes()
    write_ultrasound(tmp_path / "other", 1, 1, workers=1)
    assert (tmp_path / "other" / "train" / "1_1.tif").read_bytes() != (data / "train" / "1_1.tif").read_bytes()


def test_what_cannot_be_written_is_said_and_nothing_is_left(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadLayout, match="is not empty"):
        write_ultrasound(data, 2)
    with pytest.raises(BadSetting, match="expected at least 1"):
        write_ultrasound(tmp_path / "none", 0)

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(cohort, "_save", full)
    with pytest.raises(RadlearnError, match="No space left on device"):
        write_ultrasound(tmp_path / "full", 1, workers=1)
    assert list(tmp_path.iterdir()) == []
