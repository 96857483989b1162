"""Which images are there to look at: all of them, or those in a queue of what is in doubt; of a day or a category."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from image_assets.answers.conditions import Condition, fulfilling
from image_assets.answers.known_names import refuse_unknown_category
from image_assets.answers.map.points import points_of
from image_assets.answers.map.selection import MapSelection
from image_assets.dataset import DatasetSpec
from image_assets.lookalikes.label_conflicts import OPEN
from image_assets.marks.decisions import standing
from image_assets.marks.record import located
from image_assets.schema import (
    DUPLICATE_GROUPS,
    LABEL_CONFLICTS,
    LABEL_SUSPECTS,
    PREDICTIONS,
    RAW_IMAGES,
    REVIEWS,
    Partition,
    TableSchema,
)
from image_assets.store.store import Store
from image_assets.store.tables.counts import rows_per_partition

ALL, MARKED = "all", "marked"
QUEUES: Mapping[str, str] = {
    ALL: "Everything",
    "conflicts": "Conflicts",
    "suspects": "Suspects",
    "misclassified": "Taken for another",
    "uncertain": "Uncertain",
    "unknown": "Unknown",
    "lookalikes": "Lookalikes",
    MARKED: "Marked",
}
"""Name → what it is called. What somebody said something of leaves all queues but the first and the last."""
_PLACE = ["image_id", "date", "category"]
_LISTED = pl.Schema({"image_id": pl.String, "date": pl.Date, "category": pl.String, "note": pl.String})


@dataclass(frozen=True)
class Query:
    """Which images.

    Attributes:
        queue: One of `QUEUES`.
        day: Only those of a day; None: of all.
        category: Only those that arrived under it; None: of all.
        on_map: Only those that it means of the map; None: also what is not on the map.
        where: Only those that fulfil all of these.
    """

    queue: str = ALL
    day: dt.date | None = None
    category: str | None = None
    on_map: MapSelection | None = None
    where: tuple[Condition, ...] = ()

    def matches(self, partition: Partition) -> bool:
        """Whether images of a partition may be among them."""
        return self.day in (None, partition.date) and self.category in (None, partition.category)


@dataclass(frozen=True)
class Listed:
    """Some of the images of a query.

    Attributes:
        total: How many it has.
        rows: image_id, date, category, and note: why it is in the queue, for a person; empty where all are.
    """

    total: int
    rows: pl.DataFrame


def images_of(dataset: DatasetSpec, store: Store, query: Query, start: int = 0, most: int | None = None) -> Listed:
    """The images of a query in their order, from one of them on.

    Of everything, the newest come first, in the order of the table, and only the partitions are read that are asked
    for; of a queue, the most doubtful.

    Args:
        dataset: Whose images.
        store: Where they are.
        query: Which.
        start: So many are left out.
        most: So many at most; None: all.

    Raises:
        UnknownName: a category, or what is asked of the map, that there is not.
    """
    refuse_unknown_category(dataset, store, query.category)
    if query.queue == ALL and query.on_map is not None and not query.where:
        return _all_on_map(dataset, store, query, start, most)
    chosen = list(_chosen(dataset, store, query))
    if query.queue == ALL and not chosen:
        return _everything(dataset, store, query, start, most)
    rows, *others = chosen if query.queue == ALL else [_FOUND[query.queue](dataset, store), *chosen]
    for one in others:
        rows = rows.join(one, on="image_id", how="semi", maintain_order="left")
    if query.day is not None:
        rows = rows.filter(pl.col("date") == query.day)
    if query.category is not None:
        rows = rows.filter(pl.col("category") == query.category)
    if query.queue not in (ALL, MARKED):
        said = standing(store.table(dataset.name, REVIEWS).scan().collect()).select("image_id", "category")
        rows = rows.join(said.lazy(), on=["image_id", "category"], how="anti", maintain_order="left")
    found = rows.select(_LISTED.keys()).cast(_LISTED).collect()
    return Listed(found.height, found.slice(start, most))


def _everything(dataset: DatasetSpec, store: Store, query: Query, start: int, most: int | None) -> Listed:
    counts = rows_per_partition(store, dataset.name, RAW_IMAGES).sort(
        "date", "category", descending=[True, False], maintain_order=True
    )
    sizes = {Partition(*key): rows for *key, rows in counts.iter_rows() if query.matches(Partition(*key))}
    table, wanted, passed = store.table(dataset.name, RAW_IMAGES), [], 0
    end = sum(sizes.values()) if most is None else start + most
    for partition, size in sizes.items():
        if passed < end and passed + size > start:
            rows = table.scan([partition]).select(_PLACE)
            wanted.append(rows.slice(max(start - passed, 0), min(end - passed, size) - max(start - passed, 0)))
        passed += size
    found = [rows.with_columns(note=pl.lit("")).collect() for rows in wanted]
    return Listed(passed, pl.concat([pl.DataFrame(schema=_LISTED), *found]))


def _chosen(dataset: DatasetSpec, store: Store, query: Query) -> Iterator[pl.LazyFrame]:
    """What a query names besides its queue; what comes first, the newest first."""
    if query.where:
        yield fulfilling(dataset, store, query.where).with_columns(note=pl.lit(""))
    if query.on_map is not None:
        yield _mapped(dataset, store, query.on_map)


def _all_on_map(dataset: DatasetSpec, store: Store, query: Query, start: int, most: int | None) -> Listed:
    points, selection = points_of(dataset, store), query.on_map or MapSelection()
    chosen = selection.mask(points)
    for name, value in (("day", query.day), ("category", query.category)):
        if value is not None:
            chosen &= points.columns[name].among({str(value)})
    found = np.flatnonzero(chosen)
    day, category = points.columns["day"], points.columns["category"]
    ranks = np.argsort(np.argsort(category.values))  # by name, as the table has them
    newest = len(day.values) - day.numbers[found].astype(np.int64)
    order = np.argsort(newest * len(ranks) + ranks[category.numbers[found]], kind="stable")
    shown = found[order][start : None if most is None else start + most]
    return Listed(len(found), points.rows[shown].with_columns(note=pl.lit("")))


def _mapped(dataset: DatasetSpec, store: Store, selection: MapSelection) -> pl.LazyFrame:
    """What is meant of the map."""
    points = points_of(dataset, store)
    return points.rows.filter(pl.Series(selection.mask(points))).with_columns(note=pl.lit("")).lazy()


def _scan(dataset: DatasetSpec, store: Store, schema: TableSchema) -> pl.LazyFrame:
    return store.table(dataset.name, schema).scan()


def _conflicting(dataset: DatasetSpec, store: Store) -> pl.LazyFrame:
    files = _scan(dataset, store, LABEL_CONFLICTS).filter(state=OPEN)
    others = files.group_by("conflict_id").agg(under=pl.col("category").unique().sort())
    shown = files.filter("loaded").join(others, on="conflict_id")
    note = pl.lit("under ") + pl.col("under").list.join(", ")
    return shown.sort("conflict_id", "date", "category").with_columns(note=note)


def _suspect(dataset: DatasetSpec, store: Store) -> pl.LazyFrame:
    found = _scan(dataset, store, LABEL_SUSPECTS).sort("kind", "score", "image_id", descending=[False, True, False])
    said = pl.lit("probably ") + pl.col("suggested_category") + ", " + _percent("probability")
    return found.with_columns(note=pl.coalesce(said, pl.lit("unlike its category")))


def _misclassified(dataset: DatasetSpec, store: Store) -> pl.LazyFrame:
    wrong = _scan(dataset, store, PREDICTIONS).filter(pl.col("predicted_category") != pl.col("category"))
    return wrong.sort("probability", "image_id", descending=[True, False]).with_columns(note=_taken_for())


def _uncertain(dataset: DatasetSpec, store: Store) -> pl.LazyFrame:
    return _scan(dataset, store, PREDICTIONS).sort("margin", "image_id").with_columns(note=_taken_for())


def _unknown(dataset: DatasetSpec, store: Store) -> pl.LazyFrame:
    unknown = _scan(dataset, store, PREDICTIONS).filter("unknown")
    return unknown.sort("familiarity", "image_id", nulls_last=True).with_columns(note=_taken_for())


def _alike(dataset: DatasetSpec, store: Store) -> pl.LazyFrame:
    groups = _scan(dataset, store, DUPLICATE_GROUPS)
    number = pl.len().over("group_id").cast(pl.String)
    return groups.with_columns(note=number + " alike").sort("group_id", "date", "image_id")


def _marked(dataset: DatasetSpec, store: Store) -> pl.LazyFrame:
    marks = standing(_scan(dataset, store, REVIEWS).collect())
    there = located(dataset, store, marks["image_id"])
    of_these = marks.join(there, on=["image_id", "category"], how="semi", maintain_order="left")
    said = of_these.group_by("image_id").agg(pl.all().last())
    when = pl.col("decided_at").dt.strftime("%Y-%m-%d")
    named = said.select("image_id", "decided_at", note=pl.lit("by ") + pl.col("reviewer") + ", " + when)
    return there.join(named, on="image_id").sort("decided_at", "image_id", descending=[True, False]).lazy()


def _taken_for() -> pl.Expr:
    return pl.lit("taken for ") + pl.col("predicted_category") + ", " + _percent("probability")


def _percent(name: str) -> pl.Expr:
    return (pl.col(name) * 100).round(0).cast(pl.Int64).cast(pl.String) + " %"


_FOUND: Mapping[str, Callable[[DatasetSpec, Store], pl.LazyFrame]] = {
    "conflicts": _conflicting,
    "suspects": _suspect,
    "misclassified": _misclassified,
    "uncertain": _uncertain,
    "unknown": _unknown,
    "lookalikes": _alike,
    MARKED: _marked,
}
