"""Which images are unknown to a model: the one place where that is decided. Light."""

from __future__ import annotations

import numpy as np

from image_assets.store.models.model import Model


def unknown_to(
    model: Model, rows: np.ndarray, probabilities: np.ndarray, unknown_below: float, held_back: float
) -> tuple[np.ndarray, np.ndarray | None]:
    """Which images are unknown, and how familiar they look.

    Args:
        model: Fitted.
        rows: [N, *row_shape], of the images.
        probabilities: float [N, K], what the model says of them.
        unknown_below: What the highest probability of an image is to be at least, else it is unknown.
        held_back: The same of its familiarity.

    Returns:
        bool [N]; and float32 [N], see `Model.familiarity`, None where the model cannot say.
    """
    # As in the table `predictions`, whose figures have single precision.
    unknown = probabilities.max(axis=1).astype(np.float32) < np.float32(unknown_below)
    familiarity = model.familiarity(rows, probabilities.argmax(axis=1))
    if familiarity is not None:
        unknown |= familiarity < np.float32(held_back)
    return unknown, familiarity
