"""How fast is a training patch of a full-size CT? Cached patches against MONAI's PersistentDataset and RandCropByPosNegLabeld.

    python -m benchmarks.patches [--cts DATA] [--cases 3 9] [--patches 48] [--spacing 1.25 1.25 5] [--patch 192 192 16]

Both sample the same number of patches, half of them around lesion voxels, from the same CTs (built-in ones, 512 × 512 × about 60, unless
DATA names a folder in the challenge's layout; too few CTs are repeated under other names). MONAI's side is the challenge baseline's:
LoadImaged, Orientationd, Spacingd, ScaleIntensityRanged, cached by PersistentDataset, then RandCropByPosNegLabeld with one patch per
case, or with four, which share one loading. Both are warm: everything is prepared and in the page cache. Processor time is shown beside
wall time, because other work on the machine affects it less; memory is that of a separate process.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure, keep
from radlearn.challenges import covid19
from radlearn.digital_thorax.ct_cohort import write_covid19
from radlearn.progress import say

WINDOW_HU = (-1000, 500)
SIDES = ("radlearn", "MONAI, 1 patch a case", "MONAI, 4 patches a case")


def held_mb() -> float:
    """Return the resident memory of this process, its own and mapped files, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssFile"))) / 1000


def cached_side(files: list[dict[str, str]], options: dict[str, Any], root: Path) -> Callable[[int], list[Any]]:
    """Return a function that gives the patches of the n-th call, by the lesson's transforms up to the patch."""
    from radlearn.covid19_ct_segmentation import segment_lesions as lesson
    from radlearn.monai_parts.mapped_dataset import MappedDataset

    settings = lesson.Settings(spacing_mm=tuple(options["spacing"]), window_hu=WINDOW_HU, patch_voxels=tuple(options["patch"]))
    steps = lesson.training_transform(settings).transforms
    crop = next(number for number, step in enumerate(steps) if type(step).__name__ == "RandCropByPosNegLabeld")
    items = [{"image": Path(one["image"]), "mask": Path(one["label"])} for one in files]
    # The crop and the padding; what follows is the same for both sides.
    dataset = MappedDataset(items, type(lesson.training_transform(settings))(steps[: crop + 3]), root, track_meta=False)

    def draw(number: int) -> list[Any]:
        return list(dataset[number % len(dataset)])

    return draw


def monai_side(files: list[dict[str, str]], options: dict[str, Any], root: Path, patches_a_case: int) -> Callable[[int], list[Any]]:
    """Return a function that gives the patches of the n-th call, by the challenge baseline's transforms."""
    from monai import transforms as mt
    from monai.data import PersistentDataset

    keys = ("image", "label")
    chain = mt.Compose(
        [
            mt.LoadImaged(keys, ensure_channel_first=True),
            mt.Orientationd(keys, axcodes="LPS"),
            mt.Spacingd(keys, pixdim=options["spacing"], mode=("bilinear", "nearest")),
            mt.ScaleIntensityRanged("image", *WINDOW_HU, 0.0, 1.0, clip=True),
            mt.SpatialPadd(keys, options["patch"]),
            mt.RandCropByPosNegLabeld(keys, "label", options["patch"], pos=1, neg=1, num_samples=patches_a_case),
        ]
    )
    dataset = PersistentDataset(files, chain, cache_dir=root)

    def draw(number: int) -> list[Any]:
        return list(dataset[number % len(dataset)])

    return draw


def measure(side: str, options: dict[str, Any]) -> dict[str, float]:
    """Sample patches on one thread, in a separate process, and return the cost of one."""
    import torch

    torch.set_num_threads(1)
    root = Path(options["root"])
    if side == "radlearn":
        draw = cached_side(options["files"], options, root / "radlearn")
    else:
        draw = monai_side(options["files"], options, root / "monai", int(side.split(" ")[1]))
    for number in range(len(options["files"])):
        draw(number)  # Fills the caches.
    before, wall, processor, drawn, number = held_mb(), time.perf_counter(), time.process_time(), 0, 0
    while drawn < options["patches"]:
        drawn += len(draw(number))
        number += 1
    return {
        "ms": 1000 * (time.perf_counter() - wall) / drawn,
        "processor_ms": 1000 * (time.process_time() - processor) / drawn,
        "held_mb": held_mb(),
        "grown_mb": held_mb() - before,
    }


def copy_ms(patch: Sequence[int]) -> float:
    """Return the milliseconds to copy a patch of half precision and its mask of bytes, out of a block too large for the caches."""
    rng = np.random.default_rng(0)
    block, mask = np.zeros((64, *patch), np.float16), np.zeros((64, *patch), np.uint8)
    order = rng.permutation(64)
    started = time.process_time()
    for number in order:
        block[number].copy()
        mask[number].copy()
    return 1000 * (time.process_time() - started) / len(order)


def in_a_process(side: str, options: dict[str, Any]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.patches", "--measure", side, "--options", json.dumps(options)]
    run = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return json.loads(run.stdout.splitlines()[-1])


def shown_cases(data: Path, count: int, folder: Path) -> list[dict[str, str]]:
    """Return the files of `count` cases: what is there, and copies under other names."""
    cases = [(case.path, case.mask_path) for case in covid19.find_cases(data) if case.mask_path]
    files = []
    for number in range(count):
        pair = {}
        for key, path in zip(("image", "label"), cases[number % len(cases)], strict=True):
            copy = folder / f"{number:03d}-{path.name}"
            # Zeros after the end of a gzip file mean nothing; different numbers of them make the copies different files for a cache.
            copy.write_bytes(path.read_bytes() + bytes(number))
            pair[key] = str(copy)
        files.append(pair)
    return files


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--cts", type=Path)
    options.add_argument("--cases", type=int, nargs="+", default=[3, 9])
    options.add_argument("--patches", type=int, default=48)
    options.add_argument("--spacing", type=float, nargs=3, default=[1.25, 1.25, 5.0])
    options.add_argument("--patch", type=int, nargs=3, default=[192, 192, 16])
    options.add_argument("--measure", help=argparse.SUPPRESS)
    options.add_argument("--options", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.measure:
        sys.stdout.write(json.dumps(measure(chosen.measure, json.loads(chosen.options))) + "\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        data = chosen.cts or root / "covid19"
        if not chosen.cts:
            write_covid19(data, 3, size="full")
        (root / "shown").mkdir()
        files = shown_cases(data, max(chosen.cases), root / "shown")
        size, spacing = (" × ".join(f"{number:g}" for number in numbers) for numbers in (chosen.patch, chosen.spacing))
        say(f"\nPatches of {size} voxels at {spacing} mm, one thread, {chosen.patches} patches")
        say("  side                      cases    ms a patch   processor ms   to radlearn (processor)   held MB   grown MB")
        for count in chosen.cases:
            given = {"files": files[:count], "root": folder, "patches": chosen.patches, "spacing": chosen.spacing, "patch": chosen.patch}
            results = {side: in_a_process(side, given) for side in SIDES}
            ours = results["radlearn"]["processor_ms"]
            floor = copy_ms(chosen.patch)
            for side in SIDES[1:]:
                ratio, most = (results[side]["processor_ms"] / one for one in (ours, floor))
                what, how = f"training patch of {count} CTs, beside {side}", "one copy of the patch and its mask in memory"
                keep(Figure(what, ratio, "times as fast", None, most, how))
            for side, result in results.items():
                ratio = result["processor_ms"] / ours
                say(
                    f"  {side:24} {count:6} {result['ms']:13.2f} {result['processor_ms']:14.2f} {ratio:25.1f} {result['held_mb']:9.0f} "
                    f"{result['grown_mb']:10.1f}"
                )


if __name__ == "__main__":
    main()
