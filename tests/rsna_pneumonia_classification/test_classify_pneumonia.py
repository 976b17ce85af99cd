"""The lesson's functions, one by one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from radlearn.challenges.rsna import Case
from radlearn.rsna_pneumonia_classification import classify_pneumonia as lesson
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.loading import SampleKey

SMALL = replace(lesson.PRESETS["quick"], size_px=64, batch_size=4)


def xray(number: int) -> PreparedRadiograph:
    pixels = np.random.default_rng(number).integers(0, 256, (64, 64)).astype(np.uint8)
    return PreparedRadiograph(Case(f"xray-{number}", Path("x.dcm"), number % 2 == 0, (), None, f"person-{number}"), pixels)


XRAYS = [xray(number) for number in range(10)]


def test_an_xray_looks_the_same_whoever_asks_for_it_and_different_in_the_next_epoch() -> None:
    transform = lesson.training_transform(SMALL)
    first = lesson.load(XRAYS, transform, 0, SampleKey(3, 7))
    for case in range(5):
        lesson.load(XRAYS, transform, 0, SampleKey(1, case))
    again = lesson.load(XRAYS, lesson.training_transform(SMALL), 0, SampleKey(3, 7))
    assert torch.equal(first["image"], again["image"])
    assert not torch.equal(first["image"], lesson.load(XRAYS, transform, 0, SampleKey(4, 7))["image"])
    assert not torch.equal(first["image"], lesson.load(XRAYS, transform, 1, SampleKey(3, 7))["image"])


def test_evaluated_xrays_are_the_xrays_themselves() -> None:
    item = lesson.load(XRAYS, lesson.evaluation_transform(SMALL), 0, SampleKey(0, 2))
    assert np.array_equal(item["image"].numpy(), XRAYS[2].pixels)
    assert item["label"] == 1.0
    assert item["image"].dtype == torch.float32


def test_only_training_is_shuffled_and_augmented() -> None:
    loaders = lesson.make_loaders(SMALL, {"train": XRAYS, "validation": XRAYS})
    evaluation = [name for batch in loaders["validation"].epoch(0) for name in batch["ids"]]
    learned = [name for batch in loaders["train"].epoch(0) for name in batch["ids"]]
    assert evaluation == [each.case.image_id for each in XRAYS]
    assert sorted(learned) == sorted(evaluation)
    assert learned != evaluation


def test_without_augmentation_in_the_settings_a_training_xray_is_the_xray() -> None:
    still = replace(
        SMALL, rotation_degrees=0.0, shift_share=0.0, zoom_share=0.0, gamma_range=0.0, noise_std=0.0, holes_chance=0.0, mirror_chance=0.0
    )
    item = lesson.load(XRAYS, lesson.training_transform(still), 0, SampleKey(0, 1))
    np.testing.assert_allclose(item["image"].numpy(), XRAYS[1].pixels, atol=1e-4)


@pytest.mark.parametrize("network", ["small_resnet", "densenet121", "convnext_tiny"])
def test_every_network_predictions_and_shows_where_it_looked(network: str) -> None:
    settings = replace(SMALL, network=network)
    torch.manual_seed(0)
    model = lesson.build_model(settings).eval()
    images = lesson.as_images(XRAYS[:3], model)
    with torch.inference_mode():
        probabilities = lesson.infer(model, images, settings)
        mirrored = lesson.infer(model, images.flip(-1), settings)
    assert probabilities.shape == (3,)
    assert bool(((probabilities > 0) & (probabilities < 1)).all())
    # With the mirror image averaged in, an X-ray and its mirror image get one answer.
    torch.testing.assert_close(probabilities, mirrored)
    maps = lesson.heat_map(model, images, settings)
    assert maps.shape == (3, 64, 64)
    assert maps.min() >= 0.0
    assert maps.max() <= 1.0


def test_the_heat_map_is_hot_where_the_opacity_is_and_as_hot_as_the_prediction_is_high() -> None:
    """A network that has learnt to find a bright square points at it, as hot as its prediction is high; an inverted map fails."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    settings = replace(SMALL, test_time_mirror=False)
    model = lesson.build_model(settings)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)

    def drawn(count: int) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
        images = rng.normal(0.3, 0.05, (count, 1, 128, 128)).astype(np.float32)
        labels, corners = rng.integers(0, 2, count), rng.integers(8, 80, (count, 2))
        for image, label, (row, column) in zip(images, labels, corners, strict=True):
            image[0, row : row + 40, column : column + 40] += 0.5 * label
        return torch.from_numpy(images), torch.from_numpy(labels.astype(np.float32)), corners

    for _ in range(40):
        images, labels, _ = drawn(16)
        optimizer.zero_grad()
        lesson.loss(model, {"image": images, "label": labels}).backward()
        optimizer.step()
    model.eval()
    images, labels, corners = drawn(40)
    maps = lesson.heat_map(model, images, settings)
    hottest = np.array([np.unravel_index(each.argmax(), each.shape) for each in maps])
    near = (np.abs(hottest - (corners + 20)) <= 28).all(axis=1)
    positive = labels.numpy() == 1
    assert near[positive].mean() > 0.8
    with torch.inference_mode():
        predictions = lesson.infer(model, images, settings).numpy()
    np.testing.assert_allclose(maps.max(axis=(1, 2))[positive], predictions[positive], rtol=1e-4)
    assert (maps.max(axis=(1, 2)) <= predictions + 1e-6).all()


def test_the_loss_is_the_surprise_counted_by_hand() -> None:
    class Certain(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.full((len(images), 1), 2.0)

    batch = {"image": torch.zeros(2, 1, 8, 8), "label": torch.tensor([1.0, 0.0])}
    expected = (np.log1p(np.exp(-2.0)) + np.log1p(np.exp(2.0))) / 2
    assert float(lesson.loss(Certain(), batch)) == pytest.approx(expected, rel=1e-6)


def test_the_two_presets_are_what_they_are_for() -> None:
    quick, challenge = lesson.PRESETS["quick"], lesson.PRESETS["challenge"]
    assert (quick.network, quick.pretrained) == ("small_resnet", False)
    assert 128 <= quick.size_px <= 160
    assert challenge.network in ("densenet121", "convnext_tiny")
    assert challenge.pretrained
    assert challenge.test_time_mirror
    assert 224 <= challenge.size_px <= 512
