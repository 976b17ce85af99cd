"""Images whose file says nothing of what their grey values are: pictures, and volume files (NIfTI, MetaImage, NRRD) of one slice.

Both are read alike: values of up to 8 bits without a sign are shares of 255, others shares of the range that they have; colours are refused
or become their luminance. A volume file also says where its axes lead, which is told and not acted on: see `one_slice`.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from radlearn.errors import UnreadableScan
from radlearn.scans.file_names import PICTURE_SUFFIXES, VOLUME_SUFFIXES
from radlearn.scans.geometry import orientation, spacing_mm
from radlearn.scans.one_slice import OneSlice, SeveralSlices
from radlearn.scans.picture_files import Colours, Picture, Stored, grey_of_channels, picture_of, read_picture, read_stored
from radlearn.scans.pixel_spacing import LEAST_MM, MOST_MM, NONE_TAKEN, UNKNOWN, Lengths, PixelSpacing
from radlearn.scans.volume_files import read_slice, read_slice_grid

PLAIN_SUFFIXES = (*PICTURE_SUFFIXES, *VOLUME_SUFFIXES)
UPRIGHT = ("LP", "LI")
"Where columns and rows lead of an image whose rows run down: ITK's identity, and a frontal image of the body."
AS_ITK = "its first axis runs across and its second one down, row 0 on top, as ITK reads it"
BY_AFFINE = "its affine says that its axes lead"


class PlainImage(NamedTuple):
    """A `Picture`, and how large its pixels are, as far as a volume file says."""

    picture: Picture
    spacing: PixelSpacing


def is_plain_image(path: str | Path) -> bool:
    """Tell whether a file is called like a picture or a volume.

    >>> is_plain_image("a.PNG"), is_plain_image("a.nii.gz"), is_plain_image("a.dcm")
    (True, True, False)
    """
    return str(path).lower().endswith(PLAIN_SUFFIXES)


def is_volume_file(path: str | Path) -> bool:
    """Tell whether a file is called like a volume."""
    return str(path).lower().endswith(VOLUME_SUFFIXES)


def holds_one_slice(path: str | Path) -> bool | None:
    """Tell by its header whether a volume file is of one slice; None where the header cannot be read."""
    try:
        read_slice_grid(path)
    except SeveralSlices:
        return False
    except UnreadableScan:
        return None
    return True


def read_plain_image(path: str | Path, colours: Literal["refused", "luminance"] = "refused") -> PlainImage:
    """Read a picture or a volume file of one slice.

    Raises:
        UnreadableScan: as `read_picture`, `volume_files.read_slice` and `picture_of`.
    """
    if not is_volume_file(path):
        return PlainImage(read_picture(path, colours), PixelSpacing(None))
    found = read_slice(path)
    picture = picture_of(Path(path), _stored(Path(path), found, colours))
    return PlainImage(picture._replace(notes=(*picture.notes, *notes_on_axes(found.affine))), _spacing_of(found))


def read_plain_values(path: str | Path, colours: Colours = "refused") -> Stored:
    """Read the numbers in a picture or a volume file of one slice; errors as `read_plain_image`."""
    return _stored(Path(path), read_slice(path), colours) if is_volume_file(path) else read_stored(path, colours)


def notes_on_axes(affine: np.ndarray | None) -> tuple[str, ...]:
    """Return how the axes of a volume file of one slice were taken, and whether its affine says otherwise."""
    if affine is None or (axes := orientation(affine)[:2]) in UPRIGHT:
        return (AS_ITK,)
    found = f"{BY_AFFINE} {axes[0]} and {axes[1]}, and those of an upright image lead L and P (or I)"
    return (AS_ITK, f"{found}: nothing was turned by that, so look at a picture of it")


def refuse_other_axes(path: Path, image: Path) -> None:
    """Raise an UnreadableScan where a label map and its image, both volume files, have axes that lead elsewhere."""
    if not (is_volume_file(path) and is_volume_file(image)):
        return
    affines = [read_slice_grid(one).affine for one in (path, image)]
    axes = [orientation(affine)[:2] for affine in affines if affine is not None]
    if len(set(axes)) > 1:
        found = f"{path}: its axes lead {' and '.join(axes[0])} by its affine, and those of its image {image.name} {' and '.join(axes[1])}"
        mend = "Save it on the grid of the image: with SimpleITK, mask.CopyInformation(image), if the pixels lie as they should"
        raise UnreadableScan(f"{found}, so one of the two may be turned. {mend}.")


def _stored(path: Path, found: OneSlice, colours: Colours) -> Stored:
    values = found.values
    if values.ndim == 2:
        return Stored(values, found.bits, of_255=values.dtype == np.uint8, order=found.order)
    white = 255 if found.bits == 8 else 65535
    # As wide as pictures have them, because luminance and differences leave the range.
    channels = values.astype(np.int16 if white == 255 else np.int32)
    opacity = channels[..., 3] if channels.shape[2] > 3 else np.full(channels.shape[:2], white)
    return grey_of_channels(path, channels[..., :3], opacity, white, colours)


def _spacing_of(found: OneSlice) -> PixelSpacing:
    """Return the distance between rows and that between columns; none where it can only be a stopgap."""
    if found.affine is None or not found.has_spacing:
        return PixelSpacing(None)
    across, down, _ = spacing_mm(found.affine)
    lengths: Lengths = (down, across)
    said = f"its pixels are {down:g} × {across:g} mm by its header"
    if lengths == UNKNOWN:
        return PixelSpacing(None, "", f"{said}, as programs write that know no size: {NONE_TAKEN}")
    if not (min(lengths) >= LEAST_MM and max(lengths) <= MOST_MM):
        return PixelSpacing(None, "", f"{said}, which no image has: {NONE_TAKEN}")
    return PixelSpacing(lengths, "affine")
