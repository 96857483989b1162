"""The accounts: what arrived on every day in every category, and what became of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from image_assets.ingest.day_book import DayBook
from image_assets.ingest.let_go import QuarantineKept
from image_assets.schema import (
    ACCOUNTING,
    ARRIVALS,
    COMPANIONS,
    DUPLICATES,
    NEAR_DUPLICATES,
    QUARANTINE,
    RAW_IMAGES,
    Partition,
    TableSchema,
)
from image_assets.store.listing import Listing
from image_assets.store.store import Store
from image_assets.store.tables.counts import rows_per_partition
from image_assets.store.tables.known_counts import Count, known_counts

_TABLES: dict[str, TableSchema] = {
    "loaded": RAW_IMAGES,
    "duplicates": DUPLICATES,
    "quarantined": QUARANTINE,
    "companions": COMPANIONS,
}
_UNPLACED = "unplaced"
_RARE = ("companions", _UNPLACED)
OUTCOMES = (*_TABLES, _UNPLACED)
"""What becomes of a file; it is one of these."""
NO_CATEGORY = "(no category)"
"""The category, which no dataset can have, of the rows of what arrived in none."""
_KEYS = ("date", "category")


@dataclass(frozen=True)
class Accounts:
    """The accounts of a dataset.

    Attributes:
        rows: Columns date, category, listed, the `OUTCOMES`, near_duplicates (of those loaded); in the order of days
            and categories, `NO_CATEGORY` among these.
        reasons: Columns date, category, reason, files: the quarantine by reason.
        let_go: Columns date, category, files, let_go_on: of how many of these the rows were let go of, and when last.
    """

    rows: pl.DataFrame
    reasons: pl.DataFrame
    let_go: pl.DataFrame = field(default_factory=lambda: _let_go_of(None))

    def shown(self) -> pl.DataFrame:
        """The rows as people see them: of the outcomes that few datasets have, those that there are."""
        without = [name for name in _RARE if not self.rows[name].sum()]
        return self.rows.drop(without)

    def unbalanced(self) -> pl.DataFrame:
        """The rows in which the outcomes are not as many as the files that were listed."""
        return unbalanced(self.rows)

    def table(self) -> pl.DataFrame:
        """The rows of the table `accounting`."""
        texts = (
            self.reasons.sort("reason")
            .group_by(*_KEYS)
            .agg(pl.format("{} {}", "reason", "files").str.join(", ").alias("reasons"))
        )
        joined = self.rows.join(texts, on=_KEYS, how="left", maintain_order="left")
        return joined.with_columns(pl.col("reasons").fill_null("")).select(ACCOUNTING.file_schema.names)

    def wide(self) -> pl.DataFrame:
        """The rows with a column more for every reason."""
        if self.reasons.is_empty():
            return self.rows
        names = self.reasons["reason"].unique().sort()
        columns = self.reasons.pivot("reason", index=_KEYS, values="files")
        joined = self.rows.join(columns, on=_KEYS, how="left", maintain_order="left")
        return joined.with_columns(pl.col(names.to_list()).fill_null(0)).select(*self.rows.columns, *names)


def accounts_of(store: Store, dataset: str, there: Listing | None = None) -> Accounts:
    """Count what the tables hold; without reading images, from the tables' logs and the reasons of the quarantine.

    Args:
        store: Where they are.
        dataset: Whose they are.
        there: What lies in its folder, where that is known already.
    """
    unplaced, let_go = _unplaced(store, dataset, there), _let_go_of(QuarantineKept(store, dataset).counts())
    counts = {name: rows_per_partition(store, dataset, schema) for name, schema in _TABLES.items()}
    counts = {"listed": pl.concat([rows_per_partition(store, dataset, ARRIVALS), unplaced]), **counts}
    counts["quarantined"] = _together(counts["quarantined"], let_go.select(*_KEYS, rows="files"), _KEYS)
    counts[_UNPLACED] = unplaced
    counts["near_duplicates"] = _near_duplicates(store, dataset, there)
    # A day and category that only an outcome knows is a fault, which must not be left out.
    rows = pl.concat([found.select(_KEYS) for found in counts.values()]).unique().sort(_KEYS)
    for name, found in counts.items():
        rows = rows.join(found.rename({"rows": name}), on=_KEYS, how="left", maintain_order="left")
    reasons = reasons_of(store, dataset, there=there).rename({"rows": "files"})
    return Accounts(rows.with_columns(pl.col(list(counts)).fill_null(0)), reasons, let_go)


def reasons_of(
    store: Store, dataset: str, partitions: Sequence[Partition] | None = None, there: Listing | None = None
) -> pl.DataFrame:
    """How many files were refused for which reason, let go of or not: columns date, category, reason, rows.

    Args:
        store: Where they are.
        dataset: Whose they are.
        partitions: Only of these; None: of all.
        there: What lies in the dataset's folder, where that is known already.
    """
    table = store.table(dataset, QUARANTINE)
    whole = table.snapshot()
    files = (
        whole.files
        if partitions is None
        else pl.concat([whole.of(one).files for one in partitions] or [whole.files.clear()])
    )
    rows = known_counts(table, Count(pl.len(), "reason"), files, there.below(QUARANTINE.name) if there else None)
    gone = QuarantineKept(store, dataset).counts(partitions)
    return _together(rows, gone.select(*_KEYS, "reason", rows="files"), (*_KEYS, "reason"))


def _together(one: pl.DataFrame, other: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Numbers of the same keys added, in their order."""
    if other.is_empty():
        return one
    return pl.concat([one, other.select(one.columns)]).group_by(keys).agg(pl.col("rows").sum()).sort(keys)


def _let_go_of(counts: pl.DataFrame | None) -> pl.DataFrame:
    """Columns date, category, files, let_go_on: sums of counts."""
    if counts is None or counts.is_empty():
        kinds = {"date": pl.Date, "category": pl.String, "files": pl.Int64, "let_go_on": pl.Date}
        return pl.DataFrame(schema=kinds)
    return counts.group_by(_KEYS).agg(pl.col("files").sum(), pl.col("let_go_on").max()).sort(_KEYS)


def in_no_category(store: Store, dataset: str, day: dt.date) -> int:
    """How many files of a day were in no category when it was last run: they are in the accounts, and not loaded."""
    return int(_unplaced(store, dataset, None).filter(pl.col("date") == day)["rows"].sum())


def _unplaced(store: Store, dataset: str, there: Listing | None) -> pl.DataFrame:
    """Columns date, category, rows: files that lay in no category when their day was run."""
    latest: dict[dt.date, tuple[str, int]] = {}
    for partition, run in DayBook(store, dataset, there).runs().items():
        if run.listed is not None:
            latest[partition.date] = max((run.at, run.unplaced_files), latest.get(partition.date, ("", 0)))
    rows = [(day, NO_CATEGORY, files) for day, (_, files) in sorted(latest.items()) if files]
    return pl.DataFrame(rows, schema={"date": pl.Date, "category": pl.String, "rows": pl.Int64}, orient="row")


def _near_duplicates(store: Store, dataset: str, there: Listing | None) -> pl.DataFrame:
    """Columns date, category, rows: images that look like one of the same day and category or of earlier ones."""
    table, images = store.table(dataset, NEAR_DUPLICATES), Count(pl.col("image_id").n_unique())
    return known_counts(table, images, table.snapshot().files, there.below(NEAR_DUPLICATES.name) if there else None)


def unbalanced(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows, with columns listed and `OUTCOMES`, in which the outcomes are not as many as the files listed."""
    return rows.with_columns(difference=pl.col("listed") - pl.sum_horizontal(list(OUTCOMES))).filter(
        pl.col("difference") != 0
    )
