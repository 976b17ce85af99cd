"""Images that look alike and were outlined differently: the score that no network can exceed."""

from collections.abc import Callable
from functools import cache

import numpy as np

from radlearn.exercises.answers import Fields, Mistake, Number
from radlearn.exercises.exercise import Exercise

AGREEMENT = 0.9
"Dice of two outlines of one nerve."
PLACES, SEED = 60, 6


@cache
def _groups() -> list[tuple[str, int, int]]:
    """Return the places: name, images, and on how many of them the reader outlined a nerve."""
    rng = np.random.default_rng(SEED)
    groups = []
    for number in range(PLACES):
        images = int(rng.integers(1, 7))
        outlined = int(rng.binomial(images, 0.65)) if rng.random() < 0.55 else 0
        groups.append((f"{number // 4 + 1}_{number % 4 + 1}", images, outlined))
    return groups


def _table() -> dict[str, list[str] | list[bool]]:
    """Return the images in no order, a row each."""
    rows = [(place, number < outlined) for place, images, outlined in _groups() for number in range(images)]
    order = np.random.default_rng(SEED).permutation(len(rows)).tolist()
    return {"place": [rows[number][0] for number in order], "outlined": [rows[number][1] for number in order]}


def _mean(of_place: Callable[[int, int], float]) -> float:
    """Return the mean over all images of what those of a place win together, `of_place(outlined, not outlined)`."""
    return sum(of_place(k, n - k) for _, n, k in _groups()) / sum(n for _, n, _ in _groups())


def _over_places(of_place: Callable[[int, int], float]) -> float:
    return sum(of_place(k, n - k) / n for _, n, k in _groups()) / PLACES


def _best(outlined: int, empty: int) -> float:
    return max(AGREEMENT * outlined, float(empty))


def _contradicted() -> int:
    return sum(0 < k < n for _, n, k in _groups())


def _right() -> dict[str, float]:
    return {"contradicted": _contradicted(), "ceiling": _mean(_best)}


q9 = Exercise(
    lesson="ultrasound",
    number=9,
    title="Images that look the same were outlined differently. What can the best network score?",
    task="""
        A recording has several images of each place, which look the same. On some of them the reader outlined a nerve, on others of the
        same place none. Whatever a network answers for one image of a place, it answers for all of them: it marks the nerve, or nothing.
        The score is the mean Dice over all images. Marking is worth 0.9 where the reader outlined a nerve (two outlines of one nerve have
        that Dice), and 0 where none was outlined. Marking nothing is worth 1 where none was outlined, else 0.

        On how many places do the outlines contradict each other? What is the highest score that any network can reach?
    """,
    about_given={
        "place": "list of text, person and place, for each image",
        "outlined": "list of bool, whether the reader outlined a nerve on it",
    },
    answer="a dictionary {'contradicted': whole number, 'ceiling': number}, the score from 0 to 1, to three digits",
    why="without the ceiling, a reader's errors are taken for those of the network, and training goes on when it is as good as its labels.",
    given=_table,
    expects=Fields({"contradicted": Number(), "ceiling": Number(within=0.0015, share=True)}),
    right=_right,
    mistakes=(
        Mistake(
            lambda: {"contradicted": PLACES},
            "This is how many places there are. On how many of them are some images outlined, and some not?",
        ),
        Mistake(
            lambda: {"contradicted": sum(k > 0 for _, _, k in _groups())},
            "These are the places with an outline. Those on which all images are outlined are no contradiction.",
        ),
        Mistake(
            lambda: {"contradicted": sum(k < n for _, n, k in _groups())},
            "These are the places with an image without an outline. Those on which no image is outlined are no contradiction.",
        ),
        Mistake(
            lambda: {"contradicted": sum(n for _, n, k in _groups() if 0 < k < n)},
            "These are the images of such places. Places were asked for.",
        ),
        Mistake(
            lambda: {"contradicted": sum(min(k, n - k) for _, n, k in _groups())},
            "These are the images on which the rarer answer of their place was given. Places were asked for.",
        ),
        Mistake(lambda: {"ceiling": 1.0}, "1 needs a reader who never contradicts himself, and outlines that agree to the pixel."),
        Mistake(
            lambda: {"ceiling": _mean(lambda k, empty: AGREEMENT * k + empty)},
            "Here the network knows on which of two images that look the same the reader drew something. It has one answer for a place.",
        ),
        Mistake(
            lambda: {"ceiling": _mean(lambda k, empty: float(max(k, empty)))},
            "The outlines are taken to agree to the pixel. Marking is worth 0.9, not 1, where a nerve was outlined.",
        ),
        Mistake(
            lambda: {"ceiling": AGREEMENT * _mean(lambda k, empty: float(max(k, empty)))},
            "The 0.9 was also applied where nothing is marked. That is worth 1 where nothing was outlined.",
        ),
        Mistake(
            lambda: {"ceiling": _mean(lambda k, empty: AGREEMENT * k if k >= empty else empty)},
            "Where as many images are outlined as not, marking nothing wins more: 1 against 0.9 for each. Take the better answer.",
        ),
        Mistake(
            lambda: {"ceiling": _mean(lambda k, empty: AGREEMENT * k if k else empty)},
            "Here a place is marked as soon as one of its images was outlined. That pays only where most of them were.",
        ),
        Mistake(
            lambda: {"ceiling": _mean(lambda k, empty: empty if empty else AGREEMENT * k)},
            "Here a place is left empty as soon as one of its images was not outlined. That pays only where about half were not.",
        ),
        Mistake(lambda: {"ceiling": _mean(lambda k, empty: empty)}, "This is what marking nothing at all scores. Choose for each place."),
        Mistake(
            lambda: {"ceiling": _mean(lambda k, empty: AGREEMENT * k)}, "This is what marking everything scores. Choose for each place."
        ),
        Mistake(
            lambda: {"ceiling": _over_places(_best)},
            "This is the mean over places. The score is the mean over images, and places have one to six of them.",
        ),
        Mistake(
            lambda: {"ceiling": 1 - _contradicted() / PLACES},
            "This is the share of places without a contradiction. On the others part of the images can still be right.",
        ),
        Mistake(
            lambda: {"ceiling": _mean(lambda k, empty: (AGREEMENT * k * k + empty * empty) / (k + empty))},
            "Here the network guesses, as often as the reader outlined. Always giving the better answer scores more.",
        ),
    ),
    hints=(
        "Count for each place how many of its images are outlined, and how many are not.",
        "A place with a outlined images and b others wins 0.9 · a if it is marked, and b if not: max(0.9 · a, b).",
        "Add these up over the places and divide by the number of images.",
    ),
    code="""
        from collections import Counter

        data = q9.data()
        images = Counter(data["place"])
        outlined = Counter(place for place, drawn in zip(data["place"], data["outlined"]) if drawn)
        won = sum(max(0.9 * outlined[place], images[place] - outlined[place]) for place in images)
        answer = {
            "contradicted": sum(0 < outlined[place] < images[place] for place in images),
            "ceiling": won / len(data["place"]),
        }
    """,
    learned="No training exceeds it; better labels do. Where half of the images of a place are outlined, the score rewards marking "
    "nothing. radlearn check lists images that look alike while their masks contradict each other.",
)
