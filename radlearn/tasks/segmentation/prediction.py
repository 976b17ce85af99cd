"""Masks for unlabelled CTs: each on its scan's own grid, with its volume in ml and an overlay; and a submission."""

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.amounts import begun, counted, part_of, verb_of
from radlearn.challenges.challenge import Challenge
from radlearn.challenges.folders import OUTPUT_FOLDERS, distinct_ids
from radlearn.challenges.left_out import say_left_out
from radlearn.csv_cells import restored
from radlearn.csv_files import write_rows
from radlearn.errors import BadLayout, BadSetting, UnreadableScan
from radlearn.file_names import distinct_file_names, readable
from radlearn.metrics.masks import Spacing, volume_ml
from radlearn.monai_parts.error_chain import radlearn_error_in
from radlearn.outputs import refuse_inputs
from radlearn.pictures.scan_overlays import write_mask_overlay
from radlearn.pictures.slices import LUNG_WINDOW_HU
from radlearn.progress import progress_bar, say
from radlearn.scans.ct_files import read_scan_grid
from radlearn.scans.geometry import Volume, spacing_mm, steps_mm, to_orientation
from radlearn.scans.mask_files import write_mask_like, write_probability_like
from radlearn.tasks.segmentation.disagreement import MaskDisagreement
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing, mask_of, no_interval_because, volume_interval
from radlearn.tasks.segmentation.scans import MaskCase, MaskCaseT
from radlearn.training.run_folder import Run, runs_of
from radlearn.workflow.ensembles import postprocessing_together
from radlearn.workflow.known_cases import KnownCases
from radlearn.workflow.ood import OOD_COLUMNS, OodPredictions, ood_cells
from radlearn.workflow.partial_answers import TABLE, PartialAnswers, answers_beside, said_table, what_predicts
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.unreadable_files import UnreadableFiles, is_of_the_file

MOST_SAID = 5
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


# The file or folder of a scan -> what is predicted for it.
InferFile = Callable[[Path], PredictedScan]


class MaskPredictions:
    """Predicts for scans one after another, because a full-size CT takes half a gigabyte.

    Args:
        runs: one, or several that predict together, whose postprocessing turns probabilities into masks.
        challenge: whose `find_images` lists the cases.
        paths: NIfTI files, folders of them, folders with DICOM series.
        out: gets `predictions.csv`, `masks/ID.nii.gz`, `overlays/ID.png`.
        probabilities: also write `probabilities/ID.nii.gz`, float32: what the threshold was applied to.

    Raises:
        BadLayout: if there is no CT.
        errors as `PartialAnswers` and `postprocessing_together`.
    """

    def __init__(
        self, runs: Run | Sequence[Run], challenge: Challenge[Any, Any], paths: Sequence[Path], out: Path, probabilities: bool = False
    ) -> None:
        self.postprocessing, about = postprocessing_together(runs_of(runs), MaskPostprocessing)
        # A mean of several runs' postprocessings promises none.
        self.interval, self.ood = volume_interval(about), OodPredictions(runs_of(runs), "scans")
        self.no_interval = no_interval_because(about)
        self.window_hu = shown_window(runs_of(runs)[0])
        self.known = KnownCases(runs_of(runs))
        self.probabilities = probabilities
        # Those of the runs alone, with which it is told how far they differ.
        self.of_each_run = [read_postprocessing(run, MaskPostprocessing)[0] for run in runs_of(runs)]
        self.columns = COLUMNS + OF_ENSEMBLES * (len(self.of_each_run) > 1)
        self.out, self.table = Path(out), Path(out) / TABLE
        self.named = [Path(path) for path in paths]
        self.cases: dict[str, MaskCase] = cases_in(challenge, paths)
        self.unreadable = UnreadableFiles(self.out, "scans")
        self._masks = dict(zip(self.cases, distinct_file_names(list(self.cases), ".nii.gz"), strict=True))
        places = (self.out / folder / name for folder in OUTPUT_FOLDERS for name in self._masks.values())
        refuse_inputs(places, (case.path for case in self.cases.values()))
        self._rows: dict[str, tuple[str, ...]] = {}
        chosen = [asdict(one) for one in (self.postprocessing, *self.of_each_run)]
        interval = None if self.interval is None else asdict(self.interval)
        about = what_predicts(runs_of(runs), self.columns, postprocessing=chosen, interval=interval, probabilities=probabilities)
        self._partial = PartialAnswers(self.out, about)

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The rows of the table so far, in the order of the cases."""
        return [self._rows[one] for one in self.cases if one in self._rows]

    def predict_all(self, infer: InferFile, overlays: bool = True) -> None:
        """Predict for every scan that no earlier pass predicted for, and write its mask; what cannot be read is listed and skipped.

        Raises:
            UnreadableScan: if no scan could be read.
        """
        with progress_bar("predicting", len(self.cases), "scans") as bar:
            self._recall(overlays)
            bar.start_at(len(self._rows))
            for case_id, case in self.cases.items():
                if case_id in self._rows:
                    continue
                try:
                    found = infer(case.path)
                except Exception as error:
                    # MONAI wraps what a reader raises.
                    cause = radlearn_error_in(error)
                    if not is_of_the_file(cause or error):
                        raise cause or error from None
                    self.unreadable.add(case.path, cause or error)
                else:
                    self._keep(case_id, case.path, found, overlays)
                bar.advance()
        if self.rows:
            write_rows(self.table, [self.columns, *self.rows])
            self.ood.report()
            if self.interval is None:
                say(f"volume_low_ml and volume_high_ml are empty: {self.no_interval}", style="yellow")
            say(f"{counted(len(self.rows), 'scans')} predicted{said_table(self.table)}")
            self.known.report(((row[1], Path(row[0])) for row in self.rows), "scans")
        say_left_out(self.named, [*(case.path for case in self.cases.values()), *self.unreadable.paths], self.out, "CTs")
        self.unreadable.report(len(self.rows))
        read = [Path(row[0]).resolve() for row in self.rows]
        for folder in filter(Path.is_dir, self.named):
            # One that holds none at all was refused.
            if not any(path.is_relative_to(folder.resolve()) for path in read) and self._is_above_unreadable(folder):
                say(f"{folder}: holds no CT that could be read, so nothing was predicted for it.", style="yellow")
        self._partial.finished()

    def _is_above_unreadable(self, folder: Path) -> bool:
        return any(path.resolve().is_relative_to(folder.resolve()) for path in self.unreadable.paths)

    def _recall(self, overlays: bool) -> None:
        """Take back what an earlier pass wrote down before it was stopped."""
        for case_id, case in self.cases.items():
            answer = self._partial.known(case.path)
            # Beside other scans it may have had another name.
            if answer is not None and answer["overlay"] >= overlays and answer["row"][1] == case_id:
                self._rows[case_id] = tuple(answer["row"])
                self.ood.recall(dict(zip(self.columns, answer["row"], strict=True)), "case")
        if self._rows:
            done = f"{begun(part_of(len(self._rows), len(self.cases), 'scans', 'of'))} {verb_of(len(self._rows), 'were')}"
            say(f"{done} predicted before this pass was stopped; it goes on with the rest.")

    def _keep(self, case_id: str, scan: Path, found: PredictedScan, overlays: bool) -> None:
        source = found.source
        mask = mask_of(found.probability, self.postprocessing, steps_mm(source.affine))
        path = self.out / "masks" / self._masks[case_id]
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
        if overlays:
            words = f"{volumes}; {self.ood.warning}" if unlike is not None and unlike.flagged[0] else str(volumes)
            files.append(self._write_overlay(case_id, source, mask, words))
        row = (str(scan), case_id, f"masks/{path.name}", *numbers, "; ".join(source.notes), *last)
        # After its files are there.
        self._partial.add(scan, {"row": row, "overlay": overlays}, files)
        self._rows[case_id] = row

    def _write_overlay(self, case_id: str, source: Volume, mask: np.ndarray, words: str) -> Path:
        hu, affine = to_orientation(source.voxels, source.affine, "LPS")
        turned, _ = to_orientation(mask, source.affine, "LPS")
        picture = self.out / "overlays" / f"{self._masks[case_id].removesuffix('.nii.gz')}.png"
        return write_mask_overlay(picture, hu, turned, spacing_mm(affine), case_id, words, self.window_hu)


def shown_window(run: Run) -> tuple[float, float]:
    """Return the window in HU of a run's overlays: the lung window, or what the network sees where it does not look at lungs."""
    seen = run.settings.get("window_hu")
    if run.settings.get("crop", "lungs") == "lungs" or not seen:
        return LUNG_WINDOW_HU
    return float(seen[0]), float(seen[1])


def cases_in(challenge: Challenge[MaskCaseT, Any], paths: Sequence[Path]) -> dict[str, MaskCaseT]:
    """Return the CTs in files and folders, each once, by an id of its own: where several share one, their folders' names stand before it.

    Raises:
        BadLayout: if a path holds none.
    """
    names: dict[Path, dict[str, MaskCaseT]] = {}
    for path in paths:
        if not Path(path).exists():
            raise BadLayout(f"{path}: there is no such file or folder. Name NIfTI files, folders of them, or folders of DICOM slices.")
        for case in challenge.find_images(Path(path)):
            same = names.setdefault(case.path.resolve(), {})
            same.setdefault(os.path.abspath(case.path), case)
    # The name of the file itself says more than those of links to it beside it; of links alone the last.
    found = {
        place: next((case for case in same.values() if not case.path.is_symlink()), list(same.values())[-1])
        for place, same in names.items()
    }
    _say_same_files(names, found)
    cases = list(found.values())
    # Not resolved: a link's name tells more than that of the store that it leads to.
    places = [Path(os.path.abspath(case.path)) for case in cases]
    above = Path(os.path.commonpath([place.parent for place in places]))
    return dict(zip(distinct_ids(places, [case.image_id for case in cases], above), cases, strict=True))


def _say_same_files(names: Mapping[Path, Mapping[str, MaskCaseT]], kept: Mapping[Path, MaskCaseT]) -> None:
    """Say which names lead to a file that is named already, so that nobody looks for their rows."""
    left = [(case.path, kept[place].path) for place, same in names.items() for case in same.values() if case is not kept[place]]
    for path, other in left[:MOST_SAID]:
        say(f"{readable(str(path))}: is the same file as {readable(str(other))}, so there is one mask for both.", style="yellow")
    if len(left) > MOST_SAID:
        rest = len(left) - MOST_SAID
        say(f"{rest:,} more {'name leads' if rest == 1 else 'names lead'} to files that are predicted for already.", style="yellow")


def measured(mask: np.ndarray, lungs: np.ndarray, spacing_mm: Spacing) -> Measured:
    """Return the volume of a mask and of the lungs that it lies in, both bool (i, j, k); 0 ml of lungs where none were found."""
    # Without any lung that holds air, the mask may lie anywhere, and has no share of lungs.
    return Measured(volume_ml(mask, spacing_mm), volume_ml(lungs | mask, spacing_mm) if lungs.any() else 0.0)


def _must_be_readable(cases: Sequence[MaskCase]) -> None:
    """Raise BadLayout where the grid of a CT cannot be read: a submission needs them all, and seeing that takes a moment."""
    troubles = []
    for case in cases:
        try:
            read_scan_grid(case.path)
        except UnreadableScan as error:
            troubles.append(str(error))
    if troubles:
        shown = "\n".join(f"  {trouble}" for trouble in troubles[:10])
        raise BadLayout(
            f"{begun(part_of(len(troubles), len(cases), 'CTs'))} cannot be read, and a submission needs a mask for each:\n{shown}"
        )


def submit_masks(challenge: Challenge[MaskCaseT, Path], predict: Callable[[Path], Path], images: Path, out: Path) -> Path:
    """Write the challenge's submission file and check it against the CTs in `images`.

    Args:
        predict: writes predictions into a folder and returns the path of their table.
        images: the folder of the challenge's unlabelled CTs.

    Raises:
        BadSetting: if the challenge has no submission file, or `out` is a folder.
        BadLayout: if a CT has no mask because it could not be read, or anything else for which the challenge would refuse the file.
    """
    if challenge.write_submission is None:
        raise BadSetting(f"{challenge.title} has no submission file. 'predict' writes a mask for each {challenge.unit}.")
    cases = challenge.find_images(Path(images))
    if challenge.check_names is not None:
        challenge.check_names(Path(out), [case.image_id for case in cases])
    with answers_beside(out) as folder:
        _must_be_readable(cases)
        table = predict(folder)
        with open(table, newline="", encoding="utf-8") as opened:
            masks = {restored(row["case"]): table.parent / restored(row["mask"]) for row in csv.DictReader(opened)}
        challenge.write_submission(Path(out), masks, cases)
    say(f"{out}: {counted(len(cases), 'masks')}, each on the grid of its CT.")
    return Path(out)
