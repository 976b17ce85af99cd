"""The trainer's configuration, with learning rate schedules that are pure functions of the step.

A scheduler object that counts its calls has state, which a resumed run would have to restore. Here the learning rate of a step depends on
the step alone.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from radlearn.errors import BadSetting

Schedule = Literal["one_cycle", "cosine", "polynomial", "constant"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
Device = Literal["auto", "cpu", "cuda"]

USUAL_WARM_UP_SHARE: dict[Schedule, float] = {"one_cycle": 0.3, "cosine": 0.05, "polynomial": 0.0, "constant": 0.0}
# Fields that may differ when a run is resumed.
FREE_TO_CHANGE = ("save_every_seconds", "tensorboard", "device")


@dataclass(frozen=True)
class TrainerConfig:
    """How a model is trained.

    Raises:
        BadSetting: if a value is out of range; the message gives the field, the value and the range.
    """

    epochs: int
    # Peak of the schedule.
    learning_rate: float
    # Validation score to maximise: it selects the best weights and decides on early stopping.
    best_by: str
    seed: int = 0
    schedule: Schedule = "one_cycle"
    # Share of all steps in which the learning rate rises to its peak; None uses the schedule's default.
    warm_up_share: float | None = None
    weight_decay: float = 0.01
    # Decay of the exponential moving average of the weights, which is what is validated and kept; 0 is off.
    ema_decay: float = 0.0
    # Stop after this many epochs without a new best score; 0 never stops early.
    patience_epochs: int = 0
    # Maximum norm of the gradient; 0 is off.
    gradient_clip: float = 0.0
    precision: Precision = "32-true"
    # Interval between checkpoints: the most work that is lost when the process is killed.
    save_every_seconds: float = 60.0
    tensorboard: bool = False
    device: Device = "auto"

    def __post_init__(self) -> None:
        _must(self.epochs >= 1, "epochs", self.epochs, "at least 1")
        _must(0 < self.learning_rate < math.inf, "learning_rate", self.learning_rate, "above 0")
        _must(bool(self.best_by), "best_by", self.best_by, "the name of a validation score")
        _must(self.schedule in get_args(Schedule), "schedule", self.schedule, f"one of {', '.join(get_args(Schedule))}")
        _must(self.warm_up_share is None or 0 <= self.warm_up_share < 1, "warm_up_share", self.warm_up_share, "from 0 to below 1, or None")
        _must(0 <= self.weight_decay < math.inf, "weight_decay", self.weight_decay, "0 or more")
        _must(0 <= self.ema_decay < 1, "ema_decay", self.ema_decay, "from 0 (off) to below 1")
        _must(self.patience_epochs >= 0, "patience_epochs", self.patience_epochs, "0 (never stop early) or more")
        _must(0 <= self.gradient_clip < math.inf, "gradient_clip", self.gradient_clip, "0 (off) or more")
        _must(self.precision in get_args(Precision), "precision", self.precision, f"one of {', '.join(get_args(Precision))}")
        _must(0 <= self.save_every_seconds <= 60, "save_every_seconds", self.save_every_seconds, "from 0 to 60")
        _must(self.device in get_args(Device), "device", self.device, f"one of {', '.join(get_args(Device))}")

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
        return (1 - part) ** 0.9 if self.schedule == "polynomial" else 1.0

    def ema_decay_at(self, step: int) -> float:
        """Return the decay of the moving average at `step`. It starts low, so that the initial random weights are forgotten quickly."""
        return min(self.ema_decay, (1 + step) / (10 + step))


def _half_cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(part, 1.0))) / 2


def _must(valid: bool, name: str, value: object, expected: str) -> None:
    if not valid:
        raise BadSetting(f"{name} is {value!r}; it must be {expected}.")
