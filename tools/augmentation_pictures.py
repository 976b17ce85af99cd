"""Draw what a lesson's random transforms made of two of its cases: `python -m tools.augmentation_pictures TASK OUT DATA`.

OUT is a PNG or WebP file; a lesson shows `images/augmentation.webp`.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from radlearn.augmentation.drawn import Told
from radlearn.files import written_whole
from radlearn.pictures.augmentation import AugmentationRow, augmentation_figure, augmentation_row
from radlearn.pictures.style import save_png
from radlearn.progress import say
from radlearn.tasks.detection.drawn import apply_and_tell
from radlearn.tasks.xray.radiographs import prepared_radiographs
from radlearn.training.loading import SampleKey, reseed
from radlearn.use_cases import USE_CASES

CASES = 2
WIDTH_PX = 1100


def rows_of(task: str, cases: list[Any], epochs: int = 1) -> list[AugmentationRow]:
    """Return a row for each of a task's cases and epochs, as the lesson would load them."""
    lesson = import_module(USE_CASES[task].lesson)
    settings = lesson.PRESETS["quick"]
    keys = [(case, SampleKey(epoch, number)) for number, case in enumerate(cases) for epoch in range(epochs)]
    tell = _of_detection(lesson, settings, cases) if task == "detection" else lesson.make_dataset(settings, cases, training=True).told
    spacing_mm = settings.spacing_mm if task == "segmentation" else ()
    # A CT gives a list of patches, here of one.
    sample = (0,) if task == "segmentation" else ()
    rows = []
    for case, key in keys:
        item, told = tell(key)
        rows.append(augmentation_row(f"{case.image_id}, epoch {key.epoch + 1}", item, told, spacing_mm, sample=sample))
    return rows


def _of_detection(lesson: Any, settings: Any, cases: list[Any]) -> Callable[[SampleKey], tuple[Any, Told]]:
    """Return what tells of an X-ray in the lesson that has no MONAI."""
    xrays, transform, given = prepared_radiographs(cases, settings.size_px), lesson.training_transform(settings), []

    def tell(key: SampleKey) -> tuple[Any, Told]:
        def keep(item: Any) -> dict[str, Any]:
            given.append(item)
            return {}

        lesson.load(xrays, keep, key)
        reseed(settings.seed, *key)
        return dict(given[-1]), apply_and_tell(transform, given[-1])

    return tell


def main(task: str, path: Path, data: Path) -> None:
    cases = import_module(USE_CASES[task].lesson).find_cases(data)
    figure = augmentation_figure(rows_of(task, [case for case in cases if getattr(case, "label", True)][:CASES]))
    with TemporaryDirectory() as folder:
        picture = Image.open(save_png(figure, Path(folder) / "augmentation.png")).convert("RGB")
        picture.thumbnail((WIDTH_PX, 4 * WIDTH_PX))
        with written_whole(path) as temporary:
            picture.save(temporary, quality=80)
    say(f"{path}: {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
