"""Whether a model that says 80 % is right four times of five.

Expected calibration error on equal bins of the top probability (Guo, Pleiss, Sun, Weinberger, "On Calibration of
Modern Neural Networks", ICML 2017, equation 3).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from image_assets.settings.section import Frozen

BINS = 15


class Bin(Frozen):
    """The images whose most probable class has a probability in one interval."""

    certainty: float = Field(description="Mean probability of the answer.")
    accuracy: float = Field(description="Share of right answers.")
    images: int


def reliability(certainty: np.ndarray, right: np.ndarray) -> tuple[Bin, ...]:
    """Bins of equal width that hold images, in ascending order.

    Args:
        certainty: float [N], the probability of each answer, in [0, 1].
        right: bool [N], whether it was right.
    """
    places = np.minimum((certainty * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(certainty=float(certainty[chosen].mean()), accuracy=float(right[chosen].mean()), images=int(chosen.sum()))
        for place in range(BINS)
        if (chosen := places == place).any()
    )


def calibration_error(bins: Sequence[Bin]) -> float:
    """Mean distance between certainty and accuracy, weighed by images: 0 is perfect, 1 the worst."""
    images = sum(one.images for one in bins)
    return sum(one.images * abs(one.certainty - one.accuracy) for one in bins) / images if images else 0.0
