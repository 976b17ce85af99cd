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


def part_of(number: int, total: int, plural: str, of: str = "of the") -> str:
    """Return how many of several things, in the words that there are for one, two and all of them.

    Args:
        of: "of", "of the" or "of its".

    >>> [part_of(number, 3, "X-rays") for number in (1, 2, 3)], part_of(1, 1, "X-rays"), part_of(2, 2, "people", "of")
    (['1 of the 3 X-rays', '2 of the 3 X-rays', 'all 3 X-rays'], 'the only X-ray', 'both people')
    >>> [part_of(total, total, "boxes", "of its") for total in (1, 2, 3)]
    ['its only box', 'both of its boxes', 'all 3 of its boxes']
    """
    if number != total or not total:
        return f"{number:,} {of} {counted(total, plural)}"
    its = of == "of its"
    if total == 1:
        return f"{'its' if its else 'the'} only {noun_of(1, plural)}"
    every = "both" if total == 2 else f"all {total:,}"
    return f"{every}{' of its' * its} {plural}"


def none_of(total: int, plural: str, of: str = "of the") -> str:
    """Return words for none of several things; the verb that follows is that of one.

    >>> none_of(12, "boxes", "of its"), none_of(2, "boxes"), none_of(1, "boxes")
    ('none of its 12 boxes', 'neither of the boxes', 'none of the boxes')
    """
    if total <= 2:
        return f"{'neither' if total == 2 else 'none'} {of} {plural}"
    return f"none {of} {counted(total, plural)}"


def begun(words: str) -> str:
    """Return words as a sentence begins with them.

    >>> begun("the only X-ray")
    'The only X-ray'
    """
    return words[:1].upper() + words[1:]


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
