"""Digests of the values of images: the same whichever way a file keeps them.

An image that is saved again has other bytes: another compression, another type of number, its axes in another order. Who it is, is
decided by its values:

- DICOM in grey: the stored values, decoded; of a slice of a CT rescaled. A folder is one CT, if its slices form one.
- DICOM in colour and pictures: the grey values, upright; the three channels of one in colour, which label maps in a palette are too.
- NIfTI, MetaImage, NRRD: the scaled values, axes turned to RAS. Where they lie in the patient does not count. One slice is a picture.

The same numbers as int16, float32 and float64 have one digest, and so have whole numbers of a volume that were rounded to the steps of a
slope, as nibabel's are where it stores floats as integers. What is turned, cropped, windowed or compressed with loss is another image.

    v2:1024x1024:0123…    the scheme, the size, the digest; `file_contents.BLANK` stands before that of an image of one value
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from radlearn.errors import UnreadableScan
from radlearn.file_contents import BLANK, DIGEST_BYTES, SCHEME
from radlearn.files import opened_to_read
from radlearn.scans.decimals import decimals
from radlearn.scans.dicom import is_dicom
from radlearn.scans.geometry import Volume
from radlearn.scans.picture_files import FORMATS, is_picture
from radlearn.scans.plain_images import holds_one_slice, read_plain_values
from radlearn.scans.stored_pixels import DAMAGE, decoded, open_xray, parsing
from radlearn.scans.ultrasound_dicom import stored_colours
from radlearn.scans.volume_files import read_grid, read_slice_grid, read_volume

WHOLE_WITHIN = 1e-3
"Values that all lie so near to whole numbers are these: computed with a slope, they miss them by the last digits."
STEPS, MOST_OFF_WHOLE = (1 << 15) - 1, 0.3
"""Stored in 16 bits with a slope, the values of a volume miss whole numbers by half of what the largest is divided into; by more than the
second they are not sure to be those. Other values do not all come so near by chance: a volume has thousands."""
TYPES = tuple(np.dtype(name) for name in ("u1", "<i2", "<i4", "<i8"))
AT_ONCE = 1 << 24
"Values that are turned to one type and order at a time."


def value_digest(path: Path) -> str:
    """Return the digest of the values in a file, or of the CT in a folder; "" where radlearn cannot read them."""
    return value_digests(path)[0]


def value_digests(path: Path) -> tuple[str, ...]:
    """Return the `value_digest` of a file or a folder, and after it that which runs of before may have of it, where it is another."""
    try:
        if path.is_dir():
            from radlearn.scans.dicom_series import read_series  # pydicom takes half a second to import, and NIfTI needs none of it

            return _volume_digests(read_series(path))
        if is_dicom(path):
            return (_digest_of([_dicom_values(path)]),)
        if is_picture(path) or holds_one_slice(path):
            return (_digest_of([_picture_values(path)]),)
        return _volume_digests(read_volume(path))
    except (UnreadableScan, *DAMAGE):
        return ("",)


def volume_digest(volume: Volume) -> str:
    """Return the digest of a CT or a mask that was read, as `value_digest` of its file."""
    return _volume_digests(volume)[0]


def _volume_digests(volume: Volume) -> tuple[str, ...]:
    from nibabel.orientations import apply_orientation, io_orientation

    to_ras = io_orientation(volume.affine)
    voxels = apply_orientation(volume.voxels, to_ras)
    if voxels.dtype.kind != "f" or _are_whole(_pieces(voxels)):
        return (_digest_of(list(_pieces(voxels)), voxels.shape),)
    stored, scaled = _exactly_scaled(volume)
    exact = _digest_of([scaled(piece) for piece in _pieces(apply_orientation(stored, to_ras))], voxels.shape)
    if not _are_whole(_pieces(voxels), _half_a_step(voxels)):
        return (exact,)
    return _digest_of([np.rint(piece) for piece in _pieces(voxels)], voxels.shape), exact


def may_be_of_size(path: Path, sizes: set[tuple[int, ...]]) -> bool:
    """Tell whether the values in a file may have one of some `sizes_in` digests; that takes no more than its header."""
    try:
        if path.is_dir():
            return True
        if is_dicom(path):
            said = open_xray(path, with_pixels=False).said
            shape = (int(said.get("Rows")), int(said.get("Columns")))
        elif is_picture(path):
            with opened_to_read(path) as opened, Image.open(opened, formats=FORMATS) as image:
                # The digest of one in colour has its channels too.
                return any(tuple(sorted(shape)) in sizes for shape in (image.size, (*image.size, 3)))
        elif holds_one_slice(path):
            grid = read_slice_grid(path)
            return any(tuple(sorted(shape)) in sizes for shape in ((grid.columns, grid.rows), (grid.columns, grid.rows, 3)))
        else:
            return tuple(sorted(read_grid(path).shape)) in sizes
    except (UnreadableScan, *DAMAGE):
        return True
    return tuple(sorted(shape)) in sizes


def size_in(digest: str) -> tuple[int, ...]:
    """Return the size in a digest, its numbers sorted: turning an image does not change them.

    >>> size_in("v2:20x10:0123")
    (10, 20)
    """
    return tuple(sorted(int(length) for length in digest.split(":")[1].split("x") if length.isdigit()))


def _dicom_values(path: Path) -> np.ndarray:
    try:
        xray = open_xray(path)
    except UnreadableScan:
        # Ultrasound images are in colour; what is another object is refused once more.
        return stored_colours(path, "kept").values
    values = decoded(xray)
    with parsing(path):
        if str(xray.said.get("Modality") or "").strip().upper() != "CT":
            return values
        scale = [number for keyword in ("RescaleSlope", "RescaleIntercept") for number in decimals(xray.said, keyword)]
    return values.astype(np.float64) * scale[0] + scale[1] if len(scale) == 2 else values


def _picture_values(path: Path) -> np.ndarray:
    stored = read_plain_values(path, colours="kept")
    values = stored.values
    if not stored.white_is_zero:
        return values
    # As programs store them that turn black and white.
    return np.iinfo(values.dtype).max - values.astype(np.int64) if values.dtype.kind == "u" else -values.astype(np.float64)


def _exactly_scaled(volume: Volume) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Return stored values, and what scales them as nibabel does, in 64 bits: a copy that it saved holds these numbers."""
    import nibabel

    if volume.path is None or volume.path.is_dir():
        return volume.voxels, lambda piece: piece
    try:
        image = nibabel.load(volume.path)
        slope, inter = image.dataobj.slope, image.dataobj.inter  # type: ignore[attr-defined]
        stored = np.asarray(image.dataobj.get_unscaled()).reshape(volume.voxels.shape)  # type: ignore[attr-defined]
    except (nibabel.filebasedimages.ImageFileError, AttributeError, *DAMAGE):
        return volume.voxels, lambda piece: piece
    return stored, lambda piece: (piece.astype(np.float64) * slope + inter).astype(np.float32)


def _pieces(values: np.ndarray) -> Iterator[np.ndarray]:
    """Yield parts of an array along its last axis."""
    step = max(1, AT_ONCE // max(values[..., :1].size, 1))
    for first in range(0, values.shape[-1], step):
        yield values[..., first : first + step]


def _half_a_step(voxels: np.ndarray) -> float:
    largest = max(abs(float(voxels.min())), abs(float(voxels.max())))
    return min(largest / STEPS / 2 + WHOLE_WITHIN, MOST_OFF_WHOLE)


def _are_whole(pieces: Iterator[np.ndarray], within: float = WHOLE_WITHIN) -> bool:
    return all(piece.dtype.kind in "iub" or bool((np.abs(piece - np.rint(piece)) < within).all()) for piece in pieces)


def _digest_of(pieces: list[np.ndarray], shape: tuple[int, ...] | None = None) -> str:
    """Return the digest of values, given in parts along their last axis."""
    shape = pieces[0].shape if shape is None else shape
    low, high = min(float(piece.min()) for piece in pieces), max(float(piece.max()) for piece in pieces)
    if not np.isfinite([low, high]).all():
        return ""
    whole = _are_whole(iter(pieces))
    kind = next((kind for kind in TYPES if np.iinfo(kind).min <= round(low) and round(high) <= np.iinfo(kind).max), None) if whole else None
    digest = hashlib.blake2b(f"{shape} {kind}".encode(), digest_size=DIGEST_BYTES)
    for piece in pieces:
        # Zero has a sign in floats.
        same = (np.rint(piece) if piece.dtype.kind == "f" else piece).astype(kind) if kind else piece.astype("<f4") + np.float32(0)
        # The order in which NIfTI keeps voxels, so that most need not be turned.
        digest.update(np.ascontiguousarray(same.T).data)
    return f"{BLANK * (low == high)}{SCHEME}{'x'.join(map(str, shape))}:{digest.hexdigest()}"
