"""The report of a lesion segmenter: one page that shows its worst slices first, how volumes agree, for whom not, and how it was made."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.metrics.mask_table import MaskScores
from radlearn.pictures import masks as pictures_of_masks
from radlearn.pictures.report import Block, Headline, Note, Section, Table
from radlearn.pictures.slices import SlicePanel, axial, level_words, slice_grid
from radlearn.pictures.solid import solid_figure
from radlearn.pictures.style import spoken
from radlearn.scans.geometry import spacing_mm, to_orientation
from radlearn.scans.lungs import lung_mask
from radlearn.tasks.segmentation.evaluation import MaskEvaluation
from radlearn.tasks.segmentation.postprocessing import mask_postprocessing_of
from radlearn.tasks.segmentation.scans import scan_and_truth
from radlearn.tasks.segmentation.tuning import ablation_table, drawn_tuning
from radlearn.training.loading import case_seed
from radlearn.training.run_folder import Run
from radlearn.training.splits import SUBSETS, read_split
from radlearn.workflow.report_frame import Draw, drawing, place_of, training_blocks, write_run_report
from radlearn.workflow.scores_file import interval_of

SHOWN_SCANS = 6
MEANINGS = {
    "dice_score": "overlap of found and true mask: twice what they share over the sum of both",
    "surface_dice_score": "share of both surfaces that lies within the tolerance of the other",
    "hausdorff95_mm": "95 % of each surface lies at most so far from the other",
    "volume_error_percent": "difference of volumes, as a share of the true one; small lesions make it large",
    "median_volume_error_percent": "the same of the scan in the middle; medians get no interval",
    "volume_error_ml": "difference of volumes in ml, whatever its sign",
    "lesion_sensitivity": "share of true lesions (pieces of 0.1 ml and more) that are found: a tenth of their volume at least",
    "false_lesions_per_scan": "what that costs: pieces found of which less than a tenth is true",
}
POSTPROCESSING_WORDS = {
    "threshold": "a voxel is lesion from this probability on",
    "smallest_ml": "a connected piece below this volume in ml is left out",
}


def write_mask_report(run: Run, evaluation: MaskEvaluation) -> Path:
    """Write the pictures and the report of an evaluated run into its folder.

    Returns:
        the path of the page: `report.html` for the run's own test people, `report-external.html` for other data.
    """
    found = evaluation.scores
    place = place_of(run, found["split"])
    with drawing(place, 10) as picture:
        sections = [
            Section("What it was tested on", _data_blocks(run, evaluation)),
            Section("How well masks and volumes agree", _score_blocks(evaluation, picture)),
            Section("What it drew", _slice_blocks(evaluation, picture)),
            Section("For which scans", _group_blocks(evaluation, picture)),
            Section("How its postprocessing was chosen", _postprocessing_blocks(run, evaluation, picture)),
            Section("How it was trained", training_blocks(run, ("dice_score",), "dice_score", picture)),
        ]
    scores = {name: interval_of(score) for name, score in found["scores"].items()}
    return write_run_report(
        run,
        place,
        found,
        "Which voxels are COVID-19 lesions?",
        f"A segmenter of lung CT, evaluated on {found['cases']:,} scans of {found['persons']:,} people that it has not met, on the scans' own "
        "voxels.",
        [
            Headline("Dice", scores["dice_score"], "overlap with the true mask, the mean over scans"),
            Headline("Surface Dice", scores["surface_dice_score"], f"of the surfaces, within {found['tolerance_mm']:g} mm"),
            Headline("Lesions found", scores["lesion_sensitivity"], "of all true lesions of 0.1 ml and more"),
            Headline("False lesions", scores["false_lesions_per_scan"], "made up in a scan: the price of those found", scale=(0, 5)),
        ],
        sections,
    )


def _data_blocks(run: Run, evaluation: MaskEvaluation) -> list[Block]:
    split = read_split(run.folder / "split.csv")
    subsets = [
        [each, sum(of == each for _, of in split.values()), len({who for who, of in split.values() if of == each})] for each in SUBSETS
    ]
    load = np.array([row.truth_ml for row in evaluation.rows])
    lesion = load[load > 0]
    middle = "–" if not len(lesion) else f"{np.median(lesion):.0f} ml ({lesion.min():.1f}–{lesion.max():.0f} ml)"
    grids = [scan.prepared.source for scan in evaluation.scans]
    steps = np.array([sorted(spacing_mm(grid.affine)) for grid in grids])
    facts = [
        ["scans evaluated, and their people", f"{len(load)}, {evaluation.scores['persons']}"],
        ["of them without a lesion", f"{int((load == 0).sum())}"],
        ["lesion volume where there is one: median (range)", middle],
        ["lesions of 0.1 ml and more", f"{evaluation.scores['lesions']:,}"],
        ["finest and coarsest spacing", f"{steps[:, 0].min():.2f} to {steps[:, 2].max():.2f} mm"],
    ]
    blocks: list[Block] = [
        Table(["subset", "scans", "people"], subsets, "People were split, not scans: nobody is in two subsets."),
        Table(["what was evaluated", "figure"], facts),
    ]
    if notes := sorted({f"{scan.case.case_id}: {note}" for scan in evaluation.scans for note in scan.prepared.notes}):
        blocks.append(Table(["remark made when the scan was prepared"], [[note] for note in notes], folded=True))
    return blocks


def _score_blocks(evaluation: MaskEvaluation, picture: Draw) -> list[Block]:
    found, rows = evaluation.scores, evaluation.rows
    truth, predicted = [row.truth_ml for row in rows], [row.predicted_ml for row in rows]
    table = [[spoken(name), interval_of(score), MEANINGS[name]] for name, score in found["scores"].items()]
    left_out = [f"{spoken(name)}: {count}" for name, count in found["left_out"].items()]
    blocks: list[Block] = [
        Table(["score", "value (95 % interval)", "meaning"], table, "All scores. Volumes and lesions count every scan."),
        Table(
            ["baseline without learning", "Dice (95 % interval)"],
            [
                [
                    f"all that is denser than {baseline_threshold_hu(evaluation):g} HU inside the lungs that air shows".replace("-", "−"),
                    interval_of(found["baselines"]["threshold_baseline_dice_score"]),
                ]
            ],
            "What a network has to beat before it has learnt anything about lesions.",
        ),
    ]
    if left_out:
        blocks.append(Note(f"Scans that a mean has no number for, and leaves out: {'; '.join(left_out)}."))
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
            "Small lesions are hard: one voxel beside is a large share of them. So a mean Dice says as much about whom it was taken on.",
            "Dice of each scan over its lesion volume.",
            wide=True,
        ),
        Table(
            ["scan", "true ml", "found ml", "Dice", "surface Dice", "lesions", "found", "false"],
            [
                [scan.case.case_id, row.truth_ml, row.predicted_ml, row.dice_score, row.surface_dice_score]
                + [row.lesions, row.found_lesions, row.false_lesions]
                for scan, row in ((evaluation.scans[i], rows[i]) for i in worst_first(evaluation))
            ],
            "Every scan, the worst first.",
            folded=True,
        ),
    ]
    return blocks


def baseline_threshold_hu(evaluation: MaskEvaluation) -> float:
    """Return the Hounsfield unit from which on the rule calls lung a lesion."""
    return float(evaluation.scores["baseline_threshold_hu"])


def worst_first(evaluation: MaskEvaluation) -> list[int]:
    """Return the scans by rising Dice; a scan where both masks are empty comes last, being right."""
    dice = [row.dice_score for row in evaluation.rows]
    return sorted(range(len(dice)), key=lambda i: (float("inf") if np.isnan(dice[i]) else dice[i], -evaluation.rows[i].volume_error_ml))


def _slice_blocks(evaluation: MaskEvaluation, picture: Draw) -> list[Block]:
    """Show the worst first: failures teach more than successes, and a report that hides them is an advertisement."""
    order = worst_first(evaluation)
    # Scans that are rightly left empty are no failures, nor much to look at.
    wrong = [number for number in order if not np.isnan(evaluation.rows[number].dice_score)] or order
    drawn = np.random.default_rng(case_seed(0, len(order))).permutation(len(order)).tolist()
    told = (
        ("worst", "The worst: the scans with the lowest Dice, each at the slice where most is wrong.", wrong, True),
        ("best", "The best: the scans with the highest Dice, each at the slice where most is wrong.", wrong[::-1], False),
        ("random", "Drawn at random, each at the slice where most is wrong.", drawn, False),
    )
    panels: dict[int, SlicePanel] = {}
    blocks: list[Block] = [
        Note(
            "Each slice is shown twice: in the lung window, and in the soft-tissue window, where consolidation and fluid are told apart. "
            "Plain lines are the true borders, broken ones the found. The patient's right is at the left, as if seen from the feet."
        )
    ]
    for name, caption, numbers, bad in told:
        if numbers:
            for number in numbers[:SHOWN_SCANS]:
                if number not in panels:
                    panels[number] = worst_slice(evaluation, number)
            figure = slice_grid([replace(panels[number], bad=bad) for number in numbers[:SHOWN_SCANS]])
            blocks.append(picture(f"slices-{name}", figure, caption, f"CT slices with true and found borders. {caption}", wide=True))
    for name, number in (("worst", wrong[0]), ("middle", wrong[len(wrong) // 2])):
        hu, truth, found, affine = turned(evaluation, number)
        lungs, step = lung_mask(hu, affine), spacing_mm(affine)
        title = f"{evaluation.scans[number].case.case_id}: {dice_words(evaluation.rows[number])}"
        caption = f"The {'worst scan' if name == 'worst' else 'scan in the middle'} as solids, from the front and from the left."
        blocks.append(
            picture(f"solid-{name}", solid_figure(lungs, truth, found, step, title), caption, f"Lungs and lesions. {caption}", wide=True)
        )
    return blocks


def dice_words(row: MaskScores) -> str:
    """Return the Dice of a scan in words, where there is one.

    >>> from types import SimpleNamespace
    >>> dice_words(SimpleNamespace(dice_score=0.5)), dice_words(SimpleNamespace(dice_score=float("nan")))
    ('Dice 0.50', 'no lesion, none found')
    """
    return "no lesion, none found" if np.isnan(row.dice_score) else f"Dice {row.dice_score:.2f}"


def worst_slice(evaluation: MaskEvaluation, number: int) -> SlicePanel:
    """Return the slice of a scan in which the most voxels are wrong; the one with most lesion where none is."""
    hu, truth, found, affine = turned(evaluation, number)
    step = spacing_mm(affine)
    wrong, either = (truth ^ found).sum(axis=(0, 1)), (truth | found).sum(axis=(0, 1))
    level = int(np.argmax(wrong if wrong.any() else either)) if either.any() else hu.shape[2] // 2
    row = evaluation.rows[number]
    note = f"{level_words(level, hu.shape[2])}; true {row.truth_ml:.0f} ml, found {row.predicted_ml:.0f} ml"
    title = f"{evaluation.scans[number].case.case_id}: {dice_words(row)}"
    # Copies: a view of a slice would keep its whole scan in memory.
    hu_here, truth_here, found_here = (axial(volume, level).copy() for volume in (hu, truth, found))
    return SlicePanel(hu_here, truth_here, found_here, (step[1], step[0]), title, note)


def turned(evaluation: MaskEvaluation, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return a scan, its true and its found mask in LPS order, and the affine that they have so."""
    source, true = scan_and_truth(evaluation.scans[number])
    hu, affine = to_orientation(source.voxels, source.affine, "LPS")
    truth, _ = to_orientation(true, source.affine, "LPS")
    found, _ = to_orientation(evaluation.found[number].unpacked(), source.affine, "LPS")
    return hu, truth, found, affine


def _group_blocks(evaluation: MaskEvaluation, picture: Draw) -> list[Block]:
    groups = evaluation.scores["subgroups"]
    shown = [_group(name, group) for name, group in groups.items()]
    whole = _group("everybody", evaluation.scores)
    figure = pictures_of_masks.mask_group_figure(shown, whole)
    rows = [[one.name, one.scans, one.dice_score, one.volume_error_ml, one.false_lesions_per_scan] for one in (*shown, whole)]
    return [
        Note(
            "A mean over all scans is a mean over those who happened to come. Compare light loads with heavy ones, thin slices with thick."
        ),
        picture(
            "groups",
            figure,
            "Lines and shades: everybody. A wide interval means few people.",
            "Dice, volume error and false lesions with intervals, by lesion load and slice thickness.",
            wide=True,
        ),
        Table(
            ["group", "scans", "Dice", "volume error (ml)", "false lesions per scan"],
            rows,
            "The same as a table, with 95 % intervals.",
            folded=True,
        ),
    ]


def _group(name: str, group: dict[str, Any]) -> pictures_of_masks.MaskGroup:
    scores = [interval_of(group["scores"][key]) for key in ("dice_score", "volume_error_ml", "false_lesions_per_scan")]
    return pictures_of_masks.MaskGroup(name, group["persons"], group["scans"], group["median_truth_ml"], *scores)


def _postprocessing_blocks(run: Run, evaluation: MaskEvaluation, picture: Draw) -> list[Block]:
    postprocessing, kept = mask_postprocessing_of(run)
    drawn = drawn_tuning(kept, postprocessing)
    return [
        Note(
            f"Chosen on {kept['validation_scans']} validation scans. That small pieces are left out is taken up only if it helps people "
            "who did not choose it: every fifth of them is evaluated by what the other four fifths choose."
        ),
        picture(drawn.name, drawn.figure, drawn.caption, drawn.alt, wide=True),
        ablation_table(kept),
        Table(
            ["postprocessing", "value", "meaning"],
            [[name.replace("_", " "), value, POSTPROCESSING_WORDS[name]] for name, value in evaluation.scores["postprocessing"].items()],
            "The postprocessing, as postprocessing.json in the run folder has it.",
        ),
    ]
