"""Measure what a change of a setting does: `make knobs`, or `python -m tools.knobs classification`. It takes hours; CI does not run it.

Each lesson ends in a table of changes. A reader chooses what will happen, then sees what did: mean, worst and best of the test scores of
several seeds, on the same built-in patients, and the minutes of training (`--seeds` without a number measures only these). What is known is
kept in the lesson's `knobs.json`, with the preset that it was measured for, and written into the page, between two comments. A change that
was not measured for today's preset is not on the page: a reader who is asked to guess is told what came out.
"""

import json
import shlex
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import tyro

import radlearn
from benchmarks.challenge import Enough, timed_steps
from radlearn import use_cases
from radlearn.files import write_text
from radlearn.json_files import json_ready, read_json, write_json
from radlearn.progress import say
from radlearn.training.run_folder import OF_THE_MACHINE
from radlearn.workflow.data_source import built_in_folder

SEEDS = (0, 1, 2, 3, 4)
PATIENTS = {"classification": 800, "detection": 800, "segmentation": 120, "ultrasound": 400}
MINUTES = {"classification": 4.0, "detection": 6.5, "segmentation": 12.0, "ultrasound": 3.0}
"Of training the preset on two cores on which nothing else runs."
STEPS_SKIPPED, STEPS_TIMED = 3, 6
BEGIN, END = "<!-- measured by make knobs -->", "<!-- end of what was measured -->"


class Knob(NamedTuple):
    """A change of the `quick` preset: its flags, as they are typed, and why it does what it does."""

    flags: str
    why: str


# Task -> the score that its table shows, what it is called, and the changes; the first row is the preset itself.
SCORES = {
    "classification": ("within_view_auroc_score", "AUROC within a view"),
    "detection": ("rsna_score", "official score"),
    "segmentation": ("dice_score", "Dice"),
    "ultrasound": ("dice_score_with_empty", "Dice, 1 where rightly empty"),
}
KNOBS: dict[str, tuple[Knob, ...]] = {
    "classification": (
        Knob("", "the preset"),
        Knob("--epochs 4", "half of the steps"),
        Knob(
            "--mirror-chance 0 --zoom-share 0 --rotation-degrees 0",
            "each X-ray is seen in one position only: likely easier to learn in 240 steps; people who stand otherwise were not tried",
        ),
        Knob("--size-px 96", "a third of the pixels; faint and small opacities are lost first"),
        Knob("--no-pretrained", "240 steps are not enough to learn what an edge is"),
        Knob("--frozen-share 0.5", "the first half of the layers stays as photographs have formed it, which costs little"),
        Knob(
            "--frozen-share 1",
            "a linear probe at the preset's learning rate: features of photographs alone; a step takes less time, and 240 steps are too "
            "few here",
        ),
        Knob(
            "--norm-batches 0",
            "the averaged weights keep averaged means and variances: probabilities may be too low, while the ranking need not be worse",
        ),
    ),
    "detection": (
        Knob("", "the preset"),
        Knob("--positive-share 0", "a quarter of each batch has an opacity, instead of half: fewer boxes to learn from"),
        Knob("--size-px 320", "finer maps, and half as much work again"),
        Knob("--no-pretrained", "240 steps are not enough to learn what an edge is"),
        Knob("--network small_fcos --epochs 16", "a backbone of 0.6 million weights, from scratch"),
        Knob("--no-test-time-mirror", "half of the work in inference"),
    ),
    "segmentation": (
        Knob("", "the preset"),
        Knob("--lesion-share 0", "patches from anywhere in the lungs: fewer lesion voxels to learn from"),
        Knob("--spacing-mm 4 4 5 --patch-voxels 48 48 32", "a quarter of the work; small lesions are lost"),
        Knob("--window-hu -160 240", "ground glass is black in the soft-tissue window"),
        Knob("--no-confined-to-lungs", "lesions are predicted in muscle, bone and table too"),
    ),
    "ultrasound": (
        Knob("", "the preset"),
        Knob("--no-pretrained", "too few steps to learn what an edge is"),
        Knob("--size-px 224", "three times the work; the bundles of a nerve lie apart"),
        Knob("--mirror-chance 0", "each neck is seen from one side only"),
        Knob("--gamma-range 0 --gain-share 0", "brightness is taken for a property of tissue"),
        Knob("--epochs 4", "two fifths of the steps"),
    ),
}


def settings_of(preset: Any, flags: str) -> Any:
    """Return a preset changed by flags, as the command line would."""
    return tyro.cli(type(preset), args=shlex.split(flags), default=preset)


def preset_of(task: str) -> dict[str, Any]:
    """Return the `quick` preset of a task, as `knobs.json` keeps it: what was measured for another one is out of date."""
    preset = asdict(use_cases.USE_CASES[task].load_task().presets["quick"])
    return json_ready({name: value for name, value in preset.items() if name not in OF_THE_MACHINE})


def file_of(task: str) -> Path:
    """Return the file that keeps what was measured for a task."""
    return use_cases.USE_CASES[task].folder / "knobs.json"


def known_of(task: str) -> dict[str, Any]:
    """Return what was measured for the task's preset: flags -> seed -> score and minutes; empty if it was for another preset."""
    return _kept(task).get("measured", {})


def costs_of(task: str) -> dict[str, float]:
    """Return the processor seconds that training takes, where they were measured for the task's preset: flags -> seconds."""
    return _kept(task).get("processor_seconds", {})


def _kept(task: str) -> dict[str, Any]:
    file = file_of(task)
    kept: dict[str, Any] = read_json(file) if file.exists() else {}
    return kept if kept.get("preset") == preset_of(task) else {}


def measured(task: str, flags: str, seed: int, folder: Path) -> dict[str, Any]:
    """Train and evaluate one change with one seed; return its score, the minutes of training, and the GPU if it was one."""
    task_ = use_cases.USE_CASES[task].load_task()
    settings = replace(settings_of(task_.presets["quick"], flags), seed=seed)
    shutil.rmtree(folder, ignore_errors=True)
    api = getattr(radlearn, task)
    run = api.train_with(settings, built_in_folder(task_.challenge, PATIENTS[task], 0), folder)
    score = api.evaluate(run)["scores"][SCORES[task][0]]["value"]
    on = {"device": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    return {"score": round(score, 4), "minutes": round(sum(epoch["seconds"] for epoch in run.history) / 60, 2), **on}


def cost_of(task: str, flags: str) -> float:
    """Return the processor seconds that all training steps of a change take: a median of some, times their number.

    Other work on the machine hardly changes it, unlike the minutes of a clock.
    """
    task_ = use_cases.USE_CASES[task].load_task()
    settings = settings_of(task_.presets["quick"], flags)
    data = built_in_folder(task_.challenge, PATIENTS[task], 0)
    with tempfile.TemporaryDirectory() as folder, timed_steps(STEPS_SKIPPED + STEPS_TIMED) as steps, suppress(Enough):
        getattr(radlearn, task).train_with(settings, data, Path(folder) / "run")
    return round(statistics.median(step.processor for step in steps[STEPS_SKIPPED:]) * steps[0].of_epoch * settings.epochs, 1)


def table(task: str, known: dict[str, Any], costs: dict[str, float] | None = None) -> str:
    """Return what stands on a task's page of what was measured: each change's mean, worst and best score, the seeds, minutes, and why.

    The minutes are the preset's on two cores times the processor seconds beside its own. Changes are named before the table, which is
    folded away; of the preset alone there is nothing to guess, so its row stands open.
    Empty where nothing was measured.
    """
    shown = [knob for knob in KNOBS[task] if known.get(knob.flags)]
    if not shown:
        return ""
    costs = costs or {}
    lines = [f"| change | {SCORES[task][1]}: mean (worst to best) | seeds | minutes | why |", "|---|---|---|---|---|"]
    for knob in shown:
        values = [one["score"] for one in known[knob.flags].values()]
        spread = f"{values[0]:.3f}, one run, so a part of it is luck"
        if len(values) > 1:
            spread = f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"
        devices = [one["device"] for one in known[knob.flags].values() if one.get("device")]
        some = "" if len(devices) == len(values) else f"{len(devices)} on "
        seeds = f"{len(values)}{f', {some}{devices[0]}' if devices else ''}"
        # To half a minute: what else runs on a machine changes processor seconds by a few in a hundred.
        minutes = f"{round(2 * MINUTES[task] * costs[knob.flags] / costs['']) / 2:g}" if {knob.flags, ""} <= costs.keys() else "–"
        lines.append(f"| {f'`{knob.flags}`' if knob.flags else 'none'} | {spread} | {seeds} | {minutes} | {knob.why} |")
    if asked := ", ".join(f"`{knob.flags}`" for knob in shown if knob.flags):
        lines = [f"{asked}.", "", "<details><summary>What came out</summary>", "", *lines, "", "</details>"]
    return "\n".join(lines)


def with_table(page: str, rows: str) -> str:
    """Return a page with a table between the two comments, in place of what stood there; an empty one leaves them next to each other.

    Raises:
        ValueError: if the page lacks the comments.
    """
    before, found, rest = page.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{rows}\n\n{END}{after}" if rows else f"{before}{BEGIN}\n\n{END}{after}"


def knobs(tasks: tuple[str, ...] = tuple(KNOBS), seeds: tuple[int, ...] = SEEDS, only_write: bool = False) -> None:
    """Measure what is not yet known, keep it, and write the tables of the pages.

    Args:
        tasks: The tasks to measure.
        seeds: Seeds of the split, the first weights and the augmentation.
        only_write: Write the tables of what is known, and measure nothing.
    """
    for task in tasks:
        known, costs = known_of(task), costs_of(task)
        kept = {"preset": preset_of(task), "measured": known, "processor_seconds": costs}
        for knob in () if only_write else KNOBS[task]:
            if knob.flags not in costs:
                costs[knob.flags] = cost_of(task, knob.flags)
                say(f"{task} {knob.flags or '(the preset)'}: {costs[knob.flags]:.0f} processor seconds")
                write_json(file_of(task), kept)
        for seed in () if only_write else seeds:
            for knob in KNOBS[task]:
                if str(seed) not in (rows := known.setdefault(knob.flags, {})):
                    rows[str(seed)] = measured(task, knob.flags, seed, Path("runs/knobs") / task)
                    say(f"{task} {knob.flags or '(the preset)'}, seed {seed}: {json.dumps(rows[str(seed)])}")
                    write_json(file_of(task), kept)
        page = use_cases.USE_CASES[task].folder / "README.md"
        write_text(page, with_table(page.read_text(encoding="utf-8"), table(task, known, costs)))


def main(arguments: Sequence[str]) -> None:
    """Parse the flags and measure."""
    tyro.cli(knobs, args=list(arguments))


if __name__ == "__main__":
    main(sys.argv[1:])
