"""Evaluated runs made from made predictions: no training, no image, no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.json_files import write_json
from radlearn.metrics.case_scores import score_intervals
from radlearn.training.run_folder import REPEATS_FILE, Run, new_run
from radlearn.use_cases import USE_CASES
from radlearn.workflow.cases_file import write_cases
from radlearn.workflow.repeats import FORMAT, Repeats
from radlearn.workflow.scores_file import write_scores

PERSONS, IMAGES_EACH = 60, 2


@dataclass(frozen=True)
class MadeCase:
    """A case without an image."""

    image_id: str
    person: str
    folder: Path = Path("nowhere")
    path: Path = Path("nowhere/images/x.dcm")


@dataclass(frozen=True)
class Settings:
    """As few as a comparison reads."""

    seed: int = 0


def made_cases(persons: int = PERSONS) -> list[MadeCase]:
    """Two images of each person."""
    return [MadeCase(f"image-{number:03d}", f"person-{number // IMAGES_EACH:02d}") for number in range(persons * IMAGES_EACH)]


def made_probabilities(seed: int, skill: float = 1.2, persons: int = PERSONS, people: int = 0) -> dict[str, np.ndarray]:
    """Return the columns of a classifier: what is hard is hard for every run, and each run errs a little in its own way.

    Args:
        seed: of the run.
        skill: how far positive and negative images lie apart, in logits.
        people: seed of the persons and their images.
    """
    of_people, of_run = np.random.default_rng([people, 1]), np.random.default_rng([people, seed, 2])
    count = persons * IMAGES_EACH
    label = np.repeat(of_people.random(persons) < 0.4, IMAGES_EACH)
    view = np.where(of_people.random(count) < 0.4 + 0.3 * label, "AP", "PA")
    hardness = np.repeat(of_people.normal(0, 0.7, persons), IMAGES_EACH) + of_people.normal(0, 0.7, count)
    logit = skill * (2.0 * label - 1) + hardness + of_run.normal(0, 0.6, count)
    probability = 1 / (1 + np.exp(-logit))
    calibrated = 1 / (1 + np.exp(-0.8 * logit))
    return {"label": label, "view": view, "probability": probability, "calibrated_probability": calibrated, "decision": probability >= 0.5}


def made_boxes(seed: int, skill: float = 0.6, persons: int = PERSONS) -> dict[str, np.ndarray]:
    """Return the columns of a detector that hits a share `skill` of the true boxes."""
    of_people, of_run = np.random.default_rng(1), np.random.default_rng([seed, 2])
    count = persons * IMAGES_EACH
    true = of_people.choice([0, 0, 1, 2], count)
    hits = of_run.binomial(true, skill)
    found = hits + (of_run.random(count) < 0.15)
    either = true + found - hits
    official = np.where(either > 0, 0.6 * hits / np.maximum(either, 1), np.nan)
    image_score = np.clip(0.3 * (true > 0) + 0.3 * hits + of_run.random(count) * 0.5, 0, 1)
    view = np.where(of_people.random(count) < 0.5, "AP", "PA")
    counts = {"hits": hits, "true_boxes": true, "found_boxes": found}
    return {"label": true > 0, "view": view, "image_score": image_score, "official_score": official, **counts}


def made_masks(seed: int, skill: float = 0.7, persons: int = 20) -> dict[str, np.ndarray]:
    """Return the columns of a segmenter; the last two scans have no lesion, and on one of them nothing is found."""
    of_people, of_run = np.random.default_rng(1), np.random.default_rng([seed, 2])
    count = persons * IMAGES_EACH
    truth_ml = of_people.gamma(2, 30, count)
    lesions = of_people.integers(1, 9, count)
    dice = np.clip(skill + of_people.normal(0, 0.1, count) + of_run.normal(0, 0.04, count), 0, 1)
    predicted_ml = truth_ml * np.clip(1 + of_run.normal(0, 0.2, count), 0, None)
    truth_ml[-2:], lesions[-2:], dice[-2:], predicted_ml[-2:] = 0, 0, [0, np.nan], [3, 0]
    error_ml = np.abs(predicted_ml - truth_ml)
    with np.errstate(divide="ignore", invalid="ignore"):
        percent = 100 * error_ml / truth_ml
    distance = np.where(truth_ml > 0, of_run.gamma(3, 3, count), np.where(predicted_ml > 0, np.inf, np.nan))
    found = of_run.binomial(lesions, skill)
    return {
        "dice_score": dice,
        "surface_dice_score": np.clip(dice + 0.05, 0, 1),
        "hausdorff95_mm": distance,
        "truth_ml": truth_ml,
        "predicted_ml": predicted_ml,
        "volume_error_ml": error_ml,
        "volume_error_percent": percent,
        "lesions": lesions,
        "found_lesions": found,
        "false_lesions": of_run.poisson(1.0, count),
    }


CONDITIONS: dict[str, dict[str, Any]] = {"classification": {}, "detection": {"hit_iou_above": 0.4}, "segmentation": {"tolerance_mm": 1.0}}


def made_run(
    folder: Path,
    task: str,
    columns: Mapping[str, np.ndarray],
    seed: int = 0,
    cases: Sequence[MadeCase] | None = None,
    split: str = "test",
    **changed: Any,
) -> Run:
    """Write a run that is trained and evaluated, as far as a comparison can see."""
    run = new_run(folder, task, Settings(seed), {"data": "nowhere", "synthetic": True})
    write_json(run.folder / "postprocessing.json", {"task": task, "postprocessing": {}})
    evaluate(run, columns, cases, split, **changed)
    return run


def evaluate(
    run: Run, columns: Mapping[str, np.ndarray], cases: Sequence[MadeCase] | None = None, split: str = "test", **changed: Any
) -> None:
    """Write the table and the scores of made predictions, as the evaluation of the task does."""
    kept = USE_CASES[run.task].load_case_format()
    here = made_cases(len(next(iter(columns.values()))) // IMAGES_EACH) if cases is None else cases
    write_cases(run, split, kept, here, columns)
    scores = score_intervals(kept.scores, columns, [case.person for case in here], draws=20)
    found = {"scores": {name: score.as_dict() for name, score in scores.items()}, "baselines": {}}
    write_scores(run, split, here, {**found, **CONDITIONS[run.task], **changed})


def made_repeats(folder: Path, task: str, by_seed: Mapping[int, Mapping[str, np.ndarray]]) -> Repeats:
    """Write a folder of repeats that are trained and evaluated."""
    for seed, columns in by_seed.items():
        made_run(folder / f"seed-{seed}", task, columns, seed)
    write_json(folder / REPEATS_FILE, {"format": FORMAT, "task": task, "seeds": list(by_seed)})
    return Repeats(folder, task, tuple(by_seed))
