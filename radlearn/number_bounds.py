"""Bounds of numbers that are named on the command line, besides those of settings: a seed, how many cases, how many processes."""

from typing import TypeVar

from radlearn.errors import BadSetting

NumberT = TypeVar("NumberT", int, float)

MOST_SEED = 2**63 - 1
MOST_EPOCHS = 100_000
MOST_WORKERS = 1024
MOST_PX = 100_000
MOST_TOLERANCE_MM, MOST_ML = 1000.0, 10_000.0


def checked_number(name: str, number: NumberT, least: float, most: float) -> NumberT:
    """Return a number that lies within bounds.

    Raises:
        BadSetting: if it does not, as no number that is not one (NaN) does.

    >>> checked_number("--workers", 2, 1, MOST_WORKERS)
    2
    """
    if not least <= number <= most:
        raise BadSetting(f"{name} is {number:,}; it must be from {least:,} to {most:,}.")
    return number


def checked_workers(workers: int | None) -> int | None:
    """Return a number of processes, None for all cores. Errors as `checked_number`."""
    return None if workers is None else checked_number("--workers", workers, 1, MOST_WORKERS)
