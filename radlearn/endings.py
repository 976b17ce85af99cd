"""How a command ends: well, with one clear message, or interrupted; never with a traceback for a user's mistake."""

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
    """Run a command and return the exit code: 0 done, 2 the user can mend it, 130 interrupted."""
    try:
        command()
    except RadlearnError as error:
        say(f"radlearn: {error}", style="bold red" if error.exit_code == 2 else None)
        return error.exit_code
    except KeyboardInterrupt:
        say("radlearn: interrupted.")
        return 130
    except BrokenPipeError:
        # Whoever read our output, such as `head`, has had enough. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        where = f" {error.filename}:" if error.filename else ""
        say(
            f"radlearn:{where} {error.strerror}. Make room or choose another folder, then go on: nothing that was finished is lost.",
            style="bold red",
        )
        return 2
    return 0


def print_json(content: Any) -> None:
    """Print one JSON object on standard output, where nothing else goes."""
    sys.stdout.write(json.dumps(json_ready(content), allow_nan=False, ensure_ascii=False) + "\n")
