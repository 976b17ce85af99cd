"""Probabilities for unlabelled X-rays: written as a table with a picture each, and as a submission."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from radlearn.files import write_rows
from radlearn.pictures.overlays import write_overlay
from radlearn.progress import say
from radlearn.tasks.classification.heat_maps import as_shown
from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing
from radlearn.tasks.xray.prediction import XrayPredictions, refuse_repeated_ids
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_postprocessing

COLUMNS = ("path", "patientId", "probability", "calibrated_probability", "decision", "possible")


class ProbabilityPredictions(XrayPredictions):
    """A pass over files for the probability of each X-ray."""

    def __init__(self, run: Run, paths: Sequence[Path], out: Path) -> None:
        super().__init__(paths, out)
        self.postprocessing, _ = read_postprocessing(run, ProbabilityPostprocessing)

    def keep(self, xrays: Sequence[PreparedRadiograph], probabilities: np.ndarray, heat_maps: np.ndarray | None) -> None:
        """Keep the probabilities, (cases,) in [0, 1], and draw a picture each where there are heat maps (cases, size, size)."""
        calibrated = self.postprocessing.recalibration.apply(probabilities)
        for number, xray in enumerate(xrays):
            probability = float(probabilities[number])
            decision = "opacity" if probability >= self.postprocessing.threshold else "no opacity"
            possible = self.postprocessing.possible(probability)
            numbers = (f"{probability:.6f}", f"{calibrated[number]:.6f}")
            self.rows.append((str(xray.case.path), xray.case.image_id, *numbers, decision, possible))
            if heat_maps is not None:
                doubt = "" if possible == decision else f"; at {self.postprocessing.coverage:.0%} coverage: {possible}"
                said = f"probability {probability:.2f}: {decision} (threshold {self.postprocessing.threshold:.2f}){doubt}"
                heat = as_shown(heat_maps[number], probability, self.postprocessing.threshold)
                write_overlay(self.picture(xray.case.image_id), xray.pixels[0], heat, xray.case.image_id, said)

    def finish(self) -> None:
        """Write the table, and say what was skipped."""
        self.write_table(COLUMNS)


def submit_probabilities(table: Path, out: Path) -> Path:
    """Write `patientId,probability` from a table of predictions.

    Raises:
        BadLayout: if two X-rays have the same id.
    """
    with open(table, newline="", encoding="utf-8") as opened:
        predictions = [(row["patientId"], row["probability"]) for row in csv.DictReader(opened)]
    refuse_repeated_ids([image_id for image_id, _ in predictions])
    write_rows(out, [("patientId", "probability"), *predictions])
    say(f"{out}: {len(predictions):,} X-rays. The challenge itself takes boxes, so it would not take this file.")
    return Path(out)
