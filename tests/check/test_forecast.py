"""What training will cost: proportional to what it depends on, and with the figures of the lessons' own presets."""

import importlib
from dataclasses import replace

import pytest

from radlearn import use_cases
from radlearn.challenges.challenge import Challenge
from radlearn.check.forecast import ImagePreset, VolumePreset, forecast, forecasts, gigaflops, presets_of, table_rows
from radlearn.use_cases import USE_CASES

IMAGE = ImagePreset(size_px=128, batch_size=16, epochs=50, gflop=0.1, reached=0.8, activations_mb=2, weights_million=0.3)


def test_twice_the_xrays_cost_twice_the_time_and_the_cache() -> None:
    one, two = (forecast("classification", "quick", IMAGE, xrays, 100.0, "") for xrays in (1000, 2000))
    assert two.minutes_an_epoch == pytest.approx(2 * one.minutes_an_epoch)
    assert two.cache_gb == pytest.approx(2 * one.cache_gb)
    assert two.memory_gb == one.memory_gb


def test_an_epoch_by_hand() -> None:
    preset = replace(IMAGE, gflop=1.0, reached=0.5, size_px=100)
    # 600 X-rays train: 3 GFLOP each at 50 GFLOP/s, and 2 ms to prepare each; 150 validate, 1 GFLOP each.
    cost = forecast("classification", "quick", preset, 1000, 100.0, "")
    assert cost.minutes_an_epoch == pytest.approx((600 * (3 / 50 + 0.002) + 150 / 50) / 60)
    # Two bytes a pixel.
    assert cost.cache_gb == pytest.approx(2 * 1000 * 100 * 100 / 1e9, rel=0.2)


def test_an_epoch_of_patches_by_hand() -> None:
    costs = {"batch_size": 2, "epochs": 10, "gflop": 1.0, "reached": 0.5, "activations_mb": 100, "weights_million": 2.0}
    preset = VolumePreset(patch_voxels=(100, 100, 50), spacing_mm=(2.0, 2.0, 5.0), patches_per_scan=3, **costs)
    # 25 litres at 20 mm³ a voxel.
    assert preset.block_voxels == 1_250_000
    cost = forecast("segmentation", "quick", preset, 100, 100.0, "")
    # 60 CTs give three patches each; 15 are inferred in 20 windows each: 2.5 patches' worth of voxels, covered eight times.
    assert cost.minutes_an_epoch == pytest.approx((180 * (3 / 50 + 0.02) + 15 * 20 / 50) / 60)
    assert cost.cache_gb == pytest.approx(100 * 1_250_000 * (2 + 3 + 8 * 0.35) / 1e9)
    assert cost.memory_gb == pytest.approx(1.2 + (2 * 20 + 2 * 100) / 1000)


def test_no_xrays_no_forecast_and_a_machine_has_a_rate() -> None:
    assert forecasts({}) == forecasts({"rsna": 0}) == []
    assert gigaflops() > 0.1
    costs = forecasts({"rsna": 800})
    columns, rows = table_rows(costs)
    assert [(cost.task, cost.name) for cost in costs] == [
        (task, preset) for task in ("classification", "detection") for preset in ("quick", "challenge")
    ]
    assert all(len(row) == len(columns) for row in rows)
    assert costs[0].basis.startswith("800 X-rays, and")


def test_only_tasks_of_the_recognised_challenges_have_a_forecast() -> None:
    costs = forecasts({"covid19": 120})
    assert [cost.task for cost in costs] == ["segmentation", "segmentation"]
    assert [cost.as_dict()["preset"] for cost in costs] == ["quick", "challenge"]
    assert "120 CTs with masks" in costs[0].basis


def test_a_task_without_costs_has_no_forecast(monkeypatch: pytest.MonkeyPatch) -> None:
    toy: Challenge = Challenge("toy", "Toy", "slide", "slides", lambda folder: folder, lambda folder: [], lambda folder: [])
    monkeypatch.setattr(use_cases.UseCase, "load_challenge", lambda self: toy)
    monkeypatch.setattr("radlearn.check.forecast.USE_CASES", {"toy": use_cases.UseCase("radlearn.tasks.xray.radiographs", "toy", "")})
    assert forecasts({"toy": 5}) == []


@pytest.mark.slow
@pytest.mark.parametrize("task", list(USE_CASES))
def test_the_figures_are_of_the_lessons_own_presets(task: str) -> None:
    lesson = importlib.import_module(USE_CASES[task].lesson)
    figures = presets_of(USE_CASES[task])
    assert set(figures) == set(lesson.PRESETS)
    for name, settings in lesson.PRESETS.items():
        preset = figures[name]
        own = vars(preset).keys() & {"size_px", "patch_voxels", "spacing_mm", "patches_per_scan", "batch_size", "epochs"}
        assert {field: getattr(preset, field) for field in own} == {field: getattr(settings, field) for field in own}
        without_download = replace(settings, pretrained=False) if hasattr(settings, "pretrained") else settings
        weights = sum(one.numel() for one in lesson.build_model(without_download).parameters())
        assert preset.weights_million == pytest.approx(weights / 1e6, rel=0.1)
