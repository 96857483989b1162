"""A part of the images that stands for all of them, where all would be too many to work on."""

from __future__ import annotations

import numpy as np
import polars as pl

_SMALLEST = 50


def sample_size(images: int, all_images: int, max_rows: int) -> int:
    """How many of a category's images are taken: its share of `max_rows`, but 50 where there are so many."""
    if all_images <= max_rows:
        return images
    return min(images, max(images * max_rows // all_images, _SMALLEST))


def stratified_sample(rows: pl.DataFrame, max_rows: int, seed: int) -> pl.Series:
    """Choose images so that every category keeps its share.

    Args:
        rows: Columns image_id, label.
        max_rows: At most so many are chosen, but for categories that would keep fewer than 50.
        seed: The same images and seed give the same choice, whatever the order of the rows.

    Returns:
        The chosen image ids, sorted.
    """
    random = np.random.default_rng(seed)
    chosen = []
    for (_,), group in sorted(rows.group_by("label"), key=lambda item: str(item[0])):
        ids = group["image_id"].sort()
        size = sample_size(len(ids), rows.height, max_rows)
        chosen.append(ids.gather(random.permutation(len(ids))[:size]))
    return pl.concat(chosen).sort() if chosen else pl.Series("image_id", [], pl.String)
