"""Probabilities for unlabelled X-rays: written as a table with a picture each, and as a submission."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from radlearn.amounts import counted
from radlearn.csv_cells import restored
from radlearn.csv_files import write_rows
from radlearn.pictures.overlays import write_overlay
from radlearn.progress import say
from radlearn.tasks.classification.ensembles import mean_probability
from radlearn.tasks.classification.heat_maps import as_shown, mean_heat_maps
from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing, say_if_it_ranks_nothing
from radlearn.tasks.xray.prediction import XrayPredictions, refuse_repeated_ids
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run, runs_of
from radlearn.workflow.ensembles import disagreement, postprocessing_together
from radlearn.workflow.ood import OOD_COLUMNS, OodPredictions, ood_cells
from radlearn.workflow.partial_answers import what_predicts

# `notes`: what is doubtful about the image, such as another part of the body or a window that does not fit; empty for most.
COLUMNS = ("path", "patientId", "probability", "calibrated_probability", "decision", "possible", "notes", *OOD_COLUMNS)
# Of several runs: the standard deviation over the runs of the probability, 0 to 0.5.
OF_ENSEMBLES = ("disagreement",)


class ProbabilityPredictions(XrayPredictions):
    """A pass over files for the probability of each X-ray, as one run or several runs together predict it.

    Raises:
        errors as `XrayPredictions`, `XrayPredictions.begin` and `postprocessing_together`.
    """

    def __init__(self, runs: Run | Sequence[Run], paths: Sequence[Path], out: Path, overlays: bool = True) -> None:
        super().__init__(paths, out)
        self.postprocessing, _ = postprocessing_together(runs_of(runs), ProbabilityPostprocessing)
        self.ood = OodPredictions(runs_of(runs), "X-rays")
        self.compare_with(runs_of(runs))
        self.columns = COLUMNS + OF_ENSEMBLES * (len(runs_of(runs)) > 1)
        chosen = asdict(self.postprocessing)
        for _, answer in self.begin(what_predicts(runs_of(runs), self.columns, postprocessing=chosen, overlays=overlays)):
            self.rows.append(tuple(answer["row"]))
            self.ood.recall(dict(zip(self.columns, answer["row"], strict=True)), "patientId")

    def heat_maps(self, probabilities: np.ndarray, draw: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the heat maps of X-rays to draw, (cases, size, size), from what draws them."""
        return draw()

    def keep_mean(
        self,
        by_run: Sequence[Sequence[PreparedRadiograph]],
        each: Sequence[np.ndarray],
        heat_maps: Sequence[np.ndarray],
        features: Sequence[np.ndarray] | None = None,
    ) -> None:
        """Keep the mean of what several runs predict, or what one predicts.

        Args:
            by_run: the X-rays as each run sees them.
            each: the probabilities of each run, (cases,).
            heat_maps: those of each run, (cases, size, size); none where no picture is wanted.
            features: as in `keep`.
        """
        together = np.stack(each)
        maps = mean_heat_maps(heat_maps, by_run) if heat_maps else None
        differ = [(f"{number:.6f}",) for number in disagreement(together)] if len(each) > 1 else None
        self.keep(by_run[0], mean_probability(together), maps, features, differ)

    def keep(
        self,
        xrays: Sequence[PreparedRadiograph],
        probabilities: np.ndarray,
        heat_maps: np.ndarray | None,
        features: Sequence[np.ndarray] | None = None,
        further: Sequence[tuple[str, ...]] | None = None,
    ) -> None:
        """Keep the probabilities, (cases,) in [0, 1], and draw a picture each where there are heat maps (cases, size, size).

        Args:
            features: of each run, (cases, features), which tell what is unlike the training data.
            further: the cells of each X-ray in the columns that only ensembles have.
        """
        unlike = self.ood.scored([xray.case.image_id for xray in xrays], features)
        calibrated = self.postprocessing.recalibration.apply(probabilities)
        for number, xray in enumerate(xrays):
            probability = float(probabilities[number])
            decision = "opacity" if probability >= self.postprocessing.threshold else "no opacity"
            possible = self.postprocessing.possible(probability)
            numbers = (f"{probability:.6f}", f"{calibrated[number]:.6f}")
            last = (*ood_cells(unlike, number), *(further[number] if further else ()))
            self.rows.append((str(xray.case.path), xray.case.image_id, *numbers, decision, possible, "; ".join(xray.notes), *last))
            picture = self.picture(xray.case.path, xray.case.image_id)
            if heat_maps is not None:
                doubt = "" if possible == decision else f"; at {self.postprocessing.coverage:.0%} coverage: {possible}"
                doubt += f"; {self.ood.warning}" if unlike is not None and unlike.flagged[number] else ""
                said = f"probability {probability:.2f}: {decision} (threshold {self.postprocessing.threshold:.2f}){doubt}"
                heat = as_shown(heat_maps[number], probability, self.postprocessing.threshold)
                write_overlay(picture, xray.pixels[0], heat, self.title(xray.case.path, xray.case.image_id), said, xray.canvas_px)
            self.write_down(xray.case.path, {"row": self.rows[-1]}, [] if heat_maps is None else [picture])

    def finish(self) -> None:
        """Write the table, and say what is unlike the training data and what was skipped."""
        say_if_it_ranks_nothing(self.postprocessing, "Do not use this table; train another run.")
        self.ood.report()
        self.write_table(self.columns)


def submit_probabilities(table: Path, out: Path) -> Path:
    """Write `patientId,probability` from a table of predictions.

    Raises:
        BadLayout: if two X-rays have the same id.
    """
    with open(table, newline="", encoding="utf-8") as opened:
        predictions = [(restored(row["patientId"]), row["probability"]) for row in csv.DictReader(opened)]
    refuse_repeated_ids([image_id for image_id, _ in predictions])
    write_rows(out, [("patientId", "probability"), *predictions], exact=True)
    say(f"{out}: {counted(len(predictions), 'X-rays')}. The challenge itself takes boxes, so it would not take this file.")
    return Path(out)
