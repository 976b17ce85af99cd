"""The settings that every training shares, and the bounds of every setting, which stand in its annotation."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, GroupedMetadata, Gt, Interval, Le, Lt

from radlearn.errors import BadSetting
from radlearn.training.config import Device, Precision, Schedule, TrainerConfig

Share = Annotated[float, Interval(ge=0, le=1)]
"A part of a whole, or a chance."


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """What all trainings share. A lesson's `Settings` inherits these fields and adds what the lesson is about.

    A field's comment is the help of its flag; its annotation holds its bounds, which are checked when the settings are made.

    Raises:
        BadSetting: if a value is out of its bounds; the message says which field, and what it may be.
    """

    # How often training goes through the training cases.
    epochs: Annotated[int, Interval(ge=1, le=100_000)] = 10
    # Cases or patches per training step.
    batch_size: Annotated[int, Interval(ge=1, le=4096)] = 16
    # The highest learning rate of the schedule.
    learning_rate: Annotated[float, Interval(gt=0, le=100)] = 1e-3
    # How the learning rate goes over the steps: up and down (one_cycle), or climbing and then falling as half a cosine, as 1 - t to the
    # power of 0.9 (polynomial), or not at all.
    schedule: Schedule = "one_cycle"
    # The share of all steps in which the learning rate climbs; None takes what is usual for the schedule.
    warm_up_share: Annotated[float | None, Interval(ge=0, le=0.99)] = None
    # Weight decay of AdamW; biases and norms have none.
    weight_decay: Annotated[float, Interval(ge=0, le=100)] = 0.01
    # The largest norm of the gradient; longer ones are scaled down. 0 switches clipping off.
    gradient_clip: Annotated[float, Interval(ge=0, le=1e6)] = 0.0
    # Decay of the exponential moving average of the weights, which is what is evaluated; 0 switches averaging off.
    ema_decay: Annotated[float, Interval(ge=0, lt=1)] = 0.99
    # Stop after so many epochs without a better validation score; 0 never stops early.
    patience_epochs: Annotated[int, Interval(ge=0, le=100_000)] = 0
    # Precision of the arithmetic; bf16-mixed and 16-mixed are for a GPU.
    precision: Precision = "32-true"
    # Seed of the split, the first weights and all augmentation.
    seed: int = 0
    # Which of five folds validates (0 to 4); None is the standard 60/15/25 split.
    fold: Annotated[int | None, Interval(ge=0, le=4)] = None
    # Processes that prepare batches beside the training one; 0 prepares them in it.
    workers: Annotated[int, Interval(ge=0, le=256)] = 0
    # Where to compute.
    device: Device = "auto"
    # Also write TensorBoard events into the run folder.
    tensorboard: bool = False

    def __post_init__(self) -> None:
        refuse_out_of_bounds(self)

    def trainer_config(self, best_by: str) -> TrainerConfig:
        """Return what the trainer is told.

        Args:
            best_by: the validation score to maximise.
        """
        return TrainerConfig(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            best_by=best_by,
            seed=self.seed,
            schedule=self.schedule,
            warm_up_share=self.warm_up_share,
            weight_decay=self.weight_decay,
            ema_decay=self.ema_decay,
            patience_epochs=self.patience_epochs,
            gradient_clip=self.gradient_clip,
            precision=self.precision,
            tensorboard=self.tensorboard,
            device=self.device,
        )


def refuse_out_of_bounds(settings: Any) -> None:
    """Refuse a dataclass one of whose values is outside the bounds, or not among the choices, of its field's annotation.

    Raises:
        BadSetting: naming the first such field, what was found and what it may be.
    """
    hints = get_type_hints(type(settings), include_extras=True)
    for field in fields(settings):
        hint, value = hints[field.name], getattr(settings, field.name)
        bounds = list(_bounds_of(hint))
        if bounds and not (value is None and _may_be_none(hint)):
            # Written so that NaN, which is neither above nor below anything, is refused too.
            right = isinstance(value, int | float) and all(_holds(bound, value) for bound in bounds)
            if not right:
                raise BadSetting(f"{field.name} is {value!r}; it must be {_told(bounds)}{_or_none(hint)}.")
        choices = _choices_of(hint)
        if choices and value not in choices:
            raise BadSetting(f"{field.name} is {value!r}; it must be one of {', '.join(map(str, choices))}.")


def _bounds_of(hint: Any) -> Iterator[Any]:
    for one in getattr(hint, "__metadata__", ()):
        yield from (part for part in (one if isinstance(one, GroupedMetadata) else (one,)) if isinstance(part, Ge | Gt | Le | Lt))


def _holds(bound: Any, value: Any) -> bool:
    match bound:
        case Ge(ge=limit):
            return bool(value >= limit)
        case Gt(gt=limit):
            return bool(value > limit)
        case Le(le=limit):
            return bool(value <= limit)
        case Lt(lt=limit):
            return bool(value < limit)
    raise TypeError(f"{bound!r}: is no bound that settings know.")


def _told(bounds: list[Any]) -> str:
    """Return bounds in words.

    >>> _told([Ge(0), Lt(1)]), _told([Gt(0), Le(math.inf)])
    ('from 0 to below 1', 'above 0')
    """
    said = []
    for bound in bounds:
        match bound:
            case Ge(ge=limit):
                said.append(f"from {limit:g}")
            case Gt(gt=limit):
                said.append(f"above {limit:g}")
            case Le(le=limit) if math.isfinite(limit):  # type: ignore[arg-type]
                said.append(f"to {limit:g}" if said and said[0].startswith("from") else f"and at most {limit:g}")
            case Lt(lt=limit):
                said.append(f"to below {limit:g}")
    return " ".join(said)


def _choices_of(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) is Literal else ()


def _may_be_none(hint: Any) -> bool:
    return type(None) in get_args(get_args(hint)[0])


def _or_none(hint: Any) -> str:
    return ", or None" if _may_be_none(hint) else ""
