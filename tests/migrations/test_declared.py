"""What a table's columns were in every version is written down, and leads to what they are today."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from image_assets.migrations.declared import DECLARED
from image_assets.migrations.plan import plan_table
from image_assets.schema import TABLES, Column, TableSchema
from image_assets.store.store import Store
from image_assets.store.tables import delta_log
from image_assets.store.tables.versions import give_number

COLUMNS: dict[str, dict[str, list[str]]] = json.loads(Path(__file__).with_name("columns.json").read_text())
"""Table → version → its columns; version 0 is what was written before there were numbers, where that differs."""
EARLIER = [
    (schema, int(version))
    for schema in TABLES
    for version in COLUMNS.get(schema.name, {})
    if int(version) < schema.version
]


@pytest.mark.parametrize("schema", TABLES, ids=lambda schema: schema.name)
def test_columns_that_change_make_a_new_version(schema: TableSchema) -> None:
    known = COLUMNS.get(schema.name, {}).get(str(schema.version))
    assert known == schema.file_schema.names, (
        f"the columns of {schema.name} are not those that are written down for version {schema.version}: raise its "
        "`version`, say in image_assets/migrations/declared.py what becomes of its rows, and add the new version to "
        "columns.json"
    )


@pytest.mark.parametrize(("schema", "version"), EARLIER, ids=lambda value: getattr(value, "name", value))
def test_every_earlier_version_can_be_migrated(schema: TableSchema, version: int, tmp_path: Path) -> None:
    types = {column.name: column for column in schema.columns}
    names = COLUMNS[schema.name][str(version)]
    columns = tuple(types.get(name, Column(name, pa.string(), "")) for name in names)
    before = replace(schema, columns=columns, version=max(version, 1))
    table = Store(str(tmp_path)).table("drawn", before)
    table.replace(None, [table.write_frame(None, pl.DataFrame(pl.from_arrow(before.file_schema.empty_table())))])
    if version:
        give_number(DeltaTable(table.url), before)
    delta_log._idle.clear()
    (plan,) = plan_table(Store(str(tmp_path)), "drawn", schema, DECLARED)
    assert (plan.state, plan.reason) == ("older", "")


def test_no_step_is_declared_for_a_version_that_is_not_there() -> None:
    versions = {schema.name: schema.version for schema in TABLES}
    for step in DECLARED.steps:
        assert 2 <= step.after <= versions[step.table]
    assert set(DECLARED.derivations) <= set(versions)
