"""What the commands of a segmenter take on the command line and in Python."""

from dataclasses import dataclass

from radlearn.errors import BadSetting


@dataclass(frozen=True)
class MaskOptions:
    """What `predict` takes, and `submit` in part; what means nothing to a command is refused there."""

    # Of predict alone: also write the probability of a lesion at each voxel, as probabilities/NAME.nii.gz on the grid of the scan.
    probabilities: bool = False
    # Of predict and submit: the UID of the DICOM series that is read, where a folder holds several.
    series: str | None = None


@dataclass(frozen=True)
class LabelMapOptions:
    """What `predict` takes where images have label maps; what means nothing to a command is refused there."""

    # Of predict alone: also write the probability of each class at each pixel, as probabilities/NAME.tif, a page for each class.
    probabilities: bool = False


def refuse_probabilities(options: MaskOptions | LabelMapOptions, command: str) -> None:
    """Raise BadSetting where a command that writes no probabilities is asked for them; it is named with its task."""
    if options.probabilities:
        raise BadSetting(f"{command}: writes no probabilities; 'predict' does, into DIR/probabilities.")


def refuse_series(options: MaskOptions, command: str) -> None:
    """Raise BadSetting where a command that reads the files of a data folder is told which series to read."""
    if options.series is not None:
        raise BadSetting(f"segmentation {command}: takes no --series; its data name one file or folder for each CT. 'predict' takes it.")
