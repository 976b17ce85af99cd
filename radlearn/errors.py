"""Errors that a user can fix, one class per kind.

A message says where, what was found, what was expected and what to do next. The command line prints it without a traceback and
exits with `exit_code`.
"""


class RadlearnError(Exception):
    """Base class of all errors with a clear message."""

    exit_code = 2


class UnreadableScan(RadlearnError):
    """A file that radlearn cannot read as an image: truncated, without header or pixels, colour, multi-frame, …"""


class BadLayout(RadlearnError):
    """A data folder or table that is not in its challenge's layout."""


class BadSetting(RadlearnError):
    """An invalid setting or argument."""


class BadRunFolder(RadlearnError):
    """A run folder that exists already, is none, or does not fit the command."""


class CacheTrouble(RadlearnError):
    """A pixel cache that cannot be written: no space, no permission, a file that changed while it was read."""


class CannotWrite(RadlearnError):
    """A file or folder that cannot be written: no space, no permission, a name that the disk does not take."""


class NotFiniteError(RadlearnError):
    """A loss or score that is not finite; the message names epoch and batch."""


class WeightsUnavailable(RadlearnError):
    """Published pretrained weights that cannot be downloaded or fail their hash check."""


class PackageMissing(RadlearnError):
    """An optional package that is not installed or does not start; the message gives the command that installs it."""


class FoundErrors(RadlearnError):
    """`check` found errors. They have been printed; the exit code is for scripts."""

    exit_code = 1


class NotEnoughMemory(RadlearnError):
    """A network that does not fit into the memory of its device, even with the smallest window and batch."""


class RadlearnWarning(UserWarning):
    """What is doubtful about a file that can be read: a note, and the file as a message names it.

    >>> print(RadlearnWarning("the view is LL", "a.dcm"))
    a.dcm: the view is LL.
    """

    def __init__(self, note: str, file: str = "") -> None:
        super().__init__(note, file)
        self.note, self.file = note, file

    def __str__(self) -> str:
        said = f"{self.file}: {self.note}" if self.file else self.note
        return said if said.endswith((".", "?")) else f"{said}."


class Interrupted(RadlearnError):
    """Ctrl-C, after everything was saved; the message says how to resume."""

    exit_code = 130
