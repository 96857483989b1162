"""Features of another extractor than the dataset's: where they lie, told from the logs of tables and little more."""

from __future__ import annotations

import polars as pl

from image_assets.features.units import unit_name
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES, Partition
from image_assets.store.store import Store
from image_assets.store.tables.delta_log import Snapshot


def foreign_features(dataset: str, store: Store, extractor_digest: str) -> dict[str, dict[Partition, int]]:
    """How many images of each day and category have features of another extractor, by the digest of that.

    A file of features is named after the extractor and the images, so only of files with other names, such as migrated
    ones, the column is read.

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
    rows = table.scan_files(Snapshot(there.version, there.files.filter(pl.col("path").is_in(others))))
    foreign = rows.filter(pl.col("extractor") != extractor_digest)
    counted = foreign.group_by("extractor", "date", "category").agg(pl.len().cast(pl.Int64)).collect()
    found: dict[str, dict[Partition, int]] = {}
    for digest, date, category, count in counted.iter_rows():
        found.setdefault(digest, {})[Partition(date, category)] = count
    return found
