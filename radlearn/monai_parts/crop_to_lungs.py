"""A MONAI transform that finds the lungs of a CT once, and crops the CT and what belongs to it to the block that holds both lungs."""

from collections.abc import Hashable, Iterator, Mapping
from copy import deepcopy
from typing import Any, Literal

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor, get_track_meta
from monai.transforms import BorderPad, InvertibleTransform, MapTransform
from monai.transforms.croppad.functional import crop_func
from monai.utils import ImageMetaKey, TraceKeys

from radlearn.errors import BadSetting
from radlearn.scans.ct_anatomy import mask_wrong_way_round
from radlearn.scans.geometry import Box, Grid, Volume, voxel_volume_ml
from radlearn.scans.lungs import find_lungs, find_lungs_and_hull
from radlearn.scans.mask_files import refuse_another_grid

Crop = Literal["lungs", "nothing"]
NO_HULL = "too little air was found to tell where the lungs are, so lesions are not confined to them"


class CropToLungsd(MapTransform, InvertibleTransform):
    """Crops images to the block of both lungs, and can put what it cropped back onto the whole grid.

    The lungs are found once, on `source_key`: a MetaTensor of Hounsfield units, float or int (1, i, j, k) in any orientation. The block
    also holds lungs that are white with consolidation or effusion; where too little air is found it is that of the whole body, and a note
    says so (`radlearn.scans.lungs`). Crop before HU are scaled, and before `Spacingd` if the volume of the lungs is to be exact.

    The image under `source_key` gets in its meta data `lung_ml`, the volume of the lungs on the grid they were found on, `lungs_found`,
    False where there is too little air, and `notes`, one a line: a block or a hull that is not that of lungs, what part of a mask (a key
    of whole numbers, none negative) was cropped away, and, with `hull_key`, which way a mask of 0 and 1 looks turned over on the CT. Masks
    get the affine of the source, from which theirs may differ by the rounding of headers.

    The inverse, also inside `Invertd`, pads with 0 back to the old shape and gives back the affine exactly. To put the lungs back onto the
    grid of the file use `Invertd(keys=lungs_key, orig_keys=source_key, transform=…)`; or `orig_keys=lungs_key`, if invertible transforms
    before this one name that key too, with `allow_missing_keys=True`.

    Args:
        keys: what is cropped: images (channels, i, j, k) on one grid.
        source_key: the CT that shows the lungs; usually one of `keys`.
        lungs_key: where the mask of the lungs is put, uint8 (1, i, j, k), cropped like the others; None does not keep it.
        crop: "lungs"; or "nothing", which finds the lungs and keeps the whole grid.
        hull_key: where the hull of the lungs is put, in which each of their lesions lies (`radlearn.scans.lungs.lung_hull`), like the
            lungs; all 1 where too little air is found. `MaskIntensityd(prediction_key, mask_key=hull_key)` confines a prediction to it.
        everywhere_without_lungs: where too little air is found, the mask under `lungs_key` is the whole block, so that patches can be
            taken from somewhere.
        allow_missing_keys: skip those of `keys` that are missing; never `source_key`.

    Raises:
        BadSetting: an unknown `crop`; an image that is no MetaTensor of the shape above.
        UnreadableScan: an image on another grid than the source. Compose wraps both: see `radlearn_error_in`.

    >>> hu = np.full((1, 40, 30, 30), -1000, np.float32)  # a box of a body with two boxes of lungs
    >>> hu[:, 4:36, 4:26] = 40
    >>> hu[:, 8:18, 8:22, 5:25] = hu[:, 22:32, 8:22, 5:25] = -850
    >>> crop = CropToLungsd("image", source_key="image", lungs_key="lungs")
    >>> ct = crop({"image": MetaTensor(hu, affine=np.diag([-8.0, -8.0, 8.0, 1.0]))})
    >>> tuple(ct["image"].shape), tuple(ct["lungs"].shape), round(ct["image"].meta["lung_ml"])
    ((1, 28, 18, 29), (1, 28, 18, 29), 2859)
    >>> tuple(crop.inverse(ct)["image"].shape)
    (1, 40, 30, 30)
    """

    def __init__(
        self,
        keys: KeysCollection,
        source_key: Hashable,
        lungs_key: Hashable | None = None,
        crop: Crop = "lungs",
        everywhere_without_lungs: bool = False,
        allow_missing_keys: bool = False,
        hull_key: Hashable | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if crop not in ("lungs", "nothing"):
            raise BadSetting(f"crop is {crop!r}; expected 'lungs' or 'nothing'.")
        taken: list[Hashable] = [*self.keys, source_key]
        for name, key in (("lungs_key", lungs_key), ("hull_key", hull_key)):
            if key is not None and key in taken:
                raise BadSetting(f"{name} is {key!r}, which is also the key of something else; expected a key of its own.")
            taken.append(key)
        self.source_key, self.lungs_key, self.hull_key, self.crop = source_key, lungs_key, hull_key, crop
        self.everywhere_without_lungs = everywhere_without_lungs

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the dictionary with the images cropped, and with the lungs where they are wanted."""
        cropped = dict(data)
        if self.source_key not in cropped:
            raise KeyError(f"Key `{self.source_key}`, on which {type(self).__name__} finds the lungs, is missing in the data.")
        source = cropped[self.source_key]
        grid = _grid_of(self.source_key, source)
        if source.shape[0] != 1:
            raise BadSetting(f"{self.source_key!r} has {source.shape[0]} channels; expected one, of Hounsfield units.")
        hu = source.as_tensor()[0].detach().cpu().numpy()
        lungs, found, hull = (*find_lungs(hu, grid.affine), None) if self.hull_key is None else find_lungs_and_hull(hu, grid.affine)
        box = found.box if self.crop == "lungs" else (slice(0, grid.shape[0]), slice(0, grid.shape[1]), slice(0, grid.shape[2]))
        notes = [found.note] if found.note and self.crop == "lungs" else []
        notes += [NO_HULL] if found.is_body and hull is not None else []
        # All grids are compared before anything is cropped.
        for key in self._others(cropped):
            there = _grid_of(key, cropped[key])
            refuse_another_grid(_name_of(key, cropped[key]), there, grid, _name_of(self.source_key, source))
            notes += _lost(key, cropped[key], box)
            if hull is not None and not found.is_body:
                notes += _turned(key, cropped[key], Volume(hu, grid.affine), hull)
        shown = np.ones_like(lungs) if found.is_body and self.everywhere_without_lungs else lungs
        for own_key, region in ((self.lungs_key, shown), (self.hull_key, hull)):
            if own_key is None or region is None:
                continue
            mask = MetaTensor(torch.from_numpy(region[None].astype(np.uint8, order="C"))).copy_meta_from(source)
            # The history of the source is that of its lungs, so that the same inverse leads back to the file.
            mask.applied_operations = deepcopy(source.applied_operations)
            cropped[own_key] = self._cut(mask, box, grid)
        for key in self.key_iterator(cropped):
            cropped[key] = self._cut(cropped[key], box, grid)
        if self.source_key not in self.keys:
            # Another tensor over the same memory: the caller's meta data stay as they are.
            cropped[self.source_key] = MetaTensor(source.as_tensor()).copy_meta_from(source)
        meta = cropped[self.source_key].meta
        meta["lung_ml"] = float(np.count_nonzero(lungs)) * voxel_volume_ml(grid.affine)
        meta["lungs_found"] = not found.is_body
        meta["notes"] = "\n".join(filter(None, [meta.get("notes", ""), *notes]))
        return cropped

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the dictionary with the images, lungs and hull if they are there, padded with 0 back onto the whole grid."""
        whole = dict(data)
        keys = [*self.key_iterator(whole), *(key for key in (self.lungs_key, self.hull_key) if key in whole)]
        for key in keys:
            done = self.pop_transform(whole[key])[TraceKeys.EXTRA_INFO]
            padder = BorderPad(done["cropped"])
            with padder.trace_transform(False):
                whole[key] = padder(whole[key])
            # Shifting it there and back would round.
            whole[key].affine = done["affine"]
        return whole

    def _others(self, data: Mapping[Hashable, Any]) -> Iterator[Hashable]:
        return (key for key in self.key_iterator(data) if key != self.source_key)

    def _cut(self, image: MetaTensor, box: Box, grid: Grid) -> MetaTensor:
        """Return the block of an image on the grid, with this transform and what its inverse needs as its last operation."""
        aligned = MetaTensor(image.as_tensor()).copy_meta_from(image)
        aligned.affine = grid.affine
        block = crop_func(aligned, (slice(None), *box), False, self.get_transform_info())
        if self.tracing and get_track_meta():
            block.applied_operations[-1][TraceKeys.EXTRA_INFO]["affine"] = grid.affine.tolist()
        return block


def _grid_of(key: Hashable, image: Any) -> Grid:
    """Return the grid of an image (channels, i, j, k)."""
    if not isinstance(image, MetaTensor):
        raise BadSetting(
            f"{key!r} is a {type(image).__name__}; expected a MetaTensor, which has an affine. Read it with LoadImaged, and do not turn "
            "the tracking of meta data off."
        )
    if image.ndim != 4 or tuple(image.affine.shape) != (4, 4):
        found = f"{key!r} has shape {tuple(image.shape)} and an affine of {tuple(image.affine.shape)}"
        raise BadSetting(f"{found}; expected one image (channels, i, j, k) and 4 × 4. EnsureChannelFirstd adds the axis of channels.")
    i, j, k = image.shape[1:]
    return Grid((i, j, k), image.affine.numpy().astype(np.float64))


def _name_of(key: Hashable, image: MetaTensor) -> str:
    """Return the file of an image, else its key."""
    return str(image.meta.get(ImageMetaKey.FILENAME_OR_OBJ) or key)


def _lost(key: Hashable, image: MetaTensor, box: Box) -> list[str]:
    """Return the note on what of a mask lies outside the block; none for an image that is no mask, or that loses nothing."""
    values = image.as_tensor()
    if values.numel() == 0 or values.min() < 0 or (values.is_floating_point() and not torch.equal(values, values.round())):
        return []
    total, kept = int(values.count_nonzero()), int(values[(slice(None), *box)].count_nonzero())
    return [f"{key}: {(total - kept) / total:.1%} of the mask lies outside the block of the lungs and is lost"] if kept < total else []


def _turned(key: Hashable, image: MetaTensor, ct: Volume, hull: np.ndarray) -> list[str]:
    """Return the note on a mask of 0 and 1 that looks turned over on its CT; none for an image that is no such mask, or lies right."""
    values = image.as_tensor()[0].detach().cpu().numpy()
    mask = values == 1
    if image.shape[0] != 1 or not mask.any() or np.count_nonzero(values) != np.count_nonzero(mask):
        return []
    words = mask_wrong_way_round(mask, ct, hull)
    return [f"{key}: {words}"] if words else []
