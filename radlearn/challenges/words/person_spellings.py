"""One person under several spellings, as tables that grew in several places have them.

Some spellings are certainly one: `7` and `7.0` where all names are whole numbers, `P3^JANE` and `P3^JANE^^^` (DICOM PS3.5 6.2.1.1),
characters that nobody sees, wide characters of East Asian keyboards (Unicode's NFKC). Others only look alike: `P00003` and `p3`, `P-3` and
`P 3`. Nobody but the person who wrote them knows; until then they are kept in one subset, which costs nothing, while the same person
trained on and tested on makes scores too good.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from radlearn.amounts import counted, verb_of

WHOLE_NUMBER = re.compile(r"(\d+)(?:\.0*)?", re.ASCII)
MARKS = re.compile(r"[-_^,; ]+")
MARKS_IN_NUMBERS = re.compile(rf"(?<=[0-9]){MARKS.pattern}(?=[0-9])")
POINT_ZERO = re.compile(r"(?<![0-9.])([0-9]+)\.0*$")
LEADING_ZEROS = re.compile(r"(?<![0-9.])0+(?=[0-9])")
# By lower case: what stands for a Latin letter on a Greek or Russian keyboard and looks the same in upper case.
LOOK_ALIKE = str.maketrans("авекмнорстухαβεζηικμνορτυχ", "abekmhopctyxabezhikmnoptyx")
ASKED = "are they the same people?"
QUOTES = dict.fromkeys(map(ord, "'\"`´’‘“”"))


class Spelt(NamedTuple):
    """Persons as they count: each under its first spelling; pairs of spellings that were joined; and groups that only look alike."""

    persons: list[str]
    joined: list[tuple[str, str]]
    alike: list[list[str]]


def spelt(written: Sequence[str]) -> Spelt:
    """Return whose image each is, by the names that are written beside them. A name of nothing that is seen is "".

    >>> spelt(["7", "7.0", "007"])
    Spelt(persons=['7', '7', '007'], joined=[('7.0', '7')], alike=[['7', '007']])
    """
    plain = {name: _plain(name) for name in dict.fromkeys(written)}
    numbers = [WHOLE_NUMBER.fullmatch(name) for name in plain.values()]
    if all(numbers):
        plain = {name: number[1] for name, number in zip(plain, numbers, strict=True) if number}
    first: dict[str, str] = {}
    person_of = {name: first.setdefault(seen, name) if seen else "" for name, seen in plain.items()}
    by_outline: dict[str, list[str]] = defaultdict(list)
    for name in filter(None, first.values()):
        by_outline[outline(name)].append(name)
    joined = [(name, person) for name, person in person_of.items() if name != person and person]
    return Spelt([person_of[name] for name in written], joined, [group for group in by_outline.values() if len(group) > 1])


def outline(name: str) -> str:
    """Return what spellings have in common that look alike: in case, accents, leading zeros, quotes, or marks between letters.

    A mark between two digits stays, because 1-12 and 11-2 are two people.

    >>> outline("P00003"), outline("p-3"), outline("1_12"), outline("José 07.0")
    ('p3', 'p3', '1-12', 'jose7')
    """
    text = _plain(name).casefold().translate(QUOTES)
    if not text.isascii():
        letters = (one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
        text = "".join(" " if unicodedata.category(one) == "Pd" or one == "−" else _digit(one) for one in letters).translate(LOOK_ALIKE)
    text = MARKS.sub("", MARKS_IN_NUMBERS.sub("\0", text)).replace("\0", "-")
    text = POINT_ZERO.sub(r"\1", text)
    # After a point zeros count: 1.05 is not 1.5.
    return LEADING_ZEROS.sub("", text) or name


def alike_together(persons: Sequence[str], together: Sequence[str]) -> list[str]:
    """Return for each image the name of those that must share a subset, where persons that look alike must too.

    Args:
        persons: (images,) whose image it is.
        together: (images,) the name of those that share a subset anyway.
    """
    parent = {name: name for name in together}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    outlines = {person: outline(person) for person in set(persons)}
    first: dict[str, str] = {}
    for person, name in zip(persons, together, strict=True):
        one, other = sorted((root(name), root(first.setdefault(outlines[person], name))))
        parent[other] = one
    return [root(name) for name in together]


def joined_in_table(table: str, persons: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return image → person as `spelt` has them, and what is to be said of a table of persons."""
    found = spelt(list(persons.values()))
    said = [f"{table}: {words}" for words in (joined_words(found), alike_words(found)) if words]
    # A name of nothing that is seen stays, so that nobody else is taken for nobody.
    kept = [person or written for person, written in zip(found.persons, persons.values(), strict=True)]
    return dict(zip(persons, kept, strict=True)), said


def joined_words(found: Spelt) -> str:
    """Return a sentence on the spellings that were joined; "" where there are none."""
    if not found.joined:
        return ""
    name, person = found.joined[0]
    amount = len(found.joined)
    return f"{counted(amount, 'spellings')} of a person, such as {name!r} of {person!r}, {verb_of(amount, 'count')} as that person."


def alike_words(found: Spelt, split: Mapping[str, str | None] | None = None) -> str:
    """Return a question about persons who look alike; "" where there are none.

    Args:
        found: of `spelt`.
        split: person → the subset that the table asks for; None where the split is drawn.
    """
    if not found.alike:
        return ""
    amount = sum(len(group) - 1 for group in found.alike)
    one, other = found.alike[0][:2]
    apart = sum(len({split.get(person) for person in group}) > 1 for group in found.alike) if split else 0
    kept = "They are kept in one subset"
    if apart:
        kept = f"The column split has {apart:,} such {'group' if apart == 1 else 'groups'} in several subsets"
    elif split:
        kept = "The column split has them in one subset"
    differ = f"{counted(amount, 'persons')} {verb_of(amount, 'differ')} from another only in case, leading zeros or marks"
    return f"{differ}, such as {other!r} from {one!r}: {ASKED} {kept}; if they are the same, write them alike."


def _plain(name: str) -> str:
    if name.isascii() and name.isprintable() and "^" not in name and " " not in name:
        return name
    text = unicodedata.normalize("NFKC", name)
    if not text.isprintable():
        text = "".join(one for one in text if one.isspace() or unicodedata.category(one) not in ("Cf", "Cc"))
    text = " ".join(text.split())
    if "^" in text:
        # The parts of a DICOM name may be padded, and empty ones at the end left out.
        text = re.sub(r" ?\^ ?", "^", text).rstrip("^= ")
    return text


def _digit(one: str) -> str:
    value = unicodedata.decimal(one, None)
    return one if value is None else str(value)
