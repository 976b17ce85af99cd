"""How fast are built-in X-rays made? X-rays per second on one core and on all, writing DICOM included, and the memory of a worker.

    python -m benchmarks.thorax [COUNT]

One core is measured in processor time, all cores in wall time. The parts of an X-ray are timed in the same run, so that their shares hold
on a busy machine too. For CTs see `thorax_ct.py`. Target: 3 X-rays a second on one core, below 1.4 GiB a worker.
"""

import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # One core is one thread, whatever NumPy was built with.

PARTS = ("draw_patient", "Lungs", "tissue_attenuation", "_shadows", "skeleton", "_vessels", "splat")
PARTS_OF_DETECTOR = ("expose", "display")


def made_by_worker(folder: Path, number: int) -> tuple[int, float]:
    """Render and write one X-ray; return the worker's process id and its peak memory in GiB."""
    from benchmarks.figures import peak_memory_gib
    from radlearn.digital_thorax.planning import plan_xrays
    from radlearn.digital_thorax.xray import render_xray
    from radlearn.scans.radiograph_writer import write_radiograph

    plan = plan_xrays(number + 1, 1)[number]
    xray = render_xray(plan)
    path = folder / f"{plan.image_id}.dcm"
    write_radiograph(path, xray.pixels, patient_id="p", view=plan.view, sex=plan.sex, age="62", spacing_mm=xray.spacing_mm)
    return os.getpid(), peak_memory_gib()


def on_all_cores(xrays: int) -> None:
    """Print how many X-rays a second all cores make together, and the memory of a worker."""
    from benchmarks.thorax import made_by_worker as made  # Workers need an importable name, not `__main__`.
    from radlearn.progress import cores, in_parallel, say

    with tempfile.TemporaryDirectory() as folder:
        work = partial(made, Path(folder))
        list(in_parallel(work, range(2 * cores()), "starting workers", "X-rays"))
        clock = time.monotonic()
        peaks = list(in_parallel(work, range(xrays), "all cores", "X-rays"))
        clock = time.monotonic() - clock
    say(f"{xrays} X-rays on {cores()} cores: {xrays / clock:.2f} a second of wall time, {len({process for process, _ in peaks})} workers")
    say(f"peak memory of a worker {max(peak for _, peak in peaks):.2f} GiB")


def main(xrays: int) -> None:
    from benchmarks.figures import Figure, keep, peak_memory_gib
    from radlearn.digital_thorax import xray
    from radlearn.digital_thorax.planning import plan_xrays
    from radlearn.progress import say
    from radlearn.scans.radiograph_writer import write_radiograph

    plans = plan_xrays(xrays + 1, 0)
    xray.render_xray(plans[0])  # Imports and tables are not counted.
    seconds: dict[str, float] = {}

    def timed(module: object, name: str) -> None:
        function = getattr(module, name)

        def wrapper(*args: object, **named: object) -> object:
            started = time.process_time()
            result = function(*args, **named)
            seconds[name] = seconds.get(name, 0.0) + time.process_time() - started
            return result

        setattr(module, name, wrapper)

    for name in PARTS:
        timed(xray, name)
    for name in PARTS_OF_DETECTOR:
        timed(xray.detector, name)

    with tempfile.TemporaryDirectory() as folder:
        cpu, clock = time.process_time(), time.monotonic()
        for plan in plans[1:]:
            made = xray.render_xray(plan)
            started = time.process_time()
            path = Path(folder) / f"{plan.image_id}.dcm"
            write_radiograph(path, made.pixels, patient_id="p", view=plan.view, sex=plan.sex, age="62", spacing_mm=made.spacing_mm)
            seconds["write_radiograph"] = seconds.get("write_radiograph", 0.0) + time.process_time() - started
        cpu, clock = time.process_time() - cpu, time.monotonic() - clock
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / xrays
    keep(Figure("built-in X-rays at 1024 px, DICOM included, one core", xrays / cpu, "a processor second", 3.0))
    say(f"{xrays} X-rays at 1024², DICOM included: {xrays / cpu:.2f} a second on one core ({xrays / clock:.2f} of wall time)")
    for name, spent in sorted(seconds.items(), key=lambda item: -item[1]):
        say(f"  {name.strip('_'):20} {1000 * spent / xrays:6.0f} ms  {spent / cpu:4.0%}")
    say(f"peak memory {peak_memory_gib():.2f} GiB, {size / 1000:.0f} kB an X-ray")
    on_all_cores(2 * xrays)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
