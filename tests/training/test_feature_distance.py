"""Features come from the pass that predicts; what is measured is kept in the run folder as tensors and numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.files import write_text
from radlearn.training.checkpoint import save_tensors
from radlearn.training.feature_distance import (
    FILE,
    missing_because,
    pooled_features,
    read_feature_distance,
    some_of,
    write_feature_distance,
)
from radlearn.training.run_folder import Run
from radlearn.training.splits import write_split


class Small(nn.Module):
    """Two layers whose channels can be counted by hand: the image and its double; then both summed."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 2, 1, bias=False)
        self.second = nn.Conv2d(2, 1, 1, bias=False)
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor([1.0, 2.0]).reshape(2, 1, 1, 1))
            self.second.weight.fill_(1.0)

    def forward(self, images: Tensor) -> Tensor:
        """Return three times the images."""
        return self.second(self.first(images))


def test_features_are_the_means_of_channels_in_the_order_of_layers_and_images() -> None:
    model, images = Small(), torch.arange(2 * 4.0).reshape(2, 1, 2, 2)
    with torch.inference_mode(), pooled_features(model, ["first", "second"]) as pooled:
        model(images)
        found = pooled.of_each(2)
    assert found.dtype == np.float32
    # Means of 0, 1, 2, 3 and of 4, 5, 6, 7.
    np.testing.assert_allclose(found, [[1.5, 3, 4.5], [5.5, 11, 16.5]])


def test_of_several_passes_the_first_counts_and_nothing_stays_for_the_next_batch() -> None:
    model = Small()
    with pooled_features(model, ["first"]) as pooled:
        model(torch.ones(3, 1, 2, 2))
        model(torch.full((3, 1, 2, 2), 7.0))
        np.testing.assert_allclose(pooled.of_each(3), [[1, 2]] * 3)
        model(torch.full((1, 1, 2, 2), 5.0))
        np.testing.assert_allclose(pooled.of_each(1), [[5, 10]])
        with pytest.raises(BadSetting, match="no image has passed"):
            pooled.of_each(1)


def test_the_windows_of_a_scan_give_their_mean_call_by_call() -> None:
    model = Small()

    def infer(value: float) -> float:
        for window in (0.0, 2 * value):
            model(torch.full((1, 1, 2, 2), window))
        return -value

    with pooled_features(model, ["first"]) as pooled:
        model(torch.full((1, 1, 2, 2), 1000.0))
        keep = pooled.of_each_call(infer)
        assert (keep(1.0), keep(3.0)) == (-1.0, -3.0)
    np.testing.assert_allclose(pooled.by_call, [[1, 2], [3, 6]])


def test_listening_changes_no_prediction_and_ends_with_the_context() -> None:
    model, images = Small(), torch.randn(2, 1, 4, 4)
    alone = model(images)
    with pooled_features(model, ["first"]) as pooled:
        assert torch.equal(model(images), alone)
        pooled.of_each(2)
    model(images)
    with pytest.raises(BadSetting, match="no image has passed"):
        pooled.of_each(2)


def rows(seed: int, images: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(images, 12)).astype(np.float32)


def test_what_was_written_is_read_and_measures_the_same(tmp_path: Path) -> None:
    run = Run(tmp_path, "classification")
    assert read_feature_distance(run) is None
    assert f"has no {FILE}" in missing_because(run)
    assert "radlearn classification resume" in missing_because(run)
    written = write_feature_distance(run, rows(0, 80), rows(1, 30))
    read = read_feature_distance(run)
    assert written is not None
    assert read is not None
    for one, other in zip(vars(written.scored(rows(2, 9))).values(), vars(read.scored(rows(2, 9))).values(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert read.promised_share == 1 / 31
    with safe_open(tmp_path / FILE, framework="np") as opened:
        assert set(opened.keys()) == {"mean", "spread", "directions", "variances"}
    assert (tmp_path / FILE).stat().st_size < 10_000


def test_too_few_images_leave_no_file_and_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(tmp_path, "segmentation")
    assert write_feature_distance(run, rows(0, 2), rows(1, 30)) is None
    assert write_feature_distance(run, rows(0, 20), rows(1, 1)) is None
    assert "20 training and 1 validation image are too few" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    # The command is named only where it would write the file.
    for subsets, helps in ((["train"] * 20 + ["validation"], False), (["train"] * 20 + ["validation"] * 3, True)):
        names = [f"scan-{number}" for number in range(len(subsets))]
        write_split(tmp_path / "split.csv", names, names, subsets)
        assert ("segmentation resume" in missing_because(run)) is helps


def test_a_damaged_file_says_how_to_make_it_again(tmp_path: Path) -> None:
    run = Run(tmp_path, "detection")
    save_tensors(tmp_path / FILE, {"mean": torch.zeros(3)}, {})
    with pytest.raises(BadRunFolder, match=r"not a valid feature distance.*radlearn detection resume"):
        read_feature_distance(run)
    write_text(tmp_path / FILE, "no tensors")
    with pytest.raises(BadRunFolder, match=r"is damaged.*Remove it\. To make it again: radlearn detection resume"):
        read_feature_distance(run)


def test_images_that_stand_for_all_are_spread_over_them_each_once() -> None:
    assert some_of(5, most=5) == [0, 1, 2, 3, 4]
    some = some_of(16_000)
    assert len(some) == len(set(some)) == 2000
    assert (some[0], some[-1]) == (0, 15_992)
