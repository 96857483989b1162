"""What a Delta table consists of: its log, read as little of as possible.

Opening a table reads its last checkpoint and the commits since then, which takes the longer the more files it has. A
process therefore keeps tables open and only reads the commits that it has not seen.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import obstore
import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from image_assets.schema import Partition
from image_assets.store.tables.parquet_files import WrittenFile

_KEPT_OPEN = 32
_FILES = pl.Schema({"path": pl.String, "rows": pl.Int64, "bytes": pl.Int64, "date": pl.Date, "category": pl.String})


@dataclass(frozen=True)
class Snapshot:
    """A table at one version. Later commits do not change it.

    Attributes:
        version: The table's version; -1 where there is no table yet.
        files: Its files, one row each: path below the table, rows, bytes, date, category (the latter two are null in
            a table without partitions), in the order of their paths.
    """

    version: int = -1
    files: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_FILES))
    _parts: dict[Partition, Snapshot] = field(default_factory=dict, init=False, repr=False, compare=False)

    def of(self, partition: Partition) -> Snapshot:
        """Only the files of a partition."""
        # The checks of a partition ask one after the other.
        if partition not in self._parts:
            self._parts[partition] = Snapshot(self.version, self.files.filter(_is(partition)))
        return self._parts[partition]

    def besides(self, partition: Partition) -> Snapshot:
        """Only the files of other partitions."""
        return Snapshot(self.version, self.files.filter(~_is(partition)))

    def written_files(self) -> list[WrittenFile]:
        """The files, in the order of their paths."""
        return list(self._written)

    @cached_property
    def _written(self) -> list[WrittenFile]:
        return [WrittenFile(*row) for row in self.files.select("path", "rows", "bytes").iter_rows()]

    def partitions(self) -> list[Partition]:
        """The partitions that have files, sorted."""
        return sorted(Partition(*row) for row in self.files.select("date", "category").unique().iter_rows())


def _is(partition: Partition) -> pl.Expr:
    return (pl.col("date") == partition.date) & (pl.col("category") == partition.category)


class OpenTable:
    """A table that is open. Whoever has borrowed it has it alone: it stays at its version until `update`."""

    def __init__(self, delta: DeltaTable) -> None:
        self.delta = delta
        self._snapshot: Snapshot | None = None

    def update(self) -> None:
        """Read the commits that came since."""
        self.delta.update_incremental()

    def next_transaction(self, name: str) -> int:
        """The number that the next transaction of that name takes; of two that take the same, one fails."""
        return (self.delta.transaction_version(name) or 0) + 1

    def snapshot(self) -> Snapshot:
        """The files of the version that it is at."""
        version = self.delta.version()
        if self._snapshot is None or self._snapshot.version != version:
            self._snapshot = Snapshot(version, _files(self.delta))
        return self._snapshot


def _files(delta: DeltaTable) -> pl.DataFrame:
    actions = pl.DataFrame(delta.get_add_actions(flatten=True))
    names = {"rows": "num_records", "bytes": "size_bytes", "date": "partition.date", "category": "partition.category"}
    columns = [
        pl.col(old).alias(new) if old in actions.columns else pl.lit(None).alias(new) for new, old in names.items()
    ]
    return actions.select("path", *columns).cast(_FILES).sort("path")


@dataclass(frozen=True)
class _Idle:
    """An open table that nobody uses, and what its last commit looked like on the store."""

    table: OpenTable
    commit: Mapping[str, object]


_idle: OrderedDict[str, _Idle] = OrderedDict()
_lock = threading.Lock()


@contextmanager
def borrowed(url: str, objects: ObjectStore, open_table: Callable[[], DeltaTable]) -> Iterator[OpenTable]:
    """Have a table open at its newest version, alone, for the time of a `with`.

    Args:
        url: Where the table lies.
        objects: The object store rooted there.
        open_table: Opens it where it is not open yet.

    Raises:
        Exception: what `open_table` raises.
    """
    with _lock:
        idle = _idle.pop(url, None)
    kept = _up_to_date(idle, objects) if idle else None
    table = kept.table if kept else OpenTable(open_table())
    before = table.delta.version()
    yield table
    # After an error it is not kept. What was only read is where it was looked at.
    commit = kept.commit if kept and table.delta.version() == before else _last_commit(table, objects)
    if commit is not None:
        with _lock:
            _idle[url] = _Idle(table, commit)
            while len(_idle) > _KEPT_OPEN:
                _idle.popitem(last=False)


def _up_to_date(idle: _Idle, objects: ObjectStore) -> _Idle | None:
    # A table that was removed and made anew has other commits under the same numbers, or fewer of them.
    if _last_commit(idle.table, objects) != idle.commit:
        return None
    try:
        # To look for the next commit costs a fraction of listing the log, as the library does.
        if _commit(idle.table.delta.version() + 1, objects) is None:
            return idle
        idle.table.update()
    except (DeltaError, BaseError):
        return None
    commit = _last_commit(idle.table, objects)
    return None if commit is None else _Idle(idle.table, commit)


def _last_commit(table: OpenTable, objects: ObjectStore) -> Mapping[str, object] | None:
    try:
        return _commit(table.delta.version(), objects)
    except BaseError:
        # Then it is opened anew, and whatever is wrong with the store comes to light there.
        return None


def is_empty_commit(version: int, objects: ObjectStore) -> bool:
    """Whether the commit of a version has no content, which none that was written whole has not."""
    commit = _commit(version, objects)
    return commit is not None and not commit["size"]


def _commit(version: int, objects: ObjectStore) -> Mapping[str, object] | None:
    """What the commit of a version looks like on the store; None where there is none."""
    try:
        meta = obstore.head(objects, f"_delta_log/{version:020}.json")
    except FileNotFoundError:
        return None
    return {name: meta[name] for name in ("size", "last_modified", "e_tag")}
