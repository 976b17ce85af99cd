"""What do radlearn's parts change in somebody else's MONAI program? `benchmarks/monai_script.py`, as it stands and with them.

    python -m benchmarks.drop_in [--cts 4] [--epochs 3] [--repeats 2]

`PersistentDataset` becomes `MappedDataset`, `SlidingWindowInferer` becomes `LungBlockInferer`, `Spacingd` becomes `SeparableSpacingd`;
nothing else changes. Built-in CTs of 512 × 512 voxels. Each side runs once beforehand, which makes its cache: the first column is all of
that run. The sides then take turns, and the smallest times count.
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks import monai_script
from radlearn.digital_thorax.ct_cohort import write_covid19
from radlearn.monai_parts.lung_inferer import LungBlockInferer
from radlearn.monai_parts.mapped_dataset import MappedDataset
from radlearn.monai_parts.separable_spacing import SeparableSpacingd
from radlearn.progress import say


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--cts", type=int, default=4)
    options.add_argument("--epochs", type=int, default=3)
    options.add_argument("--repeats", type=int, default=2)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_covid19(root / "data", chosen.cts, size="full")
        scans = root / "data" / "Train"
        # The program's network returns two channels of logits: outside of the lungs the one of the background is the larger for any number.
        inferer = LungBlockInferer(monai_script.PATCH, overlap=0.5, window_hu=monai_script.WINDOW_HU)
        sides = {
            "as it stands": lambda epochs: monai_script.main(scans, root / "persistent", epochs),
            "MappedDataset": lambda epochs: monai_script.main(scans, root / "mapped", epochs, MappedDataset),
            "and the inferer": lambda epochs: monai_script.main(scans, root / "inferer", epochs, MappedDataset, inferer),
            "and the spacing": lambda epochs: monai_script.main(
                scans, root / "separable", epochs, MappedDataset, inferer, SeparableSpacingd
            ),
        }
        # What the first run of any program takes longer, such as reading the libraries, counts for none of them.
        monai_script.main(scans, root / "warm", 1)
        first = {}
        for name, side in sides.items():
            began = time.perf_counter()
            side(1)
            first[name] = time.perf_counter() - began
        results = {name: [] for name in sides}
        for _ in range(chosen.repeats):
            for name, side in sides.items():
                results[name].append(side(chosen.epochs))
        best = {name: {key: min(run[key] for run in runs) for key in runs[0]} for name, runs in results.items()}
        plain = best["as it stands"]
        say("  program          first run, s   loading, s   times   steps, s   inference, s   times   Dice")
        for name, found in best.items():
            say(
                f"  {name:16} {first[name]:12.1f} {found['data']:12.2f} {plain['data'] / found['data']:7.1f} {found['steps']:10.1f} "
                f"{found['inference']:14.1f} {plain['inference'] / found['inference']:7.1f} {found['dice']:6.2f}"
            )


if __name__ == "__main__":
    main()
