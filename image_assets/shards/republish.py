"""Which published partitions hold images whose category has come into doubt since, or lack some that were cleared."""

from __future__ import annotations

import polars as pl
from obstore.store import ObjectStore

from image_assets.dataset import DatasetSpec
from image_assets.lookalikes.label_conflicts import held_back
from image_assets.schema import Partition
from image_assets.shards.manifest import read_manifest, shards_prefix

PUBLISH_AGAIN = "publish again"
"""Name of the metadata of label_conflicts that lists the keys of partitions whose shards are out of date."""


def to_publish_again(
    dataset: DatasetSpec, objects: ObjectStore, conflicts: pl.DataFrame, before: pl.DataFrame
) -> list[Partition]:
    """The partitions whose shards do not leave out just what is held back.

    Only partitions with an image in a conflict are looked at, now or before: no other can be concerned.

    Args:
        dataset: The dataset.
        objects: The store.
        conflicts: The table `label_conflicts` as it is to be.
        before: The table as it is.
    """
    held = held_back(conflicts)
    columns = ["date", "category"]
    concerned = pl.concat([one.filter("loaded").select(columns) for one in (conflicts, before)]).unique()
    stale = []
    for partition in sorted(Partition(*key) for key in concerned.iter_rows()):
        if partition.category not in dataset.categories:
            continue  # retired: it is not published any more
        manifest = read_manifest(objects, shards_prefix(dataset, partition))
        if manifest is None:
            continue
        here = (pl.col("date") == partition.date) & (pl.col("category") == partition.category)
        if set(held.filter(here)["image_id"]) != set(manifest.held_back):
            stale.append(partition)
    return stale
