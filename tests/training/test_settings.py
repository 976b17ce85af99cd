"""Settings are refused at once where they make no sense."""

from dataclasses import dataclass

import pytest

from radlearn.errors import BadSetting
from radlearn.training.settings import trainer_config, within


@dataclass(frozen=True)
class Settings:
    epochs: int = 3
    learning_rate: float = 0.01
    ema_decay: float = 0.9
    size_px: int = 128


def test_limits_are_part_of_what_is_allowed() -> None:
    within(Settings(size_px=32), {"size_px": (32, 64)})
    within(Settings(size_px=64), {"size_px": (32, 64)})


@pytest.mark.parametrize("size", [31, 65, -1, float("nan")])
def test_outside_them_the_field_is_named_with_what_it_may_be(size: float) -> None:
    with pytest.raises(BadSetting, match=r"size_px is .*; it must be from 32 to 64\."):
        within(Settings(size_px=size), {"size_px": (32, 64)})  # type: ignore[arg-type]


def test_the_plan_takes_the_settings_of_its_names_and_leaves_the_others() -> None:
    config = trainer_config(Settings(), best_by="auroc_score")
    assert (config.epochs, config.learning_rate, config.ema_decay, config.best_by) == (3, 0.01, 0.9, "auroc_score")
    assert config.precision == "32-true"
