"""The challenge that the phantoms are laid out as, and predictions for them that are known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Invertd

from radlearn.challenges import covid19
from radlearn.challenges.challenge import Challenge
from radlearn.challenges.covid19 import Case
from radlearn.challenges.covid19.submission import distinct_names, write_submission
from radlearn.covid19_ct_segmentation import segment_lesions as lesson
from radlearn.scans.geometry import Volume
from radlearn.tasks.segmentation.prediction import PredictedScan
from radlearn.tasks.segmentation.scans import Scan, scans_of


@pytest.fixture(scope="session")
def scan_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache folder of these tests: they prepare the same phantoms."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache_folder(own_cache_folder: Path, scan_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replace the cache folder of each test by that of all."""
    monkeypatch.setenv("RADLEARN_CACHE", str(scan_cache))
    return scan_cache


@pytest.fixture
def challenge() -> Challenge:
    """A challenge of CTs with masks."""
    return Challenge(
        "covid19",
        "COVID-19-20",
        "CT",
        "CTs",
        covid19.layout_folder,
        covid19.find_cases,
        covid19.find_images,
        write_submission,
        check_names=distinct_names,
    )


# The phantoms' own voxels, so that going there and back loses nothing.
OWN = replace(lesson.PRESETS["quick"], spacing_mm=(4.0, 4.0, 6.0))


def prepared_scans(cases: Sequence[Case], settings: lesson.Settings = OWN) -> list[Scan]:
    """Return scans prepared by the lesson's transforms."""
    return scans_of(cases, lesson.make_dataset(settings, cases))


def on_source(item: Mapping[str, Any], probability: torch.Tensor, settings: lesson.Settings = OWN) -> np.ndarray:
    """Return a probability (x, y, z) for a prepared scan on the grid of its file."""
    back = Invertd("probability", lesson.deterministic_transform(settings), orig_keys="image", nearest_interp=False)
    return back({**item, "probability": MetaTensor(torch.as_tensor(probability, dtype=torch.float32)[None])})["probability"][0].numpy()


def perfect(item: Mapping[str, Any]) -> np.ndarray:
    """Predict 0.9 inside the true mask."""
    return on_source(item, 0.9 * item["mask"][0].float())


def predicted(path: Path, infer: Callable[[torch.Tensor], torch.Tensor], settings: lesson.Settings = OWN) -> PredictedScan:
    """Return what `infer`, HU (x, y, z) to probabilities, predicts for a file."""
    transform = lesson.deterministic_transform(settings, with_mask=False)
    item = transform({"image": path})
    back = Invertd("probability", transform, orig_keys="image", nearest_interp=False)
    low, high = settings.window_hu
    probability = infer(item["image"][0].float().as_tensor() * (high - low) + low)
    found = back({**item, "probability": MetaTensor(probability[None])})["probability"][0].numpy()
    lungs = Invertd("lungs", transform, orig_keys="lungs")(item)["lungs"][0].numpy() > 0
    return PredictedScan(Volume(item["source"].numpy(), item["source"].affine.numpy(), path), found, lungs)
