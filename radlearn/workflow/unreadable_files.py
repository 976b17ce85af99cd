"""Files that a prediction had to skip because they cannot be read: collected on the way, listed at the end."""

from pathlib import Path

from radlearn.errors import UnreadableScan
from radlearn.files import write_text
from radlearn.progress import say

SHOWN = 10


class UnreadableFiles:
    """The files that could not be read, and why.

    Args:
        out: the folder that gets `unreadable.txt`; None writes no file.
        what: what a file is, in the plural, such as "X-rays".
    """

    def __init__(self, out: Path | None, what: str) -> None:
        self.out, self.what = out, what
        self.lines: list[str] = []

    def add(self, path: Path, error: UnreadableScan) -> None:
        """Note a file; the line names its path, which the error may do already."""
        self.lines.append(str(error) if str(path) in str(error) else f"{path}: {error}")

    def report(self, readable: int) -> None:
        """Write `unreadable.txt`, and say which files were skipped.

        Raises:
            UnreadableScan: if no file could be read: `readable`, their number, is 0.
        """
        if self.lines:
            where = ""
            if self.out is not None:
                file = self.out / "unreadable.txt"
                write_text(file, "\n".join(self.lines) + "\n")
                where = f" (all of them in {file})" if len(self.lines) > SHOWN else f" (also in {file})"
            say(f"{len(self.lines):,} {self.what} could not be read{where}:", style="yellow")
            for line in self.lines[:SHOWN]:
                say(f"  {line}")
        if not readable:
            raise UnreadableScan(f"None of the {len(self.lines):,} {self.what} could be read.")
