"""The MONAI challenge baseline of COVID-19-20, trained for a given number of processor minutes.

BasicUNet 32-32-64-128-256-32 with dropout 0.1 at 1.25 × 1.25 × 5 mm, HU from −1000 to 500; batches of two CTs with three patches each of
192 × 192 × 16, half of them around a lesion voxel; small rotations and zooms, noise and flips; Dice + cross-entropy; Adam with a constant
learning rate of 1e-4. Inference uses Gaussian windows that overlap by half, and the mean over the CT and its flips.

Differences from the published baseline: the weights are the last ones, because evaluating every epoch on validation CTs would cost many
times the minutes; the windows cover the block of the lungs only, as radlearn's do, which halves their time and avoids false lesions
elsewhere; and of its 13 test-time augmentations the 3 that differ by a flip are used, since the others differ by noise of 1 % of the
window.

Source: Project-MONAI/tutorials, 3d_segmentation/challenge_baseline (Apache-2.0), read as a description.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai import transforms as mt
from monai.data import CacheDataset, DataLoader, MetaTensor
from monai.inferers import SlidingWindowInferer
from monai.losses import DiceCELoss
from monai.networks.nets import BasicUNet
from monai.utils import set_determinism

from benchmarks.sliding import PATCH, SPACING_MM, WINDOW_HU
from radlearn.challenges.covid19 import Case
from radlearn.progress import progress_bar
from radlearn.scans.geometry import Volume
from radlearn.scans.lungs import lung_box

FEATURES = (32, 32, 64, 128, 256, 32)
CTS_A_STEP, PATCHES_A_CT = 2, 3
KEPT_EVERY_MINUTES = 5
FLIPS: tuple[tuple[int, ...], ...] = ((), (2,), (3,))


def prepared(keys: Sequence[str]) -> list[Any]:
    """Return the transforms that training and inference share."""
    return [
        mt.Orientationd(keys, axcodes="LPS"),
        mt.Spacingd(keys, pixdim=SPACING_MM, mode=("bilinear", "nearest")[: len(keys)]),
        mt.ScaleIntensityRanged("image", *WINDOW_HU, 0.0, 1.0, clip=True),
    ]


def training_set(cases: Sequence[Case]) -> CacheDataset:
    """Return the CTs, read and resampled, in memory (40 MB each), with random transforms on access."""
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


class Baseline:
    """The network and its optimizer, with the cost of its training so far.

    Its learning rate is constant, so a longer training can continue a shorter one.
    """

    def __init__(self, mixed: bool = True) -> None:
        set_determinism(seed=0)
        self.network = BasicUNet(spatial_dims=3, in_channels=1, out_channels=2, features=FEATURES, dropout=0.1)
        self.optimizer = torch.optim.Adam(self.network.parameters(), 1e-4)
        self.cost: dict[str, Any] = {"minutes": 0.0, "wall_minutes": 0.0, "steps": 0, "losses": []}
        self.mixed = mixed

    def logits(self, windows: torch.Tensor) -> torch.Tensor:
        """Return the network's output, computed in bfloat16 where that is safe, as in half precision on a GPU."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.mixed):
            prediction = self.network(windows)
        return prediction.float()

    def keep(self, file: Path) -> None:
        state = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict(), "cost": self.cost}
        part = file.with_suffix(".part")
        torch.save(state, part)
        part.replace(file)

    def resume(self, file: Path) -> None:
        state = torch.load(file, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.cost = state["cost"]
        # Otherwise it would see its first patches again.
        set_determinism(seed=self.cost["steps"])

    def train(self, cases: CacheDataset, minutes: float, file: Path) -> None:
        """Train until `minutes` of processor time are spent in total; `file` keeps the state, every few minutes and at the end."""
        loss_function = DiceCELoss(to_onehot_y=True, softmax=True)
        loader = DataLoader(cases, batch_size=CTS_A_STEP, shuffle=True)
        kept = self.cost["minutes"]
        self.network.train()
        with progress_bar("MONAI's baseline", 1000, "‰ of its time") as bar:
            while self.cost["minutes"] < minutes:
                begun, wall = time.process_time(), time.monotonic()
                for batch in loader:
                    # Plain tensors: MONAI's track every operation, which is not needed.
                    loss = loss_function(self.logits(batch["image"].as_tensor()), batch["label"].as_tensor())
                    self.optimizer.zero_grad()
                    loss.backward()
                    self.optimizer.step()
                    self.cost["losses"].append(loss.item())
                    self.cost["steps"] += 1
                    self.cost["minutes"] += (time.process_time() - begun) / 60
                    self.cost["wall_minutes"] += (time.monotonic() - wall) / 60
                    begun, wall = time.process_time(), time.monotonic()
                    part = min(1000, int(self.cost["minutes"] / minutes * 1000))
                    bar.advance(part - bar.done, f"loss {loss.item():.3f}")
                    if self.cost["minutes"] - kept >= KEPT_EVERY_MINUTES:
                        self.keep(file)
                        kept = self.cost["minutes"]
                    if self.cost["minutes"] >= minutes:
                        break
        self.keep(file)


def predicted_mask(baseline: Baseline, scan: Volume, mirrored: bool = True) -> np.ndarray:
    """Return the mask of one CT on its own grid, bool (i, j, k); `mirrored`: the mean over the CT and its flips."""
    block = lung_box(scan.voxels, scan.affine).box
    affine = scan.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [part.start for part in block]
    chain = mt.Compose(prepared(("image",)))
    voxels = torch.from_numpy(np.ascontiguousarray(scan.voxels[block], np.float32))
    item = chain({"image": MetaTensor(voxels[None], affine=torch.from_numpy(affine))})
    inferer = SlidingWindowInferer(PATCH, sw_batch_size=2, overlap=0.5, mode="gaussian", padding_mode="replicate")
    image = item["image"].as_tensor()[None]
    baseline.network.eval()
    with torch.inference_mode():
        logits = [torch.flip(inferer(torch.flip(image, flip), baseline.logits), flip) for flip in (FLIPS if mirrored else FLIPS[:1])]
    item["prediction"] = item["image"].clone()
    item["prediction"].set_array(torch.stack(logits).mean(0).argmax(1).float())
    back = mt.Invertd("prediction", chain, orig_keys="image", nearest_interp=True, to_tensor=True)(item)["prediction"]
    mask = np.zeros(scan.voxels.shape, bool)
    mask[block] = np.asarray(back[0]) > 0.5
    return mask
