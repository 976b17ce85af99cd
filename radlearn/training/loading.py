"""Cases in, batches out, the same ones whoever loads them.

Randomness here is a function of (seed, epoch, case, repeat), never of history: which cases make up batch 7 of epoch 3, and what the
augmentation does to each, does not depend on the number of workers or on what was loaded before. That is what lets a run stop in the
middle of an epoch and end with the weights it would have had.
"""

import hashlib
import random
import signal
import struct
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from radlearn.errors import BadSetting, RadlearnError


class SampleKey(NamedTuple):
    """One asking for one case; `case_seed(seed, *key)` is the seed of all that is random about it."""

    epoch: int
    # Its place in the data set, from 0.
    case: int
    # How often this epoch has asked for the case before: 0, unless cases are drawn more than once.
    repeat: int = 0


class KeyedDataset(Protocol):
    """What an `EpochLoader` loads from. With an attribute `ids`, one text per case, errors name cases by it."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: SampleKey, /) -> Any: ...


def case_seed(seed: int, *parts: int) -> int:
    """Return a seed in [0, 2³²) that depends on every part and on their order: the first bytes of their BLAKE2b digest.

    Sums and products of parts would give neighbouring cases related seeds, or the same one.

    >>> case_seed(0, 1, 2) == case_seed(0, 1, 2), case_seed(0, 1, 2) == case_seed(0, 2, 1), case_seed(0, 1) == case_seed(0, 1, 0)
    (True, False, False)
    """
    packed = struct.pack(f"<{len(parts) + 1}q", seed, *parts)
    return int.from_bytes(hashlib.blake2b(packed, digest_size=4).digest(), "little")


def reseed(seed: int, *parts: int) -> None:
    """Set the random numbers of Python, NumPy and torch from `case_seed(seed, *parts)`."""
    mixed = case_seed(seed, *parts)
    random.seed(mixed)
    np.random.seed(mixed)
    # torch.manual_seed would do the same in 160 µs, most of them spent on a GPU that may not be there.
    torch.default_generator.manual_seed(mixed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(mixed)


@dataclass(frozen=True)
class _Failure:
    """Trouble with a case, carried out of a worker as a value: an exception would arrive as a traceback in a message."""

    key: SampleKey
    kind: type[RadlearnError]
    message: str
    trace: str


class _Seeded(Dataset):
    """The data set with the global random numbers set before each case, so that even a transform that uses them keeps the law."""

    def __init__(self, dataset: KeyedDataset, seed: int) -> None:
        self.dataset, self.seed = dataset, seed

    def __getitem__(self, key: SampleKey) -> Any:
        reseed(self.seed, *key)
        try:
            return self.dataset[key]
        except RadlearnError as error:
            return _Failure(key, type(error), str(error), traceback.format_exc())
        except Exception as error:  # Whatever a transform may raise: nothing is swallowed, the loop raises it with the case named.
            frames = traceback.extract_tb(error.__traceback__)
            # The deepest line that is not a library's: there it is mended.
            frame = next((frame for frame in reversed(frames) if "site-packages" not in frame.filename), frames[-1])
            where = f"{frame.name} ({frame.filename}, line {frame.lineno})"
            return _Failure(key, RadlearnError, f"{where}: {type(error).__name__}: {error}", traceback.format_exc())


class _Collated:
    """Makes a batch of items, or hands on the first failure among them."""

    def __init__(self, collate: Callable[[list], Any] | None) -> None:
        self.collate = collate or torch.utils.data.default_collate

    def __call__(self, items: list) -> Any:
        return next((item for item in items if isinstance(item, _Failure)), None) or self.collate(items)


class _Batches:
    """The batches still to come of one epoch; the loop sets it before each."""

    def __init__(self) -> None:
        self.to_come: list[list[SampleKey]] = []

    def __iter__(self) -> Iterator[list[SampleKey]]:
        return iter(self.to_come)

    def __len__(self) -> int:
        return len(self.to_come)


class EpochLoader:
    """Batches of a data set, epoch by epoch.

    Args:
        dataset: asked as `dataset[SampleKey(epoch, case, repeat)]`; may return anything `collate` understands.
        batch_size: cases per batch.
        seed: of the order and of each case.
        shuffle: a new order each epoch; otherwise the order of the data set.
        workers: processes that load in the background, kept from epoch to epoch; 0 loads in this one. It changes no batch.
        collate: list of items -> batch; torch's usual one by default.
        drop_last: leave out a last batch that is not full.
        order: epoch -> the cases to load, in order, repeats allowed, equally many each epoch; instead of `shuffle`. For weighted
            drawing, for example. It must be a function of the epoch alone.

    Raises:
        BadSetting: if there would be no batch, or a number is outside what it may be.
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
        self.shuffle, self._order = shuffle, order
        self._batches = _Batches()
        # torch's type for a sampler speaks of whole numbers; any key will do.
        self._loader: DataLoader = DataLoader(
            _Seeded(dataset, seed),
            batch_sampler=self._batches,  # type: ignore[arg-type]
            num_workers=workers,
            collate_fn=_Collated(collate),
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_leave_ctrl_c_to_the_loop,
            # Without one of its own, it would draw from the global random numbers.
            generator=torch.Generator(),
        )
        self.cases_per_epoch = len(self.order(0))
        self.steps_per_epoch = len(self.keys(0))
        if self.steps_per_epoch == 0:
            why = f"{self.cases_per_epoch} cases do not fill one batch of {batch_size}" if self.cases_per_epoch else "there is no case"
            raise BadSetting(f"Nothing to load: {why}. Give more cases, a smaller batch_size, or drop_last=False.")

    def order(self, epoch: int) -> Sequence[int]:
        """Return the cases of `epoch` in the order in which they are loaded."""
        # Kept as a bound method, this would be a circle of references. Workers that are swept up with a circle instead of being
        # told to end are waited for, five seconds each.
        if self._order:
            return self._order(epoch)
        if self.shuffle:
            return np.random.default_rng(case_seed(self.seed, epoch)).permutation(len(self.dataset)).tolist()
        return range(len(self.dataset))

    def keys(self, epoch: int) -> list[list[SampleKey]]:
        """Return what each batch of `epoch` holds, without loading it."""
        seen: Counter[int] = Counter()
        keys = []
        for case in map(int, self.order(epoch)):
            keys.append(SampleKey(epoch, case, seen[case]))
            seen[case] += 1
        batches = [keys[start : start + self.batch_size] for start in range(0, len(keys), self.batch_size)]
        return batches[:-1] if self.drop_last and batches and len(batches[-1]) < self.batch_size else batches

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Any]:
        """Yield the batches of `epoch` from `first_step` on; the ones before are not loaded.

        Raises:
            RadlearnError: (of the class the data set raised, if it was one) if a case cannot be loaded, with the case named; if a
                worker process was ended from outside.
        """
        self._batches.to_come = self.keys(epoch)[first_step:]
        try:
            for batch in self._loader:
                if isinstance(batch, _Failure):
                    raise self._trouble(batch)
                yield batch
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise RadlearnError(
                f"A background worker that loads cases was ended from outside ({error}). The usual cause is too little memory, or "
                "too little shared memory (/dev/shm) in a container. Use fewer workers; 0 loads in the main process."
            ) from error

    def names(self, keys: Sequence[SampleKey]) -> list[str]:
        """Return what people call these cases: the data set's `ids` if it has any, else their number."""
        ids = getattr(self.dataset, "ids", None)
        return [f"case {key.case}" if ids is None else str(ids[key.case]) for key in keys]

    def fingerprint(self) -> dict[str, Any]:
        """Return, as JSON values, what must be the same for a resumed run to go on with the same batches."""
        first = repr(self.keys(0)) + repr([str(name) for name in getattr(self.dataset, "ids", ())])
        digest = hashlib.blake2b(first.encode(), digest_size=8).hexdigest()
        return {"cases": len(self.dataset), "batch_size": self.batch_size, "steps_per_epoch": self.steps_per_epoch, "first_epoch": digest}

    def _trouble(self, failure: _Failure) -> RadlearnError:
        name = self.names([failure.key])[0]
        error = failure.kind(f"{name} could not be loaded (epoch {failure.key.epoch + 1}). {failure.message}")
        # Python prints notes below a traceback; the command line, which prints the message alone, leaves them out.
        error.add_note(failure.trace)
        return error


def _leave_ctrl_c_to_the_loop(worker: int) -> None:
    """Let workers live through Ctrl-C, which a terminal sends to all: the loop wants to finish its step and save."""
    if sys.platform != "win32":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    # In a worker the parent's handler for a polite end is of no use: it would only set a mark in a copy of the loop.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
