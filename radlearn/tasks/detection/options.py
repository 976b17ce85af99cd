"""What the commands of a detector take on the command line and in Python."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class GateOptions:
    """What `evaluate`, `predict` and `submit` take."""

    # Table with image-level probabilities (patientId, probability) for these X-rays, such as the predictions.csv of a classification run;
    # in place of the one that the run was trained with.
    gate: Path | None = None


@dataclass(frozen=True)
class TuneOptions:
    """What `tune` takes."""

    # Table with image-level probabilities for the validation X-rays, in place of the one that the run was trained with.
    gate: Path | None = None
    # The best score among settings with at most so many false boxes per X-ray without an opacity.
    most_false_boxes: float | None = None
