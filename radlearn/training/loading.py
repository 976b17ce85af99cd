"""Data sets and batches whose content does not depend on the number of workers.

Randomness is a function of (seed, epoch, case, repeat), never of history: neither the cases in batch 7 of epoch 3 nor their augmentation
depend on the number of workers or on what was loaded before. A run can therefore stop in the middle of an epoch and still end with the
same weights.
"""

import hashlib
import random
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from time import sleep
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from radlearn.errors import BadSetting, RadlearnError
from radlearn.sample_key import SampleKey, case_seed

WORKER_OF_TORCH = "DataLoader worker"
"In the words of torch's RuntimeError for a worker that was killed. Its signal handler raises it wherever the main thread is."

CHANNEL_ERRORS = (ConnectionError, EOFError, FileNotFoundError)
"What reading an image from a worker raises that has died meanwhile, before torch has noticed its death."
MOMENT_SECONDS = 0.2


class WorkerKilled(RadlearnError):
    """A background worker that loads cases was ended from outside."""

    def __init__(self, error: Exception) -> None:
        why = str(error).strip() or type(error).__name__
        super().__init__(
            f"A background worker that loads cases was killed ({why}). The usual cause is too little memory, or too little shared "
            "memory (/dev/shm) in a container. Use fewer workers; 0 loads in the main process."
        )


class KeyedDataset(Protocol):
    """What an `EpochLoader` loads from. If it has an attribute `ids`, one string per case, errors name cases by it."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: SampleKey, /) -> Any: ...


class FunctionDataset:
    """A data set made of one function.

    Args:
        load: (SampleKey) -> item. It must depend on the key alone, so that the items do not depend on the number of workers.
        ids: names of the cases, in order.
    """

    def __init__(self, load: Callable[[SampleKey], Any], ids: Sequence[str]) -> None:
        self.load, self.ids = load, list(ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, key: SampleKey) -> Any:
        return self.load(key)


def reseed(seed: int, *parts: int) -> None:
    """Seed the global random numbers of Python, NumPy and torch with `case_seed(seed, *parts)`."""
    mixed = case_seed(seed, *parts)
    random.seed(mixed)
    np.random.seed(mixed)
    # torch.manual_seed takes 160 µs to do the same, most of it for a GPU that may not be there.
    torch.default_generator.manual_seed(mixed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(mixed)


@dataclass(frozen=True)
class _Failure:
    """An error in a case, returned from a worker as a value: an exception would arrive as a traceback inside a message."""

    key: SampleKey
    kind: type[RadlearnError]
    message: str
    trace: str


class _Seeded(Dataset):
    """Seeds the global random numbers before each case, so that transforms that use them are reproducible too."""

    def __init__(self, dataset: KeyedDataset, seed: int) -> None:
        self.dataset, self.seed = dataset, seed

    def __getitem__(self, key: SampleKey) -> Any:
        reseed(self.seed, *key)
        try:
            return self.dataset[key]
        except RadlearnError as error:
            return _Failure(key, type(error), str(error), traceback.format_exc())
        except Exception as error:  # Whatever a transform raises; `EpochLoader.epoch` raises it again with the case named.
            frames = traceback.extract_tb(error.__traceback__)
            # The deepest frame outside of installed packages is where the fault can be fixed.
            frame = next((frame for frame in reversed(frames) if "site-packages" not in frame.filename), frames[-1])
            where = f"{frame.name} ({frame.filename}, line {frame.lineno})"
            return _Failure(key, RadlearnError, f"{where}: {type(error).__name__}: {error}", traceback.format_exc())


def _collated(collate: Callable[[list], Any], items: list) -> Any:
    """Collate items into a batch, or return the first failure among them."""
    return next((item for item in items if isinstance(item, _Failure)), None) or collate(items)


class _Batches:
    """Batch sampler over the remaining batches of an epoch, which `EpochLoader.epoch` sets."""

    def __init__(self) -> None:
        self.remaining: list[list[SampleKey]] = []

    def __iter__(self) -> Iterator[list[SampleKey]]:
        return iter(self.remaining)

    def __len__(self) -> int:
        return len(self.remaining)


class EpochLoader:
    """Batches of a data set, epoch by epoch.

    Args:
        dataset: indexed as `dataset[SampleKey(epoch, case, repeat)]`; may return anything that `collate` accepts.
        batch_size: cases per batch.
        seed: seed of the order and of each case.
        shuffle: a new random order each epoch; otherwise the order of the data set.
        workers: background processes, kept between epochs; 0 loads in this process. The batches do not depend on it.
        collate: list of items -> batch; torch's `default_collate` if None.
        drop_last: drop the last batch if it is not full.
        order: epoch -> indices of the cases to load; repeats are allowed, the number must be the same each epoch. Replaces `shuffle`, for
            example for weighted sampling. It must depend on the epoch alone.

    Raises:
        BadSetting: if there is no batch, or a number is out of range.
    """

    def __init__(
        self,
        dataset: KeyedDataset,
        batch_size: int,
        seed: int,
        shuffle: bool = True,
        workers: int = 0,
        collate: Callable[[list], Any] | None = None,
        drop_last: bool = False,
        order: Callable[[int], Sequence[int]] | None = None,
    ) -> None:
        if batch_size < 1:
            raise BadSetting(f"batch_size is {batch_size}; it must be at least 1.")
        if workers < 0:
            raise BadSetting(f"workers is {workers}; it must be 0 (load in this process) or more.")
        self.dataset, self.batch_size, self.seed, self.drop_last = dataset, batch_size, seed, drop_last
        self.shuffle, self._order, self._next_epoch = shuffle, order, 0
        self._batches = _Batches()
        # torch declares integer indices for samplers; any key works.
        self._loader: DataLoader = DataLoader(
            _Seeded(dataset, seed),
            batch_sampler=self._batches,  # type: ignore[arg-type]
            num_workers=workers,
            collate_fn=partial(_collated, collate or default_collate),
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_ignore_ctrl_c,
            # The default generator would draw from the global random numbers.
            generator=torch.Generator(),
        )
        self.cases_per_epoch = len(self.order(0))
        self.steps_per_epoch = len(self.keys(0))
        if self.steps_per_epoch == 0:
            why = f"{self.cases_per_epoch} cases do not fill one batch of {batch_size}" if self.cases_per_epoch else "there are no cases"
            raise BadSetting(f"Nothing to load: {why}. Use more cases, a smaller batch_size or drop_last=False.")

    def __len__(self) -> int:
        return self.steps_per_epoch

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches of the next epoch: the first of all the first time. So it serves where a `DataLoader` is expected."""
        epoch, self._next_epoch = self._next_epoch, self._next_epoch + 1
        return self.epoch(epoch)

    def order(self, epoch: int) -> Sequence[int]:
        """Return the indices of the cases of `epoch` in loading order."""
        # Stored as a bound method, this would be a reference cycle. Workers that are garbage-collected with a cycle are not stopped
        # but waited for, five seconds each.
        if self._order:
            return self._order(epoch)
        if self.shuffle:
            return np.random.default_rng(case_seed(self.seed, epoch)).permutation(len(self.dataset)).tolist()
        return range(len(self.dataset))

    def keys(self, epoch: int) -> list[list[SampleKey]]:
        """Return the keys of each batch of `epoch` without loading it."""
        seen: Counter[int] = Counter()
        keys = []
        for case in map(int, self.order(epoch)):
            keys.append(SampleKey(epoch, case, seen[case]))
            seen[case] += 1
        batches = [keys[start : start + self.batch_size] for start in range(0, len(keys), self.batch_size)]
        return batches[:-1] if self.drop_last and batches and len(batches[-1]) < self.batch_size else batches

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Any]:
        """Yield the batches of `epoch` from `first_step` on; earlier ones are not loaded.

        Raises:
            RadlearnError: if a case cannot be loaded, with its name and in the subclass that the data set raised; if a worker process was
                killed.
        """
        self._batches.remaining = self.keys(epoch)[first_step:]
        try:
            for batch in self._loader:
                if isinstance(batch, _Failure):
                    raise self._error_of(batch)
                yield batch
        except RuntimeError as error:
            if WORKER_OF_TORCH not in str(error):
                raise
            raise WorkerKilled(error) from error
        except CHANNEL_ERRORS as error:
            # What a case raises in a worker is a value, so this is the channel to a worker.
            if not self._loader.num_workers:
                raise
            raise WorkerKilled(_said_by_torch() or error) from error

    def names(self, keys: Sequence[SampleKey]) -> list[str]:
        """Return the names of cases: the data set's `ids` if it has them, else "case INDEX"."""
        ids = getattr(self.dataset, "ids", None)
        return [f"case {key.case}" if ids is None else str(ids[key.case]) for key in keys]

    def fingerprint(self) -> dict[str, Any]:
        """Return, as JSON values, what must be unchanged for a resumed run to continue with the same batches."""
        first = repr(self.keys(0)) + repr([str(name) for name in getattr(self.dataset, "ids", ())])
        digest = hashlib.blake2b(first.encode(), digest_size=8).hexdigest()
        return {"cases": len(self.dataset), "batch_size": self.batch_size, "steps_per_epoch": self.steps_per_epoch, "first_epoch": digest}

    def _error_of(self, failure: _Failure) -> RadlearnError:
        name = self.names([failure.key])[0]
        error = failure.kind(f"{name} could not be loaded (epoch {failure.key.epoch + 1}). {failure.message}")
        # Python prints notes below a traceback; the command line prints the message alone.
        error.add_note(failure.trace)
        return error


def _said_by_torch() -> RuntimeError | None:
    """Return what torch says of a worker that died a moment ago; raised later, it would meet whatever is done next."""
    try:
        sleep(MOMENT_SECONDS)
    except RuntimeError as error:
        return error
    return None


def _ignore_ctrl_c(worker: int) -> None:
    """Let a worker ignore Ctrl-C, which a terminal sends to all processes: the loop still finishes its step and saves."""
    if sys.platform != "win32":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The parent's SIGTERM handler would only set a flag in the worker's copy of the loop.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
