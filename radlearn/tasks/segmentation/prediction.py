"""Masks for unlabelled CTs: each on its scan's own grid, with its volume in ml and an overlay; and a submission."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.amounts import counted
from radlearn.challenges.challenge import Challenge
from radlearn.metrics.masks import Spacing, volume_ml
from radlearn.pictures.scan_overlays import write_mask_overlay
from radlearn.pictures.slices import LUNG_WINDOW_HU
from radlearn.progress import say
from radlearn.scans.ct_files import read_scan
from radlearn.scans.geometry import Volume, spacing_mm, steps_mm, to_orientation
from radlearn.scans.mask_files import write_mask_like, write_probability_like
from radlearn.tasks.segmentation.disagreement import MaskDisagreement
from radlearn.tasks.segmentation.file_predictions import FilePredictions, FileWords, cases_in
from radlearn.tasks.segmentation.look_alikes import as_in_file, ct_look_alikes
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing, mask_of, no_interval_because, volume_interval
from radlearn.tasks.segmentation.scans import MaskCaseT
from radlearn.tasks.segmentation.submission import submit_predicted
from radlearn.training.run_folder import Run, runs_of
from radlearn.workflow.ensembles import postprocessing_together
from radlearn.workflow.ood import OOD_COLUMNS, ood_cells
from radlearn.workflow.postprocessing_file import read_postprocessing

CTS = FileWords("scans", "CTs", ".nii.gz")
EXPECTED = "NIfTI files, folders of them, or folders of DICOM slices"
MASK_COLUMNS = ("path", "case", "mask", "lesion_ml", "lung_ml", "lesion_percent_of_lung", "notes")
# The interval holds the true volume of the lesions with the promised probability; empty where nothing is promised.
COLUMNS = (*MASK_COLUMNS, "volume_low_ml", "volume_high_ml", *OOD_COLUMNS)
# Of several runs: how far they differ, in ml and from 0 to 1, as `disagreement` explains it.
OF_ENSEMBLES = MaskDisagreement._fields


@dataclass(frozen=True)
class Measured:
    """Volumes of a predicted mask and of the lungs."""

    lesion_ml: float
    # Air, vessels, what air surrounds, and the lesions themselves: consolidated lung counts as lung.
    lung_ml: float

    @property
    def percent(self) -> float:
        """Lesion volume in percent of the lung volume; NaN without lungs."""
        return 100 * self.lesion_ml / self.lung_ml if self.lung_ml else float("nan")

    def __str__(self) -> str:
        share = "" if np.isnan(self.percent) else f", {self.percent:.1f} % of the lungs"
        return f"lesions {self.lesion_ml:.1f} ml{share}"


@dataclass(frozen=True)
class PredictedScan:
    """A scan as it is in its file, and on the same grid: the probability of a lesion, float32, and the lungs, bool, both (i, j, k)."""

    source: Volume
    probability: np.ndarray
    lungs: np.ndarray
    # Of several runs: how far they differ.
    differ: MaskDisagreement | None = None
    # Of each run, float32 (features,), which tell whether the scan is unlike the training data; None where they are not known.
    features: Sequence[np.ndarray] | None = None


class MaskPredictions(FilePredictions[PredictedScan]):
    """Predicts for scans one after another, and writes a mask on the grid of each.

    Args:
        runs: one, or several that predict together, whose postprocessing turns probabilities into masks.
        challenge: whose `find_images` lists the cases.
        paths: NIfTI files, folders of them, folders with DICOM series.
        out: gets `predictions.csv`, `masks/ID.nii.gz`, `overlays/ID.png`.
        probabilities: also write `probabilities/ID.nii.gz`, float32: what the threshold was applied to.

    Raises:
        BadLayout: if there is no CT.
        errors as `FilePredictions` and `postprocessing_together`.
    """

    def __init__(
        self, runs: Run | Sequence[Run], challenge: Challenge[Any, Any], paths: Sequence[Path], out: Path, probabilities: bool = False
    ) -> None:
        several = runs_of(runs)
        self.postprocessing, about = postprocessing_together(several, MaskPostprocessing)
        # A mean of several runs' postprocessings promises none.
        self.interval, self.no_interval = volume_interval(about), no_interval_because(about)
        self.window_hu = shown_window(several[0])
        self.probabilities = probabilities
        # Those of the runs alone, with which it is told how far they differ.
        self.of_each_run = [read_postprocessing(run, MaskPostprocessing)[0] for run in several]
        columns = COLUMNS + OF_ENSEMBLES * (len(several) > 1)
        chosen = [asdict(one) for one in (self.postprocessing, *self.of_each_run)]
        interval = None if self.interval is None else asdict(self.interval)
        by = {"postprocessing": chosen, "interval": interval, "probabilities": probabilities}
        super().__init__(several, cases_in(challenge, paths, EXPECTED), paths, out, columns, CTS, by, ct_look_alikes(several))

    def say_of_table(self) -> None:
        """Say why no volume has an interval, where none has."""
        if self.interval is None:
            say(f"volume_low_ml and volume_high_ml are empty: {self.no_interval}", style="yellow")

    def look(self, found: PredictedScan) -> np.ndarray:
        """Return the layers of a scan."""
        return as_in_file(found.source, found.lungs)

    def write(self, case_id: str, file: Path, found: PredictedScan, overlay: bool) -> tuple[tuple[str, ...], list[Path]]:
        """Write the mask of a scan, and return its row of the table and the files that were written."""
        source = found.source
        mask = mask_of(found.probability, self.postprocessing, steps_mm(source.affine))
        path = self.out / "masks" / self.mask_names[case_id]
        files = [path]
        write_mask_like(path, mask, source)
        volumes = measured(mask, found.lungs, steps_mm(source.affine))
        numbers = (f"{volumes.lesion_ml:.3f}", f"{volumes.lung_ml:.1f}", "" if np.isnan(volumes.percent) else f"{volumes.percent:.3f}")
        between = ("", "") if self.interval is None else tuple(f"{end:.3f}" for end in self.interval.around(volumes.lesion_ml))
        unlike = self.ood.scored([case_id], None if found.features is None else [own[None] for own in found.features])
        differ = () if found.differ is None else (f"{found.differ.volume_sd_ml:.3f}", f"{found.differ.disagreement:.6f}")
        last = (*between, *ood_cells(unlike, 0), *differ)
        if self.probabilities:
            files.append(self.out / "probabilities" / path.name)
            write_probability_like(files[-1], found.probability, source)
        if overlay:
            words = f"{volumes}; {self.ood.warning}" if unlike is not None and unlike.flagged[0] else str(volumes)
            files.append(self._write_overlay(case_id, source, mask, words))
        return (str(file), case_id, f"masks/{path.name}", *numbers, "; ".join(source.notes), *last), files

    def _write_overlay(self, case_id: str, source: Volume, mask: np.ndarray, words: str) -> Path:
        hu, affine = to_orientation(source.voxels, source.affine, "LPS")
        turned, _ = to_orientation(mask, source.affine, "LPS")
        picture = self.out / "overlays" / f"{self.mask_names[case_id].removesuffix('.nii.gz')}.png"
        return write_mask_overlay(picture, hu, turned, spacing_mm(affine), case_id, words, self.window_hu)


def shown_window(run: Run) -> tuple[float, float]:
    """Return the window in HU of a run's overlays: the lung window, or what the network sees where it does not look at lungs."""
    seen = run.settings.get("window_hu")
    if run.settings.get("crop", "lungs") == "lungs" or not seen:
        return LUNG_WINDOW_HU
    return float(seen[0]), float(seen[1])


def measured(mask: np.ndarray, lungs: np.ndarray, spacing_mm: Spacing) -> Measured:
    """Return the volume of a mask and of the lungs that it lies in, both bool (i, j, k); 0 ml of lungs where none were found."""
    # Without any lung that holds air, the mask may lie anywhere, and has no share of lungs.
    return Measured(volume_ml(mask, spacing_mm), volume_ml(lungs | mask, spacing_mm) if lungs.any() else 0.0)


def submit_masks(challenge: Challenge[MaskCaseT, Path], predict: Callable[[Path], Path], images: Path, out: Path) -> Path:
    """Write the challenge's submission file and check it against the CTs in `images`; arguments and errors as `submit_predicted`."""
    cases = submit_predicted(challenge, predict, images, out, read_scan, "mask", "CTs")
    say(f"{out}: {counted(len(cases), 'masks')}, each on the grid of its CT.")
    return Path(out)
