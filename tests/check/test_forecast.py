"""What training will cost: proportional to what it hangs on, and about the presets that the lessons have."""

import importlib
from dataclasses import replace

import pytest

from radlearn.check.forecast import PRESETS, VOLUME_PRESETS, VolumePreset, forecast, forecasts, gigaflops, table_rows


def test_twice_the_xrays_cost_twice_the_time_and_the_cache() -> None:
    one, two = (forecast(PRESETS[0], xrays, 8, 100.0, "") for xrays in (1000, 2000))
    assert two.minutes_an_epoch == pytest.approx(2 * one.minutes_an_epoch)
    assert two.cache_gb == pytest.approx(2 * one.cache_gb)
    assert two.memory_gb == one.memory_gb


def test_an_epoch_by_hand() -> None:
    preset = replace(PRESETS[0], gflop=1.0, reached=0.5, size_px=100)
    # 600 X-rays train: 3 GFLOP each at 50 GFLOP/s, and 2 ms to prepare each; 150 validate, 1 GFLOP each.
    cost = forecast(preset, 1000, 8, 100.0, "")
    assert cost.minutes_an_epoch == pytest.approx((600 * (3 / 50 + 0.002) + 150 / 50) / 60)
    assert cost.cache_gb == pytest.approx(1000 * 100 * 100 / 1e9, rel=0.2)
    assert forecast(preset, 1000, 12, 100.0, "").cache_gb == pytest.approx(2 * cost.cache_gb, rel=0.2)


def test_an_epoch_of_patches_by_hand() -> None:
    preset = VolumePreset("segmentation", "quick", (100, 100, 50), (2.0, 2.0, 5.0), 3, 2, 10, 1.0, 0.5, 100, 2.0)
    # 25 litres at 20 mm³ a voxel.
    assert preset.block_voxels == 1_250_000
    cost = forecast(preset, 100, 16, 100.0, "")
    # 60 CTs give three patches each; 15 are answered for in 20 windows each: 2.5 patches' worth of voxels, seen eight times.
    assert cost.minutes_an_epoch == pytest.approx((180 * (3 / 50 + 0.02) + 15 * 20 / 50) / 60)
    assert cost.cache_gb == pytest.approx(100 * (3 * 1_250_000 + 240_000) / 1e9)
    assert cost.memory_gb == pytest.approx(1.2 + (2 * 20 + 2 * 100) / 1000)


def test_no_xrays_no_forecast_and_a_machine_has_a_rate() -> None:
    assert forecasts(0, 8) == []
    assert gigaflops() > 0.1
    costs = forecasts(800, 8)
    columns, rows = table_rows(costs)
    assert len(rows) == len(PRESETS)
    assert all(len(row) == len(columns) for row in rows)
    assert "800 X-rays" in costs[0].basis


def test_cts_have_a_forecast_as_soon_as_there_is_a_lesson_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radlearn.check.forecast.LESSONS", {})
    assert forecasts(0, 16, scans=120) == []
    monkeypatch.setattr("radlearn.check.forecast.LESSONS", {"segmentation": ()})
    costs = forecasts(0, 16, scans=120)
    assert [cost.as_dict()["preset"] for cost in costs] == ["quick", "challenge"]
    assert "120 CTs with masks" in costs[0].basis
    assert len(table_rows(costs)[1]) == len(VOLUME_PRESETS)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "module"), [("classification", "classify_pneumonia"), ("detection", "detect_pneumonia")])
def test_the_figures_are_of_the_lessons_own_presets(task: str, module: str) -> None:
    lesson = importlib.import_module(f"radlearn.rsna_pneumonia_{task}.{module}")
    told = {preset.name: preset for preset in PRESETS if preset.task == task}
    assert set(told) == set(lesson.PRESETS)
    for name, settings in lesson.PRESETS.items():
        preset = told[name]
        assert (preset.size_px, preset.batch_size, preset.epochs) == (settings.size_px, settings.batch_size, settings.epochs)
        weights = sum(one.numel() for one in lesson.build_model(replace(settings, pretrained=False)).parameters())
        assert preset.weights_million == pytest.approx(weights / 1e6, rel=0.1)


@pytest.mark.slow
def test_the_figures_of_cts_are_of_the_lessons_own_presets() -> None:
    lesson = importlib.import_module("radlearn.covid19_ct_segmentation.segment_lesions")
    told = {preset.name: preset for preset in VOLUME_PRESETS}
    assert set(told) == set(lesson.PRESETS)
    for name, settings in lesson.PRESETS.items():
        preset = told[name]
        assert (preset.patch_voxels, preset.spacing_mm, preset.patches_a_scan, preset.batch_size, preset.epochs) == (
            settings.patch_voxels, settings.spacing_mm, settings.patches_per_scan, settings.batch_size, settings.epochs
        )  # fmt: skip
        weights = sum(one.numel() for one in lesson.build_model(settings).parameters())
        assert preset.weights_million == pytest.approx(weights / 1e6, rel=0.1)
