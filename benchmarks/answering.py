"""How long does one image's answer take, beside importing the libraries that it needs? `radlearn TASK predict` of one file.

    python -m benchmarks.answering [--rounds 5] [--tasks classification detection]

A small run of each task is trained first. Then, in turns: the whole command, and a Python process that imports every module of other
libraries that the command had imported, in the same order, and ends. Processor time is compared, which other work affects less than a
clock.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import tyro

from benchmarks.figures import Figure, keep
from radlearn.progress import say

TRAINED = {
    "classification": ("--size-px", "64", "--epochs", "1", "--batch-size", "8"),
    "detection": ("--size-px", "64", "--epochs", "1", "--batch-size", "8"),
}
XRAYS = 40
MOST = 1.2
ANSWER = """
import atexit, json, sys
from radlearn import cli
code = cli.main(sys.argv[2:])
others = [name for name in sys.modules if name.partition(".")[0] not in ("radlearn", "__main__")]
open(sys.argv[1], "w").write(json.dumps(others))
sys.exit(code)
"""
IMPORTS = """
import importlib, json, sys
for name in json.load(open(sys.argv[1])):
    try:
        importlib.import_module(name)
    except ImportError:
        # Modules that others make under a name of their own.
        pass
"""


def main(rounds: int = 5, tasks: tuple[str, ...] = tuple(TRAINED)) -> None:
    """Measure.

    Args:
        rounds: how often each is done; the median counts.
        tasks: classification, detection.
    """
    with tempfile.TemporaryDirectory() as folder:
        data, modules = Path(folder) / "data", Path(folder) / "modules.json"
        radlearn = [sys.executable, "-m", "radlearn"]
        subprocess.run([*radlearn, "thorax", "--out", str(data), "--xrays", str(XRAYS), "--cts", "0"], check=True, capture_output=True)
        (layout,) = {path.parent.parent for path in data.rglob("*.dcm")}
        xray = sorted(layout.rglob("*.dcm"))[0]
        for task in tasks:
            run = Path(folder) / task
            subprocess.run(
                [*radlearn, task, "train", "--data", str(layout), "--run", str(run), *TRAINED[task]], check=True, capture_output=True
            )
            seconds: dict[str, list[float]] = {"answer": [], "imports": []}
            for number in range(rounds + 1):
                out = Path(folder) / f"{task}-{number}"
                answer = [sys.executable, "-c", ANSWER, str(modules), task, "predict", str(run), str(xray), "--out", str(out)]
                spent = {"answer": processor_seconds(answer), "imports": processor_seconds([sys.executable, "-c", IMPORTS, str(modules)])}
                # The first brings the files into memory.
                for name, one in spent.items() if number else ():
                    seconds[name].append(one)
            whole, imports = median(seconds["answer"]), median(seconds["imports"])
            packages = sorted({name.partition(".")[0] for name in json.loads(modules.read_text())} - set(sys.stdlib_module_names))
            say(f"{task}: {whole:.2f} processor s for one X-ray, {imports:.2f} for its imports, {whole / imports:.2f} times")
            say(f"  imported: {', '.join(name for name in packages if not name.startswith('_'))}")
            keep(
                Figure(
                    f"{task}: one X-ray predicted, beside its imports",
                    whole / imports,
                    "times their time",
                    MOST,
                    1.0,
                    "the imports alone",
                    False,
                )
            )


def processor_seconds(command: list[str]) -> float:
    """Return the processor seconds of a command and what it starts."""
    before = os.times()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


if __name__ == "__main__":
    tyro.cli(main)
