"""What was never made of a partition: its checks would call it lost, and be taken for a look at it ever after."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet

from image_assets.dataset import DatasetSpec
from image_assets.health.check_book import CheckBook
from image_assets.schema import TABLES, Partition
from image_assets.shards.manifest import FEATURE_SHARDS, list_files, manifest_content, shards_prefix
from image_assets.store.store import Store

_TABLES = {schema.name: schema for schema in TABLES}


def never_made(
    store: Store, dataset: DatasetSpec, partitions: Collection[Partition], assets: Collection[str]
) -> dict[Partition, set[str]]:
    """Of each partition the assets that nothing is there of, though checks have looked at others of the same partition.

    What was made was looked at in the same run. Where nothing was, as in a store of an earlier version, nobody knows.

    Args:
        store: Where they are.
        dataset: Whose they are.
        partitions: Which.
        assets: Of partitions, those that have checks.
    """
    looked_at = CheckBook(store, dataset.name).looked_at()
    there = {name: {*store.table(dataset.name, _TABLES[name]).partitions()} for name in assets if name in _TABLES}
    return {
        one: {name for name in {*assets} - looked_at[one] if not _is_there(store, dataset, one, name, there)}
        for one in partitions
        if looked_at.get(one)
    }


def _is_there(
    store: Store, dataset: DatasetSpec, partition: Partition, asset: str, there: Mapping[str, AbstractSet[Partition]]
) -> bool:
    if asset == FEATURE_SHARDS:
        prefix = shards_prefix(dataset, partition)
        return bool(list_files(store.objects(), prefix)) or manifest_content(store.objects(), prefix) is not None
    return partition in there.get(asset, {partition})
