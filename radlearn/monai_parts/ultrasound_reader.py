"""MONAI readers of ultrasound images and of label maps, which refuse by name what is damaged or ambiguous."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import ensure_tuple

from radlearn.monai_parts.path_reader import PathReader, Paths, meta_of
from radlearn.scans.dicom import is_dicom
from radlearn.scans.label_map_files import MOST_CLASSES, read_label_map, refuse_another_size
from radlearn.scans.plain_images import is_plain_image, refuse_other_axes
from radlearn.scans.ultrasound_images import read_ultrasound


class UltrasoundReader(PathReader):
    """Reads one ultrasound image, a picture, DICOM or a volume file of one slice, for `LoadImaged(reader=UltrasoundReader())`.

    The array is float32 in [0, 1] of shape (row, column): row 0 at the probe, column 0 at the left. Tinted images are read as their
    luminance. In the meta data, beside MONAI's own, `spacing_mm` is the distance between rows and between columns, NaN where the file
    has none, and `notes` says what was decided, one note a line. The affine goes from (row, column) to mm, or is the identity.

    Raises:
        UnreadableScan: while loading; as `radlearn.scans.ultrasound_images.read_ultrasound`. Compose wraps it: see `radlearn_error_in`.
        BadSetting: several paths for one image.

    >>> import tempfile
    >>> from monai.transforms import LoadImaged
    >>> from PIL import Image
    >>> file = tempfile.mkdtemp() + "/1_1.tif"
    >>> Image.fromarray(np.arange(32 * 48, dtype=np.uint16).reshape(32, 48).astype(np.uint8)).save(file)
    >>> image = LoadImaged("image", reader=UltrasoundReader(), ensure_channel_first=True)({"image": file})["image"]
    >>> tuple(image.shape), image.meta["spacing_mm"]
    ((1, 32, 48), [nan, nan])
    """

    def verify_suffix(self, filename: Paths) -> bool:
        """Whether all names are those of pictures or volumes, or DICOM files."""
        return all(is_plain_image(str(name)) or is_dicom(str(name)) for name in ensure_tuple(filename))

    def data_of(self, path: Path) -> tuple[np.ndarray, dict[str, Any]]:
        """Return float32 (row, column) in [0, 1], and the meta data."""
        image = read_ultrasound(path)
        affine = np.diag([*(image.spacing_mm or (1.0, 1.0)), 1.0, 1.0])
        spacing = list(image.spacing_mm or (float("nan"),) * 2)
        return image.pixels, meta_of(image.pixels.shape, affine, image.notes) | {"spacing_mm": spacing}


class LabelMapReader(PathReader):
    """Reads one label map for `LoadImaged(reader=LabelMapReader(), dtype=np.uint8)`.

    The array is uint8 (row, column), the number of the class of each pixel, 0 being the background. `pixels_of_class` in the meta data is
    how many pixels each class has in the file, int (32,), before anything is resized; `as_white` whether class 1 is what is white, and not
    what has the number 1.

    Raises:
        UnreadableScan: while loading; as `radlearn.scans.label_map_files.read_label_map`. Compose wraps it: see `radlearn_error_in`.
        BadSetting: several paths for one label map.

    >>> import tempfile
    >>> from monai.transforms import LoadImaged
    >>> from radlearn.scans.label_map_files import write_label_map
    >>> file = write_label_map(tempfile.mkdtemp() + "/labels.png", np.eye(16, dtype=np.uint8) * 2)
    >>> labels = LoadImaged("mask", reader=LabelMapReader(), dtype=np.uint8)({"mask": file})["mask"]
    >>> labels.max().item(), labels.meta["pixels_of_class"][:4]
    (2, [240, 0, 16, 0])
    """

    def verify_suffix(self, filename: Paths) -> bool:
        """Whether all names are those of pictures or volumes."""
        return all(is_plain_image(str(name)) for name in ensure_tuple(filename))

    def data_of(self, path: Path) -> tuple[np.ndarray, dict[str, Any]]:
        """Return uint8 (row, column), and the meta data."""
        found = read_label_map(path)
        counts = np.bincount(found.labels.ravel(), minlength=MOST_CLASSES + 1).tolist()
        return found.labels, meta_of(found.labels.shape, np.eye(4), found.notes) | {"pixels_of_class": counts, "as_white": found.as_white}


class SameSized(MapTransform):
    """Refuses a label map that has another size than its image, or other axes, which no reader of one of them can see.

    Args:
        keys: the label map and the image, in this order.

    Raises:
        UnreadableScan: when called.
    """

    def __init__(self, keys: KeysCollection) -> None:
        super().__init__(keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        labels, image = (data[key] for key in self.keys)
        places = [Path(str(one.meta.get("filename_or_obj", name))) for one, name in ((labels, "label map"), (image, "image"))]
        refuse_another_size(places[0], tuple(labels.shape[1:]), tuple(image.shape[1:]), places[1].name)
        refuse_other_axes(*places)
        return dict(data)
