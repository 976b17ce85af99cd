"""Words that stand in a column of persons where nobody knows whose an image is: read as a name, they make one person of many."""

from collections import Counter
from collections.abc import Iterable

MARK = "looks like a word for nobody"
WORDS = {
    "nan", "none", "null", "nil", "na", "n/a", "#n/a", "<na>", "nat", "unknown", "unk", "undefined", "unspecified", "missing", "empty",
    "not available", "not known", "notavailable", "no name", "noname", "nobody", "anonymous", "anonymized", "anonymised", "anon", "patient",
    "deidentified", "de-identified", "removed", "redacted", "unbekannt", "anonym", "inconnu", "desconocido", "tbd", "xxx", "?", "-", "--",
}  # fmt: skip


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
        if count > 1 and " ".join(person.lower().replace("_", " ").split()) in WORDS
    ]
