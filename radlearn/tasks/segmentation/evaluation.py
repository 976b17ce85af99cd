"""What a lesion segmenter is worth: overlap, surfaces, volumes and lesions, by person, and the rule it has to beat.

A mean overlap hides what matters: whether small lesions are found at all, and what is made up. So lesions found and false ones are given
beside it, and every score again for light and heavy loads.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from radlearn.metrics.intervals import Interval, bootstrap_interval
from radlearn.metrics.mask_table import MaskScores, mask_scores, mask_summary, mean_over_scans
from radlearn.metrics.masks import dice_score
from radlearn.progress import progress_bar, say, waiting
from radlearn.scans.geometry import spacing_mm
from radlearn.scans.lungs import lung_mask
from radlearn.scans.prepared_volume import PreparedVolume
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing, mask_of, mask_postprocessing_of, write_mask_postprocessing
from radlearn.tasks.segmentation.scans import Scan, scan_and_truth
from radlearn.tasks.segmentation.search import MaskAblationStep, curves, dice_table, tuned_masks
from radlearn.tasks.segmentation.threshold_baseline import best_threshold_hu, threshold_baseline_dice, threshold_baseline_mask
from radlearn.training.run_folder import Run
from radlearn.workflow.scores_file import write_scores

InferVolume = Callable[[PreparedVolume], np.ndarray]
"A prepared scan -> the probability of a lesion at each of its voxels."
LOADS_ML = ((0, 10, "lesions under 10 ml"), (10, 100, "lesions 10–100 ml"), (100, float("inf"), "lesions over 100 ml"))
THICK_MM = 2.5


@dataclass(frozen=True)
class KeptMask:
    """A mask in an eighth of a byte a voxel: those of a whole test set fit into memory."""

    packed: np.ndarray
    shape: tuple[int, ...]

    @classmethod
    def of(cls, mask: np.ndarray) -> "KeptMask":
        return cls(np.packbits(mask), mask.shape)

    def unpacked(self) -> np.ndarray:
        """Return the mask, bool."""
        return np.unpackbits(self.packed, count=int(np.prod(self.shape))).reshape(self.shape).view(bool)


@dataclass(frozen=True)
class MaskEvaluation:
    """Masks beside the true ones, and what they are worth; one entry a scan."""

    scans: Sequence[Scan]
    rows: Sequence[MaskScores]
    # On the source grid.
    found: Sequence[KeptMask]
    # Of the rule, for comparison.
    baseline_dice_scores: Sequence[float]
    postprocessing: MaskPostprocessing
    # As `scores.json` has it.
    scores: dict[str, Any]


def choose_mask_postprocessing(run: Run, validation: Sequence[Scan], asked: InferVolume, seed: int) -> MaskPostprocessing:
    """Choose a run's postprocessing on validation people and write it, with the ablation of each step, into `postprocessing.json`.

    The scans are asked one after another, and evaluated on their source grid as test scans will be.
    """
    tables, baseline_tables = [], []
    with progress_bar("choosing on validation people", len(validation), "scans") as bar:
        for scan in validation:
            source, truth = scan_and_truth(scan)
            probability = scan.prepared.back_to_source(asked(scan.prepared))
            tables.append(dice_table(probability, truth, spacing_mm(source.affine)))
            baseline_tables.append(threshold_baseline_dice(source.voxels, lung_mask(source.voxels, source.affine), truth))
            bar.advance()
    postprocessing, ablation = tuned_masks(np.stack(tables), [scan.case.person for scan in validation], seed)
    about = {
        "validation_scans": len(validation),
        "ablation": [asdict(step) for step in ablation],
        "curve": curves(np.stack(tables), postprocessing),
        "baseline_threshold_hu": best_threshold_hu(baseline_tables),
    }
    write_mask_postprocessing(run, postprocessing, about)
    say(
        f"Postprocessing chosen on {len(validation):,} validation scans: {_told(postprocessing)} (cross-fitted Dice {_last(ablation):.3f})."
    )
    return postprocessing


def evaluate_masks(run: Run, scans: Sequence[Scan], asked: InferVolume, split: str, tolerance_mm: float) -> MaskEvaluation:
    """Ask about scans, bring the predictions home to their source grids, compare them with the true masks, and write `scores.json`.

    Args:
        scans: with true masks.
        asked: the model's prediction on the prepared grid.
        split: "test"; for any other the file is called `scores-SPLIT.json`.
        tolerance_mm: of the surface Dice.

    Raises:
        BadRunFolder: if the run has no postprocessing yet.
    """
    postprocessing, about = mask_postprocessing_of(run)
    rows, found, baseline_dice_scores = [], [], []
    with progress_bar("asking and evaluating", len(scans), "scans") as bar:
        for scan in scans:
            source, truth = scan_and_truth(scan)
            spacing = spacing_mm(source.affine)
            mask = mask_of(scan.prepared.back_to_source(asked(scan.prepared)), postprocessing, spacing)
            rows.append(mask_scores(mask, truth, spacing, tolerance_mm))
            found.append(KeptMask.of(mask))
            lungs = lung_mask(source.voxels, source.affine)
            baseline_dice_scores.append(dice_score(threshold_baseline_mask(source.voxels, lungs, about["baseline_threshold_hu"]), truth))
            bar.advance()
    evaluation = MaskEvaluation(scans, rows, found, baseline_dice_scores, postprocessing, {})
    with waiting("Bootstrapping intervals by person"):
        content = {
            "positives": sum(row.truth_ml > 0 for row in rows),
            "postprocessing": asdict(postprocessing),
            "tolerance_mm": tolerance_mm,
            "baseline_threshold_hu": about["baseline_threshold_hu"],
            **_summed(evaluation, np.ones(len(rows), bool)),
            "baselines": {"threshold_baseline_dice_score": _rule(evaluation).as_dict()},
            "subgroups": {name: _summed(evaluation, chosen) for name, chosen in groups_of(evaluation).items() if chosen.any()},
        }
    return replace(evaluation, scores=write_scores(run, split, [scan.case for scan in scans], content))


def groups_of(evaluation: MaskEvaluation) -> dict[str, np.ndarray]:
    """Return which scans belong to which group, bool (scans,) each: by lesion load, slice thickness and people."""
    load = np.array([row.truth_ml for row in evaluation.rows])
    thickness = np.array([max(spacing_mm(scan.prepared.source.affine)) for scan in evaluation.scans])
    groups = {"no lesion": load == 0}
    groups |= {name: (load > 0) & (load >= low) & (load < high) for low, high, name in LOADS_ML}
    return groups | {
        f"slices up to {THICK_MM:g} mm": thickness <= THICK_MM,
        f"slices over {THICK_MM:g} mm": thickness > THICK_MM,
    }


def _summed(evaluation: MaskEvaluation, chosen: np.ndarray) -> dict[str, Any]:
    rows = [row for row, here in zip(evaluation.rows, chosen, strict=True) if here]
    persons = [scan.case.person for scan, here in zip(evaluation.scans, chosen, strict=True) if here]
    summary = mask_summary(rows, persons)
    return {
        "scans": len(rows),
        "persons": len(set(persons)),
        "lesions": int(sum(row.lesions for row in rows)),
        "median_truth_ml": float(np.median([row.truth_ml for row in rows])),
        "scores": {name: interval.as_dict() for name, interval in summary.scores.items()},
        "left_out": summary.left_out,
    }


def _rule(evaluation: MaskEvaluation) -> Interval:
    return bootstrap_interval(mean_over_scans, [scan.case.person for scan in evaluation.scans], np.array(evaluation.baseline_dice_scores))


def _told(postprocessing: MaskPostprocessing) -> str:
    small = f", pieces under {postprocessing.smallest_ml:g} ml left out" if postprocessing.smallest_ml else ""
    return f"cut at a probability of {postprocessing.threshold:.2f}{small}"


def _last(ablation: Sequence[MaskAblationStep]) -> float:
    return next(step.cross_fitted_dice_score for step in reversed(ablation) if step.taken)
