"""A MONAI program as anybody writes it, here to see what parts of radlearn change: `python -m benchmarks.drop_in` runs it both ways."""

import sys
import time
from pathlib import Path

import numpy as np
import torch
from monai.data import DataLoader, PersistentDataset, decollate_batch, list_data_collate
from monai.inferers import SlidingWindowInferer
from monai.losses import DiceCELoss
from monai.metrics import DiceMetric
from monai.networks.nets import BasicUNet
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    Orientationd,
    RandCropByPosNegLabeld,
    RandFlipd,
    ScaleIntensityRanged,
    Spacingd,
)

PATCH, KEYS, WINDOW_HU = (96, 96, 16), ("image", "label"), (-1000, 500)


def transforms(training: bool, spacing_class=Spacingd) -> Compose:
    steps = [
        LoadImaged(KEYS),
        EnsureChannelFirstd(KEYS),
        Orientationd(KEYS, axcodes="LPS", labels=None),
        spacing_class(KEYS, pixdim=(1.5, 1.5, 5.0), mode=("bilinear", "nearest")),
        ScaleIntensityRanged("image", *WINDOW_HU, 0.0, 1.0, clip=True),
    ]
    if training:
        steps += [
            RandCropByPosNegLabeld(KEYS, "label", PATCH, num_samples=1),
            RandFlipd(KEYS, prob=0.5, spatial_axis=0),
        ]
    return Compose(steps)


def main(folder: Path, cache: Path, epochs: int, dataset_class=PersistentDataset, inferer=None, spacing_class=Spacingd) -> dict[str, float]:
    torch.manual_seed(0)
    files = [{"image": str(ct), "label": str(ct).replace("_ct", "_seg")} for ct in sorted(folder.glob("*_ct.nii.gz"))]
    training = dataset_class(files[:-1], transforms(True, spacing_class), cache_dir=cache)
    held_out = dataset_class(files[-1:], transforms(False, spacing_class), cache_dir=cache)
    network = BasicUNet(spatial_dims=3, in_channels=1, out_channels=2, features=(8, 8, 16, 32, 64, 8))
    optimizer, loss = torch.optim.Adam(network.parameters(), 1e-3), DiceCELoss(to_onehot_y=True, softmax=True)
    inferer = inferer or SlidingWindowInferer(PATCH, overlap=0.5, mode="gaussian")
    loader = DataLoader(training, batch_size=2, shuffle=True, collate_fn=list_data_collate)
    seconds = {"data": 0.0, "steps": 0.0, "inference": 0.0}
    for _ in range(epochs):
        began = time.perf_counter()
        for batch in loader:
            seconds["data"] += (loaded := time.perf_counter()) - began
            optimizer.zero_grad()
            loss(network(batch["image"].float()), batch["label"].float()).backward()
            optimizer.step()
            seconds["steps"] += (began := time.perf_counter()) - loaded
    began, dice = time.perf_counter(), DiceMetric(include_background=False, num_classes=2)
    with torch.no_grad():
        for batch in DataLoader(held_out, batch_size=1):
            prediction = inferer(batch["image"].float(), network).argmax(1, keepdim=True)
            dice(decollate_batch(prediction), [label.int() for label in decollate_batch(batch["label"])])
    seconds["inference"] = time.perf_counter() - began
    return {**seconds, "dice": float(np.nan_to_num(dice.aggregate().item()))}


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
