"""What stands in a column of persons and names nobody: words for that, and rounded numbers. Read as a name, it makes one person of many."""

import re
from collections import Counter
from collections.abc import Iterable

MARK = "looks like a word for nobody"
WORDS = {
    "nan", "none", "null", "nil", "na", "n/a", "#n/a", "<na>", "nat", "unknown", "unk", "undefined", "unspecified", "missing", "empty",
    "not available", "not known", "notavailable", "no name", "noname", "nobody", "anonymous", "anonymized", "anonymised", "anon", "patient",
    "deidentified", "de-identified", "removed", "redacted", "unbekannt", "anonym", "inconnu", "desconocido", "tbd", "xxx", "?", "-", "--",
}  # fmt: skip
ROUNDED = re.compile(r"[+-]?[1-9][.,](\d+)[eE]\+(\d{2,})", re.ASCII)
"Without a point nothing need be lost: R writes 100000 as 1e+05."


def nobody_notes(name: str, persons: Iterable[str], items: str) -> list[str]:
    """Return a note for each such word that several images have as their person.

    Args:
        name: of the table, for the message.
        persons: of each image.
        items: what the images are called.

    >>> nobody_notes("cases.csv", ["nan", "p1", "nan"], "images")[0].partition(":")[0]
    'cases.csv'
    """
    counts = Counter(persons)
    return [
        f"{name}: {count:,} {items} are of person {person!r}, which {MARK}; they count as one person and lie in one subset. "
        "Where it is not known whose they are, give each a person of its own."
        for person, count in counts.items()
        if count > 1 and names_nobody(person)
    ]


def names_nobody(person: str) -> bool:
    """Whether a person's name is a word for nobody."""
    return " ".join(person.lower().replace("_", " ").split()) in WORDS


def rounded_trouble(persons: Iterable[str]) -> str:
    """Return what is wrong with names that a spreadsheet made of long numbers, whose last digits are lost; "" where there are none.

    Args:
        persons: of each image.

    >>> rounded_trouble(["1.23457E+11", "P5", "1e+05", "12E4"]).partition(",")[0]
    "'1.23457E+11' is a rounded number"
    """
    rounded = [person for person in dict.fromkeys(persons) if (found := ROUNDED.fullmatch(person)) and int(found[2]) > len(found[1])]
    if not rounded:
        return ""
    more = f", and so are {len(rounded) - 1:,} more" if len(rounded) > 1 else ""
    lost = "as a spreadsheet writes long ones: its last digits are lost, and several people may share it"
    return f"{rounded[0]!r} is a rounded number, {lost}{more}. Export the table anew, with this column as text."
