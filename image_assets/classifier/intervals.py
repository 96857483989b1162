"""How far figures on so many images can be trusted: 95 % intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

_LEVEL = 0.95
_DRAWS = 2_000


class Interval(NamedTuple):
    """From … to."""

    low: float
    high: float


def wilson(right: float, of: float) -> Interval:
    """The 95 % score interval of a share (Wilson, Journal of the American Statistical Association 22, 1927).

    Args:
        right: How many are.
        of: Of how many; of none, anything is possible.
    """
    if of == 0:
        return Interval(0.0, 1.0)
    z = float(stats.norm.ppf((1 + _LEVEL) / 2))
    share, weight = right / of, z**2 / of
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * np.sqrt(share * (1 - share) / of + weight / (4 * of))
    # Rounding would leave a trace beside 0 and 1.
    return Interval(0.0 if right == 0 else float(middle - half), 1.0 if right == of else float(middle + half))


def bootstrapped(confusion: np.ndarray) -> dict[str, Interval]:
    """95 % percentile intervals of what follows from a confusion matrix.

    To draw images with replacement is to draw the matrix from a multinomial distribution, at any number of images.

    Args:
        confusion: int [K, K], row is the true class.

    Returns:
        Of `balanced_accuracy` and `macro_f1`.
    """
    images = int(confusion.sum())
    # A thousand classes are a million fields a draw: fewer draws, at a time.
    draws = max(200, min(_DRAWS, 20_000_000 // confusion.size))
    random = np.random.default_rng(0)
    shares = confusion.ravel() / images
    figures = np.array([_figures(random.multinomial(images, shares).reshape(confusion.shape)) for _ in range(draws)])
    low, high = np.quantile(figures, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2], axis=0)
    names = ("balanced_accuracy", "macro_f1")
    return {name: Interval(float(low[i]), float(high[i])) for i, name in enumerate(names)}


def _figures(confusion: np.ndarray) -> tuple[float, float]:
    right, support, answers = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    seen = support > 0
    return float((right[seen] / support[seen]).mean()), float((2 * right[seen] / (support + answers)[seen]).mean())
