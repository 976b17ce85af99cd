"""Runs that predict together see each case as they were trained to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from radlearn.tasks.segmentation.together import Segmenter, Together, predicted_by_all

CASES: Any = [SimpleNamespace(image_id=name) for name in ("x", "y", "z")]


@dataclass
class Seen:
    """A case as a run sees it: its number, times ten for the second run."""

    item: Mapping[str, Any]


def member(factor: float) -> Segmenter[Any, Seen]:
    def prepare(cases: Sequence[Any]) -> list[Seen]:
        return [Seen({"id": case.image_id, "value": factor * number}) for number, case in enumerate(cases)]

    return Segmenter(prepare, lambda item: np.array([item["value"]]))


def middle(each: Iterable[np.ndarray], seen: Seen) -> tuple[np.ndarray, float | None]:
    values = np.concatenate(list(each))
    return values.mean(keepdims=True), float(np.ptp(values))


def test_each_run_infers_on_its_own_view_of_the_case_whatever_the_order() -> None:
    together = Together([member(1), member(10)], CASES, middle)
    items = [one.item for one in together.prepared]
    assert [together.infer(item)[0] for item in reversed(items)] == [11.0, 5.5, 0.0]
    assert together.differ == [0.0, 9.0, 18.0]


def test_a_case_that_was_not_inferred_has_no_disagreement() -> None:
    together = Together([member(1), member(10)], CASES, middle)
    together.infer(together.prepared[0].item)
    with pytest.raises(KeyError, match="y"):
        _ = together.differ


@dataclass
class Found:
    name: str
    probability: np.ndarray
    differ: float | None = None
    features: Sequence[np.ndarray] | None = None


def test_what_is_predicted_for_a_file_is_the_first_with_the_mean_and_the_features_of_all() -> None:
    each = [Found(name, np.array([value]), features=[np.array([value])]) for name, value in (("a", 1.0), ("b", 3.0))]
    found = predicted_by_all(iter(each), lambda values, first: (sum(values) / 2, len(first.name)))
    assert (found.name, found.probability[0], found.differ) == ("a", 2.0, 1)
    np.testing.assert_array_equal(found.features or [], [[1.0], [3.0]])
    assert each[0].probability[0] == 1.0
