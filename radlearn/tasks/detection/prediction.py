"""Boxes for X-rays that nobody has labelled: written down by X-ray and by box, with a picture each, and as a submission."""

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from radlearn.challenges.rsna_submission import write_submission
from radlearn.errors import BadLayout, BadSetting
from radlearn.files import write_rows
from radlearn.metrics.boxes import FoundBoxes
from radlearn.pictures.boxes import write_box_overlay
from radlearn.progress import say
from radlearn.tasks.detection.candidates import image_scores, must_have_gate
from radlearn.tasks.detection.gate import gate_scores
from radlearn.tasks.detection.postprocessing import mean_postprocessing, postprocessed, postprocessing_of
from radlearn.tasks.xray.prediction import XrayPredictions
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run

XRAY_COLUMNS = ("path", "patientId", "probability", "boxes")
BOX_COLUMNS = ("path", "patientId", "confidence", "x_px", "y_px", "width_px", "height_px", "width_mm", "height_mm")


class BoxPredictions(XrayPredictions):
    """Asking for the boxes of each X-ray.

    Raises:
        BadSetting: if runs see X-rays differently, or a gate is needed and not given.
    """

    def __init__(self, runs: Sequence[Run], paths: Sequence[Path], out: Path, gate: Path | None = None) -> None:
        super().__init__(paths, out)
        seen = {(run.settings["size_px"], run.settings["shape"]) for run in runs}
        if len(seen) > 1:
            raise BadSetting(
                f"The {len(runs)} runs see X-rays differently (size_px and shape: {sorted(seen)}); they cannot predict together."
            )
        must_have_gate(runs, gate)
        self.postprocessing, self.gate = mean_postprocessing([postprocessing_of(run)[0] for run in runs]), gate
        self.boxes: list[tuple[str, ...]] = []

    def keep(self, xrays: Sequence[PreparedRadiograph], candidates: Sequence[FoundBoxes], overlays: bool) -> None:
        """Write down the boxes that stand among the candidates of X-rays (in pixels of their canvas), and a picture each if wanted."""
        gate = None if self.gate is None else gate_scores(self.gate, [xray.case.image_id for xray in xrays])
        for xray, boxes, score in zip(xrays, candidates, image_scores(candidates, gate), strict=True):
            found = postprocessed(boxes, self.postprocessing, xray.canvas_px, float(score))
            about = (str(xray.case.path), xray.case.image_id)
            self.rows.append((*about, f"{score:.6f}", str(len(found.confidences))))
            for box, confidence in zip(xray.in_source(found.boxes_xyxy_px), found.confidences, strict=True):
                x0, y0, x1, y1 = map(float, box)
                # Only on X-rays as the machine made them: RSNA's were stretched after their spacing was written down.
                down, across = xray.spacing_mm or (None, None)
                mm = ("", "") if down is None or across is None else (f"{(x1 - x0) * across:.1f}", f"{(y1 - y0) * down:.1f}")
                pixels = (f"{number:.2f}" for number in (x0, y0, x1 - x0, y1 - y0))
                self.boxes.append((*about, f"{confidence:.6f}", *pixels, *mm))
            if overlays:
                said = f"no box from {self.postprocessing.threshold:.2f} on"
                if len(found.confidences):
                    said = f"{len(found.confidences)} box{'es' * (len(found.confidences) > 1)}, the surest {found.confidences.max():.2f}"
                write_box_overlay(self.picture(xray.case.image_id), xray.pixels[0], found, xray.canvas_px, xray.case.image_id, said)

    def finish(self) -> None:
        """Write both tables, and say what was left out."""
        write_rows(self.out / "boxes.csv", [BOX_COLUMNS, *self.boxes])
        self.write_table(XRAY_COLUMNS)
        say(f"{len(self.boxes):,} boxes: {self.out / 'boxes.csv'}")


def submit_boxes(predict: Callable[[Path], Path], out: Path) -> Path:
    """Write the challenge's submission file from what `predict` writes into the folder it is given.

    Raises:
        BadLayout: if two X-rays have the same id.
    """
    with TemporaryDirectory() as folder:
        table = predict(Path(folder))
        with open(table, newline="", encoding="utf-8") as opened:
            ids = [row["patientId"] for row in csv.DictReader(opened)]
        often, count = Counter(ids).most_common(1)[0]
        if count > 1:
            raise BadLayout(f"{count} files are called {often}; a submission has one line for each id. Give them names of their own.")
        boxes: dict[str, list[tuple[float, ...]]] = {image_id: [] for image_id in ids}
        with open(table.parent / "boxes.csv", newline="", encoding="utf-8") as opened:
            for row in csv.DictReader(opened):
                x, y, width, height = (float(row[name]) for name in ("x_px", "y_px", "width_px", "height_px"))
                boxes[row["patientId"]].append((x, y, x + width, y + height, float(row["confidence"])))
    rows = {image_id: np.array(found, float).reshape(-1, 5) for image_id, found in boxes.items()}
    write_submission(out, {image_id: FoundBoxes(found[:, :4], found[:, 4]) for image_id, found in rows.items()})
    say(f"{out}: {len(rows):,} X-rays, {sum(map(len, rows.values())):,} boxes, in the form that the challenge takes.")
    return Path(out)
