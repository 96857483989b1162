"""Day × category: the partitions of a dataset's assets, and how their keys are read."""

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


def partition_of(key: str) -> Partition:
    """The partition that a Dagster key means."""
    keys = key.keys_by_dimension if isinstance(key, dg.MultiPartitionKey) else _split(key)
    return Partition(dt.date.fromisoformat(keys[DATE]), keys[CATEGORY])


def partition_key(partition: Partition) -> dg.MultiPartitionKey:
    """The Dagster key of a partition."""
    return dg.MultiPartitionKey({DATE: partition.date.isoformat(), CATEGORY: partition.category})


def _split(key: str) -> dict[str, str]:
    # Dagster joins the dimensions in the alphabetical order of their names.
    category, date = key.split("|")
    return {DATE: date, CATEGORY: category}
