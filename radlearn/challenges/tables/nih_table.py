"""The table of NIH ChestX-ray14, `Data_Entry_2017.csv`, read as it was published: several findings for each X-ray, joined by |.

    Image Index       the name of a PNG file, anywhere in the folders beside the table
    Finding Labels    such as Effusion|Mass; No Finding where there is none
    Patient ID        whose image it is
    Patient Age, Patient Gender (or Sex), View Position

All fourteen findings are labels of every X-ray: one that a row does not name is not there. The labels were mined from reports, and the
authors expect over 90 % of them to be right.

Source: Wang et al. 2017, CVPR, arXiv:1705.02315.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from radlearn.amounts import counted, verb_of
from radlearn.challenges.folders import files_in, stem
from radlearn.challenges.tables.csv_hints import finite_number
from radlearn.challenges.tables.meant_columns import meant_columns
from radlearn.challenges.tables.near_paths import NearPaths
from radlearn.challenges.tables.nih_further import is_own, with_further
from radlearn.challenges.tables.table_files import OwnImage, OwnTable
from radlearn.challenges.tables.table_rows import HEADER_LINE, NIH_COLUMNS, Cells, columns_of, rows_of
from radlearn.challenges.words.near_columns import PATH, SPLIT, plain
from radlearn.challenges.words.nobody import nobody_notes
from radlearn.challenges.words.person_spellings import joined_in_table
from radlearn.challenges.xray_case import XrayCase
from radlearn.csv_cells import restored
from radlearn.errors import BadLayout
from radlearn.file_names import composed
from radlearn.folder_walks import walked
from radlearn.scans.views import view_named

FINDINGS = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema", "Fibrosis", "Hernia", "Infiltration", "Mass",
    "Nodule", "Pleural_Thickening", "Pneumonia", "Pneumothorax",
)  # fmt: skip
NONE = "No Finding"
IMAGE, LABELS = NIH_COLUMNS
PERSON, VIEW = "Patient ID", "View Position"
AGE, SEX = "Patient Age", ("Patient Gender", "Patient Sex")
NAME = re.compile(r"data_entry.*\.csv", re.IGNORECASE)
PUBLISHED_TABLE = re.compile(r"data_entry_20\d\d", re.IGNORECASE)
BOXES = re.compile(r"bbox_list.*\.csv", re.IGNORECASE)
LISTS = ("train_val_list.txt", "test_list.txt")
"The published division, beside the table."
MISSPELT = 0.8
"Of the letters are the same: Effusoin is Effusion; Tuberculosis is another disease than Fibrosis."
PUBLISHED_NAME = re.compile(r"(\d{8})_\d{3}\.\w+", re.ASCII)
"The person, and the number of the image."
OLDEST = 120
"The published table has ages such as 411, which are taken for not known."


def is_nih(columns: tuple[str, ...]) -> bool:
    """Tell whether a table with these columns is that of NIH ChestX-ray14, and not one's own that keeps its columns beside others.

    >>> is_nih(("Image Index", "Finding Labels", "split")), is_nih(("Image Index", "Finding Labels", "path", "label"))
    (True, False)
    """
    return IMAGE in columns and LABELS in columns and not is_own(columns)


def is_meant(columns: Sequence[str]) -> bool:
    """Tell whether columns are those of NIH ChestX-ray14, also in other spellings.

    >>> is_meant(["image_index", "finding_labels"]), is_meant(["image", "labels"])
    (True, False)
    """
    return {plain(IMAGE), plain(LABELS)} <= {plain(column) for column in columns}


def spelling_words(columns: Sequence[str]) -> str:
    """Return how the columns of NIH ChestX-ray14 are to be called where they are spelt otherwise; "" in any other table.

    >>> spelling_words(["image_index", "Finding Labels"])
    'has the columns of NIH ChestX-ray14 in another spelling. Write Image Index for image_index.'
    """
    if is_nih(tuple(columns)) or not is_meant(columns) or PATH in map(str.lower, columns):
        return ""
    published = {plain(name): name for name in (IMAGE, LABELS, PERSON, VIEW, AGE, *SEX)}
    renamed = [f"{name} for {column}" for column in columns if (name := published.get(plain(column))) and name != column]
    return f"has the columns of NIH ChestX-ray14 in another spelling. Write {', '.join(renamed)}."


def table_in(folder: Path) -> Path | None:
    """Return the table of NIH ChestX-ray14 that lies in a folder; None where there is none.

    One that cannot be read is it too where no other lies there, so that what is wrong with it is said.

    Raises:
        BadLayout: if there are several.
    """
    if not Path(folder).is_dir():
        return None
    called = [path for path in files_in(Path(folder)) if NAME.fullmatch(path.name)]
    found = [path for path in called if is_nih(columns_of(path))] or [path for path in called if _is_meant_table(path)]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise BadLayout(f"{folder}: holds {len(found)} tables of NIH ChestX-ray14 ({names}). Name one of them with --data.")
    return found[0] if found else None


def _is_meant_table(path: Path) -> bool:
    columns, trouble = meant_columns(path)
    # What is no text at all has no columns, and its name alone tells.
    return is_meant(columns) or (not columns and bool(trouble) and PUBLISHED_TABLE.match(path.name) is not None)


def audit(path: Path) -> tuple[OwnTable, list[XrayCase]]:
    """Return a table, with everything that is wrong in it among its troubles, and its X-rays; nothing is raised."""
    columns, rows, troubles = rows_of(Path(path))
    table = OwnTable(Path(path), columns, troubles=troubles)
    if PERSON not in columns:
        if not troubles:
            said = f"the columns are {', '.join(columns)}; expected also {PERSON}"
            near = next((f" Is it {column}? Then call it so." for column in columns if plain(column) == plain(PERSON)), "")
            troubles.append(f"{table.path.name}, line {HEADER_LINE}: {said}, which says whose X-ray it is.{near}")
        return table, []
    lines: dict[str, int] = {}
    read: list[tuple[int, Cells]] = []
    for line, cells in rows:
        name = restored(cells[IMAGE])
        if not name:
            troubles.append(f"{table.at(line, IMAGE)}: is empty; expected the name of an image.")
        elif (first := lines.setdefault(name, line)) != line:
            troubles.append(f"{table.at(line, IMAGE)}: {name} is in line {first} too; expected one row for each image.")
        else:
            read.append((line, cells))
    _prove_persons_of_names(table, read)
    paths = _paths(table, lines)
    # Rows whose image is not there are looked through too: what is wrong in them is wrong in the table.
    every = [_case_of(table, line, cells, paths.get(name := restored(cells[IMAGE]), table.folder / name)) for line, cells in read]
    line_of = {paths[name]: line for name, line in lines.items() if name in paths}
    cases = [case for case in every if case.path in line_of]
    if not troubles:
        cases = _with_persons(table, cases)
    beyond = [cells[AGE] for (_, cells), case in zip(read, every, strict=True) if cells.get(AGE) and case.age_years is None]
    if beyond and not troubles:
        amount = (
            f"{counted(len(beyond), 'ages')} above {OLDEST} years, such as {beyond[0]}, {verb_of(len(beyond), 'are')} taken for not known"
        )
        table.notes.append(f"{table.path.name}: {amount}. Write the true ages, if there are any.")
    if boxes := [path.name for path in files_in(table.folder) if BOXES.fullmatch(path.name)]:
        table.notes.append(
            f"{boxes[0]} lies beside the table and is not read: the X-rays get labels and no boxes, so they are for classification. "
            "For detection write a table of your own with boxes."
        )
    if SPLIT not in columns and (lists := [name for name in LISTS if (table.folder / name).is_file()]):
        table.notes.append(
            f"{' and '.join(lists)} {verb_of(len(lists), 'lie')} beside the table and {verb_of(len(lists), 'are')} not followed: the split "
            "is drawn by person, so scores cannot be compared with published ones, which are of the people in test_list.txt. To follow the "
            f"published division, add a column {SPLIT} to the table (train, validation, test)."
        )
    cells_of = dict(read)
    table.images = [OwnImage(case.path, [(line := line_of[case.path], cells_of[line])], case.image_id, case.person) for case in cases]
    return table, with_further(table, cases)


def _prove_persons_of_names(table: OwnTable, rows: Sequence[tuple[int, Cells]]) -> None:
    """Note where images of one person, by their published names, are of several by Patient ID: a column that was moved or sorted alone.

    Persons who were numbered anew are as good as the published ones, so that another number alone is nothing wrong.
    """
    first: dict[str, tuple[int, str]] = {}
    for line, cells in rows:
        name, person = restored(cells[IMAGE]), restored(cells[PERSON])
        if not person or not (published := PUBLISHED_NAME.fullmatch(name)):
            continue
        before, other = first.setdefault(published[1], (line, person))
        if not _is_one_number(other, person):
            there = f"is {person!r}, and line {before} has {other!r}, though {name} and the image there begin with {published[1]}"
            table.troubles.append(
                f"{table.at(line, PERSON)}: {there}; expected one person, in the published table {int(published[1])}. Was the column moved "
                "or sorted by itself? Join it again by the images' names."
            )


def _is_one_number(one: str, other: str) -> bool:
    """Whether two names are one, or one whole number.

    >>> _is_one_number("7", "7.0"), _is_one_number("007", "7"), _is_one_number("A", "B")
    (True, True, False)
    """
    values = [finite_number(name) for name in (one, other)]
    return one == other or values[0] == values[1]


def _paths(table: OwnTable, lines: dict[str, int]) -> dict[str, Path]:
    """Return name → path of the images that lie beside the table; what is missing or there twice is noted."""
    places: dict[str, list[Path]] = defaultdict(list)
    written = {composed(name): name for name in lines}
    for place, names in walked(table.folder):
        for name in names:
            if (listed := name if name in lines else written.get(composed(name))) is not None:
                places[listed].append(place / name)
    found: dict[str, Path] = {}
    for name, several in places.items():
        # What a prediction wrote may have the same name.
        chosen = [path for path in several if path.parent.name.lower().startswith("images")] or several
        found[name] = chosen[0]
        if chosen[0].name != name:
            table.note_composed(name)
        if len(chosen) > 1:
            there = f"{name} lies in {chosen[0].parent} and in {chosen[1].parent}"
            table.troubles.append(f"{table.at(lines[name], IMAGE)}: {there}; expected one file. Move one of the folders away.")
    if lines and not found:
        near = NearPaths(table.folder, in_any=True)
        # All lines, so that they are counted, and not those alone that another folder holds.
        if not sum(near.note(table.troubles, table.at(line, IMAGE), IMAGE, name) for name, line in lines.items()):
            table.troubles.append(
                f"{table.at(min(lines.values()), IMAGE)}: is {next(iter(lines))!r}, and neither it nor any other image of the table lies "
                f"in {table.folder} or its folders. Unpack the archives of images there."
            )
    elif missing := len(lines) - len(found):
        table.notes.append(
            f"{table.path.name}: {missing:,} of {counted(len(lines), 'images')} {verb_of(missing, 'are')} not in the folders beside it; "
            "these rows are left out."
        )
    return found


def _case_of(table: OwnTable, line: int, cells: Cells, path: Path) -> XrayCase:
    written = [name.strip() for name in cells[LABELS].split("|")]
    where = table.at(line, LABELS)
    unknown = next((name for name in written if name not in (*FINDINGS, NONE)), None)
    if unknown:
        near = get_close_matches(unknown, (*FINDINGS, NONE), 1, MISSPELT)
        hint = f" Write {near[0]}." if near else ""
        table.troubles.append(f"{where}: is {cells[LABELS]!r}, and {unknown!r} is none of {', '.join((*FINDINGS, NONE))}.{hint}")
    elif unknown is not None:
        table.troubles.append(f"{where}: is {cells[LABELS]!r}; expected findings joined by |, or {NONE}.")
    elif NONE in written and len(set(written)) > 1:
        table.troubles.append(f"{where}: is {cells[LABELS]!r}; expected findings or {NONE}, not both.")
    person = restored(cells[PERSON])
    if not person:
        table.troubles.append(f"{table.at(line, PERSON)}: is empty; expected whose image it is.")
    sex_column = next((column for column in SEX if column in table.columns), SEX[0])
    return XrayCase(
        stem(path.name),
        path,
        any(name in FINDINGS for name in written),
        (),
        None,
        person,
        view=_one_of(table, line, cells, VIEW, ("AP", "PA")),
        sex=_one_of(table, line, cells, sex_column, ("F", "M")),
        age_years=_age(table, line, cells),
        data_folder=table.folder,
        labels=tuple((name, name in written) for name in FINDINGS),
    )


def _one_of(table: OwnTable, line: int, cells: Cells, column: str, values: tuple[str, str]) -> str | None:
    text = cells.get(column, "")
    if text and text not in values:
        hint = f" Write {view_named(text)}." if view_named(text) in values else ""
        table.troubles.append(f"{table.at(line, column)}: is {text!r}; expected {' or '.join(values)}, or an empty field.{hint}")
    return text or None


def _age(table: OwnTable, line: int, cells: Cells) -> float | None:
    text = cells.get(AGE, "")
    # The first edition of the table had ages as DICOM writes them: 058Y, 003M, 010D.
    written = re.fullmatch(r"(\d{1,4})(?:\.0)?([YMWD]?)", text)
    if text and not written:
        table.troubles.append(f"{table.at(line, AGE)}: is {text!r}; expected whole years, an age such as 058Y, or an empty field.")
    if not written:
        return None
    age = int(written[1]) / {"": 1, "Y": 1, "M": 12, "W": 52, "D": 365}[written[2]]
    return age if age <= OLDEST else None


def _with_persons(table: OwnTable, cases: list[XrayCase]) -> list[XrayCase]:
    table.notes += nobody_notes(table.path.name, (case.person for case in cases), "images")
    persons, said = joined_in_table(table.path.name, {case.image_id: case.person for case in cases})
    table.notes += said
    return [replace(case, person=persons[case.image_id]) for case in cases]
