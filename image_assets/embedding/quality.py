"""How far a map can be believed: which neighbours it keeps, and what is usual among the points that it was made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.manifold import trustworthiness as sklearn_trustworthiness

from image_assets.embedding.neighbours import nearest_others
from image_assets.embedding.reduction import COMPONENTS, Reduction
from image_assets.embedding.tsne import MIN_IMAGES
from image_assets.features.table import UnusableFeaturesError, refuse_not_finite

SAMPLE = 2_000  # rows that are measured; more would tell the same
_NEIGHBOURS = 12  # on the map, lowered where there are fewer than 25 points
KEPT_OF = 10  # nearest fitted points
_FAR = 5  # an image is as far off as its fifth nearest fitted one
_USUAL = 0.99  # of the fitted points are no farther off than what counts as usual
# Components of few images fit these images, and leave out much of every other.
_ROWS_PER_COMPONENT = 20


class TooFewImagesError(ValueError):
    """A map of so few images would show nothing."""


@dataclass(frozen=True)
class Usual:
    """What is usual among fitted points, for others to be held against.

    Attributes:
        kept: Share of a point's 10 nearest fitted points that are among its 10 nearest on the map.
        distance: To the fifth nearest; 99 of 100 are no farther off.
        left_out: Length outside the principal components, likewise; infinite where too few were fitted to say.
    """

    kept: float
    distance: float
    left_out: float


def trustworthiness(features: np.ndarray, places: np.ndarray) -> float:
    """Share of a point's neighbours on the map that are neighbours in truth, weighed by how far off the others are.

    1 is perfect, 0.5 what a random map gets (Venna and Kaski, ICANN 2001). Measured on the original features, on
    2,000 evenly spread rows.

    Args:
        features: float32 [N, D].
        places: float32 [N, d].

    Raises:
        TooFewImagesError: fewer than 10 images.
        UnusableFeaturesError: NaN or infinity, or not two dimensions.
    """
    check_features(features)
    rows = spread(len(features), SAMPLE)
    neighbours = min(_NEIGHBOURS, (len(rows) - 1) // 2)
    return float(sklearn_trustworthiness(features[rows], places[rows], n_neighbors=neighbours))


def usual(features: np.ndarray, reduction: Reduction, reduced: np.ndarray, places: np.ndarray) -> Usual:
    """What is usual among fitted points: measured on 2,000 evenly spread ones.

    Args:
        features: float32 [M, D].
        reduction: Their principal components.
        reduced: What it makes of them, float32 [M, C].
        places: Theirs on the map, float32 [M, d].
    """
    rows = spread(len(reduced), SAMPLE)
    near, distances = nearest_others(reduced, rows, KEPT_OF)
    on_map, _ = nearest_others(places, rows, KEPT_OF)
    enough = len(reduced) >= _ROWS_PER_COMPONENT * COMPONENTS
    left_out = float(np.quantile(reduction.left_out(features[rows]), _USUAL)) if enough else np.inf
    return Usual(overlap(near, on_map), float(np.quantile(how_far(distances), _USUAL)), left_out)


def spread(count: int, wanted: int) -> np.ndarray:
    """At most `wanted` of `count` rows, evenly spread: int64, ascending."""
    wanted = min(count, wanted)
    return np.arange(wanted) * count // wanted


def check_features(features: np.ndarray) -> None:
    """See that a map can be made of features. Raises as `trustworthiness`."""
    if features.ndim != 2:
        raise UnusableFeaturesError(f"expected a row of features per image, found shape {features.shape}")
    if len(features) < MIN_IMAGES:
        raise TooFewImagesError(f"a map takes at least {MIN_IMAGES} images, found {len(features)}")
    refuse_not_finite(features)


def how_far(distances: np.ndarray) -> np.ndarray:
    """How far off points are, float64 [N], by the distances to their nearest fitted points, float64 [N, k]."""
    return distances[:, min(_FAR, distances.shape[1]) - 1]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Share of the numbers of each row, int64 [N, k], that are in the same row of the other."""
    return float((one[:, :, None] == other[:, None, :]).any(axis=2).mean())
