"""The fourth lesson's parts: label maps that move with their image, probabilities that come back to the file, the loop that is shown."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from radlearn.errors import BadSetting
from radlearn.sample_key import SampleKey
from radlearn.scans.label_map_files import read_label_map
from radlearn.tasks.segmentation.label_maps.ensembles import predicted_together
from radlearn.tasks.segmentation.label_maps.frames import Frame, frames_of
from radlearn.tasks.segmentation.label_maps.postprocessing import plain
from radlearn.tasks.segmentation.options import LabelMapOptions
from radlearn.training import checkpoint
from radlearn.training.fit import fit
from radlearn.training.loading import reseed
from radlearn.training.run_folder import new_run
from radlearn.ultrasound_nerve_segmentation import segment_nerves as lesson
from tests.tasks.segmentation.label_maps.frames_on_disk import write_images

SMALL = replace(lesson.PRESETS["quick"], network="small_unet", size_px=64, batch_size=4, epochs=2, ema_decay=0.0, norm_batches=0)


@pytest.fixture
def frames(tmp_path: Path) -> list[Frame]:
    cases = lesson.find_cases(write_images(tmp_path / "images", persons=6, each=2))
    return frames_of(cases, lesson.make_dataset(SMALL, cases))


def test_a_draw_is_a_function_of_what_is_asked_for_and_the_classes_move_with_the_image(frames: list[Frame]) -> None:
    dataset = lesson.make_dataset(SMALL, [frame.case for frame in frames], training=True)
    first = dataset[SampleKey(3, 0)]
    dataset[SampleKey(0, 2)]
    assert torch.equal(first["image"], dataset[SampleKey(3, 0)]["image"])
    assert not torch.equal(first["image"], dataset[SampleKey(4, 0)]["image"])
    assert first["image"].shape == first["mask"].shape == (1, 64, 64)
    # Class 1 is bright and class 2 dark, wherever they were moved to and whatever the gain.
    grey = [first["image"][first["mask"] == number].mean().item() for number in (1, 2)]
    assert grey[0] > grey[1] + 0.2


class FromTheImage(nn.Module):
    """Is sure of the class that the grey values tell."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return 50 * torch.cat([0.62 - (images - 0.4).abs() * 2.2, images - 0.25, 0.65 - images], dim=1)


def test_probabilities_come_back_to_the_pixels_of_the_file(frames: list[Frame]) -> None:
    whole = replace(SMALL, size_px=96)
    found = lesson.infer_on_source(FromTheImage(), frames[0].item, SMALL)
    assert found.shape == (3, 60, 80)
    assert np.allclose(found.sum(axis=0), 1, atol=1e-5)
    case = frames[0].case
    # Unlike the frame above, larger than the file: nothing is lost on the way.
    larger = frames_of([case], lesson.make_dataset(whole, [case]))[0]
    labels = lesson.infer_on_source(FromTheImage(), larger.item, whole).argmax(axis=0)
    truth = read_label_map(case.mask_path).labels
    inside = np.concatenate([labels[truth == number] == number for number in (1, 2)])
    assert inside.mean() > 0.9


@pytest.mark.parametrize("network", ["small_unet", "unet_lite0"])
def test_a_network_has_an_output_for_each_class_and_the_background(network: str) -> None:
    settings = replace(SMALL, network=network, pretrained=False)
    model = lesson.build_model(settings, classes=2).eval()
    images = torch.rand(2, 1, 64, 64)
    assert model(images).shape == (2, 3, 64, 64)
    probability = lesson.infer(model, images, replace(settings, test_time_mirror=True))
    assert torch.allclose(probability.sum(dim=1), torch.ones(2, 64, 64), atol=1e-5)
    # With the mirror image averaged in, what is mirrored is predicted mirrored.
    mirrored = lesson.infer(model, images.flip(-1), replace(settings, test_time_mirror=True)).flip(-1)
    assert torch.allclose(probability, mirrored, atol=1e-5)
    modules = dict(model.named_modules())
    assert all(layer in modules for layer in lesson.FEATURE_LAYERS[network])


def test_the_loop_that_is_shown_takes_the_steps_of_the_training(frames: list[Frame], tmp_path: Path) -> None:
    loader = lesson.make_loaders(SMALL, {"train": frames})["train"]
    reseed(0)
    shown = lesson.training_loop(lesson.build_model(SMALL, 2), loader, SMALL)
    reseed(0)
    run = new_run(tmp_path / "run", "ultrasound", SMALL)
    loader = lesson.make_loaders(SMALL, {"train": frames})["train"]
    best = fit(lesson.build_model(SMALL, 2), lesson.loss, lambda model: {"score": 0.0}, loader, SMALL.trainer_config("score"), run)
    first, second = checkpoint.model_tensors(shown.cpu()), checkpoint.model_tensors(best.cpu())
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_runs_of_two_sizes_predict_the_mean_of_what_each_predicts_alone(frames: list[Frame], tmp_path: Path) -> None:
    settings = [SMALL, replace(SMALL, size_px=96, test_time_mirror=True), SMALL]
    members = []
    for number, own in enumerate(settings):
        reseed(number)
        members.append((lesson.build_model(own, 2).eval(), own))
    path, alone = frames[0].case.path, []
    for model, own in members:
        transform = lesson.deterministic_transform(own, with_mask=False)
        alone.append(lesson.infer_on_source(model, transform({"image": path}), own, transform))
    each = list(lesson.infer_file(members, path))
    for one, other in zip(each, alone, strict=True):
        np.testing.assert_array_equal(one.probability, other)
    assert all(one.source is each[0].source for one in each)
    found = predicted_together(lesson.infer_file(members, path), [plain(["nerve", "vessel"])] * 3)
    np.testing.assert_allclose(found.probability, np.mean(alone, axis=0, dtype=np.float64), atol=1e-6)
    assert found.probability.shape == (3, 60, 80)
    assert found.features is not None
    assert len(found.features) == 3
    assert not np.array_equal(found.features[0], found.features[2])


def test_a_command_that_writes_no_probabilities_refuses_to_be_asked_for_them(tmp_path: Path) -> None:
    asked, run = LabelMapOptions(probabilities=True), new_run(tmp_path / "run", "ultrasound", SMALL)
    for refused in (
        lambda: lesson.evaluate(run, [], options=asked),
        lambda: lesson.evaluate_several([run, run], [], asked),
        lambda: lesson.submit(run, tmp_path, tmp_path / "out.csv", asked),
    ):
        with pytest.raises(BadSetting, match=r"ultrasound (evaluate|submit): writes no probabilities; 'predict' does"):
            refused()


def test_a_size_that_cannot_be_halved_five_times_is_refused() -> None:
    with pytest.raises(BadSetting, match="size_px is 100; expected a multiple of 32"):
        replace(SMALL, size_px=100)
