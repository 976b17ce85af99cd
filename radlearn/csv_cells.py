"""Cells of a CSV table that a spreadsheet would take for a formula: defused when they are written, restored when they are read.

A file name or an id may begin with `=`, `+`, `-` or `@`, and a spreadsheet then computes it when the table is opened, or calls a program.
An apostrophe before it makes it text. Numbers stay numbers.

Source: OWASP, CSV Injection, owasp.org/www-community/attacks/CSV_Injection.
"""

import re

FORMULA = re.compile(r"'*(?:\s*[=+\-@＝＋－＠]|[\x00-\x1f\x7f])")
NOTHING = frozenset(("nan", "none", "null", "na", "n/a", "<na>", "[]", "{}", "-", "-1", "''", '""'))
"What programs write for an empty cell where that is no value of its own, in small letters."
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def defused(cell: object) -> str:
    """Return a cell as text that no spreadsheet computes.

    >>> defused("=1+1"), defused("-0.25"), defused("-12-x"), defused("'=1"), defused("plain")
    ("'=1+1", '-0.25', "'-12-x", "''=1", 'plain')
    """
    text = str(cell)
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def restored(text: str) -> str:
    """Return the text that `defused` was given.

    >>> [restored(defused(text)) for text in ("=1+1", "-0.25", "'=1", "'quoted'")]
    ['=1+1', '-0.25', "'=1", "'quoted'"]
    """
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text
