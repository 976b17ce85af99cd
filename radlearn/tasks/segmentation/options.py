"""What the commands of a segmenter take on the command line and in Python."""

from dataclasses import dataclass

from radlearn.errors import BadSetting


@dataclass(frozen=True)
class MaskOptions:
    """What `predict` takes; `evaluate` and `submit` refuse it."""

    # Of predict alone: also write the probability of a lesion at each voxel, as probabilities/NAME.nii.gz on the grid of the scan.
    probabilities: bool = False


def refuse_probabilities(options: MaskOptions, command: str) -> None:
    """Raise BadSetting where a command that writes no probabilities is asked for them."""
    if options.probabilities:
        raise BadSetting(f"segmentation {command}: writes no probabilities; 'predict' does, into DIR/probabilities.")
