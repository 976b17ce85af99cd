"""`tune` of label maps: the values of each class chosen again on validation persons, with the ablation of each step."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from radlearn.pictures.report import Headline, Table
from radlearn.pictures.tuning import TunedSetting, TuningWords, mask_tuning_figure
from radlearn.tasks.segmentation.label_maps.class_names import in_numbers_of
from radlearn.tasks.segmentation.label_maps.evaluation import InferFrame, TrainingFacts, choose_label_map_postprocessing
from radlearn.tasks.segmentation.label_maps.frames import Frame
from radlearn.tasks.segmentation.label_maps.postprocessing import ClassPostprocessing, LabelMapPostprocessing, in_words
from radlearn.training.run_folder import Run
from radlearn.workflow.cross_fitting import score_of_last_taken
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.tuning_report import NamedFigure, Tuning, report_tuning

SCORE = "dice_score_with_empty"
COLUMNS = ("step", "cross-fitted Dice", "Dice, same persons", "taken")


def tune_label_maps(run: Run, frames: Sequence[Frame], infer: InferFrame) -> dict[str, Any]:
    """Choose a run's postprocessing again on its validation `frames`; write `postprocessing.json` and `tuning/`.

    Returns:
        what `tuning/tuning.json` holds.

    Raises:
        BadRunFolder: if training has not finished.
        BadLayout: as `in_numbers_of`.
    """
    before, kept = read_postprocessing(run, LabelMapPostprocessing)
    frames = in_numbers_of(run, before.names, frames, own=True)
    facts = TrainingFacts([kept["chosen"][name]["training_images"] for name in before.names], kept["length_unit"])
    chosen = choose_label_map_postprocessing(run, before.names, frames, infer, int(run.settings.get("seed", 0)), facts)
    kept = read_postprocessing(run, LabelMapPostprocessing)[1]
    of_classes = [(one, kept["chosen"][one.name]) for one in chosen.classes]
    content = {
        "postprocessing": asdict(chosen),
        "postprocessing_before": asdict(before),
        "chosen": kept["chosen"],
    }
    found = Tuning(
        "The postprocessing for label maps, chosen on validation persons",
        " ".join(in_words(one) for one in chosen.classes),
        [Headline(f"Cross-fitted Dice, {one.name}", score_of_last_taken(said["ablation"], SCORE), WORDS) for one, said in of_classes],
        [ablation_table(one.name, said) for one, said in of_classes],
        [drawn_tuning(number, one, said) for number, (one, said) in enumerate(of_classes, start=1)],
        [],
        content,
        chosen != before,
        items="images",
    )
    return report_tuning(run, [frame.case.person for frame in frames], found)


WORDS = "the mean over validation images; one that is rightly left empty counts as 1"


def ablation_table(name: str, said: Mapping[str, Any]) -> Table:
    """Return the ablation of the steps of a class; `said` is its entry of `chosen` in `postprocessing.json`."""
    rows = [[step["step"], step[f"cross_fitted_{SCORE}"], step[SCORE], bool(step["taken"])] for step in said["ablation"]]
    return Table(COLUMNS, rows, f"{name}: the ablation of the steps, one after another. A threshold is always needed.")


def drawn_tuning(number: int, one: ClassPostprocessing, said: Mapping[str, Any]) -> NamedFigure:
    """Return the curves by which the values of class `number` were chosen; `said` as for `ablation_table`."""
    curve = said["curve"]
    figure = mask_tuning_figure(
        TunedSetting(curve["threshold"], curve[SCORE], one.threshold),
        *(
            TunedSetting(curve[name], curve[f"dice_score_by_{name}"], getattr(one, name))
            for name in ("smallest_percent", "smallest_image_percent")
        ),
        words=TuningWords(f"Which pixels are {one.name}", "its share of the image", "share of all its parts", "%", "images"),
    )
    words = f"{one.name}, on validation persons; the other values are those of the postprocessing."
    alt = f"{one.name}: Dice over the threshold, the smallest component, and the smallest area of an image."
    return NamedFigure(f"tuning-{number}", figure, words, alt)
