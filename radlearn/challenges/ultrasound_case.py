"""A case of any challenge on two-dimensional images with label maps: the image, and which class each of its pixels belongs to."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class UltrasoundCase:
    """One image and its mask or label map."""

    image_id: str
    path: Path  # a picture, or a DICOM file
    mask_path: Path | None  # 0 and 255, or classes 0…n; None where there is no truth
    person: str
    folder: Path  # the data folder
    split: str | None = None  # the subset that a table asks for
    groups: tuple[tuple[str, str], ...] = ()  # further columns of the table, and what they say of this image
    class_names: tuple[str, ...] = ()  # what the values 1, 2, … of the label map are called; empty where nothing says it

    @property
    def truth(self) -> tuple[Path, ...]:
        """What its truth consists of: the mask, where there is one."""
        return () if self.mask_path is None else (self.mask_path,)
