"""Masks that hold most of an image, said before a training: inside and outside may be swapped, and a network would learn it so."""

from collections.abc import Sequence

from radlearn.amounts import begun, part_of, verb_of
from radlearn.hints import command
from radlearn.progress import say

MOST_INSIDE = 0.5
"Share of an image or a scan; `radlearn check` names masks above it too."


def say_inverted(shares: Sequence[tuple[str, float]], units: str) -> None:
    """Say how many masks hold most of their image.

    Args:
        shares: the id of each image, and the share of it inside its mask, in [0, 1].
        units: what the images are, in the plural.
    """
    found = sorted(((share, name) for name, share in shares if share > MOST_INSIDE), reverse=True)
    if found:
        whose = "its mask" if len(found) == 1 else "their masks"
        amount = f"{begun(part_of(len(found), len(shares), units))} {verb_of(len(found), 'lie')} mostly inside {whose}"
        say(
            f"{amount}, such as {found[0][1]} with {found[0][0]:.0%}: are inside and outside swapped? '{command('check')}' lists them.",
            style="yellow",
        )
