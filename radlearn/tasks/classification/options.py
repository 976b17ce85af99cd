"""What `tune` of a classifier takes on the command line and in Python."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TuneOptions:
    """Which sensitivity or specificity the threshold has to reach on validation persons."""

    # Sensitivity to reach; 0 chooses the best sensitivity + specificity. Not named: as the run was trained.
    wanted_sensitivity: float | None = None
    # Specificity to reach, in place of a sensitivity.
    wanted_specificity: float | None = None
