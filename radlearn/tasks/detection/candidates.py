"""Between a detector and its postprocessing: boxes brought into each X-ray's canvas, image-level scores, and the choosing on validation people."""

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
from radlearn.tasks.detection.postprocessing import BoxPostprocessing, postprocessing_of, write_box_postprocessing
from radlearn.tasks.detection.prefix_scores import ValidationCandidates
from radlearn.tasks.detection.search import threshold_curve, tuned
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run

# How the candidates of an X-ray can be made, the plainest first.
SOURCES = ("the image alone", "test-time augmentation")


def on_canvases(found: Sequence[FoundBoxes], xrays: Sequence[PreparedRadiograph]) -> list[FoundBoxes]:
    """Return boxes that were counted in pixels of the square, in pixels of each X-ray's canvas."""
    return [
        FoundBoxes(xray.on_canvas(prediction.boxes_xyxy_px), prediction.confidences) for prediction, xray in zip(found, xrays, strict=True)
    ]


def gate_of(table: Path | None, xrays: Sequence[PreparedRadiograph]) -> np.ndarray | None:
    """Return the image-level probabilities (X-rays,) that a table gives, or None where there is no table; errors as `gate_scores`."""
    return None if table is None else gate_scores(Path(table), [xray.case.image_id for xray in xrays])


def image_scores(candidates: Sequence[FoundBoxes], gate: np.ndarray | None) -> np.ndarray:
    """Return how likely each X-ray shows anything, (X-rays,) in [0, 1]: what the gate says, else its most confident box, 0 without one."""
    return np.array([prediction.confidences.max(initial=0.0) for prediction in candidates]) if gate is None else gate


def validation_candidates(
    xrays: Sequence[PreparedRadiograph], candidates: Sequence[FoundBoxes], gate: np.ndarray | None
) -> ValidationCandidates:
    """Return X-rays with what a detector proposes for them, ready to choose a postprocessing on."""
    return ValidationCandidates(
        candidates,
        [np.array(xray.boxes_on_canvas_px, float).reshape(-1, 4) for xray in xrays],
        [xray.canvas_px for xray in xrays],
        image_scores(candidates, gate),
        [xray.case.person for xray in xrays],
    )


def best_over_thresholds(of: ValidationCandidates) -> float:
    """Return the official score at the threshold where it is highest: what an epoch's weights could reach, all else untuned."""
    return max(threshold_curve(of, BoxPostprocessing())["rsna_score"])


def choose_box_postprocessing(
    run: Run,
    by_source: Sequence[Sequence[FoundBoxes]],
    validation: Sequence[PreparedRadiograph],
    training: Sequence[PreparedRadiograph],
    gate: np.ndarray | None,
    seed: int,
    names: Sequence[str] = SOURCES,
) -> BoxPostprocessing:
    """Choose a run's postprocessing on validation people and write it, with the ablation of each step, into `postprocessing.json`.

    Args:
        by_source: the candidates for the validation X-rays, made in one way or in two.
        training: X-rays from which the trivial baselines learn: the mean box, and which brightness is suspicious.
        gate: image-level probabilities (validation X-rays,), or None.
        names: what the ways are called.
    """
    sources = {name: validation_candidates(validation, candidates, gate) for name, candidates in zip(names, by_source, strict=False)}
    with waiting("Choosing threshold, scale, suppression and gate on validation people"):
        source, postprocessing, ablation = tuned(sources, seed)
    about: dict[str, Any] = {
        "source": source,
        "gated_by_table": gate is not None,
        "ablation": [step.as_dict() for step in ablation],
        "curve": threshold_curve(sources[source], postprocessing),
        **_fitted_baselines(training),
    }
    write_box_postprocessing(run, postprocessing, about)
    taken = [step.step for step in ablation[1:] if step.taken]
    say(f"Postprocessing chosen on {len(validation):,} validation X-rays: {', '.join(taken)} (cross-fitted score {_last(ablation):.3f}).")
    return postprocessing


def as_tuned(settings: Any, run: Run) -> Any:
    """Return the settings with the mirror image asked about only if the run's postprocessing was chosen so."""
    return replace(settings, test_time_mirror=settings.test_time_mirror and postprocessing_of(run)[1]["source"] == SOURCES[1])


def must_have_gate(runs: Sequence[Run], gate: Path | None) -> None:
    """Refuse to answer without a gate where the postprocessing was chosen with one.

    Raises:
        BadSetting: with how to make one.
    """
    for run in runs:
        if gate is None and postprocessing_of(run)[1]["gated_by_table"]:
            raise BadSetting(
                f"{run.folder}: its postprocessing was chosen with a gate. Let the classification run answer for the same X-rays "
                "('radlearn classification predict RUN IMAGES --out DIR'), then give its table: --gate DIR/predictions.csv."
            )


def _last(ablation: Sequence[Any]) -> float:
    return next(step.cross_fitted for step in reversed(ablation) if step.taken)


def _fitted_baselines(training: Sequence[PreparedRadiograph]) -> dict[str, Any]:
    labels = np.array([bool(xray.case.label) for xray in training])
    views = np.array([xray.case.view or "" for xray in training])
    brightness = np.array([xray.pixels.mean() for xray in training])
    sign = 1 if auroc_score(brightness, labels) >= 0.5 else -1
    cut = youden_threshold(brightness if sign > 0 else 1 - brightness, labels)
    shares = [np.array(box) / np.tile(xray.canvas_px[::-1], 2) for xray in training for box in xray.boxes_on_canvas_px]
    return {
        "view_shares": {str(view): float(labels[views == view].mean()) for view in sorted(set(views)) if view}
        | {"all": float(labels.mean())},
        "mean_box_xyxy_share": np.mean(shares, axis=0).tolist(),
        "brightness_sign": sign,
        "brightness_cut": float(cut if sign > 0 else 1 - cut),
    }
