"""How long does it take to prepare a CT for training? The segmentation lesson's deterministic transforms, step by step, on one thread.

    python -m benchmarks.preparing [--cts 8] [--preset quick] [--data FOLDER]

Built-in CTs of 256 × 256 voxels unless FOLDER names others in the COVID-19-20 layout. With MONAI's `Spacingd` in place of
`SeparableSpacingd` for comparison; the sides take turns, CT by CT. The first CT counts for neither.
"""

import argparse
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path

# Before NumPy, whose matrix products would else use all cores.
os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import numpy as np
import torch
from monai.transforms import Spacingd

from benchmarks.figures import Figure, keep
from radlearn.challenges import covid19
from radlearn.covid19_ct_segmentation.segment_lesions import PRESETS, as_item, deterministic_transform
from radlearn.digital_thorax.ct_cohort import write_covid19
from radlearn.monai_parts.separable_spacing import SeparableSpacingd
from radlearn.progress import say


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--cts", type=int, default=8)
    options.add_argument("--preset", choices=tuple(PRESETS), default="quick")
    options.add_argument("--data", type=Path)
    chosen = options.parse_args()
    torch.set_num_threads(1)
    ours = deterministic_transform(PRESETS[chosen.preset]).transforms
    theirs = [_monais(step, PRESETS[chosen.preset].spacing_mm) if isinstance(step, SeparableSpacingd) else step for step in ours]
    seconds: dict[tuple[str, int], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        if chosen.data is None:
            write_covid19(Path(folder), chosen.cts + 1)
        for case in covid19.find_cases(chosen.data or Path(folder))[: chosen.cts + 1]:
            for side, steps in (("radlearn", ours), ("Spacingd", theirs)):
                item = as_item(case)
                for number, step in enumerate(steps):
                    began = time.perf_counter()
                    item = step(item)
                    seconds[side, number].append(time.perf_counter() - began)
    means = {key: 1000 * float(np.mean(found[1:])) for key, found in seconds.items()}
    say("  milliseconds a CT          radlearn   with Spacingd")
    for number, step in enumerate(ours):
        say(f"  {type(step).__name__:25} {means['radlearn', number]:9.0f} {means['Spacingd', number]:15.0f}")
    totals = [sum(means[side, number] for number in range(len(ours))) for side in ("radlearn", "Spacingd")]
    say(f"  {'all':25} {totals[0]:9.0f} {totals[1]:15.0f}")
    ratio, loading = totals[1] / totals[0], means["radlearn", 0]
    keep(Figure("CT prepared, beside MONAI's Spacingd", ratio, "times as fast", 1.0, totals[1] / loading, "loading the file alone"))
    keep(Figure("CT prepared", totals[0], "ms", None, loading, "loading the file alone", higher_is_better=False))


def _monais(step: SeparableSpacingd, spacing_mm: tuple[float, float, float]) -> Spacingd:
    return Spacingd(step.keys, spacing_mm, mode=step.mode[0], dtype=np.float32)


if __name__ == "__main__":
    main()
