"""The Delta io manager: assets hand over rows or finished files, and get tables back as lazy scans.

What belongs here: the way between Dagster's keys and the tables. How a table is kept is in `delta_tables.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import polars as pl

from image_assets.orchestration.partitions import partition_key
from image_assets.orchestration.retrying import retried
from image_assets.resources.store import StoreResource
from image_assets.schema import PARTITION_COLUMNS, TABLES, Column, Partition, TableSchema, partition_of
from image_assets.store.tables.delta_tables import CommitReport, PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile
from image_assets.store.tables.partition_files import PartitionFiles

CHECKPOINT_COMMITS = "commits between checkpoints"
"""Metadata of an asset of a table: what its dataset file says. The io manager is one for all datasets."""
_SCHEMAS = {schema.name: schema for schema in TABLES}


@dataclass(frozen=True)
class EachPartition:
    """What a run of several partitions gives for an asset: for each of them, rows or files."""

    values: Mapping[Partition, pl.DataFrame | Sequence[WrittenFile]]


class DeltaIOManager(dg.ConfigurableIOManager):
    """Keeps the asset `[dataset, table]` as the Delta table `<store>/<dataset>/<table>`.

    An output is a `pl.DataFrame`, or the list of files that the asset has written into the table's folder; it
    replaces the asset's partition in one commit. Of a run of several partitions it is an `EachPartition` of these. An
    input is what its annotation asks for: `pl.LazyFrame` gives a scan of the partitions that it depends on (of the
    whole table, for an unpartitioned asset), `PartitionFiles` the files of the run's partitions.
    """

    store: dg.ResourceDependency[StoreResource]

    def handle_output(
        self, context: dg.OutputContext, obj: pl.DataFrame | Sequence[WrittenFile] | EachPartition
    ) -> None:
        """Replace the asset's partitions."""
        schema = _schema(context.asset_key)
        told: dict[str, Any] = {"dagster/column_schema": column_schema(schema)}
        with retried():
            commits = context.definition_metadata[CHECKPOINT_COMMITS]
            table = self.store.open().table(context.asset_key.path[0], schema, commits)
            told["dagster/uri"] = table.url
            if isinstance(obj, EachPartition):
                # What is told of the output, Dagster tells of each of them.
                for partition, value in obj.values.items():
                    report = _told(_replace(table, partition, value))
                    context.step_context.add_asset_metadata(report, context.asset_key, partition_key(partition))
            else:
                told |= _told(_replace(table, partition_of(context.partition_key) if schema.partitioned else None, obj))
        context.add_output_metadata(told)

    def load_input(self, context: dg.InputContext) -> Any:
        """Give the rows or files that the input depends on."""
        schema = _schema(context.asset_key)
        wanted = context.dagster_type.typing_type
        with retried():
            table = self.store.open().table(context.asset_key.path[0], schema)
            if wanted is PartitionFiles:
                keys = context.asset_partition_keys
                return PartitionFiles(
                    table, [file for key in keys for file in table.partition_files(partition_of(key))]
                )
            if wanted is pl.LazyFrame:
                return table.scan(_partitions(context, schema))
        raise dg.DagsterInvariantViolationError(
            f"{context.asset_key.to_user_string()} cannot be loaded as {wanted}; ask for pl.LazyFrame or PartitionFiles"
        )


def column_schema(schema: TableSchema) -> dg.TableSchema:
    """The table's columns for the UI."""
    columns = [*schema.columns, *(PARTITION_COLUMNS if schema.partitioned else ())]
    return dg.TableSchema(columns=[_column(column) for column in columns])


def _column(column: Column) -> dg.TableColumn:
    unit = f" ({column.unit})" if column.unit else ""
    return dg.TableColumn(
        column.name,
        str(column.type),
        description=column.meaning + unit,
        constraints=dg.TableColumnConstraints(nullable=column.nullable),
    )


def _replace(
    table: PartitionedTable, partition: Partition | None, rows: pl.DataFrame | Sequence[WrittenFile]
) -> CommitReport:
    return table.replace(partition, [table.write_frame(partition, rows)] if isinstance(rows, pl.DataFrame) else rows)


def _told(report: CommitReport) -> dict[str, Any]:
    return {"dagster/row_count": report.rows, "table version": report.version, "changed": report.changed}


def _schema(key: dg.AssetKey) -> TableSchema:
    return _SCHEMAS[key.path[-1]]


def _partitions(context: dg.InputContext, schema: TableSchema) -> list[Partition] | None:
    # An unpartitioned asset depends on all partitions: naming each of them would only slow the scan down.
    if not schema.partitioned or not context.has_partition_key:
        return None
    return [partition_of(key) for key in context.asset_partition_keys]
