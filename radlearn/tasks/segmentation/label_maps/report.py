"""The report of label maps: one page with the scores of each class, the worst images first, subgroups, and how the run was trained."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.amounts import counted
from radlearn.pictures.label_maps import LabelledImage, labelled_grid
from radlearn.pictures.report import Block, Headline, Note, Table
from radlearn.tasks.segmentation.label_maps.case_scores import area_unit
from radlearn.tasks.segmentation.label_maps.evaluation import BASELINE, EvaluatedFrame, LabelMapEvaluation
from radlearn.tasks.segmentation.label_maps.postprocessing import LabelMapPostprocessing
from radlearn.tasks.segmentation.label_maps.tuning import ablation_table, drawn_tuning
from radlearn.training.run_folder import Run
from radlearn.workflow.ensembles import MEAN
from radlearn.workflow.ood import HEADING, ood_blocks
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.report_frame import SaveFigure, random_order, score_table, split_table, training_blocks, write_run_report
from radlearn.workflow.scores_file import interval_of
from radlearn.workflow.tuning_report import mean_blocks, postprocessing_blocks

SHOWN_IMAGES = 6
BEST_BY = "dice_score_with_empty"
LABELS = {
    "dice_score_with_empty": "Dice, empty counts 1",
    "hausdorff95_mm": "Hausdorff 95 % (mm)",
    "hausdorff95_px": "Hausdorff 95 % (px)",
    "image_sensitivity": "sensitivity by image",
    "image_specificity": "specificity by image",
}
MEANINGS = {
    "dice_score": "overlap of found and true area, over the images in which the class is there or is found",
    "dice_score_with_empty": "the same over all images; one that is rightly left empty counts as 1, as in challenges with such images",
    "hausdorff95_mm": "95 % of each border lies within this distance of the other; where both are there",
    "hausdorff95_px": "95 % of each border lies within this distance of the other; where both are there",
    "image_sensitivity": "share of the images with the class in which any of it is found, wherever",
    "image_specificity": "share of the images without the class in which none of it is found",
}
POSTPROCESSING_WORDS = {
    "threshold": "a pixel may belong to the class from this probability on",
    "smallest_percent": "connected components below this share of the image are removed",
    "smallest_image_percent": "an image with less than this share of the class in all is called free of it",
}


def write_label_map_report(run: Run, evaluation: LabelMapEvaluation, title: str) -> Path:
    """Write the pictures and the report of an evaluated run into its folder; return the path of the page, as `write_run_report`.

    Args:
        title: of the page, the question that is answered.
    """
    found = evaluation.scores
    several = len(evaluation.names) > 1
    over = f"mean over {counted(len(evaluation.names), 'classes')}" if several else evaluation.names[0]
    scores = {name: interval_of(score) for name, score in found["scores"].items()}
    far = f"hausdorff95_{found['length_unit']}"
    return write_run_report(
        run,
        found,
        title,
        f"Label maps of {', '.join(evaluation.names)}, evaluated on {counted(found['cases'], 'images')} of "
        f"{counted(found['persons'], 'persons')} that the network was not trained on, on the pixels of their files.",
        [
            Headline("Dice", scores["dice_score"], f"{over}; images without the class are left out"),
            Headline("Dice, empty counts 1", scores["dice_score_with_empty"], f"{over}; over all images"),
            Headline("Border distance", scores[far], f"Hausdorff 95 %, in {found['length_unit']}", scale=(0, _scale(scores[far].value))),
        ],
        {
            "Evaluation data": lambda _: _data_blocks(run, evaluation),
            "Scores": lambda _: _score_blocks(evaluation),
            "Images": partial(_image_blocks, evaluation),
            **({"Subgroups": lambda _: _group_blocks(evaluation)} if found["subgroups"] else {}),
            HEADING: lambda _: ood_blocks(run, found, "images", "mean of 1 − Dice", LABELS),
            "Choice of the postprocessing": partial(_postprocessing_blocks, run),
            "Training": partial(training_blocks, run, ("dice_score", "dice_score_with_empty"), BEST_BY, labels=LABELS),
        },
        pictures=4 + len(evaluation.names),
    )


def _scale(value: float) -> float:
    return 10.0 if np.isnan(value) else float(10 ** np.ceil(np.log10(max(value, 1.0) * 1.2)))


def _data_blocks(run: Run, evaluation: LabelMapEvaluation) -> list[Block]:
    found, unit = evaluation.scores, area_unit(evaluation.scores["length_unit"])
    shapes = sorted({one.shape for one in evaluation.frames})
    sizes = " × ".join(map(str, shapes[0])) + (f" to {' × '.join(map(str, shapes[-1]))}" if len(shapes) > 1 else "")
    measured = "mm, as their files say" if unit == "mm2" else "pixels: not all training files have a spacing in mm"
    rows = [
        ["images evaluated, persons", f"{found['cases']:,}, {found['persons']:,}"],
        ["images without any class", f"{found['cases'] - found['positives']:,}"],
        ["rows × columns", sizes],
        ["lengths are in", measured],
    ]
    classes = [[name, one["images"], one["persons_with"], one[f"median_area_{unit}"]] for name, one in found["classes"].items()]
    heads = ["class", "images", "persons", f"median area ({'mm²' if unit == 'mm2' else 'px'})"]
    blocks: list[Block] = [split_table(run, "images"), Table(["evaluation data", "value"], rows), Table(heads, classes)]
    noted: dict[str, list[str]] = {}
    for one in evaluation.frames:
        for note in one.frame.notes:
            noted.setdefault(note, []).append(one.frame.case.image_id)
    if noted:
        said = [
            [note, len(images), ", ".join(images[:SHOWN_IMAGES]) + (", …" if len(images) > SHOWN_IMAGES else "")]
            for note, images in noted.items()
        ]
        blocks.append(Table(["note from the preparation", "images", "which"], said, folded=True))
    return blocks


def _score_blocks(evaluation: LabelMapEvaluation) -> list[Block]:
    found = evaluation.scores
    names = list(found["scores"])
    several = len(evaluation.names) > 1
    caption = "All scores, the mean over the classes that are there; each class counts the same." if several else "All scores."
    blocks: list[Block] = [score_table(found, MEANINGS, caption, LABELS)]
    rows = [
        [name, *(interval_of(one["scores"][score]) for score in names), interval_of(one[BASELINE])]
        for name, one in found["classes"].items()
    ]
    rows.append(["mean", *(interval_of(found["scores"][score]) for score in names), interval_of(found["baselines"][BASELINE])])
    heads = ["class", *(LABELS.get(score, "Dice") for score in names), "Dice of the threshold baseline"]
    rules = [
        f"{name}: pixels {'brighter' if rule['brighter'] else 'darker'} than {rule['cut']:.2f}"
        for name, rule in zip(evaluation.names, found["threshold_baseline"], strict=True)
    ]
    blocks.append(Table(heads, rows, f"Each class by itself. The baseline, chosen on validation, after smoothing: {'; '.join(rules)}."))
    left = [
        f"{name}: {LABELS.get(kind, 'Dice')} {count}" for name, one in found["classes"].items() for kind, count in one["left_out"].items()
    ]
    if left:
        blocks.append(Note(f"Images that a score leaves out, because it has no finite value for them: {'; '.join(left)}."))
    heads = ["image", "person", *(f"Dice, {name}" for name in evaluation.names)]
    order = worst_first(evaluation)
    table = [
        [one.frame.case.image_id, one.frame.case.person, *(score.dice_score for score in one.scores)]
        for one in (evaluation.frames[number] for number in order)
    ]
    return [*blocks, Table(heads, table, "Every image, the worst first; a dash where the class is neither there nor found.", folded=True)]


def worst_first(evaluation: LabelMapEvaluation) -> list[int]:
    """Return the images by rising mean Dice over classes; those that are rightly left empty come last."""
    frames = evaluation.frames
    return sorted(range(len(frames)), key=lambda number: (not frames[number].shows_something, frames[number].mean_dice))


def _image_blocks(evaluation: LabelMapEvaluation, picture: SaveFigure) -> list[Block]:
    order = worst_first(evaluation)
    shown = [number for number in order if evaluation.frames[number].shows_something] or order
    rows = (
        ("worst", "The worst: the images with the lowest Dice.", shown, True),
        ("best", "The best: the images with the highest Dice.", shown[::-1], False),
        ("random", "Drawn at random.", random_order(len(order)), False),
    )
    blocks: list[Block] = [Note("Solid lines are true borders, dashed lines found ones. The probe is above, as on the machine's screen.")]
    for name, caption, numbers, bad in rows:
        panels = [_panel(evaluation.frames[number], evaluation.names, bad) for number in numbers[:SHOWN_IMAGES]]
        figure = labelled_grid(panels, evaluation.names)
        blocks.append(picture(f"images-{name}", figure, caption, f"Images with true and found borders. {caption}", wide=True))
    return blocks


def _panel(one: EvaluatedFrame, names: tuple[str, ...], bad: bool) -> LabelledImage:
    image, truth = one.frame.image_and_truth()
    down, across = image.spacing_mm or (1.0, 1.0)
    words = ", ".join(
        f"{name} {'–' if np.isnan(score.dice_score) else f'{score.dice_score:.2f}'}" for name, score in zip(names, one.scores, strict=True)
    )
    return LabelledImage(image.pixels, truth, one.found, one.frame.case.image_id, f"Dice: {words}", bad, down / across)


def _group_blocks(evaluation: LabelMapEvaluation) -> list[Block]:
    kinds = [name for name in evaluation.scores["scores"] if name in ("dice_score", "dice_score_with_empty")]
    groups = {**evaluation.scores["subgroups"], "everyone": evaluation.scores}
    rows: list[list[Any]] = [
        [name, one["images"], one["persons"], *(interval_of(one["scores"][kind]) for kind in kinds)] for name, one in groups.items()
    ]
    return [Table(["group", "images", "persons", *(LABELS.get(kind, "Dice") for kind in kinds)], rows, "With 95 % intervals.")]


def _postprocessing_blocks(run: Run, picture: SaveFigure) -> list[Block]:
    postprocessing, kept = read_postprocessing(run, LabelMapPostprocessing)
    if kept.get("origin") == MEAN:
        classes = postprocessing.classes
        several = len(classes) > 1
        return mean_blocks(
            [
                [name.replace("_", " ") + (f", {one.name}" if several else ""), getattr(one, name), words]
                for one in classes
                for name, words in POSTPROCESSING_WORDS.items()
            ]
        )
    blocks: list[Block] = []
    for number, one in enumerate(postprocessing.classes):
        said = kept["chosen"][one.name]
        rows = [[name.replace("_", " "), getattr(one, name), words] for name, words in POSTPROCESSING_WORDS.items()]
        parts = postprocessing_blocks(ablation_table(one.name, said), [drawn_tuning(number + 1, one, said)], rows, picture)
        # The note on cross-fitting once.
        blocks += parts if number == 0 else parts[1:]
    return blocks
