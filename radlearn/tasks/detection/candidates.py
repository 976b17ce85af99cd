"""Between a detector and its recipe: boxes brought into each film's frame, film-level scores, and the choosing on validation people."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.errors import BadSetting
from radlearn.metrics.boxes import FoundBoxes
from radlearn.metrics.decisions import youden_threshold
from radlearn.metrics.ranking import auroc_score
from radlearn.progress import say, waiting
from radlearn.tasks.detection.gate import gate_scores
from radlearn.tasks.detection.postprocessing import BoxRecipe, keep_recipe, recipe_of
from radlearn.tasks.detection.prefix_scores import Examined
from radlearn.tasks.detection.search import threshold_curve, tuned
from radlearn.tasks.xray.radiographs import Film
from radlearn.training.run_folder import Run

# How the candidates of a film can be made, the plainest first.
WAYS = ("one view", "mirror image fused")


def in_frames(found: Sequence[FoundBoxes], films: Sequence[Film]) -> list[FoundBoxes]:
    """Return boxes that were counted in pixels of the square, in pixels of each film's frame."""
    return [FoundBoxes(film.in_frame(answer.boxes_xyxy_px), answer.confidences) for answer, film in zip(found, films, strict=True)]


def gate_of(table: Path | None, films: Sequence[Film]) -> np.ndarray | None:
    """Return the film-level probabilities (films,) that a table gives, or None where there is no table; errors as `gate_scores`."""
    return None if table is None else gate_scores(Path(table), [film.case.image_id for film in films])


def image_scores(candidates: Sequence[FoundBoxes], gate: np.ndarray | None) -> np.ndarray:
    """Return how likely each film shows anything, (films,) in [0, 1]: what the gate says, else its most confident box, 0 without one."""
    return np.array([answer.confidences.max(initial=0.0) for answer in candidates]) if gate is None else gate


def examined(films: Sequence[Film], candidates: Sequence[FoundBoxes], gate: np.ndarray | None) -> Examined:
    """Return films with what a detector proposes for them, ready to choose a recipe on."""
    return Examined(
        candidates,
        [np.array(film.boxes_in_frame_px, float).reshape(-1, 4) for film in films],
        [film.frame_px for film in films],
        image_scores(candidates, gate),
        [film.case.person for film in films],
    )


def best_over_thresholds(of: Examined) -> float:
    """Return the official score at the threshold where it is highest: what an epoch's weights could reach, all else untuned."""
    return max(threshold_curve(of, BoxRecipe())["rsna_score"])


def choose_recipe(
    run: Run,
    ways: Sequence[Sequence[FoundBoxes]],
    validation: Sequence[Film],
    training: Sequence[Film],
    gate: np.ndarray | None,
    seed: int,
    names: Sequence[str] = WAYS,
) -> BoxRecipe:
    """Choose a run's recipe on validation people and write it, with what each part is worth, into `recipe.json`.

    Args:
        ways: the candidates for the validation films, made in one way or in two.
        training: films from which the trivial rules learn: the mean box, and which brightness is suspicious.
        gate: film-level probabilities (validation films,), or None.
        names: what the ways are called.
    """
    sources = {name: examined(validation, candidates, gate) for name, candidates in zip(names, ways, strict=False)}
    with waiting("Choosing threshold, scale, suppression and gate on validation people"):
        source, recipe, worth = tuned(sources, seed)
    about: dict[str, Any] = {
        "source": source,
        "gated_by_table": gate is not None,
        "worth": [step.as_dict() for step in worth],
        "curve": threshold_curve(sources[source], recipe),
        **_what_trivial_rules_know(training),
    }
    keep_recipe(run, recipe, about)
    taken = [step.device for step in worth[1:] if step.taken]
    say(f"Recipe chosen on {len(validation):,} validation films: {', '.join(taken)} (cross-fitted score {_last(worth):.3f}).")
    return recipe


def as_tuned(settings: Any, run: Run) -> Any:
    """Return the settings with the mirror image asked about only if the run's recipe was chosen so."""
    return replace(settings, test_time_mirror=settings.test_time_mirror and recipe_of(run)[1]["source"] == WAYS[1])


def must_have_gate(runs: Sequence[Run], gate: Path | None) -> None:
    """Refuse to answer without a gate where the recipe was chosen with one.

    Raises:
        BadSetting: with how to make one.
    """
    for run in runs:
        if gate is None and recipe_of(run)[1]["gated_by_table"]:
            raise BadSetting(
                f"{run.folder}: its recipe was chosen with a gate. Let the classification run answer for the same films "
                "('radlearn classification predict RUN IMAGES --out DIR'), then give its table: --gate DIR/predictions.csv."
            )


def _last(worth: Sequence[Any]) -> float:
    return next(step.cross_fitted for step in reversed(worth) if step.taken)


def _what_trivial_rules_know(training: Sequence[Film]) -> dict[str, Any]:
    labels = np.array([bool(film.case.label) for film in training])
    views = np.array([film.case.view or "" for film in training])
    brightness = np.array([film.pixels.mean() for film in training])
    sign = 1 if auroc_score(brightness, labels) >= 0.5 else -1
    cut = youden_threshold(brightness if sign > 0 else 1 - brightness, labels)
    shares = [np.array(box) / np.tile(film.frame_px[::-1], 2) for film in training for box in film.boxes_in_frame_px]
    return {
        "view_shares": {str(view): float(labels[views == view].mean()) for view in sorted(set(views)) if view}
        | {"all": float(labels.mean())},
        "mean_box_xyxy_share": np.mean(shares, axis=0).tolist(),
        "brightness_sign": sign,
        "brightness_cut": float(cut if sign > 0 else 1 - cut),
    }
