"""Settings are checked against the bounds in their annotations, and all of them reach the trainer."""

from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from annotated_types import Gt, Interval, Le

from radlearn.errors import BadSetting
from radlearn.training.config import TrainerConfig
from radlearn.training.settings import Share, TrainingSettings


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    size_px: Annotated[int, Interval(ge=32, le=64)] = 48
    zoom: Share = 0.5
    network: Literal["small", "large"] = "small"
    limit: Annotated[float | None, Gt(0), Le(2)] = None


def test_the_bounds_themselves_are_allowed() -> None:
    assert Settings(size_px=32).size_px == 32
    assert Settings(size_px=64, zoom=0, epochs=1, warm_up_share=None, fold=4).fold == 4


@pytest.mark.parametrize("size", [31, 65, -1, float("nan"), "48", None])
def test_a_value_out_of_bounds_is_named_with_the_bounds(size: Any) -> None:
    expected = "from 32 to 64" if isinstance(size, int | float) else "a valid integer, from 32 to 64"
    with pytest.raises(BadSetting, match=rf"size_px is .*; it must be {expected}\."):
        Settings(size_px=size)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ema_decay": 1.0}, r"ema_decay is 1\.0; it must be from 0 to below 1\."),
        ({"learning_rate": 0.0}, r"learning_rate is 0\.0; it must be above 0 and at most 100\."),
        ({"fold": 5}, r"fold is 5; it must be from 0 to 4, or None\."),
        ({"warm_up_share": float("nan")}, r"warm_up_share is nan; it must be from 0 to 0\.99, or None\."),
        ({"limit": 0.0}, r"limit is 0\.0; it must be above 0 and at most 2, or None\."),
        ({"network": "larg"}, r"network is 'larg'; it must be one of small, large\."),
        ({"precision": "16"}, r"precision is '16'; it must be one of auto, 32-true, bf16-mixed, 16-mixed\."),
        ({"epochs": 0}, r"epochs is 0; it must be from 1 to 100000\."),
    ],
)
def test_inherited_and_own_fields_are_held_to_their_annotations(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSetting, match=message):
        Settings(**changes)


def test_the_split_has_the_seed_of_the_training_unless_it_has_its_own() -> None:
    assert Settings(seed=3).seed_of_split == 3
    assert Settings(seed=3, split_seed=5).seed_of_split == 5
    # 0 is a seed, not the absence of one.
    assert Settings(seed=3, split_seed=0).seed_of_split == 0


def test_a_misspelt_setting_is_refused_and_not_ignored() -> None:
    with pytest.raises(TypeError, match="ema_deacy"):
        Settings(ema_deacy=0.9)  # type: ignore[call-arg]


def test_every_setting_that_the_trainer_knows_reaches_it() -> None:
    changed: dict[str, Any] = {
        "epochs": 3, "learning_rate": 0.5, "seed": 7, "schedule": "cosine", "warm_up_share": 0.25, "weight_decay": 0.125, "ema_decay": 0.75,
        "patience_epochs": 2, "keep": "last", "norm_batches": 4, "gradient_clip": 4.0, "precision": "bf16-mixed", "tensorboard": True,
        "device": "cpu",
    }  # fmt: skip
    config = Settings(**changed).trainer_config(best_by="auroc_score")
    assert {name: getattr(config, name) for name in changed} == changed
    assert config.best_by == "auroc_score"
    # Lessons do not set how often a checkpoint is saved; a new field of the trainer fails here until a lesson can set it.
    assert {field.name for field in fields(TrainerConfig)} - changed.keys() == {"best_by", "save_every_seconds"}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("epochs", 2.5, "a valid integer"),
        ("epochs", True, "a valid integer"),
        ("seed", "0", "a valid integer"),
        ("tensorboard", "false", "a valid boolean"),
        ("tensorboard", 0, "a valid boolean"),
        ("split_seed", 1.0, "a valid integer"),
        ("zoom", True, "a valid number"),
        ("network", "Small", "one of small, large"),
        ("schedule", "onecycle", "one of one_cycle"),
        ("keep", "lats", "one of best, last"),
    ],
)
def test_a_value_of_another_type_or_a_misspelt_name_is_refused(name: str, value: Any, expected: str) -> None:
    with pytest.raises(BadSetting, match=f"{name} is .*; it must be {expected}"):
        Settings(**{name: value})


def test_a_number_of_numpy_is_a_number() -> None:
    assert Settings(seed=np.int64(3), zoom=np.float64(0.25)).seed == 3
    assert Settings(epochs=np.int32(2), learning_rate=np.float32(0.5), warm_up_share=np.float64(0.1)).epochs == 2
    with pytest.raises(BadSetting, match="epochs is 0; it must be from 1 to 100000"):
        Settings(epochs=np.int64(0))
