"""`tune` of a segmenter: the threshold and the smallest piece chosen again on validation people, and what each is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from radlearn.pictures.report import Headline, Table
from radlearn.pictures.tuning import TunedSetting, mask_tuning_figure
from radlearn.tasks.segmentation.evaluation import InferVolume, choose_mask_postprocessing
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing, mask_postprocessing_of
from radlearn.tasks.segmentation.scans import Scan
from radlearn.training.run_folder import Run
from radlearn.workflow.tuning_report import Drawn, Tuning, tell_tuning

COLUMNS = ("after this step", "Dice, others chose", "Dice, same people", "taken")


def tune_masks(run: Run, scans: Sequence[Scan], asked: InferVolume) -> dict[str, Any]:
    """Choose a run's postprocessing again and write it into `postprocessing.json`, what led to it into `tuning/`.

    Args:
        scans: those of the run's validation people.
        asked: the model's prediction on the prepared grid.

    Returns:
        what `tuning/tuning.json` holds.

    Raises:
        BadRunFolder: if training has not come to its end.
    """
    before, _ = mask_postprocessing_of(run)
    postprocessing = choose_mask_postprocessing(run, scans, asked, int(run.settings.get("seed", 0)))
    kept = mask_postprocessing_of(run)[1]
    honest = next(step["cross_fitted_dice_score"] for step in reversed(kept["ablation"]) if step["taken"])
    found = Tuning(
        "The postprocessing for masks, chosen on validation people",
        in_words(postprocessing),
        [Headline("Dice, others chose", honest, "the mean over validation scans")],
        [ablation_table(kept)],
        [drawn_tuning(kept, postprocessing)],
        [],
        {
            "postprocessing": asdict(postprocessing),
            "postprocessing_before": asdict(before),
            "ablation": kept["ablation"],
            "curve": kept["curve"],
        },
        postprocessing != before,
        items="scans",
    )
    return tell_tuning(run, [scan.case.person for scan in scans], found)


def ablation_table(kept: Mapping[str, Any]) -> Table:
    """Return what each part of a postprocessing is worth; `kept` is what `postprocessing.json` says of it."""
    rows = [[step["step"], step["cross_fitted_dice_score"], step["dice_score"], bool(step["taken"])] for step in kept["ablation"]]
    return Table(COLUMNS, rows, "what each step contributes, one after another. Some threshold there must be, so that one is always taken.")


def in_words(postprocessing: MaskPostprocessing) -> str:
    """Return a postprocessing in a sentence."""
    small = (
        f"; connected pieces under {postprocessing.smallest_ml:g} ml are left out"
        if postprocessing.smallest_ml
        else "; pieces of every size stay"
    )
    return f"A voxel is lesion from a probability of {postprocessing.threshold:.2f} on{small}."


def drawn_tuning(kept: Mapping[str, Any], postprocessing: MaskPostprocessing) -> Drawn:
    """Return the curves that a postprocessing was chosen by; `kept` is what `postprocessing.json` says of it."""
    curve = kept["curve"]
    figure = mask_tuning_figure(
        TunedSetting(curve["threshold"], curve["dice_score"], postprocessing.threshold),
        TunedSetting(curve["smallest_ml"], curve["dice_score_by_smallest_ml"], postprocessing.smallest_ml),
    )
    words = "On validation people, all else as in the postprocessing."
    return Drawn("tuning", figure, words, "Dice over the threshold and over the smallest piece.")
