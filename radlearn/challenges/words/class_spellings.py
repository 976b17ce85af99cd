"""Names of classes that are one but for how they are written: who names one of them alone calls the images of the others normal."""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from radlearn.amounts import verb_of
from radlearn.errors import BadSetting

BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s_-]+(?=\d)")
BETWEEN = re.compile(r"[\s_]+|(?<=\w)-(?=\w)")
"A hyphen at the end may be a minus: HER2- is not HER2."


def written_alike(name: str) -> str:
    """Return what spellings of a class have in common that differ in case, blanks, underscores, or hyphens between letters.

    >>> written_alike("Pleural_Effusion ") == written_alike("pleural-effusion"), written_alike("HER2-"), written_alike("type 1_2")
    (True, 'her2-', 'type1-2')
    """
    text = unicodedata.normalize("NFKC", name).casefold().strip()
    return BETWEEN.sub("", BETWEEN_DIGITS.sub("\0", text)).replace("\0", "-")


def refuse_other_spellings(positive: Sequence[str], listed: Mapping[str, str], what: str) -> None:
    """Refuse to take one spelling of a class alone.

    Args:
        positive: the classes that are named as the finding.
        listed: each class that is there, and how it is called in a message, with its number.
        what: is called so: classes, folders.

    Raises:
        BadSetting: if another class differs from one of them in nothing that is heard.
    """
    for name in positive:
        if others := [one for one in listed if one not in positive and written_alike(one) == written_alike(name)]:
            verb = verb_of(len(others), "differ")
            both = " ".join(f"'{one}'" if re.search(r"\W", one) else one for one in (*positive, *others))
            raise BadSetting(
                f"--positive {name}: of the {what}, {' and '.join(listed[one] for one in others)} {verb} from {listed.get(name, name)} "
                f"only in how it is written, and would be without the finding. If they are one, name them all (--positive {both}); else "
                "rename one."
            )
