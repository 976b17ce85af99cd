"""The file that a command is to write, proved before the work: it can be written, and nothing that somebody needs lies in its place."""

import os
from collections.abc import Iterable
from pathlib import Path

from radlearn.errors import BadSetting, CannotWrite
from radlearn.files import opened_to_read, refuse_special, try_to_write
from radlearn.leftovers import remove_leftovers_of

START_BYTES = 4096
# For what takes hours to make: no file begins like this, so that none is replaced but an empty one.
NOTHING_REPLACED: tuple[bytes, ...] = ()
FORMATS = frozenset([".csv", ".tsv", ".gz", ".xlsx", ".xls", ".ods", ".parquet", ".json", ".zip", ".html", ".pdf", ".png", ".dcm", ".nii"])


def prove_output(
    out: Path, inputs: Iterable[Path], begins: bytes | tuple[bytes, ...] | None = None, what: str = "a file", suffix: str = ""
) -> None:
    """Refuse a file to be written that would take the place of another one, or that cannot be written; clear away what was begun of it.

    Args:
        out: the file.
        inputs: files that the command reads; folders among them are left alone.
        begins: how every file of this kind begins, in small letters; one that begins in another way is somebody else's, wherever it lies.
            None replaces any file that is no input, `NOTHING_REPLACED` none that holds anything.
        what: such a file in words, for the message.
        suffix: how its name should end; the name of another format is refused, as nothing could open it.

    Raises:
        BadSetting: if `out` is a folder, an input (also by a link), another kind of file, or one that shall not be replaced, or is named as
            one of another format.
        CannotWrite: if it is a pipe or a device.
        OSError: if its folder cannot be written.
    """
    out = Path(out)
    refuse_special(out)
    if out.is_dir():
        raise BadSetting(f"{out}: is a folder; expected the name of a file for {what}. Name one, such as {out / 'out'}{out.suffix}.")
    for path in inputs:
        if path.is_file() and out.exists() and os.path.samefile(out, path):
            raise BadSetting(f"{out}: is read by this command, and would be replaced by {what}. Name another file.")
    if begins == NOTHING_REPLACED and out.is_file() and out.stat().st_size:
        raise BadSetting(f"{out} already exists. Choose another name with --out, or remove it.")
    if begins is not None and out.is_file() and (start := _start(out)) and not start.lower().startswith(begins):
        raise BadSetting(f"{out}: is there already, and is no {what.removeprefix('a ')} that could be replaced. Name another file.")
    refuse_other_format(out, suffix)
    try_to_write(out.parent)
    remove_leftovers_of(out)


def refuse_other_format(out: Path, suffix: str) -> None:
    """Raise BadSetting where a file is named as one of another format than `suffix`, such as `a.xlsx` for what is written as CSV."""
    bare = Path(out).name
    if not suffix or (ending := Path(bare).suffix.lower()) not in FORMATS or ending == suffix:
        return
    while Path(bare).suffix.lower() in FORMATS:
        bare = Path(bare).stem
    raise BadSetting(f"{out}: would hold {suffix.removeprefix('.').upper()} under another format's name. Name it {bare}{suffix}.")


def refuse_inputs(written: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise BadSetting where one of the files that are going to be written is one that is read, by whatever path."""
    read = {os.path.realpath(path): path for path in inputs}
    for path in written:
        if (other := read.get(os.path.realpath(path))) is not None:
            raise BadSetting(f"{other}: would be replaced by what is predicted for it. Choose another folder with --out.")


def _start(path: Path) -> bytes:
    try:
        with opened_to_read(path) as opened:
            return opened.read(START_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError as error:
        raise CannotWrite(f"{path}: is there already and cannot be read ({error.strerror}). Name another file.") from None
