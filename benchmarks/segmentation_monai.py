"""The MONAI challenge baseline of COVID-19-20, for so many processor minutes.

BasicUNet 32-32-64-128-256-32 with dropout 0.1 at 1.25 × 1.25 × 5 mm, HU from −1000 to 500; batches of two CTs with three patches each of
192 × 192 × 16, half of them around a lesion voxel; small turns and zooms, noise and flips; Dice + cross-entropy; Adam with 1e-4, which the
recipe never lowers. It answers by Gaussian windows that overlap by half, as the mean over the CT and its flips.

Where this differs from the recipe: the weights are the last ones, because judging every epoch on validation CTs would cost many times the
minutes; the windows go over the block of the lungs alone, as radlearn's do, which spares them half of their time and false lesions
elsewhere; and of the recipe's 13 views the 3 that differ by a flip are asked, for its copies differ by a noise of 1 % of the window.

Source: Project-MONAI/tutorials, 3d_segmentation/challenge_baseline (Apache-2.0), read as a description.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai import transforms as mt
from monai.data import CacheDataset, DataLoader, MetaTensor
from monai.inferers import SlidingWindowInferer
from monai.losses import DiceCELoss
from monai.networks.nets import BasicUNet
from monai.utils import set_determinism
from torch import nn

from benchmarks.sliding import PATCH, SPACING_MM, WINDOW_HU
from radlearn.challenges.covid19 import Case
from radlearn.progress import progress_bar
from radlearn.scans.geometry import Volume
from radlearn.scans.lungs import lung_box

FEATURES = (32, 32, 64, 128, 256, 32)
CTS_A_STEP, PATCHES_A_CT = 2, 3
FLIPS: tuple[tuple[int, ...], ...] = ((), (2,), (3,))


def prepared(keys: Sequence[str]) -> list[Any]:
    """Return the transforms that training and answering share."""
    return [
        mt.Orientationd(keys, axcodes="LPS"),
        mt.Spacingd(keys, pixdim=SPACING_MM, mode=("bilinear", "nearest")[: len(keys)]),
        mt.ScaleIntensityRanged("image", *WINDOW_HU, 0.0, 1.0, clip=True),
    ]


def training_set(cases: Sequence[Case]) -> CacheDataset:
    """Return the CTs, read and resampled, in memory (40 MB each), which augment themselves when they are asked for."""
    keys = ("image", "label")
    chain = mt.Compose(
        [
            mt.LoadImaged(keys, ensure_channel_first=True),
            *prepared(keys),
            mt.SpatialPadd(keys, PATCH, mode="reflect"),
            mt.RandAffined(keys, prob=0.15, rotate_range=(0.05, 0.05, None), scale_range=(0.1, 0.1, None), mode=("bilinear", "nearest")),
            mt.RandCropByPosNegLabeld(keys, "label", PATCH, pos=1, neg=1, num_samples=PATCHES_A_CT),
            mt.RandGaussianNoised("image", prob=0.15, std=0.01),
            *(mt.RandFlipd(keys, spatial_axis=axis, prob=0.5) for axis in range(3)),
        ]
    )
    files = [{"image": str(case.path), "label": str(case.mask_path)} for case in cases]
    return CacheDataset(files, chain, num_workers=1, progress=False)


def untrained() -> nn.Module:
    set_determinism(seed=0)
    return BasicUNet(spatial_dims=3, in_channels=1, out_channels=2, features=FEATURES, dropout=0.1)


def train(network: nn.Module, cases: CacheDataset, minutes: float) -> dict[str, Any]:
    """Train the baseline for so many processor minutes; return what there is to tell."""
    loss = DiceCELoss(to_onehot_y=True, softmax=True)
    optimizer = torch.optim.Adam(network.parameters(), 1e-4)
    loader = DataLoader(cases, batch_size=CTS_A_STEP, shuffle=True)
    losses: list[float] = []
    network.train()
    with progress_bar("MONAI's baseline", 1000, "‰ of its time") as bar:
        begun, wall, part = time.process_time(), time.monotonic(), 0.0
        while part < 1:
            for batch in loader:
                # Plain tensors: MONAI's follow every operation on them, which nothing here needs.
                wrong = loss(network(batch["image"].as_tensor()), batch["label"].as_tensor())
                optimizer.zero_grad()
                wrong.backward()
                optimizer.step()
                losses.append(wrong.item())
                part = (time.process_time() - begun) / 60 / minutes
                bar.advance(min(1000, int(part * 1000)) - bar.done, f"loss {losses[-1]:.3f}")
                if part >= 1:
                    break
    return {"minutes": part * minutes, "wall_minutes": (time.monotonic() - wall) / 60, "steps": len(losses), "losses": losses}


def answered(network: nn.Module, scan: Volume, mirrored: bool = True) -> np.ndarray:
    """Return the mask, bool (i, j, k), of one CT on its own grid; `mirrored` is the mean with its flips."""
    block = lung_box(scan.voxels, scan.affine).box
    affine = scan.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [part.start for part in block]
    chain = mt.Compose(prepared(("image",)))
    voxels = torch.from_numpy(np.ascontiguousarray(scan.voxels[block], np.float32))
    item = chain({"image": MetaTensor(voxels[None], affine=torch.from_numpy(affine))})
    inferer = SlidingWindowInferer(PATCH, sw_batch_size=2, overlap=0.5, mode="gaussian", padding_mode="replicate")
    image = item["image"].as_tensor()[None]
    network.eval()
    with torch.inference_mode():
        views = [torch.flip(inferer(torch.flip(image, flip), network), flip) for flip in (FLIPS if mirrored else FLIPS[:1])]
    item["answer"] = item["image"].clone()
    item["answer"].set_array(torch.stack(views).mean(0).argmax(1).float())
    back = mt.Invertd("answer", chain, orig_keys="image", nearest_interp=True, to_tensor=True)(item)["answer"]
    mask = np.zeros(scan.voxels.shape, bool)
    mask[block] = np.asarray(back[0]) > 0.5
    return mask
