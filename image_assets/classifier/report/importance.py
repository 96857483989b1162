"""Which features a model depends on: how much worse it gets when they are shuffled among the images.

Permutation importance (Breiman, "Random Forests", Machine Learning 45, 2001) of groups of features that are shuffled
together. The features of a network have no names, and many tell the same: shuffle one, and its relatives stand in for
it. So those that go up and down together make a group, and what is measured is what the model would lose with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.utils import check_random_state

from image_assets.store.models.model import Model

MOST_GROUPS = 20
_LISTED = 4


@dataclass(frozen=True)
class FeatureGroup:
    """Features that are shuffled together.

    Attributes:
        title: What people read.
        columns: Which; ascending, from 0.
    """

    title: str
    columns: tuple[int, ...]


@dataclass(frozen=True)
class Importance:
    """What the model loses without a group: drops of the accuracy, one for every shuffling."""

    group: FeatureGroup
    drops: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean drop."""
        return float(np.mean(self.drops))

    @property
    def deviation(self) -> float:
        """Standard deviation of the drops."""
        return float(np.std(self.drops))


def permutation_importance(
    model: Model, features: np.ndarray, labels: np.ndarray, groups: Sequence[FeatureGroup], repeats: int, seed: int
) -> list[Importance]:
    """Shuffle groups of features, one after the other; the most important first.

    Groups of one feature give the figures of `sklearn.inspection.permutation_importance` with the same seed.

    Args:
        model: Fitted.
        features: float32 [N, D], of images that the model was not trained on.
        labels: int16 [N].
        groups: What to shuffle.
        repeats: How often.
        seed: Of the shufflings, which are the same for every group.
    """
    whole = _accuracy(model, features, labels)
    lots = check_random_state(seed).randint(np.iinfo(np.int32).max + 1)
    shuffled = features.copy()
    found = []
    for group in groups:
        columns = list(group.columns)
        random, order, drops = check_random_state(lots), np.arange(len(features)), []
        for _ in range(repeats):
            random.shuffle(order)
            shuffled[:, columns] = (
                shuffled[order][:, columns] if len(columns) > 1 else shuffled[order, columns[0], None]
            )
            drops.append(whole - _accuracy(model, shuffled, labels))
        shuffled[:, columns] = features[:, columns]
        found.append(Importance(group, tuple(drops)))
    return sorted(found, key=lambda one: -one.mean)


def _accuracy(model: Model, features: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(model.predict(features) == labels))


def single_features(columns: Sequence[int], names: Sequence[str]) -> list[FeatureGroup]:
    """Every feature by itself, under its name or its number from 1, as in the published shards."""
    return [FeatureGroup(names[c].replace("_", " ") if names else f"feature {c + 1}", (c,)) for c in columns]


def correlated_groups(features: np.ndarray, most: int = MOST_GROUPS) -> list[FeatureGroup]:
    """Put features that go up and down together into groups, the largest first; those that never vary are left out.

    By complete linkage of the distance 1 - |correlation|: any two of a group correlate at least as much as the two of
    it that correlate the least, so that no chain of neighbours becomes one group.

    Args:
        features: float32 [N, D].
        most: Number of groups.
    """
    # The deviation of a constant may be more than 0 by rounding.
    varying = np.flatnonzero(np.ptp(features, axis=0) > 0)
    if len(varying) < 2:
        return single_features(varying.tolist(), ())
    apart = 1 - np.abs(np.corrcoef(features[:, varying].astype(np.float64), rowvar=False))
    np.fill_diagonal(apart, 0)
    # Sums of one another's products differ in their last digits by their order.
    distances = squareform(np.clip((apart + apart.T) / 2, 0, 1), checks=False)
    numbers = fcluster(linkage(distances, "complete"), most, "maxclust")
    groups = [tuple(varying[numbers == number].tolist()) for number in np.unique(numbers)]
    ordered = sorted(groups, key=lambda group: (-len(group), group))
    return [FeatureGroup(_title(group), group) for group in ordered]


def _title(columns: tuple[int, ...]) -> str:
    listed = ", ".join(str(column + 1) for column in columns[:_LISTED])
    if len(columns) == 1:
        return f"feature {listed}"
    return f"{len(columns):,} features: {listed}{' …' if len(columns) > _LISTED else ''}"


def activation(features: np.ndarray, group: FeatureGroup) -> np.ndarray:
    """How strongly every image has what a group's features have in common.

    The first principal component of the standardised features, pointing to where most of them are high.

    Args:
        features: float32 [N, D].
        group: Which.

    Returns:
        float64 [N].
    """
    part = features[:, list(group.columns)].astype(np.float64)
    part = (part - part.mean(axis=0)) / np.where(part.std(axis=0) > 0, part.std(axis=0), 1)
    direction = np.linalg.eigh(part.T @ part)[1][:, -1]
    return part @ (direction if direction.sum() >= 0 else -direction)
