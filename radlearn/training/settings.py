"""A lesson's settings: refused at once where they make no sense, and handed to the loop."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from radlearn.errors import BadSetting
from radlearn.training.config import TrainerConfig


def within(settings: Any, limits: Mapping[str, tuple[float, float]]) -> None:
    """Refuse settings outside their limits, before hours are spent on them.

    Args:
        limits: field → the least and the most it may be.

    Raises:
        BadSetting: naming the first field outside its limits, what was found and what it may be.
    """
    for name, (least, most) in limits.items():
        # Written so that NaN, which is neither above nor below anything, is refused too.
        if not least <= getattr(settings, name) <= most:
            raise BadSetting(f"{name} is {getattr(settings, name)!r}; it must be from {least:g} to {most:g}.")


def trainer_config(settings: Any, best_by: str) -> TrainerConfig:
    """Return the trainer's config with every setting of the same name.

    Args:
        best_by: the validation score to maximise.

    Raises:
        BadSetting: as `TrainerConfig` does.
    """
    known = {field.name for field in fields(TrainerConfig)}
    same = {field.name: getattr(settings, field.name) for field in fields(settings) if field.name in known}
    return TrainerConfig(best_by=best_by, **same)
