"""Rows of quarantine that are let go of after a while: what the accounts need of them is kept first.

The counts are committed before the rows leave their table, and a count holds only while the file that it was made of is
no part of that table: whatever kills this between the two, nothing is counted twice or not at all. When a day is loaded
again, its files are looked at again, and what was counted of it before goes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from image_assets.schema import LET_GO, QUARANTINE, Partition
from image_assets.store.store import Store
from image_assets.store.tables.delta_log import Snapshot
from image_assets.store.tables.delta_tables import CommitConflict
from image_assets.store.tables.parquet_files import WrittenFile

_SUM = 1 << 64
_COLUMNS = ["date", "category", "reason", "files", "names", "let_go_on"]


@dataclass(frozen=True)
class LetGo:
    """What was let go of a day and category.

    Attributes:
        files: How many files of the source.
        names: What tells these from others of as many, see `names_of`.
        on: The last day on which any were; None where none were.
        reasons: Files by reason.
    """

    files: int
    names: str
    on: dt.date | None
    reasons: dict[str, int]

    def are(self, sources: Sequence[str]) -> bool:
        """Whether these are the sources of just what was let go of."""
        return len(sources) == self.files and names_of(sources) == self.names


class QuarantineKept:
    """The quarantine of a dataset, and what was let go of it.

    Args:
        store: Where they are.
        dataset: Its name.
        checkpoint_commits: As of `Store.table`, for who lets go.
    """

    def __init__(self, store: Store, dataset: str, checkpoint_commits: int | None = None) -> None:
        tables = (store.table(dataset, schema, checkpoint_commits) for schema in (QUARANTINE, LET_GO))
        self._rows, self._counts = tables

    def counts(self, partitions: Sequence[Partition] | None = None) -> pl.DataFrame:
        """What was let go of: columns date, category, reason, files, names, let_go_on.

        Args:
            partitions: Only of these; None: of all.
        """
        there = self._counts.snapshot()
        if there.files.is_empty():
            return _no_counts()
        some = [there] if partitions is None else [there.of(one) for one in partitions]
        counted = self._counts.scan_files(*some).collect()
        listed = self._rows.snapshot().files.select("date", "category", file="path")
        return counted.join(listed, on=["date", "category", "file"], how="anti").select(_COLUMNS).sort(_COLUMNS)

    def of(self, partition: Partition) -> LetGo:
        """What was let go of one partition."""
        counts = self.counts([partition])
        reasons = counts.group_by("reason").agg(pl.col("files").sum()).sort("reason")
        on = counts["let_go_on"].max()
        return LetGo(
            int(counts["files"].sum()),
            _added(counts["names"]),
            on if isinstance(on, dt.date) else None,
            dict(reasons.iter_rows()),
        )

    def files_of(self, partition: Partition) -> set[str]:
        """The files of `quarantine`, below that table, whose rows were let go of."""
        there = self._counts.snapshot().of(partition)
        if there.files.is_empty():
            return set()
        counted = {*self._counts.scan_files(there).select("file").collect()["file"]}
        return counted.difference(file.path for file in self._rows.partition_files(partition))

    def due(self, before: dt.date) -> dict[Partition, int]:
        """The partitions of days before one that have rows, and how many."""
        files = self._rows.snapshot().files.filter(pl.col("date") < before)
        rows = files.group_by("date", "category").agg(pl.col("rows").sum()).sort("date", "category")
        return {Partition(date, category): int(number) for date, category, number in rows.iter_rows()}

    def let_go(self, partition: Partition, today: dt.date) -> int:
        """Let go of the rows of a partition; how many these were. It can be repeated.

        Raises:
            CommitConflict: a run has loaded it meanwhile; nothing was let go of.
            DamagedFile: a file of it is not as it was written.
        """
        files = self._rows.partition_files(partition)
        if not files:
            return 0
        self._keep_counts(partition, files, today)
        counted = {file.path for file in files}

        def choose(there: Snapshot) -> Sequence[WrittenFile]:
            if set(there.of(partition).files["path"]) != counted:
                raise CommitConflict(f"quarantine, {partition}: a run has loaded it meanwhile; give the command again")
            return []

        try:
            self._rows.replace_exclusively(partition, choose)
        except CommitConflict:
            self.loaded(partition)
            raise
        return sum(file.rows for file in files)

    def loaded(self, partition: Partition) -> None:
        """Forget what was let go of a partition, of which all files have been looked at again."""
        if not self._counts.snapshot().of(partition).files.is_empty():
            self._counts.replace(partition, [])

    def _keep_counts(self, partition: Partition, files: Sequence[WrittenFile], today: dt.date) -> None:
        counts = [_counted(self._rows.files.frames(file.path, ["source", "reason"]), file, today) for file in files]
        known = [
            frame
            for file in self._counts.partition_files(partition)
            for frame in self._counts.files.frames(file.path, LET_GO.file_schema.names)
        ]
        # Of what a killed call counted, and did not let go of, there is one count as well.
        before = pl.concat([LET_GO.no_rows(), *known]).filter(~pl.col("file").is_in([file.path for file in files]))
        rows = pl.concat([before, *counts]).sort("file", "reason")
        self._counts.replace(partition, [self._counts.write_frame(partition, rows)])


def names_of(sources: Iterable[str]) -> str:
    """What is the same for the same sources in any order, and hardly ever for others; it can be added up."""
    digests = (hashlib.sha256(one.encode("utf-8", "surrogatepass")).digest() for one in sources)
    return _hex(sum(int.from_bytes(one[:8], "big") for one in digests))


def _counted(frames: Iterable[pl.DataFrame], file: WrittenFile, today: dt.date) -> pl.DataFrame:
    rows = pl.concat([QUARANTINE.no_rows().select("source", "reason"), *frames])
    told = [
        (file.path, reason, of_reason.height, names_of(of_reason["source"]), today)
        for (reason,), of_reason in rows.group_by("reason", maintain_order=True)
    ]
    return pl.DataFrame(told, schema=LET_GO.no_rows().schema, orient="row")


def _added(names: Iterable[str]) -> str:
    return _hex(sum(int(one, 16) for one in names))


def _hex(number: int) -> str:
    return f"{number % _SUM:016x}"


def _no_counts() -> pl.DataFrame:
    kinds = {**LET_GO.no_rows().schema, "date": pl.Date, "category": pl.String}
    return pl.DataFrame(schema={name: kinds[name] for name in _COLUMNS})
