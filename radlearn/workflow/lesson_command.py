"""`radlearn TASK lesson`: the lesson's page as a notebook in JupyterLab."""

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from subprocess import Popen

from radlearn import hints
from radlearn.errors import BadSetting, PackageMissing
from radlearn.folder_walks import real_path
from radlearn.progress import say
from radlearn.workflow.lesson_notebook import lay_out

# What the extra `lessons` installs.
PACKAGES = ("jupytext", "jupyterlab", "ipykernel")
# Windows has no such call: there the old process ends, and the shell goes on.
CAN_BECOME = os.name == "posix"


def run_lesson(task: str, folder: Path, arguments: Sequence[str]) -> None:
    """Parse the flags of `lesson` and open the lesson; see `open_lesson`."""
    import tyro

    def lesson(out: Path = Path("lessons"), browser: bool = True) -> None:
        """Open the lesson as a notebook in JupyterLab.

        Args:
            out: Folder for the notebook. What is there already is opened and never overwritten.
            browser: Open a browser; without it, JupyterLab prints the address to open.
        """
        open_lesson(task, folder, out, browser)

    tyro.cli(lesson, args=list(arguments), prog=f"radlearn {task} lesson")


def open_lesson(task: str, folder: Path, out: Path = Path("lessons"), browser: bool = True) -> Path:
    """Write the page of a lesson as a notebook, unless it is there already, and open it in JupyterLab until that is stopped.

    Args:
        folder: the lesson's, which holds its `README.md`.
        out: the folder of the notebooks.

    Returns:
        the notebook.

    Raises:
        BadSetting: the lesson has no page.
        PackageMissing: the extra `lessons` is not installed, or JupyterLab did not start.
    """
    page = folder / "README.md"
    if not page.is_file():
        raise BadSetting(f"{page}: there is no such page, so {task} has no lesson to open. '{hints.command('--help')}' lists the tasks.")
    if missing := [package for package in PACKAGES if find_spec(package) is None]:
        raise PackageMissing(
            f"To open a lesson, radlearn needs {' and '.join(missing)}. Install what lessons need: {install_command('lessons')}"
        )
    notebook, is_new = lay_out(page, out)
    if is_new:
        say(f"Notebook: {notebook}. It is yours: change it as you like.")
    else:
        fresh = hints.command(task, "lesson", "--out", _unused(out))
        say(f"{notebook} is there already and is opened as you left it. For a fresh one: {fresh}")
    _jupyterlab(notebook, out, browser)
    return notebook


def install_command(extra: str) -> str:
    """Return the command line that adds an extra of radlearn to this Python."""
    python = hints.python()
    installer = f"{python} -m pip install" if find_spec("pip") is not None else f"uv pip install --python {python}"
    return f'{installer} "radlearn[{extra}]"'


def _unused(out: Path) -> Path:
    return next(found for number in range(2, 1000) if not (found := out.with_name(f"{out.name}-{number}")).exists())


def _jupyterlab(notebook: Path, root: Path, browser: bool) -> None:
    opened = real_path(notebook).relative_to(real_path(root)).as_posix()
    call = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={real_path(root)}", f"--LabApp.default_url=/lab/tree/{opened}"]
    call += ["--no-browser"] * (not browser)
    # In a container the user often is root, whom Jupyter refuses otherwise. The server is local, and asks for its token.
    call += ["--allow-root"] * (hasattr(os, "geteuid") and os.geteuid() == 0)
    say("JupyterLab runs until you press Ctrl-C here.")
    if CAN_BECOME:
        # One process, so that the terminal and every signal are JupyterLab's.
        os.execv(sys.executable, call)
    server = Popen(call)
    while True:
        try:
            code = server.wait()
            break
        except KeyboardInterrupt:
            # JupyterLab has had the same signal, and asks whether to stop.
            continue
    if code != 0:
        raise PackageMissing(f"JupyterLab ended with exit code {code}; its messages are above. The notebook is {notebook}.")
