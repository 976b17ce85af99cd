"""The third lesson's parts: patches that are drawn as stated, masks that move with their scan, a network that keeps its place."""

import resource
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import ThreadDataLoader, list_data_collate
from monai.transforms import Compose
from torch import nn

from radlearn.covid19_ct_segmentation import segment_lesions as lesson
from radlearn.errors import BadSetting
from radlearn.monai_parts.mapped_dataset import MappedDataset
from radlearn.sample_key import SampleKey
from radlearn.tasks.segmentation.scans import Scan, scans_of
from radlearn.training import checkpoint
from radlearn.training.fit import fit
from radlearn.training.loading import reseed
from radlearn.training.run_folder import new_run
from tests.rsna_pneumonia_classification.test_classify_pneumonia import imported_from_monai

SMALL = replace(lesson.PRESETS["quick"], spacing_mm=(4.0, 4.0, 6.0), patch_voxels=(32, 32, 16), batch_size=4, precision="32-true")
STILL = replace(SMALL, mirror_chance=0.0, rotation_degrees=0.0, zoom_share=0.0, noise_std=0.0, blur_chance=0.0, contrast_share=0.0)


@pytest.fixture(scope="module")
def cases(small_covid19: Path, tmp_path_factory: pytest.TempPathFactory) -> list[lesson.Case]:
    return lesson.find_cases(small_covid19)


@pytest.fixture(scope="module")
def patches(cases: list[lesson.Case], tmp_path_factory: pytest.TempPathFactory) -> MappedDataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RADLEARN_CACHE", str(tmp_path_factory.mktemp("cache")))
        return lesson.make_dataset(SMALL, cases, training=True)


@pytest.fixture(scope="module")
def scans(cases: list[lesson.Case], tmp_path_factory: pytest.TempPathFactory) -> list[Scan]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RADLEARN_CACHE", str(tmp_path_factory.mktemp("cache")))
        return scans_of(cases, lesson.make_dataset(SMALL, cases))


def test_a_patch_is_a_function_of_what_is_asked_for(patches: MappedDataset) -> None:
    (first,) = patches[SampleKey(3, 5, 1)]
    patches[SampleKey(0, 2, 0)]
    (again,) = patches[SampleKey(3, 5, 1)]
    assert torch.equal(first["image"], again["image"])
    assert torch.equal(first["mask"], again["mask"])
    for other in (SampleKey(4, 5, 1), SampleKey(3, 6, 1), SampleKey(3, 5, 2)):
        assert not torch.equal(first["image"], patches[other][0]["image"])
    assert first["image"].shape == first["mask"].shape == (1, *SMALL.patch_voxels)
    assert first["image"].dtype == first["mask"].dtype == torch.float32


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_as_many_patches_have_a_lesion_in_the_middle_as_wanted(cases: list[lesson.Case], share: float) -> None:
    dataset = lesson.make_dataset(replace(STILL, lesion_share=share, patch_voxels=(16, 16, 16)), cases[:6], training=True)
    # Along the last axis the scan ends soon, and a patch is moved inside.
    hits = [bool(dataset[SampleKey(0, case, repeat)][0]["mask"][0, 8, 8].any()) for case in range(6) for repeat in range(30)]
    around = np.mean(hits)
    assert around == pytest.approx(share, abs=0.12) if share != 1.0 else around > 0.97


def test_a_scan_without_lesions_gives_patches_of_its_lungs(patches: MappedDataset) -> None:
    (empty,) = patches[SampleKey(0, 12)]
    assert empty["mask"].sum() == 0
    assert -0.2 < float(empty["image"].min()) < float(empty["image"].max()) < 1.3


def test_every_scan_is_as_often_in_an_epoch_as_any_other_in_an_order_of_seed_and_epoch(scans: list[Scan]) -> None:
    loader = lesson.make_loaders(replace(SMALL, patches_per_scan=3, batch_size=2), {"train": scans})["train"]
    assert set(Counter(loader.order(0)).values()) == {3}
    assert list(loader.order(0)) == list(loader.order(0)) != list(loader.order(1))
    assert loader.steps_per_epoch == 21
    batch = next(loader.epoch(0))
    assert batch["image"].shape == batch["mask"].shape == (2, 1, *SMALL.patch_voxels)
    assert len(batch["id"]) == 2


def test_monais_own_loader_serves_the_data_set_too(patches: MappedDataset) -> None:
    patches.set_epoch(0)
    batches = list(ThreadDataLoader(patches, batch_size=7, collate_fn=list_data_collate, num_workers=0))
    assert [tuple(batch["image"].shape) for batch in batches] == [(7, 1, *SMALL.patch_voxels)] * 2
    assert torch.equal(batches[1]["image"][2], patches[SampleKey(0, 9)][0]["image"])


def test_the_mask_moves_with_the_scan() -> None:
    moving = replace(SMALL, noise_std=0.0, blur_chance=0.0, contrast_share=0.0)
    steps = lesson.training_transform(moving).transforms
    # What follows the crop.
    transform = Compose(steps[next(number for number, one in enumerate(steps) if isinstance(one, lesson.RandCropByPosNegLabeld)) + 1 :])
    ball = torch.zeros(1, *SMALL.patch_voxels)
    ball[0, 6:14, 18:28, 4:9] = 1.0
    seen = set()
    for seed in range(12):
        transform.set_random_state(seed=seed)
        moved = transform({"image": ball.clone(), "mask": ball.clone()})
        image, mask = moved["image"] > 0.5, moved["mask"] > 0.5
        overlap = 2 * (image & mask).sum() / (image.sum() + mask.sum())
        assert overlap > 0.93
        assert set(moved["mask"].unique().tolist()) == {0.0, 1.0}
        seen.add(tuple(torch.nonzero(mask[0]).float().mean(dim=0).round().int().tolist()))
    assert len(seen) > 4


def test_folding_and_unfolding_keeps_every_voxel_in_its_place() -> None:
    images = torch.rand(2, 1, 6, 8, 3)
    folded = lesson.InPlaneFolded(nn.Identity())
    assert torch.equal(folded(images), images)
    # What the network sees as four channels of one place are neighbours of one plane.
    seen = []
    lesson.InPlaneFolded(nn.Sequential(_Watching(seen)))(images)
    np.testing.assert_array_equal(seen[0][0, :, 1, 2, 0], images[0, 0, 2:4, 4:6, 0].reshape(4))


class _Watching(nn.Module):
    def __init__(self, seen: list[torch.Tensor]) -> None:
        super().__init__()
        self.seen = seen

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(images)
        return images


@pytest.mark.parametrize(("network", "learning_rate"), [("small_unet", 2e-3), pytest.param("segresnet", 2e-4, marks=pytest.mark.slow)])
def test_a_network_predicts_in_the_shape_it_was_asked_and_learns_from_one_batch(network: str, learning_rate: float) -> None:
    settings = replace(SMALL, network=network)  # type: ignore[arg-type]
    reseed(0)
    model = lesson.build_model(settings)
    image = torch.rand(2, 1, 32, 32, 16) * 0.2
    mask = torch.zeros_like(image)
    mask[:, :, 8:20, 10:22, 4:10] = 1
    batch = {"image": image + 0.6 * mask, "mask": mask}
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    first = lesson.loss(model, batch)
    assert first.ndim == 0
    for _ in range(6):
        optimizer.zero_grad()
        wrong = lesson.loss(model, batch)
        wrong.backward()
        optimizer.step()
    assert wrong.item() < first.item()
    with torch.inference_mode():
        assert model.eval()(batch["image"]).shape == image.shape


@pytest.mark.slow
def test_a_patch_of_the_challenge_preset_is_learnt_from_in_its_true_size_and_a_batch_fits_into_memory() -> None:
    settings = lesson.PRESETS["challenge"]
    reseed(0)
    model, image, held = lesson.build_model(settings), torch.rand(1, 1, *settings.patch_voxels), {}

    def noted(kept: torch.Tensor) -> torch.Tensor:
        held[kept.untyped_storage().data_ptr()] = kept.untyped_storage().nbytes()
        return kept

    with torch.autograd.graph.saved_tensors_hooks(noted, lambda kept: kept):
        wrong = lesson.loss(model, {"image": image, "mask": (image > 0.9).float()})
    wrong.backward()
    assert all(weights.grad.isfinite().all() for weights in model.parameters())
    # What a whole batch holds for its backward pass; in KiB: all of this process is within 12 GB too.
    assert 1e9 < settings.batch_size * sum(held.values()) < 10e9
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 12e9 / 1024


def test_an_prediction_is_a_probability_at_every_voxel_of_the_scan(scans: list[Scan]) -> None:
    reseed(0)
    model = lesson.build_model(SMALL).eval()
    for mirrored in (False, True):
        item = scans[0].item
        found = lesson.infer(model, item, replace(SMALL, test_time_mirror=mirrored))
        assert found.shape == item["image"].shape
        assert found.dtype == torch.float32
        assert 0 <= found.min() <= found.max() <= 1
        on_source = lesson.infer_on_source(model, item, replace(SMALL, test_time_mirror=mirrored))
        assert on_source.shape == scans[0].shape


def test_a_scan_has_features_and_its_file_nearly_the_same(scans: list[Scan]) -> None:
    reseed(0)
    model = lesson.build_model(SMALL).eval()
    features = lesson.features_of(model, scans[:2], SMALL)
    assert features.shape == (2, 16 + 32 + 64 + 96)
    assert not np.allclose(features[0], features[1])
    (found,) = lesson.infer_file([(model, SMALL)], scans[0].case.path)
    assert found.features is not None
    (of_file,) = found.features
    # The file is not cached, and its windows overlap.
    assert np.abs(of_file - features[0]).max() < np.abs(features).max() / 10


def test_the_large_network_has_features_of_four_levels(scans: list[Scan]) -> None:
    settings = replace(SMALL, network="segresnet")
    reseed(0)
    assert lesson.features_of(lesson.build_model(settings).eval(), scans[:1], settings).shape == (1, 64 + 128 + 256 + 512)


def test_mirrored_predictions_are_mirrored_back_and_averaged(scans: list[Scan]) -> None:
    class BrighterTowardsTheLeft(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(()))

        def forward(self, windows: torch.Tensor) -> torch.Tensor:
            return windows + torch.linspace(-1, 1, windows.shape[2])[None, None, :, None, None]

    item, model = scans[0].item, BrighterTowardsTheLeft()
    whole = replace(
        SMALL, patch_voxels=tuple(-(-side // 16) * 16 for side in item["image"].shape[1:]), test_time_mirror=True, confined_to_lungs=False
    )
    found = lesson.infer(model, item, whole)
    padded = torch.zeros(1, 1, *whole.patch_voxels)
    # MONAI centres a scan that is smaller than the window.
    starts = [(window - side) // 2 for window, side in zip(whole.patch_voxels, item["image"].shape[1:], strict=True)]
    inside = tuple(slice(start, start + side) for start, side in zip(starts, item["image"].shape[1:], strict=True))
    padded[(0, 0, *inside)] = item["image"][0].float().as_tensor()
    slope = torch.linspace(-1, 1, whole.patch_voxels[0])[None, None, :, None, None]
    expected = ((padded + slope).sigmoid() + (padded - slope).sigmoid()) / 2
    torch.testing.assert_close(torch.as_tensor(found)[0], expected[(0, 0, *inside)], atol=1e-4, rtol=0)


def test_the_visible_loop_and_fit_give_the_same_weights(scans: list[Scan], tmp_path: Path) -> None:
    # In so few steps a tenth of them would be none, which PyTorch's schedule and ours round otherwise.
    settings = replace(SMALL, epochs=2, ema_decay=0.0, patches_per_scan=1, warm_up_share=None)
    loader = lesson.make_loaders(settings, {"train": scans[:8]})["train"]
    reseed(0)
    by_loop = lesson.training_loop(lesson.build_model(settings), loader, settings)
    run = new_run(tmp_path / "run", "segmentation", settings)
    scores = iter([0.1, 0.2])
    reseed(0)
    config = settings.trainer_config(best_by="dice_score")
    fit(lesson.build_model(settings), lesson.loss, lambda model: {"dice_score": next(scores)}, loader, config, run)
    fitted = lesson.build_model(settings)
    checkpoint.load_weights(run.best_weights, fitted)
    for name, value in by_loop.state_dict().items():
        assert torch.equal(value, fitted.state_dict()[name]), name


def test_a_reader_has_met_20_classes_of_monai_and_each_is_linked_where_it_is_taught() -> None:
    imported = imported_from_monai(Path(lesson.__file__))
    assert len(imported) >= 20
    page = Path(lesson.__file__).with_name("README.md").read_text()
    assert [name for name in imported if f".{name})" not in page] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"patch_voxels": (90, 96, 32)}, "multiples of 16"),
        ({"spacing_mm": (0.0, 2.0, 5.0)}, "spacing"),
        ({"spacing_mm": (float("inf"), 2.0, 5.0)}, "spacing"),
        ({"learning_rate": -1.0}, "learning_rate is -1"),
        ({"ema_decay": 1.5}, "ema_decay is 1.5"),
        ({"window_hu": (400, -1000)}, "window"),
        ({"lesion_share": 1.5}, "lesion_share is 1.5"),
        ({"overlap": 1.0}, "overlap is 1.0"),
        ({"fold": 7}, "fold is 7"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_anything_is_read(change: dict[str, object], words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        replace(lesson.PRESETS["quick"], **change)  # type: ignore[arg-type]
