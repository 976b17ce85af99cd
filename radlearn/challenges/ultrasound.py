"""The Ultrasound Nerve Segmentation challenge as one object: `train/N_M.tif` with `N_M_mask.tif`, N being the person."""

from pathlib import Path

from radlearn.challenges.challenge import Challenge
from radlearn.challenges.own_table import accepted, data_folder, read_table, resolved
from radlearn.challenges.table_rows import is_table
from radlearn.challenges.ultrasound_case import UltrasoundCase
from radlearn.errors import BadLayout
from radlearn.scans.picture_files import is_picture

MASK = "_mask"


def layout_folder(folder: Path) -> Path | None:
    """Return the folder that holds `train`, or the table."""
    folder = Path(folder)
    if is_table(folder):
        return folder
    return folder if (folder / "train").is_dir() else None


def find_cases(folder: Path) -> list[UltrasoundCase]:
    """Return the images with label maps of a folder or a table; errors as `accepted`."""
    folder = Path(folder)
    if is_table(folder):
        table = read_table(folder, ("mask",), ("mask",))
        cases = []
        for image in table.images:
            line, cells = image.rows[0]
            if (mask := resolved(table, line, "mask", cells["mask"])) is not None:
                where = data_folder(image.path, table)
                cases.append(UltrasoundCase(image.image_id, image.path, mask, image.person, where, image.split, image.groups))
        return accepted(table, cases)
    if layout_folder(folder) is None:
        raise BadLayout(f"{folder}: holds no folder 'train'.")
    images = [path for path in sorted((folder / "train").glob("*.tif")) if not path.stem.endswith(MASK)]
    return [UltrasoundCase(path.stem, path, path.with_name(f"{path.stem}{MASK}.tif"), path.stem.split("_")[0], folder) for path in images]


def find_images(folder: Path) -> list[UltrasoundCase]:
    """Return the images of a folder, or the one in a file."""
    folder = Path(folder)
    paths = [folder] if folder.is_file() else [path for path in sorted(folder.iterdir()) if is_picture(path)]
    images = [path for path in paths if not path.stem.endswith(MASK)]
    if not images:
        raise BadLayout(f"{folder}: holds no image.")
    return [UltrasoundCase(path.stem, path, None, path.stem, path.parent) for path in images]


CHALLENGE: Challenge[UltrasoundCase, Path] = Challenge(
    name="ultrasound",
    title="Ultrasound Nerve Segmentation",
    unit="ultrasound image",
    units="ultrasound images",
    layout_folder=layout_folder,
    find_cases=find_cases,
    find_images=find_images,
)
