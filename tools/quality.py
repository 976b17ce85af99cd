"""Train the quick preset of every task with several seeds on several cohorts of built-in patients; compare mean and worst with the targets.

Each run is evaluated on its own test people, who are others for every seed, and on all people of another cohort, who are the same for every
seed: how far runs lie apart on these is what seeds do, without the luck of few and different test people. `--real DIR` evaluates each run
on real cases in a challenge's layout as well, which have no part in any choice.

`make quality` runs five seeds on two cohorts, which takes about four hours. A result is kept in `runs/quality/results.jsonl` as soon as it
is known, and is not measured again by the same code; the runs stay beside it. This is not a test: a missed target is a finding to look
into.
"""

import hashlib
import importlib
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tyro
from rich.table import Column, Table

import radlearn
from benchmarks.figures import peak_memory_gib
from radlearn import use_cases
from radlearn.progress import console, say
from radlearn.workflow.data_source import built_in_folder

PATIENTS = {"classification": 800, "detection": 800, "segmentation": 120}
# Cohort that a run is trained on -> cohort on all of whose people it is evaluated as well.
OTHER_COHORT = {0: 1, 1: 0}


class Target(NamedTuple):
    """A figure of a task with what its mean and its worst must reach; None where nothing is promised."""

    task: str
    figure: str
    mean: float | None
    worst: float | None
    higher_is_better: bool = True


TARGETS = (
    Target("classification", "auroc_score", 0.965, 0.94),
    Target("classification", "within_view_auroc_score", 0.95, None),
    Target("classification", "other_cohort_auroc_score", None, None),
    Target("classification", "other_cohort_within_view_auroc_score", None, None),
    Target("classification", "real_within_view_auroc_score", 0.74, None),
    Target("classification", "real_auroc_score", None, None),
    Target("classification", "pointing_score", 0.75, None),
    Target("classification", "training_min", 3.0, None, False),
    Target("detection", "rsna_score", 0.52, 0.47),
    Target("detection", "other_cohort_rsna_score", None, None),
    Target("detection", "real_rsna_score", None, None),
    Target("detection", "auroc_score", None, None),
    Target("detection", "false_boxes_per_healthy_image", 0.1, None, False),
    Target("detection", "training_min", 5.0, None, False),
    Target("segmentation", "dice_score", 0.77, 0.74),
    Target("segmentation", "other_cohort_dice_score", None, None),
    Target("segmentation", "lesion_sensitivity", 0.65, None),
    Target("segmentation", "false_lesions_per_scan", 1.5, None, False),
    Target("segmentation", "median_volume_error_percent", None, None, False),
    Target("segmentation", "training_min", 6.0, None, False),
)


def quality(
    tasks: tuple[str, ...] = tuple(PATIENTS),
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4),
    cohorts: tuple[int, ...] = (0, 1),
    other_cohort: bool = True,
    real: Path | None = None,
    out: Path = Path("runs/quality"),
) -> int:
    """Measure what is not yet known, print the table; return 1 if a target is missed.

    Args:
        tasks: The tasks to measure.
        seeds: Seeds of the split, the first weights and the augmentation.
        cohorts: Seeds of the built-in patients.
        other_cohort: Evaluate each run on the people of another cohort too, which takes as long as half a training of CTs.
        real: Folder of real cases on which each run is evaluated too.
        out: Folder of the results.
    """
    kept = out / "results.jsonl"
    known = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()] if kept.exists() else []
    # What other patients or another recipe gave is kept in the file and left out of the table.
    recipes = {task: recipe_of(task) for task in tasks}
    known = [result for result in known if result.get("recipe") == recipes.get(result["task"])]
    done = {(result["task"], result["cohort"], result["seed"]) for result in known}
    out.mkdir(parents=True, exist_ok=True)
    for task in tasks:
        for cohort in cohorts:
            for seed in seeds:
                if (task, cohort, seed) not in done:
                    found = measured(task, cohort, seed, other_cohort, real, out / f"{task}-cohort-{cohort}-seed-{seed}")
                    known.append(found | {"recipe": recipes[task]})
                    with open(kept, "a", encoding="utf-8") as file:
                        file.write(json.dumps(known[-1]) + "\n")
    wanted = [result for result in known if result["seed"] in seeds and result["cohort"] in cohorts]
    say(f"Peak memory of this process: {peak_memory_gib():.2f} GiB.")
    return printed([target for target in TARGETS if target.task in tasks], wanted)


def recipe_of(task: str) -> str:
    """Return a digest of the code of the patients, the lesson and the loop, which tells results of other versions apart."""
    package = Path(radlearn.__file__).parent
    lesson = Path(str(importlib.import_module(use_cases.USE_CASES[task].lesson).__file__))
    digest = hashlib.blake2b(digest_size=4)
    for source in (lesson, *sorted((package / "digital_thorax").glob("*.py")), *sorted((package / "training").glob("*.py"))):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def measured(task: str, cohort: int, seed: int, other_cohort: bool, real: Path | None, folder: Path) -> dict[str, Any]:
    """Train the quick preset of a task; evaluate it on its test people and, where asked for, other ones; return its figures by name."""
    challenge = use_cases.USE_CASES[task].load_task().challenge
    api, data = getattr(radlearn, task), built_in_folder(challenge, PATIENTS[task], cohort)
    shutil.rmtree(folder, ignore_errors=True)
    run = api.train(data=data, run=folder, seed=seed)
    found = api.evaluate(run)
    figures = {name: score["value"] for name, score in found["scores"].items()}
    elsewhere = {"real": real} if real else {}
    if other_cohort:
        elsewhere["other_cohort"] = built_in_folder(challenge, PATIENTS[task], OTHER_COHORT.get(cohort, 0))
    for where, cases in elsewhere.items():
        figures |= {f"{where}_{name}": score["value"] for name, score in api.evaluate(run, data=cases)["scores"].items()}
    if found.get("heat_maps"):
        figures |= {name: score["value"] for name, score in found["heat_maps"].items() if name != "true_positives"}
    # Without reading the patients, which is done once.
    figures["training_min"] = sum(epoch["seconds"] for epoch in run.history) / 60
    say(f"{task}, cohort {cohort}, seed {seed}: " + ", ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    return {"task": task, "cohort": cohort, "seed": seed, "figures": figures}


def printed(targets: Sequence[Target], results: Sequence[dict[str, Any]]) -> int:
    """Print mean, worst and target of every figure; return 1 if a target is missed."""
    task, figure = Column("task", min_width=14), Column("figure", min_width=36)
    table = Table(task, figure, "runs", "mean", "target", "worst", "target", "best", "kept")
    missed = False
    for target in targets:
        of_task = [result["figures"] for result in results if result["task"] == target.task]
        values = [figures[target.figure] for figures in of_task if target.figure in figures]
        if not values:
            continue
        mean, (worst, best) = float(np.mean(values)), sorted((min(values), max(values)), reverse=not target.higher_is_better)
        kept = all(reached(value, limit, target) for value, limit in ((mean, target.mean), (worst, target.worst)))
        missed = missed or not kept
        limits = ["–" if limit is None else f"{'≥' if target.higher_is_better else '≤'} {limit:g}" for limit in (target.mean, target.worst)]
        row = (target.task, target.figure, str(len(values)), f"{mean:.3f}", limits[0], f"{worst:.3f}", limits[1], f"{best:.3f}")
        table.add_row(*row, "yes" if kept else "NO")
    # In a log file the console is 80 columns wide, which would cut the names of the figures.
    console.print(table, soft_wrap=True)
    return int(missed)


def reached(value: float, limit: float | None, target: Target) -> bool:
    """Return whether a value keeps a target's limit."""
    return limit is None or (value >= limit if target.higher_is_better else value <= limit)


if __name__ == "__main__":
    sys.exit(tyro.cli(quality))
