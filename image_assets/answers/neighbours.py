"""Which loaded images are most like a picture, by their features?"""

from __future__ import annotations

import numpy as np
import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.features.decode import all_prepared
from image_assets.features.extractor import shared_extractor
from image_assets.features.table import feature_matrix, unit_rows
from image_assets.schema import IMAGE_FEATURES
from image_assets.store.store import Store

_COLUMNS = ("image_id", "date", "category")


class UnknownImage(LookupError):
    """An image that is not loaded: the message says which."""


def like_image(dataset: DatasetSpec, store: Store, image_id: str, number: int) -> pl.DataFrame:
    """The images most like one that is loaded, without itself. Returns and raises as `like_vector`.

    Raises:
        UnknownImage: it has no features.
    """
    rows = store.table(dataset.name, IMAGE_FEATURES).scan()
    own = rows.filter(pl.col("image_id") == image_id).select("features").collect()
    if own.is_empty():
        raise UnknownImage(f"{image_id}: {dataset.name} has no features of such an image")
    found = like_vector(dataset, store, feature_matrix(own)[0], number + 1)
    return found.filter(pl.col("image_id") != image_id).head(number)


def like_content(dataset: DatasetSpec, store: Store, content: bytes, number: int) -> pl.DataFrame:
    """The images most like that of a file. Returns as `like_vector`.

    Raises:
        Rejected: the file is no image that the door lets in.
        ExtractorError: the dataset's extractor cannot be used.
    """
    extractor = shared_extractor(dataset.extractor)
    return like_vector(dataset, store, extractor.infer(all_prepared([content], extractor))[0], number)


def like_vector(dataset: DatasetSpec, store: Store, vector: np.ndarray, number: int) -> pl.DataFrame:
    """The images whose features are nearest; the features of a partition are held in memory at a time.

    Args:
        dataset: Whose images.
        store: Where they are.
        vector: Features, float32 `[D]`; images with features of another width are left out.
        number: So many at most.

    Returns:
        `image_id`, `date`, `category` and `similarity`, the cosine in [-1, 1]; the most similar first.
    """
    table = store.table(dataset.name, IMAGE_FEATURES)
    wanted = unit_rows(vector[None])[0]
    nearest: list[pl.DataFrame] = []
    for partition in table.partitions():
        rows = table.scan([partition]).filter(pl.col("features").list.len() == len(vector)).collect()
        if rows.is_empty():
            continue
        similarity = pl.Series("similarity", unit_rows(feature_matrix(rows)) @ wanted)
        nearest = [_nearest([*nearest, rows.select(_COLUMNS).with_columns(similarity)], number)]
    if not nearest:
        return table.scan_files().select(*_COLUMNS, similarity=pl.lit(0.0, pl.Float32)).collect()
    return nearest[0]


def _nearest(frames: list[pl.DataFrame], number: int) -> pl.DataFrame:
    return pl.concat(frames).sort("similarity", "image_id", descending=[True, False]).head(number)
