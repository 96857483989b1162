"""Numbers of each day and category of a table that its log does not know: what was counted of a file is kept.

A day that is over is counted once, whoever asks however often, as long as its files lie there as they did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

import polars as pl

from image_assets.store.objects import Lying
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile

_PLACE = ("date", "category")
_PATH = "path of the file"


@dataclass(frozen=True)
class Count:
    """What is counted.

    Attributes:
        number: Of the rows, such as `pl.len()`; it gives whole numbers.
        by: A column of text, for each of whose values the number is wanted; None: of all rows together.
    """

    number: pl.Expr
    by: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that are counted by."""
        return (self.by,) if self.by else ()


class _Counted(NamedTuple):
    """Of a day and category, the files with their versions, and what was counted of them."""

    files: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str | int, ...], ...]


_KNOWN: dict[tuple[str, str | None, str], dict[tuple[object, object], _Counted]] = {}
_LOCK = Lock()


def known_counts(
    table: PartitionedTable, count: Count, files: pl.DataFrame, there: Mapping[str, Lying] | None = None
) -> pl.DataFrame:
    """Count the rows of every day and category.

    Args:
        table: Whose rows; it has partitions.
        count: What is wanted of them.
        files: Of the table, as a snapshot has them; only these are counted.
        there: What lies below the table; None: nothing that was counted before holds.

    Returns:
        Columns date, category, what is counted by, rows; sorted.

    Raises:
        DamagedFile: a file that was not counted before is missing or cut.
    """
    lying, key = there or {}, (table.url, count.by, str(count.number))
    with _LOCK:
        before = _KNOWN.get(key, {})
    found, new = dict[tuple[object, object], _Counted](), list[pl.DataFrame]()
    for place, of_place in files.sort("path").group_by(*_PLACE, maintain_order=True):
        versions = tuple((path, lying[path].version if path in lying else "") for path in of_place["path"])
        kept = before.get((place[0], place[1]))
        if there is not None and kept is not None and kept.files == versions:
            found[place[0], place[1]] = kept
        else:
            found[place[0], place[1]] = _Counted(versions, ())
            new.append(of_place)
    for place, rows in _counted(table, count, new):
        found[place] = found[place]._replace(rows=rows)
    if there is not None:
        with _LOCK:
            _KNOWN[key] = found
    told = [(*place, *row) for place, one in found.items() for row in one.rows]
    schema = {"date": pl.Date, "category": pl.String, **dict.fromkeys(count.columns, pl.String), "rows": pl.Int64}
    return pl.DataFrame(told, schema, orient="row").sort(*_PLACE, *count.columns)


def _counted(
    table: PartitionedTable, count: Count, of_places: list[pl.DataFrame]
) -> Iterable[tuple[tuple[object, object], tuple[tuple[str | int, ...], ...]]]:
    """Days and categories, each with its rows."""
    if not of_places:
        return
    files = pl.concat(of_places)
    table.files.see_whole([WrittenFile(*row) for row in files.select("path", "rows", "bytes").iter_rows()])
    where = files.select((pl.lit(f"{table.url}/") + pl.col("path")).alias(_PATH), *_PLACE)
    # One scan of all: a scan of each day and category apart would take many times as long to begin.
    rows = table.files.scan(files["path"].to_list(), _PATH).join(where.lazy(), on=_PATH)
    numbers = rows.group_by(*_PLACE, *count.columns).agg(rows=count.number.cast(pl.Int64)).collect()
    for place, of_place in numbers.group_by(*_PLACE):
        yield (place[0], place[1]), tuple(of_place.select(*count.columns, "rows").iter_rows())
