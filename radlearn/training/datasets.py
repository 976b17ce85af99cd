"""The cases of one subset of a split, as the loop's loader asks for them."""

from collections.abc import Callable, Sequence
from typing import Any

from radlearn.training.loading import SampleKey


class FunctionDataset:
    """A data set made of one function.

    Args:
        load: what one asking returns; a function of the `SampleKey` alone, or two workers would show a case in two ways.
        ids: what people call the cases, in order.
    """

    def __init__(self, load: Callable[[SampleKey], Any], ids: Sequence[str]) -> None:
        self.load, self.ids = load, list(ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, key: SampleKey) -> Any:
        return self.load(key)
