"""Is the quick classifier better than TorchXRayVision's network from scratch in the same minutes? Same X-rays, same people.

    python -m benchmarks.classification [--data FOLDER] [--seed 0] [--peer-minutes 1 3]

The peer is DenseNet-121 with one grey channel at 224 px, from random weights, trained as TorchXRayVision's `scripts/train_model.py` does:
Adam with AMSGrad, learning rate 0.001, weight decay 1e-5, batches of 64, rotation of up to 45°, shifts and zooms of up to 15 %. With few
minutes, batches of 64 are few steps, so `--batch` gives it smaller ones. MONAI has the same network. `--peer-minutes` gives the peer
multiples of our processor minutes.
"""

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from rich.table import Table
from torch import nn

import radlearn
from benchmarks.peer_training import train_peer
from radlearn.challenges.rsna import CHALLENGE
from radlearn.metrics import ranking
from radlearn.metrics.intervals import Interval, bootstrap_interval
from radlearn.progress import console
from radlearn.rsna_pneumonia_classification import classify_pneumonia as lesson
from radlearn.tasks.xray.radiographs import PreparedRadiograph, labels_of, persons_of, views_of
from radlearn.training.loading import reseed
from radlearn.workflow.data_source import built_in_folder
from radlearn.workflow.splits import split_cases

PEER = {
    "size_px": 224, "network": "densenet121", "pretrained": False, "rotation_degrees": 45.0, "shift_share": 0.15, "zoom_share": 0.15,
    "gamma_range": 0.0, "contrast_share": 0.0, "brightness_shift": 0.0, "noise_std": 0.0, "holes_chance": 0.0, "mirror_chance": 0.0,
    "test_time_mirror": False,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder in the RSNA layout; default: 800 built-in X-rays")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peer-minutes", type=float, nargs="*", default=[1.0, 3.0], help="the peer's time, in multiples of ours")
    parser.add_argument("--batch", type=int, default=64, help="X-rays in a step of the peer")
    parser.add_argument("--epochs", type=int, help="epochs of our runs; default: the quick preset's")
    options = parser.parse_args()
    data = options.data or built_in_folder(CHALLENGE, 800, 0)
    quick = replace(lesson.PRESETS["quick"], seed=options.seed)
    quick = quick if options.epochs is None else replace(quick, epochs=options.epochs)
    table = Table("model", "processor min", "AUROC", "within a view")
    with tempfile.TemporaryDirectory() as folder:
        minutes = 0.0
        for name, settings in (("radlearn quick", quick), ("the same from scratch", replace(quick, pretrained=False))):
            xrays = lesson.prepared(settings, lesson.find_cases(data))
            begun = time.process_time()
            run = radlearn.classification.train_with(settings, data, Path(folder) / name)
            taken = (time.process_time() - begun) / 60
            minutes = minutes or taken
            split = split_cases(xrays, settings.seed, None, run)
            table.add_row(name, f"{taken:.1f}", *scores(lesson.trained_model(run)[0], split["test"], settings))
        peer_settings = replace(quick, batch_size=options.batch, **PEER)  # type: ignore[arg-type]
        by_id = {xray.case.image_id: xray for xray in lesson.prepared(peer_settings, lesson.find_cases(data))}
        train, test = ([by_id[xray.case.image_id] for xray in split[subset]] for subset in ("train", "test"))
        for multiple in options.peer_minutes:
            model = trained_peer(train, peer_settings, minutes * multiple)
            name = f"DenseNet-121 from scratch, batches of {options.batch}"
            table.add_row(name, f"{minutes * multiple:.1f}", *scores(model, test, peer_settings))
    console.print(table)


def trained_peer(xrays: list[PreparedRadiograph], settings: lesson.Settings, minutes: float) -> nn.Module:
    """Train the peer for so many processor minutes."""
    reseed(settings.seed)
    model = lesson.build_model(settings).train()
    loader = lesson.make_loaders(settings, {"train": xrays})["train"]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, weight_decay=1e-5, amsgrad=True)
    train_peer(loader, lambda batch: lesson.loss(model, batch), optimizer, minutes, lambda part: 0.001)
    return model.eval()


def scores(model: nn.Module, xrays: list[PreparedRadiograph], settings: lesson.Settings) -> tuple[str, str]:
    """Return the AUROC, and that within a view, each with its interval by person, as text."""
    labels, persons, views = labels_of(xrays), persons_of(xrays), views_of(xrays)
    loader = lesson.make_loaders(settings, {"test": xrays})["test"]
    found = lesson.infer_all(model, loader, settings)
    return (
        shown(bootstrap_interval(ranking.auroc_score, persons, found, labels)),
        shown(bootstrap_interval(ranking.within_view_auroc_score, persons, found, labels, views)),
    )


def shown(score: Interval) -> str:
    return f"{score.value:.3f} ({score.low:.3f} to {score.high:.3f})"


if __name__ == "__main__":
    main()
