"""Label maps for new images, PNG files of their size whose palette indices are the classes, with overlays; and a submission."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.challenges.challenge import Challenge
from radlearn.errors import BadSetting
from radlearn.file_names import called
from radlearn.pictures.label_maps import write_label_overlay
from radlearn.progress import say
from radlearn.remarks import tell_notes
from radlearn.scans.known_pictures import thumbnails_of
from radlearn.scans.label_map_files import read_label_map, write_class_probabilities, write_label_map
from radlearn.scans.tiff_pages import source_of
from radlearn.scans.ultrasound_images import UltrasoundImage, read_ultrasound
from radlearn.scans.ultrasound_regions import outside_share
from radlearn.tasks.segmentation.file_predictions import FilePredictions, FileWords, cases_in
from radlearn.tasks.segmentation.label_maps.disagreement import ClassDisagreement, own_postprocessings
from radlearn.tasks.segmentation.label_maps.frames import LabelMapCaseT
from radlearn.tasks.segmentation.label_maps.look_alikes import frame_look_alikes
from radlearn.tasks.segmentation.label_maps.postprocessing import LabelMapPostprocessing, label_map_of
from radlearn.tasks.segmentation.submission import submit_predicted
from radlearn.training.run_folder import Run, runs_of
from radlearn.workflow.ensembles import postprocessing_together
from radlearn.workflow.ood import OOD_COLUMNS, ood_cells
from radlearn.workflow.postprocessing_file import read_postprocessing

IMAGES = FileWords("images", "images", ".png")
EXPECTED = "images, or folders of them"
MOST_OUTSIDE = 0.01


@dataclass(frozen=True)
class PredictedFrame:
    """An image as it is in its file, and the probability of each class at each of its pixels."""

    source: UltrasoundImage
    # float32 (classes with the background, rows, columns).
    probability: np.ndarray
    # Of several runs: how far they differ in each class.
    differ: tuple[ClassDisagreement, ...] | None = None
    # Of each run, float32 (features,), which tell whether the image is unlike the training data; None where they are not known.
    features: Sequence[np.ndarray] | None = None


def columns_of(names: Sequence[str], several: bool = False) -> tuple[str, ...]:
    """Return the columns of the table of predictions: of each class its share of the image in percent, and its area where it is known.

    `mm_from` names the field of the file that its size is known by.

    Args:
        several: whether several runs predict, which then also say how far they differ in each class, as `ClassDisagreement` explains it.

    >>> columns_of(["nerve"])[:7]
    ('path', 'case', 'mask', 'nerve_percent', 'nerve_mm2', 'mm_from', 'notes')
    >>> columns_of(["nerve"], several=True)[-2:]
    ('nerve_percent_sd', 'nerve_disagreement')
    """
    of_classes = (f"{name}_{kind}" for name in names for kind in ("percent", "mm2"))
    differ = (f"{name}_{kind}" for name in names for kind in ClassDisagreement._fields if several)
    return ("path", "case", "mask", *of_classes, "mm_from", "notes", *OOD_COLUMNS, *differ)


class LabelMapPredictions(FilePredictions[PredictedFrame]):
    """Predicts for images one after another, and writes a label map of the size of each.

    Args:
        runs: one, or several that predict together, whose postprocessing turns probabilities into label maps.
        challenge: whose `find_images` lists the cases.
        paths: images, and folders of them.
        out: gets `predictions.csv`, `masks/ID.png`, `overlays/ID.png`.
        probabilities: also write `probabilities/ID.tif`: what the thresholds were applied to.

    Raises:
        BadLayout: if there is no image.
        errors as `FilePredictions`, `own_postprocessings` and `postprocessing_together`.
    """

    def __init__(
        self, runs: Run | Sequence[Run], challenge: Challenge[Any, Any], paths: Sequence[Path], out: Path, probabilities: bool = False
    ) -> None:
        several = runs_of(runs)
        # Those of the runs alone, with which it is told how far they differ.
        self.of_each_run = own_postprocessings(several)
        self.postprocessing, _ = postprocessing_together(several, LabelMapPostprocessing)
        self.probabilities = probabilities
        self._notes: dict[str, list[str]] = {}
        columns = columns_of(self.postprocessing.names, len(several) > 1)
        by = {"postprocessing": [asdict(one) for one in (self.postprocessing, *self.of_each_run)], "probabilities": probabilities}
        super().__init__(several, cases_in(challenge, paths, EXPECTED), paths, out, columns, IMAGES, by, frame_look_alikes(several))

    def look(self, found: PredictedFrame) -> list[np.ndarray]:
        """Return the thumbnails of an image."""
        return thumbnails_of(found.source.pixels)

    def write(self, case_id: str, file: Path, found: PredictedFrame, overlay: bool) -> tuple[tuple[str, ...], list[Path]]:
        """Write the label map of an image, and return its row of the table and the files that were written."""
        labels, names, image = label_map_of(found.probability, self.postprocessing), self.postprocessing.names, found.source
        if labels.shape != image.pixels.shape:
            raise BadSetting(f"{file}: the probabilities have the shape {labels.shape}; expected that of the image, {image.pixels.shape}.")
        mask = self.mask_names[case_id]
        files = [write_label_map(self.out / "masks" / mask, labels)]
        share = np.bincount(labels.ravel(), minlength=len(names) + 1)[1:] / labels.size
        areas, outside = areas_of(labels, names, image)
        numbers = [cell for part, area in zip(share, areas, strict=True) for cell in (f"{100 * part:.4f}", area)]
        notes = (*image.notes, *outside)
        for note in notes:
            self._notes.setdefault(note, []).append(called(file))
        unlike = self.ood.scored([case_id], None if found.features is None else [own[None] for own in found.features])
        differ = [cell for one in found.differ or () for cell in (f"{one.percent_sd:.4f}", f"{one.disagreement:.6f}")]
        if self.probabilities:
            place = self.out / "probabilities" / f"{mask.removesuffix(IMAGES.ending)}.tif"
            files.append(write_class_probabilities(place, found.probability[1:]))
        if overlay:
            there = [f"{name} {100 * part:.1f} %" for name, part in zip(names, share, strict=True) if part]
            words = ", ".join(there) + " of the image" if there else "nothing found"
            words = f"{words}; {self.ood.warning}" if unlike is not None and unlike.flagged[0] else words
            files.append(write_label_overlay(self.out / "overlays" / mask, image.pixels, labels, names, words))
        size = [*numbers, image.spacing_from if any(areas) else "", "; ".join(notes)]
        return (str(source_of(file)), case_id, f"masks/{mask}", *size, *ood_cells(unlike, 0), *differ), files

    def say_of_table(self) -> None:
        """Say what was noted about the images, as it is said of X-rays."""
        tell_notes(self._notes, "images")


def areas_of(labels: np.ndarray, names: Sequence[str], image: UltrasoundImage) -> tuple[list[str], list[str]]:
    """Return the cell with the area in mm² of each class on an image, empty where it is not known, and notes on those that are left out.

    Args:
        labels: its label map, (rows, columns).
        names: of the classes 1, 2, …
    """
    if image.spacing_mm is None:
        return [""] * len(names), []
    cells, notes = [], []
    for number, name in enumerate(names, start=1):
        there = labels == number
        # A few pixels beyond the edge of the region change no area.
        if image.calibrated and (share := outside_share(there, image.calibrated)) > MOST_OUTSIDE:
            notes.append(f"{share:.0%} of {name} lies outside of its ultrasound regions, so that its area in mm² is not known")
            cells.append("")
        else:
            cells.append(f"{int(there.sum()) * float(np.prod(image.spacing_mm)):.3f}")
    return cells, notes


def submit_label_maps(
    challenge: Challenge[LabelMapCaseT, Path],
    runs: Run | Sequence[Run],
    asked: Sequence[str],
    predict: Callable[[Path], Path],
    images: Path,
    out: Path,
) -> Path:
    """Write the challenge's submission file and check it against the images in `images`.

    Args:
        asked: names of the one class that the challenge asks for; of runs that predict others too only that is submitted, which is said.

    Raises:
        BadSetting: if a run predicts several classes, and not exactly one of them has such a name.
        errors as `submit_predicted`.
    """
    number = submitted_class(runs_of(runs)[0], asked)

    def alone(path: Path) -> Path:
        # The challenge's writer takes class 1.
        if number == 1:
            return path
        return write_label_map(path.parent / "submitted" / path.name, (read_label_map(path).labels == number).astype(np.uint8))

    submit_predicted(challenge, predict, images, out, read_ultrasound, "label map", "images", alone)
    return Path(out)


def submitted_class(run: Run, asked: Sequence[str]) -> int:
    """Return the number of the class of a run that a challenge asks for; arguments and errors as `submit_label_maps`."""
    names = read_postprocessing(run, LabelMapPostprocessing)[0].names
    if len(names) == 1:
        return 1
    found = [number for number, name in enumerate(names, start=1) if name.strip().casefold() in asked]
    if len(found) != 1:
        which = "none of them is" if not found else f"{len(found)} of them are"
        raise BadSetting(
            f"{run.folder}: predicts {', '.join(names)}, and the submission is of one class, {asked[0]}; {which} called so. "
            "'predict' writes label maps of all classes; to submit, train on a table whose column classes calls the class that is meant "
            f"{asked[0]}."
        )
    others = ", ".join(name for number, name in enumerate(names, start=1) if number != found[0])
    say(f"The submission is of {names[found[0] - 1]} (class {found[0]}) alone; {others} left out.", style="yellow")
    return found[0]
