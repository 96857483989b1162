"""What is loaded, of every day and category?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from image_assets.dataset import DatasetSpec
from image_assets.health.accounting import reasons_of
from image_assets.schema import (
    ARRIVALS,
    COMPANIONS,
    DUPLICATES,
    IMAGE_FEATURES,
    RAW_IMAGES,
    Partition,
    TableSchema,
)
from image_assets.shards.known_manifests import known_manifests
from image_assets.shards.manifest import ShardFile, ShardManifest, read_manifest, shards_prefix
from image_assets.store.listing import Listing
from image_assets.store.store import Store
from image_assets.store.tables.counts import rows_per_partition

_COUNTED = (ARRIVALS, RAW_IMAGES, DUPLICATES, COMPANIONS, IMAGE_FEATURES)


@dataclass(frozen=True)
class PartitionFacts:
    """What is loaded of one partition."""

    partition: Partition
    listed: int
    loaded: int
    duplicates: int
    quarantined: dict[str, int]
    companions: int
    features: int
    shards: ShardManifest | None

    @property
    def shard_files(self) -> Sequence[ShardFile]:
        """Its published files."""
        return self.shards.shards if self.shards else ()

    def as_json(self) -> dict[str, Any]:
        """The partition's entry in the output of `--json`."""
        shards = [one.model_dump(include={"file", "rows", "columns", "sha256"}) for one in self.shard_files]
        return {**{name: value for name, value in vars(self).items() if name != "partition"}, "shards": shards}


def partition_facts(
    dataset: DatasetSpec,
    store: Store,
    partitions: Sequence[Partition] | None = None,
    there: Listing | None = None,
) -> list[PartitionFacts]:
    """The facts of some partitions, or of all that hold anything, in the order of day and category.

    Args:
        dataset: The dataset.
        store: Where its tables are.
        partitions: Only these; None: all.
        there: What lies in the dataset's folder, where that is known already.
    """
    counts = {schema.name: _rows(dataset, store, schema, partitions) for schema in _COUNTED}
    quarantined = _quarantined(dataset, store, partitions, there)
    known = sorted({partition for table in (*counts.values(), quarantined) for partition in table})
    wanted = known if partitions is None else sorted(partitions)
    manifests: Mapping[Partition, ShardManifest | None]
    if there is not None:
        manifests = known_manifests(dataset, store, wanted, there)
    else:
        objects = store.objects()
        manifests = {one: read_manifest(objects, shards_prefix(dataset, one)) for one in wanted}

    def rows(schema: TableSchema, partition: Partition) -> int:
        return counts[schema.name].get(partition, 0)

    return [
        PartitionFacts(
            partition,
            listed=rows(ARRIVALS, partition),
            loaded=rows(RAW_IMAGES, partition),
            duplicates=rows(DUPLICATES, partition),
            quarantined=quarantined.get(partition, {}),
            companions=rows(COMPANIONS, partition),
            features=rows(IMAGE_FEATURES, partition),
            shards=manifests.get(partition),
        )
        for partition in wanted
    ]


def _quarantined(
    dataset: DatasetSpec, store: Store, partitions: Sequence[Partition] | None, there: Listing | None
) -> dict[Partition, dict[str, int]]:
    """Files by reason."""
    found: dict[Partition, dict[str, int]] = {}
    for date, category, why, number in reasons_of(store, dataset.name, partitions, there).iter_rows():
        found.setdefault(Partition(date, category), {})[why] = number
    return found


def _rows(
    dataset: DatasetSpec, store: Store, schema: TableSchema, partitions: Sequence[Partition] | None
) -> dict[Partition, int]:
    """As the table's log says: a file that is damaged keeps nobody from learning of the others."""
    counted = rows_per_partition(store, dataset.name, schema).iter_rows()
    rows = {Partition(date, category): number for date, category, number in counted}
    return rows if partitions is None else {one: rows[one] for one in partitions if one in rows}
