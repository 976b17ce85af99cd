"""Evaluation of label maps: the scores of each class and their means, with intervals by person, beside the threshold baseline.

Images are compared on the pixels of their files. A class that no evaluated image has is not judged, which is said by name.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from radlearn.amounts import counted
from radlearn.metrics.case_scores import Columns, score_intervals
from radlearn.metrics.intervals import bootstrap_interval
from radlearn.metrics.label_maps import AreaScores, area_scores
from radlearn.metrics.mask_table import mean_over_scans
from radlearn.metrics.masks import dice_score
from radlearn.progress import progress_bar, say, waiting
from radlearn.tasks.segmentation.label_maps.case_scores import (
    area_unit,
    class_columns,
    class_scores,
    label_map_case_format,
    mean_dice_with_empty,
    mean_scores,
    of_judged,
)
from radlearn.tasks.segmentation.label_maps.class_names import in_numbers_of
from radlearn.tasks.segmentation.label_maps.frames import Frame, length_unit_of, with_classes
from radlearn.tasks.segmentation.label_maps.look_alikes import report_frame_look_alikes
from radlearn.tasks.segmentation.label_maps.postprocessing import LabelMapPostprocessing, in_words, label_map_of
from radlearn.tasks.segmentation.label_maps.search import class_table, tuned_class
from radlearn.tasks.segmentation.label_maps.threshold_baseline import baseline_table, best_rule, smoothed, threshold_baseline_mask
from radlearn.training.run_folder import Run
from radlearn.workflow.cases_file import write_cases
from radlearn.workflow.cross_fitting import score_of_last_taken
from radlearn.workflow.ood import ood_summary
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from radlearn.workflow.scores_file import EXTERNAL, write_scores
from radlearn.workflow.table_groups import groups_of_table

InferFrame = Callable[[Mapping[str, Any]], np.ndarray]
"An item of the data set -> the probability of each class at each pixel of its file, float32 (classes with the background, rows, columns)."
BASELINE = "threshold_baseline_dice_score"


@dataclass(frozen=True)
class EvaluatedFrame:
    """An evaluated image: the scores of each class, and the label map that was found, packed."""

    frame: Frame
    scores: tuple[AreaScores, ...]
    baseline_dice: tuple[float, ...]
    shape: tuple[int, int]
    packed: bytes

    @property
    def found(self) -> np.ndarray:
        """The label map that was found, uint8 (rows, columns)."""
        return np.frombuffer(zlib.decompress(self.packed), np.uint8).reshape(self.shape)

    @property
    def mean_dice(self) -> float:
        """The mean over classes of the Dice in which an image that is rightly left empty has 1."""
        return float(mean_dice_with_empty(*(np.array([one.dice_score_with_empty]) for one in self.scores))[0])

    @property
    def shows_something(self) -> bool:
        """Whether any class is there or was found."""
        return any(one.truth_area > 0 or one.predicted_area > 0 for one in self.scores)


@dataclass(frozen=True)
class LabelMapEvaluation:
    """The evaluated images, the postprocessing that made their label maps, and the scores as `scores.json` has them."""

    frames: Sequence[EvaluatedFrame]
    postprocessing: LabelMapPostprocessing
    scores: dict[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.postprocessing.names


class TrainingFacts(NamedTuple):
    """What a run keeps of its training images: how many show each class, and the unit in which lengths are measured, "mm" or "px"."""

    images: list[int]
    length_unit: str

    @staticmethod
    def of(frames: Sequence[Frame], names: Sequence[str]) -> "TrainingFacts":
        """Take them from the training images."""
        return TrainingFacts(with_classes(frames, len(names)).sum(axis=0).tolist(), length_unit_of([one.spacing_mm for one in frames]))


def choose_label_map_postprocessing(
    run: Run, names: Sequence[str], validation: Sequence[Frame], infer: InferFrame, seed: int, training: TrainingFacts
) -> LabelMapPostprocessing:
    """Choose a run's postprocessing on validation persons and write it, with its ablation, into `postprocessing.json`.

    Args:
        names: of classes 1, 2, ….
        training: what is kept of the images that the run was trained on.
    """
    tables, baselines = [], []
    with progress_bar("choosing postprocessing on validation", len(validation), "images") as bar:
        for frame in validation:
            image, truth = frame.image_and_truth()
            probability, smooth = infer(frame.item), smoothed(image.pixels)
            masks = [truth == number for number in range(1, len(names) + 1)]
            tables.append([class_table(probability[number], mask) for number, mask in enumerate(masks, start=1)])
            baselines.append([baseline_table(smooth, mask) for mask in masks])
            bar.advance()
    persons, table = [frame.case.person for frame in validation], np.asarray(tables)
    found = [tuned_class(name, table[:, number], persons, seed) for number, name in enumerate(names)]
    shown = {"training": training.images, "validation": with_classes(validation, len(names)).sum(axis=0).tolist()}
    chosen = {
        name: {
            "ablation": [step.as_dict("dice_score_with_empty") for step in ablation],
            "curve": curve,
            **{f"{subset}_images": counts[number] for subset, counts in shown.items()},
        }
        for number, (name, (_, ablation, curve)) in enumerate(zip(names, found, strict=True))
    }
    postprocessing = LabelMapPostprocessing(tuple(one for one, _, _ in found))
    about = {
        "validation_images": len(validation),
        "length_unit": training.length_unit,
        "chosen": chosen,
        "threshold_baseline": [best_rule([each[number] for each in baselines]) for number in range(len(names))],
    }
    write_postprocessing(run, postprocessing, about)
    for one in postprocessing.classes:
        said = chosen[one.name]
        score = score_of_last_taken(said["ablation"], "dice_score_with_empty")
        say(f"Chosen on {counted(len(validation), 'validation images')} (cross-fitted Dice {score:.3f}): {in_words(one)}")
        for subset in ("training", "validation"):
            if not said[f"{subset}_images"]:
                say(f"{one.name}: no {subset} image shows it, so it is not to be trusted.", style="yellow")
    return postprocessing


def evaluate_label_maps(
    run: Run, frames: Sequence[Frame], infer: InferFrame, split: str, features: Sequence[np.ndarray] = ()
) -> LabelMapEvaluation:
    """Predict for images with true label maps, compare them on the pixels of their files, and write `scores.json` and `cases.csv`.

    Distances and areas are in mm where all training images of the run had a spacing, else in pixels; `length_unit` says which.

    Args:
        features: may be a list to which `infer` appends those of each image, (features,), which tell what is unlike the training data.

    Raises:
        BadRunFolder: if the run has no postprocessing yet.
        BadLayout: as `in_numbers_of`.
    """
    postprocessing, about = read_postprocessing(run, LabelMapPostprocessing)
    if split == EXTERNAL:
        report_frame_look_alikes(run, frames)
    names, unit = postprocessing.names, about["length_unit"]
    frames = in_numbers_of(run, names, frames, own=split != EXTERNAL)
    evaluated = []
    with progress_bar("evaluating", len(frames), "images") as bar:
        for frame in frames:
            evaluated.append(_evaluated(frame, infer, postprocessing, about["threshold_baseline"], unit))
            bar.advance()
    cases, persons = [frame.case for frame in frames], np.array([frame.case.person for frame in frames])
    columns: dict[str, np.ndarray] = {}
    for number, name in enumerate(names):
        columns |= class_columns(name, [one.scores[number] for one in evaluated], unit)
    baseline = np.array([one.baseline_dice for one in evaluated])
    with waiting("Bootstrapping intervals by person"):
        of_classes = {name: _of_class(name, columns, persons, baseline[:, number], unit) for number, name in enumerate(names)}
        whole = _summary(names, columns, persons, unit)
        groups = {name: np.asarray(chosen) for name, chosen in groups_of_table(cases).items()}
        content = {
            "length_unit": unit,
            "postprocessing": asdict(postprocessing),
            "threshold_baseline": about["threshold_baseline"],
            **whole,
            "classes": of_classes,
            "baselines": {BASELINE: _baseline_mean(names, columns, persons, baseline, unit)},
            "subgroups": {
                name: _summary(names, {key: column[chosen] for key, column in columns.items()}, persons[chosen], unit)
                for name, chosen in groups.items()
                if chosen.any()
            },
            "ood": _ood(run, names, columns, persons, features, unit),
        }
    for name, one in of_classes.items():
        if one["not_judged"]:
            say(f"{name}: has no Dice and no part in the mean: {one['not_judged']}.", style="yellow")
    if unit == "mm" and any(frame.spacing_mm is None for frame in frames):
        say("Some images have no spacing: their distances and areas are not known, and are left out.", style="yellow")
    write_cases(run, split, label_map_case_format(names, unit), cases, columns)
    return LabelMapEvaluation(evaluated, postprocessing, write_scores(run, split, cases, content))


def _evaluated(frame: Frame, infer: InferFrame, postprocessing: LabelMapPostprocessing, rules: Sequence[Any], unit: str) -> EvaluatedFrame:
    image, truth = frame.image_and_truth()
    found = label_map_of(infer(frame.item), postprocessing)
    smooth, spacing = smoothed(image.pixels), image.spacing_mm if unit == "mm" else (1.0, 1.0)
    scores, baseline = [], []
    for number, rule in enumerate(rules, start=1):
        if not frame.is_looked_for(number):
            scores.append(AreaScores(*[np.nan] * len(AreaScores.__dataclass_fields__)))
            baseline.append(np.nan)
            continue
        one = area_scores(found == number, truth == number, spacing or (1.0, 1.0))
        # Pixels are no millimetres; whether there is anything is told by the sign of an area all the same.
        scores.append(one if spacing else replace(one, hausdorff95=np.nan))
        baseline.append(dice_score(threshold_baseline_mask(smooth, rule), truth == number))
    packed = zlib.compress(found.tobytes(), 1)
    return EvaluatedFrame(frame, tuple(scores), tuple(baseline), (found.shape[0], found.shape[1]), packed)


def _of_class(name: str, columns: Columns, persons: np.ndarray, baseline: np.ndarray, unit: str) -> dict[str, Any]:
    """Return what `scores.json` says of a class."""
    area = columns[f"truth_area_{area_unit(unit)}_{name}"]
    there, unknown = area > 0, bool(np.isnan(area).all())
    why = "the data do not name it, so nobody looked for it" if unknown else "no evaluated image shows it"
    left_out = {kind: int((~np.isfinite(columns[f"{kind}_{name}"])).sum()) for kind in ("dice_score", f"hausdorff95_{unit}")}
    return {
        "images": int(there.sum()),
        "persons_with": len(set(persons[there].tolist())),
        f"median_area_{area_unit(unit)}": float(np.median(area[there])) if there.any() else None,
        "not_judged": None if there.any() else why,
        "scores": {key: score.as_dict() for key, score in score_intervals(class_scores(name, unit), columns, persons).items()},
        BASELINE: bootstrap_interval(of_judged, persons, baseline, area).as_dict(),
        "left_out": {kind: count for kind, count in left_out.items() if count},
    }


def _summary(names: Sequence[str], columns: Columns, persons: np.ndarray, unit: str) -> dict[str, Any]:
    scores = score_intervals(mean_scores(names, unit), columns, persons)
    shown = np.any([columns[f"truth_area_{area_unit(unit)}_{name}"] > 0 for name in names], axis=0)
    return {
        "images": len(persons),
        "persons": len(set(persons.tolist())),
        "positives": int(shown.sum()),
        "scores": {name: score.as_dict() for name, score in scores.items()},
    }


def _baseline_mean(names: Sequence[str], columns: Columns, persons: np.ndarray, baseline: np.ndarray, unit: str) -> dict[str, float]:
    areas = [columns[f"truth_area_{area_unit(unit)}_{name}"] for name in names]
    judged = [number for number, area in enumerate(areas) if (area > 0).any()]

    def mean(*dice: np.ndarray, weights: np.ndarray | None = None) -> Any:
        return np.mean([mean_over_scans(one, weights) for one in dice], axis=0)

    return bootstrap_interval(mean, persons, *(baseline[:, number] for number in judged)).as_dict() if judged else _NONE


_NONE = {"value": float("nan"), "low": float("nan"), "high": float("nan")}


def _ood(
    run: Run, names: Sequence[str], columns: Columns, persons: np.ndarray, features: Sequence[np.ndarray], unit: str
) -> dict[str, Any] | None:
    shown = {name: score for name, score in mean_scores(names, unit).items() if name in ("dice_score", "dice_score_with_empty")}
    errors = 1 - mean_dice_with_empty(*(columns[f"dice_score_with_empty_{name}"] for name in names))
    return ood_summary(run, np.stack(features) if len(features) else None, shown, columns, persons, errors)
