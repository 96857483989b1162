"""Features of another extractor than the dataset's: where they lie, told from the logs of tables and little more."""

from __future__ import annotations

import polars as pl

from image_assets.features.units import unit_name
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES, Partition
from image_assets.store.listing import Listing
from image_assets.store.store import Store
from image_assets.store.tables.known_counts import Count, known_counts


def foreign_features(
    dataset: str, store: Store, extractor_digest: str, lying: Listing | None = None
) -> dict[str, dict[Partition, int]]:
    """How many images of each day and category have features of another extractor, by the digest of that.

    A file of features is named after the extractor and the images, so only of files with other names, such as migrated
    ones, the column is read.

    Args:
        dataset: Whose features.
        store: Where they are.
        extractor_digest: Of the dataset's extractor.
        lying: What lies in the dataset's folder: of files that lie there as they did, the column is not read again.

    Raises:
        Damaged: a log, or one of these files, is not as it was written.
    """
    table = store.table(dataset, IMAGE_FEATURES)
    there = table.snapshot()
    images = store.table(dataset, RAW_IMAGES).snapshot().written_files()
    expected = {unit_name(file, extractor_digest) for file in images}
    others = [file.path for file in there.written_files() if table.name_of(file) not in expected]
    if not others:
        return {}
    files = there.files.filter(pl.col("path").is_in(others))
    by_extractor = Count(pl.len(), "extractor")
    counted = known_counts(table, by_extractor, files, lying.below(IMAGE_FEATURES.name) if lying else None)
    found: dict[str, dict[Partition, int]] = {}
    for date, category, digest, count in counted.iter_rows():
        if digest != extractor_digest:
            found.setdefault(digest, {})[Partition(date, category)] = count
    return found
