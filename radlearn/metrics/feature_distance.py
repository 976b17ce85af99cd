"""How unlike the training images a new image is: the distance between features, and how often an image of the same kind is as far.

A network answers for every image, also for a hand or an inverted X-ray, and often with great confidence. Its features, the channels of its
layers averaged over the image, know better: those of training images form a cloud, and an image of another kind lies outside of it.

The distance from the cloud is Mahalanobis': along a direction in which training images differ much it counts little. With more features
than images the covariance has to be shrunk towards equal variances (Ledoit and Wolf). No labels are used: an ill and a healthy image are
of the same kind. On its own such a distance means nothing, so it is compared with the distances of validation images, which the network was
not trained on either. The share of them that is at least as far is a conformal p-value: a new image from where the validation images came
from is flagged with the promised probability at most, whatever the network and the distribution of its features. Images of another kind
are flagged if their features differ; for these nothing can be promised.

The promise is an average over validation sets. Images of one person resemble each other, so that it is somewhat optimistic where persons
have many.

Sources: Lee et al. 2018, arXiv:1807.03888 (Mahalanobis distance of features); Anthony and Kamnitsas 2023, arXiv:2309.01488 (on chest
X-rays: which layer sees it depends on what is unlike, so layers of several depths are needed); González et al. 2022, Medical Image Analysis
82:102596, doi:10.1016/j.media.2022.102596 (segmentation of lung lesions in CT); Ledoit and Wolf 2004, Journal of Multivariate Analysis
88(2):365, doi:10.1016/S0047-259X(03)00096-4; Bates et al. 2023, Annals of Statistics 51(1):149, arXiv:2104.08279 (conformal p-values).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting

# Promised: of new images like the validation images at most this share is flagged.
FALSE_FLAGS = 0.01
# Directions that are kept; the others share one variance. 256 of 1,000 features take 1 MB.
MOST_DIRECTIONS = 256
FEWEST_TRAINING, FEWEST_VALIDATION = 3, 2
# A feature that hardly varies in training counts as if it varied by this share of the median feature.
SMALLEST_SPREAD = 0.1


@dataclass(frozen=True)
class OodScores:
    """How unlike the training images some images are: out-of-distribution (OOD) scores, one an image.

    Attributes:
        scores: float64 (images,), the share of validation images that are nearer to the training images, in [0, 1].
        distances: float64 (images,), as a multiple of the distance above which an image is flagged; 0 or more.
        flagged: bool (images,), whether an image is unlike the training images: a distance above 1.
    """

    scores: np.ndarray
    distances: np.ndarray
    flagged: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class FeatureDistance:
    """The cloud of the training images' features, and the distances of validation images from it.

    Attributes:
        mean, spread: float32 (features,), of the training images.
        directions: float32 (directions, features), along which the standardised features of the training images vary most.
        variances: float32 (directions,), along these directions.
        rest_variance: along each of the other directions.
        validation: float64 (images,), the distances of the validation images, rising.
        false_flags: the share of images like these that is flagged at most.
    """

    mean: np.ndarray
    spread: np.ndarray
    directions: np.ndarray
    variances: np.ndarray
    rest_variance: float
    validation: np.ndarray
    false_flags: float = FALSE_FLAGS

    @property
    def promised_share(self) -> float:
        """The share of new images like the validation images that is flagged at most; more than `false_flags` where these are few."""
        return max(self._allowed, 1) / (len(self.validation) + 1)

    @property
    def threshold(self) -> float:
        """The distance above which an image is flagged: that of the farthest validation image where they are few."""
        return float(self.validation[-max(self._allowed, 1)])

    @property
    def _allowed(self) -> int:
        # A little more than the product, which may be 0.9999999999999999.
        return math.floor((len(self.validation) + 1) * self.false_flags + 1e-9)

    def raw_distances(self, features: ArrayLike) -> np.ndarray:
        """Return the Mahalanobis distance of features (images, features) from the training images, float64 (images,), 0 or more.

        An image with a feature that is not finite is infinitely far.

        Raises:
            BadSetting: if their number is another.
        """
        found = _checked(features, len(self.mean))
        finite = np.isfinite(found).all(axis=1)
        z = (np.where(finite[:, None], found, 0) - self.mean) / self.spread
        along = z @ self.directions.T.astype(np.float64)
        rest = np.maximum((z**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        distances = np.sqrt((along**2 / self.variances).sum(axis=1) + rest / self.rest_variance)
        return np.where(finite, distances, np.inf)

    def scored(self, features: ArrayLike) -> OodScores:
        """Return how unlike the training images the images with these features are, float (images, features); errors as `raw_distances`."""
        distances = self.raw_distances(features)
        nearer = np.searchsorted(self.validation, distances, side="left") / len(self.validation)
        multiples = distances / max(self.threshold, 1e-12)
        return OodScores(nearer, multiples, multiples > 1)


def fit_feature_distance(training: ArrayLike, validation: ArrayLike, false_flags: float = FALSE_FLAGS) -> FeatureDistance:
    """Return the distance from the training images, compared with the distances of validation images.

    Args:
        training: (images, features), of the images that the network was trained on, or of many of them, without augmentation.
        validation: (images, features), of images of other persons.
        false_flags: above 0 and below 1.

    Raises:
        BadSetting: if there are too few images, their features differ in number, or one is not finite.

    >>> draw = np.random.default_rng(0)
    >>> known = fit_feature_distance(draw.normal(size=(300, 20)), draw.normal(size=(199, 20)))
    >>> known.promised_share, known.scored(draw.normal(size=(3, 20)) + [[0], [0], [5]]).flagged.tolist()
    (0.01, [False, False, True])
    """
    if not 0 < false_flags < 1:
        raise BadSetting(f"false_flags is {false_flags!r}; it must be above 0 and below 1, such as 0.01.")
    from sklearn.covariance import ledoit_wolf_shrinkage

    known = _finite(_checked(training))
    count, features = known.shape
    others = _finite(_checked(validation, features))
    if count < FEWEST_TRAINING or len(others) < FEWEST_VALIDATION:
        raise BadSetting(
            f"there are features of {count} training and {len(others)} validation images; expected at least {FEWEST_TRAINING} and "
            f"{FEWEST_VALIDATION}."
        )
    mean, spread = known.mean(axis=0), known.std(axis=0)
    spread = np.maximum(spread, SMALLEST_SPREAD * np.median(spread))
    spread = np.where(spread > 0, spread, 1.0)
    z = (known - mean) / spread
    shrinkage = float(ledoit_wolf_shrinkage(z, assume_centered=True))
    _, singular, directions = np.linalg.svd(z, full_matrices=False)
    equal = float((singular**2).sum() / count / features) or 1.0
    variances = (1 - shrinkage) * singular**2 / count + shrinkage * equal
    kept = min(MOST_DIRECTIONS, len(variances))
    # Training images do not vary along the directions that are not among theirs: what shrinking puts there is all that is known.
    rest = variances[kept:].sum() + (features - len(variances)) * shrinkage * equal
    # Nothing is left over where all directions are kept; images that all are the same have no variance.
    rest_variance = max(float(rest / max(features - kept, 1)), 1e-3 * equal)
    floor = np.maximum(variances[:kept], 1e-3 * equal)
    mean, spread, directions, floor = (array.astype(np.float32) for array in (mean, spread, directions[:kept], floor))
    distance = FeatureDistance(mean, spread, directions, floor, rest_variance, np.ones(1), false_flags)
    return replace(distance, validation=np.sort(distance.raw_distances(others)))


def mean_scores(each: Sequence[OodScores]) -> OodScores:
    """Return the mean of the scores and distances that several networks give the same images; nothing is promised for it."""
    scores, distances = (np.mean([getattr(one, name) for one in each], axis=0) for name in ("scores", "distances"))
    return OodScores(scores, distances, distances > 1)


def _checked(features: ArrayLike, count: int | None = None) -> np.ndarray:
    found = np.asarray(features, dtype=np.float64)
    if found.ndim != 2 or found.shape[1] == 0 or (count is not None and found.shape[1] != count):
        raise BadSetting(f"features of shape {found.shape}; expected (images, {count or 'features'}).")
    return found


def _finite(features: np.ndarray) -> np.ndarray:
    if len(bad := np.flatnonzero(~np.isfinite(features).all(axis=1))):
        raise BadSetting(f"the features of {len(bad)} of {len(features)} images are not finite (the first is image {bad[0]}).")
    return features
