"""Is the quick detector better than torchvision's stock one in the same minutes? Same X-rays, same people, same tuning.

    python -m benchmarks.detection [--data FOLDER] [--peer-minutes 1 2]

The peer is `fasterrcnn_mobilenet_v3_large_320_fpn`, the smallest detector of torchvision, trained as in its reference script (SGD with
momentum 0.9, weight decay 1e-4, learning rate 0.02 for batches of 16 after a warm-up, divided by ten after 16/26 and 22/26 of the time,
flips only), from random weights like ours. The postprocessing of both (threshold, scale, suppression, gate) is chosen by the same search
on validation people. `--peer-minutes` gives the peer multiples of our processor minutes: a peer that stays below the trivial baseline is
no comparison.

Processor minutes are compared rather than wall minutes, because other work on the machine affects them less.
"""

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from rich.table import Table
from torch import nn
from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn

import radlearn
from benchmarks.peer_training import train_peer
from radlearn.challenges.rsna import CHALLENGE
from radlearn.challenges.rsna.score import BOX_SCORE
from radlearn.progress import console
from radlearn.rsna_pneumonia_detection import detect_pneumonia as lesson
from radlearn.tasks.detection import candidates, evaluation
from radlearn.tasks.xray.radiographs import PreparedRadiograph, prepared_radiographs
from radlearn.training.loading import reseed
from radlearn.training.run_folder import Run, new_run
from radlearn.workflow.data_source import built_in_folder
from radlearn.workflow.splits import split_cases

STILL = {"rotation_degrees": 0.0, "shift_share": 0.0, "zoom_share": 0.0, "gamma_range": 0.0, "noise_std": 0.0, "holes_chance": 0.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder in the RSNA layout; default: 800 built-in X-rays")
    parser.add_argument("--peer-minutes", type=float, nargs="*", default=[1.0], help="the peer's time, in multiples of ours")
    parser.add_argument("--epochs", type=int, help="epochs of our run; default: the quick preset's")
    options = parser.parse_args()
    data = options.data or built_in_folder(CHALLENGE, 800, 0)
    settings = lesson.PRESETS["quick"]
    settings = settings if options.epochs is None else replace(settings, epochs=options.epochs)
    xrays = prepared_radiographs(lesson.find_cases(data), settings.size_px)
    table = Table("model", "processor min", "official score", "image AUROC", "false boxes per healthy X-ray")
    with tempfile.TemporaryDirectory() as folder:
        begun = time.process_time()
        run = radlearn.detection.train_with(settings, data, Path(folder) / "ours")
        minutes = (time.process_time() - begun) / 60
        split = split_cases(xrays, settings.seed, None, run)
        model, _ = lesson.trained_model(run)
        ours = scored(run, model, split["test"], settings)
        table.add_row("radlearn quick", f"{minutes:.1f}", *shown(ours))
        for multiple in options.peer_minutes:
            peer_run = new_run(Path(folder) / f"peer-{multiple}", lesson.TASK.name, settings, run.about)
            peer = trained_peer(split["train"], settings, minutes * multiple)
            by_source = lesson.find_candidates(peer, split["validation"], settings)
            candidates.choose_box_postprocessing(peer_run, BOX_SCORE, by_source, split["validation"], split["train"], None, settings.seed)
            (peer_run.folder / "split.csv").write_text((run.folder / "split.csv").read_text())
            table.add_row(
                "Faster R-CNN MobileNet",
                f"{minutes * multiple:.1f}",
                *shown(scored(peer_run, peer, split["test"], settings)),
            )
        for name, baseline in ours["baselines"].items():
            table.add_row(
                name,
                "–",
                f"{baseline['value']:.3f}" if "rsna" in name else "–",
                f"{baseline['value']:.3f}" if "auroc" in name else "–",
                "–",
            )
    console.print(table)


def trained_peer(xrays: list[PreparedRadiograph], settings: lesson.Settings, minutes: float) -> nn.Module:
    """Train the peer for so many processor minutes."""
    reseed(settings.seed)
    sizes = {"min_size": 320, "max_size": 320, "image_mean": [0.45] * 3, "image_std": [0.23] * 3}
    model = _Coloured(
        fasterrcnn_mobilenet_v3_large_320_fpn(
            weights=None, weights_backbone=None, num_classes=2, box_score_thresh=0.02, box_detections_per_img=30, **sizes
        )
    )
    # As in the reference: X-rays as they come, flips only.
    plain = replace(settings, positive_share=0.0, **STILL)  # type: ignore[arg-type]
    loader = lesson.make_loaders(plain, {"train": xrays})["train"]
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.SGD(weights, lr=0.02, momentum=0.9, weight_decay=1e-4)
    model.train()
    # The reference warms up over the first of its 26 epochs.
    train_peer(
        loader,
        lambda batch: lesson.loss(model, batch),
        optimizer,
        minutes,
        lambda part: 0.02 * min(1.0, 0.001 + part * 26) * 0.1 ** ((part > 16 / 26) + (part > 22 / 26)),
    )
    return model.eval()


class _Coloured(nn.Module):
    """A network with three input channels that takes grey X-rays."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: list[torch.Tensor], targets: Any = None) -> Any:
        return self.model([image.expand(3, -1, -1) for image in images], targets)


def scored(run: Run, model: nn.Module, xrays: list[PreparedRadiograph], settings: lesson.Settings) -> dict[str, Any]:
    """Return the scores of a model on the test people, with the run's postprocessing."""
    found = lesson.find_candidates(model, xrays, candidates.as_tuned(settings, run))[-1]
    return evaluation.evaluate_boxes(run, BOX_SCORE, xrays, found, candidates.image_scores(found, None), "test").scores


def shown(found: dict[str, Any]) -> tuple[str, str, str]:
    def text(name: str) -> str:
        score = found["scores"][name]
        return f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})" if score["low"] is not None else f"{score['value']:.3f}"

    return text("rsna_score"), text("auroc_score"), text("false_boxes_per_healthy_image")


if __name__ == "__main__":
    main()
