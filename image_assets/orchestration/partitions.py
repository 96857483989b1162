"""Day × category: the partitions of a dataset's assets, and the keys that Dagster has for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import dagster as dg

from image_assets.dataset import DatasetSpec
from image_assets.schema import Partition

DATE = "date"
CATEGORY = "category"


def partitions_of(dataset: DatasetSpec) -> dg.MultiPartitionsDefinition:
    """The dataset's partitions: every day since its start, in its time zone, times every category."""
    return dg.MultiPartitionsDefinition(
        {
            DATE: dg.DailyPartitionsDefinition(
                start_date=dt.datetime.combine(dataset.start_day, dt.time()), timezone=dataset.time_zone
            ),
            CATEGORY: dg.StaticPartitionsDefinition(list(dataset.categories)),
        }
    )


def partitioned(assets: Iterable[object]) -> list[dg.AssetKey]:
    """The keys of those assets that are of a day and category, in the order in which they are declared."""
    specs = (spec for layer in assets if isinstance(layer, dg.AssetsDefinition) for spec in layer.specs)
    return [spec.key for spec in specs if spec.partitions_def is not None]


def partition_key(partition: Partition) -> dg.MultiPartitionKey:
    """The Dagster key of a partition."""
    return dg.MultiPartitionKey({DATE: partition.date.isoformat(), CATEGORY: partition.category})
