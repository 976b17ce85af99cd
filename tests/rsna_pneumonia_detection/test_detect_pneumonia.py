"""The lesson's functions, one by one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import tv_tensors

from radlearn.challenges.rsna import Case
from radlearn.errors import BadSetting
from radlearn.metrics.boxes import iou
from radlearn.rsna_pneumonia_detection import detect_pneumonia as lesson
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training import checkpoint
from radlearn.training.fit import fit
from radlearn.training.loading import SampleKey, reseed
from radlearn.training.run_folder import new_run

SMALL = replace(lesson.PRESETS["quick"], size_px=64, batch_size=4, epochs=1, ema_decay=0.0, network="small_fcos")
STILL = replace(
    SMALL,
    rotation_degrees=0.0,
    shift_share=0.0,
    zoom_share=0.0,
    gamma_range=0.0,
    contrast_share=0.0,
    brightness_share=0.0,
    noise_std=0.0,
    holes_chance=0.0,
    mirror_chance=0.0,
)


def xray(number: int, boxes: tuple[tuple[float, ...], ...] = ()) -> PreparedRadiograph:
    """A dark X-ray of 64 px, its source 128 px; every box is bright."""
    pixels = np.random.default_rng(number).integers(0, 60, (64, 64)).astype(np.uint8)
    for x0, y0, x1, y1 in boxes:
        pixels[int(y0 / 2) : int(y1 / 2), int(x0 / 2) : int(x1 / 2)] += 150
    return PreparedRadiograph(Case(f"xray-{number}", Path("x.dcm"), bool(boxes), boxes, None, f"person-{number}"), pixels, (128, 128))


BOX = (20.0, 40.0, 60.0, 100.0)
XRAYS = [xray(number, (BOX,) if number % 3 == 0 else ()) for number in range(12)]


def loaded(xrays: list[PreparedRadiograph], settings: lesson.Settings, key: SampleKey, seed: int = 0) -> dict:
    loader = lesson.make_loaders(settings, {"train": xrays})["train"]
    reseed(seed, *key)
    return loader.dataset[key]


def test_the_lesson_names_no_medical_library() -> None:
    text = Path(lesson.__file__).read_text()
    assert "monai" not in text


def test_an_xray_looks_the_same_whoever_asks_for_it_and_different_in_the_next_epoch() -> None:
    first = loaded(XRAYS, SMALL, SampleKey(3, 0))
    loaded(XRAYS, SMALL, SampleKey(1, 5))
    again = loaded(XRAYS, SMALL, SampleKey(3, 0))
    assert torch.equal(first["image"], again["image"])
    assert torch.equal(first["boxes"], again["boxes"])
    assert not torch.equal(first["image"], loaded(XRAYS, SMALL, SampleKey(4, 0))["image"])


def test_evaluated_xrays_are_the_xrays_themselves_with_boxes_in_their_pixels() -> None:
    item = lesson.load(XRAYS, lesson.evaluation_transform(SMALL), SampleKey(0, 0))
    assert np.array_equal(item["image"].numpy(), XRAYS[0].pixels)
    assert item["boxes"].tolist() == [[10, 20, 30, 50]]
    assert item["labels"].tolist() == [lesson.OPACITY]


def test_an_xray_without_an_opacity_has_no_box_and_is_no_error() -> None:
    item = lesson.load(XRAYS, lesson.training_transform(SMALL), SampleKey(0, 1))
    assert item["boxes"].shape == (0, 4)
    assert item["labels"].shape == (0,)


def test_without_augmentation_in_the_settings_a_training_xray_is_the_xray() -> None:
    item = loaded(XRAYS, STILL, SampleKey(0, 3))
    np.testing.assert_allclose(item["image"].numpy(), XRAYS[3].pixels, atol=1e-6)
    assert item["boxes"].tolist() == [[10, 20, 30, 50]]


def test_boxes_move_with_what_they_surround() -> None:
    """In every augmented X-ray the bright patch lies in its box; a box left behind, or mirrored alone, fails."""
    moved = 0
    for epoch in range(40):
        settings = replace(SMALL, gamma_range=0.0, noise_std=0.0, holes_chance=0.0)
        item = loaded(XRAYS, settings, SampleKey(epoch, 0))
        x0, y0, x1, y1 = item["boxes"][0].round().int().tolist()
        bright = item["image"][0] > 0.45
        rows, columns = torch.nonzero(bright, as_tuple=True)
        inside = ((columns >= x0 - 1) & (columns <= x1) & (rows >= y0 - 1) & (rows <= y1)).float().mean()
        assert inside > 0.95
        moved += (x0, y0, x1, y1) != (10, 20, 30, 50)
    assert moved > 30


def test_a_box_that_reaches_out_is_cut_off_and_one_of_which_nothing_is_left_is_dropped() -> None:
    at_the_edge = [xray(0, ((0.0, 0.0, 20.0, 20.0),))]
    settings = replace(STILL, shift_share=0.5)
    lengths = set()
    for epoch in range(60):
        boxes = loaded(at_the_edge, settings, SampleKey(epoch, 0))["boxes"]
        lengths.add(len(boxes))
        assert bool((boxes >= 0).all())
        assert bool((boxes <= 64).all())
        assert bool((boxes[:, 2:] - boxes[:, :2] >= max(1, 0.02 * 64)).all())
    assert lengths == {0, 1}


def test_every_batch_holds_its_share_of_opacities_and_every_xray_comes() -> None:
    settings = replace(SMALL, positive_share=0.5)
    loader = lesson.make_loaders(settings, {"train": XRAYS})["train"]
    seen: set[str] = set()
    for epoch in range(6):
        for keys in loader.keys(epoch):
            assert sum(bool(XRAYS[key.case].case.label) for key in keys) == 2
            seen |= {XRAYS[key.case].case.image_id for key in keys}
    assert seen == {each.case.image_id for each in XRAYS}
    assert lesson.epoch_order(XRAYS, settings, 0) == lesson.epoch_order(XRAYS, settings, 0)
    assert lesson.epoch_order(XRAYS, settings, 0) != lesson.epoch_order(XRAYS, settings, 1)


def test_without_a_share_xrays_come_as_they_are_once_an_epoch() -> None:
    order = lesson.epoch_order(XRAYS, replace(SMALL, positive_share=0.0), 3)
    assert sorted(order) == list(range(12))
    only_healthy = [xray(number) for number in range(5)]
    assert sorted(lesson.epoch_order(only_healthy, SMALL, 0)) == list(range(5))


@pytest.mark.parametrize("network", ["lite_fcos", "small_fcos", "retinanet_resnet50", "fasterrcnn_resnet50"])
def test_every_network_learns_from_xrays_with_and_without_boxes_and_predicts(network: str) -> None:
    # Two, because the second stage of the largest looks at 512 boxes of each.
    settings = replace(SMALL, network=network, pretrained=False, batch_size=2)  # type: ignore[arg-type]
    torch.manual_seed(0)
    model = lesson.build_model(settings)
    batch = next(lesson.make_loaders(settings, {"train": XRAYS})["train"].epoch(0))
    wrong = lesson.loss(model, batch)
    wrong.backward()
    assert torch.isfinite(wrong)
    healthy = {"image": batch["image"], "targets": [{"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.long)}] * 2}
    assert torch.isfinite(lesson.loss(model, healthy))
    assert all(weight.grad is None or bool(torch.isfinite(weight.grad).all()) for weight in model.parameters())
    model.eval()
    with torch.inference_mode():
        predictions = lesson.infer(model, batch["image"], settings)
    assert len(predictions) == 2
    for found in predictions:
        assert found.boxes_xyxy_px.shape == (len(found.confidences), 4)


@pytest.mark.slow
def test_the_challenge_preset_learns_from_an_xray_of_its_true_size() -> None:
    settings = replace(lesson.PRESETS["challenge"], pretrained=False)
    torch.manual_seed(0)
    model = lesson.build_model(settings)
    boxes, labels = torch.tensor([[40.0, 200.0, 180.0, 460.0]]), torch.zeros(1, dtype=torch.long)
    image = torch.rand(1, 1, settings.size_px, settings.size_px)
    wrong = lesson.loss(model, {"image": image, "targets": [{"boxes": boxes, "labels": labels}]})
    wrong.backward()
    assert settings.size_px == 512
    assert torch.isfinite(wrong)
    assert all(weights.grad is None or bool(weights.grad.isfinite().all()) for weights in model.parameters())


@pytest.mark.parametrize("network", ["lite_fcos", "small_fcos", "retinanet_resnet50", "fasterrcnn_resnet50"])
def test_every_network_has_features_that_the_backbone_alone_gives_too(network: str) -> None:
    settings = replace(SMALL, network=network, pretrained=False)  # type: ignore[arg-type]
    torch.manual_seed(0)
    model = lesson.build_model(settings).eval()
    by_source, features = lesson.candidates_and_features(model, XRAYS[:2], settings)
    # With and without the mirror image, whose features are not taken.
    assert len(by_source) == 2
    assert features.shape[0] == 2
    np.testing.assert_allclose(lesson.features_of(model, XRAYS[:2], settings), features, rtol=1e-4, atol=1e-5)


def test_an_xray_and_its_mirror_image_get_mirrored_predictions() -> None:
    torch.manual_seed(0)
    model = lesson.build_model(SMALL).eval()
    image = torch.from_numpy(XRAYS[0].pixels)[None]
    with torch.inference_mode():
        there, back = lesson.infer(model, image, SMALL)[0], lesson.infer(model, image.flip(-1), SMALL)[0]
    np.testing.assert_allclose(np.sort(there.confidences), np.sort(back.confidences), atol=1e-5)
    best, mirrored = there.boxes_xyxy_px[there.confidences.argmax()], back.boxes_xyxy_px
    np.testing.assert_allclose(np.abs(mirrored - [64 - best[2], best[1], 64 - best[0], best[3]]).sum(axis=1).min(), 0, atol=0.05)


@pytest.mark.slow
def test_the_visible_loop_and_fit_give_the_same_weights(tmp_path: Path) -> None:
    settings = replace(SMALL, epochs=2)
    loader = lesson.make_loaders(settings, {"train": XRAYS})["train"]
    reseed(settings.seed)
    by_loop = lesson.training_loop(lesson.build_model(settings), loader, settings)
    run = new_run(tmp_path / "run", "detection", settings)
    reseed(settings.seed)
    model = lesson.build_model(settings)
    epochs: list[int] = []

    def later_is_better(model: torch.nn.Module) -> dict[str, float]:
        epochs.append(len(epochs))
        return {"rsna_score": float(len(epochs))}

    config = settings.trainer_config(best_by="rsna_score")
    fit(model, lesson.loss, later_is_better, loader, config, run, lesson.build_optimizer(model, settings))
    fitted = lesson.build_model(settings)
    checkpoint.load_weights(run.best_weights, fitted)
    for name, value in by_loop.state_dict().items():
        assert torch.equal(value, fitted.state_dict()[name]), name


@pytest.mark.slow
def test_it_learns_to_box_a_bright_square_and_to_stay_silent_without_one() -> None:
    rng = np.random.default_rng(0)
    xrays = []
    for number in range(48):
        x, y = rng.integers(4, 60, 2)
        xrays.append(xray(number, ((float(x), float(y), float(x + 48), float(y + 56)),) if number % 2 else ()))
    settings = replace(STILL, epochs=25, batch_size=8, size_px=64, test_time_mirror=False)
    torch.manual_seed(0)
    model = lesson.training_loop(lesson.build_model(settings), lesson.make_loaders(settings, {"train": xrays})["train"], settings)
    found = lesson.find_candidates(model, xrays, settings)[0]
    best = [prediction.confidences.max(initial=0.0) for prediction in found]
    assert min(best[1::2]) > max(best[0::2])
    overlaps = [
        float(iou(prediction.boxes_xyxy_px[prediction.confidences.argmax()][None], np.array(each.case.boxes_xyxy_px))[0, 0])
        for prediction, each in zip(found[1::2], xrays[1::2], strict=True)
    ]
    assert np.mean(overlaps) > 0.6


def test_other_exposures_are_as_often_darker_as_brighter_and_stay_in_range() -> None:
    torch.manual_seed(1)
    grey = torch.full((1, 2, 2), 0.5)
    made = torch.stack([lesson.other_exposure(grey, 0.4)[0, 0, 0] for _ in range(400)])
    assert 0.4 < float((made < 0.5).float().mean()) < 0.6
    assert float(made.min()) >= 0.5**1.4 - 1e-6
    assert float(made.max()) <= 0.5 ** (1 / 1.4) + 1e-6
    assert torch.equal(lesson.other_exposure(grey, 0.0), grey)


def test_settings_outside_their_limits_are_refused() -> None:
    with pytest.raises(BadSetting, match=r"positive_share is 1.5; it must be from 0 to 1"):
        replace(SMALL, positive_share=1.5)


def test_the_two_presets_are_what_they_are_for() -> None:
    quick, challenge = lesson.PRESETS["quick"], lesson.PRESETS["challenge"]
    assert (quick.network, quick.pretrained) == ("lite_fcos", True)
    assert 256 <= quick.size_px <= 320
    assert challenge.network in ("retinanet_resnet50", "fasterrcnn_resnet50")
    assert challenge.pretrained
    assert challenge.test_time_mirror
    assert 512 <= challenge.size_px <= 1024


def test_a_box_that_clipping_left_without_area_is_no_detection() -> None:
    class Clipped(torch.nn.Module):
        def forward(self, images: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
            boxes = torch.tensor([[0.0, 0.0, 64.0, 0.0], [64.0, 3.0, 64.0, 9.0], [1.0, 2.0, 30.0, 40.0]])
            return [{"boxes": boxes, "scores": torch.tensor([0.9, 0.8, 0.7]), "labels": torch.ones(3, dtype=torch.int64)} for _ in images]

    (found,) = lesson.infer(Clipped(), torch.zeros(1, 1, 64, 64), replace(SMALL, test_time_mirror=False))
    np.testing.assert_allclose(found.boxes_xyxy_px, [[1, 2, 30, 40]])


def test_noise_and_holes_reach_the_image_after_the_change_of_exposure() -> None:
    torch.manual_seed(0)
    settings = replace(SMALL, noise_std=0.1, holes_chance=1.0, mirror_chance=0.0, rotation_degrees=0.0, shift_share=0.0, zoom_share=0.0)
    transform = lesson.training_transform(settings)
    seen = []
    for _ in range(8):
        boxes = tv_tensors.BoundingBoxes(torch.tensor([[8.0, 8.0, 40.0, 40.0]]), format="XYXY", canvas_size=(64, 64))
        item = {"image": tv_tensors.Image(torch.full((1, 64, 64), 0.5)), "boxes": boxes, "labels": torch.ones(1, dtype=torch.int64)}
        seen.append(transform(item)["image"])
    assert all((image == 0).sum() >= 0.004 * 64 * 64 for image in seen)
    noisy = [float(image[image != 0].std()) for image in seen]
    assert 0 < sum(value > 0.05 for value in noisy) < 8
