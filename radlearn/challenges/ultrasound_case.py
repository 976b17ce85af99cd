"""A case of the ultrasound challenge: the image, and the label map of what is to be found in it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class UltrasoundCase:
    """One ultrasound image and its label map."""

    image_id: str
    path: Path
    mask_path: Path | None  # None where there is none
    person: str
    folder: Path
    split: str | None = None  # the subset that a table asks for
    groups: tuple[tuple[str, str], ...] = ()  # further columns of a table, and what they say of this image

    @property
    def truth(self) -> tuple[Path, ...]:
        """What its truth consists of: the label map, where there is one."""
        return () if self.mask_path is None else (self.mask_path,)
