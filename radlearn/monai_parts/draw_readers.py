"""What MONAI's random transforms remember of their draws, read by kind of transform.

Dictionary transforms hold an array transform that draws for them, except for the decision whether to apply it. Numbers are read from
where they cannot have changed since: `RandAffined` draws again after it has used its parameters, so that only its matrix is true.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from monai import transforms as mt
from monai.transforms.utils import correct_crop_centers, create_rotate, map_binary_to_indices
from monai.utils import fall_back_tuple

from radlearn.augmentation.drawn import LPS_AXES, PICTURE_AXES, Axis, Value
from radlearn.augmentation.numbers import affine_values, intensity_law, rounded, turn_values

Values = dict[str, Value]


@dataclass(frozen=True)
class Step:
    """One transform's application: the item before and after, with NumPy arrays, and the random states before, by `id` of their owner."""

    before: Any
    after: Any
    states: Mapping[int, Any]
    axes_named: tuple[Axis, ...] | None = None
    # Those that the transform changes, of a dictionary.
    keys: tuple[Any, ...] = ()

    @property
    def images(self) -> tuple[np.ndarray, np.ndarray]:
        """The array before and after; of a dictionary the first one that is changed, of several patches the first."""
        before, after = self.before, self.after[0] if isinstance(self.after, list) else self.after
        if not isinstance(before, Mapping):
            return before, after
        key = next(key for key in self.keys if key in before)
        return before[key], after[key]

    @property
    def shape(self) -> tuple[int, ...]:
        """The spatial shape before."""
        return np.shape(self.images[0])[1:]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The spatial axes, by name."""
        if self.axes_named is not None:
            return self.axes_named
        many = len(self.shape)
        return {2: PICTURE_AXES, 3: LPS_AXES}.get(many) or tuple(Axis(f"axis{n}", f"minus axis{n}", f"axis{n}") for n in range(many))

    @property
    def unit(self) -> str:
        """What a position along an axis is called."""
        return "px" if len(self.shape) == 2 else "voxels"


def again_from(state: Any) -> np.random.RandomState:
    """Return random numbers from a state on that was passed before."""
    again = np.random.RandomState()
    again.set_state(state)
    return again


def _flip(_: Any, flip: Any, step: Step) -> Values:
    axis = flip.flipper.spatial_axis
    chosen = range(len(step.axes)) if axis is None else np.atleast_1d(axis)
    return {"mirrored": tuple(step.axes[number].length for number in chosen)}


def _axis_flip(_: Any, flip: Any, step: Step) -> Values:
    return {"mirrored": (step.axes[flip._axis].length,)}


def _quarters(_: Any, turn: Any, step: Step) -> Values:
    start, end = (range(len(step.axes))[axis] for axis in turn.spatial_axes)
    return turn_values(start, end, {1: 90.0, 2: 180.0, 3: -90.0}[turn._rand_k % 4], step.axes)


def _affine(_: Any, affine: Any, step: Step) -> Values:
    return affine_values(np.asarray(affine.rand_affine_grid.get_transformation_matrix()), step.axes, step.unit)


def _rotate(_: Any, rotate: Any, step: Step) -> Values:
    angles = (rotate.x, rotate.y, rotate.z)[: 1 if len(step.axes) == 2 else 3]
    matrix = np.asarray(create_rotate(len(step.axes), angles))
    return {name: value for name, value in affine_values(matrix, step.axes, step.unit).items() if name.startswith("rotated_")}


def _zoom(_: Any, zoom: Any, step: Step) -> Values:
    # It interpolates to whole pixels, which is less than it drew.
    seen = [math.floor(length * factor) / length for length, factor in zip(step.shape, zoom._zoom, strict=True)]
    return {f"zoomed_{axis.length}": rounded(factor) for axis, factor in zip(step.axes, seen, strict=True)}


def _bent(_: Any, elastic: Any, step: Step) -> Values:
    # Rand2DElastic alone: its grid of control points is counted in pixels.
    every = tuple(map(float, np.broadcast_to(elastic.deform_grid.spacing, len(step.axes))))
    return _affine(_, elastic, step) | {"bent_std_px": rounded(elastic.deform_grid.rand_mag), "bent_every_px": every}


def _gamma(_: Any, contrast: Any, step: Step) -> Values:
    return {"gamma": rounded(contrast.gamma_value)}


def _noise(_: Any, noise: Any, step: Step) -> Values:
    # The drawn standard deviation is not kept, but the noise is.
    return {"noise_std": rounded(np.std(noise.noise))}


def _blur(_: Any, blur: Any, step: Step) -> Values:
    stds = zip(step.axes, (blur.x, blur.y, blur.z), strict=False)
    return {f"blurred_{axis.length}_{step.unit}": rounded(std) for axis, std in stds}


def _scale(_: Any, scale: Any, step: Step) -> Values:
    return {"intensity_factor": _by_channel(np.add(1, scale.factor))}


def _contrast(_: Any, scale: Any, step: Step) -> Values:
    return {"contrast_factor": _by_channel(np.add(1, scale.factor))}


def _shift(_: Any, shift: Any, step: Step) -> Values:
    return {"intensity_shift": _by_channel(shift._offset)}


def _by_channel(numbers: Any) -> Value:
    return rounded(numbers) if np.ndim(numbers) == 0 else tuple(map(rounded, numbers))


def _holes(_: Any, holes: Any, step: Step) -> Values:
    blocks = []
    for _channels, *parts in holes.hole_coords:
        blocks.append((*(int(part.start) for part in parts), *(int(part.stop - part.start) for part in parts)))
    return {f"{'holes' if holes.dropout_holes else 'kept'}_{step.unit}": tuple(blocks)}


def _crop(_: Any, crop: Any, step: Step) -> Values:
    values: Values = {f"patch_{step.unit}": tuple(map(int, step.images[1].shape[1:]))}
    if crop.random_center:
        values["patch_first"] = tuple(int(part.start) for part in crop._slices)
    return values


def _centred_crops(_: Any, crop: Any, step: Step) -> list[Values]:
    size = tuple(map(int, step.images[1].shape[1:]))
    half = [length // 2 for length in fall_back_tuple(crop.spatial_size, step.shape)]
    return [
        {
            f"patch_{step.unit}": size,
            "patch_first": tuple(max(0, int(middle) - less) for middle, less in zip(centre, half, strict=True)),
            "patch_centre": tuple(map(int, centre)),
        }
        for centre in crop.centers
    ]


def _labelled_crops(transform: Any, crop: Any, step: Step) -> list[Values]:
    """Draw the centres again from the random state before: MONAI keeps them as moved inside, without the voxel or its class."""
    told = _centred_crops(transform, crop, step)
    names = ("label", "image", "fg_indices", "bg_indices")
    label: Any
    image: Any
    indices: list[Any]
    if isinstance(step.before, Mapping):
        label, image, *indices = (step.before.get(getattr(transform, f"{name}_key")) for name in names)
    else:
        label, image, *indices = (getattr(crop, name) for name in names)
    if any(one is None for one in indices):
        indices = [*map_binary_to_indices(label, image, crop.image_threshold)]
    shape = np.shape(image if label is None else label)[1:]
    again, share = again_from(step.states[id(crop)]), crop.pos_ratio
    if not all(len(one) for one in indices):
        share = float(len(indices[0]) > 0)
    for values in told:
        foreground = bool(again.rand() < share)
        among = indices[0] if foreground else indices[1]
        voxel = tuple(map(int, np.unravel_index(int(among[again.randint(len(among))]), shape)))
        if tuple(correct_crop_centers(list(voxel), crop.spatial_size, shape, crop.allow_smaller)) != values["patch_centre"]:
            break
        values |= {"patch_for": voxel, "patch_of": "foreground" if foreground else "background"}
    return told


def _function(_: Any, function: Any, step: Step) -> Values:
    return intensity_law(*step.images)


def public_numbers(transform: Any, _: Any, step: Step) -> Values:
    """Return the few public numbers of an unknown transform, or of the one inside it, that are not its arguments."""
    found: Values = {}
    for part in (transform, *(value for value in vars(transform).values() if isinstance(value, mt.RandomizableTransform))):
        makers = [vars(kind)["__init__"] for kind in type(part).__mro__ if kind is not object and "__init__" in vars(kind)]
        arguments = {name for maker in makers for name in inspect.signature(maker).parameters}
        for name, value in vars(part).items():
            if name.startswith("_") or name in arguments or isinstance(value, bool | str):
                continue
            if isinstance(value, int | float | np.number | list | tuple | np.ndarray) and 0 < np.size(value) <= 8:
                numbers = np.asarray(value)
                if numbers.dtype.kind in "iuf":
                    found[name] = _by_channel(numbers if numbers.ndim == 0 else numbers.ravel())
    return found


Reader = Callable[[Any, Any, Step], Values | list[Values]]
# By class: the attribute of a dictionary transform that holds the transform that draws for it, and the reader.
READERS: dict[type, tuple[str, Reader]] = {
    mt.RandFlip: ("", _flip), mt.RandFlipd: ("", _flip),
    mt.RandAxisFlip: ("", _axis_flip), mt.RandAxisFlipd: ("flipper", _axis_flip),
    mt.RandRotate90: ("", _quarters), mt.RandRotate90d: ("", _quarters),
    mt.RandAffine: ("", _affine), mt.RandAffined: ("rand_affine", _affine),
    mt.RandRotate: ("", _rotate), mt.RandRotated: ("rand_rotate", _rotate),
    mt.RandZoom: ("", _zoom), mt.RandZoomd: ("rand_zoom", _zoom),
    mt.Rand2DElastic: ("", _bent), mt.Rand2DElasticd: ("rand_2d_elastic", _bent),
    mt.RandAdjustContrast: ("", _gamma), mt.RandAdjustContrastd: ("adjuster", _gamma),
    mt.RandGaussianNoise: ("", _noise), mt.RandGaussianNoised: ("rand_gaussian_noise", _noise),
    mt.RandGaussianSmooth: ("", _blur), mt.RandGaussianSmoothd: ("rand_smooth", _blur),
    mt.RandScaleIntensity: ("", _scale), mt.RandScaleIntensityd: ("scaler", _scale),
    mt.RandScaleIntensityFixedMean: ("", _contrast), mt.RandScaleIntensityFixedMeand: ("scaler", _contrast),
    mt.RandShiftIntensity: ("", _shift), mt.RandShiftIntensityd: ("shifter", _shift),
    mt.RandCoarseDropout: ("", _holes), mt.RandCoarseDropoutd: ("dropper", _holes),
    mt.RandSpatialCrop: ("", _crop), mt.RandSpatialCropd: ("cropper", _crop), mt.RandScaleCropd: ("cropper", _crop),
    mt.RandCropByPosNegLabel: ("", _labelled_crops), mt.RandCropByPosNegLabeld: ("cropper", _labelled_crops),
    mt.RandCropByLabelClasses: ("", _centred_crops), mt.RandCropByLabelClassesd: ("cropper", _centred_crops),
    mt.RandWeightedCrop: ("", _centred_crops), mt.RandWeightedCropd: ("cropper", _centred_crops),
    mt.RandLambda: ("", _function), mt.RandLambdad: ("", _function),
}  # fmt: skip
