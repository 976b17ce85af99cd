"""An ultrasound image that a run was trained on is known again: padded when it was prepared, mirrored or smaller when it comes back."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy.ndimage import gaussian_filter

from radlearn.scans.known_pictures import thumbnails_of
from radlearn.scans.resize import resized
from radlearn.tasks.segmentation.label_maps.look_alikes import frame_look_alikes, report_frame_look_alikes, write_frame_look_alikes
from radlearn.training.checkpoint import save_tensors
from radlearn.training.run_folder import Run


def pixels(seed: int) -> np.ndarray:
    fine = gaussian_filter(np.random.default_rng(seed).normal(size=(120, 160)), 3)
    return ((fine - fine.min()) / np.ptp(fine)).astype(np.float32)


def frame(name: str, seed: int) -> Any:
    padded = np.pad(pixels(seed), ((20, 20), (0, 0)))[None].astype(np.float16)
    image = MetaTensor(torch.from_numpy(padded), meta={"spatial_shape": np.array([240, 320])})
    return SimpleNamespace(case=SimpleNamespace(image_id=name, path=Path(f"{name}.png")), item={"image": image})


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path, "ultrasound")
    run.best_weights.parent.mkdir()
    save_tensors(run.best_weights, {"weight": torch.zeros(1)}, {})
    write_frame_look_alikes(run, {"train": [frame("t1", 1), frame("t2", 2)], "validation": [frame("v", 3)], "test": [frame("x", 4)]})
    return run


def test_evaluated_images_that_were_trained_on_are_named(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    report_frame_look_alikes(run, [frame("a", 2), frame("b", 4), frame("c", 5)])
    said = " ".join(capsys.readouterr().err.split())
    assert "1 of the 3 images looks the same as one that the run was trained on, with other pixel values: a.png (as t2)." in said


@pytest.mark.parametrize(
    "copy", [lambda image: image[:, ::-1], lambda image: resized(image, 60, 80), lambda image: image**0.7, lambda image: np.pad(image, 9)]
)
def test_a_predicted_copy_is_known_without_its_padding(copy: Callable[[np.ndarray], np.ndarray], run: Run) -> None:
    known = frame_look_alikes([run])
    assert [getattr(known.like(thumbnails_of(copy(pixels(seed)))), "name", None) for seed in (1, 3, 4)] == ["t1", "v", None]
