"""Many things that are wrong, in one message."""

from collections.abc import Sequence
from pathlib import Path

TROUBLES_SHOWN = 10
MEND = "Mend this, then try again."


def listed(where: Path, troubles: Sequence[str], what: str = "in it cannot be scored", advice: str = MEND) -> str:
    """Return a message of several lines: how many things are wrong, the first ten of them, and what to do.

    >>> print(listed(Path("data"), ["a.csv: is empty."], "in the files cannot be used", "Copy them again."))
    data: one thing in the files cannot be used:
      a.csv: is empty.
    Copy them again.
    """
    shown = [f"  {trouble}" for trouble in troubles[:TROUBLES_SHOWN]]
    if len(troubles) > TROUBLES_SHOWN:
        shown.append(f"  … and {len(troubles) - TROUBLES_SHOWN:,} more.")
    amount = "one thing" if len(troubles) == 1 else f"{len(troubles):,} things"
    return "\n".join([f"{where}: {amount} {what}:", *shown, advice])
