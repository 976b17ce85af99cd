"""Is the quick segmentation better than nnU-Net and MONAI's challenge baseline in the same minutes? Same CTs, same people, same scores.

    python -m benchmarks.segmentation [--data FOLDER] [--peer-minutes 1 4] [--peers nnunet monai] [--nnunet PYTHON] [--work FOLDER]
    python -m benchmarks.segmentation --minutes 11          (without our own training: the peers alone, from so many processor minutes)

`--peer-minutes` gives the peers multiples of our processor minutes: one that stays below the trivial baseline is no comparison. That
baseline is what lies above a number of Hounsfield units inside the lung mask, the number being chosen on the other people by mean Dice.
nnU-Net (`segmentation_nnunet.py`) runs in its own environment, which is made in the cache folder unless `--nnunet` names its Python:

    uv venv FOLDER && uv pip install --python FOLDER/bin/python nnunetv2

It is asked twice: as it plans by itself, for a GPU of 8 GB, and as it plans for 1 GB, where a step is an eighth of the work.

MONAI's challenge baseline is in `segmentation_monai.py`. Everybody trains on the training people; who chooses anything chooses on the
validation people; all masks are evaluated on the test people, on the grids of their CTs. Nobody's preparation of the data counts, nor do the
minutes of answering. Processor minutes are compared, not wall minutes, because other work on a machine disturbs them less.

Each result is printed and added to WORK/results.json as soon as it is there. WORK also keeps nnU-Net's preparation, the peers' weights and
all masks, so that the same command goes on where it was stopped, and MONAI's baseline with more minutes where it ended with fewer. (A
training of nnU-Net begins again, because its learning rate falls over the minutes that it is given.) Without `--work` it goes when the
benchmark ends.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from rich.table import Table

from radlearn.challenges import covid19
from radlearn.challenges.covid19 import Case
from radlearn.files import cache_folder, read_json, write_json
from radlearn.metrics.mask_table import mask_scores, mask_summary
from radlearn.progress import console, progress_bar, say
from radlearn.scans.geometry import Volume, spacing_mm, voxel_volume_ml
from radlearn.scans.lungs import lung_mask
from radlearn.scans.mask_files import read_mask, write_mask_like
from radlearn.scans.nifti import read_volume, write_volume
from radlearn.tasks.segmentation.scans import above_median_burden
from radlearn.training.splits import SUBSETS, read_split, split_by_person
from radlearn.workflow.data_source import built_in_cts

CTS, SEED = 120, 0
THRESHOLDS_HU = np.arange(-950, 100, 10)
SCORES = ("dice_score", "median_volume_error_percent", "false_lesions_per_scan")
Division = Mapping[str, Sequence[Case]]
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help=f"folder in the COVID-19-20 layout; {CTS} built-in CTs if not named")
    parser.add_argument("--peer-minutes", type=float, nargs="*", default=[1.0], help="the peers' time, in multiples of ours")
    parser.add_argument("--minutes", type=float, help="leave our own training out and take this for its processor minutes")
    parser.add_argument("--epochs", type=int, help="epochs of our run; the quick preset's if not named")
    parser.add_argument("--peers", nargs="*", choices=["nnunet", "monai"], default=["nnunet", "monai"])
    parser.add_argument("--nnunet", type=Path, help="the Python of an environment that holds nnunetv2; made if not named")
    parser.add_argument(
        "--nnunet-gb", type=float, nargs="*", default=[8.0, 1.0], help="the memory that nnU-Net plans for; 8 is its default"
    )
    parser.add_argument("--full-precision", action="store_true", help="let the peers compute in float32 instead of bfloat16: twice as slow")
    parser.add_argument("--work", type=Path, help="folder for masks, results and nnU-Net's preparation; temporary if not named")
    parser.add_argument("--no-mirrors", action="store_true", help="let the peers answer without test-time mirrors: hours less")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = (asked.work or Path(folder)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        data = asked.data or built_in_cts(CTS, SEED)
        rows: list[Row] = []
        split, minutes = None, asked.minutes
        if minutes is None:
            split, row = ours(data, work, asked.epochs)
            minutes = row["minutes"]
            report(rows, row, work)
        division = copied(divided(covid19.find_cases(data), split), work)
        report(rows, trivial(division, work / "trivial"), work)
        python = (asked.nnunet or nnunet_python()) if "nnunet" in asked.peers else None
        flags = ["--no-mirrors"] * asked.no_mirrors + ["--full-precision"] * asked.full_precision
        for multiple in asked.peer_minutes:
            if python:
                for memory_gb in asked.nnunet_gb:
                    report(rows, nnunet(division, work, python, minutes * multiple, memory_gb, flags), work)
            if "monai" in asked.peers:
                report(rows, monai(division, work, minutes * multiple, not asked.no_mirrors, not asked.full_precision), work)
        show(rows)


# Data


def divided(cases: Sequence[Case], split: Mapping[str, tuple[str, str]] | None) -> Division:
    """Return the cases by side: as our run divided them, else as it would."""
    if split is None:
        scans = [scan_and_truth(case) for case in cases]
        load_ml = [np.count_nonzero(truth) * voxel_volume_ml(scan.affine) for scan, truth in scans]
        sides = split_by_person([case.person for case in cases], above_median_burden(load_ml), SEED, least=1)
    else:
        sides = [split[case.case_id][1] for case in cases]
    return {side: [case for case, of in zip(cases, sides, strict=True) if of == side] for side in SUBSETS}


def scan_and_truth(case: Case) -> tuple[Volume, np.ndarray]:
    """Return a CT, and its true mask as bool (i, j, k); a folder in the layout has one for each."""
    scan = read_volume(case.path)
    return scan, read_mask(str(case.mask_path), scan).voxels


def copied(division: Division, work: Path) -> Division:
    """Write every CT and mask once as a plain NIfTI file under names that suit nnU-Net, whatever they were before, and return those."""
    copies: dict[str, list[Case]] = {side: [] for side in division}
    for side, cases in division.items():
        for case in cases:
            image, mask = work / "images" / f"{case.case_id}_0000.nii.gz", work / "masks" / f"{case.case_id}.nii.gz"
            if not mask.exists():
                scan, truth = scan_and_truth(case)
                write_volume(image, scan.voxels, scan.affine)
                write_mask_like(mask, truth, scan)
            copies[side].append(replace(case, path=image, mask_path=mask))
    told = {side: [case.case_id for case in cases] for side, cases in copies.items()}
    say("; ".join(f"{side} {len(ids)}" for side, ids in told.items()) + " CTs")
    if (known := work / "division.json").exists() and read_json(known) != told:
        raise SystemExit(f"{work}: holds another division of people, and what was prepared for it. Name another folder with --work.")
    write_json(work / "division.json", told)
    return copies


# The sides


def ours(data: Path, work: Path, epochs: int | None) -> tuple[dict[str, tuple[str, str]], Row]:
    """Train and evaluate radlearn's quick preset; return the division that it made, and its row."""
    from radlearn.covid19_ct_segmentation import segment_lesions as lesson
    from radlearn.tasks.segmentation.scans import prepared_scans

    folder, known = work / "ours", work / "ours.json"
    if known.exists():
        return read_split(folder / "split.csv"), read_json(known)
    settings = lesson.PRESETS["quick"]
    settings = settings if epochs is None else replace(settings, epochs=epochs)
    cases = lesson.find_cases(data)
    prepared_scans(cases, lesson.preparation(settings))
    begun, wall = processor_minutes(), time.monotonic()
    run = lesson.train(settings, data, folder)
    told = {"minutes": processor_minutes() - begun, "wall_minutes": (time.monotonic() - wall) / 60}
    split = read_split(run.folder / "split.csv")
    found = lesson.evaluate(run, [case for case in cases if split[case.case_id][1] == "test"], "test")
    write_json(known, {"model": "radlearn quick", **told, "scores": {name: found["scores"][name] for name in SCORES}})
    return split, read_json(known)


def processor_minutes() -> float:
    """Return the processor time of this process and of its children that have ended."""
    spent = os.times()
    return (spent.user + spent.system + spent.children_user + spent.children_system) / 60


def trivial(division: Division, out: Path) -> Row:
    """Evaluate what is denser than a threshold inside the lungs; the threshold is the best one for the people who are not tested."""
    dice = []
    for case in [*division["train"], *division["validation"]]:
        scan, truth = scan_and_truth(case)
        lungs = lung_mask(scan.voxels, scan.affine)
        if truth.any():
            dice.append(dice_by_threshold(scan.voxels[lungs], truth[lungs], int(truth.sum())))
    mean = np.mean(dice, axis=0)
    best = int(THRESHOLDS_HU[mean.argmax()])
    say(f"Above {best} HU inside the lungs: mean Dice {mean.max():.3f} on the {len(dice)} CTs with lesions that it was chosen on.")
    for case in division["test"]:
        scan = read_volume(case.path)
        write_mask_like(out / f"{case.case_id}.nii.gz", (scan.voxels > best) & lung_mask(scan.voxels, scan.affine), scan)
    return {"model": f"above {best} HU in the lungs", "scores": scored(division["test"], out)}


def dice_by_threshold(hu: np.ndarray, lesion: np.ndarray, lesion_voxels: int) -> np.ndarray:
    """Return for every threshold the Dice of all that lies above it.

    Args:
        hu: (voxels,) inside the lungs.
        lesion: bool (voxels,), which of them are lesion.
        lesion_voxels: of the whole scan, for the lung mask may miss some.
    """

    def above(values: np.ndarray) -> np.ndarray:
        return len(values) - np.searchsorted(np.sort(values), THRESHOLDS_HU, side="right")

    return 2 * above(hu[lesion]) / (above(hu) + lesion_voxels)


def nnunet(division: Division, work: Path, python: Path, minutes: float, memory_gb: float, flags: Sequence[str]) -> Row:
    """Train nnU-Net for so many processor minutes in its own environment, and evaluate the masks that it leaves."""
    out = work / f"nnunet-{memory_gb:g}-gb-{minutes:.1f}-minutes"
    out.mkdir(exist_ok=True)
    script = Path(__file__).with_name("segmentation_nnunet.py")
    say(f"nnU-Net prepares, trains for {minutes:.1f} processor minutes and answers; it writes its words into {out / 'log.txt'}.")
    with open(out / "log.txt", "w") as log:
        command = [
            str(python),
            str(script),
            str(work),
            "--minutes",
            str(minutes),
            "--out",
            str(out),
            "--memory-gb",
            str(memory_gb),
            *flags,
        ]
        # Not our PYTHONPATH: it would find what it needs here first.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        if subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment).returncode:
            raise SystemExit(f"nnU-Net failed; {out / 'log.txt'} says how.")
    return {"model": f"nnU-Net v2 for {memory_gb:g} GB", **read_json(out / "told.json"), "scores": scored(division["test"], out)}


def nnunet_python() -> Path:
    """Return the Python of nnU-Net's environment in the user's cache, made at the first call."""
    folder = cache_folder() / "benchmarks" / "nnunet-venv"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    uv = [sys.executable, "-m", "uv"]
    if subprocess.run([python, "-c", "import nnunetv2"], capture_output=True).returncode if python.exists() else True:
        say(f"Making an environment for nnU-Net, once, in {folder}.")
        subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, str(folder)], check=True)
        subprocess.run([*uv, "pip", "install", "--python", str(python), "nnunetv2"], check=True)
    return python


def monai(division: Division, work: Path, minutes: float, mirrored: bool, mixed: bool) -> Row:
    """Train MONAI's challenge baseline for so many processor minutes, and evaluate its masks."""
    from benchmarks.segmentation_monai import Baseline, postprocessed, training_set

    out = work / f"monai-{minutes:.1f}-minutes"
    baseline = Baseline(mixed)
    state = out / "training.pt"
    kept = {float(file.parent.name.split("-")[1]): file for file in work.glob("monai-*-minutes/training.pt")}
    shorter = [spent for spent in kept if spent <= minutes]
    if state.exists() or shorter:
        baseline.go_on_from(state if state.exists() else kept[max(shorter)])
        say(f"MONAI's baseline goes on after {baseline.told['steps']} steps.")
    if baseline.told["minutes"] < minutes:
        say("MONAI's baseline reads and resamples its CTs.")
        out.mkdir(exist_ok=True)
        baseline.train(training_set(division["train"]), minutes, state)
    with progress_bar("MONAI's baseline answers", len(division["test"]), "CTs") as bar:
        for case in division["test"]:
            if not (prediction := out / f"{case.case_id}.nii.gz").exists():
                scan = read_volume(case.path)
                write_mask_like(prediction, postprocessed(baseline, scan, mirrored), scan)
            bar.advance()
    return {"model": "MONAI baseline", **baseline.told, "scores": scored(division["test"], out)}


# Judging


def scored(cases: Sequence[Case], folder: Path) -> dict[str, Any]:
    """Return the scores of the masks `folder/ID.nii.gz`; one that lies on another grid than its CT is refused."""
    table = []
    for case in cases:
        scan, truth = scan_and_truth(case)
        found = read_mask(folder / f"{case.case_id}.nii.gz", scan)
        table.append(mask_scores(found.voxels, truth, spacing_mm(scan.affine)))
    summary = mask_summary(table, [case.person for case in cases])
    return {name: vars(summary.scores[name]) for name in SCORES}


def report(rows: list[Row], row: Row, work: Path) -> None:
    rows.append(row)
    results = work / "results.json"
    name = f"{row['model']}, {row['minutes']:.1f} processor minutes" if "minutes" in row else row["model"]
    write_json(results, {**(read_json(results) if results.exists() else {}), name: row})
    say("  ".join(cells(row)), style="bold")


def show(rows: list[Row]) -> None:
    table = Table("model", "processor min", "wall min", "steps", "s a step", "Dice", "median volume error %", "false lesions a scan")
    for row in rows:
        table.add_row(*cells(row))
    console.print(table)
    floor = next(row for row in rows if row["model"].startswith("above"))
    for row in rows:
        if "steps" in row and not dice(row) > dice(floor):
            say(f"{row['model']} with {row['minutes']:.1f} minutes is not above the trivial baseline: no comparison. Give it more.")


def dice(row: Row) -> float:
    return float(row["scores"]["dice_score"]["value"])


def cells(row: Row) -> list[str]:
    def said(name: str, form: Callable[[float], str] = "{:.3f}".format) -> str:
        score = row["scores"][name]
        ends = "" if score["low"] is None or np.isnan(score["low"]) else f" ({form(score['low'])} to {form(score['high'])})"
        return form(score["value"]) + ends

    steps = row.get("steps")
    return [
        row["model"],
        f"{row['minutes']:.1f}" if "minutes" in row else "–",
        f"{row['wall_minutes']:.1f}" if "minutes" in row else "–",
        f"{steps:,}" if steps else "–",
        f"{row['minutes'] * 60 / steps:.1f}" if steps else "–",
        said("dice_score"),
        said("median_volume_error_percent", "{:.0f}".format),
        said("false_lesions_per_scan", "{:.2f}".format),
    ]


if __name__ == "__main__":
    main()
