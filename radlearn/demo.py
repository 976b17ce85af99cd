"""Every task once, on built-in patients: trained, evaluated, and what to look at then."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.table import Table

import radlearn
from radlearn.progress import console, say

SHOWN = {
    "classification": ("auroc_score", "within_view_auroc_score", "average_precision_score", "sensitivity", "specificity", "brier_error"),
    "detection": ("rsna_score", "sensitivity", "false_boxes_per_healthy_image", "auroc_score", "within_view_auroc_score"),
    "segmentation": ("dice_score", "surface_dice_score", "median_volume_error_percent", "lesion_sensitivity", "false_lesions_per_scan"),
}
# What a file to ask about is called.
FILES = {"segmentation": "SCAN.nii.gz"}


def demo(xrays: int = 800, cts: int = 120, seed: int = 0, epochs: int | None = None, out: Path | None = None) -> None:
    """Train and evaluate every task on built-in patients, which are made at the first call.

    Args:
        xrays: How many X-rays to make.
        cts: How many CTs to make.
        seed: Another seed, other patients and another training.
        epochs: Passes over the training X-rays and scans; the quick presets' numbers if not named.
        out: Folder for the runs; runs/TASK/DATE-TIME if not named.
    """
    begun = time.monotonic()
    tasks = {name: getattr(radlearn, name) for name in radlearn.LESSONS}
    say(f"radlearn demo: {', '.join(tasks)} on built-in patients. For learning and research, not for clinical use.")
    from radlearn.workflow.data_source import built_in_cts, built_in_xrays

    for name, api in tasks.items():
        patients = built_in_cts(cts, seed) if name == "segmentation" else built_in_xrays(xrays, seed)
        settings = replace(api.lesson.PRESETS["quick"], seed=seed)
        run = api.train_with(settings if epochs is None else replace(settings, epochs=epochs), patients, out and out / name)
        scores = api.evaluate(run.folder)
        _tell(name, scores, run.folder)
    minutes, seconds = divmod(round(time.monotonic() - begun), 60)
    say(f"All done in {minutes} min {seconds:02d} s.")


def _tell(task: str, found: dict[str, Any], folder: Path) -> None:
    table = Table(
        title=f"{task}: {found['cases']} {'scans' if task == 'segmentation' else 'X-rays'} of {found['persons']} people it has not met",
        title_justify="left",
    )
    table.add_column("score")
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    for name in SHOWN[task]:
        table.add_row(name, *_numbers(found["scores"][name]))
    for name, baseline in found["baselines"].items():
        table.add_row(f"for comparison: {name}", *_numbers(baseline), style="dim")
    console.print(table)
    say("Synthetic patients: these scores are not comparable with a leaderboard.")
    say(f"Report: {folder / 'report.html'}")
    say("What to type next:")
    say(f"  radlearn {task} predict {folder} {FILES.get(task, 'XRAY.dcm')} --out answers      ask it about images of your own")
    say(f"  radlearn {task} train --epochs 5                             change a setting, see what happens")
    say(f"  radlearn {task} train --data FOLDER                          train on the real challenge")


def _numbers(score: dict[str, float | None]) -> tuple[str, str]:
    def shown(number: float | None) -> str:
        return "–" if number is None or number != number else f"{number:.3f}"

    # Medians have no interval.
    between = "–" if shown(score["low"]) == "–" else f"{shown(score['low'])} to {shown(score['high'])}"
    return shown(score["value"]), between
