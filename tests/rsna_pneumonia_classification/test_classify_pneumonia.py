"""The lesson's functions, one by one."""

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import DataLoader

from radlearn.challenges.rsna import Case
from radlearn.monai_parts.mapped_dataset import MappedDataset
from radlearn.rsna_pneumonia_classification import classify_pneumonia as lesson
from radlearn.sample_key import SampleKey
from radlearn.scans.dicom import read_radiograph
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training import checkpoint
from radlearn.training.fit import fit
from radlearn.training.loading import reseed
from radlearn.training.run_folder import new_run

SMALL = replace(lesson.PRESETS["quick"], size_px=64, batch_size=4, network="small_resnet")
STILL = replace(
    SMALL,
    rotation_degrees=0.0,
    shift_share=0.0,
    zoom_share=0.0,
    gamma_range=0.0,
    contrast_share=0.0,
    brightness_shift=0.0,
    noise_std=0.0,
    holes_chance=0.0,
    mirror_chance=0.0,
)


def xray(number: int) -> PreparedRadiograph:
    pixels = np.random.default_rng(number).integers(0, 256, (64, 64)).astype(np.uint8)
    return PreparedRadiograph(Case(f"xray-{number}", Path("x.dcm"), number % 2 == 0, (), None, f"person-{number}"), pixels)


XRAYS = [xray(number) for number in range(10)]


@pytest.fixture
def cases(small_rsna: Path) -> list[Case]:
    return lesson.find_cases(small_rsna)[:10]


@pytest.fixture
def patients(cases: list[Case]) -> MappedDataset:
    return lesson.make_dataset(SMALL, cases, training=True)


def test_an_xray_looks_the_same_whoever_asks_for_it_and_different_in_the_next_epoch(cases: list[Case], patients: MappedDataset) -> None:
    first = patients[SampleKey(3, 7)]
    for case in range(5):
        patients[SampleKey(1, case)]
    assert torch.equal(first["image"], patients[SampleKey(3, 7)]["image"])
    assert torch.equal(first["image"], lesson.make_dataset(SMALL, cases, training=True)[SampleKey(3, 7)]["image"])
    assert not torch.equal(first["image"], patients[SampleKey(4, 7)]["image"])
    assert not torch.equal(first["image"], lesson.make_dataset(replace(SMALL, seed=1), cases, training=True)[SampleKey(3, 7)]["image"])
    assert (first["image"].dtype, first["image"].shape) == (torch.float32, (1, 64, 64))


@pytest.mark.parametrize("shape", ["stretch", "pad"])
def test_evaluated_xrays_are_the_xrays_themselves(cases: list[Case], shape: str) -> None:
    dataset = lesson.make_dataset(replace(SMALL, shape=shape), cases)  # type: ignore[arg-type]
    for number, case in enumerate(cases[:3]):
        item = dataset[number]
        expected = read_radiograph(case.path, 64, shape).pixels  # type: ignore[arg-type]
        # 160 px of noise to 64: torch averages whole pixels where the pixel cache averages parts of them too.
        assert np.abs(item["image"].numpy()[0] - expected).max() < 0.08
        assert np.abs(item["image"].numpy()[0] - expected).mean() < 0.015
        assert (item["label"], item["id"]) == (float(bool(case.label)), case.image_id)


def test_only_training_is_shuffled_and_augmented_and_both_share_one_cache(cases: list[Case], capsys: pytest.CaptureFixture[str]) -> None:
    xrays = lesson.prepared(SMALL, cases)
    capsys.readouterr()
    loaders = lesson.make_loaders(SMALL, {"train": xrays, "validation": xrays})
    assert "X-ray cache" not in capsys.readouterr().err
    evaluation = [name for batch in loaders["validation"].epoch(0) for name in batch["id"]]
    learned = [name for batch in loaders["train"].epoch(0) for name in batch["id"]]
    assert evaluation == [each.image_id for each in cases]
    assert sorted(learned) == sorted(evaluation)
    assert learned != evaluation


def test_without_augmentation_in_the_settings_a_training_xray_is_the_xray(cases: list[Case]) -> None:
    still, plain = lesson.make_dataset(STILL, cases, training=True), lesson.make_dataset(STILL, cases)
    np.testing.assert_allclose(still[1]["image"].numpy(), plain[1]["image"].numpy(), atol=1e-3)


def test_monais_own_loader_serves_the_data_set_too(patients: MappedDataset) -> None:
    batches = list(DataLoader(patients, batch_size=5, num_workers=0))
    assert [tuple(batch["image"].shape) for batch in batches] == [(5, 1, 64, 64)] * 2
    patients.set_epoch(0)
    assert torch.equal(batches[0]["image"][2], patients[SampleKey(0, 2)]["image"])


def test_headers_reach_the_cases_and_their_pixels_the_reports(cases: list[Case]) -> None:
    for each in lesson.prepared(SMALL, cases):
        assert each.case.view in ("AP", "PA")
        assert each.pixels.shape == (1, 64, 64)
        assert 0 <= each.pixels.min() < each.pixels.max() <= 1


def test_the_visible_loop_and_fit_give_the_same_weights(cases: list[Case], tmp_path: Path) -> None:
    settings = replace(SMALL, epochs=2, ema_decay=0.0)
    loader = lesson.make_loaders(settings, {"train": lesson.prepared(settings, cases)})["train"]
    reseed(0)
    by_loop = lesson.training_loop(lesson.build_model(settings), loader, settings)
    run = new_run(tmp_path / "run", "classification", settings)
    scores = iter([0.1, 0.2])
    reseed(0)
    config = settings.trainer_config(best_by="auroc_score")
    fit(lesson.build_model(settings), lesson.loss, lambda model: {"auroc_score": next(scores)}, loader, config, run)
    fitted = lesson.build_model(settings)
    checkpoint.load_weights(run.best_weights, fitted)
    for name, value in by_loop.state_dict().items():
        assert torch.equal(value, fitted.state_dict()[name]), name


def test_a_reader_has_met_15_classes_of_monai_and_each_is_linked_where_it_is_taught() -> None:
    imported = imported_from_monai(Path(lesson.__file__))
    assert len(imported) >= 15
    page = Path(lesson.__file__).with_name("README.md").read_text()
    assert [name for name in imported if f".{name})" not in page] == []


def imported_from_monai(path: Path) -> list[str]:
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return [alias.name for node in nodes if node.module and node.module.split(".")[0] == "monai" for alias in node.names]


@pytest.mark.parametrize("network", ["efficientnet_lite0", "efficientnet_lite2", "small_resnet", "densenet121", "convnext_tiny"])
def test_every_network_predicts_and_shows_where_it_looked(network: str) -> None:
    settings = replace(SMALL, network=network, pretrained=False)  # type: ignore[arg-type]
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


@pytest.mark.slow
def test_the_challenge_preset_learns_from_an_xray_of_its_true_size() -> None:
    settings = replace(lesson.PRESETS["challenge"], pretrained=False)
    torch.manual_seed(0)
    model = lesson.build_model(settings)
    wrong = lesson.loss(model, {"image": torch.rand(1, 1, settings.size_px, settings.size_px), "label": torch.ones(1)})
    wrong.backward()
    assert settings.size_px == 512
    assert torch.isfinite(wrong)
    assert all(weights.grad is not None and bool(weights.grad.isfinite().all()) for weights in model.parameters())


@pytest.mark.parametrize("network", ["efficientnet_lite0", "efficientnet_lite2", "small_resnet", "densenet121", "convnext_tiny"])
def test_every_network_has_features_of_three_layers_that_come_with_its_prediction(cases: list[Case], network: str) -> None:
    settings = replace(SMALL, network=network, pretrained=False)  # type: ignore[arg-type]
    torch.manual_seed(0)
    model = lesson.build_model(settings).eval()
    loader = lesson.make_loaders(settings, {"test": lesson.prepared(settings, cases)})["test"]
    probabilities, features = lesson.infer_with_features(model, loader, settings)
    np.testing.assert_array_equal(probabilities, lesson.infer_all(model, loader, settings))
    assert features.shape[0] == len(cases) == 10
    assert features.shape[1] >= 3 * 32
    # They are those of the X-rays themselves, whether or not their mirror images are looked at too.
    _, alone = lesson.infer_with_features(model, loader, replace(settings, test_time_mirror=False))
    np.testing.assert_array_equal(features, alone)
    assert len(np.unique(features.round(6), axis=0)) == 10


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


@pytest.mark.parametrize("network", ["efficientnet_lite0", "small_resnet"])
def test_frozen_layers_keep_their_weights_and_the_others_learn(network: str) -> None:
    changed = {}
    for share in (0.0, 0.6, 1.0):
        settings = replace(SMALL, network=network, pretrained=False, frozen_share=share)  # type: ignore[arg-type]
        torch.manual_seed(0)
        model = lesson.build_model(settings).train()
        before = {name: weight.clone() for name, weight in model.named_parameters()}
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            lesson.loss(model, {"image": torch.rand(4, 1, 64, 64), "label": torch.tensor([1.0, 0.0, 1.0, 0.0])}).backward()
            optimizer.step()
        changed[share] = [name for name, weight in model.named_parameters() if not torch.equal(weight, before[name])]
    names = [name for name, _ in model.named_parameters()]
    assert changed[1.0] == names[-2:]
    assert len(changed[0.0]) > 0.9 * len(names)
    assert 0.3 * len(names) < len(changed[0.6]) < 0.5 * len(names)
    # The last layers, not some others.
    assert set(changed[0.6]) <= set(names[len(names) // 2 :])


def test_a_frozen_network_shows_where_it_looked_too() -> None:
    settings = replace(SMALL, network="efficientnet_lite0", pretrained=True, frozen_share=1.0)
    images = torch.rand(2, 1, 64, 64)
    maps = lesson.heat_map(lesson.build_model(settings).eval(), images, settings)
    assert maps.shape == (2, 64, 64)
    assert maps.max() > 0
    assert not images.requires_grad


def test_the_predictions_of_a_new_pretrained_network_are_near_one_half() -> None:
    model = lesson.build_model(replace(SMALL, network="efficientnet_lite0", pretrained=True)).eval()
    with torch.inference_mode():
        predictions = lesson.infer(model, torch.rand(4, 1, 64, 64), SMALL)
    assert ((predictions - 0.5).abs() < 0.2).all()


def test_the_loss_is_the_surprise_counted_by_hand() -> None:
    class Certain(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.full((len(images), 1), 2.0)

    batch = {"image": torch.zeros(2, 1, 8, 8), "label": torch.tensor([1.0, 0.0])}
    expected = (np.log1p(np.exp(-2.0)) + np.log1p(np.exp(2.0))) / 2
    assert float(lesson.loss(Certain(), batch)) == pytest.approx(expected, rel=1e-6)


def test_the_two_presets_are_what_they_are_for() -> None:
    quick, challenge = lesson.PRESETS["quick"], lesson.PRESETS["challenge"]
    assert (quick.network, quick.pretrained, quick.keep) == ("efficientnet_lite0", True, "last")
    assert 128 <= quick.size_px <= 160
    assert challenge.network in ("densenet121", "convnext_tiny")
    assert challenge.pretrained
    assert challenge.test_time_mirror
    assert 224 <= challenge.size_px <= 512


def test_a_label_that_is_not_known_has_no_part_in_the_loss_and_no_gradient() -> None:
    network = torch.nn.Linear(4, 3)
    images, labels = torch.randn(5, 4), torch.tensor([[1.0, 0.0, torch.nan]] * 4 + [[torch.nan] * 3])
    error = lesson.loss(network, {"image": images, "label": labels})
    known = torch.nn.functional.binary_cross_entropy_with_logits(network(images)[:4, :2], labels[:4, :2])
    assert error.item() == pytest.approx(known.item())
    error.backward()
    assert network.weight.grad is not None
    # The third label is known of nobody.
    assert (network.weight.grad[2] == 0).all()
    assert (network.weight.grad[:2] != 0).any()
    # Nor does it matter what is predicted of it, or what the fifth X-ray shows.
    images[4] = 100.0
    assert lesson.loss(network, {"image": images, "label": labels}).item() == pytest.approx(known.item())
    nothing = lesson.loss(network, {"image": images, "label": torch.full((5, 3), torch.nan)})
    nothing.backward()
    assert nothing.item() == 0.0


@pytest.mark.parametrize("network", ["small_resnet", "efficientnet_lite0", "densenet121", "convnext_tiny"])
def test_each_network_has_an_output_for_each_label(network: Any) -> None:
    settings = replace(SMALL, network=network, pretrained=False)
    images = torch.rand(2, 1, 64, 64)
    with torch.inference_mode():
        found = lesson.infer(lesson.build_model(settings, outputs=3).eval(), images, settings)
    assert (found.shape, bool(((found > 0) & (found < 1)).all())) == ((2, 3), True)
    maps = [lesson.heat_map(lesson.build_model(settings, outputs=3).eval(), images, settings, label) for label in (0, 2)]
    assert maps[0].shape == (2, 64, 64)


def test_the_heat_map_of_a_label_is_that_of_its_output_alone() -> None:
    reseed(0)
    three = lesson.build_model(SMALL, outputs=3).eval()
    one = lesson.build_model(SMALL).eval()
    weights = three.state_dict()
    # The output layer is the only one whose shape depends on the labels.
    one.load_state_dict({name: value[1:2] if name.startswith("fc.") else value for name, value in weights.items()})
    images = torch.rand(1, 1, 64, 64)
    np.testing.assert_allclose(lesson.heat_map(three, images, SMALL, 1), lesson.heat_map(one, images, SMALL), atol=1e-6)


def test_several_labels_reach_the_batches_each_beside_its_xray(cases: list[Case]) -> None:
    given = [(("mass", number % 2 == 0), ("hernia", None if number % 3 == 0 else number % 3 == 1)) for number in range(len(cases))]
    several = [replace(case, labels=labels) for case, labels in zip(cases, given, strict=True)]
    loader = lesson.make_loaders(SMALL, {"validation": lesson.prepared(SMALL, several)})["validation"]
    found = torch.cat([batch["label"] for batch in loader.epoch(0)]).numpy()
    expected = [[np.nan if value is None else float(value) for _, value in labels] for labels in given]
    np.testing.assert_array_equal(found, expected)
    # The pixels are those of the cache that other labels share.
    plain = lesson.make_dataset(SMALL, cases)
    assert torch.equal(lesson.make_dataset(SMALL, several)[3]["image"], plain[3]["image"])
