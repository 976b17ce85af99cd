"""Arrays that are made once from files, in parallel, and memory-mapped afterwards: what a cache of images is.

    FOLDER/CONTENT.safetensors    one entry: the arrays made from some source files, and what was said about them, named by the content
                                  of the files
    FOLDER/known.jsonl            a line for each entry that is on the disk: names and stamps of its sources, content
    FOLDER/lock                   held by the process that makes entries

A source of unchanged size and times is trusted; one whose time changed is read, and its entry is made again only if the content changed
too. A line is written after its entry is on the disk, so that a process may end at any moment, and a power failure loses nothing that the
table lists. An interrupted pass continues with the next source; damaged entries are made again: a checksum tells them.
Neither names of files nor patients' identifiers stand in a store, and its files can be read by their owner alone.
"""

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from radlearn.alone import alone_with
from radlearn.amounts import begun, counted, part_of
from radlearn.disk_trouble import must_have_space, trouble_in_words
from radlearn.entry_files import Entry, Made, opened_entry, unproved_bytes, write_entry
from radlearn.entry_sources import EntrySource, Sources
from radlearn.errors import CacheTrouble, UnreadableScan
from radlearn.file_names import with_known_names
from radlearn.known_contents import KnownContents
from radlearn.known_entries import KnownEntries, read_known, rewrite_known
from radlearn.progress import cores, in_parallel, say, waiting
from radlearn.remarks import tell_notes

__all__ = ["CASES", "Entry", "Made", "Sources", "Words", "stored_entries", "unreadable_files"]

LOCK = "lock"
SUFFIX = ".safetensors"
# To read so much takes some seconds.
LONG_BYTES = 2_000_000_000
REASONS_SHOWN = 10
# Warnings for programmers, which a user can do nothing about.
FOR_PROGRAMMERS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ImportWarning, ResourceWarning)


@dataclass(frozen=True)
class Words:
    """How a pass is told to the user: the title of its bar, what is counted, what is done with a source, what to do with a bad one."""

    title: str = "cache"
    units: str = "cases"
    done: str = "prepared"
    advice: str = "Repair or remove these files"


CASES = Words()


@dataclass
class _Outcome:
    """The result for an entry; `trouble` says why it could not be made, and `trace` where in the code, if that is at fault."""

    number: int
    stamps: list[Any] = field(default_factory=list)
    content: str = ""
    notes: list[str] = field(default_factory=list)
    trouble: str = ""
    trace: str = ""
    # What was learnt of the files that were read for it: lines of `KnownContents`.
    contents: list[str] = field(default_factory=list)


def stored_entries(
    folder: Path,
    sources: Sequence[Sources],
    make: Callable[[int], Made],
    words: Words = CASES,
    needed_bytes: int = 0,
    workers: int | None = None,
    forked: bool = False,
    per_job: int = 1,
    tags: Sequence[str] | None = None,
) -> list[Entry]:
    """Return the entry of each of `sources`, in order. Those that the folder lacks are made first, in parallel, with a progress bar.

    Args:
        folder: belongs to one way of making entries: whatever changes the arrays must change its name.
        sources: absolute paths of the files of each entry.
        make: index of the sources -> what is made from them. It must be importable by name, or `forked`. An UnreadableScan that it raises
            is reported after the pass; the others are made.
        words: for the progress bar and the messages.
        needed_bytes: upper estimate for one entry; a disk that cannot hold the missing ones is reported before one is made.
        workers: processes; all cores by default.
        forked: whether processes are copies of this one (Linux), which takes no time to start however much is imported.
        per_job: entries that a process makes at a time, for small ones.
        tags: words, one for each of `sources`, that count as content too.

    Raises:
        UnreadableScan: after the pass, if sources could not be read; the message lists the first ten. The others are kept.
        CacheTrouble: no space, no permission, a process that was killed, or a source that changed meanwhile.
    """
    wanted = [EntrySource(paths, tag) for paths, tag in zip(sources, tags or [""] * len(sources), strict=True)]
    with trouble_in_words(folder, 0, words.done):
        found = _ready(folder, wanted)
    missing = len({one for one, entry in zip(wanted, found, strict=True) if entry is None})
    if missing:
        needed = missing * needed_bytes
        with trouble_in_words(folder, needed, words.done):
            must_have_space(folder, needed)
            folder.mkdir(parents=True, exist_ok=True)
            with alone_with(folder / LOCK, f"making the {words.title} in {folder}"):
                _make_missing(folder, wanted, make, words, workers, forked, per_job)
            found = _ready(folder, wanted)
        if None in found:
            changed = wanted[found.index(None)]
            raise CacheTrouble(f"{changed}: changed while the {words.title} was made. Is it still being copied? Try again after that.")
        size = sum(entry.path.stat().st_size for entry in set(found) if entry is not None)
        say(f"{words.title}: {counted(len(found), words.units)}, {size / 1e6:,.0f} MB, in {folder}")
    return [entry for entry in found if entry is not None]


def unreadable_files(troubles: Sequence[str], count: int, units: str, done: str, advice: str) -> str:
    """Return the message of a pass with unreadable files: how many of `count` `units` cannot be `done`, the first ten, and what to do."""
    shown = [f"  {trouble}" for trouble in sorted(troubles)[:REASONS_SHOWN]]
    if len(troubles) > REASONS_SHOWN:
        shown.append(f"  … and {len(troubles) - REASONS_SHOWN:,} more.")
    kept = f"The other {count - len(troubles):,} are in the cache and will not be {done} again. " if count > len(troubles) else ""
    return "\n".join([f"{begun(part_of(len(troubles), count, units, 'of'))} cannot be {done}:", *shown, f"{kept}{advice}, then try again."])


def _ready(folder: Path, wanted: Sequence[EntrySource]) -> list[Entry | None]:
    """Return the entries that are on the disk and whose sources have not changed since."""
    known = read_known(folder)
    paths: dict[EntrySource, Path] = {}
    for one in dict.fromkeys(wanted):
        stamps, content = known.get(one.names, (None, ""))
        if stamps is not None and stamps == _stamps(one):
            paths[one] = folder / f"{content}{SUFFIX}"
    takes_long = sum(map(unproved_bytes, paths.values())) > LONG_BYTES
    # Threads: reading and checksums leave the interpreter.
    with waiting(f"Checking {folder}") if takes_long else nullcontext(), ThreadPoolExecutor(cores()) as pool:
        found = dict(zip(paths, pool.map(opened_entry, paths.values()), strict=True))
    return [found.get(one) for one in wanted]


def _stamps(one: EntrySource) -> list[Any] | None:
    """Return the stamps of a source; None where it cannot be looked at, which is reported when its entry is made."""
    try:
        return one.stamps()
    except OSError:
        return None


def _make_missing(
    folder: Path,
    wanted: Sequence[EntrySource],
    make: Callable[[int], Made],
    words: Words,
    workers: int | None,
    forked: bool,
    per_job: int,
) -> None:
    # An entry that no line speaks of may not have reached the disk before a power failure.
    listed = {content for _, content in read_known(folder).values()}
    for file in folder.glob(f"*{SUFFIX}"):
        if file.stem not in listed:
            file.unlink(missing_ok=True)
    rewrite_known(folder)
    # Looked up again, because another process may have made some while this one waited.
    ready = _ready(folder, wanted)
    first_of = {one: number for number, one in reversed(list(enumerate(wanted)))}
    missing = [(number, one) for one, number in sorted(first_of.items(), key=lambda item: item[1]) if ready[number] is None]
    jobs = [missing[first : first + per_job] for first in range(0, len(missing), per_job)]
    contents = KnownContents()
    make_job = partial(_make_job, folder, make, contents)
    troubles: list[_Outcome] = []
    notes: dict[str, list[str]] = {}
    with KnownEntries(folder) as table:
        for outcomes in in_parallel(make_job, jobs, words.title, words.units, workers, len(missing), forked) if jobs else ():
            contents.keep(line for outcome in outcomes for line in outcome.contents)
            for outcome in outcomes:
                one = wanted[outcome.number]
                for note in outcome.notes:
                    notes.setdefault(note, []).append(one.name)
                if outcome.trouble:
                    outcome.trouble = with_known_names(outcome.trouble, filter(None, one.paths))
                    troubles.append(outcome)
                else:
                    table.add(one.names, outcome.stamps, outcome.content)
    tell_notes(notes, words.units)
    if troubles:
        reasons = [outcome.trouble for outcome in troubles]
        error = UnreadableScan(unreadable_files(reasons, len(first_of), words.units, words.done, words.advice))
        # Python prints notes below a traceback; the command line prints the message alone.
        for trace in [outcome.trace for outcome in troubles if outcome.trace][:1]:
            error.add_note(trace)
        raise error


def _make_job(folder: Path, make: Callable[[int], Made], contents: KnownContents, job: Sequence[tuple[int, EntrySource]]) -> list[_Outcome]:
    return [_make_one(folder, one, partial(make, number), contents, _Outcome(number)) for number, one in job]


def _make_one(folder: Path, one: EntrySource, make: Callable[[], Made], contents: KnownContents, outcome: _Outcome) -> _Outcome:
    """Make one entry; an error in its files is reported in the outcome and does not stop the others."""
    made = None
    try:
        outcome.stamps = one.stamps()
        outcome.content = one.content(contents.file)
        outcome.contents = contents.take_read()
        path = folder / f"{outcome.content}{SUFFIX}"
        if opened_entry(path) is None:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                made = make()
            # A note does not name its file, so that files of one note can be counted.
            said = {str(getattr(one.message, "note", one.message)) for one in caught if not issubclass(one.category, FOR_PROGRAMMERS)}
            outcome.notes = list(dict.fromkeys([*made.notes, *sorted(said)]))
        if changed := one.changed_since(outcome.stamps):
            outcome.trouble = f"{', '.join(changed)}: changed while it was read. Is it still being copied?"
    except UnreadableScan as error:
        outcome.trouble, outcome.trace = str(error), "\n".join(getattr(error, "__notes__", ()))
    except FileNotFoundError as error:
        outcome.trouble = f"{error.filename or one}: there is no such file."
    except OSError as error:
        outcome.trouble = f"{error.filename or one}: cannot be opened ({error.strerror or error})."
    # Outside of the block: an error of the disk is one of the cache and not of the source.
    if made is not None and not outcome.trouble:
        write_entry(path, made)
    return outcome
