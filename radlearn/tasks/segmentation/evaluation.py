"""Evaluation of a lesion segmenter: overlap, surfaces, volumes and lesions, with intervals by person, beside the threshold baseline.

A mean overlap does not show whether small lesions are found, nor how many are false. So lesion sensitivity and false lesions stand beside
it, and every score is also given stratified by lesion burden and slice thickness.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from radlearn.amounts import counted
from radlearn.metrics.conformal_volume import conformal_volume
from radlearn.metrics.intervals import bootstrap_interval
from radlearn.metrics.mask_table import MaskScores, mask_columns, mask_scores, mask_summary, mean_over_scans
from radlearn.metrics.masks import dice_score, volume_ml
from radlearn.progress import progress_bar, say, waiting
from radlearn.scans.geometry import spacing_mm, steps_mm
from radlearn.tasks.segmentation.case_scores import CASES, overlap
from radlearn.tasks.segmentation.evaluated_scan import EvaluatedScan, PackedMask, worst_slice
from radlearn.tasks.segmentation.look_alikes import report_ct_look_alikes
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing, in_words, mask_of, volume_interval
from radlearn.tasks.segmentation.scans import Scan, scan_and_truth
from radlearn.tasks.segmentation.search import curves, dice_and_volume_tables, tuned_masks, volumes_at, whole_table
from radlearn.tasks.segmentation.threshold_baseline import best_threshold_hu, threshold_baseline_dice, threshold_baseline_mask
from radlearn.training.run_folder import Run
from radlearn.workflow.cases_file import write_cases
from radlearn.workflow.cross_fitting import score_of_last_taken
from radlearn.workflow.ood import ood_summary
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from radlearn.workflow.scores_file import EXTERNAL, write_scores
from radlearn.workflow.table_groups import groups_of_table

InferScan = Callable[[Mapping[str, Any]], np.ndarray]
"What the deterministic transforms made of a scan -> the probability of a lesion at each voxel of its file, float32 (i, j, k)."
BURDENS_ML = ((0, 10, "lesions under 10 ml"), (10, 100, "lesions 10–100 ml"), (100, float("inf"), "lesions over 100 ml"))
THICK_MM = 2.5


@dataclass(frozen=True)
class MaskEvaluation:
    """The evaluated scans, the postprocessing that made their masks, and the scores as `scores.json` has them."""

    scans: Sequence[EvaluatedScan]
    postprocessing: MaskPostprocessing
    scores: dict[str, Any]

    @property
    def rows(self) -> list[MaskScores]:
        """The scores of each scan."""
        return [scan.scores for scan in self.scans]


def choose_mask_postprocessing(run: Run, validation: Sequence[Scan], infer: InferScan, seed: int) -> MaskPostprocessing:
    """Choose a run's postprocessing on validation persons and write it, with its ablation, into `postprocessing.json`.

    Scans are predicted one after another and compared on their source grid, as test scans are.
    """
    tables, in_ml, truth_ml, baseline_tables = [], [], [], []
    with progress_bar("choosing postprocessing on validation", len(validation), "scans") as bar:
        for scan in validation:
            source, truth = scan_and_truth(scan)
            probability = infer(scan.item)
            dice, volumes = dice_and_volume_tables(probability, truth, steps_mm(source.affine))
            tables.append(dice)
            in_ml.append(volumes)
            truth_ml.append(volume_ml(truth, steps_mm(source.affine)))
            baseline_tables.append(threshold_baseline_dice(source.voxels, scan.lungs, truth))
            bar.advance()
    table = whole_table(np.stack(tables), np.stack(in_ml), truth_ml)
    postprocessing, ablation = tuned_masks(table, [scan.case.person for scan in validation], seed)
    interval = conformal_volume(volumes_at(np.stack(in_ml), postprocessing), truth_ml)
    about = {
        "validation_scans": len(validation),
        "confined_to_lungs": run.settings.get("confined_to_lungs", False),
        "volume_interval": None if interval is None else asdict(interval),
        "ablation": (steps := [step.as_dict("dice_score") for step in ablation]),
        "curve": curves(table, postprocessing),
        "baseline_threshold_hu": best_threshold_hu(baseline_tables),
    }
    write_postprocessing(run, postprocessing, about)
    score = score_of_last_taken(steps, "dice_score")
    chosen_on = f"{counted(len(validation), 'validation scans')} (cross-fitted Dice {score:.3f})"
    say(f"Postprocessing chosen on {chosen_on}: {in_words(postprocessing)}")
    return postprocessing


def evaluate_masks(
    run: Run, scans: Sequence[Scan], infer: InferScan, split: str, tolerance_mm: float, features: Sequence[np.ndarray] = ()
) -> MaskEvaluation:
    """Predict for scans with true masks, compare them on the source grids, and write `scores.json` and `cases.csv`.

    Each scan is read once; its lungs were found when it was prepared; what the report needs of it is kept. `tolerance_mm` is that of the
    surface Dice.
    `features` may be a list to which `infer` appends those of each scan, (features,), which tell what is unlike the training data.

    Raises:
        BadRunFolder: if the run has no postprocessing yet.
    """
    postprocessing, about = read_postprocessing(run, MaskPostprocessing)
    if split == EXTERNAL:
        report_ct_look_alikes(run, scans)
    evaluated = []
    with progress_bar("evaluating", len(scans), "scans") as bar:
        for scan in scans:
            evaluated.append(_evaluated(scan, infer, postprocessing, about["baseline_threshold_hu"], tolerance_mm))
            bar.advance()
    evaluation = MaskEvaluation(evaluated, postprocessing, {})
    persons, baseline_dice = [scan.case.person for scan in scans], np.array([scan.baseline_dice_score for scan in evaluated])
    with waiting("Bootstrapping intervals by person"):
        content = {
            "positives": sum(row.truth_ml > 0 for row in evaluation.rows),
            "postprocessing": asdict(postprocessing),
            "tolerance_mm": tolerance_mm,
            "baseline_threshold_hu": about["baseline_threshold_hu"],
            **_summary(evaluation, np.ones(len(evaluated), bool)),
            "baselines": {"threshold_baseline_dice_score": bootstrap_interval(mean_over_scans, persons, baseline_dice).as_dict()},
            "subgroups": {name: _summary(evaluation, chosen) for name, chosen in groups_of(evaluation).items() if chosen.any()},
            "volume_interval": _volume_coverage(evaluation, about, persons),
            "ood": _ood(run, evaluation, features, persons),
        }
    cases = [scan.case for scan in scans]
    write_cases(run, split, CASES, cases, mask_columns(evaluation.rows))
    return replace(evaluation, scores=write_scores(run, split, cases, content))


def groups_of(evaluation: MaskEvaluation) -> dict[str, np.ndarray]:
    """Return which scans belong to which group, bool (scans,) each: by lesion burden, slice thickness, and what a table says."""
    burden = np.array([row.truth_ml for row in evaluation.rows])
    thickness = np.array([max(spacing_mm(scan.scan.affine)) for scan in evaluation.scans])
    groups = {"no lesion": burden == 0}
    groups |= {name: (burden > 0) & (burden >= low) & (burden < high) for low, high, name in BURDENS_ML}
    groups |= {f"slices up to {THICK_MM:g} mm": thickness <= THICK_MM, f"slices over {THICK_MM:g} mm": thickness > THICK_MM}
    return groups | groups_of_table([scan.scan.case for scan in evaluation.scans])


def _evaluated(
    scan: Scan, infer: InferScan, postprocessing: MaskPostprocessing, baseline_threshold_hu: float, tolerance_mm: float
) -> EvaluatedScan:
    source, truth = scan_and_truth(scan)
    spacing = steps_mm(source.affine)
    mask = mask_of(infer(scan.item), postprocessing, spacing)
    scores = mask_scores(mask, truth, spacing, tolerance_mm)
    lungs = scan.lungs
    baseline_dice = dice_score(threshold_baseline_mask(source.voxels, lungs, baseline_threshold_hu), truth)
    panel = worst_slice(scan, source, truth, mask, scores)
    return EvaluatedScan(scan, scores, baseline_dice, PackedMask.of(truth), PackedMask.of(mask), PackedMask.of(lungs), panel)


def _volume_coverage(evaluation: MaskEvaluation, about: Mapping[str, Any], persons: Sequence[str]) -> dict[str, Any] | None:
    interval = volume_interval(about)
    if interval is None:
        return None
    columns = mask_columns(evaluation.rows)
    low, high = interval.around(columns["predicted_ml"])
    covered = (low <= columns["truth_ml"]) & (columns["truth_ml"] <= high)
    share = bootstrap_interval(mean_over_scans, persons, covered.astype(float))
    return {**asdict(interval), "covered_share": share.as_dict(), "median_width_ml": float(np.median(high - low))}


def _ood(run: Run, evaluation: MaskEvaluation, features: Sequence[np.ndarray], persons: Sequence[str]) -> dict[str, Any] | None:
    columns = mask_columns(evaluation.rows)
    shown = {name: CASES.scores[name] for name in ("dice_score", "false_lesions_per_scan")}
    given = np.stack(features) if len(features) else None
    return ood_summary(run, given, shown, columns, np.array(persons), 1 - overlap(columns["dice_score"]))


def _summary(evaluation: MaskEvaluation, chosen: np.ndarray) -> dict[str, Any]:
    scans = [scan for scan, is_chosen in zip(evaluation.scans, chosen, strict=True) if is_chosen]
    rows, persons = [scan.scores for scan in scans], [scan.scan.case.person for scan in scans]
    summary = mask_summary(rows, persons)
    return {
        "scans": len(rows),
        "persons": len(set(persons)),
        "lesions": int(sum(row.lesions for row in rows)),
        "median_truth_ml": float(np.median([row.truth_ml for row in rows])),
        "scores": {name: interval.as_dict() for name, interval in summary.scores.items()},
        "left_out": summary.left_out,
    }
