"""Loading is a function of (seed, epoch, case, repeat), with any number of workers."""

import gc
import os
import re
import signal
import weakref
from collections import Counter
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from radlearn.errors import BadSetting, RadlearnError, UnreadableScan
from radlearn.training.loading import EpochLoader, FunctionDataset, SampleKey, WorkerKilled, reseed


class Draws:
    """A data set that returns its keys."""

    def __init__(self, cases: int) -> None:
        self.cases = cases

    def __len__(self) -> int:
        return self.cases

    def __getitem__(self, key: SampleKey) -> list[int]:
        return list(key)


class Failing(Draws):
    """A data set with one case that fails in a given way."""

    ids = ("ann", "bob", "cid", "dee")

    def __init__(self, failure: Exception | signal.Signals) -> None:
        super().__init__(4)
        self.failure = failure

    def __getitem__(self, key: SampleKey) -> list[int]:
        if key.case == 2:
            if isinstance(self.failure, signal.Signals):
                os.kill(os.getpid(), self.failure)
            else:
                raise self.failure
        return super().__getitem__(key)


def loaded(loader: EpochLoader, epoch: int, first_step: int = 0) -> list[list[list[int]]]:
    return list(loader.epoch(epoch, first_step))


def bytes_of(batches: list[dict[str, torch.Tensor]]) -> list[bytes]:
    return [batch["image"].numpy().tobytes() + batch["label"].numpy().tobytes() for batch in batches]


def test_reseeding_sets_python_numpy_and_torch() -> None:
    import random

    def numbers() -> tuple[float, float, float]:
        return random.random(), float(np.random.random()), float(torch.rand(1))

    reseed(3, 1, 4)
    first = numbers()
    assert numbers() != first
    reseed(3, 1, 4)
    assert numbers() == first


@given(some.integers(1, 40), some.integers(1, 9), some.booleans(), some.integers(0, 5))
def test_an_epoch_holds_every_case_once(cases: int, batch_size: int, shuffle: bool, epoch: int) -> None:
    loader = EpochLoader(Draws(cases), batch_size, seed=1, shuffle=shuffle, collate=list)
    batches = loaded(loader, epoch)
    assert sorted(case for batch in batches for _, case, _ in batch) == list(range(cases))
    assert len(batches) == loader.steps_per_epoch == -(-cases // batch_size)
    assert all(number == epoch for batch in batches for number, _, _ in batch)


def test_epochs_are_shuffled_differently_and_seeds_too() -> None:
    first, second = EpochLoader(Draws(50), 50, seed=1, collate=list), EpochLoader(Draws(50), 50, seed=2, collate=list)
    orders = [[case for _, case, _ in loaded(loader, epoch)[0]] for loader in (first, second) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4
    assert [case for _, case, _ in loaded(first, 0)[0]] == orders[0]


def test_starting_in_the_middle_gives_the_rest_and_loads_nothing_before_it() -> None:
    loaded_keys: list[SampleKey] = []

    class Counting(Draws):
        def __getitem__(self, key: SampleKey) -> list[int]:
            loaded_keys.append(key)
            return super().__getitem__(key)

    loader = EpochLoader(Counting(20), 3, seed=5, collate=list)
    whole = loaded(loader, 4)
    loaded_keys.clear()
    assert loaded(loader, 4, first_step=3) == whole[3:]
    assert len(loaded_keys) == 20 - 9


def test_workers_change_nothing_not_even_global_random_numbers(tiny: ModuleType) -> None:
    alone, helped = tiny.loader(workers=0), tiny.loader(workers=2)
    for epoch in (0, 1):
        assert bytes_of(list(helped.epoch(epoch))) == bytes_of(list(alone.epoch(epoch)))
    assert bytes_of(list(helped.epoch(1))) != bytes_of(list(helped.epoch(0)))
    assert bytes_of(list(helped.epoch(1, 3))) == bytes_of(list(alone.epoch(1)))[3:]


def test_workers_keep_running_when_an_epoch_is_left_early(tiny: ModuleType) -> None:
    loader = tiny.loader(workers=2)
    abandoned = loader.epoch(0)
    next(abandoned)
    workers = [worker.pid for worker in loader._loader._iterator._workers]
    assert bytes_of(list(loader.epoch(1))) == bytes_of(list(tiny.loader().epoch(1)))
    assert [worker.pid for worker in loader._loader._iterator._workers] == workers


def test_workers_end_with_their_loader_without_garbage_collection(tiny: ModuleType) -> None:
    gc.disable()
    try:
        loader = tiny.loader(workers=1)
        list(loader.epoch(0))
        iterator = weakref.ref(loader._loader._iterator)
        del loader
        assert iterator() is None
    finally:
        gc.enable()


def test_loading_with_workers_does_not_touch_the_global_random_numbers() -> None:
    reseed(0)
    undisturbed = torch.rand(1)
    loader = EpochLoader(Draws(4), 2, seed=0, workers=1, collate=list)
    reseed(0)
    loaded(loader, 0)
    assert torch.rand(1) == undisturbed


def test_repeated_cases_get_keys_of_their_own() -> None:
    loader = EpochLoader(Draws(3), 4, seed=0, collate=list, order=lambda epoch: [2, 2, 0, 2])
    assert loaded(loader, 6) == [[[6, 2, 0], [6, 2, 1], [6, 0, 0], [6, 2, 2]]]


def test_a_last_batch_that_is_not_full_can_be_left_out() -> None:
    loader = EpochLoader(Draws(10), 4, seed=0, drop_last=True, collate=list)
    assert [len(batch) for batch in loaded(loader, 0)] == [4, 4]
    assert [len(batch) for batch in loaded(EpochLoader(Draws(8), 4, seed=0, drop_last=True, collate=list), 0)] == [4, 4]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 2, "workers": -1}, "workers is -1"),
        ({"batch_size": 9, "drop_last": True}, "5 cases do not fill one batch of 9"),
        ({"batch_size": 2, "order": lambda epoch: []}, "there are no cases"),
    ],
)
def test_a_loader_with_nothing_to_load_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        EpochLoader(Draws(5), seed=0, **arguments)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_radlearn_keeps_its_class_and_names_the_case(workers: int) -> None:
    loader = EpochLoader(Failing(UnreadableScan("cid.dcm: is truncated.")), 2, seed=0, workers=workers, collate=list)
    with pytest.raises(UnreadableScan, match=r"^cid could not be loaded \(epoch 1\)\. cid\.dcm: is truncated\.\n"):
        loaded(loader, 0)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_fault_in_the_code_is_named_with_case_and_line_and_its_traceback_is_kept(workers: int) -> None:
    loader = EpochLoader(Failing(ValueError("no such axis")), 2, seed=0, workers=workers, collate=list)
    with pytest.raises(
        RadlearnError, match=r"^cid could .*__getitem__ \(.*test_loading\.py, line \d+\): ValueError: no such axis\n"
    ) as caught:
        loaded(loader, 0)
    assert "no such axis" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert "Traceback" in caught.value.__notes__[0]


def test_a_killed_worker_is_named_with_what_to_do() -> None:
    loader = EpochLoader(Failing(signal.SIGKILL), 2, seed=0, workers=1, collate=list)
    with pytest.raises(RadlearnError, match=r"background worker .* was killed .*Use fewer workers"):
        loaded(loader, 0)


@pytest.mark.parametrize("met", [ConnectionResetError(104, "Connection reset by peer"), EOFError(), FileNotFoundError(2, "No such file")])
@pytest.mark.parametrize("said", ["DataLoader worker (pid 7) is killed by signal: Killed.", ""])
def test_a_worker_that_dies_while_it_hands_over_a_batch_is_named_too(met: Exception, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Channel:
        num_workers = 1

        def __iter__(self) -> Any:
            yield torch.zeros(1)
            raise met

    def handler(seconds: float) -> None:
        # Torch raises in its signal handler, wherever the main thread is.
        if said:
            raise RuntimeError(said)

    monkeypatch.setattr("radlearn.training.loading.sleep", handler)
    loader = EpochLoader(FunctionDataset(lambda key: torch.zeros(1), ["a", "b"]), 1, seed=0)
    monkeypatch.setattr(loader, "_loader", Channel())
    batches = loader.epoch(0)
    next(batches)
    with pytest.raises(WorkerKilled, match=re.escape(f"killed ({said or str(met) or type(met).__name__})")):
        next(batches)
    monkeypatch.setattr(Channel, "num_workers", 0)
    with pytest.raises(type(met)):
        list(loader.epoch(0))


def test_workers_ignore_ctrl_c() -> None:
    loader = EpochLoader(Failing(signal.SIGINT), 1, seed=0, workers=1, collate=list)
    assert sorted(case for batch in loaded(loader, 0) for _, case, _ in batch) == [0, 1, 2, 3]


def test_a_data_set_of_one_function_is_indexed_by_epoch_and_case() -> None:
    cases = FunctionDataset(lambda key: key.epoch * 100 + key.case, ["a", "b", "c"])
    assert len(cases) == 3
    assert cases[SampleKey(2, 1)] == 201
    loader = EpochLoader(cases, batch_size=2, seed=0, shuffle=False)
    assert [batch.tolist() for batch in loader.epoch(4)] == [[400, 401], [402]]


def test_the_fingerprint_changes_with_what_changes_the_batches(tiny: ModuleType) -> None:
    usual = tiny.loader().fingerprint()
    assert tiny.loader(workers=2).fingerprint() == usual
    other_cases = tiny.Blobs()
    other_cases.ids[3] = "another-xray"
    for changed in (
        EpochLoader(tiny.Blobs(), tiny.BATCH, seed=8),
        EpochLoader(tiny.Blobs(), 5, seed=7),
        EpochLoader(other_cases, 4, seed=7),
    ):
        assert changed.fingerprint() != usual
    assert Counter(type(value) for value in usual.values()) == {int: 3, str: 1}
