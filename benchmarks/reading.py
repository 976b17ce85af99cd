"""How fast is an X-ray read? The same DICOM files to 256 × 256 float32, by radlearn and by its peers, in turns.

    python -m benchmarks.reading [--xrays DIR] [--rounds 3] [--size 256]

One core, one thread, one process. Each X-ray is read by every reader before the next X-ray is, so that changes in the machine's load
affect all readers alike; the first X-ray is read once beforehand. Wall time is what a person waits; processor time is affected less by
other work. Peers that only decode use radlearn's area average, so that the decoding is compared. Without `--xrays`, 40 built-in X-rays
are made first.
"""

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np
import pydicom
import simplejpeg
from pydicom.encaps import get_frame
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, keep
from radlearn.digital_thorax.cohort import write_rsna
from radlearn.progress import progress_bar, say, waiting
from radlearn.scans.cache import cached_xrays
from radlearn.scans.dicom import find_xrays, read_radiograph
from radlearn.scans.resize import resized

BUILT_IN_XRAYS = 40
AIMS = {"MONAI LoadImage + Resize": 8, "pydicom, Pillow plugin": 1.4}
"Peer -> how many times as fast we want to be."
Reader = Callable[[Path], np.ndarray]


def radlearn_reader(size_px: int) -> Reader:
    return lambda path: read_radiograph(path, size_px).pixels


def pydicom_reader(size_px: int, plugin: str) -> Reader:
    """pydicom with a given decoder; 8-bit MONOCHROME2 only."""

    def read(path: Path) -> np.ndarray:
        dataset = pydicom.dcmread(path)
        dataset.pixel_array_options(decoding_plugin=plugin)
        return resized(dataset.pixel_array.astype(np.float32), size_px, size_px) / 255

    return read


def full_decode_reader(size_px: int) -> Reader:
    """radlearn's JPEG library at full size: the reference for scaled decoding."""

    def read(path: Path) -> np.ndarray:
        frame = get_frame(pydicom.dcmread(path).PixelData, 0, number_of_frames=1)
        return resized(simplejpeg.decode_jpeg(frame, "GRAY")[..., 0].astype(np.float32), size_px, size_px) / 255

    return read


def decode_alone(size_px: int) -> Reader:
    """The JPEG of a file, decoded at the smallest scale that holds the size; its place in the file is known beforehand."""
    places: dict[Path, tuple[int, int]] = {}

    def read(path: Path) -> np.ndarray:
        if path not in places:
            frame = get_frame(pydicom.dcmread(path).PixelData, 0, number_of_frames=1)
            places[path] = (path.read_bytes().index(frame), len(frame))
        first, length = places[path]
        with open(path, "rb") as opened:
            opened.seek(first)
            return np.asarray(simplejpeg.decode_jpeg(opened.read(length), "GRAY", min_height=size_px, min_width=size_px))

    return read


def monai_reader(size_px: int) -> Reader:
    import torch
    from monai.data import PydicomReader
    from monai.transforms import Compose, LoadImage, Resize

    torch.set_num_threads(1)
    load = Compose([LoadImage(reader=PydicomReader(), image_only=True, ensure_channel_first=True), Resize((size_px, size_px), mode="area")])
    return lambda path: np.asarray(load(str(path)))[0]


def radiograph_reader(size_px: int) -> Reader:
    """radlearn's reader in the same MONAI program, with dictionaries as in the lessons."""
    from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged, Resized

    from radlearn.monai_parts.radiograph_reader import RadiographReader

    load = LoadImaged("image", reader=RadiographReader(at_least_px=size_px))
    program = Compose([load, EnsureChannelFirstd("image"), Resized("image", (size_px, size_px), mode="area")])
    return lambda path: np.asarray(program({"image": path})["image"])[0]


def seconds_from_the_cache(xrays: list[Path], size_px: int, root: Path) -> float:
    """Return the seconds to read one X-ray from the pixel cache as float32 in [0, 1]; making the cache is not counted."""
    cached = cached_xrays(xrays, size_px, workers=1, root=root)
    repeats = max(1, 3000 // len(xrays))
    order = np.random.default_rng(0).permutation(len(xrays))
    started = time.perf_counter()
    for _ in range(repeats):
        for row in order:
            stored = cached.xray(row)
            stored.astype(np.float32) / np.float32(np.iinfo(stored.dtype).max)
    return (time.perf_counter() - started) / (repeats * len(xrays))


def seconds_in_turns(readers: dict[str, Reader], xrays: list[Path], rounds: int) -> dict[str, tuple[float, float]]:
    """Return (wall, processor) seconds per X-ray of each reader."""
    names = list(readers)
    spent = {name: [0.0, 0.0] for name in names}
    for read in readers.values():
        read(xrays[0])
    with progress_bar("reading", rounds * len(xrays), "X-rays") as bar:
        for turn in range(rounds * len(xrays)):
            path = xrays[turn % len(xrays)]
            # The first reader brings the file into memory, so the readers take turns at being first.
            for place in range(len(names)):
                name = names[(turn + place) % len(names)]
                wall, processor = time.perf_counter(), time.process_time()
                readers[name](path)
                spent[name][0] += time.perf_counter() - wall
                spent[name][1] += time.process_time() - processor
            bar.advance()
    return {name: (wall / (rounds * len(xrays)), processor / (rounds * len(xrays))) for name, (wall, processor) in spent.items()}


def difference_in_grey_levels(xrays: list[Path], size_px: int) -> float:
    """Return the mean difference between radlearn and full decoding with an area average, both rounded to 8 bits."""
    fast, full = radlearn_reader(size_px), full_decode_reader(size_px)
    upright = [path for path in xrays if pydicom.dcmread(path, stop_before_pixels=True).PhotometricInterpretation == "MONOCHROME2"]
    return float(np.mean([np.abs(np.rint(fast(path) * 255) - np.rint(full(path) * 255)).mean() for path in upright]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--xrays", type=Path, help="folder of 8-bit JPEG Baseline X-rays; built-in patients by default")
    parser.add_argument("--rounds", type=int, default=3, help="how often all X-rays are read")
    parser.add_argument("--size", type=int, default=256, help="side of the picture, pixels")
    wanted = parser.parse_args()
    # MONAI warns for every X-ray that it has no position in space.
    warnings.simplefilter("ignore")
    with waiting("loading MONAI"):
        monai, ours_in_monai = monai_reader(wanted.size), radiograph_reader(wanted.size)
    with tempfile.TemporaryDirectory() as temporary:
        folder = wanted.xrays
        if folder is None:
            folder = Path(temporary, "xrays")
            write_rsna(folder, xrays=BUILT_IN_XRAYS)
        xrays = find_xrays(folder)
        # Only now, since the X-rays are made on all cores and MONAI has started its threads.
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        readers = {
            "radlearn": radlearn_reader(wanted.size),
            "simplejpeg, full decode": full_decode_reader(wanted.size),
            "pydicom, Pillow plugin": pydicom_reader(wanted.size, "pillow"),
            "pydicom, gdcm plugin (its default)": pydicom_reader(wanted.size, "gdcm"),
            "MONAI LoadImage + Resize": monai,
            "MONAI with RadiographReader": ours_in_monai,
        }
        seconds = seconds_in_turns(readers, xrays, wanted.rounds)
        # What nobody can leave out: the bytes, and the JPEG at the scale that suffices.
        floor = seconds_in_turns({"floor": decode_alone(wanted.size)}, xrays, wanted.rounds)["floor"][0]
        cache_seconds = seconds_from_the_cache(xrays, wanted.size, Path(temporary))
        difference = difference_in_grey_levels(xrays, wanted.size)
    _show(seconds, cache_seconds, len(xrays), wanted)
    for peer, aim in AIMS.items():
        ratio, most = (seconds[peer][0] / one for one in (seconds["radlearn"][0], floor))
        keep(Figure(f"X-ray to {wanted.size} px, beside {peer}", ratio, "times as fast", aim, most, "file and scaled JPEG decoding alone"))
    keep(Figure("the same from the pixel cache", 1 / cache_seconds, "X-rays/s", 3000))
    say(f"Difference from full decoding with area average, both rounded to 8 bits: {difference:.3f} grey levels of 255 (target: below 0.1)")


def _show(seconds: dict[str, tuple[float, float]], cache_seconds: float, xrays: int, wanted: argparse.Namespace) -> None:
    table = Table(title=f"{xrays} X-rays to {wanted.size}² float32, {wanted.rounds} rounds, one core; peers with radlearn's area average")
    for column, side in (
        ("reader", "left"),
        ("X-rays/s", "right"),
        ("X-rays/processor s", "right"),
        ("times slower", "right"),
        ("by processor", "right"),
    ):
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    for name, (wall, processor) in seconds.items():
        ours_wall, ours_processor = seconds["radlearn"]
        table.add_row(name, f"{1 / wall:.0f}", f"{1 / processor:.0f}", f"{wall / ours_wall:.1f}", f"{processor / ours_processor:.1f}")
    table.add_row("from the pixel cache", f"{1 / cache_seconds:,.0f}", "", "", "")
    Console(file=sys.stdout, width=110).print(table)
    for peer, target in AIMS.items():
        say(f"{peer}: radlearn is {seconds[peer][0] / seconds['radlearn'][0]:.1f} times as fast (target: at least {target})")
    part = seconds["MONAI LoadImage + Resize"][0] / seconds["MONAI with RadiographReader"][0]
    say(f"MONAI with RadiographReader is {part:.1f} times as fast as with its own; the rest is what its transforms cost")
    say(f"from the pixel cache: {1 / cache_seconds:,.0f} X-rays/s (target: at least 3,000)")


if __name__ == "__main__":
    main()
