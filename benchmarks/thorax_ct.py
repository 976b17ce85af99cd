"""How fast are built-in CTs made? Seconds per CT on one core, with and without writing, and memory.

    python -m benchmarks.thorax_ct [SMALL_CTS] [FULL_CTS]

Processor time is measured, which holds on a busy machine too; a first CT, with imports and tables, is not counted.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # One core is one thread, whatever NumPy was built with.


def main(small: int, full: int) -> None:
    from benchmarks.figures import Figure, keep, peak_memory_gib
    from radlearn.digital_thorax.ct import render_ct
    from radlearn.digital_thorax.ct_planning import draw_body, draw_scan, plan_cts
    from radlearn.progress import say
    from radlearn.scans.nifti import write_volume

    for size, count in (("small", small), ("full", full)):
        drawn = rendered = written = 0.0
        bytes_written = 0
        with tempfile.TemporaryDirectory() as folder:
            for number, plan in enumerate(plan_cts(count + 1, 0, size, heavy=size == "small")):
                started = time.process_time()
                body = draw_body(plan)
                scan = draw_scan(plan, body)
                after_drawing = time.process_time()
                ct = render_ct(body, *scan)
                after_rendering = time.process_time()
                path = Path(folder) / f"{number}_ct.nii.gz"
                write_volume(path, ct.hu, ct.geometry.affine_ras)
                write_volume(path.with_name(f"{number}_seg.nii.gz"), ct.lesion, ct.geometry.affine_ras)
                ended = time.process_time()
                if number:
                    drawn, rendered, written = (
                        drawn + after_drawing - started,
                        rendered + after_rendering - after_drawing,
                        written + ended - after_rendering,
                    )
                    bytes_written += path.stat().st_size
        each = (drawn + rendered) / count
        keep(Figure(f"{size} built-in CT, one core", each, "processor s", higher_is_better=False))
        say(f"{size}: {each:.2f} s a CT on one core (body {drawn / count:.2f}, voxels {rendered / count:.2f})")
        say(f"  writing takes another {written / count:.2f} s and {bytes_written / count / 1e6:.1f} MB")
        say(f"  peak memory so far {peak_memory_gib():.2f} GiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12, int(sys.argv[2]) if len(sys.argv) > 2 else 4)
