"""The promised figures beside their targets, on built-in patients at full length: `make quality`.

Not a test: it takes minutes, and a figure that disappoints is to be read, not to be made to pass.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from rich.table import Table

import radlearn
from radlearn.progress import console
from radlearn.workbench.data_source import built_in_films


def main() -> int:
    """Train and judge the quick preset of every task; print target and figure for each promise; return 1 if one is missed."""
    rows: list[tuple[str, str, str, bool]] = []
    lesson = radlearn.classification
    data = built_in_films(800, 0)
    with tempfile.TemporaryDirectory() as folder:
        # The cache is made first: the promise is about training once it exists.
        lesson.train(data=data, run=Path(folder) / "first", epochs=1)
        begun = time.monotonic()
        run = lesson.train(data=data, run=Path(folder) / "run")
        minutes = (time.monotonic() - begun) / 60
        found = lesson.evaluate(run.folder)
    auroc, baselines = found["scores"]["auroc_score"], found["baselines"]
    beaten = max(baseline["value"] for baseline in baselines.values())
    memory_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    rows.append(("classification: test AUROC", "at least 0.88", f"{auroc['value']:.3f}", auroc["value"] >= 0.88))
    rows.append(("classification: lower end of its interval", "above 0.80", f"{auroc['low']:.3f}", auroc["low"] > 0.80))
    rows.append(("classification: best trivial rule", f"below {auroc['low']:.3f}", f"{beaten:.3f}", beaten < auroc["low"]))
    rows.append(("classification: training, cache made", "at most 3 min", f"{minutes:.1f} min", minutes <= 3))
    rows.append(("peak memory", "below 3 GiB", f"{memory_gib:.2f} GiB", memory_gib < 3))
    table = Table("promise", "target", "figure", "kept")
    for promise, target, figure, kept in rows:
        table.add_row(promise, target, figure, "yes" if kept else "NO")
    console.print(table)
    return 0 if all(kept for *_, kept in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
