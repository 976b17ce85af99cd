"""What words say of a label: the folder of an X-ray, or a column that names its class, against the 0 and 1 of the column label.

scikit-learn's LabelEncoder numbers classes by the alphabet, so that COVID is 0 and normal 1: a network would learn to find the healthy.
"""

from collections.abc import Sequence
from pathlib import Path

from radlearn.amounts import counted, verb_of
from radlearn.challenges.tables.box_classes import CLASS_COLUMNS
from radlearn.challenges.tables.table_files import OwnTable
from radlearn.challenges.words.class_denials import denies_all, denying
from radlearn.challenges.words.near_columns import plain
from radlearn.csv_cells import restored

DIAGNOSES = {"diagnosis", "diagnoses", "diagnose", "disease", "condition", "pathology", "illness", "labelnames", "classification"}
"What columns are called, without marks, that name a class of X-rays; a box has none of these."
KINDS = {"severity", "subtype", "findingtype", "diseasetype", "stage", "lesiontype"}
"And those that say of what kind a finding is, which is empty without one."
MARK = "by these names"
NUMBERED = "0"
SHOWN = 3


def names_a_class(column: str) -> bool:
    """Whether a column is called as one that names what is on an X-ray.

    >>> names_a_class("Class Name"), names_a_class("diagnosis"), names_a_class("scanner")
    (True, True, False)
    """
    return plain(column) in CLASS_COLUMNS | DIAGNOSES


def is_the_label(column: str, values: Sequence[str], labels: Sequence[bool]) -> bool:
    """Whether a column is the label in other words: each value has one label, and it names classes, or denies a finding where it is 0.

    >>> is_the_label("type", ["viral", "bacterial", "none"], [True, True, False]), is_the_label("class", ["b", "a"], [True, False])
    (True, True)
    >>> is_the_label("scanner", ["A", "B"], [True, False]), is_the_label("class", ["a", "a"], [True, False])
    (False, False)
    """
    without = {value for value, label in zip(values, labels, strict=True) if not label}
    found = {value for value, label in zip(values, labels, strict=True) if label}
    if without & found or not without or not found:
        return False
    if names_a_class(column) or plain(column) in KINDS:
        return True
    return without <= denying(without | found) - {NUMBERED}


def note_reversed(table: OwnTable, label: str) -> None:
    """Note where X-rays that words call normal have the label 1, and how many.

    It is asked and not refused, because a person may look for normal X-rays. A class column that contradicts the label is refused by
    `box_classes`.
    """
    labels = [restored(image.rows[0][1].get(label, "")) for image in table.images]
    ones = [text in ("1", "1.0") for text in labels]
    columns = [column for column in table.columns if plain(column) in DIAGNOSES]
    said = {f"whose {column} is": [restored(image.rows[0][1].get(column, "")) for image in table.images] for column in columns}
    said["in folders called"] = [_class_folder(image.path, table.folder) for image in table.images]
    for words, names in said.items():
        normal = [bool(name) and name != NUMBERED and denies_all(name) for name in names]
        wrong = [one for one, is_normal in zip(ones, normal, strict=True) if is_normal]
        others = [one for one, is_normal in zip(ones, normal, strict=True) if not is_normal]
        if not any(wrong) or not others:
            continue
        called = sorted({name for name, is_normal in zip(names, normal, strict=True) if is_normal})
        some = f"{' or '.join(called[:SHOWN])}{', …' * (len(called) > SHOWN)}"
        if all(wrong) and not any(others):
            found = f"all {counted(len(wrong), 'X-rays')} {words} {some} have {label} 1, and all {len(others):,} others 0"
            advice = (
                "0 and 1 are exchanged, as where classes are numbered by the alphabet. Exchange them, unless this is what is looked for"
            )
        else:
            found = f"{sum(wrong):,} of {counted(len(wrong), 'X-rays')} {words} {some} {verb_of(sum(wrong), 'have')} {label} 1"
            advice = "there is no finding. Correct one of the two, unless the label is of something else"
        table.notes.append(f"{table.path.name}: {found}; {MARK} {advice}.")


def _class_folder(image: Path, folder: Path) -> str:
    """Return the nearest folder of an image, below that of the table where it lies there, that is called normal; else its own."""
    places = [place for place in image.parents if folder in place.parents] or list(image.parents[:2])
    names = [place.name for place in places]
    return next((name for name in names if denies_all(name)), names[0] if names else "")
