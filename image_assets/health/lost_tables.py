"""Tables that are gone as a whole, or whose log is, and days that went with them: they look as if never made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.health.check_book import CHECK_RESULTS, CheckBook, checked_by
from image_assets.schema import (
    ARRIVALS,
    DUPLICATES,
    IMAGE_BOXES,
    IMAGE_CHIPS,
    IMAGE_FEATURES,
    IMAGE_LABELS,
    NEAR_DUPLICATES,
    PREDICTIONS,
    QUARANTINE,
    RAW_IMAGES,
    Partition,
    TableSchema,
)
from image_assets.store.listing import Listing
from image_assets.store.store import Store
from image_assets.store.tables.counts import rows_per_partition

_MADE_WITH: Mapping[str, tuple[TableSchema, ...]] = {
    RAW_IMAGES.name: (ARRIVALS, RAW_IMAGES, DUPLICATES, QUARANTINE),
    **{one.name: (one,) for one in (IMAGE_FEATURES, NEAR_DUPLICATES, PREDICTIONS)},
    **{one.name: (one,) for one in (IMAGE_LABELS, IMAGE_BOXES, IMAGE_CHIPS)},
}
"""An asset with checks → the tables that are there, with rows or without, once a partition of it was checked."""

_MADE_OF_IMAGES = (IMAGE_FEATURES, NEAR_DUPLICATES, PREDICTIONS)


def lost_tables(there: Listing) -> dict[TableSchema, list[Partition]]:
    """The tables without a log whose partitions were checked → these, in their order.

    Args:
        there: What lies in the dataset's folder.
    """
    found: dict[TableSchema, list[Partition]] = {}
    without = {schema for made in _MADE_WITH.values() for schema in made if not _has_log(there, schema)}
    for partition, asset in _checked(there) if without else ():
        for schema in _MADE_WITH.get(asset, ()):
            if schema in without:
                found.setdefault(schema, []).append(partition)
    return found


def lost_rows(store: Store, dataset: DatasetSpec, there: Listing) -> dict[TableSchema, list[Partition]]:
    """The tables that hold nothing any more of partitions that were made, though images are loaded → these partitions.

    So it is where a table was gone, and the next day's run made it anew: with its own day, and no other.

    Args:
        store: Where the tables are.
        dataset: Whose they are.
        there: What lies in the dataset's folder.

    Raises:
        Damaged, OtherVersion: a log cannot be read.
    """
    found: dict[TableSchema, list[Partition]] = {}
    loaded: set[Partition] | None = None
    for schema in _MADE_OF_IMAGES:
        if not _has_log(there, schema):
            continue  # which `lost_tables` tells
        if loaded is None:
            loaded = {one for one in _with_rows(store, dataset, RAW_IMAGES) if one.category in dataset.categories}
        without = loaded - _with_rows(store, dataset, schema)
        checked = [one for one, asset in _checked(there) if asset == schema.name and one in without] if without else []
        if schema is not IMAGE_FEATURES and checked:
            checked = _checked_before_it_was_made(store, dataset, there, schema, checked)
        if checked:
            found[schema] = checked
    return found


def _checked_before_it_was_made(
    store: Store, dataset: DatasetSpec, there: Listing, schema: TableSchema, partitions: list[Partition]
) -> list[Partition]:
    """Those of the partitions that were checked before their table was made: it is not the one that was checked then.

    A partition may have no rows by rights, as one without lookalikes. Only what was made with an earlier table is told.
    """
    # Checks are recorded by the second.
    made = store.table(dataset.name, schema).made_at().replace(microsecond=0)
    at = CheckBook(store, dataset.name, there).times_of(schema.name)
    return [one for one in partitions if one in at and at[one] < made]


def _with_rows(store: Store, dataset: DatasetSpec, schema: TableSchema) -> set[Partition]:
    counts = rows_per_partition(store, dataset.name, schema).filter(pl.col("rows") > 0)
    return {Partition(*key) for key in counts.select("date", "category").iter_rows()}


def _checked(there: Listing) -> Iterator[tuple[Partition, str]]:
    """The partitions that checks looked at, each with the asset, in their order."""
    for name in sorted(there.below(CHECK_RESULTS)):
        partition, asset = checked_by(name.removesuffix(".json"))
        if partition is not None and asset in _MADE_WITH:
            yield partition, asset


def _has_log(there: Listing, schema: TableSchema) -> bool:
    return any(path.startswith("_delta_log/") for path in there.below(schema.name))
