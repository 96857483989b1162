"""McNemar's exact test: whether one of two models is right more often than the other, on the same images."""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr


def p_value(gained: int, lost: int) -> float:
    """How likely a split as uneven is by chance where both are equally good, two-sided.

    Args:
        gained: Images that only the first gets right.
        lost: Images that only the second gets right.
    """
    disputed = gained + lost
    return min(1.0, 2 * float(bdtr(min(gained, lost), disputed, 0.5))) if disputed else 1.0


def mcnemar(right: np.ndarray, also_right: np.ndarray) -> float:
    """The same, of bool [M]: where the first is right, and where the second is."""
    return p_value(int(np.sum(right & ~also_right)), int(np.sum(also_right & ~right)))
