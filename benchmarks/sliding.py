"""How fast is a full-size CT answered? The same network and window over the whole scan, as the MONAI baseline has it, and inside the lungs.

    python -m benchmarks.sliding [--ct FILE] [--overlap 0.5] [--threads 1] [--train-minutes 10 [--norm batch]]

Both read the same file (a built-in CT of 512 × 512 voxels, brought to 70 slices, unless FILE is given), bring it to 1.25 × 1.25 × 5 mm, ask
BasicUNet 16-16-32-64-128-16 with a window of 192 × 192 × 16 and Gaussian weights, and take the probability back to the file's own grid.
MONAI's side is the challenge baseline's: LoadImaged, Orientationd, Spacingd, ScaleIntensityRanged, SlidingWindowInferer, Invertd. The
network is not trained: for time and memory it does not matter what it says. With `--train-minutes` it is, for so many processor minutes
on small built-in CTs of other people, and the Dice of each side with the true mask is shown too.
`grown` lets a window be up to 1.34 times as long along an axis where one then does for two. Each side runs in a process of its own, which
also tells its peak of memory; radlearn's has no cache yet, so it counts everything done for a file seen for the first time. Processor
time disturbs less than wall time what others do.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from radlearn.challenges import covid19
from radlearn.digital_thorax.ct_cohort import write_covid19
from radlearn.metrics.masks import dice_score
from radlearn.progress import progress_bar, say
from radlearn.scans.lungs import lung_mask
from radlearn.scans.nifti import read_volume, write_volume

SPACING_MM, PATCH, WINDOW_HU = (1.25, 1.25, 5.0), (192, 192, 16), (-1000, 500)
SLICES = 70
GROW_TO = 1.34
WEIGHTS, NORM = "BENCHMARK_WEIGHTS", "BENCHMARK_NORM"


def baseline_network() -> Any:
    import torch
    from monai.networks.nets import BasicUNet
    from safetensors.torch import load_model

    torch.manual_seed(0)
    features, norm = (16, 16, 32, 64, 128, 16), (os.environ.get(NORM, "instance"), {"affine": True})
    network = BasicUNet(spatial_dims=3, in_channels=1, out_channels=2, features=features, norm=norm)
    if weights := os.environ.get(WEIGHTS):
        load_model(network, weights)
    else:
        # An untrained network answers next to nothing; larger weights at its end make differences visible.
        network.final_conv.weight.data *= 20
    return network.eval()


def trained(minutes: float, out: Path) -> None:
    """Train the network for so many processor minutes on patches of small built-in CTs, and write its weights."""
    import torch
    from monai.losses import DiceCELoss
    from safetensors.torch import save_model

    from radlearn.covid19_ct_segmentation import segment_lesions as lesson
    from radlearn.workbench.data_source import built_in_cts

    settings = replace(lesson.PRESETS["quick"], spacing_mm=SPACING_MM, window_hu=WINDOW_HU, patch_voxels=PATCH, batch_size=1)
    scans = lesson.prepared_scans(lesson.find_cases(built_in_cts(40, 1)), lesson.preparation(settings))
    loader = lesson.make_loaders(settings, {"training": scans})["training"]
    network, loss = baseline_network().train(), DiceCELoss(to_onehot_y=True, softmax=True, batch=True)
    network.final_conv.weight.data /= 20
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3)
    begun, part, steps, epoch = time.process_time(), 0.0, 0, 0
    with progress_bar("training the network", 1000, "‰ of its time") as bar:
        while part < 1:
            for batch in loader.epoch(epoch):
                part = (time.process_time() - begun) / 60 / minutes
                if part >= 1:
                    break
                # Down to a hundredth, as a cosine: the last weights are the ones that answer.
                optimizer.param_groups[0]["lr"] = 2e-3 * (0.01 + 0.99 * (1 + math.cos(math.pi * part)) / 2)
                wrong = loss(network(batch["image"]), batch["mask"])
                optimizer.zero_grad()
                wrong.backward()
                optimizer.step()
                steps += 1
                bar.advance(min(1000, int(part * 1000)) - bar.done, f"loss {wrong.item():.3f}")
            epoch += 1
    say(f"Trained for {minutes:g} processor minutes, {steps:,} steps.")
    save_model(network, str(out))


def radlearn_side(ct: Path, overlap: float, grow_to: float = 1.0) -> tuple[np.ndarray, dict[str, float]]:
    """Return the probability on the source grid, and the seconds spent in the network's part."""
    from radlearn.scans.volume_cache import Preparation, cached_volumes
    from radlearn.workbench.sliding import answered_volume

    scan = cached_volumes([ct], None, Preparation(SPACING_MM, WINDOW_HU), workers=1)[0]
    network = baseline_network()
    began, processor = time.perf_counter(), time.process_time()
    probability = answered_volume(network, scan, PATCH, overlap, grow_to=grow_to)
    spent = {"window_s": time.perf_counter() - began, "window_processor_s": time.process_time() - processor}
    return scan.back_to_source(probability), spent | {"voxels": float(probability.size)}


def monai_side(ct: Path, overlap: float) -> tuple[np.ndarray, dict[str, float]]:
    """The same by the challenge baseline's transforms and inferer."""
    import torch
    from monai import transforms as mt
    from monai.data import decollate_batch
    from monai.inferers import SlidingWindowInferer

    chain = mt.Compose(
        [
            mt.LoadImaged("image", ensure_channel_first=True),
            mt.Orientationd("image", axcodes="LPS"),
            mt.Spacingd("image", pixdim=SPACING_MM, mode="bilinear"),
            mt.ScaleIntensityRanged("image", *WINDOW_HU, 0.0, 1.0, clip=True),
        ]
    )
    item = chain({"image": str(ct)})
    network = baseline_network()
    inferer = SlidingWindowInferer(PATCH, sw_batch_size=2, overlap=overlap, mode="gaussian", padding_mode="replicate")
    with torch.no_grad():
        began, processor = time.perf_counter(), time.process_time()
        answer = inferer(item["image"][None], lambda windows: torch.softmax(network(windows), 1)[:, 1:])
        spent = {"window_s": time.perf_counter() - began, "window_processor_s": time.process_time() - processor}
    item["pred"] = decollate_batch(answer)[0]
    back = mt.Invertd("pred", chain, orig_keys="image", nearest_interp=False, to_tensor=True)
    return np.asarray(back(item)["pred"][0]), spent | {"voxels": float(answer[0, 0].numel())}


SIDES: dict[str, Callable[[Path, float], tuple[np.ndarray, dict[str, float]]]] = {
    "radlearn": radlearn_side,
    "radlearn, grown": partial(radlearn_side, grow_to=GROW_TO),
    "MONAI": monai_side,
}


def measure(side: str, ct: Path, overlap: float, out: Path) -> dict[str, float]:
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    began, processor = time.perf_counter(), time.process_time()
    probability, spent = SIDES[side](ct, overlap)
    result = {"all_s": time.perf_counter() - began, "all_processor_s": time.process_time() - processor, **spent}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    np.save(out, probability.astype(np.float16))
    return result | {"peak_gb": peak / (1e9 if sys.platform == "darwin" else 1e6)}


def in_a_process(side: str, ct: Path, overlap: float, out: Path, threads: int, cache: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.sliding", "--measure", side, "--ct", str(ct), "--overlap", str(overlap), "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "RADLEARN_CACHE": str(cache)}
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(run.stdout.splitlines()[-1])


def full_size(folder: Path) -> Path:
    """Write a built-in CT of 512 × 512 voxels, its last slices said again until there are 70."""
    write_covid19(folder / "covid19", 1, size="full")
    scan = read_volume(covid19.find_cases(folder / "covid19")[0].path)
    missing = max(0, SLICES - scan.voxels.shape[2])
    truth = read_volume(str(covid19.find_cases(folder / "covid19")[0].mask_path))
    for name, volume in (("ct", scan), ("truth", truth)):
        write_volume(folder / f"{name}.nii.gz", np.pad(volume.voxels, ((0, 0), (0, 0), (0, missing)), mode="edge"), scan.affine)
    return folder / "ct.nii.gz"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--ct", type=Path)
    options.add_argument("--overlap", type=float, default=0.5)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--train-minutes", type=float, help="train the network for so long first, to see what becomes of Dice")
    options.add_argument("--norm", choices=["instance", "batch"], default="instance", help="instance is the baseline's own")
    options.add_argument("--measure", help=argparse.SUPPRESS)
    options.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.measure:
        sys.stdout.write(json.dumps(measure(chosen.measure, chosen.ct, chosen.overlap, chosen.out)) + "\n")
        return
    os.environ[NORM] = os.environ.get(NORM, chosen.norm)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if chosen.train_minutes:
            trained(chosen.train_minutes, folder / "weights.safetensors")
            os.environ[WEIGHTS] = str(folder / "weights.safetensors")
        ct = chosen.ct or full_size(folder)
        scan = read_volume(ct)
        results, answers = {}, {}
        for side in SIDES:
            out = folder / f"{side}.npy"
            # A cache of its own, so that each side begins with nothing but the file.
            results[side] = in_a_process(side, ct, chosen.overlap, out, chosen.threads, folder / f"cache {side}")
            answers[side] = np.load(out).astype(np.float32)
        say(f"\n{scan.grid}; overlap {chosen.overlap}, {chosen.threads} thread(s); in brackets: times as fast as MONAI")
        say("  side              million voxels         all s   processor s     windows s   processor s   peak GB")
        for side, result in results.items():
            times = [
                f"{result[key]:7.1f} ({results['MONAI'][key] / result[key]:4.1f})"
                for key in ("all_s", "all_processor_s", "window_s", "window_processor_s")
            ]
            say(f"  {side:16} {result['voxels'] / 1e6:15.2f} {'  '.join(times)} {result['peak_gb']:9.2f}")
        if (truth := ct.with_name("truth.nii.gz")).exists() and chosen.train_minutes:
            true = read_volume(truth).voxels > 0
            for side in SIDES:
                say(f"  {side}: Dice {dice_score(answers[side] >= 0.5, true):.4f}")
        lungs = lung_mask(scan.voxels, scan.affine)
        for side in list(SIDES)[:2]:
            apart = np.abs(answers[side] - answers["MONAI"])[lungs]
            ends = f"{np.median(apart):.4f} in the median, {np.percentile(apart, 95):.4f} at the 95th percentile"
            say(f"  {side}: probabilities inside the lungs differ from MONAI's by {ends}")


if __name__ == "__main__":
    main()
