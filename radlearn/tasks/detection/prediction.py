"""Boxes for unlabelled X-rays: written by X-ray and by box, with a picture each, or as a submission."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.amounts import counted
from radlearn.challenges.challenge import Challenge
from radlearn.challenges.xray_case import XrayCase
from radlearn.csv_files import write_rows
from radlearn.errors import BadSetting
from radlearn.metrics.boxes import FoundBoxes
from radlearn.pictures.boxes import write_box_overlay
from radlearn.progress import say
from radlearn.scans.tiff_pages import source_of
from radlearn.tasks.detection.candidates import gate_of, image_scores, must_fit_gate, must_see_alike
from radlearn.tasks.detection.ensembles import SOURCES, disagreement_on_boxes
from radlearn.tasks.detection.fusion import fused
from radlearn.tasks.detection.gate import Gate
from radlearn.tasks.detection.postprocessing import BoxPostprocessing, postprocessed
from radlearn.tasks.xray.prediction import XrayPredictions, refuse_repeated_ids
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.ensembles import postprocessing_together
from radlearn.workflow.ood import OOD_COLUMNS, OodPredictions, ood_cells
from radlearn.workflow.partial_answers import in_order, what_predicts
from radlearn.workflow.postprocessing_file import read_postprocessing

# `notes`: what is doubtful about the image, such as another part of the body or a window that does not fit; empty for most.
XRAY_COLUMNS = ("path", "patientId", "probability", "boxes", "notes", *OOD_COLUMNS)
# Of several runs: the standard deviation over the runs of the highest confidence that each of them gives, 0 to 0.5.
OF_ENSEMBLES = ("disagreement",)
# Millimetres are in the patient, and empty where the header does not give them; `mm_from` names its fields.
BOX_COLUMNS = ("path", "patientId", "confidence", "x_px", "y_px", "width_px", "height_px", "width_mm", "height_mm", "mm_from")


class BoxPredictions(XrayPredictions):
    """A pass over files for the boxes of each X-ray.

    Args:
        runs: one, or several that predict together.
        paths: DICOM files, and folders that hold some.
        out: the folder of the tables; None writes no files.
        gate: table with image-level probabilities.
        overlays: whether pictures will be drawn.

    Raises:
        BadSetting: if runs see X-rays differently, or a gate is needed and not given, or given and not what the threshold was chosen for.
        BadLayout: if the gate is no table, or lacks an X-ray; and errors as `postprocessing_together` and `XrayPredictions.begin`.
    """

    def __init__(
        self, runs: Sequence[Run], paths: Sequence[Path], out: Path | None = None, gate: Path | None = None, overlays: bool = False
    ) -> None:
        super().__init__(paths, out)
        must_see_alike(runs)
        # Before the first X-ray: a table that cannot be read would otherwise end the pass.
        self.gate = None if gate is None else Gate(gate)
        if len(runs) == 1 or gate is None:
            must_fit_gate(runs, gate)
        # One that was chosen for the first run alone, or with a gate that is not there, is none for the fused boxes.
        if len(runs) == 1:
            self.postprocessing, _ = read_postprocessing(runs[0], BoxPostprocessing)
        else:
            self.postprocessing, about_chosen = postprocessing_together(
                runs, BoxPostprocessing, lambda about: about["source"] == SOURCES[1] and about["gated_by_table"] == (gate is not None)
            )
            if gate is not None and not about_chosen:
                must_fit_gate(runs, gate)
        self.columns = XRAY_COLUMNS + OF_ENSEMBLES * (len(runs) > 1)
        self.ood = OodPredictions(runs, "X-rays")
        self.compare_with(runs)
        self.cases: list[XrayCase] = []
        # One for each case, in pixels of the source.
        self.found: list[FoundBoxes] = []
        self.boxes: list[tuple[str, ...]] = []
        content = None if gate is None else hashlib.blake2b(gate.read_bytes(), digest_size=16).hexdigest()
        about = {"postprocessing": asdict(self.postprocessing), "overlays": overlays, "gate": content}
        for path, answer in self.begin(what_predicts(runs, self.columns, **about)):
            self._recall(path, answer)

    def _recall(self, path: Path, answer: dict[str, Any]) -> None:
        """Take back what an earlier pass wrote down for an X-ray."""
        row = dict(zip(self.columns, answer["row"], strict=True))
        self.ood.recall(row, "patientId")
        self.cases.append(XrayCase(row["patientId"], path, None, (), None, row["patientId"]))
        self.found.append(FoundBoxes(np.array(answer["boxes_xyxy_px"], float).reshape(-1, 4), np.array(answer["confidences"], float)))
        self.rows.append(tuple(answer["row"]))
        self.boxes += map(tuple, answer["box_rows"])

    def keep_fused(
        self,
        xrays: Sequence[PreparedRadiograph],
        each: Sequence[Sequence[FoundBoxes]],
        overlays: bool = False,
        features: Sequence[np.ndarray] | None = None,
    ) -> None:
        """Keep the boxes of several runs, fused, or those of one.

        Args:
            each: for every run its candidates for every X-ray, as in `keep`.
            features: as in `keep`.
        """
        if len(each) == 1:
            self.keep(xrays, each[0], overlays, features)
            return
        differ = [(f"{number:.6f}",) for number in disagreement_on_boxes(each)]
        self.keep(xrays, [fused(candidates) for candidates in zip(*each, strict=True)], overlays, features, differ)

    def keep(
        self,
        xrays: Sequence[PreparedRadiograph],
        candidates: Sequence[FoundBoxes],
        overlays: bool = False,
        features: Sequence[np.ndarray] | None = None,
        further: Sequence[tuple[str, ...]] | None = None,
    ) -> None:
        """Apply the postprocessing to the candidates of X-rays (in pixels of their canvas) and keep the boxes; draw them if wanted.

        Args:
            features: of each run, (X-rays, features), which tell what is unlike the training data.
            further: the cells of each X-ray in the columns that only ensembles have.
        """
        unlike = self.ood.scored([xray.case.image_id for xray in xrays], features)
        scores = image_scores(candidates, gate_of(self.gate, xrays))
        for number, (xray, boxes, score) in enumerate(zip(xrays, candidates, scores, strict=True)):
            found = postprocessed(boxes, self.postprocessing, xray.canvas_px, float(score))
            corners = xray.in_source(found.boxes_xyxy_px)
            # Of a box in the margin around a padded X-ray nothing is left.
            real = (corners[:, 2] > corners[:, 0]) & (corners[:, 3] > corners[:, 1])
            in_source = FoundBoxes(corners[real], found.confidences[real])
            self.cases.append(xray.case)
            self.found.append(in_source)
            first = len(self.boxes)
            self._add_rows(xray, in_source, float(score), (*ood_cells(unlike, number), *(further[number] if further else ())))
            path, pictures = xray.case.path, []
            if overlays:
                said = f"no box with a confidence of at least {self.postprocessing.threshold:.2f}"
                if count := len(found.confidences):
                    said = f"{counted(count, 'boxes')}, highest confidence {found.confidences.max():.2f}"
                said += f"; {self.ood.warning}" if unlike is not None and unlike.flagged[number] else ""
                pictures.append(self.picture(path, xray.case.image_id))
                title = self.title(path, xray.case.image_id)
                write_box_overlay(pictures[0], xray.pixels[0], found, xray.canvas_px, title, said)
            exact = {"boxes_xyxy_px": in_source.boxes_xyxy_px, "confidences": in_source.confidences}
            self.write_down(path, {"row": self.rows[-1], "box_rows": self.boxes[first:], **exact}, pictures)

    def _add_rows(self, xray: PreparedRadiograph, found: FoundBoxes, score: float, last: tuple[str, ...]) -> None:
        about = (str(xray.case.path), xray.case.image_id)
        self.rows.append((*about, f"{score:.6f}", str(len(found.confidences)), "; ".join(xray.notes), *last))
        # None on secondary captures, which may have been stretched after their spacing was written.
        down, across = xray.spacing_mm or (None, None)
        for box, confidence in zip(found.boxes_xyxy_px, found.confidences, strict=True):
            x0, y0, x1, y1 = map(float, box)
            mm = ("", "", "")
            if down is not None and across is not None:
                mm = (f"{(x1 - x0) * across:.1f}", f"{(y1 - y0) * down:.1f}", xray.spacing_from)
            pixels = (f"{number:.2f}" for number in (x0, y0, x1 - x0, y1 - y0))
            self.boxes.append((*about, f"{confidence:.6f}", *pixels, *mm))

    def finish(self) -> None:
        """Write both tables, and say what is unlike the training data and what was skipped."""
        self.ood.report()
        boxes = sorted(self.boxes, key=in_order(self.paths, lambda row: row[0]))
        if self.rows:
            # Before the table of X-rays, whose presence means that all is there.
            write_rows(self.folder / "boxes.csv", [BOX_COLUMNS, *((str(source_of(Path(row[0]))), *row[1:]) for row in boxes)])
        self.write_table(self.columns)
        say(f"{counted(len(self.boxes), 'boxes')}: {self.folder / 'boxes.csv'}")


def submit_boxes(predictions: BoxPredictions, challenge: Challenge[Any, FoundBoxes], out: Path) -> Path:
    """Write the boxes of a finished pass as the challenge's submission file.

    Raises:
        BadLayout: if two X-rays have the same id, one could not be read, or a box could not be scored.
        BadSetting: if the challenge has no submission file.
        UnreadableScan: if no file could be read.
    """
    if challenge.write_submission is None:
        raise BadSetting(f"{challenge.title} has no submission file.")
    predictions.report_unreadable(len(predictions.cases))
    refuse_repeated_ids([case.image_id for case in predictions.cases])
    pairs = zip(predictions.cases, predictions.found, strict=True)
    # An X-ray that was predicted before a pass was stopped stands where it would have stood.
    ordered = sorted(pairs, key=in_order(predictions.paths, lambda pair: str(pair[0].path)))
    by_image = {case.image_id: found for case, found in ordered}
    challenge.write_submission(Path(out), by_image, predictions.cases)
    boxes = sum(len(found.confidences) for found in by_image.values())
    say(f"{out}: {counted(len(by_image), 'X-rays')}, {counted(boxes, 'boxes')}, in the challenge's format.")
    predictions.report_known([(case.image_id, case.path) for case, _ in ordered])
    return Path(out)
