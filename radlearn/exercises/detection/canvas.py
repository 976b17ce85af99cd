"""Images and their boxes on the way into the network and back: shuffled together, padded, resized."""

from collections.abc import Callable
from typing import Any

import numpy as np

from radlearn.exercises.answers import Fields, Mistake, NotAnAnswer, Number, Numbers, described
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.functions import Case, Function, Returned


def _collections() -> list[Case]:
    # Image n is filled with n, and its boxes begin at n.
    def images(count: int) -> np.ndarray:
        return np.arange(count)[:, None, None] * np.ones((count, 2, 2))

    return [
        Case("twelve X-rays", (images(12), [[(n, n, n + 5, n + 5)] * (n % 3) for n in range(12)], 0)),
        Case("another seed", (images(12), [[(n, n, n + 5, n + 5)] * (n % 3) for n in range(12)], 1)),
        Case("no X-ray", (images(0), [], 0)),
        Case("one X-ray", (images(1), [[(0, 0, 5, 5)]], 0)),
    ]


def _judged(shuffle: Callable[..., Any], images: np.ndarray, boxes: list[Any], seed: int) -> dict[str, float]:
    """Return the facts that are compared: they are the same for every right way to shuffle."""
    kept, kept_boxes = images.copy(), list(boxes)
    returned = shuffle(images, boxes, np.random.default_rng(seed))
    try:
        new_images, new_boxes = returned
        new_images, new_boxes = np.asarray(new_images), list(new_boxes)
    except (TypeError, ValueError):
        forgotten = ": is a `return` missing?" if returned is None else ""
        raise NotAnAnswer(f"{described(returned)} is no pair of images and boxes{forgotten}") from None
    which = [int(image.flat[0]) for image in new_images]
    expected = [[(n, n, n + 5, n + 5)] * (n % 3 if len(kept) > 1 else 1) for n in which]
    pairs = [[tuple(box) for box in one] == other for one, other in zip(new_boxes, expected, strict=False)]
    return {
        "X-rays": len(which),
        "lists of boxes": len(new_boxes),
        "different X-rays": len(set(which)),
        "X-rays with their own boxes": sum(pairs),
        "X-rays moved": float(len(which) > 1 and which != sorted(which)),
        "boxes moved": float(len(which) > 1 and [[tuple(box) for box in one] for one in new_boxes] != kept_boxes),
        "original unchanged": float(np.array_equal(images, kept) and boxes == kept_boxes),
    }


def _shuffled(images: np.ndarray, boxes: list[Any], draw: np.random.Generator) -> tuple[np.ndarray, list[Any]]:
    order = draw.permutation(len(images))
    return images[order], [boxes[number] for number in order]


def _twice(images: np.ndarray, boxes: list[Any], draw: np.random.Generator) -> tuple[np.ndarray, list[Any]]:
    return images[draw.permutation(len(images))], [boxes[number] for number in draw.permutation(len(boxes))]


def _sampled(images: np.ndarray, boxes: list[Any], draw: np.random.Generator) -> tuple[np.ndarray, list[Any]]:
    order = draw.integers(0, max(len(images), 1), len(images))
    return images[order], [boxes[number] for number in order]


def _boxes_back(images: np.ndarray, boxes: list[Any], draw: np.random.Generator) -> tuple[np.ndarray, list[Any]]:
    order = draw.permutation(len(images))
    return images[order], [boxes[number] for number in np.argsort(order)]


def _without_healthy(images: np.ndarray, boxes: list[Any], draw: np.random.Generator) -> tuple[np.ndarray, list[Any]]:
    order = draw.permutation(len(images))
    return images[order], [boxes[number] for number in order if boxes[number]]


def _images_in_place(images: np.ndarray, boxes: list[Any], draw: np.random.Generator) -> tuple[np.ndarray, list[Any]]:
    draw.shuffle(images)
    return images, boxes


def _boxes_in_place(images: np.ndarray, boxes: list[Any], draw: np.random.Generator) -> tuple[np.ndarray, list[Any]]:
    draw.shuffle(boxes)
    return images, boxes


def _both_in_place(images: np.ndarray, boxes: list[Any], draw: np.random.Generator) -> tuple[np.ndarray, list[Any]]:
    draw.shuffle(images)
    draw.shuffle(boxes)
    return images, boxes


def _apart(images: float, boxes: float, unchanged: float) -> Callable[[Returned], bool]:
    """Return whether a call gave pairs that do not belong together, moved X-rays, moved boxes, and left alone what was handed in."""
    wanted = {"X-rays moved": images, "boxes moved": boxes, "original unchanged": unchanged}

    def fits(returned: Returned) -> bool:
        facts = returned.value
        if facts is None or not facts["X-rays"] == facts["lists of boxes"] == facts["different X-rays"] > 1:
            return False
        apart = facts["X-rays with their own boxes"] < facts["X-rays"]
        return bool(apart and all(facts[name] == value for name, value in wanted.items()))

    return fits


def _in_place(images: np.ndarray, boxes: list[Any], draw: np.random.Generator) -> tuple[np.ndarray, list[Any]]:
    order = draw.permutation(len(images))
    images[:] = images[order]
    return images, [boxes[number] for number in order]


_FACTS = (
    "X-rays",
    "lists of boxes",
    "different X-rays",
    "X-rays with their own boxes",
    "X-rays moved",
    "boxes moved",
    "original unchanged",
)

q4 = Exercise(
    lesson="detection",
    number=4,
    title="My loss falls, but the boxes are nonsense. What is wrong with my loader?",
    task="""
        This loader shuffles X-rays and boxes apart: afterwards most X-rays have the boxes of another patient. Mend it.

            def shuffled(images, boxes, generator):
                images = images[generator.permutation(len(images))]
                boxes = [boxes[number] for number in generator.permutation(len(boxes))]
                return images, boxes

        `images` is an array (n, rows, columns), `boxes` a list of n lists of boxes, because X-rays differ in their number of boxes;
        `generator` is a numpy.random.Generator. What is handed in must not be changed.
    """,
    answer="a function shuffled(images, boxes, generator) that returns both, shuffled alike",
    why="nothing in a training shows such a mistake: the network learns where opacities usually are, and its score is only low.",
    expects=Function(_collections, Fields({name: Number() for name in _FACTS}), call=_judged),
    right=_shuffled,
    mistakes=(
        Mistake(_twice, "Two permutations: each call of the generator draws another order. Draw one, and use it for both."),
        Mistake(
            _boxes_back,
            "The boxes went the way back (argsort of the order): X-ray k is `images[order[k]]`, and so its boxes are `boxes[order[k]]`.",
        ),
        Mistake(lambda images, boxes, draw: (images, boxes), "Nothing has moved. Shuffle, but both alike."),
        Mistake(
            lambda images, boxes, draw: (images[draw.permutation(len(images))], boxes),
            "The X-rays have moved, the boxes have not. The same order belongs to both.",
            fits=_apart(images=1, boxes=0, unchanged=1),
        ),
        Mistake(
            lambda images, boxes, draw: (images, [boxes[number] for number in draw.permutation(len(boxes))]),
            "The boxes have moved, the X-rays have not: the same order belongs to both.",
            fits=_apart(images=0, boxes=1, unchanged=1),
        ),
        Mistake(
            _images_in_place,
            "The X-rays have moved, in the array that was handed in, and the boxes have not (`generator.shuffle` changes what it gets and "
            "returns None). Draw one order, use it for both, and return new ones.",
            fits=_apart(images=1, boxes=0, unchanged=0),
        ),
        Mistake(
            _boxes_in_place,
            "The boxes have moved, in the list that was handed in, and the X-rays have not (`generator.shuffle` changes what it gets and "
            "returns None). Draw one order, use it for both, and return new ones.",
            fits=_apart(images=0, boxes=1, unchanged=0),
        ),
        Mistake(
            _both_in_place,
            "X-rays and boxes have both moved, but not alike, and in what was handed in. Draw one order, use it for both, and return new "
            "ones.",
            fits=_apart(images=1, boxes=1, unchanged=0),
        ),
        Mistake(
            lambda images, boxes, draw: (images[draw.permutation(len(images))], boxes[1:] + boxes[:1]),
            "X-rays and boxes have both moved, but not alike: the order in which the X-rays come belongs to the boxes, too.",
            fits=_apart(images=1, boxes=1, unchanged=1),
        ),
        Mistake(
            _in_place,
            "The array that was handed in has changed. The next epoch would begin with other pairs: return a new one.",
        ),
        Mistake(
            _without_healthy,
            "There are fewer lists of boxes than X-rays. An X-ray without a box has an empty list, which has to stay.",
            fits=lambda returned: returned.value is not None and returned.value["lists of boxes"] < returned.value["X-rays"],
        ),
        Mistake(
            lambda images, boxes, draw: _shuffled(images[:-1], boxes[:-1], draw),
            "An X-ray is missing: all of them come back, in another order.",
        ),
        Mistake(
            _sampled, "Some X-rays occur twice and others never: this draws with replacement. Use permutation, not integers or choice."
        ),
    ),
    hints=(
        "How often is an order drawn, and how often should it be?",
        "order = generator.permutation(len(images)); use it for the array and for the list.",
    ),
    code="""
        def answer(images, boxes, generator):
            order = generator.permutation(len(images))
            return images[order], [boxes[number] for number in order]
    """,
    learned="Better still, keep an X-ray and its boxes in one item, as a torch Dataset does: then nothing can come apart.",
)


def _canvases() -> list[Case]:
    return [
        Case("a square X-ray", (np.array([[64.0, 64.0, 128.0, 192.0]]), (1024, 1024), 256)),
        Case("an X-ray that is higher than wide", (np.array([[64.0, 64.0, 128.0, 192.0]]), (2048, 1536), 256)),
        Case("an X-ray that is wider than high", (np.array([[64.0, 64.0, 128.0, 192.0], [20.0, 100.0, 90.0, 180.0]]), (1500, 3000), 512)),
        Case("no box", (np.zeros((0, 4)), (2048, 1536), 256)),
    ]


def _padding(shape: tuple[int, int]) -> np.ndarray:
    rows, columns = shape
    side = max(shape)
    return np.array([(side - columns) / 2, (side - rows) / 2] * 2)


def _back(boxes: np.ndarray, shape: tuple[int, int], size: int) -> np.ndarray:
    return boxes * (max(shape) / size) - _padding(shape)


q5 = Exercise(
    lesson="detection",
    number=5,
    title="The network saw 256 × 256 pixels. Where is the box on the X-ray?",
    task="""
        An X-ray of (rows, columns) pixels was padded to a square, with equal black borders on both sides of its shorter axis, and then
        resized to size × size pixels for the network. Write `back(boxes, shape, size)`, which brings the network's boxes (x0, y0, x1, y1)
        onto the X-ray. Do not clip.
    """,
    answer="a function of an array (n, 4) in pixels of the network, the X-ray's (rows, columns) and size, that returns boxes (n, 4) in "
    "pixels of the X-ray",
    why="the doctor sees the box on the original X-ray; a box that is off by the border marks another rib.",
    expects=Function(_canvases, Numbers((None, 4), within=1e-2)),
    right=_back,
    mistakes=(
        Mistake(
            lambda boxes, shape, size: boxes * (max(shape) / size),
            "The scale is right, but the border that was added is still in it. Subtract it.",
        ),
        Mistake(
            lambda boxes, shape, size: boxes * (max(shape) / size) - np.roll(_padding(shape), 1),
            "The border is taken off the wrong axis. A high X-ray (more rows than columns) has borders left and right: in x.",
        ),
        Mistake(
            lambda boxes, shape, size: boxes * (max(shape) / size) - 2 * _padding(shape),
            "The whole border is subtracted, but half of it lies on the other side.",
        ),
        Mistake(
            lambda boxes, shape, size: boxes * np.array([shape[1] / size, shape[0] / size] * 2),
            "This would be right for an X-ray that was squashed to a square. This one was padded, so both axes have the same scale.",
        ),
        Mistake(
            lambda boxes, shape, size: (boxes - _padding(shape)) * (max(shape) / size),
            "The border is counted in pixels of the X-ray: undo the last step first, so scale and then subtract.",
        ),
        Mistake(
            lambda boxes, shape, size: boxes * (size / max(shape)),
            "The scale is upside down: the X-ray has more pixels than the network's image.",
        ),
        Mistake(
            lambda boxes, shape, size: boxes * (max(shape) / size) + _padding(shape),
            "The border is added once more. The X-ray's own pixels begin behind it: subtract it.",
        ),
        Mistake(
            lambda boxes, shape, size: boxes * (min(shape) / size) - _padding(shape),
            "The scale is that of the shorter axis. It was padded to the longer one: the whole square has the side of the longer axis.",
        ),
        Mistake(
            lambda boxes, shape, size: boxes * np.array([shape[0] / size, shape[1] / size] * 2),
            "The scale differs between the axes here, and is that of the other axis besides. The X-ray was padded to a square, so both "
            "have the same.",
        ),
        Mistake(
            lambda boxes, shape, size: np.clip(_back(boxes, shape, size), 0, np.array([shape[1], shape[0]] * 2)),
            "The boxes are clipped to the X-ray. Do not clip here: it would hide a border that was subtracted wrongly.",
        ),
        Mistake(
            lambda boxes, shape, size: np.round(_back(boxes, shape, size)),
            "The numbers are rounded. A corner may lie between two pixels: keep the fraction.",
        ),
        Mistake(
            lambda boxes, shape, size: np.array([_back(box[None], shape, size)[0] for box in boxes]),
            "Without a box, the array has lost its second axis: work on whole columns, and no box is no special case.",
        ),
    ),
    hints=(
        "Two things were done: pad, then resize. Undo the last one first.",
        "scale = max(shape) / size. The border left is (max(shape) − columns) / 2, the one above (max(shape) − rows) / 2.",
    ),
    code="""
        import numpy as np

        def answer(boxes, shape, size):
            rows, columns = shape
            side = max(rows, columns)
            left, above = (side - columns) / 2, (side - rows) / 2
            return boxes * (side / size) - np.array([left, above, left, above])
    """,
    learned="The challenge's X-rays are square already, squashed by whoever prepared them: those of your hospital are not (--shape pad "
    "in the first lesson).",
)
