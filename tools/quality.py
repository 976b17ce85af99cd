"""Measure the promised figures on built-in patients, at full length, beside their targets: `make quality`.

This is not a test: it takes minutes, and a missed target is a finding to look into.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

import radlearn
from radlearn.challenges import covid19, rsna
from radlearn.progress import console
from radlearn.workflow.data_source import built_in_folder

Row = tuple[str, str, str, bool]


class Trained(NamedTuple):
    """The quick preset of a task, trained with the cache already made, and evaluated."""

    found: dict[str, Any]
    minutes: float
    # 0 where it was not measured.
    predictions_per_second: float = 0.0


def main() -> int:
    """Train and evaluate the quick preset of every task; print target and figure for each promise; return 1 if one is missed."""
    xrays, cts = built_in_folder(rsna.CHALLENGE, 800, 0), built_in_folder(covid19.CHALLENGE, 120, 0)
    rows = [*classification_rows(xrays), *detection_rows(xrays), *segmentation_rows(cts)]
    memory_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    rows.append(("peak memory", "below 3 GiB", f"{memory_gib:.2f} GiB", memory_gib < 3))
    table = Table("promise", "target", "figure", "kept")
    for promise, target, figure, kept in rows:
        table.add_row(promise, target, figure, "yes" if kept else "NO")
    console.print(table)
    return 0 if all(kept for *_, kept in rows) else 1


def trained(task: str, data: Path, images: tuple[Path, ...] = (), **shortest: Any) -> Trained:
    """Train and evaluate a task's quick preset; `images`: predict for them too; `shortest`: settings of the run that makes the cache."""
    api = getattr(radlearn, task)
    with tempfile.TemporaryDirectory() as folder:
        api.train(data=data, run=Path(folder) / "first", epochs=1, **shortest)
        begun = time.monotonic()
        run = api.train(data=data, run=Path(folder) / "run")
        minutes = (time.monotonic() - begun) / 60
        found = api.evaluate(run.folder)
        if not images:
            return Trained(found, minutes)
        begun = time.monotonic()
        api.predict(run.folder, images, Path(folder) / "predictions", overlays=False)
        return Trained(found, minutes, len(images) / (time.monotonic() - begun))


def classification_rows(data: Path) -> list[Row]:
    """Return the promises of the classification lesson."""
    found, minutes, _ = trained("classification", data)
    auroc, baselines = found["scores"]["auroc_score"], found["baselines"]
    best = max(baseline["value"] for baseline in baselines.values())
    return [
        ("classification: test AUROC", "at least 0.88", f"{auroc['value']:.3f}", auroc["value"] >= 0.88),
        ("classification: lower end of its interval", "above 0.80", f"{auroc['low']:.3f}", auroc["low"] > 0.80),
        ("classification: best trivial baseline", f"below {auroc['low']:.3f}", f"{best:.3f}", best < auroc["low"]),
        ("classification: training, cache made", "at most 3 min", f"{minutes:.1f} min", minutes <= 3),
    ]


def detection_rows(data: Path) -> list[Row]:
    """Return the promises of the detection lesson."""
    images = tuple(case.path for case in rsna.find_cases(data)[:300])
    found, minutes, speed = trained("detection", data, images)
    official, auroc = found["scores"]["rsna_score"], found["scores"]["auroc_score"]
    false_boxes = found["scores"]["false_boxes_per_healthy_image"]["value"]
    trivial = found["baselines"]["mean_box_rsna_score"]["value"]
    return [
        ("detection: official score", "at least 0.20", with_interval(official, ".3f"), official["value"] >= 0.2),
        ("detection: trivial baseline", f"below {official['low']:.3f}", f"{trivial:.3f}", trivial < official["low"]),
        ("detection: image-level AUROC", "at least 0.88", with_interval(auroc, ".3f"), auroc["value"] >= 0.88),
        ("detection: false boxes per healthy X-ray", "at most 0.3", f"{false_boxes:.2f}", false_boxes <= 0.3),
        ("detection: training, cache made", "at most 6 min", f"{minutes:.1f} min", minutes <= 6),
        ("detection: predict, DICOM to boxes", "at least 15 X-rays/s", f"{speed:.0f} X-rays/s", speed >= 15),
    ]


def segmentation_rows(data: Path) -> list[Row]:
    """Return the promises of the segmentation lesson."""
    found, minutes, _ = trained("segmentation", data, patches_per_scan=1)
    scores, trivial = found["scores"], found["baselines"]["threshold_baseline_dice_score"]["value"]
    dice, false = scores["dice_score"], scores["false_lesions_per_scan"]
    error = scores["median_volume_error_percent"]["value"]
    return [
        ("segmentation: mean Dice", "at least 0.70", with_interval(dice, ".3f"), dice["value"] >= 0.7),
        ("segmentation: trivial baseline", f"below {dice['low']:.3f}", f"{trivial:.3f}", trivial < dice["low"]),
        ("segmentation: median volume error", "at most 20 %", f"{error:.1f} %", error <= 20),
        ("segmentation: false lesions per scan", "at most 2", with_interval(false, ".2f"), false["value"] <= 2),
        ("segmentation: training, cache made", "at most 6 min", f"{minutes:.1f} min", minutes <= 6),
    ]


def with_interval(score: dict[str, float], form: str) -> str:
    return f"{score['value']:{form}} ({score['low']:{form}} to {score['high']:{form}})"


if __name__ == "__main__":
    sys.exit(main())
