"""nnU-Net v2 for a given number of processor minutes. Runs in nnU-Net's own environment and imports nothing of radlearn.

`benchmarks.segmentation` calls it; by hand:

    python segmentation_nnunet.py WORK --minutes M --out FOLDER [--memory-gb 8] [--full-precision] [--no-mirrors]

WORK holds `split.json` (subset → ids), `images/ID_0000.nii.gz` and `masks/ID.nii.gz`. FOLDER receives a mask of each test CT, on its own
grid, as exported by nnU-Net, and `cost.json`: the steps taken, their cost, and nnU-Net's plans.

Everything is nnU-Net's default (fingerprint, `ExperimentPlanner`, `3d_fullres`, augmentation, loss, SGD with momentum 0.99, Gaussian
windows with mirrors) except the schedule: instead of 1,000 epochs of 250 steps it trains until the minutes are spent, with the same decay
of the learning rate, (1 − part)^0.9. Planning and preprocessing are done once and not counted. No step is spent on validation scans: the
last weights predict, as in nnU-Net. Called again for the same FOLDER after training has ended, it resumes with the predictions. A step on
the built-in CTs needs 11 GB of memory.

`--memory-gb` is the planner's `gpu_memory_target_in_gb`, 8 by default: with 1 it plans patches of an eighth of the size, and many more
steps fit into the same minutes. As on a GPU, the network computes in half precision (here bfloat16), which halves the time of a step on
processors that support it; sums and weights stay float32. `--full-precision` switches this off.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

DATASET, DATASET_ID, CONFIGURATION = "Dataset501_Covid", 501, "3d_fullres"
DEFAULT_GB = 8
TEST_IMAGE = "{}_0000.nii.gz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, required=True, help="processor minutes of training")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--memory-gb", type=float, default=DEFAULT_GB, help="memory that nnU-Net plans for")
    parser.add_argument("--full-precision", action="store_true", help="compute in float32 instead of bfloat16")
    parser.add_argument("--no-mirrors", action="store_true", help="predict each window once instead of eight times")
    options = parser.parse_args()
    # nnU-Net reads these when it is imported.
    rooms = {"nnUNet_raw": "raw", "nnUNet_preprocessed": "preprocessed"}
    os.environ.update({name: str(options.work / "nnunet" / room) for name, room in rooms.items()})
    os.environ.update(
        nnUNet_results=str(options.out / "nnunet"), nnUNet_n_proc_DA="1", nnUNet_def_n_proc=str(os.cpu_count()), nnUNet_compile="false"
    )
    split = json.loads((options.work / "split.json").read_text())
    plans = "nnUNetPlans" if options.memory_gb == DEFAULT_GB else f"nnUNetPlans_{options.memory_gb:g}GB"
    prepare(options.work, split, plans, options.memory_gb)
    trainer = trained(options.minutes, options.out, plans, not options.full_precision)
    predict(trainer, [options.work / "images" / TEST_IMAGE.format(case) for case in split["test"]], options.out, not options.no_mirrors)


def prepare(work: Path, split: dict[str, list[str]], plans: str, memory_gb: float) -> None:
    """Describe the data as nnU-Net expects it, and let it plan and preprocess; what exists already is left as it is."""
    from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprints, plan_experiments, preprocess_dataset

    raw, preprocessed = (work / "nnunet" / room / DATASET for room in ("raw", "preprocessed"))
    described, ready = preprocessed / "splits_final.json", preprocessed / f"{plans} is ready"
    if not described.exists():
        raw.mkdir(parents=True, exist_ok=True)
        seen = split["train"] + split["validation"]
        files = {
            case: {"images": [str(work / "images" / TEST_IMAGE.format(case))], "label": str(work / "masks" / f"{case}.nii.gz")}
            for case in seen
        }
        labels = {"background": 0, "lesion": 1}
        dataset = {"channel_names": {"0": "CT"}, "labels": labels, "numTraining": len(seen), "file_ending": ".nii.gz", "dataset": files}
        (raw / "dataset.json").write_text(json.dumps(dataset))
        extract_fingerprints([DATASET_ID], num_processes=1, check_dataset_integrity=True)
        described.write_text(json.dumps([{"train": split["train"], "val": split["validation"]}]))
    if not ready.exists():
        # The planner requires another name for plans of another size.
        other = {} if memory_gb == DEFAULT_GB else {"gpu_memory_target_in_gb": memory_gb, "overwrite_plans_name": plans}
        plan_experiments([DATASET_ID], **other)
        preprocess_dataset(DATASET_ID, plans_identifier=plans, configurations=(CONFIGURATION,), num_processes=[1])
        ready.touch()


def trained(minutes: float, out: Path, plans: str, mixed: bool) -> Any:
    """Return nnU-Net's trainer after `minutes` of processor time with its own training step; `out` keeps weights and cost."""
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    # Patches are made in this process, so that its time is all there is to count. (Planning does not accept 0.)
    os.environ.update(nnUNet_n_proc_DA="0")
    torch.manual_seed(0)
    trainer = get_trainer_from_args(DATASET, CONFIGURATION, 0, plans_identifier=plans, device=torch.device("cpu"))
    trainer.on_train_start()
    if mixed:
        compute_in_half(trainer.network)
    if (out / "cost.json").exists():
        trainer.network.load_state_dict(torch.load(out / "weights.pth", weights_only=True))
        return trainer
    trainer.network.train()
    begun, wall, steps, losses = time.process_time(), time.monotonic(), 0, []
    while (part := (time.process_time() - begun) / 60 / minutes) < 1:
        for group in trainer.optimizer.param_groups:
            group["lr"] = trainer.initial_lr * (1 - part) ** 0.9
        losses.append(float(trainer.train_step(next(trainer.dataloader_train))["loss"]))
        steps += 1
        trainer.print_to_log_file(f"step {steps}, {part:.1%} of the minutes, loss {losses[-1]:.3f}")
    spent = time.process_time() - begun
    planned = trainer.configuration_manager
    cost = {
        "minutes": spent / 60,
        "wall_minutes": (time.monotonic() - wall) / 60,
        "steps": steps,
        "plans": {
            "patch": [int(length) for length in planned.patch_size],
            "batch": int(planned.batch_size),
            "spacing_mm": [float(length) for length in planned.spacing],
        },
        "losses": losses,
    }
    torch.save(trainer.network.state_dict(), out / "weights.pth")
    (out / "cost.json").write_text(json.dumps(cost))
    return trainer


def compute_in_half(network: Any) -> None:
    """Let a network compute in bfloat16 where that is safe, and return float32, from which the loss is computed."""
    import torch

    forward = network.forward

    def mixed(windows: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16):
            prediction = forward(windows)
        return prediction.float() if isinstance(prediction, torch.Tensor) else [scale.float() for scale in prediction]

    network.forward = mixed


def predict(trainer: Any, images: list[Path], out: Path, mirrored: bool) -> None:
    """Write a mask of every CT into `out`, with nnU-Net's own windows, mirrors and export."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    trainer.set_deep_supervision_enabled(False)
    trainer.network.eval()
    predictor = nnUNetPredictor(use_mirroring=mirrored, device=torch.device("cpu"), allow_tqdm=False)
    mirrors = trainer.inference_allowed_mirroring_axes
    plans, configuration = trainer.plans_manager, trainer.configuration_manager
    predictor.manual_initialization(
        trainer.network, plans, configuration, [trainer.network.state_dict()], trainer.dataset_json, "nnUNetTrainer", mirrors
    )
    # nnU-Net adds the suffix itself.

    predictions = [str(out / image.name.removesuffix(TEST_IMAGE.format(""))) for image in images]
    predictor.predict_from_files_sequential([[str(image)] for image in images], predictions, overwrite=False)


if __name__ == "__main__":
    main()
