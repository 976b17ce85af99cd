"""Between a detector and its postprocessing: boxes on each X-ray's canvas, image-level scores, and the choice on validation persons."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from radlearn.amounts import counted
from radlearn.challenges.challenge import BoxScore
from radlearn.errors import BadSetting
from radlearn.hints import command
from radlearn.metrics.boxes import FoundBoxes
from radlearn.metrics.decisions import youden_threshold
from radlearn.progress import say, waiting
from radlearn.tasks.detection.gate import Gate
from radlearn.tasks.detection.postprocessing import BoxPostprocessing
from radlearn.tasks.detection.prefix_scores import ValidationCandidates
from radlearn.tasks.detection.search import threshold_curve, tuned
from radlearn.tasks.xray.baselines import brightness_sign, mean_brightness, view_shares
from radlearn.tasks.xray.radiographs import PreparedRadiograph, labels_of
from radlearn.training.run_folder import Run
from radlearn.workflow.cross_fitting import score_of_last_taken
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing

# Where the candidates of an X-ray can come from, the plainest first.
SOURCES = ("the image alone", "test-time augmentation")


class DetectorSettings(Protocol):
    """What the settings of a detector hold, as far as its candidates and ensembles need it."""

    @property
    def seed(self) -> int: ...
    @property
    def size_px(self) -> int: ...
    @property
    def shape(self) -> Literal["stretch", "pad"]: ...
    @property
    def gate(self) -> Path | None: ...
    @property
    def test_time_mirror(self) -> bool: ...


DetectorSettingsT = TypeVar("DetectorSettingsT", bound=DetectorSettings)


def on_canvases(found: Sequence[FoundBoxes], xrays: Sequence[PreparedRadiograph]) -> list[FoundBoxes]:
    """Return boxes in pixels of the square as boxes in pixels of each X-ray's canvas."""
    return [
        FoundBoxes(xray.on_canvas(prediction.boxes_xyxy_px), prediction.confidences) for prediction, xray in zip(found, xrays, strict=True)
    ]


def gate_of(table: Path | Gate | None, xrays: Sequence[PreparedRadiograph]) -> np.ndarray | None:
    """Return the image-level probabilities (X-rays,) that a table gives, or None where there is no table; errors as `Gate`."""
    if table is None:
        return None
    gate = table if isinstance(table, Gate) else Gate(table)
    return gate.scores([xray.case.image_id for xray in xrays], [xray.case.path for xray in xrays])


def image_scores(candidates: Sequence[FoundBoxes], gate: np.ndarray | None) -> np.ndarray:
    """Return how likely each X-ray shows the finding, (X-rays,) in [0, 1]: the gate, else the most confident box, 0 without one."""
    return np.array([prediction.confidences.max(initial=0.0) for prediction in candidates]) if gate is None else gate


def validation_candidates(
    xrays: Sequence[PreparedRadiograph], candidates: Sequence[FoundBoxes], gate: np.ndarray | None
) -> ValidationCandidates:
    """Return X-rays with a detector's candidates for them, ready to choose a postprocessing on."""
    return ValidationCandidates(
        candidates,
        [xray.boxes_on_canvas_px for xray in xrays],
        [xray.canvas_px for xray in xrays],
        image_scores(candidates, gate),
        [xray.case.person for xray in xrays],
    )


def best_over_thresholds(of: ValidationCandidates, box_score: BoxScore) -> float:
    """Return the official score at the threshold where it is highest, all else untuned."""
    return max(threshold_curve(of, BoxPostprocessing(), box_score)["score"])


def choose_box_postprocessing(
    run: Run,
    box_score: BoxScore,
    by_source: Sequence[Sequence[FoundBoxes]],
    validation: Sequence[PreparedRadiograph],
    training: Sequence[PreparedRadiograph],
    gate: np.ndarray | None,
    seed: int,
    names: Sequence[str] = SOURCES,
) -> BoxPostprocessing:
    """Choose a run's postprocessing on validation persons and write it, with the ablation of its steps, into `postprocessing.json`.

    Args:
        box_score: the official score, which is maximised.
        by_source: the candidates for the validation X-rays, from one source or from two.
        training: X-rays that the trivial baselines are fitted on: the mean box, and which brightness is suspicious.
        gate: image-level probabilities (validation X-rays,), or None.
        names: of the sources.
    """
    sources = {name: validation_candidates(validation, candidates, gate) for name, candidates in zip(names, by_source, strict=False)}
    with waiting("Choosing threshold, scale, suppression and gate on validation persons"):
        source, postprocessing, ablation = tuned(sources, box_score, seed)
    about: dict[str, Any] = {
        "source": source,
        "gated_by_table": gate is not None,
        "ablation": (steps := [step.as_dict() for step in ablation]),
        "curve": threshold_curve(sources[source], postprocessing, box_score),
        **_fitted_baselines(training),
    }
    write_postprocessing(run, postprocessing, about)
    taken = [step.step for step in ablation[1:] if step.taken]
    score = f"cross-fitted {box_score.label} {score_of_last_taken(steps):.3f}"
    say(f"Postprocessing chosen on {counted(len(validation), 'validation X-rays')}: {', '.join(taken)} ({score}).")
    return postprocessing


def as_tuned(settings: DetectorSettingsT, run: Run) -> DetectorSettingsT:
    """Return the settings with test-time augmentation only if the run's postprocessing was chosen with it."""
    mirror = settings.test_time_mirror and read_postprocessing(run, BoxPostprocessing)[1]["source"] == SOURCES[1]
    return replace(settings, test_time_mirror=mirror)  # type: ignore[type-var]


def must_fit_gate(runs: Sequence[Run], gate: Path | None) -> None:
    """Raise BadSetting where there is no gate though a run's postprocessing was chosen with one, or one though it was chosen without."""
    for run in runs:
        chosen, about = read_postprocessing(run, BoxPostprocessing)
        gated = about.get("gated_by_table", False)
        if gated and gate is None:
            example = command("classification", "predict", "RUN", "IMAGES", "--out", "DIR")
            raise BadSetting(
                f"{run.folder}: its postprocessing was chosen with a gate. Predict the same X-rays with a classification run ({example}), "
                "then name its table: --gate DIR/predictions.csv."
            )
        if gate is not None and not gated:
            example = run.command("tune", run.folder, "--gate", "TABLE")
            raise BadSetting(
                f"{run.folder}: its postprocessing was chosen without a gate, so no threshold says which probabilities of {gate} may have "
                f"boxes. Choose one with a table of the run's validation X-rays ({example}), or leave --gate out."
            )
        if gated and not chosen.gate:
            say(
                f"{run.folder}: with the gate's table that it was tuned on, no threshold was better than none, so {gate} gives the "
                "probabilities of the X-rays and takes no boxes away.",
                style="yellow",
            )


def must_see_alike(runs: Sequence[Run]) -> None:
    """Raise BadSetting for runs that cannot predict together, because they bring X-rays to different sizes or shapes."""
    seen = {(run.settings["size_px"], run.settings["shape"]) for run in runs}
    if len(seen) > 1:
        raise BadSetting(f"The {len(runs)} runs see X-rays differently (size_px and shape: {sorted(seen)}); they cannot predict together.")


def _fitted_baselines(training: Sequence[PreparedRadiograph]) -> dict[str, Any]:
    brightness = mean_brightness(training)
    sign = brightness_sign(brightness, training)
    cut = youden_threshold(brightness if sign > 0 else 1 - brightness, labels_of(training))
    shares = np.concatenate([xray.boxes_on_canvas_px / np.tile(xray.canvas_px[::-1], 2) for xray in training])
    return {
        "view_shares": view_shares(training),
        "mean_box_xyxy_share": np.mean(shares, axis=0).tolist(),
        "brightness_sign": sign,
        "brightness_cut": float(cut if sign > 0 else 1 - cut),
    }
