"""What is to be done with the tables of a store, found out from their logs; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import obstore
from deltalake.exceptions import TableNotFoundError

from image_assets.migrations.steps import Derivation, Migrations, MigrationStep
from image_assets.schema import REVIEWS, TABLES, TableSchema
from image_assets.store.store import Store
from image_assets.store.tables.older import OlderTable
from image_assets.store.tables.versions import NewerTable

TableState = Literal["of today", "without number", "older", "cannot be migrated", "newer"]


@dataclass(frozen=True)
class TablePlan:
    """One table, and what is to be done with it.

    Attributes:
        dataset: Whose it is.
        schema: As it is declared today.
        state: `of today`: nothing; `without number`: only that is to be written; `older`: its rows are to be made anew.
        version: The version that it is of.
        partitions: How many it has; 1 where it has none and rows.
        rows: How many it has.
        comes: Columns that are new.
        goes: Columns that are no more.
        reason: Why it cannot be migrated, and what to do instead; empty where it can.
        steps: What is done with its rows, in this order,
        derivations: what is derived then,
        nulls: and which columns are null.
    """

    dataset: str
    schema: TableSchema
    state: TableState
    version: int
    partitions: int = 0
    rows: int = 0
    comes: tuple[str, ...] = ()
    goes: tuple[str, ...] = ()
    reason: str = ""
    steps: tuple[MigrationStep, ...] = ()
    derivations: tuple[Derivation, ...] = ()
    nulls: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Dataset and table."""
        return f"{self.dataset}/{self.schema.name}"

    @property
    def is_due(self) -> bool:
        """Whether something is to be written."""
        return self.state in ("without number", "older")

    @property
    def is_stuck(self) -> bool:
        """Whether it cannot be read by this version, and migrating does not help."""
        return bool(self.reason)


def datasets_of(store: Store) -> list[str]:
    """The datasets that have something in a store, by name."""
    return _folders(store)


def plan_store(store: Store, migrations: Migrations, datasets: Sequence[str] | None = None) -> list[TablePlan]:
    """What is to be done with every table that is there, in the order in which it is done.

    Args:
        store: Where they are.
        migrations: What is known of earlier versions.
        datasets: Whose; None for all of the store.

    Raises:
        DamagedLog: the log of one cannot be read.
    """
    # What is made of others comes after them.
    ordered = sorted(TABLES, key=lambda schema: schema.made_anew)
    found: list[TablePlan] = []
    for dataset in datasets_of(store) if datasets is None else datasets:
        there = _folders(store, dataset)
        found += [
            plan
            for schema in ordered
            if schema.name in there
            for plan in plan_table(store, dataset, schema, migrations)
        ]
    return found


def plan_table(store: Store, dataset: str, schema: TableSchema, migrations: Migrations) -> Iterator[TablePlan]:
    """What is to be done with one table; nothing where there is none. Raises as `plan_store`."""
    try:
        table = OlderTable(store.table(dataset, schema))
    except TableNotFoundError:
        return
    except NewerTable as error:
        yield TablePlan(dataset, schema, "newer", schema.version, reason=str(error))
        return
    files = table.by_partition()
    rows = sum(file.rows for those in files.values() for file in those)
    found = TablePlan(dataset, schema, "of today", table.version, len(files), rows)
    if not table.is_old:
        yield found if table.has_number else replace(found, state="without number")
    elif table.is_carried:
        yield replace(found, state="without number")
    else:
        yield _with_way(found, table, migrations)


def _with_way(plan: TablePlan, table: OlderTable, migrations: Migrations) -> TablePlan:
    """The plan of an older table, with what leads from its columns to today's, or why nothing does."""
    schema, columns = plan.schema, set(table.columns)
    steps = migrations.steps_of(schema.name, plan.version)
    reasons: list[str] = []
    for step in steps:
        if absent := sorted(set(step.takes) - columns):
            reasons.append(f"it has no column {', '.join(absent)}, of which version {step.after} is made")
        columns = (columns - set(step.takes)) | set(step.makes)
    wanted = schema.arrow.names
    if unknown := [name for name in table.columns if name in columns and name not in wanted]:
        reasons.append(f"nothing says what becomes of its column {', '.join(unknown)}")
    missing = [name for name in wanted if name not in columns]
    derivations = tuple(
        one
        for one in migrations.derivations.get(schema.name, ())
        if set(one.of) <= columns and set(one.columns) & set(missing)
    )
    derived = {name for one in derivations for name in one.columns}
    nullable = {column.name for column in schema.columns if column.nullable}
    nulls = tuple(name for name in missing if name not in derived and name in nullable)
    if lost := [name for name in missing if name not in derived and name not in nullable]:
        reasons.append(f"{', '.join(lost)} cannot be had from what the store holds")
    return replace(
        plan,
        state="cannot be migrated" if reasons else "older",
        comes=tuple(name for name in wanted if name not in table.columns),
        goes=tuple(name for name in table.columns if name not in wanted),
        reason=f"{'; '.join(reasons)}; {remedy(schema, table.table.url)}" if reasons else "",
        steps=tuple(steps),
        derivations=derivations,
        nulls=nulls,
    )


def remedy(schema: TableSchema, url: str) -> str:
    """What to do with a table that cannot be migrated."""
    if schema is REVIEWS:
        return "it holds what people decided, which no run makes again: read it with the version that wrote it"
    days = (
        "its days again: `image-assets run --day DAY` for each" if schema.partitioned else "a day: `image-assets run`"
    )
    return f"to have it made again, move the folder {url} away and run {days}"


def _folders(store: Store, *parts: str) -> list[str]:
    found = obstore.list_with_delimiter(store.objects(*parts))["common_prefixes"]
    return sorted(str(one).rstrip("/") for one in found)
