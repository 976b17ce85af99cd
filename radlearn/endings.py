"""Exit codes and final messages of commands: no traceback for an error that the user can fix."""

import errno
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from radlearn.errors import RadlearnError
from radlearn.files import json_ready
from radlearn.progress import say


def ended(command: Callable[[], Any]) -> int:
    """Run a command and return the exit code: 0 done, 1 `check` found errors, 2 the user can fix it, 130 interrupted."""
    try:
        command()
    except RadlearnError as error:
        say(f"radlearn: {error}", style="bold red" if error.exit_code == 2 else None)
        return error.exit_code
    except KeyboardInterrupt:
        say("radlearn: interrupted.")
        return 130
    except BrokenPipeError:
        # The reader of our output, such as `head`, closed it. Without this, Python would report it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        where = f" {error.filename}:" if error.filename else ""
        say(
            f"radlearn:{where} {error.strerror}. Free some space or choose another folder, then resume: finished work is not lost.",
            style="bold red",
        )
        return 2
    return 0


def print_json(content: Any) -> None:
    """Print one JSON object on standard output, to which nothing else is written."""
    sys.stdout.write(json.dumps(json_ready(content), allow_nan=False, ensure_ascii=False) + "\n")
