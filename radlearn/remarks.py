"""What is doubtful about files, as sentences for people: radlearn's own warnings, and notes that many files share.

Python shows a warning with the file and the line of the code that gave it, which says nothing to somebody at a terminal.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from radlearn.amounts import counted
from radlearn.errors import RadlearnWarning
from radlearn.progress import say

NOTES_SHOWN = 5


@contextmanager
def warnings_as_sentences() -> Iterator[None]:
    """Say radlearn's warnings as sentences while the block runs, each once. Those of other libraries are shown as Python shows them."""
    said: set[str] = set()

    def tell(warning: RadlearnWarning) -> None:
        if (text := str(warning)) not in said:
            said.add(text)
            say(text, style="yellow")

    with _shown_by(tell):
        yield


def show_own_warnings_as_sentences() -> None:
    """Have Python write radlearn's warnings as sentences from now on, without the line of code; who catches them gets them as before."""
    before: Any = warnings.formatwarning
    if isinstance(before, _Sentences):
        return
    warnings.formatwarning = _Sentences(before)


class _Sentences:
    """Formats radlearn's warnings as sentences, and all others as it was done `before`."""

    def __init__(self, before: Callable[..., str]) -> None:
        self.before = before

    def __call__(self, message: Warning | str, *where: Any, **more: Any) -> str:
        return f"{message}\n" if isinstance(message, RadlearnWarning) else self.before(message, *where, **more)


@contextmanager
def notes_gathered(notes: dict[str, list[str]]) -> Iterator[None]:
    """Put radlearn's warnings into `notes`, note → files, while the block runs, for `tell_notes`."""

    def tell(warning: RadlearnWarning) -> None:
        if warning.file not in (files := notes.setdefault(warning.note, [])):
            files.append(warning.file)

    with _shown_by(tell):
        yield


def tell_notes(notes: Mapping[str, Sequence[str]], units: str) -> None:
    """Say what was noted, the most frequent first; of a note that several files share their number, and not each.

    Args:
        notes: note → files.
        units: what a file is, in the plural.
    """
    shown = sorted(notes.items(), key=lambda note: (-len(note[1]), note[0]))
    for note, files in shown[:NOTES_SHOWN]:
        say(f"{note} ({counted(len(files), units)})" if len(files) > 1 else f"{files[0]}: {note}", style="yellow")
    if (more := len(shown) - NOTES_SHOWN) > 0:
        say(f"… and {counted(more, 'more such notes')}.", style="yellow")


@contextmanager
def _shown_by(tell: Callable[[RadlearnWarning], None]) -> Iterator[None]:
    # Filters are left as they are, so that who ignores a warning, or makes it an error, is asked first.
    before = warnings.showwarning

    def show(message: Warning | str, *where: Any, **more: Any) -> None:
        if isinstance(message, RadlearnWarning):
            tell(message)
        else:
            before(message, *where, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        # Where a block inside it replaced this one for good, that is kept.
        if warnings.showwarning is show:
            warnings.showwarning = before
