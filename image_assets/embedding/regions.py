"""Regions of a map: crowds of fitted points that stand apart, and which of them every other point lies in.

They belong to a fit and stay as long as it does: what is placed later falls into the region that it comes to lie in,
and makes no new one. The same fit has the same regions.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree
from sklearn.cluster import HDBSCAN

from image_assets.embedding.kept_regions import NOWHERE, Regions
from image_assets.embedding.quality import spread

_CLUSTERED = 30_000  # points that are clustered; the others lie where the nearest of these does
_SMALLEST = 200  # of so many points one is the least that makes a region,
_FEWEST = 20  # and never fewer than these
_NEAR = 30  # points around one that say how dense it is: the more, the less chance does
# The densest part of a region is so many times as dense as the densest way out of it. Of uniform noise, whose densities
# vary by 1 / √30, it is 1.5 at most.
_STANDS_OUT = 2.0
_REACH = 5  # nearest points of its region within whose distance a point is in it


def regions_of(places: np.ndarray) -> Regions:
    """Find the regions among fitted points, float32 [M, d].

    Crowds are sought by HDBSCAN (Campello, Moulavi and Sander, 2013), which finds some in anything; those stay that
    stand out from what surrounds them.
    """
    rows = spread(len(places), _CLUSTERED)
    few = places[rows].astype(np.float64)
    least = max(_FEWEST, len(few) // _SMALLEST)
    if len(few) <= 2 * least:
        return Regions(places, np.full(len(places), NOWHERE, np.int16), np.empty(0, np.float32))
    crowds = HDBSCAN(min_cluster_size=least, min_samples=_FEWEST // 2, copy=True)  # pyright: ignore[reportArgumentType]
    distances, near = (np.asarray(one) for one in KDTree(few).query(few, k=min(_NEAR + 1, len(few)), workers=-1))
    kept = _standing_out(np.asarray(crowds.fit_predict(few)), distances[:, 1:], near[:, 1:], few.shape[1])
    reach = np.array([_reach(few[kept == number]) for number in range(int(kept.max(initial=NOWHERE)) + 1)], np.float32)
    clustered = Regions(places[rows], kept.astype(np.int16), reach)
    return clustered if len(rows) == len(places) else Regions(places, clustered.of(places), reach)


def _standing_out(found: np.ndarray, distances: np.ndarray, near: np.ndarray, dimensions: int) -> np.ndarray:
    """Of crowds those that stand out, numbered anew by size; int [n].

    Args:
        found: The crowd of each point, int [n]; -1 of none.
        distances: To its nearest points, float [n, k], the nearest first.
        near: Which these are, int [n, k].
        dimensions: Of the map.
    """
    density = 1 / np.maximum(distances[:, -1], 1e-12) ** dimensions
    outwards = found[near] != found[:, None]
    way = np.where(outwards, np.minimum(density[:, None], density[near]), 0).max(axis=1)
    numbers, counts = np.unique(found[found >= 0], return_counts=True)
    kept = np.full(len(found), NOWHERE)
    place = 0
    for number in numbers[np.argsort(-counts, kind="stable")]:
        inside = found == number
        if np.quantile(density[inside], 0.9) >= _STANDS_OUT * way[inside].max():
            kept[inside] = place
            place += 1
    return kept


def _reach(places: np.ndarray) -> float:
    distances, _ = KDTree(places).query(places, k=min(_REACH + 1, len(places)), workers=-1)
    return float(np.max(distances[:, -1]))
