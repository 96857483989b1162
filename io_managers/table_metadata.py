"""What the Dagster UI shows of a table: its columns with their meaning."""

import dagster as dg

from image_assets.schema import PARTITION_COLUMNS, Column, TableSchema


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
