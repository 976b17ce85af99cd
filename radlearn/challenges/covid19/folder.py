"""Names and tables of the COVID-19-20 layout: which file is whose CT or mask, who is whose person, and what lies there instead."""

import shlex
from collections.abc import Collection
from pathlib import Path

from radlearn.amounts import part_of, verb_of
from radlearn.challenges.folders import describe_folder, volume_stem
from radlearn.challenges.tables.csv_rows import path_text, rows_in, table_text
from radlearn.challenges.tables.folder_tables import tables_hint
from radlearn.challenges.words.near_ids import near_strangers, only_strangers
from radlearn.challenges.words.nobody import nobody_notes, rounded_trouble
from radlearn.challenges.words.person_spellings import joined_in_table
from radlearn.errors import BadLayout
from radlearn.files import NO_FILE, write_text
from radlearn.folder_walks import real_path

TRAIN_FOLDER = "Train"
UNLABELLED_FOLDER = "Validation"
PERSONS_TABLE = "persons.csv"
PERSON_COLUMNS = ("case", "person")
ARCHIVES = (".zip", ".tar", ".tgz", ".7z", ".tar.gz")
CT, MASK = "_ct", "_seg"
NNUNET_IMAGES, NNUNET_LABELS = "imagesTr", "labelsTr"


def case_and_kind(name: str) -> tuple[str, str] | None:
    """Return a file's case and whether it is its CT (`_ct`) or its mask (`_seg`); None where the name says neither.

    >>> case_and_kind("volume-covid19-A-0003_seg.nii.gz")
    ('volume-covid19-A-0003', '_seg')
    """
    stem = volume_stem(name) or ""
    return next(((stem[: -len(kind)], kind) for kind in (CT, MASK) if stem.lower().endswith(kind) and len(stem) > len(kind)), None)


def case_paths(folder: Path, case_id: str) -> tuple[Path, Path]:
    """Return where the layout in `folder` has the CT and the mask of a case.

    >>> [path.as_posix() for path in case_paths(Path("data"), "volume-covid19-A-0003")]
    ['data/Train/volume-covid19-A-0003_ct.nii.gz', 'data/Train/volume-covid19-A-0003_seg.nii.gz']
    """
    train = Path(folder) / TRAIN_FOLDER
    return train / f"{case_id}{CT}.nii.gz", train / f"{case_id}{MASK}.nii.gz"


def file_trouble(path: Path) -> str:
    """Say what is wrong with a file without opening it: empty, a folder, a pipe, or a link to nowhere; "" where nothing is."""
    if path.is_dir():
        return "is a folder; expected a NIfTI file."
    if not path.exists():
        return "is a link to a file that is not there. Was the data set copied without its contents?"
    if not path.is_file():
        return f"{NO_FILE}; expected a NIfTI file."
    if path.stat().st_size == 0:
        return "is empty (0 bytes). Copy or download it again."
    return ""


def read_persons(path: Path, cases: Collection[str]) -> tuple[dict[str, str], list[str], list[str]]:
    """Read `persons.csv` and return case → person, a line for each thing that is wrong, and a line for each note."""
    text, troubles = path_text(path)
    name, persons, lines = path.name, dict[str, str](), dict[str, int]()
    for line, (case_id, person) in rows_in(name, text, PERSON_COLUMNS, troubles):
        seen_in = lines.setdefault(case_id, line)
        if not case_id or not person:
            wrong = f"{'case' if person else 'person'} is empty. Leave the row out where it is not known who it is."
            troubles.append(f"{name}, line {line}: {wrong}")
        elif persons.setdefault(case_id, person) != person:
            wrong = f"{case_id} belongs to person {person!r} here and to {persons[case_id]!r} in line {seen_in}."
            troubles.append(f"{name}, line {line}: {wrong}")
    troubles += near_strangers(name, persons, cases, "case") or only_strangers(name, persons, cases, "case")
    notes = []
    if strangers := [case_id for case_id in persons if case_id not in cases]:
        first = f"{strangers[0]} (line {lines[strangers[0]]})"
        notes.append(
            f"{name}: {part_of(len(strangers), len(persons), 'cases', 'of its')} {verb_of(len(strangers), 'are')} not "
            f"in {TRAIN_FOLDER}, the first being {first}."
        )
    if persons and (alone := sum(case_id not in persons for case_id in cases)):
        amount = f"does not list {part_of(alone, len(cases), 'cases')}"
        notes.append(f"{name}: {amount}; each of them counts as a person of its own.")
    if rounded := rounded_trouble(persons.values()):
        troubles.append(f"{name}: person {rounded}")
    notes += nobody_notes(name, (persons[case_id] for case_id in cases if case_id in persons), "cases")
    persons, spelt = joined_in_table(name, persons)
    return persons, troubles, notes + spelt


def write_persons(folder: Path, persons: dict[str, str]) -> None:
    """Write case → person as the `persons.csv` of the layout in `folder`, whole or not at all."""
    write_text(Path(folder) / PERSONS_TABLE, table_text(PERSON_COLUMNS, persons.items()))


def _nnunet_home(folder: Path) -> Path | None:
    """Return the folder that holds nnU-Net's `imagesTr`, where `folder` is that one or one of its parts; None where there is none."""
    place = Path(folder)
    if (place / NNUNET_IMAGES).is_dir():
        return place
    parts = (NNUNET_IMAGES, NNUNET_LABELS)
    # `.` has no name of its own.
    return real_path(place).parent if real_path(place).name in parts and (real_path(place).parent / NNUNET_IMAGES).is_dir() else None


def missing_layout(folder: Path, needs_cts: bool = True) -> BadLayout:
    """Return the error for a folder that is not the layout: what was found, what was expected, what to do about the difference.

    `needs_cts` is False where only the true masks are needed, to score against.
    """
    if not needs_cts:
        expected = f"{TRAIN_FOLDER}/ with ID{MASK}.nii.gz for each case, or these masks themselves"
        advice = "Name the folder that holds the true masks with --truth; a zip of them is unpacked first."
        return BadLayout(f"{folder}: {describe_folder(folder)}. Expected {expected}. {advice}")
    advice = "Put the challenge's files there (covid-segmentation.grand-challenge.org), or name another folder with --data."
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith(".")) if folder.is_dir() else []
    places = [folder, *(entry for entry in entries if entry.is_dir())]
    names = [entry.name for place in places for entry in place.iterdir()] if entries else []
    if archives := [entry.name for entry in entries if entry.name.lower().endswith(ARCHIVES)]:
        advice = f"Unpack {', '.join(archives[:3])} in that folder first."
    elif home := _nnunet_home(folder):
        table = shlex.quote(str(Path(home) / "cases.csv"))
        advice = (
            f"This is nnU-Net's layout: 'radlearn segmentation table {shlex.quote(str(home))}' pairs its CTs and masks in a table, and "
            f"--data {table} takes that."
        )
    elif own := tables_hint(folder):
        advice = own
    elif any((case_and_kind(name) or ("", ""))[1] == CT for name in names):
        advice = f"The CTs are there, their masks ID{MASK}.nii.gz are not. Without masks there is 'predict', which needs none."
    elif any(volume_stem(name) for name in names):
        advice = f"There are volumes, but their names do not say what they are: ID{CT}.nii.gz for a CT, ID{MASK}.nii.gz for its mask."
    expected = f"{TRAIN_FOLDER}/ with ID{CT}.nii.gz and ID{MASK}.nii.gz for each case"
    return BadLayout(f"{folder}: {describe_folder(folder)}. Expected {expected}. {advice}")
