"""Images without a nerve: a smallest size that empties false marks, chosen on validation people and scored on test people."""

from functools import cache

import numpy as np

from radlearn.exercises.answers import Fields, Mistake, Number
from radlearn.exercises.exercise import Exercise

SEED = 141
CANDIDATES_PX = (0, 500, 1000, 1500, 2000, 2500, 3000, 4000, 6000)
Table = dict[str, np.ndarray]


@cache
def _table() -> Table:
    """Return what a network marked on 300 images: false marks are small, and so are the marks of some faint nerves."""
    rng = np.random.default_rng(SEED)
    nerve, test = rng.random(300) < 0.4, np.arange(300) >= 150
    found = rng.random(300) < 0.93
    area = np.where(nerve, rng.lognormal(8.1, 0.55, 300), rng.lognormal(6.9, 0.75, 300)).round()
    marked = np.where(nerve, found, rng.random(300) < 0.55)
    # What is small beside a nerve covers less of it.
    dice = np.where(nerve, np.clip(0.25 + 0.5 * area / (area + 900) + rng.normal(0.12, 0.08, 300), 0.05, 0.95), 0)
    area, dice = np.where(marked, area, 0).astype(int), np.where(marked, dice, np.where(nerve, 0, 1)).round(3)
    return {
        "subset": np.where(test, "test", "validation"),
        "nerve": nerve,
        "area_px": area,
        "dice": dice,
    }


def _part(subset: str) -> Table:
    rows = np.array([subset in (name, "all") for name in _table()["subset"]])
    return {name: column[rows] for name, column in _table().items()}


def _score(subset: str, smallest_px: float) -> float:
    """Return the mean Dice of a subset, image by image, where the solution takes arrays."""
    part = _part(subset)
    scores = []
    for nerve, area, dice in zip(part["nerve"], part["area_px"], part["dice"], strict=True):
        scores.append(float(dice) if area >= smallest_px else float(not nerve))
    return sum(scores) / len(scores)


def _best(subset: str) -> int:
    return max(CANDIDATES_PX, key=lambda size: _score(subset, size))


def _empty_share(subset: str) -> float:
    return float(1 - _part(subset)["nerve"].mean())


def _right() -> dict[str, float]:
    return {"nothing": _empty_share("test"), "smallest_px": _best("validation"), "test_score": _score("test", _best("validation"))}


def _images_right(smallest_px: float) -> float:
    """Return the share of validation images on which marked or not marked is right."""
    part = _part("validation")
    kept = (part["area_px"] >= smallest_px) & (part["area_px"] > 0)
    return float((kept == part["nerve"]).mean())


def _over_nerves(smallest_px: float) -> float:
    part = _part("test")
    kept = np.where(part["area_px"] >= smallest_px, part["dice"], 0)
    return float(kept[part["nerve"]].mean())


def _loses_none() -> int:
    """Return the largest size that empties no image with a nerve."""
    part = _part("validation")
    least = part["area_px"][part["nerve"] & (part["area_px"] > 0)].min()
    return max(size for size in CANDIDATES_PX if size <= least)


def _of_marked(smallest_px: float) -> float:
    part = _part("test")
    return float(part["dice"][(part["area_px"] >= smallest_px) & (part["area_px"] > 0)].mean())


_score_kind = Number(within=0.0015, share=True)

q8 = Exercise(
    lesson="ultrasound",
    number=8,
    title="Most images have no nerve. From which size on is a mark kept?",
    task="""
        A network marked nerves on images of validation and test people. The challenge's score is the mean Dice over all images, in which an
        image without a nerve counts 1 if nothing is marked on it and 0 otherwise. Marks of fewer than s pixels may be deleted; then nothing
        is marked on the image, whatever was there.

        What would a network score on the test people that marks nothing at all? Which s of the candidates has the best score on the
        validation people? Which score does this s reach on the test people?
    """,
    about_given={
        "subset": "array of text, 'validation' or 'test', a place for each image",
        "nerve": "bool array, whether there is a nerve on the image",
        "area_px": "array of whole numbers, how many pixels the network marked; 0 is nothing",
        "dice": "array, the Dice of the image as it was marked, 1 where nothing is marked and nothing there",
        "candidates_px": "list of whole numbers, the sizes s to choose from",
    },
    answer="a dictionary {'nothing': number, 'smallest_px': one of the candidates, 'test_score': number}, scores from 0 to 1, to "
    "three digits",
    why="each false mark is a nerve where none is; but a faint nerve that is deleted is not found either, and the score sees both.",
    given=lambda: {**_table(), "candidates_px": list(CANDIDATES_PX)},
    expects=Fields(
        {"nothing": _score_kind, "smallest_px": Number(), "test_score": _score_kind},
        follows={"test_score": lambda value: _score("test", value["smallest_px"])},
    ),
    right=_right,
    mistakes=(
        Mistake(
            lambda: {"nothing": 0.0},
            "Marking nothing is not worth 0: each image without a nerve counts 1.",
        ),
        Mistake(
            lambda: {"nothing": 1 - _empty_share("test")}, "This is the share of images with a nerve. The others are those that count 1."
        ),
        Mistake(lambda: {"nothing": _empty_share("all")}, "This share is of all images. The test people alone were asked for."),
        Mistake(lambda: {"nothing": _empty_share("validation")}, "This share is of the validation people. The test people were asked for."),
        Mistake(
            lambda: {"nothing": _score("test", 0)},
            "This is the score of the marks as they are. What if none of them were kept?",
        ),
        Mistake(
            lambda: {"smallest_px": _best("test")},
            "This s is the best one on the test people. Chosen there, it looks better than it will be: choose on the validation people.",
        ),
        Mistake(
            lambda: {"smallest_px": _loses_none()},
            "This s deletes no nerve that was marked. A larger one deletes a few, and more false marks: compare the scores.",
        ),
        Mistake(
            lambda: {"smallest_px": max(CANDIDATES_PX, key=_images_right)},
            "With this s most images are rightly marked or rightly left empty. That is not the score: an image without a nerve wins 1, one "
            "with a nerve only its Dice.",
        ),
        Mistake(
            lambda: {"smallest_px": 0},
            "0 deletes nothing, which is best for images with a nerve alone. The score is over all images.",
        ),
        Mistake(
            lambda: {"smallest_px": CANDIDATES_PX[-1]},
            "The largest s is the best one only if a nerve whose mark is deleted keeps its Dice, or counts 1. It counts 0.",
        ),
        Mistake(
            lambda: {"smallest_px": 1234},
            lambda value: f"{value['smallest_px']:g} is not one of the candidates.",
            fits=lambda value: value["smallest_px"] not in CANDIDATES_PX,
        ),
        Mistake(lambda: {"test_score": _score("test", 0)}, "This is the score of the marks as they are. Delete the small ones first."),
        Mistake(
            lambda: {"test_score": _score("validation", _best("validation"))},
            "This is the score on the validation people, on whom s was chosen. Give that on the test people.",
        ),
        Mistake(
            lambda: {"test_score": _score("test", _best("test"))},
            "This is the best score that any s reaches on the test people. Take the s of the validation people.",
        ),
        Mistake(
            lambda: {"test_score": _over_nerves(_best("validation"))},
            "This is the mean over images with a nerve. The challenge's mean is over all.",
        ),
        Mistake(
            lambda: {"test_score": _of_marked(_best("validation"))},
            "This is the mean over images on which a mark is left. Images that are empty now count too: 1 without a nerve, 0 with one.",
        ),
    ),
    hints=(
        "With s, an image whose area is below s has a Dice of 1 if it has no nerve, else of 0; the others keep theirs.",
        "`numpy.where(area_px >= s, dice, ~nerve)` has the Dice of each image. Take the mean over the validation people, for each s.",
    ),
    code="""
        import numpy as np

        data = q8.data()

        def score(subset, smallest_px):
            part = data["subset"] == subset
            return np.where(data["area_px"] >= smallest_px, data["dice"], ~data["nerve"])[part].mean()

        best = max(data["candidates_px"], key=lambda size: score("validation", size))
        nothing = (~data["nerve"])[data["subset"] == "test"].mean()
        answer = {"nothing": nothing, "smallest_px": best, "test_score": score("test", best)}
    """,
    learned="As it was, the network scored less than one that marks nothing. radlearn ultrasound tune chooses such a size for each class, "
    "together with a threshold. Give the Dice on images with a nerve beside this score, which also rises where nerves are deleted.",
)
