"""The third lesson's parts: patches that are drawn as stated, masks that move with their scan, a network that keeps its place."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from radlearn.covid19_ct_segmentation import segment_lesions as lesson
from radlearn.errors import BadSetting
from radlearn.scans.preparation import start_around
from radlearn.tasks.segmentation.scans import Scan, prepared_scans
from radlearn.training.loading import SampleKey, case_seed, reseed

SMALL = replace(lesson.PRESETS["quick"], spacing_mm=(4.0, 4.0, 6.0), patch_voxels=(32, 32, 16), batch_size=4)


@pytest.fixture(scope="module")
def scans(small_covid19: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Scan]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RADLEARN_CACHE", str(tmp_path_factory.mktemp("cache")))
        return prepared_scans(lesson.find_cases(small_covid19), lesson.preparation(SMALL))


def test_a_patch_is_a_function_of_what_is_asked_for(scans: list[Scan]) -> None:
    ask = partial(lesson.load, scans, lesson.training_transform(SMALL), SMALL)
    first = ask(SampleKey(3, 5, 1))
    ask(SampleKey(0, 2, 0))
    again = ask(SampleKey(3, 5, 1))
    assert torch.equal(first["image"], again["image"])
    assert torch.equal(first["mask"], again["mask"])
    for other in (SampleKey(4, 5, 1), SampleKey(3, 6, 1), SampleKey(3, 5, 2)):
        assert not torch.equal(first["image"], ask(other)["image"])
    assert first["image"].shape == first["mask"].shape == (1, *SMALL.patch_voxels)
    assert first["image"].dtype == first["mask"].dtype == torch.float32


def test_the_first_cases_have_a_lesion_in_the_middle_and_the_others_none_there(scans: list[Scan]) -> None:
    still = replace(SMALL, mirror_chance=0.0, rotation_degrees=0.0, zoom_share=0.0, noise_std=0.0, blur_chance=0.0, contrast_share=0.0)
    ask = partial(lesson.load, scans, lesson.training_transform(still), still)
    for case in (*range(12), *range(14, 14 + 12)):
        prepared = scans[case % 14].prepared
        for repeat in range(3):
            key = SampleKey(0, case, repeat)
            places = prepared.foreground if case < 14 else prepared.background
            place = tuple(int(index) for index in places[case_seed(still.seed, *key) % len(places)])
            # Where the scan ends before the patch would, its middle is moved.
            start = start_around(place, still.patch_voxels, prepared.shape)  # type: ignore[arg-type]
            x, y, z = (index - first for index, first in zip(place, start, strict=True))
            assert ask(key)["mask"][0, x, y, z] == (case < 14)
    empty = ask(SampleKey(0, 12 + 14, 0))
    assert empty["mask"].sum() == 0
    assert 0 <= float(empty["image"].min()) <= float(empty["image"].max()) <= 1


@pytest.mark.parametrize(("batch_size", "share"), [(1, 0.5), (2, 0.25), (3, 0.5), (4, 0.5), (4, 0.0), (4, 1.0)])
def test_lesions_are_spread_evenly_and_scans_without_one_are_not_asked_for_theirs(scans: list[Scan], batch_size: int, share: float) -> None:
    settings = replace(SMALL, lesion_share=share, patches_per_scan=3, batch_size=batch_size)
    order = np.array(lesson.epoch_order(scans, settings, 7)).reshape(-1, batch_size)
    assert len(order) == -(-14 * 3 // batch_size)
    around = (order < 14).sum(axis=1)
    assert around.max() - around.min() <= 1
    assert around.sum() == pytest.approx(share * order.size, abs=1)
    lesions, counts = np.unique(order[order < 14], return_counts=True)
    assert set(lesions.tolist()) <= set(range(12))
    if share:
        assert counts.max() - counts.min() <= 1


def test_the_order_follows_from_seed_and_epoch(scans: list[Scan]) -> None:
    assert lesson.epoch_order(scans, SMALL, 0) == lesson.epoch_order(scans, SMALL, 0) != lesson.epoch_order(scans, SMALL, 1)
    # With no lesion anywhere, all patches come from anywhere.
    assert (np.array(lesson.epoch_order(scans[12:], SMALL, 0)) >= 2).all()


def test_the_mask_moves_with_the_scan() -> None:
    moving = replace(SMALL, noise_std=0.0, blur_chance=0.0, contrast_share=0.0)
    transform = lesson.training_transform(moving)
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


def test_an_prediction_is_a_probability_at_every_voxel_of_the_scan(scans: list[Scan]) -> None:
    reseed(0)
    model = lesson.build_model(SMALL).eval()
    for mirrored in (False, True):
        found = lesson.infer(model, scans[0].prepared, replace(SMALL, test_time_mirror=mirrored))
        assert found.shape == scans[0].prepared.shape
        assert found.dtype == np.float32
        assert 0 <= found.min() <= found.max() <= 1


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
