"""The error for a folder that is not in the layout of the RSNA challenge."""

from pathlib import Path

from radlearn.challenges.folders import XRAY_SUFFIXES, describe_folder, files_in
from radlearn.errors import BadLayout

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z")


def missing_layout(folder: Path, expected: tuple[str, str]) -> BadLayout:
    """Return the error for a folder that is not the layout: what was found, what was expected, what to do about the difference."""
    images, labels = expected
    advice = "Put the challenge's files there (kaggle.com/c/rsna-pneumonia-detection-challenge/data), or name another folder with --data."
    files = files_in(folder) if folder.is_dir() else []
    if archives := [file.name for file in files if file.suffix in ARCHIVES]:
        advice = f"Unpack {', '.join(archives[:3])} in that folder first (unzip {archives[0]})."
    elif (folder / labels).is_file():
        advice = f"The table is there, its X-rays are not. Put them into {images}/, one patientId.dcm each."
    elif (folder / images).is_dir() or any(file.suffix.lower() in XRAY_SUFFIXES for file in files):
        advice = f"The X-rays are there, but not {labels}, the table of labels. Without labels, use 'predict'."
    return BadLayout(f"{folder}: {describe_folder(folder)}. Expected {labels} and {images}/ with one patientId.dcm per image. {advice}")
