"""The config refuses invalid values, and its schedules are functions of the step."""

import random

import pytest
import torch

from radlearn.errors import BadSetting
from radlearn.training.config import TrainerConfig


def config(**changes: object) -> TrainerConfig:
    return TrainerConfig(**{"epochs": 2, "learning_rate": 0.1, "best_by": "auroc_score", **changes})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("best_by", ""),
        ("schedule", "stairs"),
        ("warm_up_share", 1.0),
        ("weight_decay", -0.1),
        ("ema_decay", 1.0),
        ("patience_epochs", -1),
        ("gradient_clip", float("nan")),
        ("precision", "64-true"),
        ("save_every_seconds", 61),
        ("device", "tpu"),
    ],
)
def test_a_value_out_of_range_is_named(name: str, value: object) -> None:
    with pytest.raises(BadSetting, match=f"{name} is .* it must be"):
        config(**{name: value})


@pytest.mark.parametrize(("steps", "share"), [(100, 0.3), (37, 0.3), (50, 0.1)])
def test_one_cycle_is_the_one_of_torch(steps: int, share: float) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=steps, pct_start=share)
    for step in range(steps):
        assert config(warm_up_share=share).learning_rate_factor(step, steps) == pytest.approx(theirs.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        if step + 1 < steps:
            theirs.step()


def test_one_cycle_of_very_few_steps_stays_within_its_range() -> None:
    for steps in range(1, 8):
        for step in range(steps):
            assert 0 < config().learning_rate_factor(step, steps) <= 1


def test_constant_rises_and_then_stays() -> None:
    factors = [config(schedule="constant", warm_up_share=0.4).learning_rate_factor(step, 10) for step in range(10)]
    assert factors == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1]


def test_polynomial_by_hand() -> None:
    schedule = config(schedule="polynomial")
    assert schedule.learning_rate_factor(0, 4) == 1
    # (1 - 2/4)^0.9 = 2^-0.9
    assert schedule.learning_rate_factor(2, 4) == pytest.approx(0.535887, abs=1e-6)


def test_cosine_is_half_way_down_in_the_middle() -> None:
    schedule = config(schedule="cosine", warm_up_share=0.0)
    assert schedule.learning_rate_factor(0, 20) == 1
    assert schedule.learning_rate_factor(10, 20) == pytest.approx(0.5)
    assert schedule.learning_rate_factor(19, 20) < 0.01


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "polynomial", "constant"])
def test_schedules_do_not_depend_on_the_order_of_calls(schedule: str) -> None:
    steps = list(range(60))
    in_order = {step: config(schedule=schedule).learning_rate_factor(step, 60) for step in steps}
    random.Random(0).shuffle(steps)
    shuffled = config(schedule=schedule)
    assert all(shuffled.learning_rate_factor(step, 60) == in_order[step] for step in steps)


def test_the_moving_average_forgets_the_first_weights_quickly() -> None:
    averaging = config(ema_decay=0.99)
    assert averaging.ema_decay_at(0) == pytest.approx(0.1)
    assert averaging.ema_decay_at(8) == pytest.approx(0.5)
    assert averaging.ema_decay_at(100_000) == 0.99
