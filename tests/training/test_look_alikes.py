"""Small pictures that a run keeps name the image that another one looks the same as, and what was trained on counts first."""

from pathlib import Path

import numpy as np
import pytest
import torch

from radlearn.errors import BadRunFolder
from radlearn.training.checkpoint import load_tensors, save_tensors
from radlearn.training.look_alikes import FILE, LookAlikes, LookWords, write_thumbnails
from radlearn.training.run_folder import Run

WORDS = LookWords("slides", "a stained copy")


def known(thumbnails: np.ndarray) -> object:
    def like(value: int) -> dict[int, float]:
        return {int(number): 1.0 for number in np.flatnonzero((thumbnails == value).all(axis=(1, 2)))}

    return like


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path, "classification")
    run.best_weights.parent.mkdir()
    save_tensors(run.best_weights, {"weight": torch.zeros(1)}, {})
    pictures = {value: np.full((2, 2), value, np.uint8) for value in (1, 2, 3)}
    write_thumbnails(run, [("v", "validation"), ("t", "train"), ("u", "train")], [[pictures[1]], [pictures[2], pictures[1]], [pictures[3]]])
    return run


def test_further_pictures_are_of_their_image(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    looks = LookAlikes([run], WORDS, known)  # type: ignore[arg-type]
    for name, value in (("a", 1), ("b", 3), ("c", 7)):
        looks.look_at(Path(f"{name}.png"), lambda value=value: value)  # type: ignore[misc]
    looks.report(list(looks.found), 3)
    said = " ".join(capsys.readouterr().err.split())
    assert "2 of the 3 slides look the same as some that the run was trained on" in said
    assert "a.png (as t), b.png (as u)." in said


@pytest.mark.parametrize(
    "wrong", [{"further_of": torch.tensor([3])}, {"further_of": torch.tensor([0, 1])}, {"further": torch.zeros(1, 4, 4, dtype=torch.uint8)}]
)
def test_further_pictures_that_belong_to_none_or_are_of_another_size_are_refused(run: Run, wrong: dict[str, torch.Tensor]) -> None:
    path = run.folder / FILE
    tensors, about = load_tensors(path, "")
    save_tensors(path, tensors | wrong, about)
    with pytest.raises(BadRunFolder, match="does not hold a small picture, a name and a subset of each of its slides"):
        LookAlikes([run], WORDS, known)  # type: ignore[arg-type]


def test_a_run_of_before_finds_none_and_says_so(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (run.folder / "look_alikes.safetensors").unlink()
    assert LookAlikes([run], WORDS, known).like(1) is None  # type: ignore[arg-type]
    said = " ".join(capsys.readouterr().err.split())
    assert "so that slides that it was trained on are not known again" in said
    assert "as in a stained copy" in said
