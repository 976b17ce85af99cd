"""Exit codes and final messages of commands: no traceback for an error that the user can fix, nothing left behind by one that is ended."""

import io
import json
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from radlearn.disk_trouble import system_error_in_words
from radlearn.errors import Interrupted, RadlearnError
from radlearn.json_files import json_ready
from radlearn.progress import OUTPUT, say
from radlearn.remarks import warnings_as_sentences


def ended(command: Callable[[], Any]) -> int:
    """Run a command and return the exit code: 0 done, 1 `check` found errors, 2 the user can fix it, 130 interrupted.

    SIGTERM and SIGHUP end a command as Ctrl-C does: what it began is cleared away or said to be resumable. A standard output that takes no
    more, such as a full disk, is an error; its reader may go (`| head`). Where standard error takes no more, the work goes on.
    """
    _open_standard_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # An ASCII terminal gets \xe9 for é, and no traceback. Standard error does so by itself.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with _ended_as_by_ctrl_c(), warnings_as_sentences():
            command()
            # Here, because what fails at the exit of Python is no message.
            _flush_output()
    except RadlearnError as error:
        say(f"radlearn: {error}", style="bold red" if error.exit_code == 2 else None)
        return error.exit_code
    except KeyboardInterrupt:
        say("radlearn: interrupted.")
        return 130
    except BrokenPipeError as error:
        # The reader of our output, such as `head`, closed it. What another library printed has an error without a name.
        if error.filename == OUTPUT or _reader_is_gone(sys.stdout):
            return 0
        if not _reader_is_gone(sys.stderr):
            raise
        return 2
    except BrokenProcessPool:
        say(
            "radlearn: a worker process was killed, most likely because memory ran out. Use fewer workers or more memory.", style="bold red"
        )
        return 2
    except MemoryError as error:
        say(f"radlearn: the memory does not suffice ({error or 'MemoryError'}). Use smaller files or more memory.", style="bold red")
        return 2
    except OSError as error:
        if (words := system_error_in_words(error)) is None:
            if _is_somewhere():
                raise
            words = "the current folder is no longer there. Change to another one (cd), then try again."
        say(f"radlearn: {words}", style="bold red")
        return 2
    finally:
        _silence(sys.stdout)
        _silence(sys.stderr)
    return 0


def _open_standard_streams() -> None:
    """Open what the caller closed (`>&-`): the first file to be opened would take its place, and get what is printed."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(handle, True)
    os.close(handle)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _flush_output() -> None:
    try:
        sys.stdout.flush()
    except OSError as error:
        _silence(sys.stdout)
        error.filename = OUTPUT
        raise


def _reader_is_gone(stream: Any) -> bool:
    try:
        stream.flush()
        if not hasattr(select, "poll"):
            return False
        # Where nothing was held back, a flush proves nothing.
        asked = select.poll()
        asked.register(stream.fileno(), 0)
        return any(events & select.POLLERR for _, events in asked.poll(0))
    except BrokenPipeError:
        return True
    except (OSError, ValueError, AttributeError):
        return False


def _is_somewhere() -> bool:
    try:
        return os.path.isdir(os.getcwd())
    except FileNotFoundError:
        return False


def _silence(stream: Any) -> None:
    """Let a stream that takes no more end in nothing: Python would try it again at its exit, and end with a code of its own."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except AttributeError:
        return


@contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """Raise KeyboardInterrupt for the signals with which a person, a batch system or a closed terminal ends a process.

    Also where code in C has put another error in the place of it, as Python's own parser does, and the reader of weights, which then calls
    a sound file damaged.
    """
    before: dict[int, Any] = {}
    asked = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # nohup has the last ignored.
            if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                before[number] = signal.signal(number, interrupt)
    try:
        yield
    except Interrupted:
        raise
    except Exception as error:
        if asked:
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def print_json(content: Any) -> None:
    """Print one JSON object on standard output, to which nothing else is written; in ASCII where the terminal knows no more."""
    text = json.dumps(json_ready(content), allow_nan=False, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(json_ready(content), allow_nan=False)
    print_out(text + "\n")


def print_out(text: str) -> None:
    """Write to standard output.

    Raises:
        OSError: if it takes no more, with its name.
    """
    try:
        sys.stdout.write(text)
    except OSError as error:
        _silence(sys.stdout)
        error.filename = OUTPUT
        raise
