"""Label maps for new images, PNG files of their size whose palette indices are the classes, with overlays; and a submission."""

import csv
import os
from collections.abc import Callable, Sequence
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
from radlearn.file_names import distinct_file_names
from radlearn.monai_parts.error_chain import radlearn_error_in
from radlearn.outputs import refuse_inputs
from radlearn.pictures.label_maps import write_label_overlay
from radlearn.progress import progress_bar, say
from radlearn.scans.label_map_files import write_label_map
from radlearn.scans.ultrasound_images import UltrasoundImage, read_ultrasound
from radlearn.tasks.segmentation.label_maps.frames import LabelMapCase, LabelMapCaseT
from radlearn.tasks.segmentation.label_maps.postprocessing import LabelMapPostprocessing, label_map_of
from radlearn.training.run_folder import Run
from radlearn.workflow.known_cases import KnownCases
from radlearn.workflow.ood import OOD_COLUMNS, OodPredictions, ood_cells
from radlearn.workflow.partial_answers import TABLE, PartialAnswers, answers_beside, said_table, what_predicts
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.unreadable_files import UnreadableFiles, is_of_the_file


@dataclass(frozen=True)
class PredictedFrame:
    """The probability of each class at each pixel of a file, float32 (classes with the background, rows, columns), and the features.

    `features`, float32 (features,), tell whether the image is unlike the training data.
    """

    probability: np.ndarray
    features: np.ndarray


# The file of an image -> what is predicted for it.
InferFile = Callable[[Path], PredictedFrame]


def columns_of(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of the table of predictions: of each class its share of the image in percent, and its area where it is known.

    `mm_from` names the field of the file that its size is known by.

    >>> columns_of(["nerve"])[:7]
    ('path', 'case', 'mask', 'nerve_percent', 'nerve_mm2', 'mm_from', 'notes')
    """
    of_classes = (f"{name}_{kind}" for name in names for kind in ("percent", "mm2"))
    return ("path", "case", "mask", *of_classes, "mm_from", "notes", *OOD_COLUMNS)


class LabelMapPredictions:
    """Predicts for images one after another.

    Args:
        run: whose postprocessing turns probabilities into label maps.
        challenge: whose `find_images` lists the cases.
        paths: images, and folders of them.
        out: gets `predictions.csv`, `masks/ID.png`, `overlays/ID.png`.

    Raises:
        BadLayout: if there is no image.
        errors as `PartialAnswers` and `read_postprocessing`.
    """

    def __init__(self, run: Run, challenge: Challenge[Any, Any], paths: Sequence[Path], out: Path) -> None:
        self.postprocessing, _ = read_postprocessing(run, LabelMapPostprocessing)
        self.ood, self.known = OodPredictions([run], "images"), KnownCases([run])
        self.columns = columns_of(self.postprocessing.names)
        self.out, self.table = Path(out), Path(out) / TABLE
        self.named = [Path(path) for path in paths]
        self.cases: dict[str, LabelMapCase] = images_in(challenge, paths)
        self.unreadable = UnreadableFiles(self.out, "images")
        self._masks = dict(zip(self.cases, distinct_file_names(list(self.cases), ".png"), strict=True))
        places = (self.out / folder / name for folder in OUTPUT_FOLDERS for name in self._masks.values())
        refuse_inputs(places, (case.path for case in self.cases.values()))
        self._rows: dict[str, tuple[str, ...]] = {}
        self._partial = PartialAnswers(self.out, what_predicts([run], self.columns, postprocessing=asdict(self.postprocessing)))

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The rows of the table so far, in the order of the cases."""
        return [self._rows[one] for one in self.cases if one in self._rows]

    def predict_all(self, infer: InferFile, overlays: bool = True) -> None:
        """Predict for every image that no earlier pass predicted for; what cannot be read is listed and skipped.

        Raises:
            UnreadableScan: if no image could be read.
        """
        with progress_bar("predicting", len(self.cases), "images") as bar:
            self._recall(overlays)
            bar.start_at(len(self._rows))
            for case_id, case in self.cases.items():
                if case_id in self._rows:
                    continue
                try:
                    image, found = read_ultrasound(case.path), infer(case.path)
                except Exception as error:
                    # MONAI wraps what a reader raises.
                    cause = radlearn_error_in(error)
                    if not is_of_the_file(cause or error):
                        raise cause or error from None
                    self.unreadable.add(case.path, cause or error)
                else:
                    self._keep(case_id, case.path, image, found, overlays)
                bar.advance()
        if self.rows:
            write_rows(self.table, [self.columns, *self.rows])
            self.ood.report()
            say(f"{counted(len(self.rows), 'images')} predicted{said_table(self.table)}")
            self.known.report(((row[1], Path(row[0])) for row in self.rows), "images")
        say_left_out(self.named, [*(case.path for case in self.cases.values()), *self.unreadable.paths], self.out, "images")
        self.unreadable.report(len(self.rows))
        self._partial.finished()

    def _recall(self, overlays: bool) -> None:
        """Take back what an earlier pass wrote down before it was stopped."""
        for case_id, case in self.cases.items():
            answer = self._partial.known(case.path)
            # Beside other images it may have had another name.
            if answer is not None and answer["overlay"] >= overlays and answer["row"][1] == case_id:
                self._rows[case_id] = tuple(answer["row"])
                self.ood.recall(dict(zip(self.columns, answer["row"], strict=True)), "case")
        if self._rows:
            done = f"{begun(part_of(len(self._rows), len(self.cases), 'images', 'of'))} {verb_of(len(self._rows), 'were')}"
            say(f"{done} predicted before this pass was stopped; it goes on with the rest.")

    def _keep(self, case_id: str, file: Path, image: UltrasoundImage, found: PredictedFrame, overlays: bool) -> None:
        labels, names = label_map_of(found.probability, self.postprocessing), self.postprocessing.names
        if labels.shape != image.pixels.shape:
            raise BadSetting(f"{file}: the probabilities have the shape {labels.shape}; expected that of the image, {image.pixels.shape}.")
        files = [write_label_map(self.out / "masks" / self._masks[case_id], labels)]
        share = np.bincount(labels.ravel(), minlength=len(names) + 1)[1:] / labels.size
        area = None if image.spacing_mm is None else share * labels.size * float(np.prod(image.spacing_mm))
        numbers = [
            cell for number in range(len(names)) for cell in (f"{100 * share[number]:.4f}", "" if area is None else f"{area[number]:.3f}")
        ]
        unlike = self.ood.scored([case_id], [found.features[None]])
        if overlays:
            there = [f"{name} {100 * part:.1f} %" for name, part in zip(names, share, strict=True) if part]
            words = ", ".join(there) + " of the image" if there else "nothing found"
            words = f"{words}; {self.ood.warning}" if unlike is not None and unlike.flagged[0] else words
            files.append(write_label_overlay(self.out / "overlays" / self._masks[case_id], image.pixels, labels, names, words))
        row = (
            str(file),
            case_id,
            f"masks/{self._masks[case_id]}",
            *numbers,
            image.spacing_from,
            "; ".join(image.notes),
            *ood_cells(unlike, 0),
        )
        # After its files are there.
        self._partial.add(file, {"row": row, "overlay": overlays}, files)
        self._rows[case_id] = row


def images_in(challenge: Challenge[LabelMapCaseT, Any], paths: Sequence[Path]) -> dict[str, LabelMapCaseT]:
    """Return the images in files and folders, each once, by an id of its own: where several share one, with their folders' names.

    Raises:
        BadLayout: if a path holds none.
    """
    found: dict[Path, LabelMapCaseT] = {}
    for path in paths:
        if not Path(path).exists():
            raise BadLayout(f"{path}: there is no such file or folder. Name images, or folders of them.")
        found |= {case.path.resolve(): case for case in challenge.find_images(Path(path))}
    cases = list(found.values())
    places = [Path(os.path.abspath(case.path)) for case in cases]
    above = Path(os.path.commonpath([place.parent for place in places]))
    return dict(zip(distinct_ids(places, [case.image_id for case in cases], above), cases, strict=True))


def submit_label_maps(challenge: Challenge[LabelMapCaseT, Path], predict: Callable[[Path], Path], images: Path, out: Path) -> Path:
    """Write the challenge's submission file, which its writer checks against the images in `images`.

    Args:
        predict: writes predictions into a folder and returns the path of their table.
        images: the folder of the challenge's unlabelled images.

    Raises:
        BadSetting: if the challenge has no submission file.
        BadLayout: if an image could not be read, or anything else for which the challenge would refuse the file.
    """
    if challenge.write_submission is None:
        raise BadSetting(f"{challenge.title} has no submission file. 'predict' writes a label map for each {challenge.unit}.")
    cases = challenge.find_images(Path(images))
    if challenge.check_names is not None:
        challenge.check_names(Path(out), [case.image_id for case in cases])
    with answers_beside(out) as folder:
        _must_be_readable(cases)
        table = predict(folder)
        with open(table, newline="", encoding="utf-8") as opened:
            masks = {restored(row["case"]): table.parent / restored(row["mask"]) for row in csv.DictReader(opened)}
        challenge.write_submission(Path(out), masks, cases)
    return Path(out)


def _must_be_readable(cases: Sequence[LabelMapCase]) -> None:
    """Raise BadLayout where an image cannot be read: a submission needs them all, and seeing that takes a moment."""
    troubles = []
    for case in cases:
        try:
            read_ultrasound(case.path)
        except UnreadableScan as error:
            troubles.append(str(error))
    if troubles:
        shown = "\n".join(f"  {trouble}" for trouble in troubles[:10])
        raise BadLayout(f"{begun(part_of(len(troubles), len(cases), 'images'))} cannot be read, and a submission needs all:\n{shown}")
