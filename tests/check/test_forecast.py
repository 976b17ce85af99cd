"""What training will cost: proportional to what it hangs on, and about the presets that the lessons have."""

import importlib
from dataclasses import replace

import pytest

from radlearn.check.forecast import PRESETS, forecast, forecasts, gigaflops, table_rows


def test_twice_the_films_cost_twice_the_time_and_the_cache() -> None:
    one, two = (forecast(PRESETS[0], films, 8, 100.0, "") for films in (1000, 2000))
    assert two.minutes_an_epoch == pytest.approx(2 * one.minutes_an_epoch)
    assert two.cache_gb == pytest.approx(2 * one.cache_gb)
    assert two.memory_gb == one.memory_gb


def test_an_epoch_by_hand() -> None:
    preset = replace(PRESETS[0], gflop=1.0, reached=0.5, size_px=100)
    # 600 films train: 3 GFLOP each at 50 GFLOP/s, and 5 ms to prepare each.
    cost = forecast(preset, 1000, 8, 100.0, "")
    assert cost.minutes_an_epoch == pytest.approx(600 * (3 / 50 + 0.005) / 60)
    assert cost.cache_gb == pytest.approx(1000 * 100 * 100 / 1e9, rel=0.2)
    assert forecast(preset, 1000, 12, 100.0, "").cache_gb == pytest.approx(2 * cost.cache_gb, rel=0.2)


def test_no_films_no_forecast_and_a_machine_has_a_rate() -> None:
    assert forecasts(0, 8) == []
    assert gigaflops() > 0.1
    costs = forecasts(800, 8)
    columns, rows = table_rows(costs)
    assert len(rows) == len(PRESETS)
    assert all(len(row) == len(columns) for row in rows)
    assert "800 films" in costs[0].basis


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
