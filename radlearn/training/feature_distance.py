"""From a network's layers to `feature_distance.safetensors` in a run folder: how unlike the training images a new image is.

    with pooled_features(model, ("backbone.body.6",)) as pooled:
        predictions = model(images)
        features = pooled.of_each(len(images))

The features come from the forward pass that predicts. What a distance between features means is explained in `metrics.feature_distance`.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, Any, NotRequired, TypeVar

import numpy as np
import torch
from annotated_types import Len
from torch import Tensor, nn
from typing_extensions import TypedDict

from radlearn.amounts import counted
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.metrics.feature_distance import FEWEST_TRAINING, FEWEST_VALIDATION, FeatureDistance, fit_feature_distance
from radlearn.progress import say
from radlearn.training.checkpoint import load_tensors, save_tensors
from radlearn.training.checkpoint_header import digest_in, must_have_digests, refuse_other_weights
from radlearn.training.run_files import checked
from radlearn.training.run_folder import Run, must_be_there
from radlearn.training.splits import SPLIT_FILE, read_split

FILE = "feature_distance.safetensors"
ARRAYS = ("mean", "spread", "directions", "variances")
# More training images hardly change a covariance, and each takes a forward pass.
MOST_TRAINING_IMAGES = 2000

Result = TypeVar("Result")


class _Numbers(TypedDict):
    """What stands beside the arrays in the file."""

    training_images: int
    rest_variance: float
    false_flags: float
    validation_distances: Annotated[list[float], Len(1)]
    # The digest of the weights whose features these are; older files lack it.
    weights: NotRequired[str | None]


class PooledFeatures:
    """What the layers of a network have given since it was last asked: the mean of each channel over the places of an image."""

    def __init__(self, layers: int) -> None:
        self._rows: list[list[np.ndarray]] = [[] for _ in range(layers)]
        # One (features,) for each call of a function that `of_each_call` returned.
        self.by_call: list[np.ndarray] = []

    def of_each(self, images: int) -> np.ndarray:
        """Return the features of the images of the last batch, float32 (images, features): those of the first pass, if there were several.

        Test-time augmentation passes a batch through the network more than once; the first pass is that of the images as they are.
        """
        return np.concatenate([rows[:images] for rows in self._taken()], axis=1)

    def mean(self) -> np.ndarray:
        """Return the mean over all rows, float32 (features,): of all windows of a scan."""
        return np.concatenate([rows.mean(axis=0) for rows in self._taken()])

    def of_each_call(self, infer: Callable[..., Result]) -> Callable[..., Result]:
        """Return `infer`, which predicts for one scan, so that it also appends the scan's `mean` to `by_call`."""

        def infer_and_keep(*args: Any, **kwargs: Any) -> Result:
            self._forget()
            result = infer(*args, **kwargs)
            self.by_call.append(self.mean())
            return result

        return infer_and_keep

    def listen(self, layer: int, output: Tensor) -> None:
        """Keep what a layer gave: (images, channels, places …)."""
        self._rows[layer].append(output.detach().float().flatten(2).mean(dim=2).cpu().numpy())

    def _taken(self) -> list[np.ndarray]:
        if not all(self._rows):
            raise BadSetting("no image has passed through the layers whose features are wanted.")
        taken = [np.concatenate(rows) for rows in self._rows]
        self._forget()
        return taken

    def _forget(self) -> None:
        for rows in self._rows:
            rows.clear()


@contextmanager
def pooled_features(model: nn.Module, layers: Sequence[str]) -> Iterator[PooledFeatures]:
    """Listen to layers of a network, with PyTorch's forward hooks, as long as the context lasts.

    Args:
        layers: their names, as in `model.named_modules()`; each must return one tensor (images, channels, places …).
    """
    pooled = PooledFeatures(len(layers))

    def listener(number: int) -> Callable[..., None]:
        return lambda module, inputs, output: pooled.listen(number, output)

    hooks = [model.get_submodule(name).register_forward_hook(listener(number)) for number, name in enumerate(layers)]
    try:
        yield pooled
    finally:
        for hook in hooks:
            hook.remove()


def some_of(images: int, most: int = MOST_TRAINING_IMAGES) -> list[int]:
    """Return the numbers of the images that stand for all, `most` at most, spread evenly over them.

    >>> some_of(10, most=4)
    [0, 2, 5, 7]
    """
    return list(range(images)) if images <= most else [number * images // most for number in range(most)]


def write_feature_distance(run: Run, training: np.ndarray, validation: np.ndarray) -> FeatureDistance | None:
    """Write into the run folder how far validation images are from training images, and what measures it for new ones.

    Args:
        training: float (images, features), of training images without augmentation.
        validation: the same of validation images.

    Returns:
        what was written; None where there are too few images, which is said.
    """
    if len(training) < FEWEST_TRAINING or len(validation) < FEWEST_VALIDATION:
        say(
            f"{len(training)} training and {counted(len(validation), 'validation images')} are too few to tell what is unlike them.",
            style="yellow",
        )
        return None
    must_be_there(run)
    distance = fit_feature_distance(training, validation)
    tensors = {name: torch.from_numpy(getattr(distance, name)) for name in ARRAYS}
    numbers = {
        "training_images": len(training),
        "rest_variance": distance.rest_variance,
        "false_flags": distance.false_flags,
        "validation_distances": distance.validation.tolist(),
        "weights": digest_in(run.best_weights),
    }
    save_tensors(run.folder / FILE, tensors, numbers)
    share = f"of new images like the {len(validation):,} of validation, {distance.promised_share:.1%} are flagged at most"
    say(f"Distance from the training data: measured on {counted(len(training), 'training images')}; {share}.")
    return distance


def read_feature_distance(run: Run) -> FeatureDistance | None:
    """Return what `write_feature_distance` wrote; None where there is no such file: the run is older, or had too few images.

    Raises:
        BadRunFolder: if the file is damaged, or of other weights than the run has.
    """
    path = run.folder / FILE
    if not path.exists():
        return None
    again = f"Remove it. To make it again: {run.resume_command}"
    tensors, said = load_tensors(path, again)
    advice = f"It is not a valid feature distance. {again}"
    numbers = checked(said, _Numbers, path, advice)
    if digest_in(path) is None and must_have_digests(run):
        raise BadRunFolder(f"{path}: its digest of all that it holds was removed, so whether it was changed cannot be told. {advice}")
    refuse_other_weights(numbers.get("weights"), run, path)
    try:
        arrays = {name: tensors[name].numpy() for name in ARRAYS}
        validation = np.array(numbers["validation_distances"], dtype=np.float64)
        if not all(np.isfinite(array).all() for array in arrays.values()) or not (arrays["spread"] > 0).all():
            raise ValueError("it holds values that are not finite, or no spread")
        return FeatureDistance(**arrays, rest_variance=numbers["rest_variance"], validation=validation, false_flags=numbers["false_flags"])
    except (KeyError, TypeError, ValueError) as error:
        why = f"{path}: is not a valid feature distance ({error}). It was changed or damaged after it was written."
        raise BadRunFolder(f"{why} {again}") from None


def missing_because(run: Run) -> str:
    """Return why a run says nothing about what is unlike its training data, and what to do."""
    with suppress(BadRunFolder):
        used = Counter(subset for _, subset in read_split(run.folder / SPLIT_FILE).values())
        if used["train"] < FEWEST_TRAINING or used["validation"] < FEWEST_VALIDATION:
            return f"{run.folder} was trained on too few images for it: {used['train']}, and validated on {used['validation']}."
    return f"{run.folder} has no {FILE}: it is older, or the file was removed. '{run.resume_command}' writes it for a finished run."
