"""What validation people decide for a run: above which probability the prediction is yes, and how a probability becomes a frequency."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from radlearn.errors import BadRunFolder
from radlearn.files import read_json, write_json
from radlearn.metrics.calibration import Recalibration
from radlearn.tasks.xray.baselines import brightness_sign, mean_brightness, view_shares
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run


@dataclass(frozen=True)
class OperatingPoint:
    """Chosen on validation people, used on everybody else."""

    # The prediction is yes from this probability on.
    threshold: float
    recalibration: Recalibration
    # Share of positive X-rays in training by view and for "all": the prediction from the view alone.
    view_shares: dict[str, float]
    # 1 if positive training X-rays are the brighter ones, else -1: for the prediction from the mean brightness alone.
    brightness_sign: int


def keep_operating_point(
    run: Run, threshold: float, recalibration: Recalibration, training: Sequence[PreparedRadiograph]
) -> OperatingPoint:
    """Write `operating_point.json` into the run folder, with what the trivial baselines learn from the training X-rays."""
    sign = brightness_sign(mean_brightness(training), training)
    return write_operating_point(run, OperatingPoint(float(threshold), recalibration, view_shares(training), sign))


def write_operating_point(run: Run, point: OperatingPoint) -> OperatingPoint:
    """Write `operating_point.json`, whole or not at all, and return the point."""
    write_json(run.folder / "operating_point.json", asdict(point))
    return point


def operating_point_of(run: Run) -> OperatingPoint:
    """Read a run's operating point.

    Raises:
        BadRunFolder: if training has not come to its end.
    """
    file = run.folder / "operating_point.json"
    if not file.exists():
        raise BadRunFolder(f"{run.folder}: its training has not come to its end. To go on with it: {run.resume_command}")
    kept = read_json(file)
    return OperatingPoint(kept["threshold"], Recalibration(**kept["recalibration"]), kept["view_shares"], kept["brightness_sign"])
