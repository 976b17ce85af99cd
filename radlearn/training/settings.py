"""Settings that all trainings share."""

from dataclasses import dataclass, fields
from typing import Annotated

from annotated_types import Interval

from radlearn.training.config import Device, Keep, Precision, Schedule, TrainerConfig, refuse_out_of_bounds

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
    # Training batches on which averaged weights measure the statistics of their batch norms before each validation. 0 averages the running
    # statistics, which lag behind where norms have a low momentum.
    norm_batches: Annotated[int, Interval(ge=0, le=10_000)] = 0
    # The weights to keep: those of the epoch with the best validation score, or of the last epoch. Choosing an epoch helps where a training
    # overfits and the validation set is large; on a few dozen positive cases the best of many scores is a matter of luck.
    keep: Keep = "best"
    # Stop after this many epochs without a better validation score; 0 never stops early.
    patience_epochs: Annotated[int, Interval(ge=0, le=100_000)] = 0
    # Arithmetic precision. auto is bf16-mixed where the GPU or processor multiplies in bfloat16, else 32-true: there dense convolutions in
    # 3-D take a third of the time, the depthwise ones of EfficientNet more than in float32. 16-mixed is for a GPU.
    precision: Precision = "32-true"
    # Seed of the initial weights and all augmentation, and of the split unless `split_seed` names another.
    seed: Annotated[int, Interval(ge=-(2**63), le=2**63 - 1)] = 0
    # Seed of the split; None takes `seed`. Runs with other seeds and one split seed share their division of persons.
    split_seed: Annotated[int | None, Interval(ge=-(2**63), le=2**63 - 1)] = None
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

    @property
    def seed_of_split(self) -> int:
        """The seed that divides the persons into training, validation and test."""
        return self.seed if self.split_seed is None else self.split_seed

    def trainer_config(self, best_by: str) -> TrainerConfig:
        """Return the trainer's configuration. `best_by`: the validation score to maximise."""
        shared = {field.name for field in fields(TrainerConfig)} & {field.name for field in fields(TrainingSettings)}
        return TrainerConfig(best_by=best_by, **{name: getattr(self, name) for name in shared})
