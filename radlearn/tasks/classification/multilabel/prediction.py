"""Probabilities of several labels for X-rays in files: a table with columns for each label, and a picture each."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from radlearn.pictures.overlays import write_overlay
from radlearn.progress import say
from radlearn.tasks.classification.heat_maps import as_shown
from radlearn.tasks.classification.multilabel.postprocessing import LabelsPostprocessing, say_what_ranks_nothing
from radlearn.tasks.classification.multilabel.scores import column
from radlearn.tasks.xray.prediction import XrayPredictions
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run, runs_of
from radlearn.workflow.ood import OOD_COLUMNS, OodPredictions, ood_cells
from radlearn.workflow.partial_answers import what_predicts
from radlearn.workflow.postprocessing_file import read_postprocessing

SHOWN = 3
"Labels that are named on a picture."


class LabelPredictions(XrayPredictions):
    """A pass over files for the probabilities of several labels, as one run predicts them.

    The table has `probability_NAME`, `calibrated_probability_NAME` and `decision_NAME` (yes, no, or empty where no threshold could be
    chosen) for each label that training has seen; of the others nothing is predicted, which is said.

    Raises:
        errors as `XrayPredictions`, `XrayPredictions.begin` and `read_postprocessing`.
    """

    def __init__(self, runs: Run | Sequence[Run], paths: Sequence[Path], out: Path, overlays: bool = True) -> None:
        super().__init__(paths, out)
        (run,) = runs_of(runs)
        self.postprocessing, _ = read_postprocessing(run, LabelsPostprocessing)
        self.learnt = [number for number, one in enumerate(self.postprocessing.labels) if one.is_learnt]
        if left := [one.name for one in self.postprocessing.labels if not one.is_learnt]:
            say(f"{', '.join(left)}: not predicted, because training has not seen X-rays with it and without it.", style="yellow")
        self.ood = OodPredictions([run], "X-rays")
        self.compare_with([run])
        names = [self.postprocessing.names[number] for number in self.learnt]
        of_labels = [column(kind, name) for name in names for kind in ("probability", "calibrated_probability", "decision")]
        self.columns = ("path", "patientId", *of_labels, "notes", *OOD_COLUMNS)
        chosen = asdict(self.postprocessing)
        for _, answer in self.begin(what_predicts([run], self.columns, postprocessing=chosen, overlays=overlays)):
            self.rows.append(tuple(answer["row"]))
            self.ood.recall(dict(zip(self.columns, answer["row"], strict=True)), "patientId")

    def heat_maps(self, probabilities: np.ndarray, draw: Callable[[int], np.ndarray]) -> np.ndarray:
        """Return for each X-ray the heat map of the label that stands out, (cases, size, size).

        Args:
            probabilities: (cases, labels), or (cases,) of one label.
            draw: the number of a label → its heat maps for all of the X-rays, (cases, size, size).
        """
        shown = [self._outstanding(row) for row in self._of_labels(probabilities)]
        maps = {label: draw(label) for label in set(shown)}
        return np.stack([maps[label][number] for number, label in enumerate(shown)])

    def keep_mean(
        self,
        by_run: Sequence[Sequence[PreparedRadiograph]],
        each: Sequence[np.ndarray],
        heat_maps: Sequence[np.ndarray],
        features: Sequence[np.ndarray] | None = None,
    ) -> None:
        """Keep what the run predicts, and draw a picture each where there are heat maps.

        Args:
            by_run: the X-rays, once.
            each: the probabilities, once, (cases, labels), or (cases,) of one label.
            heat_maps: once (cases, size, size); none where no picture is wanted.
            features: once (cases, features), which tell what is unlike the training data.
        """
        (xrays,), probabilities = by_run, self._of_labels(each[0])
        unlike = self.ood.scored([xray.case.image_id for xray in xrays], features)
        for number, xray in enumerate(xrays):
            cells: list[str] = []
            for label in self.learnt:
                cells += self._cells(label, float(probabilities[number, label]))
            last = ("; ".join(xray.notes), *ood_cells(unlike, number))
            self.rows.append((str(xray.case.path), xray.case.image_id, *cells, *last))
            picture = self.picture(xray.case.path, xray.case.image_id)
            if heat_maps:
                doubt = f"; {self.ood.warning}" if unlike is not None and unlike.flagged[number] else ""
                shown = self._outstanding(probabilities[number])
                heat = as_shown(heat_maps[0][number], float(probabilities[number, shown]), self._threshold(shown))
                said = self._words(probabilities[number], shown) + doubt
                write_overlay(picture, xray.pixels[0], heat, self.title(xray.case.path, xray.case.image_id), said, xray.canvas_px)
            self.write_down(xray.case.path, {"row": self.rows[-1]}, [picture] if heat_maps else [])

    def finish(self) -> None:
        """Write the table, and say what is unlike the training data and what was skipped."""
        say_what_ranks_nothing(self.postprocessing, "Do not use these columns.")
        self.ood.report()
        self.write_table(self.columns)

    def _of_labels(self, probabilities: np.ndarray) -> np.ndarray:
        return np.asarray(probabilities, float).reshape(len(probabilities), len(self.postprocessing.labels))

    def _threshold(self, label: int) -> float:
        chosen = self.postprocessing.labels[label].chosen
        return 0.5 if chosen is None else chosen.threshold

    def _outstanding(self, row: np.ndarray) -> int:
        """Return the number of the label whose probability lies farthest above its threshold, or least below, on the scale of log odds."""
        p = np.clip(row, 1e-6, 1 - 1e-6)
        t = np.clip([self._threshold(label) for label in range(len(row))], 1e-6, 1 - 1e-6)
        above = np.log(p / (1 - p)) - np.log(t / (1 - t))
        return max(self.learnt, key=lambda label: float(above[label]), default=0)

    def _cells(self, label: int, probability: float) -> tuple[str, str, str]:
        chosen = self.postprocessing.labels[label].chosen
        if chosen is None:
            return f"{probability:.6f}", "", ""
        calibrated = float(chosen.recalibration.apply([probability])[0])
        return f"{probability:.6f}", f"{calibrated:.6f}", "yes" if probability >= chosen.threshold else "no"

    def _words(self, row: np.ndarray, shown: int) -> str:
        names = self.postprocessing.names
        called = [label for label in self.learnt if self._cells(label, float(row[label]))[2] == "yes"]
        called.sort(key=lambda label: (label != shown, -row[label]))
        if not called:
            return f"none of {len(self.learnt)} labels; nearest is {names[shown]}, probability {row[shown]:.2f}"
        said = ", ".join(f"{names[label]} {row[label]:.2f}" for label in called[:SHOWN])
        return said + (f" and {len(called) - SHOWN} more" if len(called) > SHOWN else "") + f"; heat map of {names[called[0]]}"
