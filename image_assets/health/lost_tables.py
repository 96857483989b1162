"""Tables that are gone as a whole, or whose log is: they look like tables that were never made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from image_assets.health.check_book import CHECK_RESULTS
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

_MADE_WITH: Mapping[str, tuple[TableSchema, ...]] = {
    RAW_IMAGES.name: (ARRIVALS, RAW_IMAGES, DUPLICATES, QUARANTINE),
    **{one.name: (one,) for one in (IMAGE_FEATURES, NEAR_DUPLICATES, PREDICTIONS)},
    **{one.name: (one,) for one in (IMAGE_LABELS, IMAGE_BOXES, IMAGE_CHIPS)},
}
"""An asset with checks → the tables that are there, with rows or without, once a partition of it was checked."""


def lost_tables(there: Listing) -> dict[TableSchema, list[Partition]]:
    """The tables without a log whose partitions were checked → these, in their order.

    Args:
        there: What lies in the dataset's folder.
    """
    checked = there.below(CHECK_RESULTS)
    found: dict[TableSchema, list[Partition]] = {}
    without = {schema for made in _MADE_WITH.values() for schema in made if not _has_log(there, schema)}
    for name in sorted(checked) if without else ():
        day, _, rest = name.removesuffix(".json").partition("/")
        category, _, asset = rest.partition("/")
        for schema in _MADE_WITH.get(asset, ()):
            if schema in without:
                found.setdefault(schema, []).append(Partition(dt.date.fromisoformat(day), category))
    return found


def _has_log(there: Listing, schema: TableSchema) -> bool:
    return any(path.startswith("_delta_log/") for path in there.below(schema.name))
