"""The mean of what several runs predict for an image, and how far their label maps differ in each class."""

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.metrics import DiceMetric

from radlearn.errors import BadSetting
from radlearn.tasks.segmentation.label_maps.disagreement import ClassDisagreement, mean_probabilities, own_postprocessings
from radlearn.tasks.segmentation.label_maps.postprocessing import ClassPostprocessing, LabelMapPostprocessing, plain
from radlearn.training.run_folder import Run, new_run
from radlearn.training.settings import TrainingSettings
from radlearn.workflow.postprocessing_file import write_postprocessing

PLAIN = plain(["nerve", "vessel"])


def sure_of(labels: list[list[int]], probability: float = 0.8) -> np.ndarray:
    """Return the probabilities of a background and two classes, one of them high at each pixel."""
    there = np.stack([np.asarray(labels) == number for number in range(3)])
    return np.where(there, probability, (1 - probability) / 2).astype(np.float32)


def test_the_mean_is_that_of_numpy_and_what_the_runs_returned_is_left_as_it_was() -> None:
    each = [np.random.default_rng(seed).dirichlet(np.ones(3), (5, 7)).transpose(2, 0, 1).astype(np.float32) for seed in range(3)]
    before = [one.copy() for one in each]
    mean, differ = mean_probabilities(iter(each), [PLAIN] * 3)
    np.testing.assert_allclose(mean, np.mean(np.stack(each).astype(np.float64), axis=0), atol=1e-7)
    assert differ is not None
    assert len(differ) == 2
    for one, other in zip(each, before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_of_a_single_run_it_is_its_own_and_nothing_differs() -> None:
    alone = sure_of([[0, 1, 2, 2]])
    mean, differ = mean_probabilities([alone], [PLAIN])
    assert mean is alone
    assert differ is None


def test_each_class_is_counted_by_hand() -> None:
    # Nerve: 2, 1 and 1 of ten pixels, on one spot in part; vessel: the same everywhere, but for the last run, which has none.
    one, two, three = [[1, 1, 0, 0, 0, 0, 0, 0, 2, 2]], [[1, 0, 0, 0, 0, 0, 0, 0, 2, 2]], [[0, 0, 1, 0, 0, 0, 0, 0, 0, 0]]
    _, differ = mean_probabilities([sure_of(labels) for labels in (one, two, three)], [PLAIN] * 3)
    assert differ is not None
    nerve, vessel = differ
    assert nerve.percent_sd == pytest.approx(10 * (2 / 9) ** 0.5)
    assert nerve.disagreement == pytest.approx(1 - (2 / 3 + 0 + 0) / 3)
    assert vessel.percent_sd == pytest.approx(10 * (8 / 9) ** 0.5)
    assert vessel.disagreement == pytest.approx(1 - (1 + 0 + 0) / 3)


def test_the_disagreement_of_two_runs_is_what_monai_says_of_their_overlap() -> None:
    draw = np.random.default_rng(4)
    labels = [draw.integers(0, 3, (20, 30)) for _ in range(2)]
    _, differ = mean_probabilities([sure_of(one.tolist()) for one in labels], [PLAIN] * 2)
    masks = [torch.as_tensor(np.stack([one == number for number in (1, 2)])[None]).float() for one in labels]
    dice = DiceMetric(reduction="none")(y_pred=masks[0], y=masks[1])[0]
    assert differ is not None
    np.testing.assert_allclose([one.disagreement for one in differ], 1 - dice.numpy(), atol=1e-6)


def test_two_empty_parts_agree() -> None:
    _, differ = mean_probabilities([sure_of([[0, 0, 1, 1]])] * 2, [PLAIN] * 2)
    assert differ == (ClassDisagreement(0.0, 0.0), ClassDisagreement(0.0, 0.0))


def test_each_run_is_asked_with_its_own_postprocessing() -> None:
    unsure = LabelMapPostprocessing((ClassPostprocessing("nerve", threshold=0.9), ClassPostprocessing("vessel")))
    _, differ = mean_probabilities([sure_of([[1, 0, 0, 2]])] * 2, [PLAIN, unsure])
    # The second run would mark no nerve: a quarter of the image against nothing.
    assert differ == (ClassDisagreement(12.5, 1.0), ClassDisagreement(0.0, 0.0))


def a_run(folder: Path, *names: str) -> Run:
    run = new_run(folder, "ultrasound", TrainingSettings(), {"data": "somewhere", "synthetic": False})
    write_postprocessing(run, plain(names), {"length_unit": "px"})
    return run


def test_runs_of_other_classes_are_refused_by_name(tmp_path: Path) -> None:
    both, same = a_run(tmp_path / "both", "nerve", "vessel"), a_run(tmp_path / "same", "nerve", "vessel")
    assert own_postprocessings([both, same]) == [PLAIN, PLAIN]
    for other in (a_run(tmp_path / "one", "nerve"), a_run(tmp_path / "turned", "vessel", "nerve")):
        with pytest.raises(BadSetting, match=rf"{other.folder.name} predicts .*, .*both predicts nerve, vessel\. .*the same classes"):
            own_postprocessings([both, same, other])
