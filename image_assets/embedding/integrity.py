"""How well the images that a map was fitted of stand for all that are on it: measured, not assumed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
from pydantic import Field
from scipy.stats import spearmanr

from image_assets.embedding.kept_regions import NOWHERE
from image_assets.settings.section import Strict

_LEAST_IMAGES = 20  # of a category, for its middle to mean something
_LEAST_CATEGORIES = 5  # of which there are ten distances; the order of fewer is soon another by chance
LEAST_ORDER = 0.8
"""Least rank correlation of the distances between categories' middles; between any two maps it is 0."""


class Integrity(Strict):
    """What the fitted images have of the whole map."""

    fitted: float = Field(description="Share of all images that were fitted.")
    least_category: float = Field(
        description="Of the categories the least share of the fitted images beside the share of all; 0: one is missing."
    )
    missing: tuple[int, ...] = Field(default=(), description="Labels of categories of which none was fitted.")
    regions_off: float = Field(
        description="Half the sum, over regions and what lies in none, of how far the share of the fitted images is "
        "off that of all."
    )
    order: float | None = Field(
        default=None,
        description="Rank correlation (Spearman) of the distances between categories' middles, of the fitted images "
        "with those of all; null: fewer than five categories of twenty images.",
    )
    trustworthiness: float | None = Field(default=None, description="Of the fitted images alone.")
    recall: float | None = Field(
        default=None,
        description="Of the ten images that are nearest by their features to one of 2,000, among all, the share that "
        "are among the ten nearest on the map.",
    )

    def faults(self, names: Mapping[int, str]) -> list[str]:
        """What keeps the fitted images from standing for all, in words.

        Args:
            names: Category by label; a label that has none is said by its number.
        """
        found = [f"no image of category {names.get(label, label)} was fitted" for label in self.missing]
        if self.order is not None and self.order < LEAST_ORDER:
            found.append(f"the middles of categories lie otherwise: rank correlation {self.order:.2f}")
        return found


def integrity(labels: np.ndarray, fitted: np.ndarray, places: np.ndarray, regions: np.ndarray) -> Integrity:
    """Hold the fitted images against all.

    Args:
        labels: Of all images, int [N].
        fitted: Which were fitted, bool [N].
        places: Of all, float [N, d].
        regions: In which they lie, int [N]; -1 in none.
    """
    names, of_all = np.unique(labels, return_counts=True)
    of_fitted = np.array([np.count_nonzero(labels[fitted] == name) for name in names])
    shares = (of_fitted / max(fitted.sum(), 1)) / (of_all / max(len(labels), 1))
    numbers = int(regions.max(initial=NOWHERE)) + 2
    both = [np.bincount(some - NOWHERE, minlength=numbers) / max(len(some), 1) for some in (regions, regions[fitted])]
    return Integrity(
        fitted=float(fitted.mean()) if len(fitted) else 0.0,
        least_category=float(shares.min(initial=1.0)),
        missing=tuple(names[of_fitted == 0].tolist()),
        regions_off=float(np.abs(both[0] - both[1]).sum() / 2),
        order=_order(labels, fitted, places, names[np.minimum(of_all, of_fitted) >= _LEAST_IMAGES]),
    )


def _order(labels: np.ndarray, fitted: np.ndarray, places: np.ndarray, names: np.ndarray) -> float | None:
    if len(names) < _LEAST_CATEGORIES:
        return None
    sides = []
    for chosen in (np.ones(len(labels), bool), fitted):
        middles = [np.median(places[chosen & (labels == name)], axis=0) for name in names]
        sides.append([float(np.linalg.norm(one - other)) for one, other in itertools.combinations(middles, 2)])
    return float(np.asarray(spearmanr(*sides))[0])
