"""`tune` of a segmenter: threshold and smallest component chosen again on validation persons, with the ablation of each step."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from radlearn.pictures.report import Headline, Table
from radlearn.pictures.tuning import TunedSetting, mask_tuning_figure
from radlearn.tasks.segmentation.evaluation import InferScan, choose_mask_postprocessing
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing, in_words
from radlearn.tasks.segmentation.scans import Scan
from radlearn.training.run_folder import Run
from radlearn.workflow.cross_fitting import score_of_last_taken
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.tuning_report import NamedFigure, Tuning, report_tuning

COLUMNS = ("step", "cross-fitted Dice", "Dice, same persons", "taken")


def tune_masks(run: Run, scans: Sequence[Scan], infer: InferScan) -> dict[str, Any]:
    """Choose a run's postprocessing again on its validation `scans`; write `postprocessing.json` and `tuning/`.

    Returns:
        what `tuning/tuning.json` holds.

    Raises:
        BadRunFolder: if training has not finished.
    """
    before, _ = read_postprocessing(run, MaskPostprocessing)
    postprocessing = choose_mask_postprocessing(run, scans, infer, int(run.settings.get("seed", 0)))
    kept = read_postprocessing(run, MaskPostprocessing)[1]
    cross_fitted = score_of_last_taken(kept["ablation"], "dice_score")
    content = {"postprocessing": asdict(postprocessing), "postprocessing_before": asdict(before)}
    content |= {key: kept[key] for key in ("ablation", "curve")}
    found = Tuning(
        "The postprocessing for masks, chosen on validation persons",
        in_words(postprocessing),
        [Headline("Cross-fitted Dice", cross_fitted, "the mean over validation scans")],
        [ablation_table(kept)],
        [drawn_tuning(kept, postprocessing)],
        [],
        content,
        postprocessing != before,
        items="scans",
    )
    return report_tuning(run, [scan.case.person for scan in scans], found)


def ablation_table(kept: Mapping[str, Any]) -> Table:
    """Return the ablation of the steps; `kept` is the content of `postprocessing.json` beside the postprocessing."""
    rows = [[step["step"], step["cross_fitted_dice_score"], step["dice_score"], bool(step["taken"])] for step in kept["ablation"]]
    return Table(COLUMNS, rows, "The ablation of the steps, one after another. A threshold is always needed, so that step is always taken.")


def drawn_tuning(kept: Mapping[str, Any], postprocessing: MaskPostprocessing) -> NamedFigure:
    """Return the curves by which a postprocessing was chosen; `kept` as for `ablation_table`."""
    curve = kept["curve"]
    figure = mask_tuning_figure(
        TunedSetting(curve["threshold"], curve["dice_score"], postprocessing.threshold),
        *(
            TunedSetting(curve[name], curve[f"dice_score_by_{name}"], getattr(postprocessing, name))
            for name in ("smallest_ml", "smallest_scan_ml")
            # A postprocessing of before has no smallest mask.
            if name in curve
        ),
    )
    words = "On validation persons; the other values are those of the postprocessing."
    return NamedFigure(
        "tuning", figure, words, "Dice over the threshold, the volume of the smallest component, and that of the smallest mask."
    )
