"""How do time and memory grow with the number of cases? Everything that looks at all cases, for 100, 1,000, … of them.

    python -m benchmarks.scaling [--xrays 100 1000 10000] [--cts 10 100]

Each number of cases has a process of its own, so that its peak memory is its own; files are read by the workers that a training would use
as well, whose memory is not in it. The cases are small, all different, and in the challenge's layout: X-rays of 256 px, and one built-in CT
with other noise. A small file takes less time than a large one; how the time grows is what is asked here. The slope is the exponent of a
straight line through the logarithms: with 1, ten times as many cases take ten times as long. What is over in a second counts for neither.

100,000 X-rays and 1,000 CTs take about an hour and 2 GB of disk.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from benchmarks.figures import Figure, keep, peak_memory_gib
from radlearn.progress import in_parallel, say

XRAY_PX, CACHED_PX = 256, 64
LEAST_SECONDS = 1.0
"What takes less is mostly imports and the start of workers."
MOST_SLOPE = 1.1
STAGES = {
    "listed": "folder read, without opening an image",
    "digests": "files read for their digests",
    "prepared": "images read, prepared and stored",
    "again": "the same found in the cache",
    "split": "divided by person",
    "scored": "submission scored, with intervals",
    "checked": "`radlearn check`",
}


def main(xrays: tuple[int, ...] = (100, 1000, 10_000), cts: tuple[int, ...] = (10, 100)) -> None:
    """Measure.

    Args:
        xrays: numbers of X-rays.
        cts: numbers of CTs.
    """
    for kind, counts in (("X-rays", xrays), ("CTs", cts)):
        found = [_in_a_process(kind, count) for count in counts]
        say(f"{kind:34}" + "".join(f"{count:>12,}" for count in counts) + "   s for ten times as many, slope")
        for stage, words in STAGES.items():
            seconds = [one["seconds"].get(stage) for one in found]
            if any(one is None for one in seconds):
                continue
            slope = slope_of(counts, seconds)
            ending = "" if slope is None else f"{10**slope:11.1f} times {slope:5.2f}"
            say(f"  {words:32}" + "".join(f"{one:10.2f} s" for one in seconds) + ending)
            if slope is not None:
                keep(Figure(f"{kind}: {words}", slope, "as exponent of their number", MOST_SLOPE, higher_is_better=False))
        say("  peak memory of the process      " + "".join(f"{one['peak_gib']:8.2f} GiB" for one in found))
        if len(found) > 1:
            more = found[-1]["peak_gib"] - found[0]["peak_gib"]
            # What else a process holds changes by more than a case takes.
            each = max(0.0, 2**20 * more / (counts[-1] - counts[0]))
            keep(Figure(f"{kind}: memory of one more", each, "KiB", higher_is_better=False))
            say(f"  one more takes {each:.1f} KiB of memory")


def slope_of(counts: Sequence[int], seconds: Sequence[float]) -> float | None:
    """Return the exponent with which the seconds grow with the counts; None where fewer than two take long enough to say."""
    long = [(count, one) for count, one in zip(counts, seconds, strict=True) if one >= LEAST_SECONDS]
    if len(long) < 2:
        return None
    x, y = np.log(np.array(long, dtype=float)).T
    return float(np.polyfit(x, y, 1)[0])


def _in_a_process(kind: str, count: int) -> dict[str, Any]:
    """Make the cases and measure them in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        MAKERS[kind](Path(folder) / "data", count)
        code = f"from benchmarks.scaling import measured; import sys; measured({kind!r}, {count}, sys.argv[1])"
        # A cache of its own: nothing is known before.
        environment = {**os.environ, "RADLEARN_CACHE": str(Path(folder) / "cache"), "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, "-c", code, folder], check=True, env=environment)
        return json.loads(Path(folder, "measured.json").read_text(encoding="utf-8"))


def measured(kind: str, count: int, folder: str) -> None:
    """Measure every stage in this process, and write what it took to `measured.json`."""
    data, seconds = Path(folder) / "data", dict[str, float]()
    challenge = importlib.import_module(f"radlearn.challenges.{CHALLENGES[kind]}").CHALLENGE
    from radlearn.check.audit import audit_folder
    from radlearn.training.splits import split_by_person
    from radlearn.workflow.case_contents import contents_of

    prepare = PREPARED[kind]()
    with _timed("listed", seconds):
        cases = challenge.find_cases(data)
    assert len(cases) == count
    with _timed("digests", seconds):
        contents_of(cases)
    with _timed("prepared", seconds):
        prepare(cases)
    with _timed("again", seconds):
        prepare(cases)
    with _timed("split", seconds):
        split_by_person([case.person for case in cases], [number % 3 == 0 for number in range(count)], 0, least=1)
    if kind == "X-rays":
        from radlearn.challenges.rsna.scoring import score_submission
        from radlearn.challenges.rsna.submission import write_submission
        from radlearn.metrics.boxes import FoundBoxes

        dice = np.random.default_rng(0)
        boxes = {case.image_id: FoundBoxes(np.array([[20.0, 20, 60, 60]]) + dice.integers(0, 9), dice.random(1)) for case in cases}
        write_submission(Path(folder) / "submission.csv", boxes, (XRAY_PX, XRAY_PX))
        with _timed("scored", seconds):
            score_submission(data / "stage_2_train_labels.csv", Path(folder) / "submission.csv", (XRAY_PX, XRAY_PX))
    with _timed("checked", seconds):
        audit_folder(data)
    Path(folder, "measured.json").write_text(json.dumps({"seconds": seconds, "peak_gib": peak_memory_gib()}), encoding="utf-8")


@contextmanager
def _timed(stage: str, seconds: dict[str, float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - began


def _prepare_xrays() -> Callable[[Sequence[Any]], object]:
    from radlearn.tasks.xray.radiographs import prepared_radiographs

    return lambda cases: prepared_radiographs(cases, CACHED_PX)


def _prepare_cts() -> Callable[[Sequence[Any]], object]:
    from radlearn.covid19_ct_segmentation.segment_lesions import PRESETS, make_dataset

    return partial(make_dataset, PRESETS["quick"])


def make_xrays(folder: Path, count: int) -> None:
    """Write small X-rays in the RSNA layout, no two alike: two people in three have one, the others two."""
    from radlearn.challenges.rsna.layout import IMAGE_FOLDER, write_tables
    from radlearn.challenges.xray_case import XrayCase

    images = folder / IMAGE_FOLDER
    images.mkdir(parents=True)
    cases = []
    for number in range(count):
        boxes = ((20.0, 20.0, 60.0, 60.0),) if number % 3 == 0 else ()
        name = f"{number:08d}"
        category, person = "Lung Opacity" if boxes else "Normal", f"person {number * 3 // 4}"
        cases.append(XrayCase(name, images / f"{name}.dcm", bool(boxes), boxes, category, person))
    list(in_parallel(partial(_write_xray, images), range(count), "small X-rays", "X-rays"))
    write_tables(folder, cases)


def _write_xray(images: Path, number: int) -> int:
    from radlearn.scans.radiograph_writer import write_radiograph

    dice, (y, x) = np.random.default_rng(number), np.mgrid[:XRAY_PX, :XRAY_PX] / XRAY_PX
    waves = sum(a * np.sin(2 * np.pi * (u * x + v * y + p)) for a, u, v, p in dice.uniform((25, 0.5, 0.5, 0), (40, 3, 3, 1), (4, 4)))
    pixels = np.clip(120 + waves + dice.normal(0, 4, x.shape), 0, 255).astype(np.uint8)
    name = f"{number:08d}"
    view, sex = ("PA", "AP")[number % 2], ("F", "M")[number // 2 % 2]
    write_radiograph(images / f"{name}.dcm", pixels, patient_id=name, view=view, sex=sex, age="50", spacing_mm=(1.5, 1.5))
    return number


def make_cts(folder: Path, count: int) -> None:
    """Write one built-in CT with other noise in the COVID-19-20 layout, no two alike."""
    from radlearn.challenges.covid19 import layout as covid19_layout
    from radlearn.digital_thorax.ct import render_ct
    from radlearn.digital_thorax.ct_cohort import case_id
    from radlearn.digital_thorax.ct_planning import draw_body, draw_scan, plan_cts

    plan = plan_cts(1, 0, "small", heavy=True)[0]
    body = draw_body(plan)
    ct = render_ct(body, *draw_scan(plan, body))
    names = [case_id(number + 1) for number in range(count)]
    covid19_layout.case_paths(folder, names[0])[0].parent.mkdir(parents=True)
    affine, lesion = ct.geometry.affine_ras, ct.lesion.astype(np.uint8)
    list(in_parallel(partial(_write_ct, folder, ct.hu, lesion, affine), list(enumerate(names)), "CTs", "CTs"))
    covid19_layout.write_persons(folder, {name: f"person {number * 3 // 4}" for number, name in enumerate(names)})


def _write_ct(folder: Path, hu: np.ndarray, lesion: np.ndarray, affine: np.ndarray, job: tuple[int, str]) -> int:
    from radlearn.challenges.covid19 import layout as covid19_layout
    from radlearn.scans.nifti import write_volume

    number, name = job
    noise = np.random.default_rng(number).integers(-3, 4, hu.shape[:2])[..., None]
    image, mask = covid19_layout.case_paths(folder, name)
    write_volume(image, (hu + noise).astype(np.int16), affine)
    write_volume(mask, lesion, affine)
    return number


CHALLENGES = {"X-rays": "rsna", "CTs": "covid19"}
MAKERS = {"X-rays": make_xrays, "CTs": make_cts}
PREPARED = {"X-rays": _prepare_xrays, "CTs": _prepare_cts}

if __name__ == "__main__":
    tyro.cli(main)
