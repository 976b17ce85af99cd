"""Files of a folder of images that nobody looked at, and are no tables or notes that lie beside images everywhere."""

from collections.abc import Collection, Sequence
from pathlib import Path

from radlearn.challenges.folders import files_below
from radlearn.folder_walks import is_of_a_system

TABLES = (".csv", ".csv.gz", ".json", ".txt", ".md", ".html", ".pdf", ".tsv", ".xlsx", ".yaml", ".yml", ".bval", ".bvec")
NAMES = {"LICENSE", "README", "VERSION"}
"What lies beside images everywhere, and is none."


def unlooked_files(folder: Path, looked_at: Collection[Path]) -> list[Path]:
    """Return the files below a folder that are no tables and were not looked at, sorted; hidden ones are left out."""
    known = set(looked_at)
    return [path for path in files_below(folder) if path not in known and not _is_beside(path)]


def _is_beside(path: Path) -> bool:
    # CDs are often mounted with names in small letters.
    return path.name in NAMES or is_of_a_system(path.name) or path.name.upper() == "DICOMDIR" or bool(ending_in(path, TABLES))


def ending_in(path: Path, suffixes: Sequence[str]) -> str:
    """Return the longest of the suffixes that a file's name ends with; "" where it ends with none."""
    return max((suffix for suffix in suffixes if path.name.lower().endswith(suffix)), key=len, default="")
