"""How fast is inference on a full-size CT? The same network and window, over the whole scan as in the MONAI baseline and inside the lungs.

    python -m benchmarks.sliding [--ct FILE] [--cts 1] [--overlap 0.5] [--threads 1] [--train-minutes 10 [--norm batch]] [--weights FILE]

Both read the same file (built-in CTs of 512 × 512 voxels, padded to 70 slices, unless FILE is given), resample it to 1.25 × 1.25 × 5 mm,
apply BasicUNet 16-16-32-64-128-16 with a window of 192 × 192 × 16 and Gaussian weights, and resample the probability to the file's grid.
MONAI's side is the challenge baseline's: LoadImaged, Orientationd, Spacingd, ScaleIntensityRanged, SlidingWindowInferer, Invertd. The
network is not trained, which does not matter for time and memory. With `--train-minutes` it is, for so many processor minutes on small
built-in CTs of other people, and the Dice of each side with the true mask is shown too; `--weights` keeps the trained weights, or loads
them if the file exists. Times are of all CTs together, Dice and differences means over them.

`grown` lets a window be up to 1.34 times as long along an axis where it then saves one. Each side runs in a separate process, which also
measures its peak memory. radlearn's starts without a cache, so everything done for a new file counts; importing the libraries counts for
neither. Processor time is affected less by other work than wall time.
"""

import argparse
import importlib
import json
import math
import os
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

from benchmarks.figures import Figure, keep, peak_memory_gib
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
        # The output of an untrained network hardly varies; larger last weights make differences visible.
        network.final_conv.weight.data *= 20
    return network.eval()


def trained(minutes: float, out: Path) -> None:
    """Train the network for `minutes` of processor time on patches of small built-in CTs, and write its weights."""
    import torch
    from monai.losses import DiceCELoss
    from safetensors.torch import save_model

    from radlearn.covid19_ct_segmentation import segment_lesions as lesson
    from radlearn.tasks.segmentation.scans import scans_of
    from radlearn.workflow.data_source import built_in_folder

    settings = replace(lesson.PRESETS["quick"], spacing_mm=SPACING_MM, window_hu=WINDOW_HU, patch_voxels=PATCH, batch_size=1)
    cases = lesson.find_cases(built_in_folder(covid19.CHALLENGE, 40, 1))
    loader = lesson.make_loaders(settings, {"train": scans_of(cases, lesson.make_dataset(settings, cases))})["train"]
    network, loss_function = baseline_network().train(), DiceCELoss(to_onehot_y=True, softmax=True, batch=True)
    network.final_conv.weight.data /= 20
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3)
    begun, part, steps, epoch = time.process_time(), 0.0, 0, 0
    with progress_bar("training the network", 1000, "‰ of its time") as bar:
        while part < 1:
            for batch in loader.epoch(epoch):
                part = (time.process_time() - begun) / 60 / minutes
                if part >= 1:
                    break
                # Down to a hundredth, as a cosine, because the last weights are used.
                optimizer.param_groups[0]["lr"] = 2e-3 * (0.01 + 0.99 * (1 + math.cos(math.pi * part)) / 2)
                # bfloat16 where that is safe: more steps in the same minutes on processors that support it.
                with torch.autocast("cpu", torch.bfloat16):
                    logits = network(batch["image"])
                loss = loss_function(logits.float(), batch["mask"])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                steps += 1
                bar.advance(min(1000, int(part * 1000)) - bar.done, f"loss {loss.item():.3f}")
            epoch += 1
    say(f"Trained for {minutes:g} processor minutes, {steps:,} steps.")
    save_model(network, str(out))


def radlearn_side(ct: Path, overlap: float, grow_to: float = 1.0) -> tuple[np.ndarray, dict[str, float]]:
    """Return the probability on the source grid, and the seconds spent in the windows: the lesson's transforms, inferer and way back."""
    import torch
    from monai.transforms import Invertd

    from radlearn.covid19_ct_segmentation import segment_lesions as lesson
    from radlearn.monai_parts.lung_inferer import LungBlockInferer

    transform = lesson.deterministic_transform(lesson.Settings(spacing_mm=SPACING_MM, window_hu=WINDOW_HU), with_mask=False)
    item = transform({"image": ct})
    network = baseline_network()
    began, processor = time.perf_counter(), time.process_time()
    inferer = LungBlockInferer(PATCH, overlap, grow_to)
    item["pred"] = inferer(item["image"][None].float(), lambda windows: torch.softmax(network(windows), 1)[:, 1:])[0]
    spent = {"window_s": time.perf_counter() - began, "window_processor_s": time.process_time() - processor}
    back = Invertd("pred", transform, orig_keys="image", nearest_interp=False)
    return back(item)["pred"][0].numpy(), spent | {"voxels": float(item["image"].numel())}


def monai_side(ct: Path, overlap: float) -> tuple[np.ndarray, dict[str, float]]:
    """The same with the challenge baseline's transforms and inferer."""
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
        prediction = inferer(item["image"][None], lambda windows: torch.softmax(network(windows), 1)[:, 1:])
        spent = {"window_s": time.perf_counter() - began, "window_processor_s": time.process_time() - processor}
    item["pred"] = decollate_batch(prediction)[0]
    back = mt.Invertd("pred", chain, orig_keys="image", nearest_interp=False, to_tensor=True)
    return np.asarray(back(item)["pred"][0]), spent | {"voxels": float(prediction[0, 0].numel())}


SIDES: dict[str, Callable[[Path, float], tuple[np.ndarray, dict[str, float]]]] = {
    "radlearn": radlearn_side,
    "radlearn, grown": partial(radlearn_side, grow_to=GROW_TO),
    "MONAI": monai_side,
}


def measure(side: str, ct: Path, overlap: float, out: Path) -> dict[str, float]:
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    # Both need MONAI, whose import takes as long as the inference.
    for module in ("inferers", "networks.nets", "transforms"):
        importlib.import_module(f"monai.{module}")
    began, processor = time.perf_counter(), time.process_time()
    probability, spent = SIDES[side](ct, overlap)
    result = {"all_s": time.perf_counter() - began, "all_processor_s": time.process_time() - processor, **spent}
    peak_gib = peak_memory_gib()
    np.save(out, probability.astype(np.float16))
    return result | {"peak_gib": peak_gib}


def in_a_process(side: str, ct: Path, overlap: float, out: Path, threads: int, cache: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.sliding", "--measure", side, "--ct", str(ct), "--overlap", str(overlap), "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "RADLEARN_CACHE": str(cache)}
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(run.stdout.splitlines()[-1])


def full_size(folder: Path, count: int) -> list[Path]:
    """Write built-in CTs of 512 × 512 voxels, their last slice repeated until there are 70, with their true masks beside them."""
    write_covid19(folder / "covid19", count, size="full")
    written = []
    for number, case in enumerate(covid19.find_cases(folder / "covid19")):
        scan = read_volume(case.path)
        missing = max(0, SLICES - scan.voxels.shape[2])
        for name, volume in (("ct", scan), ("truth", read_volume(str(case.mask_path)))):
            longer = np.pad(volume.voxels, ((0, 0), (0, 0), (0, missing)), mode="edge")
            write_volume(folder / f"{name}-{number}.nii.gz", longer, scan.affine)
        written.append(folder / f"ct-{number}.nii.gz")
    return written


def compared(ct: Path, overlap: float, threads: int, folder: Path) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
    """Run each side on a CT; return its cost, and how far its prediction is from the truth, where there is one, and from MONAI's."""
    scan, results, predictions = read_volume(ct), {}, {}
    for side in SIDES:
        out = folder / "prediction.npy"
        # An empty cache for each side.
        results[side] = in_a_process(side, ct, overlap, out, threads, folder / f"cache of {ct.name} {side}")
        predictions[side] = np.load(out).astype(np.float32)
    say(f"{scan.grid}")
    lungs = lung_mask(scan.voxels, scan.affine)
    truth = ct.with_name(ct.name.replace("ct", "truth"))
    true = read_volume(truth).voxels > 0 if truth != ct and truth.exists() else None
    agreement = {}
    for side, prediction in predictions.items():
        apart = np.abs(prediction - predictions["MONAI"])[lungs]
        dice = math.nan if true is None else dice_score(prediction >= 0.5, true)
        agreement[side] = [dice, float(np.median(apart)), float(np.percentile(apart, 95))]
    return results, agreement


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--ct", type=Path)
    options.add_argument("--cts", type=int, default=1, help="number of built-in CTs")
    options.add_argument("--overlap", type=float, default=0.5)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--train-minutes", type=float, help="first train the network for so many processor minutes, to compare Dice")
    options.add_argument("--norm", choices=["instance", "batch"], default="instance", help="instance is the baseline's own")
    options.add_argument("--weights", type=Path, help="file to keep the trained weights in, or to load them from")
    options.add_argument("--measure", help=argparse.SUPPRESS)
    options.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.measure:
        sys.stdout.write(json.dumps(measure(chosen.measure, chosen.ct, chosen.overlap, chosen.out)) + "\n")
        return
    os.environ[NORM] = chosen.norm
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = (chosen.weights or folder / "weights.safetensors").resolve()
        if chosen.train_minutes and not weights.exists():
            trained(chosen.train_minutes, weights)
        if weights.exists():
            os.environ[WEIGHTS] = str(weights)
        cts = [chosen.ct] if chosen.ct else full_size(folder, chosen.cts)
        every = [compared(ct, chosen.overlap, chosen.threads, folder) for ct in cts]
        show(every, chosen.overlap, chosen.threads)


def show(every: list[tuple[dict[str, dict[str, float]], dict[str, list[float]]]], overlap: float, threads: int) -> None:
    results = {side: {key: sum(times[side][key] for times, _ in every) for key in every[0][0][side]} for side in SIDES}
    say(f"\n{len(every)} CT(s); overlap {overlap}, {threads} thread(s); in brackets: times as fast as MONAI")
    say("  side              million voxels         all s   processor s     windows s   processor s   peak GiB")
    for side, result in results.items():
        times = [
            f"{result[key]:7.1f} ({results['MONAI'][key] / result[key]:4.1f})"
            for key in ("all_s", "all_processor_s", "window_s", "window_processor_s")
        ]
        peak = max(times[side]["peak_gib"] for times, _ in every)
        if side != "MONAI":
            what, ratio = f"sliding window ({side}), beside MONAI's", results["MONAI"]["all_s"] / result["all_s"]
            most = results["MONAI"]["voxels"] / result["voxels"]
            keep(Figure(what, ratio, "times as fast", None, most, "voxels that MONAI's windows hold over ours: the network's work alone"))
        say(f"  {side:16} {result['voxels'] / 1e6:15.2f} {'  '.join(times)} {peak:9.2f}")
    say("  side              mean Dice (of each CT); difference of probabilities in the lungs from MONAI's: median, 95th percentile")
    for side in SIDES:
        dice, median, high = (np.array([agreement[side][n] for _, agreement in every]) for n in range(3))
        say(f"  {side:16} {dice.mean():10.4f} ({', '.join(f'{one:.4f}' for one in dice)}); {median.mean():.4f}, {high.mean():.4f}")


if __name__ == "__main__":
    main()
