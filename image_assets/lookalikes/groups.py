"""Pairs of images that look alike become groups, whose names stay as data grows."""

from __future__ import annotations

import numpy as np
import polars as pl


def duplicate_groups(pairs: pl.DataFrame) -> pl.DataFrame:
    """Groups of images that are connected by pairs.

    A group is named by its earliest member, so that a later day never renames it; where a new image joins two groups,
    the older name stays. The order of the pairs, and pairs that are given twice or from both sides, make no difference.

    Args:
        pairs: image_id, date, category, other_id, other_date, other_category.

    Returns:
        image_id, date, category and group_id of every image of a pair, in the order of the ids.
    """
    # SciPy takes as long to load as all of Dagster, and this module is loaded by every run.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    members = pl.concat(
        [
            pairs.select("image_id", "date", "category"),
            pairs.select(image_id="other_id", date="other_date", category="other_category"),
        ]
    )
    # Sorted by arrival: the first member of a component is the one that names it.
    nodes = members.unique().sort("date", "image_id", "category").unique("image_id", keep="first", maintain_order=True)
    if nodes.is_empty():
        return nodes.with_columns(group_id=pl.lit(None, pl.String))
    place = nodes.select("image_id", place=pl.int_range(pl.len()))
    edges = (
        pairs.select("image_id", "other_id")
        .join(place, on="image_id")
        .join(place, left_on="other_id", right_on="image_id", suffix="_other")
    )
    shape = (nodes.height, nodes.height)
    ends = (edges["place"].to_numpy(), edges["place_other"].to_numpy())
    _, component = connected_components(coo_array((np.ones(edges.height, bool), ends), shape), directed=False)
    _, first = np.unique(component, return_index=True)
    return nodes.with_columns(group_id=nodes["image_id"].gather(first[component])).sort("image_id")
