"""Every kind of trouble a user can mend, one class each.

A message says where, what was found, what was expected and what to do next. The command line prints it without a traceback and
leaves with `exit_code`.
"""


class RadlearnError(Exception):
    """The root of all trouble that has a clear message."""

    exit_code = 2


class UnreadableScan(RadlearnError):
    """A file that is no image radlearn can read: truncated, headerless, colour, multi-frame, without pixels, …"""


class BadLayout(RadlearnError):
    """A data folder or table that is not what its challenge publishes."""


class BadSetting(RadlearnError):
    """A setting or argument outside what it may be."""


class BadRunFolder(RadlearnError):
    """A run folder that exists already, is not one, or does not fit what is asked of it."""


class CacheTrouble(RadlearnError):
    """The pixel cache cannot be made: no space, no permission, a file that changed while it was read."""


class NotFiniteError(RadlearnError):
    """A loss or score that is no finite number; the message names epoch and batch."""


class WeightsUnavailable(RadlearnError):
    """Published pretrained weights that could not be had or are not what they should be."""


class FoundErrors(RadlearnError):
    """`check` found what must be mended; it was told already, and a script goes by the exit code."""

    exit_code = 1


class NotEnoughMemory(RadlearnError):
    """A network that does not fit into the memory of its device, however little of a scan it is shown at once."""


class Interrupted(RadlearnError):
    """Ctrl-C, after everything was saved; the message says how to go on."""

    exit_code = 130
