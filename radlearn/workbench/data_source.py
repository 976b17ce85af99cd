"""Where a lesson's data come from: the folder that was named, else `data/` beside the lesson, else the built-in patients."""

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from radlearn import digital_thorax
from radlearn.challenges import rsna
from radlearn.errors import BadLayout
from radlearn.files import cache_folder
from radlearn.progress import say
from radlearn.scans.alone import alone_with

# What may lie in a data folder that is still to be filled.
NOT_DATA = {"README.md", ".gitignore", ".gitkeep", ".DS_Store", "Thumbs.db", "desktop.ini"}
BUILT_IN_FILMS = 800
BUILT_IN_SEED = 0


@dataclass(frozen=True)
class Source:
    """A data folder and how it was found."""

    folder: Path
    # One line for people: which folder it is, and why this one.
    told: str


def rsna_source(given: Path | None, beside: Sequence[Path]) -> Source:
    """Find the RSNA challenge's data: `given`, else `RADLEARN_DATA`, else the first filled folder of `beside`, else built-in patients.

    A folder that was named, or that holds anything beside a lesson, is meant: if it is not in the layout, `challenges.rsna.find_cases`
    refuses it. Built-in patients never stand in silently for data that were meant.

    Args:
        given: what the user named (`--data`); None if nothing.
        beside: the `data/` folders of the lessons that use this challenge, the caller's own first.

    Raises:
        BadLayout: if a folder that was named is not there.
    """
    if given is not None:
        return _named(Path(given), "named with --data")
    if chosen := os.environ.get("RADLEARN_DATA"):
        return _named(Path(chosen), "named by RADLEARN_DATA")
    for folder in beside:
        if folder.is_dir() and any(entry.name not in NOT_DATA for entry in folder.iterdir()):
            return _named(folder, "beside the lesson")
    folder = built_in_films(BUILT_IN_FILMS, BUILT_IN_SEED)
    return Source(folder, f"Data: built-in patients (synthetic) in {folder}. For the challenge's own, see {beside[0] / 'README.md'}.")


def built_in_films(films: int, seed: int) -> Path:
    """Return the folder of the built-in patients' X-rays in the user's cache, made at the first call."""
    from radlearn.digital_thorax import cohort

    folder = _built_in_folder(films, seed)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        # A second process waits for the patients of the first instead of making them again.
        with alone_with(folder.parent / f"{folder.name}.lock", "making the built-in patients"):
            if not folder.exists():
                say(f"Making {films:,} films of built-in patients, once, in {folder}.")
                cohort.write_rsna(folder, films, seed)
    return folder


def made_again(folder: Path) -> bool:
    """Make the built-in patients of `folder` again where it was theirs; return whether it was.

    False too for patients that other code made: this code would make others, with the same names.
    """
    named = re.fullmatch(r"rsna-(\d+)-films-seed-(\d+)-.*", folder.name)
    if not named or folder != _built_in_folder(int(named[1]), int(named[2])).resolve():
        return False
    built_in_films(int(named[1]), int(named[2]))
    return True


def _built_in_folder(films: int, seed: int) -> Path:
    return cache_folder() / "patients" / f"rsna-{films}-films-seed-{seed}-{_code_digest(Path(digital_thorax.__file__).parent)}"


def is_synthetic(folder: Path) -> bool:
    """Tell whether a data folder was written by the digital thorax: nobody else knows the exact truth, and writes it down."""
    layout = rsna.layout_folder(Path(folder))
    return layout is not None and (layout / "truth.csv").exists()


def _code_digest(room: Path) -> str:
    """Return a digest of a room's code: patients made by other code are other patients, and must not be taken for these."""
    digest = hashlib.blake2b(digest_size=4)
    for source in sorted(room.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _named(folder: Path, how: str) -> Source:
    folder = folder.expanduser()
    if not folder.is_dir():
        raise BadLayout(
            f"{folder} ({how}): there is no such folder. Expected one in the challenge's layout; 'radlearn thorax' writes an example."
        )
    return Source(folder, f"Data: {folder} ({how}{', synthetic' if is_synthetic(folder) else ''}).")
