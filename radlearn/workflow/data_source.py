"""The source of a task's data: the folder given, else RADLEARN_DATA, else `data/` beside the lesson, else the built-in cases."""

import hashlib
import inspect
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radlearn import hints
from radlearn.alone import alone_with
from radlearn.amounts import counted
from radlearn.challenges.challenge import AnyChallenge, BuiltInCases
from radlearn.challenges.tables.table_rows import PARQUET, SEPARATORS, file_words, is_table
from radlearn.errors import BadLayout
from radlearn.file_names import from_home
from radlearn.files import cache_folder
from radlearn.folder_walks import is_of_a_system, real_path
from radlearn.leftovers import remove_unfinished
from radlearn.progress import say
from radlearn.use_cases import USE_CASES

BUILT_IN_SEED = 0
# Modules beside the writers of built-in cases that draw or list what was written, and have no part in it.
DRAWS_ONLY = {"contact_sheet", "patient_sheet", "ct_views", "findings_table"}


@dataclass(frozen=True)
class Source:
    """A data folder, or a table of a user's own images, and how it was found."""

    folder: Path
    # A line for the user: the folder, and why it was chosen.
    message: str


def found_source(challenge: AnyChallenge, given: Path | None, beside: Sequence[Path]) -> Source:
    """Find a challenge's data: `given`, else `RADLEARN_DATA`, else the first filled folder of `beside`, else built-in cases.

    A folder that is given, or that holds any file beside a lesson, is used even if it is not in the layout; the challenge's `find_cases`
    then raises. Built-in cases never replace a user's data silently.

    Args:
        given: the folder given by the user (`--data`), or None.
        beside: the `data/` folders of the lessons on this challenge, the task's own first.

    Raises:
        BadLayout: if a given folder does not exist, or there are neither data nor built-in cases.
    """
    if given is not None:
        return _named(challenge, Path(given), "named with --data")
    if chosen := os.environ.get("RADLEARN_DATA"):
        return _named(challenge, Path(chosen), "named by RADLEARN_DATA")
    for folder in beside:
        if folder.is_dir() and any(entry.name != "README.md" and not is_of_a_system(entry.name) for entry in folder.iterdir()):
            return _named(challenge, folder, "beside the lesson")
    if challenge.built_in is None:
        raise BadLayout(
            f"{beside[0]}: holds no data, and {challenge.title} has no built-in cases. Put its data there, or use --data FOLDER."
        )
    made = built_in_folder(challenge, challenge.built_in.count, BUILT_IN_SEED)
    readme = beside[0] / "README.md"
    how = f"see {readme}" if readme.is_file() else f"put them into {beside[0]}, or name their folder with --data"
    return Source(made, f"Data: built-in patients (synthetic) in {made}. To use the challenge's data, {how}.")


def built_in_folder(challenge: AnyChallenge, count: int, seed: int) -> Path:
    """Return the folder of a challenge's built-in cases in the user's cache. The first call writes them."""
    folder = _folder_of(challenge, _built_in(challenge), count, seed)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        # A second process waits for the cases of the first instead of writing them again.
        with alone_with(folder.parent / f"{folder.name}.lock", "making the built-in patients"):
            if not folder.exists():
                remove_unfinished(folder)
                say(f"Making {counted(count, challenge.units)} of built-in patients in {folder}. This happens only once.")
                _built_in(challenge).load_writer()(folder, count, seed)
    return folder


def restored(challenge: AnyChallenge, folder: Path) -> bool:
    """Write the built-in cases of `folder` again if it was the folder of the standard ones; return whether it was.

    The standard cases are those that are used where there are no data. No others are made unasked: the folder is named in a run folder,
    which may be a stranger's, and making millions of cases would fill the disk. Also False if another version of the code wrote them: this
    version would write different cases with the same names.
    """
    if challenge.built_in is None:
        return False
    count = challenge.built_in.count
    if folder != real_path(_folder_of(challenge, challenge.built_in, count, BUILT_IN_SEED)):
        return False
    built_in_folder(challenge, count, BUILT_IN_SEED)
    return True


def about_data(challenge: AnyChallenge, folder: Path) -> dict[str, Any]:
    """Return the entries about the data in a run's settings.json."""
    return {"data": str(real_path(folder)), "synthetic": challenge.is_synthetic(folder)}


def _built_in(challenge: AnyChallenge) -> BuiltInCases:
    if challenge.built_in is None:
        raise BadLayout(f"{challenge.title} has no built-in cases.")
    return challenge.built_in


def _folder_of(challenge: AnyChallenge, built_in: BuiltInCases, count: int, seed: int) -> Path:
    writer = Path(inspect.getfile(built_in.load_writer()))
    return cache_folder() / "patients" / f"{challenge.name}-{count}-seed-{seed}-{_code_digest(writer.parent)}"


def _code_digest(folder: Path) -> str:
    """Return a digest of a package's code, so that cases written by different versions are kept apart."""
    digest = hashlib.blake2b(digest_size=4)
    for source in sorted(folder.glob("*.py")):
        if source.stem not in DRAWS_ONLY:
            digest.update(source.read_bytes())
    return digest.hexdigest()


def _named(challenge: AnyChallenge, folder: Path, how: str) -> Source:
    folder = from_home(folder)
    if is_table(folder):
        if not folder.is_file():
            raise BadLayout(f"{folder} ({how}): there is no such table.")
        if folder.name.lower() in challenge.tables and challenge.layout_folder(folder) is None:
            raise BadLayout(
                f"{folder} ({how}): is a table of the {challenge.title}, which is read with the files beside it. Give its folder: "
                f"--data {shlex.quote(str(folder.parent))}."
            )
        _refuse_table_of_another_task(challenge, folder)
        synthetic = "built-in patients (synthetic) in " if challenge.is_synthetic(folder) else ""
        return Source(folder, f"Data: {synthetic}the table {folder} ({how}).")
    if folder.is_file():
        tables = ", ".join((*SEPARATORS, PARQUET))
        expected = f"a folder in the layout of the {challenge.title}, or your own table ({tables})"
        raise BadLayout(f"{folder} ({how}): {file_words(folder)}. Expected {expected}.")
    if not folder.is_dir():
        raise BadLayout(
            f"{folder} ({how}): there is no such folder. Expected one in the layout of the {challenge.title}, or your own table "
            f"({', '.join((*SEPARATORS, PARQUET))}); '{hints.command('thorax', '--out')} FOLDER' writes an example."
        )
    if challenge.is_synthetic(folder):
        return Source(folder, f"Data: built-in patients (synthetic) in {folder}.")
    return Source(folder, f"Data: {folder} ({how}).")


def _refuse_table_of_another_task(challenge: AnyChallenge, table: Path) -> None:
    """Refuse a table that this challenge does not know and another one does: each of its rows would be called wrong."""
    if challenge.layout_folder(table) is not None:
        return
    of = [name for name, one in USE_CASES.items() if one.load_challenge().layout_folder(table) is not None]
    if of:
        commands = " or ".join(f"'{hints.command(name, 'train', '--data', table)}'" for name in of)
        raise BadLayout(f"{table}: is no table of {challenge.units}, but one that another task takes: {commands}.")
