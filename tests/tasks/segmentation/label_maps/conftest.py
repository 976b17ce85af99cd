"""Small images as files, a run that was split on them, and predictions for them that are known: no network is trained."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from monai.transforms import CastToTyped, Compose, EnsureChannelFirstd, LoadImaged

from radlearn.challenges.ultrasound import CHALLENGE
from radlearn.monai_parts.mapped_dataset import MappedDataset
from radlearn.monai_parts.ultrasound_reader import LabelMapReader, SameSized, UltrasoundReader
from radlearn.tasks.segmentation.label_maps.evaluation import InferFrame, TrainingFacts, choose_label_map_postprocessing
from radlearn.tasks.segmentation.label_maps.frames import IMAGES, Frame, frames_of, split_frames
from radlearn.training.run_folder import Run, new_run
from radlearn.training.settings import TrainingSettings
from tests.tasks.segmentation.label_maps.frames_on_disk import write_images

NAMES = ("nerve", "vessel")


@pytest.fixture(scope="session")
def image_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache folder of these tests: they prepare the same images."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache_folder(own_cache_folder: Path, image_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replace the cache folder of each test by that of all."""
    monkeypatch.setenv("RADLEARN_CACHE", str(image_cache))
    return image_cache


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty-eight images of 24 persons, a third of them empty, in a table."""
    return write_images(tmp_path_factory.mktemp("images"), persons=24)


def as_they_are(cases: Any) -> list[Frame]:
    """Return frames at the size of their files, so that going there and back loses nothing."""
    keys = ("image", "mask")
    steps = [LoadImaged("image", reader=UltrasoundReader()), LoadImaged("mask", reader=LabelMapReader(), dtype=np.uint8)]
    steps += [EnsureChannelFirstd(keys), SameSized(("mask", "image")), CastToTyped("image", dtype=np.float32)]
    items = [{"id": case.image_id, "image": case.path, "mask": case.mask_path} for case in cases]
    return frames_of(cases, MappedDataset(items, Compose(steps), words=IMAGES, per_job=8))


def known_probability(item: Mapping[str, Any]) -> np.ndarray:
    """Return what a good network would give: sure of the label map, moved down by a row."""
    labels = np.roll(np.asarray(item["mask"][0]), 1, axis=0)
    sure = np.stack([labels == number for number in range(len(NAMES) + 1)])
    return np.where(sure, 0.8, 0.1).astype(np.float32)


class Trained(NamedTuple):
    """A run, its split, and what predicts for it."""

    run: Run
    split: dict[str, list[Frame]]
    infer: InferFrame


@pytest.fixture
def trained(table: Path, tmp_path: Path) -> Trained:
    """A run whose postprocessing was chosen with known predictions."""
    run = new_run(tmp_path / "run", "ultrasound", TrainingSettings(), {"data": str(table), "synthetic": False})
    split = split_frames(as_they_are(CHALLENGE.find_cases(table)), 0, None, run)
    facts = TrainingFacts.of(split["train"], NAMES)
    choose_label_map_postprocessing(run, NAMES, split["validation"], known_probability, 0, facts)
    return Trained(run, split, known_probability)
