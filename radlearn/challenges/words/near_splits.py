"""Columns that divide images as a paper or a study does, in words of its own: derivation and validation, is_test, a cohort.

They make subgroups, and the split is drawn anew. That is said, and nothing is guessed: what a study calls validation is mostly its test.
"""

import re
from collections.abc import Mapping, Sequence

from radlearn.challenges.words.near_columns import SPLIT, SUBSET_HINTS, SUBSETS, near_columns, plain
from radlearn.csv_cells import restored

LEARNT = {
    "train", "training", "trainings", "trn", "derivation", "development", "developmental", "dev", "discovery", "learning", "internal",
    "entwicklungs", "entrainement", "entraînement", "entrenamiento", "addestramento", "treino", "treinamento",
}  # fmt: skip
HELD_OUT = {
    "test", "testing", "tests", "validation", "validierungs", "val", "valid", "eval", "evaluation", "external", "holdout", "heldout",
    "hold out", "held out", "replication", "confirmation", "verification", "internal validation", "external validation", "external test",
    "internal test", "prueba", "validación", "validacion", "validazione", "validação", "validacao",
}  # fmt: skip
OF_PLACES = {"internal", "external"}
"Words that also speak of other things, such as a rotation of the shoulder."
COHORTS = {
    "cohort", "cohorts", "kohorte", "cohorte", "coorte", "subset", "set", "dataset", "datasource", "partition", "group", "part", "study",
}  # fmt: skip
ENDING = re.compile(r"[\s_-]*(?:cohorts?|kohorten?|sets?|data|daten|datasets?|datensatz|samples?|groups?|gruppe|split|part)$")
FLAG = re.compile(
    r"(?:is|in|for|use|used)?(train|training|trn|test|testing|tst|validation|val|valid|holdout|heldout|dev|eval)(?:set|split)?"
)
YES, NO = {"1", "1.0", "true", "yes", "x", "y", "t"}, {"0", "0.0", "false", "no", "", "n", "f"}
MOST_WORDS = 5


def split_notes(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return a question for each column, or group of columns, that seems to divide the images, in a table without a column `split`."""
    if SPLIT in columns:
        return []
    asked = {column for column, _ in near_columns(columns, rows, (SPLIT,))}
    values = {column: {restored(cells.get(column, "")) for cells in rows} for column in columns if column and column not in asked}
    flags = [column for column, held in values.items() if FLAG.fullmatch(plain(column)) and _are_flags(held)]
    # A column test alone may say how a test came out.
    bare = [column for column in flags if plain(column) in (*SUBSETS, *SUBSET_HINTS)]
    if len(bare) == 1:
        flags.remove(bare[0])
    found = []
    if flags:
        verb = "hold" if len(flags) > 1 else "holds"
        column = f"columns {', '.join(flags)}" if len(flags) > 1 else f"column {flags[0]}"
        found.append(_question(column, f"{verb} yes and no", len(flags)))
    for column, held in values.items():
        if divides(column, held):
            found.append(_question(f"column {column}", f"holds {', '.join(sorted(held - {''}))}", 1))
    return found


def divides(column: str, values: set[str]) -> bool:
    """Whether a column holds words for what was learnt from and what was held out, and no others.

    >>> divides("cohort", {"derivation", "validation"}), divides("x", {"Trainingskohorte", "Testkohorte"}), divides("x", {"dev", "eval"})
    (True, True, True)
    >>> divides("rotation", {"internal", "external"}), divides("cohort", {"A", "test"}), divides("phase", {"test"})
    (False, False, False)
    """
    words = {ENDING.sub("", re.sub(r"[\s_-]+", " ", value.strip().casefold())) for value in values} - {""}
    if len(words) > MOST_WORDS or not words & LEARNT or not words & HELD_OUT or not words <= LEARNT | HELD_OUT:
        return False
    return not words <= OF_PLACES or plain(column) in COHORTS


def _are_flags(values: set[str]) -> bool:
    lower = {value.casefold() for value in values}
    return lower <= YES | NO and bool(lower & YES) and bool(lower & NO)


def _question(column: str, holds: str, many: int) -> str:
    it, are = ("they", "Are they") if many > 1 else ("it", "Is it")
    them = "them" if many > 1 else it
    return (
        f"{column} {holds}, and {it} {'are' if many > 1 else 'is'} not read as the split, which is drawn by person. {are} the split? Then "
        f"add a column {SPLIT} ({', '.join(SUBSETS)}) that follows {them}; validation is what training chooses by."
    )
