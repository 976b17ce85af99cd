"""The report of a lesion segmenter: one page with its scores, its worst slices first, its subgroups, and how it was trained."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.amounts import counted
from radlearn.metrics.conformal_volume import VOLUME_COVERAGE
from radlearn.pictures import masks as pictures_of_masks
from radlearn.pictures.report import Block, Headline, Note, Table
from radlearn.pictures.slices import slice_grid
from radlearn.pictures.solid import solid_figure
from radlearn.pictures.style import spoken
from radlearn.scans.geometry import spacing_mm
from radlearn.tasks.segmentation.evaluation import MaskEvaluation
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing, no_interval_because
from radlearn.tasks.segmentation.tuning import ablation_table, drawn_tuning
from radlearn.training.run_folder import Run
from radlearn.workflow.ensembles import MEAN
from radlearn.workflow.ood import HEADING, ood_blocks
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.report_frame import SaveFigure, random_order, score_table, split_table, training_blocks, write_run_report
from radlearn.workflow.scores_file import interval_of
from radlearn.workflow.tuning_report import mean_blocks, postprocessing_blocks

SHOWN_SCANS = 6
MEANINGS = {
    "dice_score": "overlap of found and true mask: twice their intersection over the sum of both",
    "surface_dice_score": "share of both surfaces that lies within the tolerance of the other",
    "hausdorff95_mm": "95 % of each surface lies within this distance of the other",
    "volume_error_percent": "difference of volumes in percent of the true one; large for small lesions",
    "median_volume_error_percent": "median of the same over the scans with a lesion; without an interval",
    "volume_error_ml": "absolute difference of volumes in ml",
    "lesion_sensitivity": "share of true lesions (connected components of 0.1 ml and more) of which at least a tenth is found",
    "false_lesions_per_scan": "predicted components of which less than a tenth is true",
}
CONFINED_WORDS = "whether the probability is 0 outside the hull of the lungs, which is found without learning"
POSTPROCESSING_WORDS = {
    "threshold": "a voxel belongs to the mask from this probability on",
    "smallest_ml": "connected components below this volume in ml are removed",
    "smallest_scan_ml": "a scan with less than this in all, in ml, is called free of lesions",
}


def write_mask_report(run: Run, evaluation: MaskEvaluation, title: str) -> Path:
    """Write the pictures and the report of an evaluated run into its folder; return the path of the page, as `write_run_report`.

    No scan is read for it.

    Args:
        title: of the page, the question that the segmenter answers.
    """
    found = evaluation.scores
    scores = {name: interval_of(score) for name, score in found["scores"].items()}
    return write_run_report(
        run,
        found,
        title,
        f"A segmenter of lung CT, evaluated on {counted(found['cases'], 'scans')} of {counted(found['persons'], 'persons')} "
        "that it was not trained on, on the "
        "voxels of the scans.",
        [
            Headline("Dice", scores["dice_score"], "overlap with the true mask, the mean over scans"),
            Headline("Surface Dice", scores["surface_dice_score"], f"of the surfaces, within {found['tolerance_mm']:g} mm"),
            Headline("Lesions found", scores["lesion_sensitivity"], "share of true lesions of 0.1 ml and more"),
            Headline("False lesions", scores["false_lesions_per_scan"], "per scan", scale=(0, 5)),
        ],
        {
            "Evaluation data": lambda _: _data_blocks(run, evaluation),
            "Scores": partial(_score_blocks, run, evaluation),
            "Slices": partial(_slice_blocks, evaluation),
            "Subgroups": partial(_group_blocks, evaluation),
            HEADING: lambda _: ood_blocks(run, found, "scans", "mean of 1 − Dice"),
            "Choice of the postprocessing": partial(_postprocessing_blocks, run, evaluation),
            "Training": partial(training_blocks, run, ("dice_score",), "dice_score"),
        },
        pictures=10,
    )


def _data_blocks(run: Run, evaluation: MaskEvaluation) -> list[Block]:
    burden = np.array([row.truth_ml for row in evaluation.rows])
    lesion = burden[burden > 0]
    middle = "–" if not len(lesion) else f"{np.median(lesion):.0f} ml ({lesion.min():.1f}–{lesion.max():.0f} ml)"
    steps = np.array([sorted(spacing_mm(scan.scan.affine)) for scan in evaluation.scans])
    facts = [
        ["scans evaluated, persons", f"{len(burden)}, {evaluation.scores['persons']}"],
        ["scans without a lesion", f"{int((burden == 0).sum())}"],
        ["lesion burden of the others: median (range)", middle],
        ["lesions of 0.1 ml and more", f"{evaluation.scores['lesions']:,}"],
        ["finest and coarsest spacing", f"{steps[:, 0].min():.2f} to {steps[:, 2].max():.2f} mm"],
    ]
    blocks: list[Block] = [split_table(run, "scans"), Table(["evaluation data", "value"], facts)]
    if notes := sorted({f"{scan.scan.case.image_id}: {note}" for scan in evaluation.scans for note in scan.scan.notes}):
        blocks.append(Table(["note from the preparation of a scan"], [[note] for note in notes], folded=True))
    return blocks


def _score_blocks(run: Run, evaluation: MaskEvaluation, picture: SaveFigure) -> list[Block]:
    found, rows = evaluation.scores, evaluation.rows
    truth, predicted = [row.truth_ml for row in rows], [row.predicted_ml for row in rows]
    threshold = f"{found['baseline_threshold_hu']:g}".replace("-", "−")
    baseline = f"all voxels of the lungs denser than {threshold} HU, a threshold chosen on validation"
    dice = interval_of(found["baselines"]["threshold_baseline_dice_score"])
    left_out = [f"{spoken(name)}: {count}" for name, count in found["left_out"].items()]
    blocks: list[Block] = [
        score_table(found, MEANINGS, "All scores. Volume errors in ml and lesion counts include every scan."),
        Table(["threshold baseline", "Dice (95 % interval)"], [[baseline, dice]], "A baseline without learning, on the same scans."),
    ]
    blocks.append(_interval_note(found["volume_interval"], read_postprocessing(run, MaskPostprocessing)[1]))
    if left_out:
        blocks.append(Note(f"Scans that a score leaves out, because it has no finite value for them: {'; '.join(left_out)}."))
    blocks += [
        picture(
            "volumes",
            pictures_of_masks.volume_agreement_figure(truth, predicted),
            "Left: found over true volume. Right: their difference over their mean (Bland–Altman).",
            "Scatter of found over true volumes, and of differences over means with limits of agreement.",
            wide=True,
        ),
        picture(
            "dice-by-load",
            pictures_of_masks.dice_by_load_figure([row.dice_score for row in rows], truth),
            "Dice is lower for small lesions, of which a border of one voxel is a large share. A mean Dice depends on the lesion burdens.",
            "Dice of each scan over its lesion burden.",
            wide=True,
        ),
        Table(
            ["scan", "true ml", "found ml", "Dice", "surface Dice", "lesions", "found", "false"],
            [
                [scan.scan.case.image_id, row.truth_ml, row.predicted_ml, row.dice_score, row.surface_dice_score]
                + [row.lesions, row.found_lesions, row.false_lesions]
                for scan, row in ((evaluation.scans[i], rows[i]) for i in worst_first(evaluation))
            ],
            "Every scan, the worst first.",
            folded=True,
        ),
    ]
    return blocks


def _interval_note(kept: dict[str, Any] | None, about: Mapping[str, Any]) -> Note:
    """Say how often the true volume lies in the interval around the predicted one."""
    if kept is None:
        return Note(f"There is no interval of lesion volumes: {no_interval_because(about)}")
    few = "" if kept["coverage"] >= VOLUME_COVERAGE else f" More cannot be promised with {counted(kept['scans'], 'validation scans')}."
    return Note(
        f"The interval around a predicted volume holds the true one in {kept['covered_share']['value']:.0%} of these scans. Promised are "
        f"{kept['coverage']:.0%}, for new scans from where the validation scans came from.{few} Half of the intervals are narrower than "
        f"{kept['median_width_ml']:.0f} ml."
    )


def worst_first(evaluation: MaskEvaluation) -> list[int]:
    """Return the scans by rising Dice; scans where both masks are empty, which is right, come last."""
    rows = evaluation.rows
    dice = [float("inf") if np.isnan(row.dice_score) else row.dice_score for row in rows]
    return sorted(range(len(rows)), key=lambda i: (dice[i], -rows[i].volume_error_ml))


def _slice_blocks(evaluation: MaskEvaluation, picture: SaveFigure) -> list[Block]:
    """Return the worst, the best and randomly drawn slices, in this order, then two scans in three dimensions."""
    order = worst_first(evaluation)
    # Scans without any lesion, true or found, show nothing.
    wrong = [number for number in order if not np.isnan(evaluation.scans[number].scores.dice_score)] or order
    rows = (
        ("worst", "The worst: the scans with the lowest Dice, each at the slice with the most wrong voxels.", wrong, True),
        ("best", "The best: the scans with the highest Dice, each at the slice with the most wrong voxels.", wrong[::-1], False),
        ("random", "Drawn at random, each at the slice with the most wrong voxels.", random_order(len(order)), False),
    )
    blocks: list[Block] = [
        Note(
            "Each slice is shown in the lung window and in the soft-tissue window, which distinguishes consolidation from fluid. Solid "
            "lines are true borders, dashed lines found ones. The patient's right is at the left, as seen from the feet."
        )
    ]
    for name, caption, numbers, bad in rows:
        if numbers:
            figure = slice_grid([replace(evaluation.scans[number].worst_slice, bad=bad) for number in numbers[:SHOWN_SCANS]])
            blocks.append(picture(f"slices-{name}", figure, caption, f"CT slices with true and found borders. {caption}", wide=True))
    for name, number in (("worst", wrong[0]), ("middle", wrong[len(wrong) // 2])):
        figure = solid_figure(*evaluation.scans[number].masks_lps(), evaluation.scans[number].title)
        caption = f"The {'worst' if name == 'worst' else 'median'} scan in three dimensions, from the front and from the left."
        blocks.append(picture(f"solid-{name}", figure, caption, f"Lungs and lesions. {caption}", wide=True))
    return blocks


def _group_blocks(evaluation: MaskEvaluation, picture: SaveFigure) -> list[Block]:
    groups = evaluation.scores["subgroups"]
    shown = [_group(name, group) for name, group in groups.items()]
    whole = _group("everyone", evaluation.scores)
    figure = pictures_of_masks.mask_group_figure(shown, whole)
    rows = [[one.name, one.scans, one.dice_score, one.volume_error_ml, one.false_lesions_per_scan] for one in (*shown, whole)]
    alt = "Dice, volume error and false lesions with intervals, by lesion burden and slice thickness."
    columns = ["group", "scans", "Dice", "volume error (ml)", "false lesions per scan"]
    return [
        Note("Scores depend on the composition of the test set. They are stratified by lesion burden and by slice thickness."),
        picture("groups", figure, "Lines and shades: all scans. Groups of few persons have wide intervals.", alt, wide=True),
        Table(columns, rows, "The same as a table, with 95 % intervals.", folded=True),
    ]


def _group(name: str, group: dict[str, Any]) -> pictures_of_masks.MaskGroup:
    scores = [interval_of(group["scores"][key]) for key in ("dice_score", "volume_error_ml", "false_lesions_per_scan")]
    return pictures_of_masks.MaskGroup(name, group["persons"], group["scans"], group["median_truth_ml"], *scores)


def _postprocessing_blocks(run: Run, evaluation: MaskEvaluation, picture: SaveFigure) -> list[Block]:
    postprocessing, kept = read_postprocessing(run, MaskPostprocessing)
    rows = [[name.replace("_", " "), value, POSTPROCESSING_WORDS[name]] for name, value in evaluation.scores["postprocessing"].items()]
    rows.append(["confined to lungs", bool(kept.get("confined_to_lungs", False)), CONFINED_WORDS])
    if kept.get("origin") == MEAN:
        return mean_blocks(rows)
    return postprocessing_blocks(ablation_table(kept), [drawn_tuning(kept, postprocessing)], rows, picture)
