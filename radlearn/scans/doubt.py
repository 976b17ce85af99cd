"""What speaks against a volume being a chest CT."""

from typing import NamedTuple


class Doubt(NamedTuple):
    """What is wrong with a volume: the rule of `radlearn check`, what was found, what to do, and whether it is surely no chest CT."""

    rule: str
    found: str
    advice: str = ""
    sure: bool = False
