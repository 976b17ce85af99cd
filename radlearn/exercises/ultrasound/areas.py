"""A label map as a file: classes are the indices of its palette, and a pixel has an area in mm²."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from radlearn import files
from radlearn.exercises.answers import Fields, Mistake, Number
from radlearn.exercises.exercise import Exercise

PERSON, SHAPE = 3, (420, 290)
NERVE, VESSEL = 1, 2
YELLOW = (230, 200, 60)


@cache
def _labels() -> tuple[np.ndarray, tuple[float, float]]:
    """Return the exact label map of a built-in person, a column for each beam, and the size of its pixels in mm."""
    from radlearn.ultrasound_phantom.anatomy import DEPTH_MM, WIDTH_MM, draw_anatomy
    from radlearn.ultrasound_phantom.image import draw_view
    from radlearn.ultrasound_phantom.tissue import labels_at, places_of

    anatomy, view = draw_anatomy(0, PERSON), draw_view(np.random.default_rng(5), nerve_seen=True)
    x_mm, z_mm = np.linspace(-WIDTH_MM / 2, WIDTH_MM / 2, SHAPE[1]), np.linspace(0, DEPTH_MM, SHAPE[0])
    spacing = round(DEPTH_MM / (SHAPE[0] - 1), 4), round(WIDTH_MM / (SHAPE[1] - 1), 4)
    return labels_at(anatomy, view, places_of(anatomy, view, x_mm, z_mm)), spacing


def _written() -> Path:
    """Write the label map into the cache folder, nerve and vessel in one colour, and return its path."""
    path = files.cache_folder() / "exercises" / "nerve_and_vessel.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(_labels()[0])
    # A palette makes an image of mode L one of mode P, whose pixels stay as they are.
    image.putpalette([0, 0, 0, *YELLOW, *YELLOW])
    with files.written_whole(path) as temporary:
        image.save(temporary, "PNG")
    return path


def _areas(of_pixel: Callable[[float, float], float]) -> dict[str, float]:
    labels, (down, across) = _labels()
    counts = np.bincount(labels.ravel(), minlength=3)
    return {"nerve_mm2": float(counts[NERVE] * of_pixel(down, across)), "vessel_mm2": float(counts[VESSEL] * of_pixel(down, across))}


def _right_areas() -> dict[str, float]:
    return _areas(lambda down, across: down * across)


def _around(number: int) -> float:
    """Return the area of the upright rectangle around a class, mm²."""
    labels, (down, across) = _labels()
    rows, columns = np.nonzero(labels == number)
    return float((np.ptp(rows) + 1) * (np.ptp(columns) + 1) * down * across)


q5 = Exercise(
    lesson="ultrasound",
    number=5,
    title="Nerve and vessel have one colour in my viewer. How large is each?",
    task="""
        Open the label map, a PNG with a palette: 1 is nerve, 2 is vessel. The pixels of this machine are not square; their spacing is
        given. What are the areas of nerve and vessel, in mm²?
    """,
    about_given={
        "path": "the path of a PNG file",
        "spacing_mm": "two numbers, how far pixels lie apart down and across, in mm",
    },
    answer="a dictionary {'nerve_mm2': number, 'vessel_mm2': number}, in mm², to a tenth",
    why="the area of a nerve is a measurement: at the wrist, the median nerve counts as swollen from about 10 mm² on.",
    given=lambda: {"path": _written(), "spacing_mm": _labels()[1]},
    expects=Fields({"nerve_mm2": Number(within=0.06), "vessel_mm2": Number(within=0.06)}),
    right=_right_areas,
    mistakes=(
        Mistake(
            lambda: dict(zip(("vessel_mm2", "nerve_mm2"), _right_areas().values(), strict=True)),
            "Nerve and vessel are exchanged: 1 is nerve, 2 is vessel.",
        ),
        Mistake(lambda: _areas(lambda down, across: 1.0), "These are pixels. Each of them has an area: down × across."),
        Mistake(
            lambda: _areas(lambda down, across: down**2),
            "Pixels are taken to be square, as wide as they are high. Multiply down by across.",
        ),
        Mistake(
            lambda: _areas(lambda down, across: across**2),
            "Pixels are taken to be square, as high as they are wide. Multiply down by across.",
        ),
        Mistake(lambda: _areas(lambda down, across: down * across / 100), "These areas are in cm²; mm² were asked for."),
        Mistake(
            lambda: {"nerve_mm2": sum(_right_areas().values())},
            "Nerve and vessel are counted together. They have one colour, so a map that was converted to RGB or grey cannot tell them "
            "apart. What numpy.asarray makes of the image as it was opened are the indices.",
        ),
        Mistake(
            lambda: {"vessel_mm2": sum(_right_areas().values())},
            "This is the area of both together: whatever is not 0. The vessel is what equals 2.",
        ),
        Mistake(
            lambda: {"nerve_mm2": 0.0},
            "No pixel was counted as nerve. Look at numpy.unique of the array: has the map been converted to colours or greys?",
        ),
        Mistake(
            lambda: {"vessel_mm2": 0.0},
            "No pixel was counted as vessel. Look at numpy.unique of the array: it is 0, 1, 2 only if the indices were read.",
        ),
        Mistake(
            lambda: {"vessel_mm2": 2 * _right_areas()["vessel_mm2"]},
            "The numbers of the class were added up, and each is 2. Count the pixels that equal 2.",
        ),
        Mistake(lambda: {"nerve_mm2": _around(NERVE)}, "This is the rectangle around the nerve. Count the pixels of the nerve alone."),
        Mistake(lambda: {"vessel_mm2": _around(VESSEL)}, "This is the rectangle around the vessel. Count the pixels of the vessel alone."),
        Mistake(
            lambda: {"nerve_mm2": _areas(lambda down, across: down + across)["nerve_mm2"]},
            "Spacings down and across are added. An area is their product.",
        ),
    ),
    hints=(
        "`numpy.asarray(PIL.Image.open(path))` has the indices of the palette. Do not convert.",
        "(labels == 1).sum() pixels, each of spacing_mm[0] × spacing_mm[1] mm².",
    ),
    code="""
        import numpy as np
        from PIL import Image

        data = q5.data()
        labels = np.asarray(Image.open(data["path"]))
        down, across = data["spacing_mm"]
        answer = {
            "nerve_mm2": (labels == 1).sum() * down * across,
            "vessel_mm2": (labels == 2).sum() * down * across,
        }
    """,
    learned="The palette gives both classes the same yellow; only the indices differ. Two programs may also give one class two colours, so "
    "a label map is never read by its colours.",
)
