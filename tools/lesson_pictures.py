"""Make the pictures of a lesson that its cells do not draw, from an evaluated run: part of `make lessons`."""

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
from radlearn.use_cases import USE_CASES
from tools.augmentation_pictures import main as draw_augmentation

NOT_NORMAL = "No Lung Opacity / Not Normal"
"Too long for a title of a quarter of a page's width."
# Task -> its pictures: (name in the run, name in the lesson, greatest width in pixels).
PICTURES: dict[str, tuple[tuple[str, str, int], ...]] = {
    "classification": (("cases", "cases", 1100),),
    "detection": (),
    "segmentation": (("slices-random", "slices", 1000), ("solid-middle", "solid", 900)),
    "ultrasound": (),
}


def make_pictures(run: Run) -> None:
    """Draw what random transforms made of two cases; for classification, X-rays of all classes; and copy pictures of the run's report."""
    if run.task == "classification":
        draw_cases(run)
    copy_smaller(run, PICTURES[run.task])
    draw_augmentation(run.task, USE_CASES[run.task].folder / "images" / "augmentation.webp", Path(run.about["data"]))


def draw_cases(run: Run) -> None:
    """Draw four X-rays of the challenge's three classes as `cases.png` among the run's pictures."""
    cases = find_cases(Path(run.about["data"]))
    opacities = [case for case in cases if case.label]
    # Large boxes first: the first X-rays that a reader sees should show the finding clearly.
    opacities.sort(key=lambda case: -max((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in case.boxes_xyxy_px))
    shown = [
        *[case for case in cases if case.category == "Normal"][:1],
        *[case for case in cases if case.category == NOT_NORMAL][1:2],
        *opacities[len(opacities) // 4 :: len(opacities) // 4][:2],
    ]
    xrays = prepared_radiographs(cases, 512)
    chosen = [next(xray for xray in xrays if xray.case.image_id == case.image_id) for case in shown]
    panels = [
        XrayPanel(
            xray.pixels[0],
            None,
            xray.boxes_on_canvas_px,
            xray.canvas_px,
            str(xray.case.category).replace(NOT_NORMAL, "Not Normal, no opacity"),
            f"{xray.case.view}, {xray.case.sex}",
        )
        for xray in chosen
    ]
    save_png(xray_grid(panels), run.pictures / "cases.png")


def copy_smaller(run: Run, pictures: Sequence[tuple[str, str, int]]) -> None:
    """Save pictures of a run, scaled down, among its lesson's images."""
    images = USE_CASES[run.task].folder / "images"
    images.mkdir(exist_ok=True)
    for source, name, width_px in pictures:
        picture = Image.open(run.pictures / f"{source}.png").convert("RGB")
        scale = min(1.0, width_px / picture.width)
        small = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
        with written_whole(images / f"{name}.webp") as temporary:
            small.save(temporary, format="WEBP", quality=82, method=6)
        say(f"{images / name}.webp: {np.prod(small.size):,} pixels, {(images / f'{name}.webp').stat().st_size // 1024} kB")


if __name__ == "__main__":
    make_pictures(open_run(Path(sys.argv[1])))
