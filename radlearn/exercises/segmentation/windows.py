"""Sliding windows: how many forward passes a scan takes."""

from collections.abc import Callable
from math import ceil, prod

from radlearn.exercises.answers import Mistake, Number
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.functions import Case, Function

Size = tuple[int, ...]


def _scans() -> list[Case]:
    return [
        Case("windows that fit exactly", ((256, 256, 64), (64, 64, 32), 0.0)),
        Case("windows that overlap by half", ((256, 256, 64), (64, 64, 32), 0.5)),
        Case("a rim that is left over", ((300, 280, 70), (64, 64, 32), 0.25)),
        Case("a scan of the size of the window", ((96, 96, 32), (96, 96, 32), 0.5)),
        Case("a scan thinner than the window", ((200, 200, 10), (96, 96, 32), 0.5)),
        Case("a step that is no whole number", ((100, 100, 50), (33, 33, 15), 0.5)),
        Case("a rim that the step leaves over only if it is rounded", ((107, 107, 50), (33, 33, 15), 0.25)),
    ]


def _count(of_axis: Callable[[int, int, int], int]) -> Callable[[Size, Size, float], int]:
    """Return the product of `of_axis(size, window, step)` over the axes."""
    return lambda size, window, overlap: prod(of_axis(s, w, max(int(w * (1 - overlap)), 1)) for s, w in zip(size, window, strict=True))


def _of_axis(size: int, window: int, step: int) -> int:
    return ceil(max(size - window, 0) / step) + 1


q9 = Exercise(
    lesson="segmentation",
    number=9,
    title="How often does the network run for one scan?",
    task="""
        A window slides over the scan. Along each axis its step is window × (1 − overlap), rounded down, at least 1. Windows begin at 0,
        one step, two steps, …, until the end of the axis is reached; the last window is moved back so that it ends there. A scan smaller
        than the window is padded to it. Write `windows(size, window, overlap)`.
    """,
    answer="a function of two triples of voxels and an overlap (0 to below 1) that returns the number of windows in all",
    why="doubling the overlap from 0.25 to 0.5 takes more than twice the time, in three dimensions; a clinic waits for it.",
    expects=Function(_scans, Number(within=1e-9)),
    right=_count(_of_axis),
    mistakes=(
        Mistake(
            _count(lambda s, w, step: ceil((s - w) / step)),
            "The first window is missing: along each axis there is one more than there are steps.",
        ),
        Mistake(
            _count(lambda s, w, step: max(s - w, 0) // step + 1),
            "The rim at the end is left out: round up, so that one more window, moved back, covers it. A lesion in the rim would never "
            "be seen.",
        ),
        Mistake(_count(lambda s, w, step: ceil(s / w)), "The overlap plays no part here: with it, windows are a step apart, not a window."),
        Mistake(
            _count(lambda s, w, step: ceil(s / step)),
            "This lets windows begin up to the very end. Stop at the first window that reaches the end.",
        ),
        Mistake(_count(lambda s, w, step: ceil((s - w) / step) + 1), "A scan smaller than the window is padded: one window, not none."),
        Mistake(
            _count(lambda s, w, step: max(s - w, 0) // step + 2),
            "One window too many on an axis that fits exactly. Round up, and add one.",
        ),
        Mistake(
            lambda size, window, overlap: sum(
                ceil(max(s - w, 0) / max(int(w * (1 - overlap)), 1)) + 1 for s, w in zip(size, window, strict=True)
            ),
            "The windows of the axes are added. In three dimensions each goes with each: multiply.",
        ),
        Mistake(
            lambda size, window, overlap: prod(_of_axis(s, w, max(int(w * overlap), 1)) for s, w in zip(size, window, strict=True)),
            "This steps on by the overlap. The step is what does not overlap: window × (1 − overlap).",
        ),
        Mistake(
            lambda size, window, overlap: prod(_of_axis(s, w, int(w * overlap)) for s, w in zip(size, window, strict=True)),
            "The step is the overlap here, and without one there is no step. The step is what does not overlap: window × (1 − overlap).",
        ),
        Mistake(
            lambda size, window, overlap: prod(ceil(max(s - w, 0) / (w * (1 - overlap))) + 1 for s, w in zip(size, window, strict=True)),
            "The step is rounded down to whole voxels before anything is divided by it.",
        ),
        Mistake(
            lambda size, window, overlap: prod(_of_axis(s, w, ceil(w * (1 - overlap))) for s, w in zip(size, window, strict=True)),
            "The step is rounded up here; it is rounded down.",
        ),
        Mistake(
            lambda size, window, overlap: _of_axis(size[0], window[0], max(int(window[0] * (1 - overlap)), 1)),
            "These are the windows along the first axis. Do all three, and multiply.",
        ),
    ),
    hints=(
        "Along one axis: how many steps are needed until the window reaches the end?",
        "ceil(max(size − window, 0) / step) + 1 along each axis; multiply the three.",
    ),
    code="""
        from math import ceil, prod

        def answer(size, window, overlap):
            steps = [max(int(w * (1 - overlap)), 1) for w in window]
            return prod(ceil(max(s - w, 0) / step) + 1 for s, w, step in zip(size, window, steps))
    """,
    learned="MONAI's SlidingWindowInferer counts like this. radlearn's looks only at the block around the lungs.",
)
