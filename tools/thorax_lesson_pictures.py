"""Make the pictures of the lesson about built-in patients, small WebP files.

    python -m tools.thorax_lesson_pictures [RUN]

The lesson's cells are run and their results drawn, so that page and pictures agree. With RUN, an evaluated classification run on built-in
X-rays, the share of opacities that it finds is drawn too: among `PLANNED` planned X-rays, for every one with exactly one opacity and for
its twin without it.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import jupytext
import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageChops

from benchmarks.detection_rate import SEED, Pair, predicted_probabilities, rate_figure
from radlearn.digital_thorax.contact_sheet import Tile, rows_of_tiles
from radlearn.digital_thorax.patient_sheet import LUNG_WINDOW_HU, SOFT_TISSUE_WINDOW_HU, plane_picture
from radlearn.digital_thorax.planning import PlannedXray, plan_xrays
from radlearn.digital_thorax.xray import render_xray
from radlearn.files import written_whole
from radlearn.json_files import read_json
from radlearn.pictures.style import save_png
from radlearn.progress import in_parallel, say
from radlearn.scans.radiograph_writer import write_radiograph

ROOM = Path(__file__).resolve().parents[1] / "radlearn" / "digital_thorax"
WIDE_PX = 1100
PLANNED = 2000


def page_left_behind() -> dict[str, Any]:
    """Run the lesson's cells and return their variables."""
    space: dict[str, Any] = {}
    for cell in jupytext.read(ROOM / "README.md").cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, str(ROOM / "README.md"), "exec"), space)
    return space


def lesson_figures(page: dict[str, Any]) -> dict[str, Figure]:
    """Return the page's pictures by name."""
    xray, bedside, without = page["xray"], page["bedside"], page["without"]
    x, y = slice(225, 475), slice(140, 390)
    healthy = page["xrays_with"]["healthy"]
    crops = [Tile(healthy[y, x].astype(np.uint8), "healthy", "part of the X-ray")]
    for place, centre_mm in page["balls"].items():
        added, shown = page["ball"](centre_mm), page["xrays_with"][place]
        rise = (shown - healthy)[added > 0.8 * added.max()].mean()
        crops.append(Tile(shown[y, x].astype(np.uint8), place, f"{rise:.0f} grey steps brighter"))
    lung, soft = LUNG_WINDOW_HU, SOFT_TISSUE_WINDOW_HU
    planes = [
        Tile(plane_picture(page["coronal"], 420, lung), "CT, coronal", "lung window, lesion outlined"),
        Tile(plane_picture(page["axial"], 420, lung), "CT, axial", "lung window"),
        Tile(plane_picture(page["axial"], 420, soft, outlined=False), "the same slice", "soft-tissue window"),
    ]
    rows = {
        "views": [
            Tile(xray.pixels, "PA", "standing, X-ray tube behind the patient", xray.boxes_xyxy_px),
            Tile(bedside.pixels, "AP", "bedside, X-ray tube in front and near", bedside.boxes_xyxy_px),
        ],
        "rays": [
            Tile(_grey(xray.attenuation, 6.0), "attenuation × length", "black 0, white 6"),
            Tile(_grey(page["scattered_share"], 0.7), "scattered share", "black 0, white 70 %"),
            Tile(_grey(page["grain"], 0.08), "quantum noise", "black 0, white 8 %"),
            Tile(xray.pixels, "the X-ray", "after the detector's processing"),
        ],
        "heart": crops,
        "twins": [
            Tile(xray.pixels, "with the opacity", "and the readers' box", xray.boxes_xyxy_px),
            Tile(without.pixels, "without it", "all else equal"),
            Tile(np.clip(128 + 2 * page["change"], 0, 255).astype(np.uint8), "difference", "mid-grey is 0; doubled"),
        ],
        "ct": [Tile(xray.pixels, "the X-ray", "", xray.boxes_xyxy_px), *planes],
    }
    people = [Tile(render_xray(plan).pixels, f"{plan.view}, {plan.sex}, {plan.age_years} years") for plan in page["strangers"]]
    figures = {name: rows_of_tiles([("", tiles)]) for name, tiles in rows.items()}
    return figures | {"people": rows_of_tiles([("", people[:6]), ("", people[6:])])}


def twin_pairs(run: Path, planned: int = PLANNED, seed: int = SEED) -> list[Pair]:
    """Return a run's predictions for every X-ray with one opacity, and for its twin, among `planned` planned ones."""
    plans = [plan for plan in plan_xrays(planned, seed) if plan.opacities == 1]
    with tempfile.TemporaryDirectory() as folder:
        ill, well = Path(folder) / "ill", Path(folder) / "well"
        opacities = dict(in_parallel(partial(_write_pair, ill, well), plans, "twins", "pairs"))
        with_it, without = predicted_probabilities(run, ill), predicted_probabilities(run, well)
    return [Pair(*opacity, with_it[image], without[image]) for image, opacity in opacities.items() if opacity is not None]


def _write_pair(ill: Path, well: Path, plan: PlannedXray) -> tuple[str, tuple[float, float, int] | None]:
    xrays = {ill: render_xray(plan), well: render_xray(plan, opacities=False)}
    for folder, xray in xrays.items():
        write_radiograph(folder / f"{plan.image_id}.dcm", xray.pixels, patient_id=plan.image_id, view=plan.view, sex=plan.sex,
                         age=str(plan.age_years), spacing_mm=xray.spacing_mm, photometric=plan.photometric)  # fmt: skip
    opacity = next(finding for finding in xrays[ill].findings if finding.readers is not None)
    if opacity.exact_box_xyxy_px is None:
        return plan.image_id, None
    x0, y0, x1, y1 = opacity.exact_box_xyxy_px
    return plan.image_id, (opacity.contrast, float(np.sqrt((x1 - x0) * (y1 - y0))), int(opacity.readers or 0))


def _grey(values: np.ndarray, white: float) -> np.ndarray:
    return (np.clip(values / white, 0, 1) * 255).astype(np.uint8)


def save_small(figure: Figure, name: str) -> None:
    """Save a figure among the lesson's images, without its empty margins."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Image.open(save_png(figure, Path(folder) / "figure.png")).convert("RGB")
    drawn = ImageChops.difference(picture, Image.new("RGB", picture.size, "white")).getbbox()
    if drawn:
        picture = picture.crop((0, 0, min(drawn[2] + 18, picture.width), min(drawn[3] + 12, picture.height)))
    scale = WIDE_PX / max(picture.width, 0.75 * 2024)
    small = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
    path = ROOM / "images" / f"{name}.webp"
    path.parent.mkdir(exist_ok=True)
    with written_whole(path) as temporary:
        small.save(temporary, format="WEBP", quality=80, method=6)
    say(f"{path}: {small.width} × {small.height}, {path.stat().st_size // 1024} kB")


def main(run: Path | None) -> None:
    for name, figure in lesson_figures(page_left_behind()).items():
        save_small(figure, name)
    if run is not None:
        pairs = twin_pairs(run)
        threshold = float(read_json(run / "scores.json")["threshold"])
        save_small(rate_figure(pairs, threshold), "detection_rate")
        found = np.array([[pair.probability, pair.probability_without] for pair in pairs]) >= threshold
        say(f"{len(pairs)} X-rays with one opacity: {found[:, 0].mean():.0%} reach the threshold, {found[:, 1].mean():.0%} of their twins")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
