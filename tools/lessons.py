"""Run the cells of the lessons and write what came out under each of them: `make lessons`, or `python -m tools.lessons classification`.

`make lessons` makes the pages of the four tasks. Others are made by name: those of medicine, which train for another half hour, and the
one about the built-in patients, and the guides to one's own data and to a use case of one's own:
`python -m tools.lessons shortcut leakage twins phantom thorax own_data add_a_use_case`.

A page is a Markdown notebook. Below each cell stands what it printed, as a fence without a language (`text`), which is written anew here.
What a cell draws with matplotlib is saved as the pictures that the page names between this cell and the next one, in their order:

    ```python
    plt.imshow(pixels, cmap="gray")
    ```

    ![An X-ray](images/header.webp)

Several pages are made beside each other, one to a core. The pages say what came out, so they are run with the settings that they name.
The tests run the same cells with fewer patients.

A cell that needs data which radlearn does not have, such as real X-rays, begins its output with "Not run here" where they are missing. Then
the output and the pictures that stand on the page stay: they were made where the data were.
"""

import ast
import contextlib
import io
import os
import pprint
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from PIL import Image

from radlearn.files import write_text, written_whole
from radlearn.progress import cores, say
from tools.lesson_pages import RUN_PAGES, TASK_PAGES
from tools.lesson_pictures import make_pictures

# A cell, and the output that stands below it.
CELL = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?", flags=re.DOTALL | re.MULTILINE)
NOT_RUN = "Not run here"
PICTURE = re.compile(r"!\[[^\]]*\]\((images/[\w-]+\.webp)\)")
# What a page shows of a cell: a longer output is a list that nobody reads.
MOST_LINES, WIDTH = 30, 118
GREATEST_BYTES = 120_000
# The pages of the tasks, so that the last one to be begun is short.
LONGEST_FIRST = ("segmentation", "classification", "detection", "ultrasound")


class Output(NamedTuple):
    """What a cell gave: text as a notebook would show it, and figures as images."""

    text: str
    figures: list[Image.Image]


def run_cells(page: str, space: dict[str, Any], name: str) -> Iterator[tuple[re.Match[str], Output]]:
    """Run the cells of a page in one namespace; yield each with its output.

    Args:
        page: the Markdown.
        space: the namespace, which the cells fill.
        name: of the page, for tracebacks.
    """
    for cell in CELL.finditer(page):
        line = page.count("\n", 0, cell.start("code"))
        yield cell, output_of(cell["code"], space, name, line)


def output_of(code: str, space: dict[str, Any], name: str, line: int = 0) -> Output:
    """Run a cell; return what it printed, the value of its last expression, and what it drew.

    >>> output_of("print('a')\\n1 + 1", {}, "page").text
    'a\\n2\\n'
    """
    import matplotlib.pyplot as plt

    tree = ast.parse(code)
    ast.increment_lineno(tree, line)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, name, "exec"), space)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), space)
            # As in a notebook, a call that draws shows its figure and not what it returns.
            if value is not None and not plt.get_fignums():
                print(value if isinstance(value, str) else pprint.pformat(value, width=WIDTH, sort_dicts=False))
    figures = []
    for number in plt.get_fignums():
        drawn = io.BytesIO()
        plt.figure(number).savefig(drawn, dpi=110, bbox_inches="tight", facecolor="white")
        figures.append(Image.open(drawn).convert("RGB"))
    plt.close("all")
    return Output(printed.getvalue(), figures)


def with_outputs(page: str, outputs: Sequence[str]) -> str:
    """Return a page with these outputs below its cells, in place of those that stood there; an empty one leaves no fence.

    One that begins with "Not run here" leaves what stood there.
    """
    fresh = iter(outputs)

    def replaced(cell: re.Match[str]) -> str:
        text = shown(next(fresh))
        if text.startswith(NOT_RUN) and cell["output"]:
            text = cell["output"]
        return f"```python\n{cell['code']}```\n" + (f"\n```text\n{text}```\n" if text else "")

    return CELL.sub(replaced, page)


def shown(text: str) -> str:
    """Return an output as a page shows it: at most 30 lines, the home folder as ~, no spaces at the ends of lines."""
    lines = [line.rstrip() for line in text.replace(str(Path.home()), "~").strip("\n").splitlines()]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"… ({len(lines) - MOST_LINES + 1} more lines)"]
    return "".join(f"{line}\n" for line in lines)


def pictures_after(page: str, cell: re.Match[str]) -> list[str]:
    """Return the pictures that a page names between a cell and the next one."""
    following = CELL.search(page, cell.end())
    return PICTURE.findall(page, cell.end(), following.start() if following else len(page))


def save_picture(figure: Image.Image, file: Path) -> None:
    """Save a figure as WebP, at the best quality that keeps it small enough for a page."""
    for quality in (90, 80, 70, 60, 50):
        encoded = io.BytesIO()
        figure.save(encoded, format="WEBP", quality=quality, method=6)
        if encoded.tell() <= GREATEST_BYTES:
            break
    file.parent.mkdir(exist_ok=True)
    with written_whole(file) as temporary:
        temporary.write_bytes(encoded.getvalue())


def make(page: Path) -> None:
    """Run a page and write its outputs and pictures.

    Raises:
        ValueError: if a cell draws more figures than the page names pictures below it.
    """
    text, started, outputs = page.read_text(encoding="utf-8"), time.monotonic(), []
    space: dict[str, Any] = {"__name__": "__main__"}
    for number, (cell, output) in enumerate(run_cells(text, space, str(page)), start=1):
        names = pictures_after(text, cell)[: len(output.figures)]
        if len(names) < len(output.figures):
            raise ValueError(f"{page}: cell {number} draws {len(output.figures)} figures, and {len(names)} pictures are named below it.")
        for figure, name in zip(output.figures, names, strict=True):
            save_picture(figure, page.parent / name)
        outputs.append(output.text)
        say(f"{page.parent.name}/{page.name}, cell {number}: {time.monotonic() - started:.0f} s")
    write_text(page, with_outputs(text, outputs))
    if page in TASK_PAGES.values():
        make_pictures(space["run"])


def make_beside(names: Sequence[str], most: int) -> list[str]:
    """Make pages in processes of their own, so many at a time; return the names of those that failed.

    The cores are shared evenly: two trainings on one thread each take less time than one after the other on two.
    """
    threads = max(1, cores() // most)
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}

    def made(name: str) -> bool:
        command = [sys.executable, "-m", "tools.lessons", name]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as page:
            assert page.stdout is not None
            for line in page.stdout:
                say(f"{name}: {line.rstrip()}")
        return page.returncode == 0

    with ThreadPoolExecutor(most) as pages:
        return [name for name, well in zip(names, pages.map(made, names), strict=True) if not well]


def main(names: Sequence[str]) -> int:
    """Make the pages of these names, or of all tasks; return the exit code."""
    names = names or LONGEST_FIRST
    if unknown := [name for name in names if name not in RUN_PAGES]:
        say(f"No page is called {unknown[0]}. The pages are {', '.join(RUN_PAGES)}.")
        return 2
    if len(names) > 1 and (most := min(cores(), len(names))) > 1:
        if failed := make_beside(names, most):
            say(f"Not made, for the reason above: {', '.join(failed)}.")
        return 1 if failed else 0
    matplotlib.use("Agg")
    for name in names:
        make(RUN_PAGES[name])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
