"""By which version a table was written: a number among its properties, held against the one of its declaration.

A table from before there were numbers is of version 1 if it has all of today's columns, and else of version 0.
"""

from __future__ import annotations

from deltalake import DeltaTable

from image_assets.errors import Explained
from image_assets.schema import TableSchema

PROPERTY = "image_assets.table_version"
"""Of a Delta table: the `version` of its declaration when it was made or migrated."""
CHECKPOINTS = "delta.checkpointInterval"
"""Of a Delta table: what the library goes by after every commit, whoever makes it."""
_BEFORE_NUMBERS = 0
_FIRST = 1


class OtherVersion(Explained, RuntimeError):
    """A table is not of the version that this version of the platform reads and writes; the message says what to do."""


class OldTable(OtherVersion):
    """A table was written by an earlier version and has to be migrated."""


class NewerTable(OtherVersion):
    """A table was written by a later version: what its columns mean is not known here."""


def number_of(table: DeltaTable) -> int | None:
    """The number that a table was given; none where it was written before there were numbers."""
    number = table.metadata().configuration.get(PROPERTY)
    return None if number is None else int(number)


def version_of(table: DeltaTable, schema: TableSchema) -> int:
    """The version that a table is of."""
    number = number_of(table)
    if number is not None:
        return number
    return _BEFORE_NUMBERS if missing_columns(table, schema) else _FIRST


def columns_of(table: DeltaTable) -> list[str]:
    """The columns of a table, those that it is partitioned by last."""
    return [field.name for field in table.schema().fields]


def missing_columns(table: DeltaTable, schema: TableSchema) -> list[str]:
    """Today's columns that a table does not have."""
    there = columns_of(table)
    return [name for name in schema.arrow.names if name not in there]


def is_old(table: DeltaTable, schema: TableSchema) -> bool:
    """Whether a table has to be migrated before it is read."""
    return version_of(table, schema) < schema.version or bool(missing_columns(table, schema))


def file_mark(schema: TableSchema) -> str:
    """How the names of a table's files begin: what was finished for an earlier version is not found again for this."""
    return "" if schema.version == _FIRST else f"v{schema.version}-"


def configuration_of(schema: TableSchema, checkpoint_commits: int) -> dict[str, str | None]:
    """The properties that a new table is given."""
    return {PROPERTY: str(schema.version), CHECKPOINTS: str(checkpoint_commits)}


def give_checkpoints(table: DeltaTable, commits: int) -> None:
    """Have so many commits from one checkpoint to the next, said in a commit of its own unless it was said before.

    Raises:
        CommitFailedError: another commit came first.
    """
    if table.metadata().configuration.get(CHECKPOINTS) != str(commits):
        table.alter.set_table_properties({CHECKPOINTS: str(commits)}, raise_if_not_exists=False)
        table.update_incremental()


def give_number(table: DeltaTable, schema: TableSchema) -> None:
    """Note that a table is of the version of its declaration, in a commit of its own."""
    table.alter.set_table_properties({PROPERTY: str(schema.version)}, raise_if_not_exists=False)


def refuse_newer(table: DeltaTable, schema: TableSchema, url: str) -> None:
    """Raise `NewerTable` where a table is of a later version than this code knows."""
    version = version_of(table, schema)
    if version > schema.version:
        raise NewerTable(
            f"the table at {url} was written by a later version of the platform, as version {version}; known here is "
            f"{schema.version}: use that version of the platform"
        )


def old_table(table: DeltaTable, schema: TableSchema, url: str) -> OldTable:
    """The error of a table of an earlier version."""
    missing = missing_columns(table, schema)
    lacks = f" and has no column {', '.join(missing)}" if missing else ""
    store = url.rsplit("/", 2)[0]
    anew = ", or run a day, and it is made anew" if schema.made_anew else ""
    return OldTable(
        f"the table at {url} was made by an earlier version{lacks}; give `image-assets migrate --store {store}`{anew}"
    )
