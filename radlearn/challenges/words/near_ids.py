"""Ids that were changed on their way through a spreadsheet or another tool: with a suffix, without zeros, in another case."""

import re
from collections import Counter
from collections.abc import Collection, Sequence

from radlearn.amounts import none_of
from radlearn.csv_cells import restored
from radlearn.file_names import composed

# What word processors and web pages make of dashes and spaces, or put where nothing is seen.
DASHES, UNSEEN = "\u2010\u2011\u2012\u2013\u2014\u2212", "\u200b\u200c\u200d\u2060\ufeff\xad"
TYPESET = {**dict.fromkeys(map(ord, DASHES), "-"), **dict.fromkeys(map(ord, UNSEEN))}
SUFFIXES = (".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".nii.gz", ".nii", "_ct", "_seg")


class NearIds:
    """Tells which known id another text may have been.

    >>> near = NearIds(["0007", "abc", "xyz"])
    >>> near.known_as("7"), near.known_as("images/ABC.dcm"), near.known_as("new")
    ('0007', 'abc', None)
    """

    def __init__(self, known: Collection[str]) -> None:
        self.known = frozenset(known)
        by_core: dict[str, str] = {}
        shared = set()
        for one in self.known:
            if by_core.setdefault(_core(one), one) != one:
                shared.add(_core(one))
        forms = Counter(map(composed, self.known))
        self._by_form = {composed(one): one for one in self.known if forms[composed(one)] == 1}
        self._by_core = {core: one for core, one in by_core.items() if core not in shared}

    def known_as(self, text: str) -> str | None:
        """Return the one known id that a text may have been; None where it is known itself, or no or several ids come near it."""
        return None if text in self.known else self._by_core.get(_core(text))

    def composed_otherwise(self, text: str) -> str:
        """Return the one known id that a text is but for how accented letters are stored (Unicode NFC and NFD); else the text itself.

        >>> NearIds(["M\xfcller"]).composed_otherwise("Mu\u0308ller") == "M\xfcller"
        True
        """
        return text if text in self.known else self._by_form.get(composed(text), text)

    def hint(self, text: str) -> str:
        """Return what to write instead, as a sentence with a space before it; "" where no id comes near.

        >>> NearIds(["0007"]).hint("7")
        ' Write 0007, with its zeros in front; a spreadsheet keeps them in columns of text.'
        """
        meant = self.known_as(text)
        if meant is None:
            return ""
        bare = _bare(text)
        if composed(text) == composed(meant):
            return f" Write {meant} as there: its accented letters are stored in another way (Unicode NFC and NFD)."
        if bare == meant and meant not in text:
            return f" Write {meant}, with plain dashes and nothing else in it."
        if meant in text and not text.replace(meant, "", 1).isprintable():
            return f" Write {meant}, without the marks beside it that are not seen."
        if meant in text:
            return f" Write {meant}, without {_around(meant, text)}."
        if bare.casefold() == meant.casefold():
            return f" Write {meant}: upper and lower case count."
        return f" Write {meant}, with its zeros in front; a spreadsheet keeps them in columns of text."


def near_strangers(name: str, listed: Collection[str], known: Collection[str], what: str = "patientId") -> list[str]:
    """Return a line on ids of a table that are not known but nearly so, by which the table would say nothing of those meant; else none.

    Args:
        name: of the table.
        listed: its ids.
        known: the ids that it speaks of.
        what: the column of ids.
    """
    near = NearIds(known)
    meant = [one for one in listed if near.known_as(one) is not None and near.known_as(one) not in listed]
    if not meant:
        return []
    return [f"{name}: {what} is {meant[0]!r}, which is {none_of(len(known), 'known ones')}{_others(meant)}.{near.hint(meant[0])}"]


def only_strangers(name: str, listed: Collection[str], known: Collection[str], what: str = "patientId") -> list[str]:
    """Return a line on a table all of whose ids are unknown, so that it says nothing; none where any is known, or there are none.

    Arguments as `near_strangers`.

    >>> only_strangers("persons.csv", ["01", "02"], ["scan-01", "scan-02"], "case")
    ["persons.csv: none of its 2 ids is known, the first being '01'; it says nothing here. Write scan-01 for it, and the others so."]
    """
    if not listed or not known or not set(listed).isdisjoint(known):
        return []
    first = next(iter(listed))
    longer = [one for one in known if one.endswith(first) and not one.removesuffix(first)[-1:].isalnum()] if first else []
    advice = f"Write {longer[0]} for it, and the others so." if len(longer) == 1 else f"Write {what} as here, such as {min(known)}."
    found = "its only id is not known" if len(listed) == 1 else f"none of its {len(listed):,} ids is known, the first being {first!r}"
    return [f"{name}: {found}; it says nothing here. {advice}"]


def _others(meant: Sequence[str]) -> str:
    return f", and {len(meant) - 1:,} more like it" if len(meant) > 1 else ""


def _around(meant: str, text: str) -> str:
    """Return what stands before and after an id, each in words of its own: run together they would be a text that is nowhere."""
    # Of an id that a folder's name holds as well, the file's name is meant.
    before, _, after = (part.strip() for part in text.rpartition(meant))
    if before and after:
        return f"{before} before and after it" if before == after else f"{before} before and {after} after it"
    return before or after or "spaces"


def _bare(text: str) -> str:
    """Return a text without spaces, folders and suffixes."""
    bare = restored(composed(text)).translate(TYPESET).strip(" \t\r\n\xa0'\"").replace("\\", "/").rsplit("/", 1)[-1]
    suffix = next((suffix for suffix in SUFFIXES if bare.lower().endswith(suffix) and len(bare) > len(suffix)), None)
    return bare if suffix is None else _bare(bare[: -len(suffix)])


def _core(text: str) -> str:
    """Return what is left of an id by every tool: neither case, nor zeros in front, nor the `.0` of a number."""
    core = _bare(text).casefold()
    core = re.sub(r"^(\d+)\.0+$", r"\1", core)
    return core.lstrip("0") or "0"
