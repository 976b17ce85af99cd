"""Settings that all trainings share, and the check of settings against the bounds in their annotations."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, GroupedMetadata, Gt, Interval, Le, Lt

from radlearn.errors import BadSetting
from radlearn.training.config import Device, Precision, Schedule, TrainerConfig

Share = Annotated[float, Interval(ge=0, le=1)]
"A fraction or a probability."


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Settings that all trainings share. A lesson's `Settings` inherits these fields and adds its own.

    A field's comment is the help text of its flag; its annotation holds its bounds, which are checked on construction.

    Raises:
        BadSetting: if a value is out of bounds; the message gives the field, the value and the bounds.
    """

    # Number of passes through the training cases.
    epochs: Annotated[int, Interval(ge=1, le=100_000)] = 10
    # Cases or patches per training step.
    batch_size: Annotated[int, Interval(ge=1, le=4096)] = 16
    # Peak learning rate of the schedule.
    learning_rate: Annotated[float, Interval(gt=0, le=100)] = 1e-3
    # Learning rate schedule: one_cycle rises and falls as half a cosine; the others rise linearly, then fall as half a cosine (cosine), as
    # 1 - t to the power of 0.9 (polynomial), or stay (constant).
    schedule: Schedule = "one_cycle"
    # Share of all steps in which the learning rate rises; None uses the schedule's default.
    warm_up_share: Annotated[float | None, Interval(ge=0, le=0.99)] = None
    # Weight decay of AdamW; biases and norms have none.
    weight_decay: Annotated[float, Interval(ge=0, le=100)] = 0.01
    # Maximum norm of the gradient; larger gradients are scaled down. 0 switches clipping off.
    gradient_clip: Annotated[float, Interval(ge=0, le=1e6)] = 0.0
    # Decay of the exponential moving average of the weights, which is what is evaluated; 0 switches averaging off.
    ema_decay: Annotated[float, Interval(ge=0, lt=1)] = 0.99
    # Stop after this many epochs without a better validation score; 0 never stops early.
    patience_epochs: Annotated[int, Interval(ge=0, le=100_000)] = 0
    # Arithmetic precision; bf16-mixed and 16-mixed are for a GPU.
    precision: Precision = "32-true"
    # Seed of the split, the initial weights and all augmentation.
    seed: int = 0
    # Which of five folds is the validation set (0 to 4); None is the standard 60/15/25 split.
    fold: Annotated[int | None, Interval(ge=0, le=4)] = None
    # Background processes that prepare batches; 0 prepares them in the training process.
    workers: Annotated[int, Interval(ge=0, le=256)] = 0
    # Device to compute on; auto takes a GPU where there is one.
    device: Device = "auto"
    # Also write TensorBoard events to the run folder.
    tensorboard: bool = False

    def __post_init__(self) -> None:
        refuse_out_of_bounds(self)

    def trainer_config(self, best_by: str) -> TrainerConfig:
        """Return the trainer's configuration. `best_by`: the validation score to maximise."""
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
    """Check the fields of a dataclass against the bounds and choices in their annotations.

    Raises:
        BadSetting: for the first invalid field; the message gives its name, value and valid values.
    """
    hints = get_type_hints(type(settings), include_extras=True)
    for field in fields(settings):
        hint, value = hints[field.name], getattr(settings, field.name)
        bounds = list(_bounds_of(hint))
        if bounds and not (value is None and _may_be_none(hint)):
            # NaN satisfies no comparison, so it is refused too.
            valid = isinstance(value, int | float) and all(_holds(bound, value) for bound in bounds)
            if not valid:
                raise BadSetting(f"{field.name} is {value!r}; it must be {_in_words(bounds)}{_or_none(hint)}.")
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
    raise TypeError(f"{bound!r} is not a supported bound.")


def _in_words(bounds: list[Any]) -> str:
    """Return bounds in words.

    >>> _in_words([Ge(0), Lt(1)]), _in_words([Gt(0), Le(math.inf)])
    ('from 0 to below 1', 'above 0')
    """
    words: list[str] = []
    for bound in bounds:
        match bound:
            case Ge(ge=limit):
                words.append(f"from {limit:g}")
            case Gt(gt=limit):
                words.append(f"above {limit:g}")
            case Le(le=limit) if math.isfinite(limit):  # type: ignore[arg-type]
                words.append(f"to {limit:g}" if words and words[0].startswith("from") else f"and at most {limit:g}")
            case Lt(lt=limit):
                words.append(f"to below {limit:g}")
    return " ".join(words)


def _choices_of(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) is Literal else ()


def _may_be_none(hint: Any) -> bool:
    return type(None) in get_args(get_args(hint)[0])


def _or_none(hint: Any) -> str:
    return ", or None" if _may_be_none(hint) else ""
