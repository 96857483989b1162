"""Planting faults in a loaded platform, and looking at it as its checks do."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence

import polars as pl

from image_assets.asset_checks.check import Check, Outcome, Subject
from image_assets.resources.extractors import ExtractorResource
from image_assets.schema import Partition, TableSchema
from tests.platform import FIRST, Platform

Plant = Callable[[Platform], None]
Edit = Callable[[pl.DataFrame], pl.DataFrame]
PLANT = Partition(FIRST, "plant")
"""The partition that faults are planted in: 16 images, hence shards of 7, 7 and 2 rows."""


def outcome(platform: Platform, check: Check, partition: Partition | None = None) -> Outcome:
    """What a check finds: in a partition, or over the dataset."""
    return check.evaluate(Subject(platform.dataset, platform.store, ExtractorResource(), partition))


def failing(platform: Platform, checks: Sequence[Check], partition: Partition | None = None) -> set[str]:
    """Names of the checks that fail. All are evaluated and none may raise; those that fail say what to do."""
    found = {check.name: outcome(platform, check, partition) for check in checks}
    failed = {name: one for name, one in found.items() if not one.passed}
    for name, one in failed.items():
        assert one.advice, name
        assert one.figures, name
    return set(failed)


def change(schema: TableSchema, edit: Edit, partition: Partition | None = PLANT) -> Plant:
    """The fault of a partition (None: a table) whose rows somebody edited."""

    def plant(platform: Platform) -> None:
        platform.replace_rows(schema, partition, edit(platform.rows(schema, partition)))

    return plant


def in_first_row(column: str, value: pl.Expr) -> Edit:
    """The edit that puts a value into one row only."""
    first = pl.int_range(pl.len()) == 0
    return lambda rows: rows.with_columns(pl.when(first).then(value).otherwise(pl.col(column)).alias(column))


def first_row_again(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([rows, rows.head(1)])


def with_unknown_image(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([rows, rows.head(1).with_columns(image_id=pl.lit(some_id("unknown")))])


def some_id(of: str) -> str:
    return hashlib.sha256(of.encode()).hexdigest()


def partitions(platform: Platform, *days: dt.date) -> list[Partition]:
    return [Partition(day, category) for day in days for category in platform.dataset.categories]
