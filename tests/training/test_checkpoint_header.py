"""What lies beside weights says which weights it was made for, and is refused beside others."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from radlearn.errors import BadRunFolder
from radlearn.training.checkpoint import load_tensors, save_tensors, save_weights
from radlearn.training.checkpoint_header import digest_in, header_of, refuse_other_weights
from radlearn.training.feature_distance import read_feature_distance, write_feature_distance
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from tests.workflow.test_postprocessing_file import Cut


def run_of(folder: Path, value: float) -> Run:
    """A run with weights of its own, a postprocessing and a feature distance."""
    run, model = Run(folder, "segmentation"), nn.Linear(1, 1)
    nn.init.constant_(model.weight, value)
    save_weights(run.best_weights, model, {"epoch": 1})
    write_postprocessing(run, Cut(0.5), {})
    features = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    assert write_feature_distance(run, features[:200], features[200:]) is not None
    return run


READERS: list[tuple[str, Callable[[Run], object]]] = [
    ("postprocessing.json", lambda run: read_postprocessing(run, Cut)),
    ("feature_distance.safetensors", read_feature_distance),
]


@pytest.mark.parametrize(("name", "read"), READERS)
def test_a_file_of_another_run_is_refused_beside_its_weights(tmp_path: Path, name: str, read: Callable[[Run], object]) -> None:
    run, other = run_of(tmp_path / "run", 0.25), run_of(tmp_path / "other", 0.75)
    assert read(run) is not None
    shutil.copy(other.folder / name, run.folder / name)
    message = f"{run.folder / name}: was made for other weights than {run.best_weights}.*To make it again: radlearn segmentation resume"
    with pytest.raises(BadRunFolder, match=message):
        read(run)
    # And the weights of another run beside the files of this one.
    shutil.copy(run.best_weights, other.best_weights)
    with pytest.raises(BadRunFolder, match="was made for other weights"):
        read(other)


@pytest.mark.parametrize(("name", "read"), READERS)
def test_a_run_that_was_copied_whole_is_read(tmp_path: Path, name: str, read: Callable[[Run], object]) -> None:
    run_of(tmp_path / "run", 0.25)
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    assert read(Run(tmp_path / "copy", "segmentation")) is not None


def test_where_one_of_the_two_cannot_tell_it_is_believed(tmp_path: Path) -> None:
    run = Run(tmp_path, "segmentation")
    write_postprocessing(run, Cut(0.5), {})
    save_tensors(run.best_weights, {"weight": torch.ones(1)}, {})
    # The postprocessing is older than digests.
    assert read_postprocessing(run, Cut)[0] == Cut(0.5)
    refuse_other_weights("0" * 32, Run(tmp_path / "without weights", "segmentation"), tmp_path / "file")
    with pytest.raises(BadRunFolder, match="other weights"):
        refuse_other_weights(5, run, tmp_path / "file")


def test_the_header_is_read_without_the_tensors_and_none_where_there_is_none(tmp_path: Path) -> None:
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    save_tensors(one, {"weight": torch.ones(3)}, {"epoch": 2})
    save_tensors(two, {"weight": torch.full((3,), 2.0)}, {"epoch": 2})
    assert (header_of(one) or {})["epoch"] == 2
    assert digest_in(one) != digest_in(two)
    assert header_of(tmp_path / "missing") is None
    (tmp_path / "text").write_text("no tensors")
    assert digest_in(tmp_path / "text") is None


def rewritten(path: Path, **state: Any) -> None:
    """Write a file again without its digest, as a program does that knows only safetensors."""
    with safe_open(path, framework="pt") as file:
        said = json.loads(file.metadata()["radlearn"])
        tensors = {name: file.get_tensor(name) for name in list(file.keys())}
    said = {name: value for name, value in (said | state).items() if name != "digest" and value is not None}
    save_file(tensors, path, metadata={"radlearn": json.dumps(said)})


@pytest.mark.parametrize("name", ["best/model.safetensors", "last/checkpoint.safetensors", "feature_distance.safetensors"])
def test_a_digest_that_was_removed_is_missed(tmp_path: Path, name: str) -> None:
    run = run_of(tmp_path, 0.25)
    save_tensors(run.last_checkpoint, {"weight": torch.ones(1)}, {"step": 3, "settings": {}})
    load_tensors(tmp_path / name)
    rewritten(tmp_path / name)
    with pytest.raises(BadRunFolder, match="its digest of all that it holds was removed"):
        load_tensors(tmp_path / name)


def test_a_feature_distance_without_digest_and_weights_is_refused_beside_weights_that_know_of_it(tmp_path: Path) -> None:
    run = run_of(tmp_path, 0.25)
    rewritten(run.folder / "feature_distance.safetensors", weights=None)
    with pytest.raises(BadRunFolder, match=r"feature_distance\.safetensors: its digest.*To make it again: radlearn segmentation resume"):
        read_feature_distance(run)
    # Beside weights of before it is read.
    save_tensors(run.best_weights, {"weight": torch.ones(1)}, {"epoch": 1})
    assert read_feature_distance(run) is not None


def test_files_of_before_digests_are_read(tmp_path: Path) -> None:
    save_tensors(tmp_path / "old", {"weight": torch.ones(1)}, {"epoch": 1, "scores": {}})
    rewritten(tmp_path / "old")
    assert load_tensors(tmp_path / "old")[1] == {"epoch": 1, "scores": {}}
