"""A mask as the challenge takes it: run lengths down the columns."""

from collections.abc import Callable

import numpy as np

from radlearn.exercises.answers import Mistake, Numbers
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.functions import Case, Function

Runs = Callable[[np.ndarray], list[int]]


def _masks() -> list[Case]:
    block, corner, last, tall, single, ring = np.zeros((6, 5, 6), bool)
    block[1:3, 2:5] = True
    corner[0, 0:3] = True
    last[2:, 5] = True
    tall[3:, 1] = tall[:2, 2] = True
    single[3, 4] = True
    ring[1:4, 1:4] = True
    ring[2, 2] = False
    return [
        Case("a block of two rows and three columns", (block,)),
        Case("a mask with a hole", (ring,)),
        Case("pixels in the corner where counting begins", (corner,)),
        Case("a mask that reaches the last pixel", (last,)),
        Case("a run that goes on at the top of the next column", (tall,)),
        Case("a single pixel", (single,)),
        Case("an empty mask", (np.zeros((5, 6), bool),)),
        Case("a mask of bytes 0 and 255, as it comes from a file", (np.where(tall | block, 255, 0).astype(np.uint8),)),
        Case("a mask that is full", (np.ones((3, 4), bool),)),
    ]


def _pairs(flat: np.ndarray) -> list[tuple[int, int]]:
    """Return first and last place of each run, from 0, going from pixel to pixel."""
    runs: list[tuple[int, int]] = []
    for place in np.flatnonzero(flat).tolist():
        if runs and runs[-1][1] == place - 1:
            runs[-1] = runs[-1][0], place
        else:
            runs.append((place, place))
    return runs


def _written(of_run: Callable[[int, int], tuple[int, int]], order: str = "F") -> Runs:
    return lambda mask: [number for run in _pairs(_flat(mask, order)) for number in of_run(*run)]


def _flat(mask: np.ndarray, order: str) -> np.ndarray:
    return (mask if order == "F" else mask.T).T.ravel() > 0


def _column_by_column(mask: np.ndarray) -> list[int]:
    rows = len(mask)
    runs = [(first + rows * column, last + rows * column) for column in range(mask.shape[1]) for first, last in _pairs(mask[:, column])]
    return [number for first, last in runs for number in (first + 1, last - first + 1)]


def _by_edges(before: int, after: int, inside: Callable[[np.ndarray], np.ndarray] = lambda mask: mask > 0) -> Runs:
    """Return run lengths from the edges of the flat mask, with pixels set before and after it or not; edges without a pair are dropped."""

    def runs(mask: np.ndarray) -> list[int]:
        flat = np.concatenate([np.zeros(before, bool), inside(mask).T.ravel(), np.zeros(after, bool)])
        edges = (np.flatnonzero(flat[1:] != flat[:-1]) + 2 - before).tolist()
        return [number for start, end in zip(edges[::2], edges[1::2], strict=False) for number in (start, end - start)]

    return runs


def _around(mask: np.ndarray) -> list[int]:
    places = np.flatnonzero(_flat(mask, "F")).tolist()
    return [places[0] + 1, places[-1] - places[0] + 1] if places else []


_right = _written(lambda first, last: (first + 1, last - first + 1))

q7 = Exercise(
    lesson="ultrasound",
    number=7,
    title="The challenge wants run lengths. What do I write for this mask?",
    task="""
        Write `runs(mask)`. The pixels of the mask are counted from 1, down the first column, then down the second, and so on. Each run of
        marked pixels becomes two numbers, its first pixel and its length. A run that reaches the bottom of a column goes on at the top of
        the next. Masks are arrays of bool, or of bytes in which 0 is not marked.
    """,
    answer="a function of a mask (rows, columns) that returns a list of whole numbers: start, length, start, length, …; empty for an empty "
    "mask",
    why="a mask that was read row by row is still a mask, of stripes, and its score is near 0: it looks like a bad network.",
    expects=Function(_masks, Numbers((None,))),
    right=_right,
    mistakes=(
        Mistake(
            _written(lambda first, last: (first + 1, last - first + 1), order="C"),
            "Pixels are counted row by row here, as numpy flattens. The challenge counts down the columns: mask.T.ravel().",
        ),
        Mistake(
            _written(lambda first, last: (first, last - first + 1), order="C"),
            "Two things: pixels are counted row by row, and from 0. The challenge counts down the columns and from 1.",
        ),
        Mistake(_written(lambda first, last: (first, last - first + 1)), "Pixels are counted from 0 here. The first one is 1."),
        Mistake(_written(lambda first, last: (first + 1, last + 1)), "These are start and end. Start and length were asked for."),
        Mistake(
            _written(lambda first, last: (first + 1, last + 2)),
            "These are the start and the first pixel behind the run. Start and length were asked for: subtract.",
        ),
        Mistake(
            _written(lambda first, last: (first + 1, last - first)),
            "Each length is too short by one: a run from pixel 4 to pixel 4 has length 1.",
        ),
        Mistake(_written(lambda first, last: (last - first + 1, first + 1)), "Start and length are exchanged: the start comes first."),
        Mistake(
            _column_by_column,
            "Runs are cut at the end of each column. One that goes on at the top of the next is a single run.",
        ),
        Mistake(
            _by_edges(1, 0),
            "A run that reaches the last pixel has no end here, and is lost. Add an unmarked pixel behind the mask.",
        ),
        Mistake(
            _by_edges(0, 1),
            "A run that begins at the first pixel has no start here, and all edges behind it change roles. Add an unmarked pixel before "
            "the mask.",
        ),
        Mistake(
            _by_edges(0, 0),
            "Runs at the first and at the last pixel lose an edge here. Add an unmarked pixel before and behind the mask.",
        ),
        Mistake(
            _by_edges(1, 1, lambda mask: mask == 1),
            "This looks for the value 1. In a file marked pixels are 255: take what is not 0.",
        ),
        Mistake(
            _around,
            "This is one run from the first to the last marked pixel. What lies between them and is not marked ends a run.",
        ),
        Mistake(
            lambda mask: (np.flatnonzero(_flat(mask, "F")) + 1).tolist(),
            "These are the numbers of all marked pixels. Give each run by its start and its length.",
        ),
        Mistake(
            lambda mask: [last - first + 1 for first, last in _pairs(_flat(mask, "F"))],
            "These are the lengths alone. Each needs its start before it.",
        ),
        Mistake(
            lambda mask: _right(mask) or [1, 0],
            "An empty mask has no run, not one of length 0: return an empty list.",
        ),
    ),
    hints=(
        "`flat = mask.T.ravel() > 0` goes down the columns.",
        "Put a False before and behind. Where neighbours differ, a run begins or ends, in turn.",
        "`edges = numpy.flatnonzero(flat[1:] != flat[:-1]) + 1`; the starts are edges[::2], the lengths edges[1::2] − edges[::2].",
    ),
    code="""
        import numpy as np

        def answer(mask):
            flat = np.concatenate([[False], mask.T.ravel() > 0, [False]])
            edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
            starts, lengths = edges[::2], edges[1::2] - edges[::2]
            return np.stack([starts, lengths], axis=1).ravel()
    """,
    learned="The text does not say how its pixels were counted. Decode a submission and look at it before it is sent; radlearn score says "
    "where masks look as if they had been counted row by row.",
)
