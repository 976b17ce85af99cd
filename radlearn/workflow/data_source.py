"""Where a lesson's data come from: the folder that was named, else `data/` beside the lesson, else the built-in patients."""

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from radlearn import digital_thorax
from radlearn.challenges import covid19, rsna
from radlearn.errors import BadLayout
from radlearn.files import cache_folder
from radlearn.progress import say
from radlearn.scans.alone import alone_with

# What may lie in a data folder that is still to be filled.
NOT_DATA = {"README.md", ".gitignore", ".gitkeep", ".DS_Store", "Thumbs.db", "desktop.ini"}
BUILT_IN_XRAYS = 800
BUILT_IN_CTS = 120
BUILT_IN_SEED = 0
Challenge = Literal["rsna", "covid19"]
"Also the first word of the names of its lessons' folders."


@dataclass(frozen=True)
class Source:
    """A data folder and how it was found."""

    folder: Path
    # One line for people: which folder it is, and why this one.
    told: str


def found_source(challenge: Challenge, given: Path | None, beside: Sequence[Path]) -> Source:
    """Find a challenge's data: `given`, else `RADLEARN_DATA`, else the first filled folder of `beside`, else built-in patients.

    A folder that was named, or that holds anything beside a lesson, is meant: if it is not in the layout, the challenge's `find_cases`
    refuses it. Built-in patients never stand in silently for data that were meant.

    Args:
        challenge: whose layout is asked for.
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
    made = built_in_xrays(BUILT_IN_XRAYS, BUILT_IN_SEED) if challenge == "rsna" else built_in_cts(BUILT_IN_CTS, BUILT_IN_SEED)
    return Source(made, f"Data: built-in patients (synthetic) in {made}. For the challenge's own, see {beside[0] / 'README.md'}.")


def built_in_xrays(xrays: int, seed: int) -> Path:
    """Return the folder of the built-in patients' X-rays in the user's cache, made at the first call."""
    return _built_in("rsna", xrays, seed)


def built_in_cts(cts: int, seed: int) -> Path:
    """Return the folder of the built-in patients' small CTs in the user's cache, made at the first call."""
    return _built_in("covid19", cts, seed)


def made_again(folder: Path) -> bool:
    """Make the built-in patients of `folder` again where it was theirs; return whether it was.

    False too for patients that other code made: this code would make others, with the same names.
    """
    named = re.fullmatch(r"(rsna|covid19)-(\d+)-(?:X-rays|cts)-seed-(\d+)-.*", folder.name)
    if not named:
        return False
    challenge: Challenge = "rsna" if named[1] == "rsna" else "covid19"
    if folder != _built_in_folder(challenge, int(named[2]), int(named[3])).resolve():
        return False
    _built_in(challenge, int(named[2]), int(named[3]))
    return True


def _built_in(challenge: Challenge, count: int, seed: int) -> Path:
    folder = _built_in_folder(challenge, count, seed)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        # A second process waits for the patients of the first instead of making them again.
        with alone_with(folder.parent / f"{folder.name}.lock", "making the built-in patients"):
            if not folder.exists():
                say(f"Making {count:,} {_UNITS[challenge]} of built-in patients, once, in {folder}.")
                _write(challenge, folder, count, seed)
    return folder


_UNITS: dict[Challenge, str] = {"rsna": "films", "covid19": "CTs"}


def _write(challenge: Challenge, folder: Path, count: int, seed: int) -> None:
    if challenge == "rsna":
        from radlearn.digital_thorax.cohort import write_rsna

        write_rsna(folder, count, seed)
    else:
        from radlearn.digital_thorax.ct_cohort import write_covid19

        write_covid19(folder, count, seed)


def _built_in_folder(challenge: Challenge, count: int, seed: int) -> Path:
    named = f"{challenge}-{count}-{_UNITS[challenge].lower()}-seed-{seed}"
    return cache_folder() / "patients" / f"{named}-{_code_digest(Path(digital_thorax.__file__).parent)}"


def is_synthetic(folder: Path) -> bool:
    """Tell whether a data folder was written by the digital thorax: nobody else knows the exact truth, and writes it down."""
    layouts = [layout for of in (rsna, covid19) if (layout := of.layout_folder(Path(folder))) is not None]
    # Whoever names Train itself names the same patients.
    layouts += [layout.parent for layout in layouts if layout.name == covid19.TRAIN_FOLDER]
    return any(holds_exact_truth(layout) for layout in layouts)


def holds_exact_truth(layout: Path) -> bool:
    """Tell whether the exact truth of built-in patients lies in a layout's own folder."""
    return (layout / "truth.csv").exists()


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
