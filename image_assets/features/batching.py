"""Whether a picture's features depend on the pictures beside it, which they must not: tried before the first one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from image_assets.features.comparison_images import comparison_images
from image_assets.features.errors import EncoderError
from image_assets.features.preprocess import Resized, check_batch

MAX_DEVIATION = 1e-4
"""Of the largest feature, or of 1 if that is more."""
_IMAGES = 8
Infer = Callable[[np.ndarray], np.ndarray]


class BatchIndependent(Resized, ABC):
    """An extractor that gives a picture the same features whatever pictures are beside it.

    Who derives from it knows the width of what `_run` gives, and whether pictures are to be run one by one.
    """

    width: int
    _singly: bool

    @abstractmethod
    def _run(self, batch: np.ndarray) -> np.ndarray:
        """Features, float32 `[N, width]`, of one prepared image or more."""

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Features, float32 `[N, width]`, of prepared images, uint8 `[N, image_size, image_size, 3]`."""
        check_batch(batch, self.image_size)
        if not len(batch):
            return np.empty((0, self.width), np.float32)
        return one_by_one(self._run, batch) if self._singly else self._run(batch)


def same_in_batches(infer: Infer, size: int, model: str) -> bool:
    """Run a model on a few pictures together and one by one.

    Args:
        infer: From uint8 `[N, size, size, 3]` to float32 `[N, width]`.
        size: Side of the squares, pixels.
        model: How the dataset file calls the model, for errors.

    Returns:
        Whether the features are the same to the last bit. Where they are not, rounding is all that differs.

    Raises:
        EncoderError: they differ by more than that, are no numbers, or are no vector for each picture.
    """
    images = comparison_images(size, _IMAGES)
    alone = np.concatenate([_features(infer, images[i : i + 1], model) for i in range(len(images))])
    together = _features(infer, images, model)
    if together.shape != alone.shape:
        raise EncoderError(
            f"{model}: gives {list(alone.shape)} features one by one and {list(together.shape)} together"
        )
    deviation, largest = deviation_of(together, alone)
    if deviation > MAX_DEVIATION * max(1, largest):
        raise EncoderError(
            f"{model}: features depend on the other pictures of a batch, by up to {deviation:.2g}; export the model "
            "for inference, not for training"
        )
    return np.array_equal(together, alone)


def deviation_of(features: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """The largest difference between features of the same pictures, and the largest magnitude of the reference's."""
    return float(np.abs(features - reference).max()), float(np.abs(reference).max())


def one_by_one(infer: Infer, batch: np.ndarray) -> np.ndarray:
    """Features of a batch that is not empty, each picture's made by itself, so that its bits are always the same."""
    return np.concatenate([infer(batch[i : i + 1]) for i in range(len(batch))])


def _features(infer: Infer, batch: np.ndarray, model: str) -> np.ndarray:
    features = infer(batch)
    if features.ndim != 2 or len(features) != len(batch) or not features.shape[1]:
        raise EncoderError(
            f"{model}: expected a vector of features for each of {len(batch)} pictures; found {list(features.shape)}"
        )
    if not np.isfinite(features).all():
        raise EncoderError(
            f"{model}: its features hold NaN or infinity; look at what pixels become (mean, std, rescale)"
        )
    return features
