"""Numbers with their nouns, and verbs that agree with them: 1 X-ray was predicted, 2 X-rays were."""

IRREGULAR = {"people": "person", "boxes": "box", "classes": "class", "losses": "loss", "axes": "axis", "series": "series", "copies": "copy"}
"Plurals that do not become singular by losing their s."
VERBS = {"are": "is", "were": "was", "have": "has", "do": "does"}
"Plurals that do not become singular by gaining an s."


def counted(number: int, plural: str) -> str:
    """Return a number with what it counts, whose last word is given in the plural.

    >>> counted(1, "X-rays"), counted(2, "X-rays"), counted(0, "people"), counted(1, "false boxes"), counted(12345, "files")
    ('1 X-ray', '2 X-rays', '0 people', '1 false box', '12,345 files')
    """
    return f"{number:,} {noun_of(number, plural)}"


def noun_of(number: int, plural: str) -> str:
    """Return the noun alone: a plural, of one thing its singular.

    >>> noun_of(1, "people"), noun_of(3, "people")
    ('person', 'people')
    """
    if number != 1:
        return plural
    before, space, last = plural.rpartition(" ")
    return before + space + IRREGULAR.get(last, last.removesuffix("s"))


def verb_of(number: int, plural: str) -> str:
    """Return a verb that is given as it goes with several things, as it goes with a number of them.

    >>> verb_of(1, "are"), verb_of(2, "are"), verb_of(1, "count"), verb_of(1, "cannot")
    ('is', 'are', 'counts', 'cannot')
    """
    unchanged = number != 1 or plural == "cannot"
    return plural if unchanged else VERBS.get(plural, f"{plural}s")
