"""How large and how dense must an opacity be to be found? The share found, by size and by density, from X-rays and their twins.

    python -m benchmarks.detection_rate RUN OUT.png [COUNT]

RUN is a trained classification run. COUNT X-rays (600 by default) of new patients, made with another seed than the lesson's, come with
twins: the same X-ray without its opacity. An X-ray with one opacity counts as found if its probability reaches the run's threshold; its
twin shows how often the threshold is reached for other reasons. The share that the simulated readers find is drawn beside it.
"""

import csv
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import radlearn
from radlearn.digital_thorax.cohort import write_rsna
from radlearn.digital_thorax.readers import READERS
from radlearn.json_files import read_json
from radlearn.pictures.style import FULL_WIDTH_IN, MODEL, MUTED, POSITIVE, in_house_style, save_png
from radlearn.progress import say

SEED = 1


@dataclass(frozen=True)
class Pair:
    """An X-ray with one opacity, and its probabilities with and without the opacity."""

    contrast: float
    size_px: float
    readers: int
    probability: float
    probability_without: float


def single_opacities(folder: Path) -> dict[str, tuple[float, float, int]]:
    """Return image → (contrast, size in px, readers who saw it) of the X-rays with exactly one opacity, from `truth.csv`."""
    found: dict[str, list[tuple[float, float, int]]] = {}
    with open(folder / "truth.csv", newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table):
            if row["readers"]:
                size = 0.0
                if row["x0"]:
                    x0, y0, x1, y1 = (int(row[edge]) for edge in ("x0", "y0", "x1", "y1"))
                    size = float(np.sqrt((x1 - x0) * (y1 - y0)))
                found.setdefault(row["patientId"], []).append((float(row["contrast"]), size, int(row["readers"])))
    return {image: opacities[0] for image, opacities in found.items() if len(opacities) == 1 and opacities[0][1] > 0}


def predicted_probabilities(run: Path, folder: Path) -> dict[str, float]:
    """Return image → probability for the X-rays in a folder."""
    with tempfile.TemporaryDirectory() as out:
        radlearn.classification.predict(run, [folder], Path(out), overlays=False)
        with open(Path(out) / "predictions.csv", newline="", encoding="utf-8") as table:
            return {Path(row["path"]).stem: float(row["probability"]) for row in csv.DictReader(table)}


def pairs_of(run: Path, xrays: int, folder: Path) -> list[Pair]:
    """Make `xrays` X-rays with twins in `folder`; return the probabilities of those with one opacity and of their twins."""
    write_rsna(folder, xrays, SEED, twins=True)
    opacities = single_opacities(folder)
    with_it, without = (predicted_probabilities(run, folder / images) for images in ("stage_2_train_images", "twins"))
    return [Pair(*opacity, with_it[image], without[image]) for image, opacity in opacities.items()]


@in_house_style
def rate_figure(pairs: list[Pair], threshold: float, bins: int = 5) -> Figure:
    """Draw the shares of opacities found by contrast and by size, in bins of equal counts, with Wilson intervals."""
    figure = Figure(figsize=(FULL_WIDTH_IN, 3.6), layout="constrained")
    measures: list[tuple[str, Callable[[Pair], float]]] = [
        ("maximum attenuation × length of the opacity", lambda pair: pair.contrast),
        ("size (square root of the box's area, px of 1024)", lambda pair: pair.size_px),
    ]
    for axes, (name, measure) in zip(figure.subplots(1, 2, sharey=True), measures, strict=True):
        order = sorted(pairs, key=measure)
        groups = np.array_split(np.arange(len(order)), max(min(bins, len(order) // 8), 1))
        middles = [float(np.median([measure(order[number]) for number in group])) for group in groups]
        aside = 0.006 * (middles[-1] - middles[0])
        for label, colour, shift, found in (
            ("model, with the opacity", MODEL, 0, lambda pair: pair.probability >= threshold),
            ("model, twin without it", MUTED, aside, lambda pair: pair.probability_without >= threshold),
            ("simulated readers, two of three", POSITIVE, -aside, lambda pair: pair.readers > len(READERS) // 2),
        ):
            hits = [sum(found(order[number]) for number in group) for group in groups]
            low, high = np.transpose([_wilson(hit, len(group)) for hit, group in zip(hits, groups, strict=True)])
            shares = np.array([hit / len(group) for hit, group in zip(hits, groups, strict=True)])
            reach = [np.maximum(shares - low, 0), np.maximum(high - shares, 0)]
            axes.errorbar(np.add(middles, shift), shares, reach, color=colour, marker="o", ms=4, lw=1.6, elinewidth=1.0, label=label)
        axes.set(xlabel=name, ylim=(0, 1.03))
    figure.axes[0].set_ylabel("share at or above the threshold")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle(f"{len(pairs)} X-rays with one opacity, synthetic patients; bars are 95 % intervals")
    return figure


def _wilson(hits: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a proportion (Wilson 1927, J Am Stat Assoc 22:209)."""
    from scipy.stats import binomtest

    interval = binomtest(hits, of).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def main(run: Path, picture: Path, xrays: int) -> None:
    """Make the patients, predict, write the picture and print the shares."""
    threshold = float(read_json(run / "scores.json")["threshold"])
    with tempfile.TemporaryDirectory() as folder:
        pairs = pairs_of(run, xrays, Path(folder) / "rsna")
    found = np.array([pair.probability >= threshold for pair in pairs])
    alarms = np.array([pair.probability_without >= threshold for pair in pairs])
    say(f"{len(pairs)} X-rays with one opacity: {found.mean():.0%} reach {threshold:.2f}, {alarms.mean():.0%} of their twins do")
    say(f"{save_png(rate_figure(pairs, threshold), picture)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 600)
