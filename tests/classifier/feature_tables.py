"""Tables as the platform keeps them, of features that were made up: for what reads `image_features` as a whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, Partition, TableSchema
from image_assets.store.store import Store
from tests.classifier.synthetic import CLASSES, clusters, image_ids

DATASET = "drawn"
FIRST_DAY = dt.date(2026, 11, 1)


@dataclass(frozen=True)
class Kind:
    """What is asked for of an extractor."""

    digest: str = "e" * 64
    width: int = 12


KIND = Kind()
NAMES = {label: name for name, label in CLASSES.items()}


def day(number: int) -> dt.date:
    return FIRST_DAY + dt.timedelta(days=number)


def feature_rows(days: int, images: int, kind: Kind = KIND, separation: float = 0.6) -> pl.DataFrame:
    """`images` images for each of some days, of three categories, in no order."""
    features, labels = clusters(days * images, kind.width, separation)
    return pl.DataFrame(
        {
            "image_id": image_ids(days * images),
            "label": labels,
            "features": pl.Series(features.tolist(), dtype=pl.List(pl.Float32)),
            "extractor": kind.digest,
            "date": [day(n) for n in range(days) for _ in range(images)],
            "category": [NAMES[label] for label in labels],
        },
        schema_overrides={"date": pl.Date},
    )


def no_rows(schema: TableSchema) -> pl.LazyFrame:
    frame = pl.from_arrow(schema.arrow.empty_table())
    assert isinstance(frame, pl.DataFrame)
    return frame.lazy()


NO_CONFLICTS, NO_GROUPS = no_rows(LABEL_CONFLICTS), no_rows(DUPLICATE_GROUPS)


def groups_of(*groups: Sequence[str]) -> pl.LazyFrame:
    """Images that look alike, each group under the name of its first."""
    pairs = [(image, group[0]) for group in groups for image in group]
    return pl.DataFrame(pairs, schema=["image_id", "group_id"], orient="row").lazy()


def write_partitions(store: Store, rows: pl.DataFrame) -> None:
    """As partitions of the real Delta table."""
    table = store.table(DATASET, IMAGE_FEATURES)
    for key, part in sorted(rows.partition_by("date", "category", as_dict=True).items()):
        partition = Partition(*key)
        table.replace(partition, [table.write_frame(partition, part)])


def scan(store: Store) -> pl.LazyFrame:
    """The table, lazily, as an asset gets it."""
    return store.table(DATASET, IMAGE_FEATURES).scan()
