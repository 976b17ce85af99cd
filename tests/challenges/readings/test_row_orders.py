"""The orders in which answers may have been joined to ids."""

import itertools

from radlearn.challenges.readings.row_orders import AS_IT_IS, orders_of

TRUTH = {"d": 1, "b": 2, "e": 3, "a": 4, "c": 5}


def test_the_truths_of_each_order_by_hand() -> None:
    orders = orders_of(["c", "a", "d", "e", "b"], TRUTH)
    assert orders[AS_IT_IS] == [5, 4, 1, 3, 2]
    assert orders["those of the row before"] == [2, 5, 4, 1, 3]
    assert orders["those of the row 2 rows after"] == [1, 3, 2, 5, 4]
    assert orders["those of the rows in reverse order"] == [2, 3, 1, 4, 5]
    assert orders["those of the ids sorted by name"] == [4, 2, 5, 1, 3]
    assert orders["those of the ids in the order of the labels table"] == [1, 2, 3, 4, 5]


def test_every_order_has_the_same_truths() -> None:
    for ids in itertools.permutations(TRUTH, 3):
        for order in orders_of(ids, TRUTH).values():
            assert sorted(order) == sorted(TRUTH[one] for one in ids)
