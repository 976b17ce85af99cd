"""What MONAI's `PersistentDataset` is, as memory maps: made once, in parallel, and a patch then costs the pages that it lies on."""

import copy
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from monai.data import MetaTensor, PersistentDataset, get_track_meta
from monai.transforms import Compose, Randomizable, RandomizableTrait, Transform
from monai.utils import ImageMetaKey

from radlearn.array_store import CASES, Words, stored_entries
from radlearn.augmentation.drawn import Told
from radlearn.entry_files import Entry, Made
from radlearn.errors import BadLayout, BadSetting, UnreadableScan
from radlearn.files import cache_folder
from radlearn.monai_parts.drawn import apply_and_tell
from radlearn.monai_parts.error_chain import fault_in, radlearn_error_in
from radlearn.monai_parts.item_files import files_of_item, paths_in
from radlearn.monai_parts.stored_values import META, decoded, encoded, restored, stored
from radlearn.monai_parts.transform_version import transform_version
from radlearn.pseudonyms import without_identifiers
from radlearn.sample_key import SampleKey, case_seed

__all__ = ["MappedDataset", "Words"]

FILE_NAME = str(ImageMetaKey.FILENAME_OR_OBJ)
Item = dict[str, Any]


class MappedDataset(PersistentDataset):
    """A data set whose deterministic transforms are run once for each item, in parallel, and kept on the disk as memory maps.

    As in `PersistentDataset`, the transforms up to the first random one are cached, and the rest is applied each time. Different from it:

    - All items are made when the data set is, on all cores, with a progress bar. A pass that was killed continues where it stopped.
    - An item is known by the content of its files and by its other values: moved or touched files are recognised, changed ones made again.
    - The cache is known by the classes, settings and code of the deterministic transforms: changed ones have another cache.
    - The transforms inside a nested `Compose` are cached too, up to the first random one.
    - Arrays are memory maps. A crop of a map reads what it crops and nothing else, so that no CT is ever held in memory.
    - Nothing is pickled. Arrays lie in safetensors files, meta data and applied operations in JSON, so that `Invertd` works.
    - No patient is named: PatientID and UIDs become pseudonyms, DICOM tags of the patient are left out, files are for their owner alone.
    - A value with the key `id` is a name and nothing else: it is given back, transforms do not see it, and error messages use it.
    - What is random depends on the seed, the epoch and the item alone: not on the number of workers, nor on what was loaded before.
      Each item counts how often it was drawn, which for a plain `DataLoader` is the epoch; `set_epoch` sets the count, to resume.
      An index that is a `SampleKey` names the epoch itself, as is needed where an item is drawn several times in an epoch. Only MONAI's
      own random state is seeded: what draws from NumPy's or torch's global one is not reproducible.

    As in `PersistentDataset`, a lazy `Compose` resamples what is pending before the cache, and then anew after it.

    Args:
        data: dictionaries. Values that are paths (see `item_files`), or hold paths, are what an item is made from.
        transform: of dictionaries.
        cache_dir: the folder of all such caches; by default `mapped` in radlearn's cache folder.
        seed: of everything random.
        track_meta: whether to give `MetaTensor`s, which `Invertd` needs. Plain tensors are faster.
        workers: processes that make items; all cores by default. They cannot use a GPU that this process has used; 1 can.
        words: for the progress bar and messages.
        needed_bytes: upper estimate for one item on the disk, to report a full disk before the first one is made.
        per_job: items that a process makes at a time, for small ones.

    Raises:
        UnreadableScan: after the pass, if items could not be made; the message lists the first ten, each with its file, or with its name
            and the transform that failed. The others are kept.
        CacheTrouble: no space, no permission, a process that was killed.
        BadSetting: no items, an item without a file, or values that cannot be kept.

    See also: `monai.data.PersistentDataset` (https://docs.monai.io/en/stable/data.html#persistentdataset).

    >>> import tempfile, numpy, nibabel
    >>> from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged, RandSpatialCropd
    >>> folder = Path(tempfile.mkdtemp())
    >>> nibabel.save(nibabel.Nifti1Image(numpy.zeros((8, 8, 8), numpy.int16), numpy.eye(4)), folder / "scan.nii")
    >>> transform = Compose([LoadImaged("image"), EnsureChannelFirstd("image"), RandSpatialCropd("image", (4, 4, 4), random_size=False)])
    >>> dataset = MappedDataset([{"image": folder / "scan.nii"}], transform, cache_dir=folder / "cache")
    >>> tuple(dataset[0]["image"].shape)
    (1, 4, 4, 4)
    """

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        transform: Compose,
        cache_dir: Path | str | None = None,
        seed: int = 0,
        track_meta: bool = True,
        workers: int | None = None,
        words: Words = CASES,
        needed_bytes: int = 0,
        per_job: int = 1,
    ) -> None:
        if per_job < 1 or (workers is not None and workers < 1):
            raise BadSetting(f"per_job is {per_job} and workers is {workers}; both must be at least 1.")
        super().__init__(data=(), transform=transform, cache_dir=None, track_meta=track_meta)
        self.seed, self.words = seed, words
        self._root = Path(cache_dir) if cache_dir is not None else cache_folder() / "mapped"
        self._making: dict[str, Any] = {"needed_bytes": needed_bytes, "workers": workers, "per_job": per_job}
        # The user's transform sets the random states, as in MONAI; its steps in one list are what runs.
        self._steps = _in_one_list(self.transform)
        self._first_random = self._steps.get_index_of_first(_is_random)
        self._is_seeded = any(isinstance(one, Randomizable) for one in self._steps.transforms)
        self._local = threading.local()
        self.set_data(data)

    def set_data(self, data: Sequence[Mapping[str, Any]]) -> None:
        """Use other items, which are made if the cache lacks them; errors as of the class. Nothing is deleted."""
        if not len(data):
            raise BadSetting(f"The {self.words.title} got no {self.words.units}; expected at least one.")
        self.data = list(data)
        files = [files_of_item(item) for item in self.data]
        self._names = [one.names for one in files]
        # One name for each item, for error messages.
        self.ids = [str(item.get("id", one.first)) for item, one in zip(self.data, files, strict=True)]
        # Shared with the workers of a loader, which are started anew for each epoch.
        self._draws = torch.zeros(len(self.data), dtype=torch.int64).share_memory_()
        # One for each item: what the deterministic transforms made of it, on the disk.
        self.entries: list[Entry] = stored_entries(
            self._root / transform_version([*self._deterministic(), self._how()]),
            [one.sources for one in files],
            partial(self._make, _copied(self._steps)),
            self.words,
            forked=True,
            tags=[one.tag for one in files],
            **self._making,
        )

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, SampleKey):
            return self._drawn(index)
        return super().__getitem__(index)

    def set_epoch(self, epoch: int) -> None:
        """Count every item as drawn `epoch` times: the next draw of each is that of this epoch."""
        self._draws.fill_(epoch)

    def cached(self, index: int) -> Item:
        """Return what the deterministic transforms made of an item, on memory maps; nothing random is applied."""
        entry, given = self.entries[index], self.data[index]
        arrays = entry.arrays() if entry.names else {}
        details = entry.details() if self.track_meta else {}
        item: Item = {"id": given["id"]} if "id" in given else {}
        for key, about in entry.about.items():
            if about["kind"] == "given":
                item[key] = copy.deepcopy(given[key])
                continue
            item[key] = restored(about, arrays.get(key), details.get(key))
            if key in details and "file" in about:
                # The content may have been made under another name.
                item[key].meta[FILE_NAME] = self._names[index][about["file"]]
        return item

    def meta(self, index: int, key: str) -> dict[str, Any]:
        """Return the meta data of a key of an item, as `cached` gives them; empty where it has none. No array is mapped."""
        entry = self.entries[index]
        details, about = entry.details(key), entry.about.get(key, {})
        meta = decoded(details[key][META]) if key in details else {}
        return meta | {FILE_NAME: self._names[index][about["file"]]} if "file" in about else meta

    def _transform(self, index: int) -> Any:
        if not self._is_seeded:
            return self._drawn(SampleKey(0, index))
        epoch = int(self._draws[index])
        self._draws[index] += 1
        return self._drawn(SampleKey(epoch, index % len(self.data)))

    def _drawn(self, key: SampleKey) -> Any:
        """Return an item with everything that is random seeded by its key."""
        item = self.cached(key.case)
        if self._first_random is None:
            return item
        transform, steps = self._transforms_of_thread()
        if self._is_seeded:
            transform.set_random_state(seed=case_seed(self.seed, *key))
        try:
            return steps(item, start=self._first_random)
        except Exception as error:
            error.add_note(f"The item was {self.ids[key.case]} (epoch {key.epoch + 1}).")
            raise

    def told(self, key: SampleKey) -> tuple[Item, Told]:
        """Return the item of a draw before anything random, and with it: the result, and what each random transform drew."""
        item = self.cached(key.case)
        transform, steps = self._transforms_of_thread()
        first = len(steps.transforms) if self._first_random is None else self._first_random
        # Seeded after it is made, because a new Compose seeds what is in it.
        random = Compose(steps.transforms[first:])
        transform.set_random_state(seed=case_seed(self.seed, *key))
        return item, apply_and_tell(random, dict(item))

    def _transforms_of_thread(self) -> tuple[Compose, Compose]:
        """Return the transform and its steps, for another thread than the main one copies of its own: their random state is set often."""
        if threading.current_thread() is threading.main_thread():
            return self.transform, self._steps
        if not hasattr(self._local, "transforms"):
            self._local.transforms = copy.deepcopy((self.transform, self._steps))
        return self._local.transforms

    def _deterministic(self) -> list[Any]:
        return list(self._steps.transforms[: self._first_random])

    def _how(self) -> dict[str, Any]:
        """Return the settings of Compose and MONAI that change what the deterministic transforms make."""
        steps = self._steps
        settings = {name: getattr(steps, name) for name in ("lazy", "overrides", "map_items", "unpack_items")}
        return settings | {"track_meta": get_track_meta()}

    def _make(self, steps: Compose, index: int) -> Made:
        given, names = self.data[index], self._names[index]
        plain = {key: copy.deepcopy(value) for key, value in given.items() if key != "id"}
        try:
            item = steps(plain, end=self._first_random, threading=True)
        except Exception as error:
            raise self._reported(error, index) from error
        if not isinstance(item, Mapping):
            raise BadSetting(
                f"{self.ids[index]}: the transforms before the first random one made a {type(item).__name__}; expected a dictionary. "
                "Put those that make several items of one after the first random transform."
            )
        arrays, about, details = stored(item)
        for key, said in about.items():
            # A path that is still one is given back as it will be written then: the content may have another name.
            if said["kind"] == "value" and paths_in(given.get(key)) and said["value"] == encoded(given[key], key):
                about[key] = {"kind": "given"}
            elif key in details and (name := item[key].meta.get(FILE_NAME)) in names:
                said["file"] = names.index(name)
            if key in details:
                # The names of hospital files are those of patients too; one that is known is given back.
                meta = {name: value for name, value in item[key].meta.items() if name != FILE_NAME or "file" not in said}
                details[key][META] = encoded(without_identifiers(meta), key)
        return Made(arrays, about, details, _notes(item))

    def _reported(self, error: Exception, index: int) -> Exception:
        """Return the error of an item as one that the pass reports with the others, or as the one that ends it."""
        cause = radlearn_error_in(error)
        if isinstance(cause, UnreadableScan | BadLayout):
            return UnreadableScan(str(cause))
        if cause is not None:
            return cause
        reported = UnreadableScan(f"{self.ids[index]}: {fault_in(error)}")
        reported.add_note("".join(traceback.format_exception(error)))
        return reported

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_local"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _local=threading.local())


def _in_one_list(transform: Compose) -> Compose:
    """Return a plain Compose with the transforms of the nested ones in its own list."""
    # OneOf and its like inherit from Compose and choose among their transforms.
    return transform.flatten() if type(transform).__call__ is Compose.__call__ else Compose([transform])


def _copied(steps: Compose) -> Compose:
    """Return a copy to make items with: some transforms note what they did, which would give the user's another version."""
    try:
        return copy.deepcopy(steps)
    except TypeError:
        return steps


def _is_random(one: Any) -> bool:
    """Whether a transform may give another result each time, as MONAI decides it; a nested Compose is as random as its transforms."""
    if type(one) is Compose:
        return any(map(_is_random, one.transforms))
    return isinstance(one, RandomizableTrait) or not isinstance(one, Transform)


def _notes(item: Mapping[str, Any]) -> list[str]:
    """Return what readers note about their files: under `notes` in the meta data, one a line or in a list."""
    found = [value.meta.get("notes", ()) for value in item.values() if isinstance(value, MetaTensor)]
    lists = [notes.splitlines() if isinstance(notes, str) else notes for notes in found]
    return [str(note) for notes in lists if isinstance(notes, list | tuple) for note in notes]
