"""The base of radlearn's image readers: one file or folder a call, opened where its errors are not swallowed.

LoadImage catches every error of a reader's `read`, keeps its text, and goes on to the next reader that it knows. So a file that radlearn
refuses, because it says two things or is damaged, would be read by another reader without a word. Errors of `get_data` reach the caller.
So `read` opens nothing, and `get_data` does it all.
"""

import logging
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from monai.config import PathLike
from monai.data.image_reader import ImageReader
from monai.utils import ImageMetaKey, MetaKeys, ensure_tuple

from radlearn.errors import BadSetting

# MONAI 1.6 says with every LoadImage that a decoder for NVIDIA GPUs, which nobody asked for, is not installed.
logging.getLogger("monai.data.nvimgcodec_pydicom_plugin").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", "NvImgCodecPydicomReader", UserWarning)

Paths: TypeAlias = Sequence[PathLike] | PathLike


class PathReader(ImageReader):
    """A MONAI ImageReader of one file or folder; subclasses say in `data_of` how it is read.

    >>> class Text(PathReader):
    ...     def verify_suffix(self, filename):
    ...         return True
    ...     def data_of(self, path):
    ...         return np.array([len(path.name)]), {"words": path.stem}
    >>> reader = Text()
    >>> reader.get_data(reader.read("ct.txt"))
    (array([6]), {'filename_or_obj': 'ct.txt', 'words': 'ct'})
    """

    def read(self, data: Paths, **kwargs: Any) -> tuple[Path, ...]:
        """Return the paths as they are: see the module. Keywords, which MONAI passes on to other libraries, have no meaning here."""
        return tuple(Path(name) for name in ensure_tuple(data))

    def get_data(self, img: Sequence[Path]) -> tuple[np.ndarray, dict[str, Any]]:
        """Read what `read` was given, and return the array and its meta data.

        Raises:
            BadSetting: several paths. MONAI's readers stack such images as channels; those of one person seldom lie on one grid.
        """
        if len(img) != 1:
            names = ", ".join(str(path) for path in img[:3]) + (", …" if len(img) > 3 else "")
            raise BadSetting(f"{type(self).__name__} got {len(img)} paths ({names}); expected one. Give each image a key of its own.")
        pixels, meta = self.data_of(img[0])
        return pixels, {str(ImageMetaKey.FILENAME_OR_OBJ): str(img[0]), **meta}

    @abstractmethod
    def data_of(self, path: Path) -> tuple[np.ndarray, dict[str, Any]]:
        """Return the array, without a channel axis, and the meta data of one file or folder."""


def meta_of(shape: tuple[int, ...], affine: np.ndarray, notes: tuple[str, ...]) -> dict[str, Any]:
    """Return the meta data that MONAI's transforms need, of an array without a channel axis.

    `notes` becomes one string, a note a line, because a batch can be made of strings and not of lists of different length.

    >>> meta = meta_of((4, 5), np.eye(4), ("a", "b"))
    >>> meta["spatial_shape"], meta["notes"].splitlines()
    (array([4, 5]), ['a', 'b'])
    """
    return {
        str(MetaKeys.AFFINE): affine.copy(),
        str(MetaKeys.ORIGINAL_AFFINE): affine.copy(),
        str(MetaKeys.SPATIAL_SHAPE): np.asarray(shape),
        # MONAI's sign for "no channel".
        str(MetaKeys.ORIGINAL_CHANNEL_DIM): float("nan"),
        "notes": "\n".join(notes),
    }
