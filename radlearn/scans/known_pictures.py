"""Small pictures of many X-rays or other images, and which of them a new one looks the same as."""

from collections.abc import Sequence

import numpy as np

from radlearn.scans.look_alikes import SAME_ABOVE, fingerprints, likeness, ranked, thumbnail_of, thumbnail_within_border
from radlearn.scans.same_xrays import CANDIDATE_ABOVE, NUMBERS, ORIENTATIONS, oriented


class KnownPictures:
    """Thumbnails, uint8 (pictures, side, side), to compare others with.

    Every new picture is compared with each in all eight orientations, by greys and by ranks: by 128 numbers of a fingerprint, and in full
    where that comes near.

    None of 350 real and 60 built-in X-rays looks the same as another. Of 204 real ultrasound images two do, which are one; of 132 built-in
    ones two neighbouring images of one person.
    """

    def __init__(self, thumbnails: np.ndarray) -> None:
        self._thumbnails = thumbnails
        size = int(np.prod(thumbnails.shape[1:]))
        self._projection = np.random.default_rng(0).standard_normal((size, NUMBERS)).astype(np.float32)
        self._by_greys, self._by_ranks = (self._projected(fingerprints(of)) for of in (thumbnails, ranked(thumbnails)))

    def _projected(self, fingerprints: np.ndarray) -> np.ndarray:
        numbers = fingerprints @ self._projection
        return numbers / np.maximum(np.linalg.norm(numbers, axis=1, keepdims=True), 1e-6)

    def like(self, thumbnails: Sequence[np.ndarray]) -> dict[int, float]:
        """Return number → likeness of each picture that one of some thumbnails, all of one image, looks the same as."""
        found: dict[int, float] = {}
        for thumbnail in thumbnails:
            # Turning a picture turns its fingerprint.
            own = fingerprints(np.stack([thumbnail.astype(np.float32), ranked(thumbnail[None])[0]])).reshape(2, *thumbnail.shape)
            near = np.zeros((len(self._thumbnails), len(ORIENTATIONS)), bool)
            for known, seen in zip((self._by_greys, self._by_ranks), own, strict=True):
                ways = np.stack([oriented(seen, orientation).ravel() for orientation in range(len(ORIENTATIONS))])
                near |= np.abs(known @ self._projected(ways).T) > CANDIDATE_ABOVE
            for number, way in zip(*np.nonzero(near), strict=True):
                exact = abs(likeness(oriented(thumbnail, int(way)), self._thumbnails[number]))
                if exact > max(SAME_ABOVE, found.get(int(number), 0.0)):
                    found[int(number)] = exact
        return found


def thumbnails_of(pixels: np.ndarray) -> list[np.ndarray]:
    """Return the thumbnail of an image (height, width) in [0, 1], and that of what lies within a plain border where it has one."""
    within = thumbnail_within_border(pixels)
    return [thumbnail_of(pixels)] if within is None else [thumbnail_of(pixels), within]
