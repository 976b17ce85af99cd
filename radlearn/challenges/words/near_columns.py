"""Columns of a table whose names, or values, say that they are a column that is read, under another name than it is read by.

A column that nobody reads only makes subgroups: a split that is called SPLIT would be drawn anew, and persons that are called Person would
be trained on and tested on, without a word.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from radlearn.challenges.words.nobody import names_nobody
from radlearn.challenges.words.person_spellings import spelt
from radlearn.csv_cells import restored

PATH, ID, PERSON, SPLIT, PAGE = "path", "id", "person", "split", "page"
SUBSETS = ("train", "validation", "test")
SUBSET_HINTS = {"val": "validation", "valid": "validation", "dev": "validation", "training": "train", "testing": "test", "holdout": "test",
                "tr": "train", "trn": "train", "tst": "test", "ts": "test", "vld": "validation", "eval": "validation"}  # fmt: skip
ALSO_OTHER_WORDS = ("tr", "trn", "tst", "ts", "vld")
"May be codes of something else in a column whose name does not speak of subsets."
USUAL_SPLITS = ("subset", "set", "partition", "dataset", "phase", "fold", "usage", "datasplit", "splitset", "splits")
USUAL_FOLDS = ("fold", "folds", "kfold", "kfolds", "cvfold", "cvfolds", "foldid", "foldno", "foldnr", "foldnumber", "foldindex", "cvsplit")
FOLD, MOST_FOLDS = re.compile(r"(?:fold[\s_.-]*)?(\d{1,2})(?:\.0)?", re.IGNORECASE | re.ASCII), 20
USUAL_PERSONS = ("patient", "patientid", "patientids", "subject", "subjectid", "caseid", "mrn", "pid", "personid", "persons",
                 "participant", "participantid", "patid", "patno", "patnr", "patname", "patientno", "patientnr", "patientnumber",
                 "patientname", "patientcode", "patientkey", "patientenid", "patientennummer", "patientennr", "patientidentifier",
                 "subjectno", "subjectcode", "subjectkey", "studysubject", "hospitalnumber", "medicalrecordnumber", "idpatient",
                 "idpaciente", "idpaziente", "idpatiente")  # fmt: skip
USUAL = {PATH: ("file", "filename", "image", "filepath", "imagepath"), "mask": ("maskpath", "segmentation", "seg"),
         "label": ("target", "class", "y", "labels")}  # fmt: skip
VIEW, VIEWS, CLEAR = "view", ("AP", "PA"), (PERSON, SPLIT, "sex", "age_years")
"A name in `CLEAR` means nothing else; the column view may hold what is no view of a chest that is read."
SUFFIX = re.compile(r"[\W_]*(?:set|data|split)$")


def plain(column: str) -> str:
    """Return a column's name without case, blanks, marks, and characters that nobody sees.

    >>> plain(" Age-Years"), plain("split_"), plain("\\ufeffPatientID")
    ('ageyears', 'split', 'patientid')
    """
    return "".join(one for one in unicodedata.normalize("NFKC", column).casefold() if one.isalnum())


def is_person_name(column: str) -> bool:
    """Whether a column is called as persons usually are, or nearly `person`."""
    return plain(column) in (PERSON, *USUAL_PERSONS)


def subset_word(written: str) -> str:
    """Return the subset that a word means; "" where it means none.

    >>> subset_word("Training set"), subset_word("VAL"), subset_word("North")
    ('train', 'validation', '')
    """
    word = SUFFIX.sub("", written.strip().casefold())
    return word if word in SUBSETS else SUBSET_HINTS.get(word, "")


def is_fold_column(column: str, values: Collection[str]) -> bool:
    """Whether a column holds the folds of a cross-validation, by its name and what stands in it.

    >>> is_fold_column("Fold", ["0", "1", "2"]), is_fold_column("fold", ["left", "right"]), is_fold_column("site", ["0", "1"])
    (True, False, False)
    """
    return plain(column) in USUAL_FOLDS and 1 < len(values) <= MOST_FOLDS and all(map(FOLD.fullmatch, values))


def fold_notes(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return a question for each column of folds in a table that has no column `split`."""
    found = []
    for column in columns if SPLIT not in columns else ():
        values = {restored(cells.get(column, "")) for cells in rows} - {""}
        if is_fold_column(column, values):
            listed = ", ".join(sorted(values))
            found.append(
                f"column {column} holds {listed} and is not read as a split, which is drawn by person. Is it the split? Then add a column "
                f"{SPLIT} (train, validation, test) that follows it."
            )
    return found


def near_hint(missing: Sequence[str], columns: Sequence[str]) -> str:
    """Return what to rename, where a column differs from a missing one in case, blanks or marks alone, or is a usual name for it."""
    for wanted in (one for one in missing if one not in columns):
        for column in columns:
            # Beside x it is a place.
            if column.lower() == "y" and "x" in map(str.lower, columns):
                continue
            if plain(column) in (plain(wanted), *USUAL.get(wanted, ())):
                return f" Is {column} the {wanted}? Then call it so."
    return ""


def near_columns(columns: Sequence[str], rows: Sequence[Mapping[str, str]], known: Collection[str]) -> list[tuple[str, str]]:
    """Return column and what is wrong with it, where it seems to be one that is read and is not called so.

    Args:
        columns: of the table.
        rows: the cells of its rows, or of the first row of each image.
        known: the columns that are read.
    """
    found = []
    for column in (one for one in columns if one not in known):
        values = list(dict.fromkeys(filter(None, (restored(cells.get(column, "")) for cells in rows))))
        meant = next((one for one in known if one not in columns and plain(one) == plain(column) and _is_it(one, values)), "")
        if meant:
            found.append((column, f"is not read, because it is not called {meant}. Is it the {meant}? Then call it so; else leave it out."))
        elif SPLIT in known and SPLIT not in columns and (words := _split_words(column, values)):
            found.append((column, words))
    return found


def _is_it(wanted: str, values: Sequence[str]) -> bool:
    if wanted == VIEW:
        return any(value.upper() in VIEWS for value in values)
    return wanted in CLEAR or (wanted == "label" and set(values) == {"0", "1"})


def _split_words(column: str, values: Sequence[str]) -> str:
    """Return the question whether a column is the split; "" where its values are other words than those of subsets."""
    subsets = {value: subset_word(value) for value in values}
    if len(set(subsets.values())) < 2 or not all(subsets.values()) or "train" not in subsets.values():
        return ""
    if plain(column) not in USUAL_SPLITS and any(value.casefold() in ALSO_OTHER_WORDS for value in values):
        return ""
    listed = f"{', '.join(values[:-1])} and {values[-1]}"
    instead = "".join(f", {subset} for {value}" for value, subset in subsets.items() if value != subset)
    write = f" and write {instead[2:]}" if instead else ""
    return f"holds {listed}, and there is no column {SPLIT}. Is it the {SPLIT}? Then call it {SPLIT}{write}; else leave it out."


def other_persons(columns: Sequence[str], persons: Sequence[str], rows: Sequence[Mapping[str, str]]) -> tuple[list[tuple[str, str]], str]:
    """Return column and what is wrong with it, where one under a usual name joins images that are of several persons; and a question.

    The question is asked instead where the persons are named by what the other column says: the numbers of several sites are joined so,
    and several visits of one person are parted so.

    Args:
        columns: of the table.
        persons: of each image, as the column person has it.
        rows: the first row of each image.
    """
    troubles: list[tuple[str, str]] = []
    for column in (one for one in columns if one != PERSON and is_person_name(one)):
        joined: dict[str, dict[str, None]] = defaultdict(dict)
        others = spelt([restored(cells.get(column, "")) for cells in rows]).persons
        for person, other in zip(persons, others, strict=True):
            if person and other and not names_nobody(other):
                joined[other][person] = None
        apart = {other: list(several) for other, several in joined.items() if len(several) > 1}
        # One name for all says nothing.
        if not apart or len(joined) < 2:
            continue
        other, several = next(iter(apart.items()))
        found = f"{other} is one person by this column and {len(several)} by the column {PERSON}, such as {several[0]} and {several[1]}"
        if all(other.casefold() in person.casefold() for other, several in apart.items() for person in several):
            return troubles, f"column {column}: {found}. If it is one person, call this column {PERSON} instead."
        troubles.append((column, f"{found}. Which says whose images these are? Call that one {PERSON}, and leave the other out."))
    return troubles, ""
