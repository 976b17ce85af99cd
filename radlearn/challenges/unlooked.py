"""Files of a folder of images that nobody looked at, and are no tables or notes that lie beside images everywhere."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from radlearn.amounts import counted, verb_of
from radlearn.challenges.folders import files_below, within
from radlearn.file_kinds import HEADER_BYTES, image_kind, kind_of, picture_advice
from radlearn.files import opened_to_read
from radlearn.folder_walks import is_of_a_system
from radlearn.scans.file_names import ARCHIVE_SUFFIXES, DICOM_SUFFIXES, OTHER_PICTURES, OTHER_VOLUMES, PICTURE_SUFFIXES, VOLUME_SUFFIXES

TABLES = (".csv", ".csv.gz", ".json", ".txt", ".md", ".html", ".pdf", ".tsv", ".xlsx", ".yaml", ".yml", ".bval", ".bvec")
NAMES = {"LICENSE", "README", "VERSION"}
"What lies beside images everywhere, and is none."
SHOWN = 3
OF_PICTURES = "pictures in a format that radlearn does not read; convert them to PNG or TIFF without loss"
BY_SUFFIX = (
    ("archive", ARCHIVE_SUFFIXES, "packed, and not looked into"),
    ("format-unread", OTHER_VOLUMES, "in a format of volumes that radlearn does not read"),
    ("picture-beside", PICTURE_SUFFIXES, "pictures"),
    ("picture-beside", VOLUME_SUFFIXES, "images of one slice"),
    ("format-unread", OTHER_PICTURES, OF_PICTURES),
)
"Rule of `radlearn check`, what a file's name ends with, and what such files are."
ARCHIVE_STARTS = ("a zip archive", "packed")


class Kind(NamedTuple):
    """Files of one kind: the rule of `radlearn check` for them and what they are, both "" where they look like no image."""

    rule: str
    words: str
    paths: list[Path]


def by_kind(paths: Sequence[Path]) -> list[Kind]:
    """Return files by what they are: by their names, and by their first bytes where a name says nothing; the unknown come last."""
    kinds: dict[tuple[str, str, str], list[Path]] = {}
    for path in paths:
        kinds.setdefault(_kind(path), []).append(path)
    rules = [rule for rule, _, _ in BY_SUFFIX]
    order = sorted(kinds, key=lambda kind: (not kind[0], rules.index(kind[0]) if kind[0] else 0))
    return [Kind(rule, words, kinds[rule, words, suffix]) for rule, words, suffix in order]


def _kind(path: Path) -> tuple[str, str, str]:
    """Return the rule for a file, what it is, and the suffix that says so, if one does."""
    for rule, suffixes, words in BY_SUFFIX:
        if suffix := ending_in(path, suffixes):
            return rule, words, suffix
    try:
        with opened_to_read(path) as opened:
            start = opened.read(HEADER_BYTES)
    except OSError:
        return "", "", ""
    if advice := picture_advice(start):
        return "format-unread", advice, ""
    if (image_kind(start) and not ending_in(path, DICOM_SUFFIXES)) or (not path.suffix and kind_of(start).startswith(ARCHIVE_STARTS)):
        return "format-unread" if image_kind(start) else "archive", kind_of(start), ""
    return "", "", ""


def not_taken_words(folder: Path, looked_at: Collection[Path]) -> list[str]:
    """Return a sentence for each kind of images and archives below a folder that a table of its images does not speak of.

    Args:
        folder: that the table is of.
        looked_at: files of which something is said already.
    """
    left = unlooked_files(folder, looked_at)
    named = (("DICOM files", DICOM_SUFFIXES), ("pictures", PICTURE_SUFFIXES), ("volumes", VOLUME_SUFFIXES))
    own = [(words, [path for path in left if ending_in(path, suffixes)]) for words, suffixes in named]
    known = {path for _, paths in own for path in paths}
    kinds = [(one.words, one.paths) for one in by_kind([path for path in left if path not in known]) if one.rule]
    return [f"{amount_of(paths, folder)} {verb_of(len(paths), 'are')} left out: {words}." for words, paths in own + kinds if paths]


def amount_of(paths: Sequence[Path], root: Path) -> str:
    """Return how many files there are, and the first of them, relative to a folder."""
    names = ", ".join(within(path, root) for path in paths[:SHOWN])
    return f"{counted(len(paths), 'files')} ({names}{', …' * (len(paths) > SHOWN)})"


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
