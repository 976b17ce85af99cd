"""`tune` of a segmenter: the threshold and the smallest piece chosen again on validation people, and what each is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from radlearn.pictures.report import Headline, Table
from radlearn.pictures.tuning import TunedSetting, mask_tuning_figure
from radlearn.tasks.segmentation.evaluation import InferVolume, choose_mask_recipe
from radlearn.tasks.segmentation.postprocessing import MaskRecipe, mask_recipe_of
from radlearn.tasks.segmentation.scans import Scan
from radlearn.training.run_folder import Run
from radlearn.workflow.tuning_report import Drawn, Tuning, tell_tuning

COLUMNS = ("with this device too", "Dice, others chose", "Dice, same people", "taken")


def tune_masks(run: Run, scans: Sequence[Scan], asked: InferVolume) -> dict[str, Any]:
    """Choose a run's recipe again and write it into `recipe.json`, what led to it into `tuning/`.

    Args:
        scans: those of the run's validation people.
        asked: the model's prediction on the prepared grid.

    Returns:
        what `tuning/tuning.json` holds.

    Raises:
        BadRunFolder: if training has not come to its end.
    """
    before, _ = mask_recipe_of(run)
    recipe = choose_mask_recipe(run, scans, asked, int(run.settings.get("seed", 0)))
    kept = mask_recipe_of(run)[1]
    honest = next(step["cross_fitted_dice_score"] for step in reversed(kept["worth"]) if step["taken"])
    found = Tuning(
        "The recipe for masks, chosen on validation people",
        recipe_words(recipe),
        [Headline("Dice, others chose", honest, "the mean over validation scans")],
        [worth_table(kept)],
        [drawn_tuning(kept, recipe)],
        [],
        {"recipe": asdict(recipe), "recipe_before": asdict(before), "worth": kept["worth"], "curve": kept["curve"]},
        recipe != before,
        items="scans",
    )
    return tell_tuning(run, [scan.case.person for scan in scans], found)


def worth_table(kept: Mapping[str, Any]) -> Table:
    """Return what each part of a recipe is worth; `kept` is what `recipe.json` says of it."""
    rows = [[step["device"], step["cross_fitted_dice_score"], step["dice_score"], bool(step["taken"])] for step in kept["worth"]]
    return Table(COLUMNS, rows, "What each device is worth, one after another. Some threshold there must be, so that one is always taken.")


def recipe_words(recipe: MaskRecipe) -> str:
    """Return a recipe in a sentence."""
    small = f"; connected pieces under {recipe.smallest_ml:g} ml are left out" if recipe.smallest_ml else "; pieces of every size stay"
    return f"A voxel is lesion from a probability of {recipe.threshold:.2f} on{small}."


def drawn_tuning(kept: Mapping[str, Any], recipe: MaskRecipe) -> Drawn:
    """Return the curves that a recipe was chosen by; `kept` is what `recipe.json` says of it."""
    curve = kept["curve"]
    figure = mask_tuning_figure(
        TunedSetting(curve["threshold"], curve["dice_score"], recipe.threshold),
        TunedSetting(curve["smallest_ml"], curve["dice_score_by_smallest_ml"], recipe.smallest_ml),
    )
    words = "On validation people, all else as in the recipe."
    return Drawn("tuning", figure, words, "Dice over the threshold and over the smallest piece.")
