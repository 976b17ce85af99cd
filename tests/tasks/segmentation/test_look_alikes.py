"""A CT that a run was trained on is known again as it lies in a file, whatever the run made of it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy.ndimage import gaussian_filter

from radlearn.scans.geometry import Volume
from radlearn.tasks.segmentation.look_alikes import as_in_file, ct_look_alikes, report_ct_look_alikes, write_ct_look_alikes
from radlearn.training.checkpoint import save_tensors
from radlearn.training.run_folder import Run, new_run
from radlearn.training.settings import TrainingSettings

LPS = np.diag([-3.0, -3.0, 5.0, 1.0])
LUNGS = (slice(8, 72), slice(8, 64), slice(4, 44))


def hu(seed: int) -> np.ndarray:
    fine = gaussian_filter(np.random.default_rng(seed).normal(size=(80, 72, 48)), (1.5, 1.5, 1))
    return (-850 + 300 * fine / fine.std()).astype(np.float32)


def lungs() -> np.ndarray:
    found = np.zeros((80, 72, 48), bool)
    found[LUNGS] = True
    return found


def scan(name: str, seed: int) -> Any:
    image = MetaTensor(torch.from_numpy(((hu(seed) + 1000) / 1400).clip(0, 1)[None]), torch.from_numpy(LPS), {"lungs_found": True})
    return SimpleNamespace(
        case=SimpleNamespace(image_id=name, path=Path(f"{name}.nii.gz")),
        item={"image": image, "lungs": torch.from_numpy(lungs()[None].astype(np.uint8))},
    )


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = new_run(tmp_path / "run", "segmentation", TrainingSettings(), {"data": "somewhere", "synthetic": False})
    run.best_weights.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(run.best_weights, {"weight": torch.zeros(1)}, {})
    write_ct_look_alikes(run, {"train": [scan("t1", 1), scan("t2", 2)], "validation": [scan("v", 3)], "test": [scan("x", 4)]})
    return run


def test_evaluated_scans_that_were_trained_on_are_named(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    report_ct_look_alikes(run, [scan("a", 2), scan("b", 4)])
    said = " ".join(capsys.readouterr().err.split())
    assert "1 of the 2 scans looks the same as one that the run was trained on, with other pixel values: a.nii.gz (as t2)." in said


def test_a_file_with_other_axes_and_slices_cut_off_is_known(run: Run) -> None:
    known, names = ct_look_alikes([run]), []
    for seed in (1, 3, 4):
        # RAS instead of LPS, and without the lowest and the uppermost of the lungs.
        voxels, of_lungs = (values[::-1, ::-1, 8:-8] for values in (hu(seed), lungs()))
        found = known.like(as_in_file(Volume(voxels, np.diag([3.0, 3.0, 5.0, 1.0]), Path("x.nii.gz"), ()), of_lungs))
        names.append(getattr(found, "name", None))
    assert names == ["t1", "v", None]
