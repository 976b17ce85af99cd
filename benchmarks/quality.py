"""The promised figures beside their targets, on built-in patients at full length: `make quality`.

Not a test: it takes minutes, and a figure that disappoints is to be read, not to be made to pass.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from rich.table import Table

import radlearn
from radlearn.challenges.rsna import find_cases
from radlearn.progress import console
from radlearn.workflow.data_source import built_in_cts, built_in_xrays

Row = tuple[str, str, str, bool]


def main() -> int:
    """Train and evaluate the quick preset of every task; print target and figure for each promise; return 1 if one is missed."""
    data = built_in_xrays(800, 0)
    rows = [*classification_rows(data), *detection_rows(data), *segmentation_rows(built_in_cts(120, 0))]
    memory_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    rows.append(("peak memory", "below 3 GiB", f"{memory_gib:.2f} GiB", memory_gib < 3))
    table = Table("promise", "target", "figure", "kept")
    for promise, target, figure, kept in rows:
        table.add_row(promise, target, figure, "yes" if kept else "NO")
    console.print(table)
    return 0 if all(kept for *_, kept in rows) else 1


def classification_rows(data: Path) -> list[Row]:
    """Return what the first lesson promises."""
    lesson = radlearn.classification
    with tempfile.TemporaryDirectory() as folder:
        # The cache is made first: the promise is about training once it exists.
        lesson.train(data=data, run=Path(folder) / "first", epochs=1)
        begun = time.monotonic()
        run = lesson.train(data=data, run=Path(folder) / "run")
        minutes = (time.monotonic() - begun) / 60
        found = lesson.evaluate(run.folder)
    auroc, baselines = found["scores"]["auroc_score"], found["baselines"]
    beaten = max(baseline["value"] for baseline in baselines.values())
    return [
        ("classification: test AUROC", "at least 0.88", f"{auroc['value']:.3f}", auroc["value"] >= 0.88),
        ("classification: lower end of its interval", "above 0.80", f"{auroc['low']:.3f}", auroc["low"] > 0.80),
        ("classification: best trivial baseline", f"below {auroc['low']:.3f}", f"{beaten:.3f}", beaten < auroc["low"]),
        ("classification: training, cache made", "at most 3 min", f"{minutes:.1f} min", minutes <= 3),
    ]


def detection_rows(data: Path) -> list[Row]:
    """Return what the second lesson promises."""
    lesson = radlearn.detection
    with tempfile.TemporaryDirectory() as folder:
        lesson.train(data=data, run=Path(folder) / "first", epochs=1)
        begun = time.monotonic()
        run = lesson.train(data=data, run=Path(folder) / "run")
        minutes = (time.monotonic() - begun) / 60
        found = lesson.evaluate(run.folder)
        begun = time.monotonic()
        xrays = find_cases(data)[:300]
        lesson.predict(run.folder, [case.path for case in xrays], Path(folder) / "predictions", overlays=False)
        speed = len(xrays) / (time.monotonic() - begun)
    scores, trivial = found["scores"], found["baselines"]["mean_box_rsna_score"]["value"]
    rsna, auroc, false_boxes = (scores[name]["value"] for name in ("rsna_score", "auroc_score", "false_boxes_per_healthy_image"))
    return [
        (
            "detection: official score",
            "at least 0.20",
            f"{rsna:.3f} ({scores['rsna_score']['low']:.3f} to {scores['rsna_score']['high']:.3f})",
            rsna >= 0.2,
        ),
        (
            "detection: trivial baseline",
            f"below {scores['rsna_score']['low']:.3f}",
            f"{trivial:.3f}",
            trivial < scores["rsna_score"]["low"],
        ),
        (
            "detection: image-level AUROC",
            "at least 0.88",
            f"{auroc:.3f} ({scores['auroc_score']['low']:.3f} to {scores['auroc_score']['high']:.3f})",
            auroc >= 0.88,
        ),
        ("detection: false boxes per healthy X-ray", "at most 0.3", f"{false_boxes:.2f}", false_boxes <= 0.3),
        ("detection: training, cache made", "at most 6 min", f"{minutes:.1f} min", minutes <= 6),
        ("detection: predict, DICOM to boxes", "at least 15 X-rays/s", f"{speed:.0f} X-rays/s", speed >= 15),
    ]


def segmentation_rows(data: Path) -> list[Row]:
    """Return what the third lesson promises."""
    lesson = radlearn.segmentation
    with tempfile.TemporaryDirectory() as folder:
        lesson.train(data=data, run=Path(folder) / "first", epochs=1, patches_per_scan=1)
        begun = time.monotonic()
        run = lesson.train(data=data, run=Path(folder) / "run")
        minutes = (time.monotonic() - begun) / 60
        found = lesson.evaluate(run.folder)
    scores, rule = found["scores"], found["baselines"]["threshold_baseline_dice_score"]["value"]
    dice = scores["dice_score"]
    error, false = scores["median_volume_error_percent"]["value"], scores["false_lesions_per_scan"]
    shown = f"{dice['value']:.3f} ({dice['low']:.3f} to {dice['high']:.3f})"
    return [
        ("segmentation: mean Dice", "at least 0.70", shown, dice["value"] >= 0.7),
        ("segmentation: trivial baseline", f"below {dice['low']:.3f}", f"{rule:.3f}", rule < dice["low"]),
        ("segmentation: median volume error", "at most 20 %", f"{error:.1f} %", error <= 20),
        (
            "segmentation: false lesions per scan",
            "at most 2",
            f"{false['value']:.2f} ({false['low']:.2f} to {false['high']:.2f})",
            false["value"] <= 2,
        ),
        ("segmentation: training, cache made", "at most 6 min", f"{minutes:.1f} min", minutes <= 6),
    ]


if __name__ == "__main__":
    sys.exit(main())
