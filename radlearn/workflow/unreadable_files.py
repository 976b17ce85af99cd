"""Files that a prediction had to skip because they cannot be read: collected on the way, listed at the end."""

import struct
from pathlib import Path

from radlearn.amounts import begun, counted, none_of, noun_of
from radlearn.errors import RadlearnError, UnreadableScan
from radlearn.file_names import called
from radlearn.files import write_text
from radlearn.progress import say

SHOWN = 10
UNREADABLE = "unreadable.txt"
TRACEBACK = "Traceback (most recent call last)"
# What a decoder says of a file that it cannot take: too large for the memory, cut short, not to be opened, of a kind it does not expect.
OF_DECODERS = (
    MemoryError, OSError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError, NotImplementedError, RuntimeError,
    AssertionError, EOFError, struct.error,
)  # fmt: skip


def is_of_the_file(error: BaseException) -> bool:
    """Tell whether an error on the way from a file to what is predicted may lie in that file alone, so that the others can go on."""
    if isinstance(error, RadlearnError):
        return isinstance(error, UnreadableScan)
    # After an error of the device no file can be predicted for.
    return isinstance(error, OF_DECODERS) and "CUDA error" not in str(error)


class UnreadableFiles:
    """The files that could not be read, and why.

    Args:
        out: the folder that gets `unreadable.txt`; None writes no file.
        what: what a file is, in the plural, such as "X-rays".
    """

    def __init__(self, out: Path | None, what: str) -> None:
        self.out, self.what = out, what
        self.lines: list[str] = []
        self.paths: list[Path] = []
        # The first error that none of ours explains.
        self._unexplained: BaseException | None = None

    def add(self, path: Path, error: BaseException) -> None:
        """Note a file in one line, which names its path; the error may do so already. Of one that wraps others the first is told."""
        while not isinstance(error, RadlearnError) and error.__cause__ is not None:
            error = error.__cause__
        said = _one_line(str(error))
        if isinstance(error, MemoryError):
            said = f"needs more memory than there is ({said or 'MemoryError'})."
        elif isinstance(error, OSError):
            said = f"cannot be opened ({error.strerror or said})."
        elif not isinstance(error, RadlearnError):
            said = f"cannot be read ({type(error).__name__}: {said})."
            self._unexplained = self._unexplained or error
        self.paths.append(path)
        name = called(path)
        said = said.replace(str(path), name)
        self.lines.append(said if name in said else f"{name}: {said}")

    def report(self, readable: int) -> None:
        """Write `unreadable.txt`, and say which files were skipped.

        Raises:
            UnreadableScan: if no file could be read: `readable`, their number, is 0.
        """
        if self.lines:
            where = ""
            if self.out is not None:
                file = self.out / UNREADABLE
                write_text(file, "\n".join(self.lines) + "\n")
                where = f" (all of them in {file})" if len(self.lines) > SHOWN else f" (also in {file})"
            say(f"{counted(len(self.lines), self.what)} could not be read{where}:", style="yellow")
            for line in self.lines[:SHOWN]:
                say(f"  {line}")
        elif self.out is not None:
            # Of an earlier pass over files that were mended since.
            (self.out / UNREADABLE).unlink(missing_ok=True)
        if not readable:
            # Where nothing can be read at all, the fault may be another than the files'.
            found = f"{begun(none_of(len(self.lines), self.what))} could be read."
            if len(self.lines) == 1:
                found = f"The only {noun_of(1, self.what)} could not be read."
            raise UnreadableScan(found) from self._unexplained


def _one_line(text: str) -> str:
    """Return a message in one line. Of a traceback inside it, as decoders quote theirs, the last line is left, which says what happened."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if any(TRACEBACK in line for line in lines):
        first = next(number for number, line in enumerate(lines) if TRACEBACK in line)
        before = lines[:first] + [lines[first].split(TRACEBACK)[0].strip()]
        lines = [line for line in before if line] + lines[-1:]
    return " ".join(lines)
