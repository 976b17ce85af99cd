"""From echoes to grey values: how deep an echo comes from, and what log compression shows of it."""

from collections.abc import Callable

import numpy as np

from radlearn.exercises.answers import Fields, Mistake, Number, Numbers
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.functions import Case, Function

TIME_US, FAT_MM = 39.0, 12.0
TISSUE_MM_PER_US, FAT_MM_PER_US = 1.54, 1.45
DRAWN_MM = TIME_US * TISSUE_MM_PER_US / 2


def _too_deep_mm() -> float:
    """Return by how much, from the two layers and not from their difference, which is the solution's way."""
    below_us = TIME_US / 2 - FAT_MM / FAT_MM_PER_US
    return DRAWN_MM - (FAT_MM + below_us * TISSUE_MM_PER_US)


q1 = Exercise(
    lesson="ultrasound",
    number=1,
    title="The echo of a nerve returns after 39 µs. How deep is the nerve?",
    task="""
        A scanner measures times and draws depths. It takes the speed of sound to be 1540 m/s everywhere. The echo of a nerve returns 39 µs
        after the pulse was sent: how deep is the nerve drawn?

        In truth the first 12 mm of tissue are fat, in which sound travels at 1450 m/s; in all that follows it travels at 1540 m/s. By how
        much is the nerve drawn too deep?
    """,
    answer="a dictionary {'depth_mm': number, 'too_deep_mm': number}, in millimetres, the first to a tenth, the second to a hundredth",
    why="a needle is guided to the depth that is drawn, and below fat that is not where the nerve is.",
    expects=Fields({"depth_mm": Number(within=0.06), "too_deep_mm": Number(within=0.01)}),
    right=lambda: {"depth_mm": DRAWN_MM, "too_deep_mm": _too_deep_mm()},
    mistakes=(
        Mistake(
            lambda: {"depth_mm": 2 * DRAWN_MM},
            "This is the way there and back. The echo comes from half of it.",
        ),
        Mistake(lambda: {"depth_mm": DRAWN_MM / 2}, "This is halved twice: there and back are two ways, not four."),
        Mistake(lambda: {"depth_mm": DRAWN_MM / 10}, "This depth is in centimetres; millimetres were asked for."),
        Mistake(lambda: {"depth_mm": DRAWN_MM / 1000}, "This depth is in metres; millimetres were asked for. 1540 m/s is 1.54 mm/µs."),
        Mistake(lambda: {"depth_mm": DRAWN_MM * 1000}, "This depth is in micrometres. 1540 m/s is 1.54 mm/µs."),
        Mistake(
            lambda: {"depth_mm": TIME_US * FAT_MM_PER_US / 2},
            "This takes the speed in fat for the whole way. The scanner knows nothing of fat, and draws with 1540 m/s.",
        ),
        Mistake(
            lambda: {"depth_mm": DRAWN_MM - _too_deep_mm()},
            "This is where the nerve is. The scanner takes 1540 m/s also in the fat; where does it draw the nerve?",
        ),
        Mistake(
            lambda: {"too_deep_mm": -_too_deep_mm()},
            "The sign is the other way round: sound is slower in fat, the echo is late, and what is late is drawn deeper.",
        ),
        Mistake(
            lambda: {"too_deep_mm": FAT_MM * (1 - FAT_MM_PER_US / TISSUE_MM_PER_US)},
            "This would be right if the fat measured 12 mm on the image. It measures 12 mm in the person, and more on the image.",
        ),
        Mistake(
            lambda: {"too_deep_mm": 2 * _too_deep_mm()},
            "This counts the delay there and back, and forgets that a depth is half of a way.",
        ),
        Mistake(
            lambda: {"too_deep_mm": DRAWN_MM * (TISSUE_MM_PER_US / FAT_MM_PER_US - 1)},
            "This takes the whole depth for fat. Only 12 mm of it are.",
        ),
        Mistake(
            lambda: {"too_deep_mm": DRAWN_MM * (1 - FAT_MM_PER_US / TISSUE_MM_PER_US)},
            "The whole depth is taken for fat here, and as it is drawn. Only 12 mm are fat, in the person.",
        ),
        Mistake(
            lambda: {"too_deep_mm": FAT_MM * TISSUE_MM_PER_US / FAT_MM_PER_US},
            "This is how thick the fat is drawn. Subtract how thick it is.",
        ),
        Mistake(lambda: {"too_deep_mm": DRAWN_MM - _too_deep_mm()}, "This is the true depth. The difference was asked for."),
    ),
    hints=(
        "In 39 µs the sound goes to the nerve and back. 1540 m/s is 1.54 mm in each µs.",
        "How long does sound need for 12 mm of fat? How thick does the scanner draw what takes so long?",
        "The fat is drawn 12 · 1540 / 1450 mm thick; all below is drawn with its true thickness.",
    ),
    code="""
        depth_mm = 39 * 1.54 / 2
        answer = {"depth_mm": depth_mm, "too_deep_mm": 12 * (1540 / 1450 - 1)}
    """,
    learned="Below 12 mm of fat everything is 0.7 mm too deep. Lengths on an ultrasound image are times; they are right to a few percent.",
)


def _echoes() -> list[Case]:
    ladder = np.array([1.0, 0.5, 0.1, 0.03, 0.01, 0.002, 0.0001])
    image = np.array([[0.2, 40.0, 3.0], [800.0, 7.0, 0.9]])
    return [
        Case("echoes down to a ten-thousandth", (ladder, 60.0)),
        Case("the same with less dynamic range", (ladder, 40.0)),
        Case("an image whose strongest echo is 800", (image, 60.0)),
        Case("weak echoes of nearly the same strength", (np.array([0.02, 0.018, 0.015]), 60.0)),
        Case("a place without any echo", (np.array([5.0, 0.5, 0.0]), 50.0)),
    ]


def _shown(decibels: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray, float], np.ndarray]:
    return lambda envelope, range_db: np.clip(1 + decibels(envelope) / range_db, 0, 1)


def _below_the_strongest(envelope: np.ndarray) -> np.ndarray:
    # By natural logarithms: a way of its own beside the solution's.
    with np.errstate(divide="ignore"):
        return np.asarray(20 / np.log(10) * (np.log(envelope) - np.log(envelope.max())))


def _stretched(envelope: np.ndarray, range_db: float) -> np.ndarray:
    decibels = np.maximum(_below_the_strongest(envelope), -range_db)
    return np.asarray((decibels - decibels.min()) / np.ptp(decibels))


def _plus_one(envelope: np.ndarray, range_db: float) -> np.ndarray:
    return np.asarray(np.log1p(envelope) / np.log1p(envelope.max()))


q2 = Exercise(
    lesson="ultrasound",
    number=2,
    title="Echoes differ by a factor of ten thousand, grey values by 256. What does the screen show?",
    task="""
        Write `compressed(envelope, range_db)`. The envelope holds the amplitudes of the echoes, 0 or above. An amplitude a has a level of
        20 · log10(a / strongest) decibels, where `strongest` is the strongest echo of the image: its own level is 0, all others are
        negative. A level of 0 is shown as 1 (white), one of −range_db or less as 0 (black); in between the grey value is linear in the
        level.
    """,
    answer="a function of an array of amplitudes and a dynamic range in dB (above 0) that returns an array of the same shape, 0 to 1",
    why="at a small dynamic range a nerve that scatters little is as black as a vessel, though its echoes were received.",
    expects=Function(_echoes, Numbers(None, within=1e-4)),
    right=_shown(_below_the_strongest),
    mistakes=(
        Mistake(
            _shown(lambda envelope: _below_the_strongest(envelope) / 2),
            "10 · log10 is for power. The envelope is an amplitude, whose square is a power: 20 · log10.",
        ),
        Mistake(
            _shown(lambda envelope: np.log(10) * _below_the_strongest(envelope)),
            "This is the natural logarithm. Decibels are made with log10.",
        ),
        Mistake(
            _shown(lambda envelope: _below_the_strongest(envelope) / 20),
            "The factor 20 is missing: log10 alone is not in decibels.",
        ),
        Mistake(
            lambda envelope, range_db: 1 + _below_the_strongest(envelope) / range_db,
            "Echoes below the dynamic range are negative here, and an echo of 0 is minus infinity. They are shown as 0.",
        ),
        Mistake(
            lambda envelope, range_db: envelope / envelope.max(),
            "This is linear in the amplitude: the strongest reflector is white, and all tissue nearly black.",
        ),
        Mistake(
            lambda envelope, range_db: np.clip(envelope / envelope.max(), 10 ** (-range_db / 20), 1),
            "This clips at the right amplitude, and takes no logarithm: all tissue is nearly black.",
        ),
        Mistake(
            _shown(lambda envelope: 20 * np.log10(np.maximum(envelope, 1e-300))),
            "This is relative to an amplitude of 1. Amplitudes have no unit, so the strongest echo of the image is what counts as 0 dB.",
        ),
        Mistake(
            _stretched,
            "This spreads the decibels from the weakest to the strongest echo. Black is range_db below the strongest, also where no echo "
            "is so weak; else range_db means nothing.",
        ),
        Mistake(
            _plus_one,
            "log(1 + a) depends on the unit of the amplitudes, which is arbitrary, and not on the dynamic range.",
        ),
        Mistake(
            lambda envelope, range_db: 255 * _shown(_below_the_strongest)(envelope, range_db), "This is 0 to 255; 0 to 1 was asked for."
        ),
        Mistake(
            lambda envelope, range_db: np.round(255 * _shown(_below_the_strongest)(envelope, range_db)),
            "These are whole numbers from 0 to 255, as in the file; 0 to 1 was asked for.",
        ),
        Mistake(
            lambda envelope, range_db: np.clip(-_below_the_strongest(envelope) / range_db, 0, 1),
            "Black and white are exchanged: the strongest echo is 1.",
        ),
        Mistake(
            lambda envelope, range_db: np.clip(_below_the_strongest(envelope), -range_db, 0),
            "These are the decibels, clipped as they should be. Bring −range_db to 0 and 0 dB to 1.",
        ),
        Mistake(
            lambda envelope, range_db: np.clip(_below_the_strongest(envelope) + range_db, 0, range_db),
            "The lower end is 0, as it should be. The upper one has to become 1: divide by the dynamic range.",
        ),
        Mistake(lambda envelope, range_db: _below_the_strongest(envelope), "These are decibels. The screen needs 0 to 1."),
        Mistake(
            _shown(lambda envelope: 20 * np.log10(np.maximum(envelope, 1e-300) / envelope.mean())),
            "0 dB is the mean echo here: half of the range is lost to white. It is the strongest one.",
        ),
        Mistake(lambda envelope, range_db: envelope, "These are the amplitudes as they were handed in."),
    ),
    hints=(
        "First decibels: 20 · log10 of envelope / envelope.max(). The strongest echo has 0.",
        "1 + decibels / range_db is 1 at 0 dB and 0 at −range_db. Then numpy.clip.",
    ),
    code="""
        import numpy as np

        def answer(envelope, range_db):
            with np.errstate(divide="ignore"):
                decibels = 20 * np.log10(envelope / envelope.max())
            return np.clip(1 + decibels / range_db, 0, 1)
    """,
    learned="At 60 dB all that is weaker than a thousandth of the strongest echo is black: blood, a shadow, the end of the sound's reach. "
    "Grey values have no unit, so a threshold on them holds for one setting only.",
)
