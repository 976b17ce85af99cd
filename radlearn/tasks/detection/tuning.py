"""`tune` of a detector: its postprocessing chosen again on validation persons, with a limit of false boxes or another gate."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import inf
from pathlib import Path
from typing import Any

from radlearn.challenges.challenge import BoxScore
from radlearn.errors import BadSetting
from radlearn.metrics.boxes import FoundBoxes
from radlearn.pictures.report import Headline, Table
from radlearn.pictures.tuning import ablation_figure, threshold_figure
from radlearn.progress import waiting
from radlearn.tasks.detection.candidates import SOURCES, gate_of, validation_candidates
from radlearn.tasks.detection.postprocessing import BoxPostprocessing, in_words
from radlearn.tasks.detection.search import FALSE_BOXES, NestedGain, nested_gain, threshold_curve, tuned
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from radlearn.workflow.tuning_report import NamedFigure, Tuning, report_tuning


def tune_boxes(
    run: Run,
    box_score: BoxScore,
    xrays: Sequence[PreparedRadiograph],
    by_source: Sequence[Sequence[FoundBoxes]],
    gate: Path | None = None,
    most_false_boxes: float | None = None,
) -> dict[str, Any]:
    """Choose a run's postprocessing again on its validation `xrays`; write `postprocessing.json` and `tuning/`.

    Args:
        box_score: the official score, which is maximised.
        by_source: the candidates for these X-rays, from one source or from two.
        gate: table with image-level probabilities for these X-rays.
        most_false_boxes: the limit of false boxes per X-ray without an opacity.

    Returns:
        what `tuning/tuning.json` holds.

    Raises:
        BadRunFolder: if the training is not finished.
        BadSetting: if the limit is below 0.
        BadLayout: if the gate's table lacks some of these X-rays.
    """
    if most_false_boxes is not None and not 0 <= most_false_boxes < inf:
        raise BadSetting(f"most_false_boxes is {most_false_boxes}; expected a number from 0 on, such as 0.2.")
    before, kept = read_postprocessing(run, BoxPostprocessing)
    seed, limit = int(run.settings.get("seed", 0)), inf if most_false_boxes is None else most_false_boxes
    scores = gate_of(gate, xrays)
    sources = {name: validation_candidates(xrays, candidates, scores) for name, candidates in zip(SOURCES, by_source, strict=False)}
    with waiting("Choosing threshold, scale, suppression and gate on validation persons"):
        source, postprocessing, ablation = tuned(sources, box_score, seed, limit)
    with waiting("Nested cross-validation: choosing again without each fifth of the persons"):
        gain = nested_gain(sources, box_score, seed, limit)
    curve = threshold_curve(sources[source], postprocessing, box_score)
    changed = (postprocessing, source, gate is not None) != (before, kept["source"], kept["gated_by_table"])
    led_to_it = {
        "source": source,
        "gated_by_table": gate is not None,
        "most_false_boxes_per_healthy_image": most_false_boxes,
        "ablation": [step.as_dict() for step in ablation],
        "curve": curve,
    }
    # The trivial baselines were fitted on training persons, and stay.
    write_postprocessing(run, postprocessing, {**kept, **led_to_it})
    content = {"postprocessing": asdict(postprocessing), "postprocessing_before": asdict(before), **led_to_it, "nested": gain.as_dict()}
    found = Tuning(
        "The postprocessing, chosen on validation persons",
        in_words(postprocessing, source),
        _headline(gain, box_score.label),
        [ablation_table(led_to_it, box_score.label), _postprocessing_table(before, postprocessing)],
        drawn_tuning(led_to_it, postprocessing, box_score.label, most_false_boxes),
        _warnings(postprocessing, curve, gain, most_false_boxes),
        content,
        changed,
        ["--gate", str(gate)] if gate is not None else [],
    )
    return report_tuning(run, [xray.case.person for xray in xrays], found)


def _headline(gain: NestedGain, label: str) -> list[Headline]:
    return [
        Headline(f"{label}, nested", gain.after, "chosen on four fifths of the persons, evaluated on the other"),
        Headline("With nothing tuned", gain.before, "all boxes with a confidence of at least 0.5"),
        Headline("Gain", gain.gain, "the difference, paired by X-ray", scale=None),
        Headline("False boxes", gain.false_boxes_after, f"per X-ray without an opacity; {gain.false_boxes_before:.2f} untuned", scale=None),
    ]


def ablation_table(kept: Mapping[str, Any], label: str) -> Table:
    """Return the ablation of the steps; `kept` is the content of `postprocessing.json`, `label` names the official score."""
    false_boxes = "false boxes per X-ray without an opacity"
    columns = ("after this step", f"{label}, cross-fitted", "chosen on the same persons", false_boxes, "kept")
    rows = [[step[key] for key in ("step", "cross_fitted_score", "score", FALSE_BOXES, "taken")] for step in kept["ablation"]]
    return Table(columns, rows, "One step after another; one is kept only if it improves the cross-fitted score.")


def _postprocessing_table(before: BoxPostprocessing, postprocessing: BoxPostprocessing) -> Table:
    was, now = asdict(before), asdict(postprocessing)
    return Table(("postprocessing", "before", "now"), [[name, was[name], now[name]] for name in now], "As postprocessing.json has it.")


def drawn_tuning(
    kept: Mapping[str, Any], postprocessing: BoxPostprocessing, label: str, most_false_boxes: float | None = None
) -> list[NamedFigure]:
    """Return the curves over the threshold and the ablation; arguments as for `ablation_table`."""
    curve = kept["curve"]
    points = (curve["threshold"], curve["score"], curve["false_boxes_per_healthy_image"])
    return [
        NamedFigure(
            "threshold",
            threshold_figure(*points, postprocessing.threshold, label, most_false_boxes),
            "On validation persons, all else as in the postprocessing. Every false box costs, however low its confidence.",
            "Official score over the threshold, and false boxes per X-ray without an opacity over the threshold.",
        ),
        NamedFigure(
            "ablation",
            ablation_figure(kept["ablation"], label),
            "What each step contributes, one after another. A threshold is always needed, so that step is always kept.",
            "The official score after every step.",
        ),
    ]


def _warnings(
    postprocessing: BoxPostprocessing, curve: dict[str, list[float]], gain: NestedGain, most_false_boxes: float | None
) -> list[str]:
    warnings = []
    at = curve["threshold"].index(postprocessing.threshold) if postprocessing.threshold in curve["threshold"] else None
    if most_false_boxes is not None and at is not None and (here := curve["false_boxes_per_healthy_image"][at]) > most_false_boxes:
        warnings.append(
            f"No postprocessing meets the limit of {most_false_boxes:g} false boxes per X-ray without an opacity; the nearest has "
            f"{here:.2f}."
        )
    elif most_false_boxes is not None and gain.false_boxes_after.value > most_false_boxes:
        found = f"{gain.false_boxes_after.value:.2f} false boxes per X-ray without an opacity in nested cross-validation"
        warnings.append(f"Expect more than the limit: {found}, though at most {most_false_boxes:g} on the persons it was chosen on.")
    if gain.gain.value == gain.gain.value and not gain.gain.low > 0:
        warnings.append("The gain may be chance: its interval contains 0, or cannot be computed on so few persons.")
    return warnings
