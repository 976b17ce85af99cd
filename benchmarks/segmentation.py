"""Is the quick segmentation better than nnU-Net and MONAI's challenge baseline in the same minutes? Same CTs, same people, same scores.

    python -m benchmarks.segmentation [--data FOLDER] [--peer-minutes 1 4] [--peers nnunet monai] [--nnunet PYTHON] [--work FOLDER]
    python -m benchmarks.segmentation --minutes 11          (the peers alone, as if our training had taken 11 processor minutes)

`--peer-minutes` gives the peers multiples of our processor minutes: a peer that stays below the trivial baseline is no comparison. That
baseline is a Hounsfield threshold inside the lung mask, chosen by mean Dice on the training and validation people. nnU-Net
(`segmentation_nnunet.py`) runs in its own environment, which is made in the cache folder unless `--nnunet` names its Python:

    uv venv FOLDER && uv pip install --python FOLDER/bin/python nnunetv2

It runs twice: as planned by default, for a GPU of 8 GB, and as planned for 1 GB, where a step is an eighth of the work.

MONAI's challenge baseline is in `segmentation_monai.py`. All models train on the training people and choose, if anything, on the
validation people; all masks are evaluated on the test people, on the grids of their CTs. Preparing the data and inference do not count.
Processor minutes are compared rather than wall minutes, because other work on the machine affects them less.

Each result is printed and added to WORK/results.json as soon as it is known. WORK also keeps nnU-Net's preparation, the peers' weights and
all masks, so that the same command resumes where it was stopped, and MONAI's baseline, given more minutes, continues from a shorter
training. (nnU-Net begins again, because its learning rate falls over the given minutes.) Without `--work`, the folder is removed at the
end.
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

import radlearn
from radlearn.challenges import covid19
from radlearn.challenges.covid19 import Case
from radlearn.files import cache_folder
from radlearn.json_files import read_json, write_json
from radlearn.metrics.mask_table import mask_scores, mask_summary
from radlearn.progress import console, progress_bar, say
from radlearn.scans.geometry import Volume, spacing_mm, voxel_volume_ml
from radlearn.scans.lungs import lung_mask
from radlearn.scans.mask_files import read_mask, write_mask_like
from radlearn.scans.nifti import read_volume, write_volume
from radlearn.tasks.segmentation.scans import above_median_burden
from radlearn.training.splits import SUBSETS, read_split, split_by_person
from radlearn.workflow.data_source import built_in_folder

CTS, SEED = 120, 0
THRESHOLDS_HU = np.arange(-950, 100, 10)
SCORES = ("dice_score", "median_volume_error_percent", "false_lesions_per_scan")
Split = Mapping[str, Sequence[Case]]
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help=f"folder in the COVID-19-20 layout; default: {CTS} built-in CTs")
    parser.add_argument("--peer-minutes", type=float, nargs="*", default=[1.0], help="the peers' time, in multiples of ours")
    parser.add_argument("--minutes", type=float, help="skip our own training and take this for its processor minutes")
    parser.add_argument("--epochs", type=int, help="epochs of our run; default: the quick preset's")
    parser.add_argument("--peers", nargs="*", choices=["nnunet", "monai"], default=["nnunet", "monai"])
    parser.add_argument("--nnunet", type=Path, help="the Python of an environment with nnunetv2; default: one is made")
    parser.add_argument("--nnunet-gb", type=float, nargs="*", default=[8.0, 1.0], help="memory that nnU-Net plans for; its default is 8")
    parser.add_argument("--full-precision", action="store_true", help="let the peers compute in float32 instead of bfloat16: twice as slow")
    parser.add_argument("--work", type=Path, help="folder for masks, results and nnU-Net's preparation; default: a temporary one")
    parser.add_argument("--no-mirrors", action="store_true", help="let the peers predict without test-time mirrors: saves hours")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = (options.work or Path(folder)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        data = options.data or built_in_folder(covid19.CHALLENGE, CTS, SEED)
        rows: list[Row] = []
        known, minutes = None, options.minutes
        if minutes is None:
            known, row = ours(data, work, options.epochs)
            minutes = row["minutes"]
            report(rows, row, work)
        split = copied(cases_by_subset(covid19.find_cases(data), known), work)
        report(rows, trivial(split, work / "trivial"), work)
        python = (options.nnunet or nnunet_python()) if "nnunet" in options.peers else None
        flags = ["--no-mirrors"] * options.no_mirrors + ["--full-precision"] * options.full_precision
        for multiple in options.peer_minutes:
            if python:
                for memory_gb in options.nnunet_gb:
                    report(rows, nnunet(split, work, python, minutes * multiple, memory_gb, flags), work)
            if "monai" in options.peers:
                report(rows, monai(split, work, minutes * multiple, not options.no_mirrors, not options.full_precision), work)
        show(rows)


# Data


def cases_by_subset(cases: Sequence[Case], known: Mapping[str, tuple[str, str]] | None) -> Split:
    """Return the cases by subset: as our run split them, else as it would."""
    if known is None:
        scans = [scan_and_truth(case) for case in cases]
        burden_ml = [np.count_nonzero(truth) * voxel_volume_ml(scan.affine) for scan, truth in scans]
        subsets = split_by_person([case.person for case in cases], above_median_burden(burden_ml), SEED, least=1)
    else:
        subsets = [known[case.image_id][1] for case in cases]
    return {subset: [case for case, its in zip(cases, subsets, strict=True) if its == subset] for subset in SUBSETS}


def scan_and_truth(case: Case) -> tuple[Volume, np.ndarray]:
    """Return a CT, and its true mask as bool (i, j, k); a folder in the layout has one for each."""
    scan = read_volume(case.path)
    return scan, read_mask(str(case.mask_path), scan).voxels


def copied(split: Split, work: Path) -> Split:
    """Write every CT and mask once as a plain NIfTI file under the names that nnU-Net expects, and return those."""
    copies: dict[str, list[Case]] = {subset: [] for subset in split}
    for subset, cases in split.items():
        for case in cases:
            image, mask = work / "images" / f"{case.image_id}_0000.nii.gz", work / "masks" / f"{case.image_id}.nii.gz"
            if not mask.exists():
                scan, truth = scan_and_truth(case)
                write_volume(image, scan.voxels, scan.affine)
                write_mask_like(mask, truth, scan)
            copies[subset].append(replace(case, path=image, mask_path=mask))
    ids = {subset: [case.image_id for case in cases] for subset, cases in copies.items()}
    say("; ".join(f"{subset} {len(its)}" for subset, its in ids.items()) + " CTs")
    if (known := work / "split.json").exists() and read_json(known) != ids:
        raise SystemExit(f"{work}: was prepared for another split of people. Name another folder with --work.")
    write_json(work / "split.json", ids)
    return copies


# Models


def ours(data: Path, work: Path, epochs: int | None) -> tuple[dict[str, tuple[str, str]], Row]:
    """Train and evaluate radlearn's quick preset; return the split that it made, and its row."""
    from radlearn.covid19_ct_segmentation import segment_lesions as lesson

    folder, known = work / "ours", work / "ours.json"
    if known.exists():
        return read_split(folder / "split.csv"), read_json(known)
    settings = lesson.PRESETS["quick"]
    settings = settings if epochs is None else replace(settings, epochs=epochs)
    lesson.make_dataset(settings, lesson.find_cases(data))
    begun, wall = processor_minutes(), time.monotonic()
    api = radlearn.segmentation
    run = api.resume(folder, data) if (folder / "settings.json").exists() else api.train_with(settings, data, folder)
    cost = {"minutes": processor_minutes() - begun, "wall_minutes": (time.monotonic() - wall) / 60}
    found = api.evaluate(run.folder)
    write_json(known, {"model": "radlearn quick", **cost, "scores": {name: found["scores"][name] for name in SCORES}})
    return read_split(run.folder / "split.csv"), read_json(known)


def processor_minutes() -> float:
    """Return the processor time of this process and of its finished children."""
    spent = os.times()
    return (spent.user + spent.system + spent.children_user + spent.children_system) / 60


def trivial(split: Split, out: Path) -> Row:
    """Evaluate a Hounsfield threshold inside the lungs, the best one for the training and validation people."""
    dice = []
    for case in [*split["train"], *split["validation"]]:
        scan, truth = scan_and_truth(case)
        lungs = lung_mask(scan.voxels, scan.affine)
        if truth.any():
            dice.append(dice_by_threshold(scan.voxels[lungs], truth[lungs], int(truth.sum())))
    mean = np.mean(dice, axis=0)
    best = int(THRESHOLDS_HU[mean.argmax()])
    say(f"Above {best} HU inside the lungs: mean Dice {mean.max():.3f} on the {len(dice)} CTs with lesions that it was chosen on.")
    for case in split["test"]:
        scan = read_volume(case.path)
        write_mask_like(out / f"{case.image_id}.nii.gz", (scan.voxels > best) & lung_mask(scan.voxels, scan.affine), scan)
    return {"model": f"above {best} HU in the lungs", "scores": scored(split["test"], out)}


def dice_by_threshold(hu: np.ndarray, lesion: np.ndarray, lesion_voxels: int) -> np.ndarray:
    """Return, for every threshold, the Dice of all that lies above it.

    Args:
        hu: (voxels,) inside the lungs.
        lesion: bool (voxels,), which of them are lesion.
        lesion_voxels: of the whole scan, since the lung mask may miss some.
    """

    def above(values: np.ndarray) -> np.ndarray:
        return len(values) - np.searchsorted(np.sort(values), THRESHOLDS_HU, side="right")

    return 2 * above(hu[lesion]) / (above(hu) + lesion_voxels)


def nnunet(split: Split, work: Path, python: Path, minutes: float, memory_gb: float, flags: Sequence[str]) -> Row:
    """Train nnU-Net for `minutes` of processor time in its own environment, and evaluate its masks."""
    out = work / f"nnunet-{memory_gb:g}-gb-{minutes:.1f}-minutes"
    out.mkdir(exist_ok=True)
    script = Path(__file__).with_name("segmentation_nnunet.py")
    say(f"nnU-Net prepares, trains for {minutes:.1f} processor minutes and predicts; its log is {out / 'log.txt'}.")
    with open(out / "log.txt", "w") as log:
        named = {"--minutes": minutes, "--out": out, "--memory-gb": memory_gb}
        command = [str(python), str(script), str(work), *(str(word) for pair in named.items() for word in pair), *flags]
        # Without our PYTHONPATH, which would shadow the packages of its environment.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        if subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment).returncode:
            raise SystemExit(f"nnU-Net failed; see {out / 'log.txt'}.")
    return {"model": f"nnU-Net v2 for {memory_gb:g} GB", **read_json(out / "cost.json"), "scores": scored(split["test"], out)}


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


def monai(split: Split, work: Path, minutes: float, mirrored: bool, mixed: bool) -> Row:
    """Train MONAI's challenge baseline for `minutes` of processor time, and evaluate its masks."""
    from benchmarks.segmentation_monai import Baseline, predicted_mask, training_set

    out = work / f"monai-{minutes:.1f}-minutes"
    baseline = Baseline(mixed)
    state = out / "training.pt"
    kept = {float(file.parent.name.split("-")[1]): file for file in work.glob("monai-*-minutes/training.pt")}
    shorter = [spent for spent in kept if spent <= minutes]
    if state.exists() or shorter:
        baseline.resume(state if state.exists() else kept[max(shorter)])
        say(f"MONAI's baseline continues after {baseline.cost['steps']} steps.")
    if baseline.cost["minutes"] < minutes:
        say("MONAI's baseline reads and resamples its CTs.")
        out.mkdir(exist_ok=True)
        baseline.train(training_set(split["train"]), minutes, state)
    with progress_bar("MONAI's baseline predicts", len(split["test"]), "CTs") as bar:
        for case in split["test"]:
            if not (prediction := out / f"{case.image_id}.nii.gz").exists():
                scan = read_volume(case.path)
                write_mask_like(prediction, predicted_mask(baseline, scan, mirrored), scan)
            bar.advance()
    return {"model": "MONAI baseline", **baseline.cost, "scores": scored(split["test"], out)}


# Evaluation


def scored(cases: Sequence[Case], folder: Path) -> dict[str, Any]:
    """Return the scores of the masks `folder/ID.nii.gz`; a mask on another grid than its CT is refused."""
    table = []
    for case in cases:
        scan, truth = scan_and_truth(case)
        found = read_mask(folder / f"{case.image_id}.nii.gz", scan)
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
            say(f"{row['model']} with {row['minutes']:.1f} minutes is not above the trivial baseline: no comparison. Give it more time.")


def dice(row: Row) -> float:
    return float(row["scores"]["dice_score"]["value"])


def cells(row: Row) -> list[str]:
    def text(name: str, form: Callable[[float], str] = "{:.3f}".format) -> str:
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
        text("dice_score"),
        text("median_volume_error_percent", "{:.0f}".format),
        text("false_lesions_per_scan", "{:.2f}".format),
    ]


if __name__ == "__main__":
    main()
