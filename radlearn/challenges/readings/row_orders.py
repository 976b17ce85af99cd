"""In which other order the rows of a submission may have been joined to its ids: by position, where the two were sorted differently."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")
MOST_ROWS_APART = 3
AS_IT_IS = "as they are"


def orders_of(ids: Sequence[str], truth_of: Mapping[str, T]) -> dict[str, list[T]]:
    """Return what is true of each row of a file, for each order in which its answers may have been joined to its ids.

    Args:
        ids: in the order of the file.
        truth_of: id → what is true of it, in the order of the challenge's table.

    Returns the orders in words, that of the file itself first, each as the truths of its rows.

    >>> orders_of(["b", "a"], {"a": 1, "b": 2})["those of the ids sorted by name"]
    [1, 2]
    """
    rows = [truth_of[one] for one in ids]
    orders = {AS_IT_IS: rows}
    for apart in range(1, MOST_ROWS_APART + 1):
        much = "" if apart == 1 else f" {apart} rows"
        orders[f"those of the row{much} before"] = rows[-apart:] + rows[:-apart]
        orders[f"those of the row{much} after"] = rows[apart:] + rows[:apart]
    orders["those of the rows in reverse order"] = rows[::-1]
    orders["those of the ids sorted by name"] = [truth_of[one] for one in sorted(ids)]
    answered = set(ids)
    orders["those of the ids in the order of the labels table"] = [truth for one, truth in truth_of.items() if one in answered]
    return {words: order for words, order in orders.items() if len(order) == len(rows)}
