"""Where the centres of training patches lie: small lesions are drawn more often than their voxels alone would have it."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import convert_to_numpy
from scipy import ndimage

from radlearn.errors import BadSetting

MOST = 4096
"Indices that are kept of a scan: enough for every patch to lie elsewhere, and a few pages of a file."


class LesionIndicesd(MapTransform):
    """Replaces the indices of `FgBgToIndicesd` so that a lesion is drawn in proportion to a power of its volume.

    `RandCropByPosNegLabeld` draws a voxel of the foreground, each as likely as any other. So a lesion of 100 ml is at the centre of a
    patch a hundred times as often as one of 1 ml, and a network hardly ever learns on a small one. Lesions are connected components,
    corners included.

    Args:
        keys: indices of foreground voxels in the flattened mask, as `FgBgToIndicesd` writes them, ending in `_fg_indices`.
        mask_key: the mask (1, i, j, k), 0 outside of lesions.
        exponent: 1 leaves voxels equally likely, 0 makes lesions equally likely; values between are a compromise.
        allow_missing_keys: pass over items without these keys.

    Each key becomes int64 (n,), n about 4096, sorted by lesion; voxels of a large lesion are taken at equal
    steps, those of a small one several times.

    Raises:
        BadSetting: `exponent` is not from 0 to 1.

    >>> import torch
    >>> mask = torch.zeros(1, 8, 8, 8)
    >>> mask[0, :4, :4, :4], mask[0, 7, 7, 7] = 1, 1  # 64 voxels, and one
    >>> item = {"mask": mask, "mask_fg_indices": np.flatnonzero(mask)}
    >>> [int((LesionIndicesd("mask_fg_indices", "mask", exponent)(item)["mask_fg_indices"] == 511).sum()) for exponent in (1, 1 / 3, 0)]
    [63, 819, 2048]
    """

    def __init__(self, keys: KeysCollection, mask_key: str, exponent: float = 1 / 3, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        if not 0 <= exponent <= 1:
            raise BadSetting(f"exponent is {exponent}; expected a number from 0, all lesions alike, to 1, all voxels alike.")
        self.mask_key, self.exponent = mask_key, exponent

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with other indices; one without foreground stays as it is."""
        item = dict(data)
        mask = convert_to_numpy(item[self.mask_key])[0] > 0
        labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
        for key in self.key_iterator(item):
            indices = convert_to_numpy(item[key])
            lesion = labels.ravel()[indices]
            sizes = np.bincount(lesion, minlength=count + 1)[1:]
            wanted = sizes.astype(float) ** self.exponent * (sizes > 0)
            if not wanted.any():
                continue
            times = np.maximum(wanted > 0, (wanted / wanted.sum() * MOST + 1e-9).astype(int))
            drawn = [_evenly(indices[lesion == number], times[number - 1]) for number in np.flatnonzero(sizes) + 1]
            item[key] = np.concatenate(drawn)
        return item


def _evenly(values: np.ndarray, count: int) -> np.ndarray:
    return values[(np.arange(count) * len(values)) // count]
