"""Make the lessons' pictures from an evaluated run: `python -m benchmarks.lesson_pictures RUN`. Small WebP files, the only pictures in git."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from radlearn.challenges.rsna import find_cases
from radlearn.files import written_whole
from radlearn.pictures.overlays import XrayPanel, xray_grid
from radlearn.pictures.style import save_png
from radlearn.progress import say
from radlearn.tasks.xray.radiographs import prepared_radiographs
from radlearn.training.run_folder import Run, open_run

ROOMS = Path(__file__).resolve().parents[1] / "radlearn"


def main(folder: Path) -> None:
    """Take over the pictures of an evaluated run's report; for classification also draw X-rays of all classes."""
    run = open_run(folder)
    if run.task == "detection":
        taken_over(run, "rsna_pneumonia_detection", (("xrays-random", "found", 1100), ("froc", "froc", 620)))
        return
    if run.task == "segmentation":
        taken_over(run, "covid19_ct_segmentation", (("slices-random", "slices", 1000), ("solid-middle", "solid", 900)))
        return
    draw_cases(run)
    taken_over(run, "rsna_pneumonia_classification", (("cases", "cases", 1100), ("roc", "roc", 620), ("xrays-missed", "missed", 1100)))


def draw_cases(run: Run) -> None:
    """Draw four X-rays of the challenge's three classes as `cases.png` among the run's pictures."""
    cases = find_cases(Path(run.about["data"]))
    opacities = [case for case in cases if case.label]
    # Those with the largest boxes: a first look should show what is looked for.
    opacities.sort(key=lambda case: -max((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in case.boxes_xyxy_px))
    shown = [
        *[case for case in cases if case.category == "Normal"][:1],
        *[case for case in cases if case.category == "No Lung Opacity / Not Normal"][1:2],
        *opacities[len(opacities) // 4 :: len(opacities) // 4][:2],
    ]
    xrays = prepared_radiographs(cases, 512)
    chosen = [next(xray for xray in xrays if xray.case.image_id == case.image_id) for case in shown]
    panels = [
        XrayPanel(
            xray.pixels[0], None, xray.boxes_on_canvas_px, xray.canvas_px, str(xray.case.category), f"{xray.case.view}, {xray.case.sex}"
        )
        for xray in chosen
    ]
    save_png(xray_grid(panels), run.pictures / "cases.png")


def taken_over(run: Run, room: str, pictures: Sequence[tuple[str, str, int]]) -> None:
    """Save pictures of a run among a lesson's, smaller: (its name, the new name, its greatest width in pixels)."""
    images = ROOMS / room / "images"
    images.mkdir(exist_ok=True)
    for source, name, width_px in pictures:
        picture = Image.open(run.pictures / f"{source}.png").convert("RGB")
        scale = min(1.0, width_px / picture.width)
        small = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
        with written_whole(images / f"{name}.webp") as temporary:
            small.save(temporary, format="WEBP", quality=82, method=6)
        say(f"{images / name}.webp: {np.prod(small.size):,} pixels, {(images / f'{name}.webp').stat().st_size // 1024} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
