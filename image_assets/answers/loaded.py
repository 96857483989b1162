"""What is loaded, of every day and category?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.schema import (
    ARRIVALS,
    COMPANIONS,
    DUPLICATES,
    IMAGE_FEATURES,
    QUARANTINE,
    RAW_IMAGES,
    Partition,
    TableSchema,
)
from image_assets.shards.manifest import ShardManifest, read_manifest, shards_prefix
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

    def as_json(self) -> dict[str, Any]:
        """The partition's entry in the output of `--json`."""
        shards = self.shards.shards if self.shards else []
        return {
            "listed": self.listed,
            "loaded": self.loaded,
            "duplicates": self.duplicates,
            "quarantined": self.quarantined,
            "companions": self.companions,
            "features": self.features,
            "shards": [shard.model_dump(include={"file", "rows", "columns", "sha256"}) for shard in shards],
        }


def partition_facts(
    dataset: DatasetSpec, store: Store, partitions: Sequence[Partition] | None = None
) -> list[PartitionFacts]:
    """The facts of some partitions, or of all that hold anything, in the order of day and category."""
    counts = _counts(dataset, store, partitions)
    known = sorted({partition for table in counts.values() for partition in table})
    objects = store.objects()
    return [
        PartitionFacts(
            partition,
            listed=_total(counts, ARRIVALS.name, partition),
            loaded=_total(counts, RAW_IMAGES.name, partition),
            duplicates=_total(counts, DUPLICATES.name, partition),
            quarantined=counts[QUARANTINE.name].get(partition, {}),
            companions=_total(counts, COMPANIONS.name, partition),
            features=_total(counts, IMAGE_FEATURES.name, partition),
            shards=read_manifest(objects, shards_prefix(dataset, partition)),
        )
        for partition in (known if partitions is None else sorted(partitions))
    ]


_Counts = dict[Partition, dict[str, int]]


def _counts(dataset: DatasetSpec, store: Store, partitions: Sequence[Partition] | None) -> dict[str, _Counts]:
    found = {schema.name: _rows(dataset, store, schema, partitions) for schema in _COUNTED}
    reasons = store.table(dataset.name, QUARANTINE).scan(partitions).select("date", "category", "reason").collect()
    found[QUARANTINE.name] = {}
    for date, category, why, number in reasons.group_by(pl.all()).len().sort(pl.all()).iter_rows():
        found[QUARANTINE.name].setdefault(Partition(date, category), {})[why] = number
    return found


def _rows(dataset: DatasetSpec, store: Store, schema: TableSchema, partitions: Sequence[Partition] | None) -> _Counts:
    """As the table's log says: a file that is damaged keeps nobody from learning of the others."""
    counted = rows_per_partition(store, dataset.name, schema).iter_rows()
    rows = {Partition(date, category): {"": number} for date, category, number in counted}
    return rows if partitions is None else {one: rows[one] for one in partitions if one in rows}


def _total(counts: dict[str, _Counts], table: str, partition: Partition) -> int:
    return sum(counts[table].get(partition, {}).values())
