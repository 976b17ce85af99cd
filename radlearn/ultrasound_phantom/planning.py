"""Who is on which built-in image, as pure functions of (seed, person, image): nothing depends on how many others are made.

A person has several images, as a recording has frames. Most look at the person from another place; some repeat the place of the one before
with a little noise, as neighbouring frames do. On about four of ten no nerve is seen, because the probe lies farther along.
"""

from typing import NamedTuple

import numpy as np

FEWEST_IMAGES, MOST_IMAGES = 5, 15
"Of a person."
REPEATED_SHARE = 0.1
NERVE_SHARE = 0.6
FEWEST_PERSONS = 16
"Of about so many are small cohorts too, with fewer images each: three persons cannot be divided into training, validation and test."


class PlannedImage(NamedTuple):
    """One image: its person (from 1) and number (from 1), whose place it looks from, and whether the nerve lies there."""

    seed: int
    person: int
    image: int
    place: int  # the first image from the same place; `image` itself where none is repeated
    nerve_seen: bool

    @property
    def image_id(self) -> str:
        """What the challenge would call it.

        >>> PlannedImage(0, 12, 3, 3, True).image_id
        '12_3'
        """
        return f"{self.person}_{self.image}"


def plan_images(count: int, seed: int, after: int = 0) -> list[PlannedImage]:
    """Return `count` images of the persons behind the number `after`, one after the other; the last may have fewer than was drawn."""
    planned: list[PlannedImage] = []
    person, most = after, max(2, count // FEWEST_PERSONS)
    while len(planned) < count:
        person += 1
        planned += [plan_image(seed, person, image) for image in range(1, min(images_of(seed, person), most) + 1)]
    return planned[:count]


def images_of(seed: int, person: int) -> int:
    """Return how many images a person has."""
    return int(np.random.default_rng((seed, person, 3)).integers(FEWEST_IMAGES, MOST_IMAGES + 1))


def plan_image(seed: int, person: int, image: int) -> PlannedImage:
    """Return one image of a person."""
    place = image
    while place > 1 and np.random.default_rng((seed, person, place, 4)).random() < REPEATED_SHARE:
        place -= 1
    seen = np.random.default_rng((seed, person, place, 5)).random() < NERVE_SHARE
    return PlannedImage(seed, person, image, place, bool(seen))
