"""A case of any challenge on CTs: the scan, and the mask of what is to be found in it."""

from dataclasses import dataclass
from pathlib import Path

TRAIN_FOLDER = "Train"
"Of the COVID-19-20 challenge's layout."


@dataclass(frozen=True)
class Case:
    """One CT and the mask of its lesions."""

    case_id: str
    path: Path  # a NIfTI file, or the folder of a DICOM series
    mask_path: Path | None  # None where there are no masks
    person: str
    data_folder: Path | None = None  # where a table says what is whose: see `own_table`
    split: str | None = None  # the subset that the table asks for
    groups: tuple[tuple[str, str], ...] = ()  # further columns of the table, and what they say of this CT

    @property
    def folder(self) -> Path:
        """The data folder it lies in: the one that holds `Train`, or its own where CTs lie in the data folder directly."""
        if self.data_folder is not None:
            return self.data_folder
        return self.path.parent.parent if self.path.parent.name == TRAIN_FOLDER else self.path.parent

    @property
    def image_id(self) -> str:
        """The case id, under the name that X-rays have for theirs."""
        return self.case_id

    @property
    def truth(self) -> tuple[Path, ...]:
        """What its truth consists of: the mask, where there is one."""
        return () if self.mask_path is None else (self.mask_path,)
