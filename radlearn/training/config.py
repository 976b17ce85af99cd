"""The trainer's configuration, checked against the bounds in its annotations, with learning rates that are pure functions of the step.

A scheduler object that counts its calls has state, which a resumed run would have to restore. Here the learning rate of a step depends on
the step alone.
"""

import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, GroupedMetadata, Gt, Interval, Le, Lt
from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from radlearn.errors import BadSetting

Schedule = Literal["one_cycle", "cosine", "polynomial", "constant"]
Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed"]
# What "auto" is on a machine.
ChosenPrecision = Literal["32-true", "bf16-mixed", "16-mixed"]
Device = Literal["auto", "cpu", "cuda"]
Keep = Literal["best", "last"]

USUAL_WARM_UP_SHARE: dict[Schedule, float] = {"one_cycle": 0.3, "cosine": 0.05, "polynomial": 0.0, "constant": 0.0}
HOLDS = {Ge: operator.ge, Gt: operator.gt, Le: operator.le, Lt: operator.lt}
# Fields that may differ when a run is resumed.
FREE_TO_CHANGE = ("save_every_seconds", "tensorboard", "device")


@dataclass(frozen=True)
class TrainerConfig:
    """How a model is trained.

    Raises:
        BadSetting: if a value is out of range; the message gives the field, the value and the range.
    """

    epochs: Annotated[int, Ge(1)]
    # Peak of the schedule.
    learning_rate: Annotated[float, Interval(gt=0, lt=math.inf)]
    # Validation score to maximise: it selects the best weights, if these are kept, and decides on early stopping.
    best_by: str
    seed: int = 0
    schedule: Schedule = "one_cycle"
    # Share of all steps in which the learning rate rises to its peak; None uses the schedule's default.
    warm_up_share: Annotated[float | None, Interval(ge=0, lt=1)] = None
    weight_decay: Annotated[float, Interval(ge=0, lt=math.inf)] = 0.01
    # Decay of the exponential moving average of the weights, which is what is validated and kept; 0 is off.
    ema_decay: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    # Training batches on which averaged weights measure the statistics of their norms before each validation; 0 averages the running ones.
    norm_batches: Annotated[int, Ge(0)] = 0
    # The weights that a training ends with: those of the epoch with the best score, or of the last epoch.
    keep: Keep = "best"
    # Stop after this many epochs without a new best score; 0 never stops early.
    patience_epochs: Annotated[int, Ge(0)] = 0
    # Maximum norm of the gradient; 0 is off.
    gradient_clip: Annotated[float, Interval(ge=0, lt=math.inf)] = 0.0
    precision: Precision = "32-true"
    # Interval between checkpoints: the most work that is lost when the process is killed.
    save_every_seconds: Annotated[float, Interval(ge=0, le=60)] = 60.0
    tensorboard: bool = False
    device: Device = "auto"

    def __post_init__(self) -> None:
        refuse_out_of_bounds(self)
        if not self.best_by:
            raise BadSetting(f"best_by is {self.best_by!r}; it must be the name of a validation score.")

    def learning_rate_factor(self, step: int, steps: int) -> float:
        """Return the factor of the learning rate at `step` (from 0) of `steps`, in [0, 1].

        one_cycle: half a cosine from 1/25 up to 1, then half a cosine down to 1/250,000 (Smith and Topin 2017, arXiv:1708.07120, with
        PyTorch's defaults; the momentum is constant). The others rise linearly to 1. Then cosine falls as half a cosine to 0
        (Loshchilov and Hutter 2016, arXiv:1608.03983), polynomial falls as (1 - t)^0.9 (Chen et al. 2016, arXiv:1606.00915), and
        constant stays.

        >>> config = TrainerConfig(epochs=1, learning_rate=0.1, best_by="auroc_score", schedule="cosine", warm_up_share=0.2)
        >>> [round(config.learning_rate_factor(step, 10), 3) for step in range(10)]
        [0.5, 1.0, 1.0, 0.962, 0.854, 0.691, 0.5, 0.309, 0.146, 0.038]
        """
        share = USUAL_WARM_UP_SHARE[self.schedule] if self.warm_up_share is None else self.warm_up_share
        if self.schedule == "one_cycle":
            peak = share * steps - 1
            if step < peak:
                return _half_cosine(1 / 25, 1.0, step / peak)
            return _half_cosine(1.0, 1 / 250_000, (step - max(peak, 0.0)) / max(steps - 1 - max(peak, 0.0), 1e-9))
        warm_up = round(share * steps)
        if step < warm_up:
            return (step + 1) / warm_up
        part = (step - warm_up) / max(steps - warm_up, 1)
        if self.schedule == "cosine":
            return _half_cosine(1.0, 0.0, part)
        if self.schedule == "polynomial":
            return (1 - part) ** 0.9
        if self.schedule == "constant":
            return 1.0
        raise BadSetting(f"schedule is {self.schedule!r}; it must be one of {', '.join(get_args(Schedule))}.")

    def ema_decay_at(self, step: int) -> float:
        """Return the decay of the moving average at `step`. It starts low, so that the initial random weights are forgotten quickly."""
        return min(self.ema_decay, (1 + step) / (10 + step))


def _half_cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(part, 1.0))) / 2


def refuse_out_of_bounds(settings: Any) -> None:
    """Check the fields of a dataclass against the types, bounds and choices in their annotations.

    Raises:
        BadSetting: for the first invalid field; the message gives its name, value and valid values.
    """
    hints = get_type_hints(type(settings), include_extras=True)
    for field in fields(settings):
        hint, value = hints[field.name], _plain(getattr(settings, field.name))
        bounds = list(_bounds_of(hint))
        may_be_none = bool(bounds) and type(None) in get_args(get_args(hint)[0])
        in_words = f"{_in_words(bounds)}{', or None' if may_be_none else ''}" if bounds else ""
        # NaN satisfies no comparison, so it is refused too.
        if isinstance(value, int | float) and not all(HOLDS[type(bound)](value, _limit(bound)) for bound in bounds):
            raise BadSetting(f"{field.name} is {value!r}; it must be {in_words}.")
        if get_origin(hint) is Literal and value not in get_args(hint):
            raise BadSetting(f"{field.name} is {value!r}; it must be one of {', '.join(map(str, get_args(hint)))}.")
        if expected := another_type(hint, value):
            raise BadSetting(f"{field.name} is {value!r}; it must be {', '.join(filter(None, (expected, in_words)))}.")


def another_type(hint: Any, value: Any) -> str:
    """Return in words what type a value should have, "" where it has it, or where only its own class knows.

    A word such as "false" would count as yes.

    >>> another_type(int, 2.5), another_type(bool, "false"), another_type(float, 2)
    ('a valid integer', 'a valid boolean', '')
    """
    adapter = _strict(hint)
    try:
        if adapter is not None:
            adapter.validate_python(value, strict=True)
    except ValidationError as error:
        message = error.errors(include_url=False, include_context=False)[0]["msg"]
        return message.removeprefix("Input should be ")
    return ""


def _plain(value: Any) -> Any:
    """Return a number of NumPy, which is one of Python's in all but its class, as the latter."""
    return value.item() if hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0 else value


@cache
def _strict(hint: Any) -> TypeAdapter[Any] | None:
    """Return what checks values of a type; None for one that only its own class knows."""
    try:
        return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    except (PydanticUserError, PydanticSchemaGenerationError):
        return None


def _bounds_of(hint: Any) -> Iterator[Ge | Gt | Le | Lt]:
    for one in getattr(hint, "__metadata__", ()):
        yield from (part for part in (one if isinstance(one, GroupedMetadata) else (one,)) if isinstance(part, Ge | Gt | Le | Lt))


def _limit(bound: Ge | Gt | Le | Lt) -> Any:
    return getattr(bound, type(bound).__name__.lower())


def _in_words(bounds: Sequence[Ge | Gt | Le | Lt]) -> str:
    """Return bounds in words.

    >>> _in_words([Ge(0), Lt(1)]), _in_words([Gt(0), Le(math.inf)]), _in_words([Ge(1)])
    ('from 0 to below 1', 'above 0', 'at least 1')
    """
    limits = {type(bound): f"{_limit(bound):g}" for bound in bounds if math.isfinite(_limit(bound))}
    has_upper = Le in limits or Lt in limits
    words = [f"{'from' if has_upper else 'at least'} {limits[Ge]}"] if Ge in limits else []
    words += [f"above {limits[Gt]}"] if Gt in limits else []
    words += [f"{'to' if Ge in limits else 'and at most'} {limits[Le]}"] if Le in limits else []
    words += [f"to below {limits[Lt]}"] if Lt in limits else []
    return " ".join(words)
