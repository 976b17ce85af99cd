"""What looks like a run's own X-ray is found and said, and a file of another run is refused."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from radlearn.challenges.xray_case import XrayCase
from radlearn.errors import BadRunFolder
from radlearn.scans.known_pictures import thumbnails_of
from radlearn.tasks.xray.look_alikes import LookAlikes, report_look_alikes, write_look_alikes
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.checkpoint import save_tensors
from radlearn.training.run_folder import Run


def xray(name: str, seed: int, negative: bool = False) -> PreparedRadiograph:
    fine = gaussian_filter(np.random.default_rng(seed).normal(size=(96, 96)), 3)
    grey = (fine - fine.min()) / np.ptp(fine)
    held = np.rint(255 * (1 - grey if negative else grey)).astype(np.uint8)
    return PreparedRadiograph(XrayCase(name, Path(f"{name}.png"), True, (), None, name), held)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path, "classification")
    run.best_weights.parent.mkdir()
    save_tensors(run.best_weights, {"weight": torch.zeros(1)}, {})
    write_look_alikes(run, {"train": [xray("t1", 1), xray("t2", 2)], "validation": [xray("v1", 3)], "test": [xray("x1", 4)]})
    return run


def test_copies_of_training_and_validation_xrays_are_named_apart_and_test_xrays_are_not(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    report_look_alikes(run, [xray("a", 1), xray("b", 2, negative=True), xray("c", 3), xray("d", 4), xray("e", 5)])
    said = " ".join(capsys.readouterr().err.split())
    assert (
        "2 of the 5 X-rays look the same as some that the run was trained on, with other pixel values: a.png (as t1), b.png (as t2)."
        in said
    )
    assert "1 of the 5 X-rays looks the same as one that the run chose its weights and threshold on" in said
    assert "c.png (as v1)" in said
    assert "d.png" not in said
    assert "e.png" not in said


def test_of_what_is_said_already_nothing_is_said_again(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    known = LookAlikes([run])
    for one in (xray("a", 1), xray("b", 2)):
        known.look_at(one.case.path, partial(thumbnails_of, one.pixels[0]))
    known.report([Path("a.png"), Path("b.png")], 2, but={Path("a.png")})
    said = capsys.readouterr().err
    assert "b.png" in said
    assert "a.png" not in said


def test_small_pictures_of_other_weights_are_refused(run: Run) -> None:
    save_tensors(run.best_weights, {"weight": torch.ones(1)}, {})
    with pytest.raises(BadRunFolder, match="was made for other weights"):
        LookAlikes([run])


@pytest.mark.parametrize(
    ("thumbnails", "names", "says"),
    [
        (torch.zeros(2, 32, 32, dtype=torch.uint8), ["one"], "does not hold a small picture"),
        (torch.zeros(32, 32, dtype=torch.uint8), ["one"], "does not hold a small picture"),
        (torch.zeros(1, 32, 32, dtype=torch.uint8), [1], "names"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(thumbnails: torch.Tensor, names: list[object], says: str, run: Run) -> None:
    about = {"names": names, "subsets": ["train"] * len(names), "weights": None}
    save_tensors(run.folder / "look_alikes.safetensors", {"thumbnails": thumbnails}, about)
    with pytest.raises(BadRunFolder, match=says):
        LookAlikes([run])


def test_a_run_without_small_pictures_finds_nothing_and_says_so_once(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (run.folder / "look_alikes.safetensors").unlink()
    report_look_alikes(run, [xray("a", 1)])
    assert capsys.readouterr().err.count("has no look_alikes.safetensors, so that X-rays that it was trained on are not known again") == 1
