"""One of each picture: a burst of lookalikes says no more of a day than a single one of them."""

from __future__ import annotations

import numpy as np

from image_assets.lookalikes.hash_search import pairs_within


def one_of_each(hashes: np.ndarray, distance: int) -> np.ndarray:
    """The first of all pictures that are connected by hashes within some bits of each other.

    Args:
        hashes: uint64 [N], perceptual hashes.
        distance: Bits in which pictures that look alike may differ.

    Returns:
        bool [N].
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    values, value_of = np.unique(hashes, return_inverse=True)
    pairs = pairs_within(values, [values], distance)
    ends = (np.searchsorted(values, pairs.new), np.searchsorted(values, pairs.known))
    graph = coo_array((np.ones(len(pairs.new), bool), ends), (len(values), len(values)))
    _, component = connected_components(graph, directed=False)
    first = np.zeros(len(hashes), bool)
    first[np.unique(component[value_of], return_index=True)[1]] = True
    return first
