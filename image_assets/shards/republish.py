"""Which published partitions do not hold just the images that belong under their category, as it is known now."""

from __future__ import annotations

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.lookalikes.publication import publication
from image_assets.marks.decisions import decisions_of
from image_assets.marks.record import located
from image_assets.schema import REVIEWS, Partition
from image_assets.shards.manifest import read_manifest, shards_prefix
from image_assets.store.store import Store

PUBLISH_AGAIN = "publish again"
"""Name of the metadata of label_conflicts that lists the keys of partitions whose shards are out of date."""


def to_publish_again(
    dataset: DatasetSpec, store: Store, conflicts: pl.DataFrame, before: pl.DataFrame
) -> list[Partition]:
    """The partitions whose shards do not leave out just what is held back, or do not hold what was moved into them.

    Only partitions with an image in a conflict, now or before, or that somebody ever said something of, are looked
    at: no other can be concerned.

    Args:
        dataset: The dataset.
        store: Where its tables and shards are.
        conflicts: The table `label_conflicts` as it is to be.
        before: The table as it is.
    """
    decisions = decisions_of(dataset, store)
    wanted = publication(decisions, conflicts, located(dataset, store, decisions.rows["image_id"]))
    columns = ["date", "category"]
    disputed = pl.concat([one.filter("loaded").select(columns) for one in (conflicts, before)]).unique()
    concerned = {Partition(*key) for key in disputed.iter_rows()} | ever_marked(dataset, store)
    objects, stale = store.objects(), []
    for partition in sorted(concerned):
        if partition.category not in dataset.categories:
            continue  # retired: it is not published any more
        manifest = read_manifest(objects, shards_prefix(dataset, partition))
        moved_in = wanted.moved_into(partition)
        if manifest is None:
            # What nothing arrived for may still have been given something.
            stale += [partition] if moved_in else []
            continue
        holds = (set(manifest.held_back), set(manifest.moved_in))
        if holds != (wanted.left_out_of(partition), moved_in):
            stale.append(partition)
    return stale


def ever_marked(dataset: DatasetSpec, store: Store) -> set[Partition]:
    """Where images lie of which anything was said, taken back or not, and where they were put."""
    said = store.table(dataset.name, REVIEWS).scan().select("image_id", put="category").unique().collect()
    places = located(dataset, store, said["image_id"]).join(said, on="image_id")
    found = (*places.select("date", "category").iter_rows(), *places.select("date", "put").iter_rows())
    return {Partition(*one) for one in found}
