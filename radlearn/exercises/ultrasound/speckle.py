"""Speckle: a grain that averaging does not remove as long as nothing moves."""

from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter

from radlearn.exercises.answers import Fields, Mistake, Number
from radlearn.exercises.exercise import Exercise

FRAMES, SIDE_PX, SEED = 8, 128, 40
PULSE_PX = (1.2, 2.0)
"Down and across, one standard deviation."
NOISE = 0.1
"Of the receiver, beside a mean echo of 1."


@cache
def _frames() -> dict[str, np.ndarray]:
    """Return the envelopes of a piece of even tissue: of one plane again and again, and of one that moves on between frames."""
    rng = np.random.default_rng(SEED)
    plane, planes = _field(rng), [_field(rng) for _ in range(FRAMES)]
    noise = NOISE * rng.standard_normal((2, FRAMES, SIDE_PX, SIDE_PX, 2)).view(np.complex128)[..., 0]
    still, moved = np.abs(plane + noise[0]), np.abs(np.stack(planes) + noise[1])
    return {"still": still.astype(np.float32), "moved": moved.astype(np.float32)}


def _field(rng: np.random.Generator) -> np.ndarray:
    """Return the sum of the echoes of many scatterers, with a phase: complex, of mean amplitude 1."""
    parts = [gaussian_filter(rng.standard_normal((SIDE_PX, SIDE_PX)), PULSE_PX, mode="wrap") for _ in range(2)]
    field = parts[0] + 1j * parts[1]
    return np.asarray(field / np.abs(field).mean())


def _ratio(values: np.ndarray) -> float:
    """Return mean / standard deviation, by sums: the solution calls numpy's own functions."""
    flat = values.astype(np.float64).ravel()
    mean = flat.sum() / flat.size
    return float(mean / np.sqrt((flat**2).sum() / flat.size - mean**2))


def _of(name: str) -> float:
    return _ratio(_frames()[name].mean(axis=0, dtype=np.float64))


def _one() -> float:
    return _ratio(_frames()["still"][0])


def _right() -> dict[str, float]:
    return {"one": _one(), "still": _of("still"), "moved": _of("moved")}


def _decibels(value: float) -> float:
    return float(20 * np.log10(value))


def _in_time(name: str) -> float:
    frames = _frames()[name].astype(np.float64)
    return float((frames.mean(0) / frames.std(0)).mean())


def _squared(name: str) -> float:
    return _ratio(_frames()[name].astype(np.float64).mean(0) ** 2)


_close = Number(within=0.006)

q3 = Exercise(
    lesson="ultrasound",
    number=3,
    title="The image is grainy, so I average eight frames. Why is it still grainy?",
    task="""
        Two recordings show the same even tissue, as envelopes (amplitudes before log compression). In `still` probe and tissue kept
        still, in `moved` the probe moved on between frames by more than its beam is wide. How even an image is, is told by the mean of its
        pixels divided by their standard deviation. Compute it for the first frame of `still`, for the mean image of the frames of `still`,
        and for that of `moved`.
    """,
    about_given={"still, moved": "float32 arrays (frames, rows, columns), amplitudes"},
    answer="a dictionary {'one': number, 'still': number, 'moved': number}, to two digits after the point",
    why="speckle is not noise: it stays when frames of one plane are averaged, and such frames are not independent images for training.",
    given=_frames,
    expects=Fields({"one": _close, "still": _close, "moved": _close}),
    right=_right,
    mistakes=(
        Mistake(
            lambda: {name: 1 / value for name, value in _right().items()},
            "This is the standard deviation divided by the mean. The mean is above the line.",
        ),
        Mistake(lambda: {"one": 1 / _one()}, "For one frame, mean and standard deviation are exchanged: the mean is above the line."),
        Mistake(
            lambda: {"one": _one() / float(_frames()["still"][0].std())},
            "The variance is below the line: take its root, the standard deviation.",
        ),
        Mistake(lambda: {"one": _squared_one()}, "This is of the squared amplitudes, the intensity, for which speckle has 1."),
        Mistake(lambda: {"one": _decibels(_one())}, "This is in decibels. The ratio itself was asked for."),
        Mistake(lambda: {"one": _ratio(_frames()["moved"][0])}, "This is the first frame of `moved`. Take the one of `still`."),
        Mistake(
            lambda: {"still": np.sqrt(FRAMES) * _one()},
            "This is what averaging would give if frames were independent: √8 times the ratio of one. Measure it: these frames are nearly "
            "the same.",
        ),
        Mistake(
            lambda: {"still": _in_time("still")},
            "This is how steady each pixel is from frame to frame, which says how little noise there is. Take the mean over the frames "
            "first, then mean and standard deviation over the pixels.",
        ),
        Mistake(
            lambda: {"still": _of("moved"), "moved": _of("still")},
            "`still` and `moved` are exchanged.",
        ),
        Mistake(
            lambda: {"still": _ratio(_frames()["still"])},
            "For `still` nothing was averaged: this is the ratio in a single frame, or in the pixels of all of them. Take the mean image.",
        ),
        Mistake(
            lambda: {"moved": _ratio(_frames()["moved"])},
            "For `moved` nothing was averaged: this is the ratio in a single frame, or in the pixels of all of them. Take the mean image.",
        ),
        Mistake(
            lambda: {"moved": _in_time("moved")},
            "This is over the frames, for each pixel. The mean image has one value for each pixel; take mean and standard deviation "
            "of these.",
        ),
        Mistake(
            lambda: {"moved": FRAMES * _one()},
            "Eight times as many frames make independent speckle √8 times as even, not eight times.",
        ),
        Mistake(
            lambda: {"moved": _ratio(_frames()["moved"].sum(0, dtype=np.float64) ** 2)},
            "This is of the squared amplitudes. Average the amplitudes, and leave them as they are.",
        ),
        Mistake(
            lambda: {"moved": _ratio(np.median(_frames()["moved"], axis=0))},
            "This is the median of the frames. The mean was asked for.",
        ),
    ),
    hints=(
        "`frames.mean(axis=0)` is the mean image.",
        "`image.mean() / image.std()` of the first frame and of both mean images.",
    ),
    code="""
        data = q3.data()

        def evenness(image):
            return image.mean() / image.std()

        answer = {
            "one": evenness(data["still"][0]),
            "still": evenness(data["still"].mean(axis=0)),
            "moved": evenness(data["moved"].mean(axis=0)),
        }
    """,
    learned="Fully developed speckle has 1.91 = √(π / (4 − π)), whatever the tissue reflects. Eight frames of one plane leave it there, "
    "eight of different planes make it √8 times as even. Scanners average several frequencies or angles (compounding), which need "
    "no motion.",
)


def _squared_one() -> float:
    return _ratio(_frames()["still"][0].astype(np.float64) ** 2)
