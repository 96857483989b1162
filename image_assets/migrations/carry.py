"""The rows of a table are carried over to today's version: file by file, and in one commit once all are there.

A command that is stopped in between has changed nothing that anybody reads. Given again it finds the files that it had
finished by their names, and goes on with the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from image_assets.migrations.plan import TablePlan
from image_assets.migrations.steps import CannotDerive, RowsLost, Where
from image_assets.schema import Partition
from image_assets.store.store import Store
from image_assets.store.tables.older import OlderTable
from image_assets.store.tables.parquet_files import WrittenFile
from image_assets.workers import Progress, no_progress


@dataclass(frozen=True)
class Carried:
    """What became of a table.

    Attributes:
        rows: That it has now.
        partitions: Made anew by this command.
        found: That an earlier command had made already.
    """

    rows: int
    partitions: int = 0
    found: int = 0


def carry(plan: TablePlan, store: Store, progress: Progress = no_progress) -> Carried:
    """Do what a plan says: make the table one of today's version.

    Args:
        plan: Of a table that is due.
        store: Where it is.
        progress: Called with the partitions that are done, and how many there are.

    Raises:
        RowsLost: the rows are not as many as they were, or a step has no rows for them.
        CannotDerive: a column cannot be made of some rows.
        CommitConflict: somebody changed the table meanwhile.
        DamagedFile: a file of it is not as it was written.
    """
    table = OlderTable(store.table(plan.dataset, plan.schema))
    if plan.state == "without number":
        table.number()
        return Carried(plan.rows)
    before, after, new, found = table.by_partition(), {}, 0, 0
    try:
        for done, (partition, files) in enumerate(before.items()):
            progress(done, len(before))
            there = [table.finished(partition, file) for file in files]
            where = Where(store, plan.dataset, partition)
            after[partition] = [
                finished or _carried(table, file, plan, where) for file, finished in zip(files, there, strict=True)
            ]
            whole = all(there)
            new, found = new + (not whole), found + whole
            _compare(plan, partition, files, after[partition])
    except (CannotDerive, RowsLost):
        table.forget()  # whatever made it is in doubt, and is not to be found again by its name
        raise
    table.replace(after)
    progress(len(before), len(before))
    now = OlderTable(store.table(plan.dataset, plan.schema)).by_partition()
    return Carried(sum(file.rows for files in now.values() for file in files), new, found)


def _carried(table: OlderTable, file: WrittenFile, plan: TablePlan, where: Where) -> WrittenFile:
    batches = (_batch(batch, plan, where) for batch in table.rows(file))
    return table.table.write_file(where.partition, table.new_name(file), batches)


def _batch(batch: pa.RecordBatch, plan: TablePlan, where: Where) -> pa.RecordBatch:
    """Rows of before as rows of today."""
    rows = pl.DataFrame(pl.from_arrow(batch))
    for step in plan.steps:
        rows = _as_many(step.change(rows, where), batch.num_rows, plan, where, f"version {step.after}")
    for derivation in plan.derivations:
        wanted = [name for name in derivation.columns if name in plan.comes and name not in rows.columns]
        made = derivation.make(rows.select(derivation.of), where).select(wanted)
        rows = rows.hstack(_as_many(made, batch.num_rows, plan, where, ", ".join(wanted)))
    rows = rows.with_columns(pl.lit(None).alias(name) for name in plan.nulls)
    return _as_declared(rows, plan, where)


def _as_declared(rows: pl.DataFrame, plan: TablePlan, where: Where) -> pa.RecordBatch:
    schema = plan.schema.file_schema
    empty = [field.name for field in schema if not field.nullable and rows[field.name].has_nulls()]
    if empty:
        raise CannotDerive(f"{_named(plan, where.partition)}: {', '.join(empty)} may not be null, and is in some rows")
    table = rows.to_arrow().select(schema.names).cast(schema).combine_chunks()
    return pa.RecordBatch.from_arrays([column.combine_chunks() for column in table.columns], schema=schema)


def _as_many(rows: pl.DataFrame, number: int, plan: TablePlan, where: Where, made: str) -> pl.DataFrame:
    if rows.height != number:
        raise RowsLost(
            f"{_named(plan, where.partition)}: of {number:,} rows {rows.height:,} were left by what makes {made}; the "
            "table stays as it was"
        )
    return rows


def _compare(plan: TablePlan, partition: Partition | None, before: list[WrittenFile], after: list[WrittenFile]) -> None:
    had, has = (sum(file.rows for file in files) for files in (before, after))
    if had != has:
        raise RowsLost(f"{_named(plan, partition)}: {had:,} rows became {has:,}; the table stays as it was")


def _named(plan: TablePlan, partition: Partition | None) -> str:
    return f"{plan.name} {partition}" if partition else plan.name
